"""Library, the network: URLs, IP addresses and networks, as opaque values with functions of their own.

`isURL(text)` and its like say beforehand whether the making of one would succeed. Addresses with a zone and
IPv4 addresses dressed as IPv6 are refused, as everywhere in the API. Source: apiserver/pkg/cel/library
(urls.go, ip.go, cidr.go).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from kubekit.apiserver.cel.environment import Functions, succeeds
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.types import BOOL, CIDR, INT, IP, STRING, URL, list_of, map_of
from kubekit.apiserver.cel.values import Opaque

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    _urls(f)
    _addresses(f)


# -- URLs -------------------------------------------------------------------------------------------------


def parse_url(text: str) -> UrlValue:
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
    f.add("url", (STRING,), URL, parse_url)
    f.add("isURL", (STRING,), BOOL, succeeds(parse_url))
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
        raise EvaluationError(
            f'IP Address "{text}" parse error during conversion from string: {_address_problem(text)}'
        ) from None
    if "%" in text:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return AddressValue(address)


def _cidr(text: str) -> NetworkValue:
    host, slash, bits = text.rpartition("/")
    if not slash:
        raise _bad_network(text, "no '/'")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise _bad_network(text, _address_problem(host)) from None
    if not bits.isdecimal() or (len(bits) > 1 and bits[0] == "0"):
        raise _bad_network(text, f'bad bits after slash: "{bits}"')
    if int(bits) > address.max_prefixlen:
        raise _bad_network(text, "prefix length out of range")
    return NetworkValue(_ip(host).address, int(bits))


def _bad_network(text: str, what: str) -> EvaluationError:
    head = "network address parse error during conversion from string: "
    return EvaluationError(f'{head}{head}netip.ParsePrefix("{text}"): {what}')


def _address_problem(text: str) -> str:
    """What is wrong with an address, as Go says it."""
    kind = next((one for one in text if one in ".:%"), "")
    what, rest = ("unable to parse IP", "") if kind != "." else _fields_problem(text)
    if kind == "%":
        what = "missing IPv6 address"
    return f'ParseAddr("{text}"): {what}' + (f' (at "{rest}")' if rest else "")


def _fields_problem(text: str) -> tuple[str, str]:
    """What is wrong with the fields of an IPv4 address, and from where on."""
    value, digits, fields = 0, 0, 0
    for place, one in enumerate(text):
        if one.isdecimal():
            if digits == 1 and value == 0:
                return "IPv4 field has octet with leading zero", ""
            value, digits = value * 10 + int(one), digits + 1
            if value > 255:
                return "IPv4 field has value >255", ""
        elif one != ".":
            return "unexpected character", text[place:]
        elif place in (0, len(text) - 1) or text[place - 1] == ".":
            return "IPv4 field must have at least one digit", text[place:]
        elif fields == 3:
            return "IPv4 address too long", ""
        else:
            value, digits, fields = 0, 0, fields + 1
    return "IPv4 address too short", ""


def _inside(network: NetworkValue, other: AddressValue | NetworkValue | str) -> bool:
    inner = _ip(other) if isinstance(other, str) else other
    return inner.address.version == network.address.version and inner.address in network.network


def _holds(network: NetworkValue, other: NetworkValue | str) -> bool:
    inner = _cidr(other) if isinstance(other, str) else other
    return inner.bits >= network.bits and _inside(network, inner)


def _addresses(f: Functions) -> None:
    f.add("ip", (STRING,), IP, _ip)
    f.add("isIP", (STRING,), BOOL, succeeds(_ip))
    f.add("ip.isCanonical", (STRING,), BOOL, lambda text: str(_ip(text).address) == text)
    f.add("string", (IP,), STRING, lambda a: str(a.address))
    f.member("family", (IP,), INT, lambda a: a.address.version)
    f.member("isUnspecified", (IP,), BOOL, lambda a: a.address.is_unspecified)
    f.member("isLoopback", (IP,), BOOL, lambda a: a.address.is_loopback)
    f.member("isLinkLocalUnicast", (IP,), BOOL, lambda a: a.address.is_link_local)
    f.member("isLinkLocalMulticast", (IP,), BOOL, _is_link_local_multicast)
    f.member("isGlobalUnicast", (IP,), BOOL, _is_global_unicast)
    f.add("cidr", (STRING,), CIDR, _cidr)
    f.add("isCIDR", (STRING,), BOOL, succeeds(_cidr))
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
