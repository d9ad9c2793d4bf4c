"""Programs that ask for names: `nslookup`, `getent hosts`, `dig`, `host`.

busybox' nslookup tries the search domains for a name without dots only, and asks for each of them; before
1.29 it left the search to the C library. bind's dig does not search at all unless told.
Source: busybox 1.28 and 1.37 networking/nslookup.c; bind 9.18 bin/dig; getent(1).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet.image_programs import has_bind, is_old_busybox
from kubekit.kubelet.pod_network import Entry, Reply
from kubekit.kubelet.resolver import ASK_SECONDS, ask, candidates, config_of, is_address, resolve
from kubekit.kubelet.steps import Out, Step, Wait

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
KINDS = ("A", "AAAA", "CNAME", "SRV", "PTR", "TXT", "NS", "MX", "SOA", "ANY")
NOBODY = ";; connection timed out; no servers could be reached\n"


def nslookup(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`nslookup [-type=TYPE] NAME [SERVER]`."""
    container, now = shell.container, shell.clock()
    words = [word for word in rest if not word.startswith("-")]
    asked = next((found[1].upper() for word in rest if (found := _TYPE.match(word))), "")
    if not words:
        yield Out(STDERR, "BusyBox v1.37.0 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] HOST\n")
        return 1
    name = words[0]
    config = config_of(container, now)
    server = words[1] if len(words) > 1 else config.servers[0] if config.servers else "127.0.0.1"
    if is_address(name):
        asked, name = "PTR", reverse(name)
    if is_old_busybox(container):
        return (yield from _old(shell, words[0], server))
    bind = has_bind(container)
    names: list[tuple[str, ...]]
    if asked == "PTR" or (not bind and "." in name):
        names = [(name.rstrip("."),)]
    elif bind:
        names = [candidates(name, config)]
    else:
        names = [(f"{name}.{domain}",) for domain in config.search] or [(name,)]
    replies = [
        (one, kind, _ask(shell, server, len(words) > 1, one, kind, name))
        for kind in ((asked,) if asked else ("A", "AAAA"))
        for one in names
    ]
    if not any(reply.code for _, _, reply in replies):
        yield Wait(ASK_SECONDS)
        yield Out(STDOUT, f"{NOBODY}\n")
        return 1
    text = f"Server:\t\t{server}\nAddress:\t{server}{'#' if bind else ':'}53\n\n"
    wrong = False
    for one, _kind, reply in replies:
        if reply.code != "NOERROR":
            wrong = True
            if not bind or not text.endswith("NXDOMAIN\n\n"):
                text += f"** server can't find {one[0] if not bind else name}: {reply.code}\n\n"
            continue
        if reply.entries and not reply.authoritative and "Non-authoritative" not in text:
            text += "Non-authoritative answer:\n"
        text += "".join(_shown(entry) for entry in reply.entries)
        if bind and asked and not reply.entries:
            text += f"*** Can't find {name}: No answer\n"
        text += "\n" if reply.entries or not bind else ""
    yield Out(STDOUT, text)
    return int(wrong)


_TYPE = re.compile(r"-(?:type|querytype|query|q)=(\w+)$")


def _ask(shell: Shell, server: str, given: bool, names: tuple[str, ...], kind: str, name: str) -> Reply:
    container = shell.container
    if not given:
        return ask(container, names, kind, shell.clock(), name)
    network = container.pod.network
    found = resolve(container, server, shell.clock()).addresses
    if network is None or not found:
        return Reply("", name)
    return network.ask(container.pod, found[0], names, kind, name)


def _shown(entry: Entry) -> str:
    if entry.kind in ("A", "AAAA"):
        return f"Name:\t{entry.name}\nAddress: {entry.value}\n"
    word = {"CNAME": "canonical name", "PTR": "name", "SRV": "service"}.get(entry.kind, "text")
    return f"{entry.name}\t{word} = {entry.value.rstrip('.')}\n"


def _old(shell: Shell, name: str, server: str) -> Run:
    container = shell.container
    back = ask(container, (reverse(server),), "PTR", shell.clock(), server)
    called = next((f" {entry.value.rstrip('.')}" for entry in back.entries), "")
    text = f"Server:    {server}\nAddress 1: {server}{called}\n\n"
    found = resolve(container, name, shell.clock())
    if found.seconds:
        yield Wait(found.seconds)
    if not found.addresses:
        yield Out(STDOUT, text)
        yield Out(STDERR, f"nslookup: can't resolve '{name}'\n")
        return 1
    text += f"Name:      {name}\n"
    for number, address in enumerate(found.addresses, 1):
        back = ask(container, (reverse(address),), "PTR", shell.clock(), address)
        called = next((f" {entry.value.rstrip('.')}" for entry in back.entries), "")
        text += f"Address {number}: {address}{called}\n"
    yield Out(STDOUT, text)
    return 0


def getent(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`getent hosts NAME...`."""
    if rest[:1] not in (["hosts"], ["ahosts"], ["ahostsv4"]):
        return 0 if rest else 1
    status = 0
    for name in rest[1:]:
        found = resolve(shell.container, name, shell.clock())
        if found.seconds:
            yield Wait(found.seconds)
        if not found.addresses:
            status = 2
        for address in found.addresses:
            if rest[0] == "hosts":
                yield Out(STDOUT, f"{address:<15} {found.name}\n")
            else:
                yield Out(STDOUT, f"{address:<15} STREAM {found.name}\n{address:<15} DGRAM  \n")
    return status


def host(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`host NAME`."""
    words = [word for word in rest if not word.startswith("-")]
    if not words:
        return 1
    name = words[0]
    config = config_of(shell.container, shell.clock())
    names, kind = candidates(name, config), "A"
    if is_address(name):
        names, kind = (reverse(name),), "PTR"
    reply = ask(shell.container, names, kind, shell.clock(), name)
    if not reply.code:
        yield Wait(ASK_SECONDS)
        yield Out(STDOUT, NOBODY)
        return 1
    if reply.code != "NOERROR":
        shown = names[0] if kind == "PTR" else name
        yield Out(STDOUT, f"Host {shown} not found: 3({reply.code})\n")
        return 1
    said = {"A": "has address", "AAAA": "has IPv6 address", "PTR": "domain name pointer"}
    for entry in reply.entries:
        yield Out(STDOUT, f"{entry.name} {said.get(entry.kind, 'is an alias for')} {entry.value}\n")
    return 0


def dig(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`dig [@SERVER] [+short] [+search] [-x ADDRESS] [TYPE] NAME [TYPE]`."""
    container, now = shell.container, shell.clock()
    config = config_of(container, now)
    server = next((word[1:] for word in rest if word.startswith("@")), "")
    flags = {word[1:] for word in rest if word.startswith("+")}
    words = [word for word in rest if word[:1] not in "@+"]
    kind, name = "A", "."
    while words:
        word = words.pop(0)
        if word == "-x" and words:
            kind, name = "PTR", reverse(words.pop(0))
        elif word in ("-t", "-q") and words:
            kind, name = (words.pop(0).upper(), name) if word == "-t" else (kind, words.pop(0))
        elif word.upper() in KINDS:
            kind = word.upper()
        elif not word.startswith("-") and word.upper() != "IN":
            name = word
    names = candidates(name, config) if "search" in flags else (name.rstrip("."),)
    reply = _ask(shell, server, bool(server), names, kind, name)
    banner = f"; <<>> DiG 9.18.37 <<>> {' '.join(rest)}\n;; global options: +cmd\n"
    used = server or (config.servers[0] if config.servers else "127.0.0.1")
    if not reply.code:
        yield Wait(15.0)
        lost = f";; communications error to {used}#53: timed out\n" * 3
        yield Out(STDOUT, f"{lost}\n{banner};; no servers could be reached\n")
        return 9
    if "short" in flags:
        yield Out(STDOUT, "".join(f"{entry.value}\n" for entry in reply.entries))
        return 0
    rows = "".join(f"{e.name}.\t{e.ttl}\tIN\t{e.kind}\t{e.value}\n" for e in reply.entries)
    answer = f";; ANSWER SECTION:\n{rows}\n" if rows else ""
    if "noall" in flags:
        yield Out(STDOUT, rows if "answer" in flags else "")
        return 0
    aa = " aa" if reply.authoritative else ""
    # The number of a query is drawn by chance; here it follows from the name.
    number = sum(name.encode()) * 7919 % 65536
    yield Out(
        STDOUT,
        f"\n{banner}"
        f";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {reply.code}, id: {number}\n"
        f";; flags: qr{aa} rd; QUERY: 1, ANSWER: {len(reply.entries)}, AUTHORITY: 0, ADDITIONAL: 1\n\n"
        f";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n"
        f";; QUESTION SECTION:\n;{reply.name}.\t\tIN\t{kind}\n\n{answer}"
        f";; Query time: 1 msec\n;; SERVER: {used}#53({used}) (UDP)\n;; MSG SIZE  rcvd: "
        f"{60 + sum(len(e.name) + 20 for e in reply.entries)}\n\n",
    )
    return 0


def reverse(address: str) -> str:
    """The name under which an address is looked up.

    >>> reverse("10.96.0.10")
    '10.0.96.10.in-addr.arpa'
    """
    return ".".join([*reversed(address.split(".")), "in-addr", "arpa"])
