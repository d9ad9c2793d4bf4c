"""What the keys and values in etcd's database file mean, in one line each.

The bucket `key` files a version of a key under its revision; other buckets hold numbers, JSON and protobuf.
Source: server/storage/schema.
"""

from __future__ import annotations

from kubekit.etcd.backend import BackendError, version_of
from kubekit.etcd.revision import unpack


def key_text(bucket: bytes | None, key: bytes) -> str:
    """A key as it is meant: a revision in the bucket `key`, a number, or text."""
    if bucket == b"key":
        try:
            revision, tombstone = unpack(key)
        except ValueError:
            return f"no revision: {key.hex(' ')}"
        return f"{revision.main}.{revision.sub}{'(t)' if tombstone else ''}"
    if bucket == b"lease" and len(key) == 8:
        return f"lease {int.from_bytes(key, 'big'):x}"
    return _printable(key)


def value_text(bucket: bytes | None, key: bytes, value: bytes) -> str:
    """A value as it is meant, in one line."""
    if bucket == b"key":
        try:
            _, kv = version_of(key, value)
        except BackendError as error:
            return f"cannot be understood: {error}"
        name = kv.key.decode(errors="backslashreplace")
        if kv.tombstone:
            return f"{name}, tombstone"
        lease = f", lease {kv.lease:x}" if kv.lease else ""
        return f"{name}, version {kv.version}, {len(kv.value)} bytes{lease}"
    if key in (b"consistent_index", b"term", b"authRevision") and len(value) == 8:
        return str(int.from_bytes(value, "big"))
    if key in (b"scheduledCompactRev", b"finishedCompactRev"):
        return f"revision {key_text(b'key', value)}"
    return _printable(value)


def _printable(data: bytes, longest: int = 120) -> str:
    text = data.decode(errors="replace")
    if not text.isprintable() or "\ufffd" in text:
        text = data[:24].hex(" ") + (f" ... {len(data)} bytes" if len(data) > 24 else "")
    return text if len(text) <= longest else f"{text[:longest]}... {len(text) - longest} more"
