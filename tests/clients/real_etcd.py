"""Real etcd clusters for the tests: members in processes of their own, on free ports of loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BOOT = 30.0
"""Seconds within which a member must answer."""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free at this moment."""
    doors = [socket.socket() for _ in range(count)]
    try:
        for door in doors:
            door.bind(("127.0.0.1", 0))
        return [int(door.getsockname()[1]) for door in doors]
    finally:
        for door in doors:
            door.close()


class RealMember:
    """One etcd process."""

    def __init__(self, program: str, folder: Path, name: str, client: str, peer: str, cluster: str) -> None:
        self.name, self.client, self.peer = name, client, peer
        self.folder = folder
        options = {
            "name": name,
            "data-dir": str(folder / name),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": cluster,
        }
        self.command = [program, *(f"--{key}={value}" for key, value in options.items())]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.client}/v3/{path}", data=data, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


class RealEtcd:
    """A cluster of real members."""

    def __init__(self, program: str, folder: Path, count: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ports = free_ports(2 * count)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        names = [f"m{n}" for n in range(count)]
        cluster = ",".join(f"{name}={urls[2 * n + 1]}" for n, name in enumerate(names))
        self.members = [
            RealMember(program, folder, name, urls[2 * n], urls[2 * n + 1], cluster)
            for n, name in enumerate(names)
        ]

    @property
    def endpoints(self) -> list[str]:
        return [member.client for member in self.members]

    def __enter__(self) -> RealEtcd:
        for member in self.members:
            member.start()
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for member in self.members:
            if member.process is not None:
                member.signal(signal.SIGCONT)
            member.kill()

    def wait(self) -> None:
        """Until every running member serves a linearizable read."""
        for member in self.members:
            deadline = time.monotonic() + BOOT
            while member.process is not None:
                try:
                    member.ask("kv/range", {"key": "YQ=="})
                    break
                except (OSError, urllib.error.HTTPError):
                    assert time.monotonic() < deadline, f"{member.name} does not answer"
                    time.sleep(0.05)

    def leader(self) -> RealMember:
        """The member that leads; waits for an election."""
        deadline = time.monotonic() + BOOT
        while time.monotonic() < deadline:
            for member in self.members:
                if member.process is None:
                    continue
                try:
                    status = member.ask("maintenance/status", {})
                except OSError:
                    continue
                if status.get("leader") == status["header"]["member_id"]:
                    return member
            time.sleep(0.05)
        raise AssertionError("no leader")

    def revision(self) -> int:
        """The cluster's revision, asked of whichever member answers."""
        for member in self.members:
            if member.process is not None:
                return int(member.ask("kv/range", {"key": "YQ=="})["header"]["revision"])
        raise AssertionError("no member runs")

    def content(self, prefix: bytes) -> dict[bytes, tuple[bytes, int]]:
        """Everything under a prefix: values and mod revisions."""
        import base64

        from kubekit.etcd import prefix_end

        def text(data: bytes) -> str:
            return base64.b64encode(data).decode()

        for member in self.members:
            if member.process is not None:
                body = {"key": text(prefix), "range_end": text(prefix_end(prefix))}
                found = member.ask("kv/range", body).get("kvs", [])
                return {
                    base64.b64decode(kv["key"]): (
                        base64.b64decode(kv.get("value", "")),
                        int(kv["mod_revision"]),
                    )
                    for kv in found
                }
        raise AssertionError("no member runs")
