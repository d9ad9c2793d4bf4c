"""Addresses as they stand in API objects: sorted by family, leading zeros allowed, bad ones left out.

Used where Services and EndpointSlices are read. Everything comes out in the usual short form, so that
texts can be compared. Source: k8s.io/utils/net (ParseIPSloppy, ParseCIDRSloppy), pkg/proxy/util/utils.go.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

IPV4, IPV6 = "IPv4", "IPv6"


@lru_cache(maxsize=65536)
def parse_ip(written: str) -> str:
    """The address in its usual form, "" when it is none. ``010.0.0.1`` is read as 10.0.0.1, as ever.

    >>> parse_ip("010.0.0.1"), parse_ip("FD00::0:1"), parse_ip("::ffff:10.0.0.1"), parse_ip("no")
    ('10.0.0.1', 'fd00::1', '10.0.0.1', '')
    """
    if ":" not in written:
        written = ".".join(part.lstrip("0") or "0" if part else "" for part in written.split("."))
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return ""
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=65536)
def parse_cidr(written: str) -> str:
    """The range in its usual form with host bits cleared, "" when it is none; a bare address is none."""
    address, slash, prefix = written.partition("/")
    found = parse_ip(address)
    if not slash or not found or not prefix.isdigit():
        return ""
    try:
        return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))
    except ValueError:
        return ""


def family_of(address: str) -> str:
    """IPv4 or IPv6 of an address or range in its usual form."""
    return IPV6 if ":" in address else IPV4


def contains(cidr: str, address: str) -> bool:
    """Whether a range holds an address; ranges of the other family hold nothing."""
    if family_of(cidr) != family_of(address):
        return False
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)


def join_host_port(address: str, port: int) -> str:
    """``10.0.0.1:80``, ``[fd00::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
