"""Files made here in the hands of real programs, and theirs in ours: etcdctl, etcdutl and etcd 3.4 and 3.5.

Snapshots are summed up and restored by the real tools; a real etcd starts on what was restored here, on a
data directory that was written here, and its own directory is read here.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.etcd import FROM_KEY, KVStore
from kubekit.etcd.alarms import AlarmStore
from kubekit.etcd.apply import Applier
from kubekit.etcd.auth import READWRITE, AuthStore, Permission
from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import FolderDisk
from kubekit.etcd.errors import AuthFailed
from kubekit.etcd.membership import MemberInfo, Membership, cluster_id, member_id
from kubekit.etcd.operation import DeleteRange, Put, Txn
from kubekit.etcd.quota import Quota
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.restore import Plan, restore
from kubekit.etcd.snapshot import SnapshotBlobs, SnapshotFile, save, status
from kubekit.etcd.store_loading import load, state_of
from kubekit.raft import NORMAL, ConfState, Entry, HardState, Snapshot
from kubekit.sim import VirtualClock
from tests.etcd.snapshot_files import file_of, names
from tests.programs import need_bundled, need_program

pytestmark = pytest.mark.real

RELEASES = ["3.4", "3.5"]
Obj = dict[str, Any]


def tool(release: str, name: str) -> str:
    """A program of a release: 3.4 is the machine's own, 3.5 comes with the tests."""
    return need_program(name) if release == "3.4" else need_bundled(name)


def run(*arguments: str, cwd: Path) -> str:
    """Run a program to its end; what it prints."""
    done = subprocess.run(
        arguments, cwd=cwd, env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def snapshot_tool(release: str) -> str:
    return tool(release, "etcdctl" if release == "3.4" else "etcdutl")


def free_urls(count: int) -> list[str]:
    """Addresses of free ports."""
    with contextlib.ExitStack() as stack:
        doors = [stack.enter_context(socket.socket()) for _ in range(count)]
        for door in doors:
            door.bind(("127.0.0.1", 0))
        return [f"http://127.0.0.1:{door.getsockname()[1]}" for door in doors]


@contextlib.contextmanager
def etcd(release: str, data_dir: Path, client: str, peer: str, name: str = "default") -> Iterator[None]:
    """A real member on a data directory."""
    program = tool(release, "etcd")
    arguments = [
        f"--data-dir={data_dir}",
        f"--name={name}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={name}={peer}",
        # So that a password is checked in no time, here too.
        "--bcrypt-cost=4",
    ]
    log = data_dir.parent / f"{name}.log"
    with log.open("wb") as out:
        server = subprocess.Popen([program, *arguments], stdout=out, stderr=out)
        try:
            yield
            assert server.poll() is None, log.read_text()[-3000:]
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()
            server.wait()


def ask(address: str, path: str, request: Obj) -> Obj:
    """Ask a real member; it may still be starting."""
    body = json.dumps(request).encode()
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/v3/{path}", data=body, timeout=5) as answer:
                found: Obj = json.load(answer)
                return found
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"no answer from {address}")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def keys_of(address: str, revision: int = 0) -> list[tuple[Any, ...]]:
    """All keys of a real member."""
    request = {"key": encoded(b"\0"), "range_end": encoded(b"\0"), "revision": str(revision)}
    kvs = ask(address, "kv/range", request).get("kvs", [])
    return [
        (
            base64.b64decode(kv["key"]),
            base64.b64decode(kv.get("value", "")),
            int(kv["create_revision"]),
            int(kv["mod_revision"]),
            int(kv["version"]),
            int(kv.get("lease", 0)),
        )
        for kv in kvs
    ]


def keys_in(store: KVStore, revision: int = 0) -> list[tuple[Any, ...]]:
    """All keys of a store of ours."""
    return [tuple(kv) for kv in store.range(b"\0", FROM_KEY, rev=revision).kvs]


def filled(clock: VirtualClock) -> tuple[KVStore, AuthStore]:
    """A store with history, leases and users."""
    store, auth = KVStore(clock), AuthStore(clock)
    for number in range(300):
        store.put(b"/registry/pods/default/web-%03d" % (number % 90), b"value %d " % number * 20)
    store.txn([], [Put(b"a", b"1"), Put(b"b", b"2"), DeleteRange(b"/registry/pods/default/web-00", b"/s")])
    store.put(b"big", b"x" * 300_000)
    store.leases.grant(3600, 77)
    store.put(b"leased", b"by 77", lease=77)
    store.delete(b"a")
    store.compact(250)
    auth.add_role("r1")
    auth.grant_permission("r1", Permission(b"k", b"", READWRITE))
    return store, auth


def snapshot_of(store: KVStore, auth: AuthStore) -> SnapshotBlobs:
    return SnapshotBlobs(state_of(store, auth, consistent_index=5, term=2, conf_state=ConfState((1,))))


@pytest.mark.parametrize("release", RELEASES)
def test_the_real_status_agrees(release: str, tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    save(snapshot_of(*filled(VirtualClock())), disk, "ours.db")
    for name in names():
        disk.write(f"{name}.db", file_of(name))
    for name in ["ours", *names()]:
        answer = json.loads(
            run(snapshot_tool(release), "snapshot", "status", f"{name}.db", "-w", "json", cwd=tmp_path)
        )
        ours = status(disk, f"{name}.db", release)
        assert answer == dict(zip(["hash", "revision", "totalKey", "totalSize"], ours, strict=False))


@pytest.mark.parametrize("release", RELEASES)
def test_a_real_etcd_serves_a_snapshot_made_here(release: str, tmp_path: Path) -> None:
    """Saved here, restored by the real tool, served by the real server."""
    store, auth = filled(VirtualClock())
    save(snapshot_of(store, auth), FolderDisk(tmp_path), "ours.db")
    client, peer = free_urls(2)
    run(
        *(snapshot_tool(release), "snapshot", "restore", "ours.db", "--data-dir", "data"),
        *("--initial-cluster", f"default={peer}", "--initial-advertise-peer-urls", peer),
        cwd=tmp_path,
    )
    with etcd(release, tmp_path / "data", client, peer):
        compare(client, store)
        assert ask(client, "lease/timetolive", {"ID": "77", "keys": True})["keys"] == [encoded(b"leased")]


@pytest.mark.parametrize("release", RELEASES)
def test_users_log_in_at_a_real_etcd(release: str, tmp_path: Path) -> None:
    """Passwords, roles and permissions, with auth switched on."""
    store, auth = filled(VirtualClock())
    auth.grant_permission("r1", Permission(b"b", b"c", READWRITE))
    for user, role in (("root", "root"), ("u1", "r1")):
        auth.add_user(user, f"{user}-password")
        if role == "root":
            auth.add_role(role)
        auth.grant_role(user, role)
    auth.enable()
    save(snapshot_of(store, auth), FolderDisk(tmp_path), "ours.db")
    client, peer = free_urls(2)
    run(
        *(snapshot_tool(release), "snapshot", "restore", "ours.db", "--data-dir", "data"),
        *("--initial-cluster", f"default={peer}", "--initial-advertise-peer-urls", peer),
        cwd=tmp_path,
    )
    ctl = (tool(release, "etcdctl"), "--endpoints", client)
    with etcd(release, tmp_path / "data", client, peer):
        ask(client, "auth/authenticate", {"name": "root", "password": "root-password"})
        assert run(*ctl, "--user=u1:u1-password", "get", "b", cwd=tmp_path) == "b\n2\n"
        with pytest.raises(AssertionError, match="permission denied"):
            run(*ctl, "--user=u1:u1-password", "get", "big0", "zzz", cwd=tmp_path)
        with pytest.raises(AssertionError, match="authentication failed"):
            run(*ctl, "--user=u1:other", "get", "b", cwd=tmp_path)


def compare(client: str, store: KVStore) -> None:
    """A real member holds what a store of ours holds, at every revision, and goes on from there."""
    for revision in (0, store.revision - 1, 280, 251):
        assert keys_of(client, revision) == keys_in(store, revision), revision
    answer = ask(client, "kv/put", {"key": encoded(b"after"), "value": encoded(b"restore")})
    assert int(answer["header"]["revision"]) == store.revision + 1


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["e34-many", "e36-overwrite-delete", "e36-registry-apiserver"])
def test_a_real_etcd_serves_what_was_restored_here(release: str, name: str, tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    disk.write("backup.db", file_of(name))
    client, peer = free_urls(2)
    plan = Plan(initial_cluster=f"default={peer}", initial_advertise_peer_urls=peer, data_dir="data")
    restored = restore(disk, "backup.db", plan, release=release)
    store = load(SnapshotFile.open(disk, "backup.db").state, VirtualClock()).store
    with etcd(release, tmp_path / "data", client, peer):
        header = ask(client, "kv/range", {"key": encoded(b"x")})["header"]
        assert int(header["revision"]) == store.revision
        assert int(header["cluster_id"]) == restored.cluster_id
        assert keys_of(client) == keys_in(store)
        members = ask(client, "cluster/member/list", {})["members"]
        assert [int(member["ID"]) for member in members] == [restored.member.id]
        assert (
            int(ask(client, "kv/range", {"key": encoded(b"x")})["header"]["cluster_id"])
            == restored.cluster_id
        )


def test_three_real_members_restored_here_make_a_cluster(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    disk.write("backup.db", file_of("e36-k8s"))
    urls = free_urls(6)
    clients, peers = urls[:3], urls[3:]
    cluster = ",".join(f"m{place}={url}" for place, url in enumerate(peers))
    store = load(SnapshotFile.open(disk, "backup.db").state, VirtualClock()).store
    with contextlib.ExitStack() as stack:
        for place, (client, peer) in enumerate(zip(clients, peers, strict=True)):
            plan = Plan(
                name=f"m{place}",
                initial_cluster=cluster,
                initial_cluster_token="restored",
                initial_advertise_peer_urls=peer,
                data_dir=f"m{place}",
                wal_dir=f"wal{place}" if place == 2 else "",
            )
            restore(disk, "backup.db", plan, release="3.5")
            if place == 2:
                # The directory of the log is found where the server is told to look.
                (tmp_path / "wal2").rename(tmp_path / "m2" / "member" / "wal")
            stack.enter_context(etcd("3.5", tmp_path / f"m{place}", client, peer, f"m{place}"))
        for client in clients:
            assert keys_of(client) == keys_in(store)
        ask(clients[0], "kv/put", {"key": encoded(b"new"), "value": encoded(b"1")})
        assert [kv[0] for kv in keys_of(clients[2])] == [kv[0] for kv in keys_in(store)] + [b"new"]


def test_a_bumped_revision(tmp_path: Path) -> None:
    """The revision jumps ahead, and what lies before is compacted, so that no watcher goes on unawares."""
    disk = FolderDisk(tmp_path)
    disk.write("backup.db", file_of("e36-few-keys"))
    client, peer = free_urls(2)
    plan = Plan(
        initial_cluster=f"default={peer}",
        initial_advertise_peer_urls=peer,
        data_dir="data",
        bump_revision=1000,
        mark_compacted=True,
    )
    restore(disk, "backup.db", plan)
    store = load(SnapshotFile.open(disk, "backup.db").state, VirtualClock()).store
    with etcd("3.5", tmp_path / "data", client, peer):
        assert int(ask(client, "kv/range", {"key": encoded(b"x")})["header"]["revision"]) == 1004
        assert keys_of(client) == keys_in(store)


MEMBER = "default"


def storage_of(folder: Path, peer: str) -> tuple[Storage, MemberInfo]:
    """A fresh data directory of ours for one member."""
    member = MemberInfo(member_id([peer]), MEMBER, (peer,), ())
    storage = Storage(FolderDisk(folder))
    storage.create(member.id, cluster_id([member.id]), [member])
    return storage, member


def written(storage: Storage, member: MemberInfo, snapshot_at: int) -> KVStore:
    """Entries of every kind in a log, applied to a store; a snapshot in between (0: none)."""
    clock = VirtualClock()
    store, auth = KVStore(clock), AuthStore(clock)
    applier = Applier(store, auth, AlarmStore(), Membership([member]), Quota(0, store.size))
    conf = ConfState((member.id,))
    bodies: list[tuple[str, Any]] = [("lease_grant", {"TTL": 3600, "ID": 77})]
    bodies += [("put", Put(b"k%d" % (number % 20), b"v%d" % number)) for number in range(60)]
    bodies += [
        ("put", Put(b"leased", b"v", 77)),
        ("delete_range", DeleteRange(b"k1", b"k2")),
        ("txn", Txn([], [Put(b"t1", b"1"), Put(b"t2", b"2")], [])),
        ("compaction", {"revision": 40}),
        ("auth_role_add", {"name": "r1"}),
    ]
    for index, (kind, body) in enumerate(bodies, 2):
        request = RaftRequest(kind, body, index)
        storage.save(HardState(2, member.id, index - 1), [Entry(2, index, NORMAL, request)])
        applier.apply(request, index)
        if index == snapshot_at:
            state = state_of(store, auth, consistent_index=index, term=2, conf_state=conf, members=[member])
            storage.save_snapshot(Snapshot(index - 3, 2, conf), state)
    storage.save(HardState(2, member.id, len(bodies) + 1), [])
    return store


@pytest.mark.parametrize("snapshot_at", [0, 30])
@pytest.mark.parametrize("release", RELEASES)
def test_a_real_etcd_starts_on_a_directory_written_here(
    release: str, snapshot_at: int, tmp_path: Path
) -> None:
    client, peer = free_urls(2)
    storage, member = storage_of(tmp_path / "data", peer)
    store = written(storage, member, snapshot_at)
    with etcd(release, tmp_path / "data", client, peer):
        assert keys_of(client) == keys_in(store)
        answer = ask(client, "kv/put", {"key": encoded(b"after"), "value": encoded(b"1")})
        assert int(answer["header"]["revision"]) == store.revision + 1
        assert int(answer["header"]["member_id"]) == member.id
        assert ask(client, "lease/timetolive", {"ID": "77", "keys": True})["keys"] == [encoded(b"leased")]
        assert ask(client, "auth/role/list", {})["roles"] == ["r1"]


@pytest.mark.parametrize("release", RELEASES)
def test_the_directory_of_a_real_etcd_is_read(release: str, tmp_path: Path) -> None:
    """Keys, revisions, leases, members and users of a real member, by its files alone."""
    client, peer = free_urls(2)
    with etcd(release, tmp_path / "data", client, peer):
        ask(client, "lease/grant", {"TTL": "3600", "ID": "77"})
        for number in range(40):
            body = {"key": encoded(b"k%d" % (number % 7)), "value": encoded(b"v%d" % number)}
            ask(client, "kv/put", body | ({"lease": "77"} if number == 39 else {}))
        ask(client, "kv/deleterange", {"key": encoded(b"k1")})
        ask(client, "kv/compaction", {"revision": "20"})
        ask(client, "auth/role/add", {"name": "r1"})
        ask(client, "auth/user/add", {"name": "u1", "password": "pw"})
        ask(client, "auth/user/grant", {"user": "u1", "role": "r1"})
        wanted = keys_of(client)
        members = ask(client, "cluster/member/list", {})["members"]
        header = ask(client, "kv/range", {"key": encoded(b"x")})["header"]
        ctl = (tool(release, "etcdctl"), "--endpoints", client, "endpoint", "hashkv", "-w", "json")
        hash_kv = json.loads(run(*ctl, cwd=tmp_path))[0]["HashKV"]
    stored = Storage(FolderDisk(tmp_path / "data")).load()
    assert stored.member_id == int(header["member_id"]) and stored.cluster_id == int(header["cluster_id"])
    assert stored.state is not None
    loaded = load(stored.state, VirtualClock(), stored.member_id)
    quota = Quota(0, loaded.store.size)
    applier = Applier(loaded.store, loaded.auth, loaded.alarms, stored.members, quota)
    for entry in stored.entries:
        if entry.index > stored.applied and isinstance(entry.data, RaftRequest):
            applier.apply(entry.data, entry.index)
    assert keys_in(loaded.store) == wanted and loaded.store.revision == int(header["revision"])
    assert hash_kv["hash"] == loaded.store.hash_kv().hash
    lease = loaded.store.leases.lookup(77)
    assert lease is not None and lease.ttl == 3600 and list(lease.keys) == [b"k4"]
    assert loaded.auth.user("u1").roles == ["r1"]
    loaded.auth.enabled = True
    loaded.auth.check_password("u1", "pw")
    with pytest.raises(AuthFailed):
        loaded.auth.check_password("u1", "other")
    (member,) = stored.members.by_id.values()
    assert (str(member.id), member.name) == (members[0]["ID"], members[0]["name"])
    assert list(member.peer_urls) == members[0]["peerURLs"]
    assert list(member.client_urls) == members[0]["clientURLs"]
