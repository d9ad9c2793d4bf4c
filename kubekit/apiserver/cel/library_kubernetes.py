"""Library, what Kubernetes adds: quantities, semantic versions, URLs, addresses, named formats.

Each is an opaque value with its own functions; `isQuantity(text)` and its like say beforehand whether the
making of one would succeed. Source: apiserver/pkg/cel/library (quantity.go, semverlib.go, urls.go, ip.go,
cidr.go, format.go).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from kubekit.api import formats
from kubekit.api.quantity import Quantity, QuantityError
from kubekit.api.quantity import of as quantity_of
from kubekit.api.quantity import parse as parse_quantity
from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.moments import timestamp_of
from kubekit.apiserver.cel.types import (
    BOOL,
    CIDR,
    DOUBLE,
    FORMAT,
    INT,
    IP,
    QUANTITY,
    SEMVER,
    STRING,
    URL,
    list_of,
    map_of,
    optional_of,
)
from kubekit.apiserver.cel.values import EMPTY, Opaque, Optional

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class QuantityValue(Opaque):
    """An amount of a resource."""

    type = QUANTITY

    def __init__(self, amount: Quantity) -> None:
        self.amount = amount

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantityValue) and self.amount.nanos == other.amount.nanos

    def __hash__(self) -> int:
        return hash(self.amount.nanos)


class UrlValue(Opaque):
    """A URL in its parts."""

    type = URL

    def __init__(self, parts: SplitResult) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlValue) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


class AddressValue(Opaque):
    """One IP address."""

    type = IP

    def __init__(self, address: Address) -> None:
        self.address = address

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressValue) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)


class NetworkValue(Opaque):
    """A network with the address that it was written with."""

    type = CIDR

    def __init__(self, address: Address, bits: int) -> None:
        self.address, self.bits = address, bits

    @property
    def network(self) -> Network:
        """The network that the address lies in."""
        return ipaddress.ip_network(f"{self.address}/{self.bits}", strict=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetworkValue) and (self.address, self.bits) == (other.address, other.bits)

    def __hash__(self) -> int:
        return hash((self.address, self.bits))


class SemverValue(Opaque):
    """A semantic version."""

    type = SEMVER

    def __init__(self, numbers: tuple[int, int, int], prerelease: tuple[str, ...]) -> None:
        self.numbers, self.prerelease = numbers, prerelease

    def key(self) -> tuple[Any, ...]:
        """What versions are ordered by; a version without a pre-release comes after its pre-releases."""
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease)
        return (*self.numbers, not self.prerelease, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemverValue) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


class FormatValue(Opaque):
    """A named format: `check` gives what is wrong with a text."""

    type = FORMAT

    def __init__(self, name: str, check: Callable[[str], list[str]]) -> None:
        self.name, self.check = name, check

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FormatValue) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    _quantities(f)
    _versions(f)
    _urls(f)
    _addresses(f)
    for name, check in FORMATS.items():
        f.add(f"format.{name}", (), FORMAT, lambda name=name, check=check: FormatValue(name, check))
    f.add("format.named", (STRING,), optional_of(FORMAT), _named)
    f.member("validate", (FORMAT, STRING), optional_of(list_of(STRING)), _validated)


def _succeeds(make: Callable[..., Any]) -> Callable[..., bool]:
    def test(*arguments: Any) -> bool:
        try:
            make(*arguments)
        except EvaluationError:
            return False
        return True

    return test


# -- quantities -------------------------------------------------------------------------------------------


def _quantity(text: str) -> QuantityValue:
    try:
        return QuantityValue(parse_quantity(text))
    except QuantityError as error:
        raise EvaluationError(str(error)) from None


def _amount(value: QuantityValue | int) -> int:
    return value.amount.nanos if isinstance(value, QuantityValue) else value * 10**9


def _as_integer(value: QuantityValue) -> int:
    whole, rest = divmod(value.amount.nanos, 10**9)
    if rest or not -(2**63) <= whole < 2**63:
        raise EvaluationError("cannot convert value to integer")
    return whole


def _quantities(f: Functions) -> None:
    f.add("quantity", (STRING,), QUANTITY, _quantity)
    f.add("isQuantity", (STRING,), BOOL, _succeeds(_quantity))
    f.member("sign", (QUANTITY,), INT, lambda a: (_amount(a) > 0) - (_amount(a) < 0))
    f.member("isInteger", (QUANTITY,), BOOL, _succeeds(_as_integer))
    f.member("asInteger", (QUANTITY,), INT, _as_integer)
    f.member("asApproximateFloat", (QUANTITY,), DOUBLE, lambda a: _amount(a) / 10**9)
    for other in (QUANTITY, INT):
        f.member("add", (QUANTITY, other), QUANTITY, lambda a, b: _made(a, _amount(a) + _amount(b)))
        f.member("sub", (QUANTITY, other), QUANTITY, lambda a, b: _made(a, _amount(a) - _amount(b)))
    f.member("isGreaterThan", (QUANTITY, QUANTITY), BOOL, lambda a, b: _amount(a) > _amount(b))
    f.member("isLessThan", (QUANTITY, QUANTITY), BOOL, lambda a, b: _amount(a) < _amount(b))
    f.member(
        "compareTo",
        (QUANTITY, QUANTITY),
        INT,
        lambda a, b: (_amount(a) > _amount(b)) - (_amount(a) < _amount(b)),
    )


def _made(like: QuantityValue, nanos: int) -> QuantityValue:
    return QuantityValue(Quantity(nanos, quantity_of(0, like.amount.format).format))


# -- versions ---------------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def _semver(text: str, normalize: bool = False) -> SemverValue:
    if normalize:
        core, mark, rest = text.removeprefix("v").partition("-")
        numbers = [number.lstrip("0") or "0" for number in core.split(".")]
        text = ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + mark + rest
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise EvaluationError("No Major.Minor.Patch elements found")
    numbers_found = (int(found[1]), int(found[2]), int(found[3]))
    return SemverValue(numbers_found, tuple((found[4] or "").split(".")) if found[4] else ())


def _versions(f: Functions) -> None:
    for params in ((STRING,), (STRING, BOOL)):
        f.add("semver", params, SEMVER, _semver)
        f.add("isSemver", params, BOOL, _succeeds(_semver))
    for place, name in enumerate(("major", "minor", "patch")):
        f.member(name, (SEMVER,), INT, lambda a, place=place: a.numbers[place])
    f.member("isGreaterThan", (SEMVER, SEMVER), BOOL, lambda a, b: a.key() > b.key())
    f.member("isLessThan", (SEMVER, SEMVER), BOOL, lambda a, b: a.key() < b.key())
    f.member("compareTo", (SEMVER, SEMVER), INT, lambda a, b: (a.key() > b.key()) - (a.key() < b.key()))


# -- URLs -------------------------------------------------------------------------------------------------


def _url(text: str) -> UrlValue:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise EvaluationError(f"URL parse error during conversion from string: parse {text!r}") from None
    if any(ord(one) <= 0x20 or ord(one) == 0x7F for one in text) or not (
        parts.scheme or text.startswith("/")
    ):
        raise EvaluationError(
            f'URL parse error during conversion from string: parse "{text}": invalid URI for request'
        )
    return UrlValue(parts)


def _host(value: UrlValue) -> str:
    return value.parts.netloc.rpartition("@")[2]


def _hostname(value: UrlValue) -> str:
    host = _host(value)
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _urls(f: Functions) -> None:
    f.add("url", (STRING,), URL, _url)
    f.add("isURL", (STRING,), BOOL, _succeeds(_url))
    f.member("getScheme", (URL,), STRING, lambda a: a.parts.scheme)
    f.member("getHost", (URL,), STRING, _host)
    f.member("getHostname", (URL,), STRING, _hostname)
    f.member("getPort", (URL,), STRING, lambda a: "" if a.parts.port is None else str(a.parts.port))
    f.member("getEscapedPath", (URL,), STRING, lambda a: quote(a.parts.path, safe="/%:@!$&'()*+,;=~-._"))
    f.member(
        "getQuery",
        (URL,),
        map_of(STRING, list_of(STRING)),
        lambda a: parse_qs(a.parts.query, keep_blank_values=True),
    )


# -- addresses --------------------------------------------------------------------------------------------


def _ip(text: str) -> AddressValue:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise EvaluationError(f'IP Address "{text}" parse error during conversion from string') from None
    if "%" in text:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return AddressValue(address)


def _cidr(text: str) -> NetworkValue:
    host, slash, bits = text.partition("/")
    wrong = EvaluationError(f'network address parse error during conversion from string: "{text}"')
    if not slash or not bits.isdecimal() or (len(bits) > 1 and bits[0] == "0"):
        raise wrong
    try:
        address = _ip(host).address
    except EvaluationError:
        raise wrong from None
    if int(bits) > address.max_prefixlen:
        raise wrong
    return NetworkValue(address, int(bits))


def _inside(network: NetworkValue, other: AddressValue | NetworkValue | str) -> bool:
    inner = _ip(other) if isinstance(other, str) else other
    return inner.address.version == network.address.version and inner.address in network.network


def _holds(network: NetworkValue, other: NetworkValue | str) -> bool:
    inner = _cidr(other) if isinstance(other, str) else other
    return inner.bits >= network.bits and _inside(network, inner)


def _addresses(f: Functions) -> None:
    f.add("ip", (STRING,), IP, _ip)
    f.add("isIP", (STRING,), BOOL, _succeeds(_ip))
    f.add("ip.isCanonical", (STRING,), BOOL, lambda text: str(_ip(text).address) == text)
    f.add("string", (IP,), STRING, lambda a: str(a.address))
    f.member("family", (IP,), INT, lambda a: a.address.version)
    f.member("isUnspecified", (IP,), BOOL, lambda a: a.address.is_unspecified)
    f.member("isLoopback", (IP,), BOOL, lambda a: a.address.is_loopback)
    f.member("isLinkLocalUnicast", (IP,), BOOL, lambda a: a.address.is_link_local)
    f.member("isLinkLocalMulticast", (IP,), BOOL, _is_link_local_multicast)
    f.member("isGlobalUnicast", (IP,), BOOL, _is_global_unicast)
    f.add("cidr", (STRING,), CIDR, _cidr)
    f.add("isCIDR", (STRING,), BOOL, _succeeds(_cidr))
    f.add("string", (CIDR,), STRING, lambda a: f"{a.address}/{a.bits}")
    for inner in (IP, STRING):
        f.member("containsIP", (CIDR, inner), BOOL, _inside)
    for inner in (CIDR, STRING):
        f.member("containsCIDR", (CIDR, inner), BOOL, _holds)
    f.member("ip", (CIDR,), IP, lambda a: AddressValue(a.address))
    f.member("prefixLength", (CIDR,), INT, lambda a: a.bits)
    f.member("masked", (CIDR,), CIDR, lambda a: NetworkValue(a.network.network_address, a.bits))


def _is_link_local_multicast(value: AddressValue) -> bool:
    address = value.address
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.ip_network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02


def _is_global_unicast(value: AddressValue) -> bool:
    address = value.address
    broadcast = address == ipaddress.ip_address("255.255.255.255")
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or broadcast
    )


# -- named formats ----------------------------------------------------------------------------------------


def _uuid(text: str) -> list[str]:
    form = r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
    return [] if re.fullmatch(form, text) else ["does not match the UUID format"]


def _attempt(make: Callable[[str], object], text: str, complaint: str) -> list[str]:
    try:
        make(text)
    except (ValueError, binascii.Error, EvaluationError):
        return [complaint]
    return []


def _prefixed(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """`generateName`'s form: a dash at the end stands for what will follow."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") and len(text) > 1 else text)


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": formats.dns1123_label,
    "dns1123Subdomain": formats.dns1123_subdomain,
    "dns1035Label": formats.dns1035_label,
    "dns1123LabelPrefix": _prefixed(formats.dns1123_label),
    "dns1123SubdomainPrefix": _prefixed(formats.dns1123_subdomain),
    "dns1035LabelPrefix": _prefixed(formats.dns1035_label),
    "qualifiedName": formats.label_key,
    "labelValue": formats.label_value,
    "uri": lambda text: _attempt(_url, text, "invalid URI"),
    "uuid": _uuid,
    "byte": lambda text: _attempt(lambda t: base64.b64decode(t, validate=True), text, "invalid base64"),
    "date": lambda text: _attempt(date.fromisoformat, text, "invalid date"),
    "datetime": lambda text: _attempt(timestamp_of, text, "invalid datetime"),
}


def _named(name: str) -> Optional:
    check = FORMATS.get(name)
    return EMPTY if check is None else Optional(True, FormatValue(name, check))


def _validated(form: FormatValue, text: str) -> Optional:
    wrong = form.check(text)
    return Optional(True, wrong) if wrong else EMPTY
