"""The past of a real etcd: every change from a revision on, read to the present and no further.

`past(channels, start, until)` opens one watch of everything and waits for it in the caller's turn: revisions
follow each other without a gap, so the one that was the newest at the call ends it. For those who look back
(the revision explorer); whoever wants to be kept up to date uses `etcd_follower`.
Source: server/etcdserver/api/v3rpc/watch.go.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator

import grpc

from kubekit.etcd import Compacted, EtcdError, Event
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import decode, encode
from kubekit.serving.etcd_channels import Channels, refusal
from kubekit.serving.etcd_follower import EVERYTHING, event_of

SECONDS = 10.0
"""How long it may take."""


def past(channels: Channels, start: int, until: int) -> list[Event]:
    """The changes of revisions `start` to `until`, in order. Raises Compacted, and EtcdError when etcd cannot
    be reached or says nothing in time."""
    if start > until:
        return []
    create: Message = {
        "key": EVERYTHING,
        "range_end": EVERYTHING,
        "start_revision": start,
        "fragment": True,
    }
    outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    outgoing.put(encode("WatchRequest", {"create_request": create}))
    stream = channels.stream(0, "Watch/Watch", iter(outgoing.get, None), SECONDS)
    try:
        return list(_events(stream, until))
    except grpc.RpcError as error:
        raise refusal(error) from None
    finally:
        outgoing.put(None)
        stream.cancel()


def _events(stream: Iterator[bytes], until: int) -> Iterator[Event]:
    ended = False
    for data in stream:
        response = decode("WatchResponse", data)
        if response.get("canceled"):
            raise Compacted(response.get("compact_revision", 0))
        for message in response.get("events", ()):
            event = event_of(message)
            if event.kv.mod_revision <= until:
                yield event
            ended = ended or event.kv.mod_revision >= until
        # A revision may come in fragments; the last one says so.
        if ended and not response.get("fragment"):
            return
    raise EtcdError("etcdserver: watch closed")
