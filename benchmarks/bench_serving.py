"""What the HTTPS door costs: requests a second on loopback, watch fan-out, and a cluster that nobody uses.

`rows()` serves a cluster in a process of its own and measures from this one with the standard library's
client, one request after another on connections that stay open.

    python -m benchmarks serving
    python -m benchmarks.bench_serving --kubeconfig FILE

The second form asks a real API server the same with the same client, in turns with our own, and gives both
figures and their ratio. It works in a namespace of its own (kubekit-bench), which it deletes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.https_door import Door

NAMESPACE = "kubekit-bench"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v" * 64}}
REST_SECONDS = 10.0
ROUNDS = 3


@contextmanager
def served() -> Iterator[tuple[Door, subprocess.Popen[str]]]:
    """`kubekit up` until the block ends: the way to it, and its process."""
    with tempfile.TemporaryDirectory() as name:
        kubeconfig = Path(name) / "config"
        process = subprocess.Popen(
            [sys.executable, "-m", "kubekit.serving.command", "up", "--kubeconfig", str(kubeconfig)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield Door(kubeconfig), process
        finally:
            process.terminate()
            process.wait()


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def namespace(door: Door) -> Iterator[None]:
    """The namespace that everything is written into."""
    connection = door.connect()
    door.ask(connection, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    try:
        yield
    finally:
        with suppress(RuntimeError):
            door.ask(connection, "DELETE", CONFIG_MAPS)
        door.ask(connection, "DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        connection.close()


# -- what is measured: each gives requests (or events) a second ---------------------------------------


def get_object(door: Door, turn: int, count: int = 600) -> float:
    """GETs of one object, one after another."""
    return _gets(door, "/api/v1/namespaces/default", count)


def get_version(door: Door, turn: int, count: int = 600) -> float:
    """GETs of a page that reads nothing."""
    return _gets(door, "/version", count)


def _gets(door: Door, path: str, count: int) -> float:
    connection = door.connect()
    door.ask(connection, "GET", path)
    began = time.perf_counter()
    for _ in range(count):
        door.ask(connection, "GET", path)
    return count / (time.perf_counter() - began)


def create(door: Door, turn: int, count: int = 300) -> float:
    """ConfigMaps created, one after another."""
    connection = door.connect()
    began = time.perf_counter()
    for number in range(count):
        door.ask(
            connection, "POST", CONFIG_MAPS, {**CONFIG_MAP, "metadata": {"name": f"load-{turn}-{number}"}}
        )
    return count / (time.perf_counter() - began)


def patch(door: Door, turn: int, count: int = 300) -> float:
    """Merge patches of one ConfigMap, one after another."""
    connection, path = door.connect(), f"{CONFIG_MAPS}/patched-{turn}"
    door.ask(connection, "POST", CONFIG_MAPS, {**CONFIG_MAP, "metadata": {"name": f"patched-{turn}"}})
    began = time.perf_counter()
    for number in range(count):
        door.ask(connection, "PATCH", path, {"data": {"n": str(number)}}, "application/merge-patch+json")
    return count / (time.perf_counter() - began)


def list_all(door: Door, turn: int, count: int = 30) -> float:
    """Lists of the ConfigMaps that were created so far."""
    return _gets(door, CONFIG_MAPS, count)


def watch_events(door: Door, turn: int, watchers: int = 20, changes: int = 200) -> float:
    """Watch events delivered to all watchers together while one client writes."""
    ready, threads = threading.Barrier(watchers + 1), []
    version = json.loads(door.ask(door.connect(), "GET", CONFIG_MAPS))["metadata"]["resourceVersion"]

    def watch() -> None:
        connection = door.connect()
        connection.request("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={version}", headers=door.headers)
        answer = connection.getresponse()
        ready.wait()
        for _ in range(changes):
            answer.readline()
        connection.close()

    for _ in range(watchers):
        threads.append(threading.Thread(target=watch))
        threads[-1].start()
    ready.wait()
    writer = door.connect()
    began = time.perf_counter()
    for number in range(changes):
        body = {**CONFIG_MAP, "metadata": {"name": f"seen-{turn}-{number}"}}
        door.ask(writer, "POST", CONFIG_MAPS, body)
    for thread in threads:
        thread.join()
    return watchers * changes / (time.perf_counter() - began)


MEASURED: dict[str, tuple[Callable[[Door, int], float], str]] = {
    "GET of one object over HTTPS": (get_object, "requests/s"),
    "GET of /version over HTTPS": (get_version, "requests/s"),
    "POST of a ConfigMap over HTTPS": (create, "requests/s"),
    "PATCH of a ConfigMap over HTTPS": (patch, "requests/s"),
    "GET of a list of some hundred ConfigMaps over HTTPS": (list_all, "requests/s"),
    "watch events to 20 watchers while one writes": (watch_events, "events/s"),
}


def rows() -> list[tuple[str, float, str]]:
    """(what, figure, unit) of a served cluster."""
    with served() as (door, process):
        used = cpu_seconds(process)
        time.sleep(REST_SECONDS)
        at_rest = (cpu_seconds(process) - used) / REST_SECONDS * 100
        found = [("a served cluster of 3 nodes at rest", at_rest, "% of a core")]
        with namespace(door):
            found += [(what, measure(door, 0), unit) for what, (measure, unit) in MEASURED.items()]
    return found


def beside(kubeconfig: Path) -> Iterator[tuple[str, float, str]]:
    """The same for ours and for another server, in turns: the best of each, and the ratio."""
    other = Door(kubeconfig)
    with served() as (ours, _), namespace(ours), namespace(other):
        for what, (measure, unit) in MEASURED.items():
            best = [0.0, 0.0]
            for turn in range(ROUNDS):
                for place, door in enumerate((ours, other)):
                    best[place] = max(best[place], measure(door, turn))
            yield what, best[0], unit
            yield f"{what}: the other server", best[1], unit
            yield f"{what}: ours / other", best[0] / best[1], "x"


def main() -> None:
    """The table, of ours alone or beside another server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kubeconfig", type=Path)
    given = parser.parse_args()
    for what, figure, unit in beside(given.kubeconfig) if given.kubeconfig else rows():
        print(f"{what:<72} {figure:>10,.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
