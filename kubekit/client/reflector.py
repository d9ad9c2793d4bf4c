"""The reflector: keeps somebody told about one resource, with a list and then a watch.

It lists, then watches from the list's resourceVersion. When the stream ends it watches again from the last
revision that it heard; when the server says that this revision is gone (410), it lists again; when nobody
answers it waits and tries again, longer each time. The wait is a background timer: a cluster whose API server
is down is quiet. Everything is delivered on the owner's turn of the loop, one event a turn, so a paused
component hears nothing and can be stepped through what queued up. Modelled on client-go's tools/cache.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import WatchEvent, WatchStream
from kubekit.api.meta import Obj
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client.rest_client import Client
from kubekit.sim import Handle, Loop

FIRST_BACKOFF = 0.8
MAX_BACKOFF = 30.0


class Reflector:
    """List and watch of one resource (or a part of it) for one consumer.

    `on_replace(items)` gets the whole list, `on_event(type, obj)` each ADDED, MODIFIED or DELETED after it.
    """

    def __init__(
        self,
        client: Client,
        loop: Loop,
        owner: str,
        resource: Resource,
        on_replace: Callable[[list[Obj]], None],
        on_event: Callable[[str, Obj], None],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        self.client = client
        self.loop = loop
        self.owner = owner
        self.resource = resource
        self.namespace = namespace
        self.label_selector = label_selector
        self.field_selector = field_selector
        self.resource_version = ""
        """The last revision heard of."""
        self.lists = 0
        """How often the whole list was fetched."""
        self.last_error = ""
        self._on_replace = on_replace
        self._on_event = on_event
        self._stream: WatchStream | None = None
        self._turn = 0  # events of an older stream than this are not ours any more
        self._backoff = FIRST_BACKOFF
        self._retry: Handle | None = None
        self._what = f"watch event of {resource.plural}"

    @property
    def watching(self) -> bool:
        """Whether a stream is open."""
        return self._stream is not None and not self._stream.closed

    def start(self) -> None:
        """Begin, on the owner's next turn."""
        self._turn += 1
        self.loop.call_soon(self.owner, self._list, self._turn, "0", what=f"list {self.resource.plural}")

    def stop(self) -> None:
        """End: close the stream and forget what was not delivered yet."""
        self._turn += 1
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    # -- the cycle --------------------------------------------------------------------------------------

    def _list(self, turn: int, resource_version: str) -> None:
        if turn != self._turn:
            return
        try:
            answer = self.client.list(
                self.resource,
                self.namespace,
                label_selector=self.label_selector,
                field_selector=self.field_selector,
                resource_version=resource_version,
            )
        except (StatusError, OSError) as error:
            self._try_again(error, self._list, "")
            return
        self.lists += 1
        items: list[Obj] = answer.get("items") or []
        if items and "kind" not in items[0]:
            # Lists of typed objects leave kind and apiVersion out of their items.
            kind, version = self.resource.kind, self.resource.api_version
            items = [{"kind": kind, "apiVersion": version, **item} for item in items]
        self.resource_version = answer.get("metadata", {}).get("resourceVersion", "")
        self._on_replace(items)
        self._watch(turn)

    def _watch(self, turn: int, resource_version: str = "") -> None:
        if turn != self._turn:
            return
        try:
            stream = self.client.watch(
                self.resource,
                self.namespace,
                label_selector=self.label_selector,
                field_selector=self.field_selector,
                resource_version=self.resource_version,
            )
        except StatusError as error:
            if error.code == 410:
                self.loop.call_soon(self.owner, self._list, turn, "")
            else:
                self._try_again(error, self._list, "")
            return
        except OSError as error:
            self._try_again(error, self._watch, "")
            return
        self._stream = stream
        self._backoff = FIRST_BACKOFF
        self.last_error = ""
        loop, owner, what = self.loop, self.owner, self._what

        def heard(event: WatchEvent) -> None:
            # The sender's turn: only queue. What follows is caused by what led to the event.
            handle = loop.call_soon(owner, self._deliver, turn, event, what=what)
            if event.cause is not None:
                handle.cause = event.cause

        stream.on_event(heard)
        stream.on_close(lambda: self._stream_closed(turn, stream))

    def _deliver(self, turn: int, event: WatchEvent) -> None:
        if turn != self._turn:
            return
        obj = event.object
        if event.type == "ERROR":
            self._relist(turn, str(obj.get("message", "")))
            return
        self.resource_version = obj["metadata"]["resourceVersion"]
        if event.type != "BOOKMARK":
            self._on_event(event.type, obj)

    def _relist(self, turn: int, why: str) -> None:
        self.last_error = why
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        self._turn += 1
        self.loop.call_soon(self.owner, self._list, self._turn, "")

    def _stream_closed(self, turn: int, stream: WatchStream) -> None:
        if turn == self._turn and self._stream is stream:
            self._stream = None
            # After what was delivered before the end; an ERROR event among it lists again instead.
            self.loop.call_soon(self.owner, self._watch, turn, "", what=f"watch {self.resource.plural} again")

    def _try_again(self, error: Exception, step: Callable[[int, str], None], argument: str) -> None:
        self.last_error = str(error)
        delay = self._backoff * (1.0 + self.loop.rng.random())
        self._backoff = min(MAX_BACKOFF, self._backoff * 2)
        self._retry = self.loop.call_later(
            delay,
            self.owner,
            step,
            self._turn,
            argument,
            what=f"{self.resource.plural}: try the API server again",
            background=True,
        )
