"""A real etcd as the store of an API server, behind the methods of `KVStore` that it uses.

Calls go to the cluster's endpoints at once and wait for the answer (`etcd_channels`). Changes, by whomever,
are heard by a thread (`etcd_follower`) and handed to the engine in order, in the engine's own turn. Two rules
make a store with many writers look to the API server like one of its own:

  its own write    returns when its event, and all before it, have been delivered: the caches know of it
  `refresh`        asks etcd how far it has come and waits until the caches have come as far: what is read
                   afterwards is at least as new as the moment of asking

`revision` is what has been delivered, so what is read from the caches is as of exactly that revision.

    etcd = RemoteEtcd(loop, ["http://127.0.0.1:2379"])
    etcd.start()
    APIServer(loop, etcd)

Do not call it from two threads without the engine's lock.
Source: apiserver/pkg/storage/etcd3 (store.go, watcher.go), apiserver/pkg/storage/cacher (consistent reads).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kubekit.etcd import Compacted, DeleteResult, EtcdError, Event, KeyValue, RangeResult
from kubekit.etcd.conversion import kv_of, result_of
from kubekit.etcd.errors import RequestTimedOut
from kubekit.etcd.messages import Message
from kubekit.etcd.operation import COMPARE_MOD, Compare, Operation, Txn, TxnResult
from kubekit.etcd.request_codec import request_message
from kubekit.etcd.tree_index import FROM_KEY
from kubekit.serving.etcd_channels import Channels, ClientTLS
from kubekit.serving.etcd_follower import Follower
from kubekit.serving.etcd_past import past
from kubekit.sim import Loop

CATCH_UP = 5.0
"""Seconds within which a change must have been heard."""

SILENCE = 1.5
"""Seconds of waiting after which another endpoint is followed."""

PAGE = 5000
"""Keys that are read at once."""

NAMES = b"/registry/masterleases/"
"""Below this each API server of a cluster writes its own key, as the original does."""


class Subscription:
    """One receiver of changes; ended with `cancel`."""

    def __init__(self, key: bytes, end: bytes, start: int, receive: Callable[[list[Event]], None]) -> None:
        self.key, self.end, self.start = key, end, start
        self.receive = receive
        self.cancelled = False

    def covers(self, key: bytes) -> bool:
        """Whether a key is in its range."""
        if not self.end:
            return key == self.key
        return key >= self.key and (self.end == FROM_KEY or key < self.end)

    def cancel(self) -> None:
        """Be told nothing any more."""
        self.cancelled = True


class RemoteEtcd:
    """The store; also stands for etcd in a cluster's list of what there is."""

    def __init__(
        self,
        loop: Loop,
        endpoints: Sequence[str],
        *,
        ca: str | Path | None = None,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
        name: str = "etcd",
    ) -> None:
        """The files are PEM: kube-apiserver's ``--etcd-cafile``, ``--etcd-certfile`` and ``--etcd-keyfile``.

        Raises BadEndpoint, and OSError for a file that cannot be read.
        """
        self.loop = loop
        self.name = name
        self.endpoints = list(endpoints)
        tls = None
        if ca or certificate or key:
            tls = ClientTLS(*(Path(file) if file else None for file in (ca, certificate, key)))
        self._channels = Channels(endpoints, tls)
        self._follower: Follower | None = None
        self._subscriptions: list[Subscription] = []
        self._position = 0
        self._delivering = False
        self._rung = False
        self._failure: Exception | None = None
        self.members: dict[str, Any] = {}
        """Members that could be stopped from here: none."""
        self.on_lost: Callable[[], None] | None = None
        """Called when changes were missed for good: everything must be read anew."""

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect and begin to follow. Raises EtcdError when no endpoint answers."""
        if self._follower is None:
            self._channels.open()
            self._position = self._present()
            self._follower = Follower(self._channels, self._position, self._ring)

    def stop(self) -> None:
        """Let go of the cluster, which goes on without us."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        self._channels.close()

    @property
    def running(self) -> bool:
        """Whether it is connected."""
        return self._follower is not None

    @property
    def state(self) -> str:
        """As a component's."""
        return "running" if self.running else "stopped"

    @property
    def store(self) -> RemoteEtcd:
        """For those who only look: itself."""
        return self

    def client(self, endpoints: Sequence[str] | None = None, name: str = "") -> RemoteEtcd:
        """The client of an API server: itself."""
        return self

    def sign_in(self, address: str) -> int:
        """Write this API server's own key; the revision, which no other has, makes its chance its own."""
        host = address.rpartition(":")[0] or address
        obj = {
            "kind": "Endpoints",
            "apiVersion": "v1",
            "metadata": {},
            "subsets": [{"addresses": [{"ip": host}]}],
        }
        return self.put(NAMES + host.encode(), json.dumps(obj, separators=(",", ":")).encode() + b"\n")

    # -- reading ----------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """The revision as of which the caches are."""
        self._deliver()
        return self._position

    @property
    def compacted_revision(self) -> int:
        """Unknown from outside; a read of what is gone is refused."""
        return -1

    def refresh(self) -> None:
        """Come as far as etcd is now. Raises EtcdError when that cannot be had."""
        if not self._delivering and not self._catch_up(self._present()):
            raise RequestTimedOut

    def get(self, key: bytes, rev: int = 0) -> KeyValue | None:
        """One key, or None; linearizable. Raises EtcdError."""
        kvs = self._range({"key": key, "revision": rev}).kvs
        return kvs[0] if kvs else None

    def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        rev: int = 0,
        limit: int = 0,
        count_only: bool = False,
        keys_only: bool = False,
    ) -> RangeResult:
        """The keys of a range in order. Raises EtcdError."""
        request = {
            "key": key,
            "range_end": range_end,
            "revision": rev,
            "limit": limit,
            "count_only": count_only,
            "keys_only": keys_only,
        }
        return self._range(request)

    def load(self, key: bytes, range_end: bytes) -> tuple[list[KeyValue], int]:
        """Everything in a range as of one revision, and that revision: watch from the next one on."""
        found: list[KeyValue] = []
        revision = 0
        while True:
            page = self.range(key, range_end, rev=revision, limit=PAGE)
            revision = revision or page.revision
            found += page.kvs
            if not page.more:
                return found, revision
            key = page.kvs[-1].key + b"\x00"

    # -- writing ----------------------------------------------------------------------------------------

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        """Write one key; the new revision. Raises EtcdError."""
        answer = self._channels.write("KV/Put", {"key": key, "value": value, "lease": lease})
        return self._written(answer)

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key is at that revision (0: it must not exist); the new revision, or 0."""
        put = {"request_put": {"key": key, "value": value, "lease": lease}}
        return self._if(key, mod_revision, put)

    def delete_if(self, key: bytes, mod_revision: int) -> int:
        """Delete a key when it is at that revision; the new revision, or 0."""
        return self._if(key, mod_revision, {"request_delete_range": {"key": key}}) if mod_revision else 0

    def delete(self, key: bytes, range_end: bytes = b"") -> DeleteResult:
        """Delete the keys of a range. Raises EtcdError."""
        request = {"key": key, "range_end": range_end, "prev_kv": True}
        answer = self._channels.write("KV/DeleteRange", request)
        gone = [kv_of(kv) for kv in answer.get("prev_kvs", ())]
        revision = self._written(answer) if gone else answer["header"]["revision"]
        return DeleteResult(len(gone), revision, gone)

    def txn(
        self,
        compares: Sequence[Compare] = (),
        success: Sequence[Operation | None] = (),
        failure: Sequence[Operation | None] = (),
    ) -> TxnResult:
        """If all comparisons hold do `success`, else `failure`, as one change. Raises EtcdError."""
        answer = self._channels.write("KV/Txn", request_message(Txn(compares, success, failure)))
        self._written(answer)
        return result_of(answer)

    def compact(self, rev: int) -> None:
        """Forget what came before a revision. Raises EtcdError."""
        self._channels.write("KV/Compact", {"revision": rev})

    def grant(self, ttl: int, id: int = 0) -> int:
        """A lease for some seconds; its id. Raises EtcdError."""
        return int(self._channels.write("Lease/LeaseGrant", {"TTL": ttl, "ID": id})["ID"])

    # -- watching ---------------------------------------------------------------------------------------

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        start_rev: int = 0,
        callback: Callable[[list[Event]], None] = lambda events: None,
    ) -> Subscription:
        """Be told of every change of a range from `start_rev` on (0: from now on), in the engine's turn.

        What has been delivered already is not told again: `start_rev` must lie after it, else Compacted is
        raised, as for any past that is gone.
        """
        if 0 < start_rev <= self._position:
            raise Compacted(self._position + 1)
        subscription = Subscription(key, range_end, start_rev, callback)
        self._subscriptions.append(subscription)
        return subscription

    def past(self, start: int) -> list[Event]:
        """Every change from a revision to now, in order. Raises Compacted, EtcdError."""
        return past(self._channels, start, self._present())

    # -- inside -----------------------------------------------------------------------------------------

    def _present(self) -> int:
        """How far etcd is: a linearizable read of next to nothing."""
        answer = self._channels.read("KV/Range", {"key": NAMES, "count_only": True})
        return int(answer["header"]["revision"])

    def _range(self, request: Message) -> RangeResult:
        answer = self._channels.read("KV/Range", request)
        kvs = [kv_of(kv) for kv in answer.get("kvs", ())]
        return RangeResult(
            kvs, answer.get("more", False), answer.get("count", 0), answer["header"]["revision"]
        )

    def _if(self, key: bytes, mod_revision: int, then: Message) -> int:
        compare = {"key": key, "target": COMPARE_MOD, "result": 0, "mod_revision": mod_revision}
        answer = self._channels.write("KV/Txn", {"compare": [compare], "success": [then]})
        return self._written(answer) if answer.get("succeeded") else 0

    def _written(self, answer: Message) -> int:
        """The revision of a write of ours, once it has been delivered."""
        revision = int(answer["header"]["revision"])
        if not self._delivering and self._follower is not None:
            self._catch_up(revision)
        return revision

    def _catch_up(self, revision: int) -> bool:
        """Deliver everything up to a revision; False when it is not heard of in time."""
        give_up = time.monotonic() + CATCH_UP
        while True:
            self._deliver()
            if self._position >= revision:
                return True
            left = give_up - time.monotonic()
            if self._follower is None or left <= 0:
                return False
            if not self._follower.wait(revision, min(left, SILENCE)) and left > SILENCE:
                # etcd has come further, and the endpoint that is followed says nothing of it.
                self._follower.hop()

    def _ring(self) -> None:
        """Ask for a turn of the engine; called by the follower's thread."""
        if not self._rung:
            self._rung = True
            self.loop.post(self.name, self._take_turn, what="hear what others wrote to etcd")

    def _take_turn(self) -> None:
        # What was missed for good is read anew by the next request, if etcd cannot be asked now.
        with contextlib.suppress(EtcdError):
            self._deliver()

    def _deliver(self) -> None:
        """Hand on what was heard, in order. A receiver that writes does not change the order: what its write
        brings waits until everybody has got the present change."""
        follower = self._follower
        if follower is None or self._delivering:
            return
        self._rung = False
        self._delivering = True
        self._failure = None
        try:
            while (heard := follower.take()) is not None:
                revision, events = heard
                if revision > self._position:
                    self._position = revision
                    self._tell(revision, events)
        finally:
            self._delivering = False
        if follower.lost:
            self._lose(follower)
        if self._failure is not None:
            raise self._failure

    def _tell(self, revision: int, events: list[Event]) -> None:
        ended = False
        for subscription in list(self._subscriptions):
            if subscription.cancelled:
                ended = True
            elif subscription.start <= revision:
                wanted = [event for event in events if subscription.covers(event.kv.key)]
                if wanted:
                    try:
                        subscription.receive(wanted)
                    except Exception as error:  # the others must hear of it all the same
                        self._failure = self._failure or error
        if ended:
            self._subscriptions = [one for one in self._subscriptions if not one.cancelled]

    def _lose(self, follower: Follower) -> None:
        """Go on from the present; whoever keeps copies must read everything anew."""
        self._position = self._present()
        follower.begin_again(self._position)
        if self.on_lost is not None:
            self.on_lost()


__all__ = ["EtcdError", "RemoteEtcd", "Subscription"]
