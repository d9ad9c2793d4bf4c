"""A served cluster as the recordings' README describes it, and the real kubectl on it.

Time stands still between commands. While kubectl runs it passes as fast as it does for everybody, and faster
when the command takes long: it waits for something then. To settle, the clock is moved by hand. The cluster's
clock is half a day behind the wall's, so that nothing looks as if it came from the future.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import kubekit
from kubekit.api.resources import Resource
from kubekit.serving import serve
from kubekit.serving.certificates import Authority

NODES = ("control-plane", "worker1", "worker2", "worker3")
CAPACITY = {"cpu": "4", "memory": "8Gi", "pods": "110"}
BEHIND = 12 * 3600.0

NORMAL = 1.0
FAST = 8.0
"""Virtual seconds a second, for a command that answers at once and for one that waits."""

AT_ONCE = 0.4
"""Seconds after which a command is taken for one that waits."""

PATIENCE = 120.0
"""Seconds of virtual time after which a namespace that never comes to rest counts as settled."""

COMMAND_LIMIT = 60.0
CONTAINER_ID = re.compile("containerd://[0-9a-f]{64}")
"""The recorded runtime made its ids from names; the masks know no others."""

UNWATCHED = {"events", "leases", "podtemplates"}


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    exit: int
    stdout: str
    stderr: str


class ServedCluster:
    """The cluster, its door, and a folder that is the user's home."""

    def __init__(self, program: str) -> None:
        self.authority = Authority()
        self.cluster = kubekit.up(
            name="kubernetes",
            node_names=NODES,
            first_node_ip="172.18.0.2",
            capacity=CAPACITY,
            images_present=True,
            plain_image_ids=True,
            machine_id="0123456789abcdef0123456789abcdef",
            pull_seconds=0.0,
            start=time.time() - BEHIND,
            controller_options={
                "node_monitor_grace_period": 20.0,
                **self.authority.controller_options,
            },
        )
        self.folder = Path(tempfile.mkdtemp(prefix="kubekit-kubectl-"))
        self.program = self.folder / "bin" / "kubectl"
        self.program.parent.mkdir()
        # Under its usual name: the program's name stands in usage texts and managed fields.
        self.program.symlink_to(Path(program).resolve())
        self.server = serve(
            self.cluster,
            kubeconfig=self.folder / "admin.yaml",
            announce=lambda text: None,
            speed=0.0,
            authority=self.authority,
        )
        self.namespaces: set[str] = set()

    def close(self) -> None:
        """Close the door and forget the files."""
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass at once."""
        self.cluster.advance(seconds)

    # -- a scenario's surroundings ----------------------------------------------------------------------

    def enter(self, namespace: str, files: dict[str, str]) -> Session:
        """A fresh home with these files, and a fresh namespace that is the context's."""
        self.namespaces.add(namespace)
        self.cluster.client.create(
            "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
        self.advance(1.0)
        return Session(self, namespace, files)


class Session:
    """One scenario: a home, a working directory, a namespace that is watched."""

    def __init__(self, bench: ServedCluster, namespace: str, files: dict[str, str]) -> None:
        self.bench = bench
        self.namespace = namespace
        self.home = Path(tempfile.mkdtemp(prefix="home-", dir=bench.folder))
        self.cwd = self.home / "cwd"
        self.cwd.mkdir()
        for name, content in files.items():
            path = self.cwd / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        config = yaml.safe_load(bench.server.kubeconfig.read_text())
        config["contexts"][0]["context"]["namespace"] = namespace
        self.kubeconfig = self.home / ".kube" / "config"
        self.kubeconfig.parent.mkdir()
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self._changed_at = 0.0
        self._streams: list[Any] = []
        client = bench.cluster.client
        for resource in bench.cluster.apiserver.resources():
            if _watched(resource):
                version = client.list(resource, namespace)["metadata"]["resourceVersion"]
                stream = client.watch(resource, namespace, resource_version=version)
                stream.on_event(self._heard)
                self._streams.append(stream)

    def _heard(self, event: Any) -> None:
        if event.type != "BOOKMARK":
            self._changed_at = self.bench.cluster.loop.clock.now()

    def leave(self) -> None:
        """Stop watching and let the namespace go."""
        with self.bench.cluster.loop.lock:
            for stream in self._streams:
                stream.close()
            with contextlib.suppress(Exception):
                self.bench.cluster.client.delete("namespaces", self.namespace)
        self.bench.advance(3.0)

    def settle(self, at_least: float, quiet: float) -> None:
        """Let time pass until nothing in the namespace has changed for a while."""
        loop = self.bench.cluster.loop
        started = loop.clock.now()
        self.bench.advance(at_least)
        while loop.clock.now() - started < PATIENCE:
            if loop.clock.now() - max(self._changed_at, started) >= quiet:
                return
            self.bench.advance(0.25)

    def run(self, argv: list[str], stdin: str | None) -> Answer:
        """Run kubectl; its texts are given as if at home in `/home/user`, with the recorded port."""
        driver = self.bench.server.driver
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "TZ": "UTC",
        }
        driver.speed = NORMAL
        process = subprocess.Popen(
            [str(self.bench.program), *argv],
            cwd=self.cwd,
            env=environment,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            try:
                stdout, stderr = process.communicate(stdin, timeout=AT_ONCE)
            except subprocess.TimeoutExpired:
                driver.speed = FAST
                try:
                    stdout, stderr = process.communicate(timeout=COMMAND_LIMIT)
                except subprocess.TimeoutExpired:
                    process.kill()
                    stdout, stderr = process.communicate()
                    stderr += f"\nstill running after {COMMAND_LIMIT:.0f} s"
        finally:
            driver.speed = 0.0
        return Answer(process.returncode, self._as_recorded(stdout), self._as_recorded(stderr))

    def _as_recorded(self, text: str) -> str:
        text = text.replace(str(self.cwd), "/home/user/cwd").replace(str(self.home), "/home/user")
        text = CONTAINER_ID.sub("containerd://name_namespace_uid", text)
        return text.replace(f"127.0.0.1:{self.bench.server.port}", "127.0.0.1:21000")


def _watched(resource: Resource) -> bool:
    """Whether changes of this resource count when a namespace settles."""
    verbs = {"list", "watch"} <= set(resource.verbs)
    return resource.namespaced and verbs and resource.plural not in UNWATCHED
