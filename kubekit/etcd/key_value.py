"""KeyValue and Event: what the store holds and what it tells its watchers.

A `KeyValue` is one version of one key and never changes; readers, watchers and the history share it. A
deletion is filed as a *tombstone*: a KeyValue with nothing but its key and the revision of the deletion.
`encode` is mvccpb.KeyValue on the wire and on disk, which is what hashes are taken of.
Source: api/mvccpb/kv.proto.
"""

from __future__ import annotations

from typing import NamedTuple

PUT = 0
DELETE = 1


class KeyValue(NamedTuple):
    """One version of a key. Revisions are main revisions; `version` counts puts since the key was created."""

    key: bytes
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    lease: int = 0

    @property
    def tombstone(self) -> bool:
        """Whether this marks a deletion."""
        return self.create_revision == 0


class Event(NamedTuple):
    """One change: `type` is PUT or DELETE, `kv` the new version, `prev_kv` what was there before (or
    None)."""

    type: int
    kv: KeyValue
    prev_kv: KeyValue | None = None


def varint(number: int) -> bytes:
    """A protobuf varint; negative numbers take ten bytes, as int64 does.

    >>> varint(300).hex()
    'ac02'
    """
    if 0 <= number < 0x80:
        return bytes((number,))
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(kv: KeyValue) -> bytes:
    """mvccpb.KeyValue as protobuf; zero fields are left out, and of a tombstone only the key is written."""
    key, value, create, mod, version, lease = kv
    out = b"\x0a" + varint(len(key)) + key
    if create == 0:
        return out
    out += b"\x10" + varint(create) + b"\x18" + varint(mod) + b"\x20" + varint(version)
    if value:
        out += b"\x2a" + varint(len(value)) + value
    if lease:
        out += b"\x30" + varint(lease)
    return out
