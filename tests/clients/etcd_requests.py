"""Random requests to an etcd, as its JSON gateway takes them; the same for the same seed.

They use few keys, so that they meet each other, and ask for what goes wrong often: unknown leases, revisions
that are gone or do not exist yet, keys that are put twice in a transaction, ranges without a key.
"""

from __future__ import annotations

import base64
import random
from typing import Any

Obj = dict[str, Any]
KEYS = [b"a", b"aa", b"b", b"b/", b"b/1", b"b/2", b"foo", b"foo1", b"k\x00x", b"zoo", b"\x00", b"\xff"]
ENDS = [*KEYS, b"b0", b"c", b"foo0"]
NUMBERS = ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Script:
    """A stream of random requests. `revision` is the last that was seen; who asks keeps it up to date."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.revision = 1

    def request(self) -> tuple[str, Obj]:
        """(path, body) of the next request."""
        kind = self.chance.random()
        if kind < 0.35:
            return "kv/put", self.put()
        if kind < 0.55:
            return "kv/range", self.range()
        if kind < 0.63:
            return "kv/deleterange", self.delete()
        return ("kv/txn", self.txn(0)) if kind < 0.85 else self.other()

    def other(self) -> tuple[str, Obj]:
        """A request about leases, or a compaction."""
        ttl = self.chance.choice(["100", "150", "200", "9000000000", "9000000001"])
        near = self.chance.random() < 0.3
        compact = self.number(-1, self.revision + 1) if near else self.number(0, max(0, self.revision - 20))
        return self.chance.choice(
            [
                ("lease/grant", {"ID": self.chance.choice(["-1", "1", "2", "3", "4", "5"]), "TTL": ttl}),
                ("lease/revoke", {"ID": self.number(-1, 6)}),
                ("kv/lease/revoke", {"ID": self.number(1, 5)}),
                ("lease/timetolive", {"ID": self.number(-1, 6), "keys": self.maybe(0.5)}),
                ("lease/leases", {}),
                ("lease/keepalive", {"ID": self.number(0, 6)}),
                ("kv/compaction", {"revision": compact, "physical": self.maybe(0.5)}),
            ]
        )

    def watch(self) -> Obj:
        """A `WatchCreateRequest`."""
        watch = self.span()
        if self.maybe(0.6):
            watch["start_revision"] = self.number(0, self.revision + 5)
        if self.maybe(0.3):
            watch["filters"] = self.chance.choice([["NOPUT"], ["NODELETE"], ["NOPUT", "NODELETE"], []])
        if self.maybe(0.3):
            watch["watch_id"] = self.number(0, 9)
        return watch | {"prev_kv": self.maybe(0.5), "fragment": self.maybe(0.2)}

    def maybe(self, likely: float) -> bool:
        return self.chance.random() < likely

    def number(self, low: int, high: int) -> str:
        return str(self.chance.randint(low, high))

    def key(self) -> str:
        return encoded(self.chance.choice(KEYS)) if self.maybe(0.97) else ""

    def span(self) -> Obj:
        span = {"key": self.key()}
        return span | {"range_end": encoded(self.chance.choice(ENDS))} if self.maybe(0.5) else span

    def value(self) -> str:
        return encoded(b"v" + self.number(0, 9).encode())

    def put(self) -> Obj:
        put: Obj = {"key": self.key()}
        if self.maybe(0.85):
            put["value"] = self.value()
        if self.maybe(0.25):
            put["lease"] = self.number(-1, 5)
        flags = {"prev_kv": 0.3, "ignore_value": 0.12, "ignore_lease": 0.12}
        return put | {name: True for name, likely in flags.items() if self.maybe(likely)}

    def range(self) -> Obj:
        span = self.span()
        if self.maybe(0.4):
            span["sort_order"] = self.chance.choice(["NONE", "ASCEND", "DESCEND", 0, 1, 2])
        if self.maybe(0.4):
            span["sort_target"] = self.chance.choice(["KEY", "VERSION", "CREATE", "MOD", "VALUE"])
        if self.maybe(0.35):
            span["limit"] = self.number(-1, 5)
        if self.maybe(0.25):
            span["revision"] = self.number(-1, self.revision + 2)
        span |= {name: self.number(-1, self.revision) for name in NUMBERS if self.maybe(0.1)}
        return span | {name: True for name in ("count_only", "keys_only", "serializable") if self.maybe(0.12)}

    def delete(self) -> Obj:
        return self.span() | {"prev_kv": self.maybe(0.5)}

    def txn(self, depth: int) -> Obj:
        return {
            "compare": [self.compare() for _ in range(self.chance.randint(0, 2))],
            "success": [self.inner(depth) for _ in range(self.chance.randint(0, 3))],
            "failure": [self.inner(depth) for _ in range(self.chance.randint(0, 2))],
        }

    def inner(self, depth: int) -> Obj:
        kind = self.chance.random()
        if kind < 0.4:
            return {"request_put": self.put()}
        if kind < 0.6:
            return {"request_range": self.range()}
        if kind < 0.8:
            return {"request_delete_range": self.delete()}
        if kind < 0.82:
            return {}
        return {"request_txn": self.txn(depth + 1)} if depth < 2 else {"request_put": self.put()}

    def compare(self) -> Obj:
        fields = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision", "VALUE": "value"}
        fields["LEASE"] = "lease"
        target, field = self.chance.choice(list(fields.items()))
        compare = self.span() | {"target": target}
        compare["result"] = self.chance.choice(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])
        if self.maybe(0.1):
            field = self.chance.choice(["version", "value", "lease"])
        if self.maybe(0.95):
            compare[field] = self.value() if field == "value" else self.number(-1, 8)
        return compare
