"""The event recorder: how components say what they did, without flooding the server.

`EventRecorder.event(obj, "Normal", "Created", "...")` queues an Event about `obj`; the correlator decides
what becomes of it: the same event again only raises `count` of the first one, the tenth similar one within
ten minutes (all alike but for the message) turns into one "(combined from similar events)", and a source that
says more than 25 things about one object is cut to one in five minutes. Modelled on client-go's
tools/record/events_cache. With an `action` the newer events.k8s.io form is written, as the scheduler does:
repetitions become a `series` (client-go's tools/events).
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client.rest_client import Client
from kubekit.sim import Loop, rfc3339, rfc3339_micro

CACHE_SIZE = 4096
SIMILAR_EVENTS = 10
SIMILAR_SECONDS = 600.0
SPAM_BURST = 25
SPAM_PER_SECOND = 1.0 / 300.0
SERIES_SECONDS = 360.0
TRIES = 12
RETRY_SECONDS = 10.0

V = TypeVar("V")


class LruCache(Generic[V]):
    """The most recently used entries, up to a size."""

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._entries: OrderedDict[Any, V] = OrderedDict()
        self._size = size

    def get(self, key: Any) -> V | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Any, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: Any) -> None:
        self._entries.pop(key, None)


def reference_to(obj: Obj, field_path: str = "") -> Obj:
    """An ObjectReference to `obj` (which carries kind and apiVersion), as events hold it."""
    meta = obj["metadata"]
    reference: Obj = {"kind": obj["kind"]}
    for field in ("namespace", "name", "uid"):
        if meta.get(field):
            reference[field] = meta[field]
    reference["apiVersion"] = obj["apiVersion"]
    if meta.get("resourceVersion"):
        reference["resourceVersion"] = meta["resourceVersion"]
    if field_path:
        reference["fieldPath"] = field_path
    return reference


class Correlator:
    """Counts, combines and filters the events of one source; see the worked example.

    >>> from kubekit.sim import VirtualClock
    >>> correlator = Correlator(VirtualClock())
    >>> pod = {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "1", "apiVersion": "v1"}
    >>> def event(n):
    ...     return {"metadata": {"name": f"web.{n}", "namespace": "shop"}, "involvedObject": pod,
    ...             "type": "Normal", "reason": "Tick", "message": f"tick {n}", "count": 1,
    ...             "source": {"component": "demo"}}
    >>> correlator.correlate(event(1))[0]["count"], correlator.correlate(event(1))[0]["count"]
    (1, 2)
    >>> for n in range(2, 11):
    ...     last = correlator.correlate(event(n))[0]["message"]
    >>> last
    '(combined from similar events): tick 10'
    """

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self._similar: LruCache[tuple[dict[str, None], float]] = LruCache()
        self._seen: LruCache[tuple[int, str, str]] = LruCache()  # count, name, first timestamp
        self._buckets: LruCache[tuple[float, float]] = LruCache()  # tokens left, at which time

    def correlate(self, event: Obj) -> tuple[Obj, bool, Any] | None:
        """(the event to write, whether it updates an earlier one, its cache key), or None: filtered."""
        source, about = event["source"], event["involvedObject"]
        who = (source["component"], source.get("host", ""))
        what = tuple(about.get(f) for f in ("kind", "namespace", "name", "uid", "apiVersion"))
        event, key = self._aggregate(event, (who, what, event["type"], event["reason"]), about)
        seen = self._seen.get(key)
        if seen is not None:
            count, name, first = seen
            event = {
                **event,
                "metadata": {**event["metadata"], "name": name},
                "firstTimestamp": first,
                "count": count + 1,
            }
        first = event.get("firstTimestamp") or ""
        self._seen.put(key, (event["count"], event["metadata"]["name"], first))
        if not self._take_token((who, what, event["type"])):
            return None
        return event, seen is not None, key

    def written(self, key: Any, event: Obj) -> None:
        """Remember what the server stored."""
        first = event.get("firstTimestamp") or ""
        self._seen.put(key, (event.get("count", 1), event["metadata"]["name"], first))

    def _aggregate(self, event: Obj, group: Any, about: Obj) -> tuple[Obj, Any]:
        now = self.clock.now()
        full_key = (group, about.get("fieldPath", ""), event["message"])
        messages, last = self._similar.get(group) or ({}, float("-inf"))
        if now - last > SIMILAR_SECONDS:
            messages = {}
        messages[event["message"]] = None
        self._similar.put(group, (messages, now))
        if len(messages) < SIMILAR_EVENTS:
            return event, full_key
        del messages[next(iter(messages))]
        combined = dict(event)
        combined["count"] = 1
        combined["message"] = f"(combined from similar events): {event['message']}"
        return combined, group

    def _take_token(self, key: Any) -> bool:
        now = self.clock.now()
        tokens, at = self._buckets.get(key) or (float(SPAM_BURST), now)
        tokens = min(float(SPAM_BURST), tokens + (now - at) * SPAM_PER_SECOND)
        allowed: bool = tokens >= 1.0
        self._buckets.put(key, (tokens - 1.0 if allowed else tokens, now))
        return allowed


class EventRecorder:
    """Writes the Events of one component (`component`, on `host` if it belongs to a node).

    `owner` is the loop's name of the component that it runs in, when that is another name than `component`.
    """

    def __init__(
        self, client: Client, loop: Loop, component: str, host: str = "", *, owner: str | None = None
    ) -> None:
        self.client = client
        self.loop = loop
        self.component = component
        self.host = host
        self.owner = owner or (f"{component}/{host}" if host else component)
        self.correlator = Correlator(loop.clock)
        self._source: Obj = {"component": component, **({"host": host} if host else {})}
        self._offset = zlib.crc32(self.owner.encode() + component.encode()) % 900_000
        self._last_stamp = 0
        self._series: LruCache[tuple[Obj, float]] = LruCache()
        self._what = f"write an event of {component}"

    def event(
        self,
        obj: Obj,
        type: str,
        reason: str,
        message: str,
        field_path: str = "",
        related: Obj | None = None,
        action: str = "",
    ) -> None:
        """Say that `reason` happened to `obj`; `type` is "Normal" or "Warning".

        `obj` is an object or an ObjectReference. The event is written on a later turn of the owner.
        """
        if "metadata" in obj:
            about = reference_to(obj, field_path)
        else:
            about = {**obj, "fieldPath": field_path} if field_path else dict(obj)
        namespace = about.get("namespace") or "default"
        metadata: Obj = {"name": f"{about.get('name', '')}.{self._stamp():x}", "namespace": namespace}
        if action:
            self._record_series(metadata, about, type, reason, message, related, action)
            return
        now = rfc3339(self.loop.clock.now())
        event: Obj = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": metadata,
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self.component,
            "reportingInstance": self.host,
        }
        self.loop.call_soon(self.owner, self._record, event, what=self._what)

    # -- the classic form -------------------------------------------------------------------------------

    def _record(self, event: Obj) -> None:
        result = self.correlator.correlate(event)
        if result is not None:
            self._write(*result, 1)

    def _write(self, event: Obj, update: bool, key: Any, tries: int) -> None:
        meta = event["metadata"]
        try:
            if update:
                patch = {f: event[f] for f in ("count", "lastTimestamp", "message")}
                try:
                    written = self.client.patch("events", meta["name"], patch, meta["namespace"])
                except StatusError as error:
                    if error.code != 404:
                        raise
                    written = self.client.create("events", event, meta["namespace"])
            else:
                written = self.client.create("events", event, meta["namespace"])
        except StatusError as error:
            if error.reason == "AlreadyExists" and tries < TRIES:
                renamed = {**meta, "name": f"{event['involvedObject'].get('name', '')}.{self._stamp():x}"}
                self._write({**event, "metadata": renamed}, False, key, tries + 1)
            return
        except OSError:
            if tries < TRIES:
                self._later(tries, self._write, event, update, key, tries + 1)
            return
        self.correlator.written(key, written)

    # -- events.k8s.io ----------------------------------------------------------------------------------

    def _record_series(
        self, metadata: Obj, about: Obj, type: str, reason: str, note: str, related: Obj | None, action: str
    ) -> None:
        now = self.loop.clock.now()
        other = None if related is None else (reference_to(related) if "metadata" in related else related)
        key = (type, action, reason, tuple(sorted(about.items())), tuple(sorted((other or {}).items())))
        cached = self._series.get(key)
        seen = cached[0] if cached is not None and now - cached[1] <= SERIES_SECONDS else None
        if seen is not None:
            # The first repetition is written; later ones are only counted until the series ends.
            series = seen.get("series")
            count = series["count"] + 1 if series else 2
            counted = {**seen, "series": {"count": count, "lastObservedTime": rfc3339_micro(now)}}
            self._series.put(key, (counted, now))
            if series is None:
                self.loop.call_soon(self.owner, self._write_series, counted, 1, what=self._what)
            return
        event: Obj = {
            "kind": "Event",
            "apiVersion": "events.k8s.io/v1",
            "metadata": metadata,
            "eventTime": rfc3339_micro(now),
            "reportingController": self.component,
            "reportingInstance": f"{self.component}-{self.host or 'controlplane'}",
            "action": action,
            "reason": reason,
            "regarding": about,
            **({"related": other} if other else {}),
            "note": note,
            "type": type,
        }
        self._series.put(key, (event, now))
        self.loop.call_soon(self.owner, self._write_series, event, 1, what=self._what)

    def _write_series(self, event: Obj, tries: int) -> None:
        meta = event["metadata"]
        try:
            if "series" in event:
                patch = {"series": event["series"]}
                try:
                    self.client.patch("events.events.k8s.io", meta["name"], patch, meta["namespace"])
                    return
                except StatusError as error:
                    if error.code != 404:
                        return
            self.client.create("events.events.k8s.io", event, meta["namespace"])
        except StatusError as error:
            if error.reason == "AlreadyExists" and "series" not in event and tries < TRIES:
                renamed = {**meta, "name": f"{event['regarding'].get('name', '')}.{self._stamp():x}"}
                self._write_series({**event, "metadata": renamed}, tries + 1)
        except OSError:
            if tries < TRIES:
                self._later(tries, self._write_series, event, tries + 1)

    # -- inside -----------------------------------------------------------------------------------------

    def _later(self, tries: int, step: Any, *args: Any) -> None:
        delay = RETRY_SECONDS * (self.loop.rng.random() if tries == 1 else 1.0)
        self.loop.call_later(delay, self.owner, step, *args, what=self._what, background=True)

    def _stamp(self) -> int:
        """Nanoseconds for an event's name, never the same twice and apart from those of other sources."""
        self._last_stamp = max(self._last_stamp + 1, int(self.loop.clock.now() * 1e6) * 1000 + self._offset)
        return self._last_stamp
