"""The same requests to a real etcd and to ours: answers must agree.

Any etcd 3.4 or later will do. Known differences between releases are left out of the comparison: 3.4 answers
412 where 3.6 answers 400, repeats the message as `error`, and looks at the operations of a transaction in
another order when several of them are wrong.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.v3rpc import Server
from kubekit.sim import VirtualClock
from tests.conformance.etcd import normalised
from tests.programs import need_program

pytestmark = pytest.mark.real

Obj = dict[str, Any]
KEYS = [b"a", b"aa", b"b", b"b/", b"b/1", b"b/2", b"foo", b"foo1", b"k\x00x", b"zoo"]
ENDS = [*KEYS, b"\x00", b"b0", b"c", b"foo0"]


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """The address of a fresh single-member etcd."""
    program = need_program("etcd")
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    options = {
        "data-dir": str(tmp_path / "data"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        try:
            wait_for(client)
            yield client
        finally:
            server.kill()
            server.wait()


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            ask(address, "kv/range", {"key": encoded(b"a")})
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"no etcd at {address}")


def ask(address: str, path: str, request: Obj) -> tuple[int, Obj]:
    body = json.dumps(request).encode()
    try:
        with urllib.request.urlopen(f"{address}/v3/{path}", data=body, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Script:
    """A stream of random requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def request(self) -> tuple[str, Obj]:
        leases = ("lease/grant", {"ID": self.number(1, 4), "TTL": self.number(100, 200)})
        revoke = ("lease/revoke", {"ID": self.number(1, 4)})
        live = ("lease/timetolive", {"ID": self.number(1, 4), "keys": True})
        compact = ("kv/compaction", {"revision": self.number(0, 60)})
        kind = self.chance.random()
        if kind < 0.4:
            return "kv/put", self.put()
        if kind < 0.6:
            return "kv/range", self.range()
        if kind < 0.7:
            return "kv/deleterange", self.delete()
        return ("kv/txn", self.txn(0)) if kind < 0.9 else self.chance.choice([leases, revoke, live, compact])

    def number(self, low: int, high: int) -> str:
        return str(self.chance.randint(low, high))

    def span(self) -> Obj:
        span = {"key": encoded(self.chance.choice(KEYS))}
        if self.chance.random() < 0.5:
            span["range_end"] = encoded(self.chance.choice(ENDS))
        return span

    def put(self) -> Obj:
        put: Obj = {
            "key": encoded(self.chance.choice(KEYS)),
            "value": encoded(b"v" + self.number(0, 9).encode()),
        }
        extra: list[Obj] = [
            {"lease": self.number(1, 4)},
            {"prev_kv": True},
            {"ignore_value": True, "value": ""},
        ]
        return put | self.chance.choice([*extra, {}, {}, {"ignore_lease": True}])

    def range(self) -> Obj:
        order = {
            "sort_order": self.chance.choice(["NONE", "ASCEND", "DESCEND"]),
            "sort_target": self.chance.choice(["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
        }
        extra: list[Obj] = [
            order,
            order | {"limit": self.number(0, 4)},
            {"revision": self.number(-1, 40)},
            {"min_mod_revision": self.number(0, 30), "max_create_revision": self.number(0, 30)},
            {"count_only": True},
        ]
        return self.span() | self.chance.choice(extra)

    def delete(self) -> Obj:
        return self.span() | {"prev_kv": self.chance.random() < 0.5}

    def txn(self, depth: int) -> Obj:
        return {
            "compare": [self.compare() for _ in range(self.chance.randint(0, 2))],
            "success": [self.inner(depth) for _ in range(self.chance.randint(0, 3))],
            "failure": [self.inner(depth) for _ in range(self.chance.randint(0, 2))],
        }

    def inner(self, depth: int) -> Obj:
        kind = self.chance.randint(0, 3 if depth < 2 else 2)
        if kind == 0:
            return {"request_put": self.put()}
        if kind == 1:
            return {"request_range": self.range()}
        return {"request_delete_range": self.delete()} if kind == 2 else {"request_txn": self.txn(depth + 1)}

    def compare(self) -> Obj:
        target, field = self.chance.choice(
            [
                ("VERSION", "version"),
                ("CREATE", "create_revision"),
                ("MOD", "mod_revision"),
                ("VALUE", "value"),
            ]
        )
        operand = encoded(b"v1") if field == "value" else self.number(0, 6)
        result = self.chance.choice(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])
        return self.span() | {"target": target, "result": result, field: operand}


def comparable(path: str, status: int, answer: Obj) -> Obj:
    """What releases agree on."""
    if status != 200:
        refusal = {"status": 400 if status == 412 else status}
        return (
            refusal if path == "kv/txn" else refusal | {"message": answer["message"], "code": answer["code"]}
        )
    normal: Obj = normalised(answer, "ttl" if path == "lease/timetolive" else "")
    return normal


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_agree(real: str, seed: int) -> None:
    ours = Gateway(Server(KVStore(VirtualClock())))
    script = Script(seed)
    for number in range(400):
        path, request = script.request()
        wanted = comparable(path, *ask(real, path, request))
        got = comparable(path, *ours.post(path, json.dumps(request)))
        assert got == wanted, f"seed {seed}, request {number}: {path} {json.dumps(request)}"
