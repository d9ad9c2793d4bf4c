"""Addresses as numbers: the one place where text like ``10.244.1.0/24`` becomes a number and a mask.

Used by matches (compare a number under a mask), by routes and by the CNI. All functions are pure; the results
of parsing are remembered, because the same few addresses are asked for again and again.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple


class Network(NamedTuple):
    """An address range: `number` under `mask`; `version` is 4 or 6, `prefix` the mask's length."""

    number: int
    mask: int
    prefix: int
    version: int

    def holds(self, address: int) -> bool:
        """Whether an address, as a number of the same family, lies in the range."""
        return address & self.mask == self.number

    def __str__(self) -> str:
        return f"{text(self.number, self.version)}/{self.prefix}"


@lru_cache(maxsize=65536)
def number(address: str) -> int:
    """An address as an integer; raises ValueError for anything else."""
    return int(ipaddress.ip_address(address))


@lru_cache(maxsize=65536)
def version(address: str) -> int:
    """4 or 6; raises ValueError for what is no address."""
    return ipaddress.ip_address(address).version


def text(address: int, family: int) -> str:
    """The usual text of an address given as an integer (IPv6 compressed)."""
    if family == 6:
        return str(ipaddress.IPv6Address(address))
    return str(ipaddress.IPv4Address(address))


@lru_cache(maxsize=65536)
def network(cidr: str) -> Network:
    """``10.0.0.0/8``, ``10.0.0.0/255.0.0.0`` or a single address; host bits are cleared. Raises ValueError.

    >>> str(network("10.1.2.3/8")), str(network("10.1.2.3")), str(network("fd00::1"))
    ('10.0.0.0/8', '10.1.2.3/32', 'fd00::1/128')
    """
    found = ipaddress.ip_network(cidr, strict=False)
    return Network(int(found.network_address), int(found.netmask), found.prefixlen, found.version)


def host_port(address: str, port: int) -> str:
    """``10.0.0.1:80`` or ``[fd00::1]:80``; the bare address when there is no port."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split_host_port(joined: str) -> tuple[str, int]:
    """The other way round; the port is 0 when none is written."""
    if joined.startswith("["):
        address, _, rest = joined[1:].partition("]")
        return address, int(rest[1:] or 0) if rest else 0
    if joined.count(":") == 1:
        address, _, port = joined.partition(":")
        return address, int(port)
    return joined, 0
