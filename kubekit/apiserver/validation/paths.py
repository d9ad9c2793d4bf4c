"""Validation of file paths and IP addresses in specs.

Called by the volume, env and network checks. IP addresses in fields from before v1.33 may be written in any
valid way except with leading zeros or as IPv4-mapped IPv6; newer fields want the canonical form. Source:
pkg/apis/core/validation (validateLocalDescendingPath and neighbours),
apimachinery/pkg/util/validation/ip.go.
"""

from __future__ import annotations

import functools
import ipaddress
import re

from kubekit.api.field_path import FieldError, Path, invalid

NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NOT_AN_INTERFACE = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def no_backsteps(target: str, path: Path) -> list[FieldError]:
    """No `..` as a part of the path."""
    return [invalid(path, target, "must not contain '..'")] if ".." in target.split("/") else []


def local_descending(target: str, path: Path) -> list[FieldError]:
    """A relative path that does not climb."""
    errors = [invalid(path, target, "must be a relative path")] if target.startswith("/") else []
    return errors + no_backsteps(target, path)


def local_not_reserved(target: str, path: Path) -> list[FieldError]:
    """As `local_descending`, and not starting with two dots."""
    errors = local_descending(target, path)
    if target.startswith("..") and not target.startswith("../"):
        errors.append(invalid(path, target, "must not start with '..'"))
    return errors


@functools.lru_cache(maxsize=4096)
def parse_sloppy(text: str) -> Address | None:
    """An address; leading zeros of IPv4 parts are ignored, zones are not allowed."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(re.sub(r"(^|\.)0+(?=\d)", r"\1", text) if ":" not in text else text)
    except ValueError:
        return None


@functools.lru_cache(maxsize=4096)
def _strict(text: str) -> tuple[str, ...]:
    """What is wrong with an address, be it old or new."""
    address = parse_sloppy(text)
    if address is None:
        return (NOT_AN_IP,)
    if address.version == 4 and text != str(address):
        return ("must not have leading 0s",)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return ("must not be an IPv4-mapped IPv6 address",)
    return ()


def legacy_ip(text: str, path: Path) -> list[FieldError]:
    """An address in an old field."""
    return [invalid(path, text, problem) for problem in _strict(text)]


def canonical_ip(text: str, path: Path) -> list[FieldError]:
    """An address in a new field: the one canonical form."""
    address = parse_sloppy(text)
    errors = legacy_ip(text, path)
    if not errors and text != str(address):
        errors.append(invalid(path, text, f'must be in canonical form ("{address}")'))
    return errors


def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """Address and network of a CIDR, None if it is none."""
    host, slash, length = text.partition("/")
    address = parse_sloppy(host)
    if address is None or not slash or not length.isascii() or not length.isdigit():
        return None
    if int(length) > address.max_prefixlen:
        return None
    return address, ipaddress.ip_network(f"{address}/{int(length)}", strict=False)


def _strict_cidr(text: str, path: Path) -> tuple[list[FieldError], tuple[Address, Network] | None]:
    found = parse_cidr(text)
    if found is None:
        return [invalid(path, text, NOT_A_CIDR)], None
    address, network = found
    host, _, length = text.partition("/")
    errors = []
    if (address.version == 4 and host != str(address)) or length != str(network.prefixlen):
        errors.append(invalid(path, text, "must not have leading 0s in IP or prefix length"))
    elif isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        errors.append(invalid(path, text, "must not have an IPv4-mapped IPv6 address"))
    if address != network.network_address:
        errors.append(invalid(path, text, "must not have bits set beyond the prefix length"))
    return errors, found


def legacy_cidr(text: str, path: Path) -> list[FieldError]:
    """A network in an old field."""
    return _strict_cidr(text, path)[0]


def canonical_cidr(text: str, path: Path) -> list[FieldError]:
    """A network in a new field: the one canonical form."""
    errors, found = _strict_cidr(text, path)
    if not errors and found is not None and text != str(found[1]):
        errors.append(invalid(path, text, f'must be in canonical form ("{found[1]}")'))
    return errors


def interface_address(text: str, path: Path) -> list[FieldError]:
    """An address with the length of its network's prefix, in canonical form."""
    found = parse_cidr(text)
    if found is None:
        return [invalid(path, text, NOT_AN_INTERFACE)]
    address, size = found[0], found[1].prefixlen
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address, size = address.ipv4_mapped, size - 96 if size > 32 else size
    canonical = f"{address}/{size}"
    return [] if text == canonical else [invalid(path, text, f'must be in canonical form ("{canonical}")')]
