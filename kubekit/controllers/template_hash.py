"""pod-template-hash: eight to ten letters that stand for a pod template.

The hash is the real one: the same template has the same letters here and in a cluster of the reference
release. Sources: pkg/controller/controller_utils.go (ComputeHash), k8s.io/endpointslice/util (NewPortMapKey).
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.schema import struct_of
from kubekit.controllers.go_print import go_print
from kubekit.sim.rng import SAFE_ALPHABET

_OFFSET_128, _PRIME_128 = 0x6C62272E07BB014262B821756295C58D, (1 << 88) + 0x13B


def fnv32a(data: bytes, value: int = 0x811C9DC5) -> int:
    """The 32-bit FNV-1a hash."""
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def fnv32(data: bytes) -> int:
    """The 32-bit FNV-1 hash."""
    value = 0x811C9DC5
    for byte in data:
        value = ((value * 0x01000193) & 0xFFFFFFFF) ^ byte
    return value


def fnv128a(data: bytes) -> int:
    """The 128-bit FNV-1a hash."""
    value = _OFFSET_128
    for byte in data:
        value = ((value ^ byte) * _PRIME_128) & ((1 << 128) - 1)
    return value


def safe_encode(text: str) -> str:
    """Each character replaced by one of the safe alphabet."""
    return "".join(SAFE_ALPHABET[ord(char) % len(SAFE_ALPHABET)] for char in text)


def template_hash(template: Obj, collisions: int | None = None) -> str:
    """The hash of a pod template."""
    value = fnv32a(go_print(struct_of("core.v1.PodTemplateSpec"), template).encode())
    if collisions is not None:
        value = fnv32a(collisions.to_bytes(8, "little"), value)
    return safe_encode(str(value))


def port_hash(port: Obj, struct: str = "discovery.v1.EndpointPort") -> int:
    """What the ports of an EndpointSlice, or of Endpoints, are in order of."""
    return fnv128a(go_print(struct_of(struct), port).encode())
