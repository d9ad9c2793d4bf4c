"""The resolver of a container: from a name to addresses, as the C library finds them.

First /etc/hosts, then the name servers of /etc/resolv.conf: a name with fewer dots than `ndots` is tried with
each search domain before it is tried as it stands. Source: resolv.conf(5), getaddrinfo(3).
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from kubekit.kubelet import image_files
from kubekit.kubelet.pod_network import Entry, Reply
from kubekit.kubelet.runtime import Container

ASK_SECONDS = 10.0
"""How long a resolver tries name servers that do not answer: twice, five seconds each."""
NODATA = Reply("NOERROR", "")


class Config(NamedTuple):
    """/etc/resolv.conf."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1


class Resolved(NamedTuple):
    """The addresses of a name and what it is called in full; `seconds` were spent on asking."""

    addresses: tuple[str, ...]
    name: str
    seconds: float = 0.0


def config_of(container: Container, now: float) -> Config:
    """The container's resolv.conf, as it is now."""
    servers: list[str] = []
    search: list[str] = []
    ndots = 1
    for line in (image_files.read(container, "/etc/resolv.conf", now) or "").splitlines():
        word, *rest = line.split() or [""]
        if word == "nameserver" and rest:
            servers.append(rest[0])
        elif word in ("search", "domain"):
            search = rest
        elif word == "options":
            for option in rest:
                name, _, value = option.partition(":")
                if name == "ndots" and value.isdigit():
                    ndots = int(value)
    return Config(tuple(servers[:3]), tuple(search), ndots)


def candidates(name: str, config: Config) -> tuple[str, ...]:
    """The full names that are tried, in order.

    >>> candidates("web.shop", Config((), ("default.svc.cluster.local", "svc.cluster.local"), 5))
    ('web.shop.default.svc.cluster.local', 'web.shop.svc.cluster.local', 'web.shop')
    """
    if name.endswith("."):
        return (name[:-1],)
    longer = tuple(f"{name}.{domain}" for domain in config.search)
    return (*longer, name) if name.count(".") < config.ndots else (name, *longer)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def ask(container: Container, names: tuple[str, ...], kind: str, now: float, asked_for: str = "") -> Reply:
    """Ask the container's name servers; the code is "" when none answers."""
    network = container.pod.network
    reply = Reply("", names[-1])
    for server in config_of(container, now).servers if network is not None else ():
        assert network is not None
        reply = network.ask(container.pod, server, names, kind, asked_for or names[-1])
        if reply.code:
            return reply
    return reply


def resolve(container: Container, name: str, now: float) -> Resolved:
    """The IPv4 addresses of a name; none when it means nothing."""
    if is_address(name):
        return Resolved((name.strip("[]"),), name)
    for line in (image_files.read(container, "/etc/hosts", now) or "").splitlines():
        words = line.partition("#")[0].split()
        if name in words[1:] and ":" not in words[0]:
            return Resolved((words[0],), words[1])
    reply = ask(container, candidates(name, config_of(container, now)), "A", now, name)
    found = tuple(entry.value for entry in reply.entries if entry.kind == "A")
    return Resolved(found, _canonical(reply.entries, reply.name), 0.0 if reply.code else ASK_SECONDS)


def _canonical(entries: tuple[Entry, ...], name: str) -> str:
    return next((entry.name for entry in entries if entry.kind == "A"), name)
