"""RequestSize: how long a request may be, on the wire and in the log.

An entry of the log that is too long would have to be carried to every member and kept; etcd refuses it before
it is proposed, and gRPC refuses a message that could not become an entry at all.
Source: server/embed/config.go (DefaultMaxRequestBytes), server/etcdserver/v3_server.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import RequestTooLarge
from kubekit.etcd.key_value import varint
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import encode

MAX_REQUEST_BYTES = 1536 * 1024
"""How long a request may be as an entry of the log."""

MAX_MESSAGE_BYTES = MAX_REQUEST_BYTES + 512 * 1024
"""How long a message may be on the wire."""

_ENTRY_HEAD = 13
"""Bytes of a log entry's own header: two tags, a length and the nine bytes of a request id."""


def check_size(name: str, request: Message) -> None:
    """Refuse a request, a message called `name`, that is too long as an entry. Raises RequestTooLarge."""
    size = len(encode(name, request))
    if _ENTRY_HEAD + 1 + len(varint(size)) + size > MAX_REQUEST_BYTES:
        raise RequestTooLarge
