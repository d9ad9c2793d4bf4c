"""InitialCluster: the members that a cluster begins with, from the flags that name them.

``--initial-cluster m1=http://host1:2380,m2=http://host2:2380`` must be the same text in meaning on every
member, and must name the member itself with the very addresses that it advertises. What is wrong is refused
in etcd's words before anything is made.

    cluster = parse_initial_cluster("m1=http://host1:2380,m2=http://host2:2380")
    cluster["m1"]                                            # ["http://host1:2380"]
    verify_bootstrap("m1", ["http://host1:2380"], cluster)
    initial_members(cluster, "etcd-cluster-1")               # [MemberInfo], by id

Addresses that differ as texts may still be one host: `resolve` is asked for them. Source:
client/pkg/types/urls.go, urlsmap.go; server/config/config.go (VerifyBootstrap); pkg/netutil/netutil.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from kubekit.etcd.membership import MemberInfo, member_id

Cluster: TypeAlias = "Mapping[str, Sequence[str]]"
"""Peer URLs by member name."""

Resolve: TypeAlias = "Callable[[str], str]"
"""The address of a host name; raises LookupError, whose text is what a resolver says."""

NAME_SERVER = "127.0.0.1:53"
"""Who is said to know no host, where no name server is at hand."""


class BootstrapError(Exception):
    """A cluster that cannot be begun this way; the text is etcd's own."""


def no_names(host: str) -> str:
    """A resolver that knows no names at all."""
    raise LookupError(f"lookup {host} on {NAME_SERVER}: no such host")


def parse_urls(texts: Sequence[str]) -> list[str]:
    """Peer URLs, checked and sorted. Raises BootstrapError."""
    if not texts:
        raise BootstrapError("no valid URLs given")
    return sorted(_checked(text.strip()) for text in texts)


def _checked(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    if not colon or not scheme or not _is_scheme(scheme):
        if colon and "/" not in scheme:
            raise BootstrapError(
                f'parse "{text}": missing protocol scheme'
                if not scheme
                else f'parse "{text}": first path segment in URL cannot contain colon'
            )
        raise BootstrapError(f"URL scheme must be http, https, unix, or unixs: {text}")
    scheme = scheme.lower()
    if scheme not in ("http", "https", "unix", "unixs"):
        raise BootstrapError(f"URL scheme must be http, https, unix, or unixs: {text}")
    if scheme.startswith("unix"):
        return text
    authority, slash, path = (
        rest.removeprefix("//").partition("/") if rest.startswith("//") else ("", "", rest)
    )
    host = authority.rpartition("@")[2]
    _check_port(text, host)
    if not _has_port(host):
        raise BootstrapError(f'URL address does not have the form "host:port": {text}')
    if slash or path:
        raise BootstrapError(f"URL must not contain a path: {text}")
    return f"{scheme}:{rest}"


def _is_scheme(text: str) -> bool:
    return (
        text[0].isascii()
        and text[0].isalpha()
        and all(c.isascii() and (c.isalnum() or c in "+-.") for c in text)
    )


def _check_port(text: str, host: str) -> None:
    port = host.rpartition(":")[2] if ":" in host and not host.endswith("]") else ""
    if port and not port.isdigit():
        raise BootstrapError(f'parse "{text}": invalid port ":{port}" after host')


def _has_port(host: str) -> bool:
    if host.startswith("["):
        return host.partition("]")[2].startswith(":")
    return host.count(":") == 1


def parse_initial_cluster(text: str) -> dict[str, list[str]]:
    """The peer URLs of each member. Raises BootstrapError."""
    found: dict[str, list[str]] = {}
    for part in text.split(","):
        if part:
            name, _, url = part.partition("=")
            found.setdefault(name, []).append(url)
    return {name: parse_urls(urls) for name, urls in found.items()}


def cluster_text(cluster: Cluster) -> str:
    """A cluster as the flag's value, by name."""
    return ",".join(sorted(f"{name}={url}" for name, urls in cluster.items() for url in urls))


def initial_members(cluster: Cluster, token: str) -> list[MemberInfo]:
    """The members of a cluster that begins, by id."""
    return sorted(
        MemberInfo(member_id(urls, token), name, tuple(sorted(urls)), ()) for name, urls in cluster.items()
    )


def verify_bootstrap(
    name: str,
    peer_urls: Sequence[str],
    cluster: Cluster,
    *,
    release: str = "3.6",
    resolve: Resolve = no_names,
) -> None:
    """Refuse a member that cannot begin the cluster. Raises BootstrapError."""
    if name not in cluster:
        raise BootstrapError(f'couldn\'t find local name "{name}" in the initial cluster configuration')
    _check_advertised(name, sorted(peer_urls), sorted(cluster[name]), release, resolve)
    urls = [url for urls in cluster.values() for url in urls]
    if len(set(urls)) < len(urls):
        raise BootstrapError(f"initial cluster {cluster_text(cluster)} has duplicate url")


def _check_advertised(
    name: str, advertised: list[str], initial: list[str], release: str, resolve: Resolve
) -> None:
    """The addresses that a member advertises must be those by which the cluster knows it."""
    reason = _difference(advertised, initial, release, resolve)
    if not reason:
        return
    shown = ",".join(advertised)
    missing = [f"{name}={url}" for url in initial if url not in advertised]
    if missing:
        raise BootstrapError(
            f"--initial-cluster has {','.join(missing)} but missing from "
            f"--initial-advertise-peer-urls={shown} ({reason})"
        )
    own = cluster_text({name: advertised})
    surplus = [url for url in advertised if url not in initial]
    if surplus:
        raise BootstrapError(
            f"--initial-advertise-peer-urls has {','.join(surplus)} but missing from --initial-cluster={own}"
        )
    raise BootstrapError(f"failed to resolve {shown} to match --initial-cluster={own} ({reason})")


def _difference(left: list[str], right: list[str], release: str, resolve: Resolve) -> str:
    """Why two lists of addresses are not the same; empty when they are."""
    if len(left) != len(right):
        return f"len({_quoted(left)}) != len({_quoted(right)})"
    # 3.5 asks for the hosts even if the texts are the same.
    early = release.startswith("3.5")
    if left == right and not early:
        return ""
    resolved: list[list[str]] = []
    for urls in (left, right):
        try:
            resolved.append([_resolved(url, resolve) for url in urls])
        except _Unresolved as error:
            return str(error)
    for number, (one, other) in enumerate(zip(*map(sorted, resolved), strict=True)):
        if one != other:
            if early:
                return (
                    f'"{one}"(resolved from "{left[number]}") != "{other}"(resolved from "{right[number]}")'
                )
            return f'resolved urls: "{one}" != "{other}"'
    return ""


class _Unresolved(Exception):
    """A host that nobody knows."""


def _resolved(url: str, resolve: Resolve) -> str:
    scheme, _, rest = url.partition("://")
    if scheme.startswith("unix"):
        return url
    host, _, port = rest.rpartition(":")
    bare = host.strip("[]")
    if bare == "localhost" or _is_address(bare):
        return url
    try:
        address = resolve(bare)
    except LookupError as error:
        raise _Unresolved(f'failed to resolve "{url}" ({error.args[0]})') from None
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _quoted(texts: list[str]) -> str:
    return "[" + " ".join(f'"{text}"' for text in texts) + "]"
