"""Warnings about addresses and networks that are valid but written in an odd way.

Source: apimachinery/pkg/util/validation/ip.go (GetWarningsForIP, GetWarningsForCIDR).
"""

from __future__ import annotations

import ipaddress

from kubekit.api.field_path import Path
from kubekit.apiserver.validation.paths import Address, parse_cidr, parse_sloppy


def _shown(address: Address) -> str:
    """An IPv4-mapped IPv6 address is the IPv4 one."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _odd(text: str, address: Address) -> bool:
    """Leading zeros, or IPv4 inside of IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return text != str(address)
    return address.ipv4_mapped is not None


def address_warnings(path: Path | str, text: str) -> list[str]:
    """One spelling of each address, please."""
    address = parse_sloppy(text)
    if address is None:
        return []
    if _odd(text, address):
        return [f'{path}: non-standard IP address "{text}" is invalid: use "{_shown(address)}"']
    if address.version == 6 and str(address) != text:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    return []


def network_warnings(path: Path | str, text: str) -> list[str]:
    """One spelling of each network, please, and nothing behind its prefix."""
    parsed = parse_cidr(text)
    if parsed is None:
        return []
    address, network = parsed
    host, _, length = text.partition("/")
    found = []
    if address != network.network_address:
        single = f"{_shown(address)}/{address.max_prefixlen}"
        found.append(
            f'{path}: CIDR value "{text}" is ambiguous in this context (should be "{network}" or "{single}"?)'
        )
    if _odd(host, address) or length != str(network.prefixlen):
        found.append(f'{path}: non-standard CIDR value "{text}" is invalid: use "{network}"')
    if not found and address.version == 6 and str(network) != text:
        found.append(f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")')
    return found
