"""What the HTTPS door costs: requests a second on loopback, watch fan-out, and a cluster that nobody uses.

`rows()` serves a cluster in a process of its own and measures from this one with the standard library's
client, one request after another on connections that stay open.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v" * 64}}
REST_SECONDS = 10.0


class Served:
    """A served cluster and the way to it."""

    def __init__(self, process: subprocess.Popen[str], kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.process = process
        self.port = int(re.findall(r":(\d+)$", cluster["server"])[0])
        pem = folder / "client.pem"
        pem.write_bytes(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        self.tls.load_cert_chain(pem)

    def connect(self) -> http.client.HTTPSConnection:
        """A new connection."""
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)

    def cpu_seconds(self) -> float:
        """Processor time that the server has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served() -> Iterator[Served]:
    """`kubekit up` until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = subprocess.Popen(
            [sys.executable, "-m", "kubekit.serving.command", "up", "--kubeconfig", str(folder / "config")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield Served(process, folder / "config", folder)
        finally:
            process.terminate()
            process.wait()


def ask(connection: http.client.HTTPSConnection, method: str, path: str, body: object = None) -> bytes:
    """One request and its whole answer."""
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
    return text


def gets_per_second(one: Served, path: str, count: int = 1_000) -> float:
    """GETs of one path, one after another."""
    connection = one.connect()
    ask(connection, "GET", path)
    began = time.perf_counter()
    for _ in range(count):
        ask(connection, "GET", path)
    return count / (time.perf_counter() - began)


def posts_per_second(one: Served, count: int = 500) -> float:
    """ConfigMaps created, one after another."""
    connection = one.connect()
    began = time.perf_counter()
    for number in range(count):
        body = {**CONFIG_MAP, "metadata": {"name": f"load-{number}"}}
        ask(connection, "POST", "/api/v1/namespaces/default/configmaps", body)
    return count / (time.perf_counter() - began)


def events_per_second(one: Served, watchers: int = 20, changes: int = 200) -> float:
    """Watch events delivered to all watchers together while one client writes."""
    ready, threads = threading.Barrier(watchers + 1), []
    path = "/api/v1/namespaces/kube-public/configmaps"

    def watch() -> None:
        connection = one.connect()
        connection.request("GET", f"{path}?watch=true&resourceVersion={version}")
        answer = connection.getresponse()
        ready.wait()
        for _ in range(changes):
            answer.readline()

    version = json.loads(ask(one.connect(), "GET", path))["metadata"]["resourceVersion"]
    for _ in range(watchers):
        threads.append(threading.Thread(target=watch))
        threads[-1].start()
    ready.wait()
    writer = one.connect()
    began = time.perf_counter()
    for number in range(changes):
        ask(writer, "POST", path, {**CONFIG_MAP, "metadata": {"name": f"seen-{number}"}})
    for thread in threads:
        thread.join()
    return watchers * changes / (time.perf_counter() - began)


def rows() -> list[tuple[str, float, str]]:
    """(what, figure, unit) of everything above."""
    with served() as one:
        used = one.cpu_seconds()
        time.sleep(REST_SECONDS)
        at_rest = (one.cpu_seconds() - used) / REST_SECONDS * 100
        return [
            ("a served cluster of 3 nodes at rest", at_rest, "% of a core"),
            ("GET of one node over HTTPS", gets_per_second(one, "/api/v1/nodes/node01"), "requests/s"),
            ("GET of /version over HTTPS", gets_per_second(one, "/version"), "requests/s"),
            ("POST of a ConfigMap over HTTPS", posts_per_second(one), "requests/s"),
            ("watch events to 20 watchers while one writes", events_per_second(one), "events/s"),
        ]


if __name__ == "__main__":
    for what, figure, unit in rows():
        print(f"{what:<60} {figure:>10,.1f} {unit}")
