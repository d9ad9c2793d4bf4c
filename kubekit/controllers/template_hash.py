"""pod-template-hash: eight to ten letters that stand for a pod template.

Source: pkg/controller/controller_utils.go (ComputeHash).
"""

from __future__ import annotations

import json

from kubekit.api.meta import Obj
from kubekit.sim.rng import SAFE_ALPHABET


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


def safe_encode(text: str) -> str:
    """Each character replaced by one of the safe alphabet."""
    return "".join(SAFE_ALPHABET[ord(char) % len(SAFE_ALPHABET)] for char in text)


def template_hash(template: Obj, collisions: int | None = None) -> str:
    """The hash of a pod template."""
    value = fnv32a(json.dumps(template, sort_keys=True).encode())
    if collisions is not None:
        value = fnv32a(collisions.to_bytes(8, "little"), value)
    return safe_encode(str(value))
