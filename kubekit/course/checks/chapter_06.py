"""Chapter 06, Backup and restore: files that hold a cluster, and members that are pointed at them.

The exercises from 06.5 on stand in `chapter_06_restores`.
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.course.checks.chapter_04 import stored
from kubekit.course.checks.chapter_05 import not_here
from kubekit.course.exercise import Findings, Look, exercise
from kubekit.etcd.bbolt import DatabaseError
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.snapshot import SnapshotError, SnapshotFile
from kubekit.etcd.store_loading import load
from kubekit.sim import VirtualClock

BACKUP = "/opt/backup.db"
PRICES = b"/registry/configmaps/shop/prices"
LATE = b"/registry/configmaps/default/late"
RESTORED = "/var/lib/etcd-restored"
DATA = "/var/lib/etcd"


def files_of(look: Look) -> Any:
    """The control-plane node's files."""
    return next(iter(look.cluster.nodes.values())).files


def opened(look: Look, path: str) -> tuple[KVStore | None, str]:
    """(the store that a snapshot holds, what is wrong with the file)."""
    files = files_of(look)
    if not files.exists(path):
        return None, "no such file"
    try:
        snapshot = SnapshotFile.open(files, path)
        store = load(snapshot.state, VirtualClock()).store
    except (SnapshotError, DatabaseError, ValueError) as error:
        return None, f"no snapshot: {error}"
    return store, "" if snapshot.digest_ok else "a copy of a database, without a checksum"


def folder(look: Look) -> str:
    """The directory on the node that the member uses."""
    return "/" + str(look.cluster.etcd.member("etcd").disk.folder)


def replicas(look: Look, key: bytes) -> int | None:
    """The replicas that a Deployment in etcd desires."""
    found = stored(look, key)
    return None if found is None else int(json.loads(found.value)["spec"]["replicas"])


def pods(look: Look, name: str) -> int:
    """The pods of a Deployment that etcd knows."""
    prefix = f"/registry/pods/default/{name}-".encode()
    return len(look.cluster.etcd.store.range(prefix, prefix[:-1] + b".").kvs)


def containers(look: Look) -> int:
    """The pods whose containers run on the nodes."""
    return sum(len(node.runtime.pods) for node in look.cluster.nodes.values())


def whole(look: Look, path: str, wanted: bytes) -> Findings:
    """A snapshot is there, unchanged, and holds a key."""
    store, trouble = opened(look, path)
    yield look.expect(
        f"{path} is a snapshot",
        expected="a snapshot with its checksum",
        observed=trouble,
        holds=store is not None and not trouble,
        where=f"`etcdutl snapshot status {path}`; only `etcdctl snapshot save` makes a file with a checksum",
    )
    if store is not None:
        key = wanted.decode()
        yield look.expect(
            "it holds this cluster",
            expected=key,
            observed=f"revision {store.revision}, without that key",
            holds=store.get(wanted) is not None,
            where="when it was saved: save it again",
        )


@exercise(
    "06.1",
    "Save a snapshot with TLS",
    hints=[
        "Four things: where etcd listens, whom to trust, and with what to introduce yourself (two files).",
        "`--trusted-ca-file`, `--cert-file` and `--key-file` in etcd's manifest are what etcdctl wants with "
        "--cacert, --cert and --key.",
        "`etcdctl --endpoints https://127.0.0.1:2379 --cacert ... --cert ... --key ... snapshot save FILE`",
        "In /etc/kubernetes/pki/etcd: ca.crt, server.crt and server.key.",
    ],
    waits_for=["/opt/backup.db on controlplane is a snapshot", "it holds this cluster"],
)
def save_with_tls(look: Look) -> Findings:
    if (other := not_here(look, "backup")) is not None:
        yield other
        return
    files = files_of(look)
    if not files.exists(BACKUP):
        folders = ("/root", "/tmp", "/etc/kubernetes/pki/etcd", "/opt")
        found = [
            f"{place}/{name}"
            for place in folders
            for name in (files.list(place) if files.exists(place) else [])
            if name.endswith((".db", "db", ".part"))
        ]
        if not found:
            yield look.nothing_yet("There is no file /opt/backup.db on controlplane.")
            return
        yield look.expect(
            "/opt/backup.db is a snapshot",
            expected=BACKUP,
            observed=found,
            where="the path behind `snapshot save`: a relative one begins where `cd` went",
        )
        return
    yield from whole(look, BACKUP, b"/registry/configmaps/kube-system/kube-root-ca.crt")


@exercise(
    "06.2",
    "Lose something",
    hints=[
        "Three commands of kubectl, the last one `delete`.",
        "What is not in the backup cannot come back; what is in it can.",
        "`%kubectl create configmap ...`, `%kubectl scale deployment ...`, `%kubectl delete namespace ...`",
        "`%kubectl create configmap late --from-literal=when=after`, "
        "`%kubectl scale deployment web --replicas=4`, `%kubectl delete namespace shop`",
    ],
    waits_for=["the ConfigMap `late` exists", "web has four replicas", "shop is gone", "the backup is older"],
)
def lose_something(look: Look) -> Findings:
    if (other := not_here(look, "backup")) is not None:
        yield other
        return
    late, prices = stored(look, LATE), stored(look, PRICES)
    space = stored(look, b"/registry/namespaces/shop")
    count = replicas(look, b"/registry/deployments/default/web")
    if folder(look) == RESTORED:
        yield look.nothing_yet("The backup has been restored already.", "the sections below")
        return
    if late is None and space is not None and prices is not None and count == 2:
        yield look.nothing_yet("Nothing has been changed since the backup.")
        return
    yield look.expect(
        "the ConfigMap late exists",
        expected="late in namespace default",
        observed="none",
        holds=late is not None,
        where="`%kubectl get configmaps`: in another namespace it may have gone along with it",
    )
    yield look.expect(
        "web has four replicas",
        expected=4,
        observed=count,
        where="`spec.replicas` of Deployment **web**",
    )
    yield look.expect(
        "the namespace shop is gone",
        expected="no such namespace",
        observed="it is there" + (", without its ConfigMap" if prices is None else ""),
        holds=space is None,
        where="`%kubectl delete namespace shop`: the namespace, not only what is in it",
    )
    store, _ = opened(look, BACKUP)
    newer = store is not None and (store.get(LATE) is not None or store.get(PRICES) is None)
    yield look.expect(
        "the backup is older than that",
        expected="a backup with shop in it, and without late",
        observed="no backup" if store is None else "a backup that was saved afterwards",
        holds=store is not None and not newer,
        where="exercise 06.1 comes first; a backup that is saved over a good one has cost many a cluster",
    )


@exercise(
    "06.3",
    "Restore, and point the member at it",
    hints=[
        "There are two steps: a new directory from the file, and a member that uses it.",
        "The manifest has a volume `etcd-data`: its hostPath is the directory on the node.",
        "`etcdutl snapshot restore FILE --data-dir=DIR`, and `sed -i 's#old#new#'` on "
        "/etc/kubernetes/manifests/etcd.yaml",
        "`etcdutl snapshot restore /opt/backup.db --data-dir=/var/lib/etcd-restored` and "
        "`sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-restored#' /etc/kubernetes/manifests/etcd.yaml`",
    ],
    waits_for=["the backup is restored to its directory", "etcd uses that directory", "shop is back"],
)
def point_at_it(look: Look) -> Findings:
    if (other := not_here(look, "backup")) is not None:
        yield other
        return
    files, used = files_of(look), folder(look)
    made = files.exists(f"{RESTORED}/member/snap/db")
    if not made and used == DATA:
        yield look.nothing_yet("There is no directory /var/lib/etcd-restored, and etcd uses /var/lib/etcd.")
        return
    from_backup = stored(look, PRICES) is not None
    yield look.expect(
        "the backup is restored to its directory",
        expected=f"{RESTORED}/member",
        observed="no such directory, or one that etcd has begun by itself, empty",
        holds=made and (from_backup or used != RESTORED),
        where="`etcdutl snapshot restore /opt/backup.db --data-dir=/var/lib/etcd-restored`, before the "
        "manifest is changed: a volume that is not there is made, and etcd begins a new cluster in it",
    )
    yield look.expect(
        "etcd uses that directory",
        expected=RESTORED,
        observed=f"{used} ({look.cluster.etcd.member('etcd').state})",
        holds=used == RESTORED,
        where="`hostPath.path` of the volume `etcd-data` in /etc/kubernetes/manifests/etcd.yaml. The flag "
        "`--data-dir` is a path inside the container, where only what is mounted is the node's",
    )
    yield look.expect(
        "shop is back",
        expected="the ConfigMap prices in shop",
        observed="none",
        holds=from_backup,
        where="`%etcdctl get /registry/namespaces --prefix --keys-only`, and half a minute for the kubelet",
    )


@exercise(
    "06.4",
    "Make everybody read anew",
    hints=[
        "Who holds a revision in memory? Whoever watches. Whom do they ask?",
        "The API server remembers what it has heard, controllers and scheduler watch it, and so does each "
        "kubelet.",
        '`cluster.stop("kube-apiserver")`, `cluster.start("kube-apiserver")`, and so on, then a minute',
        "kube-apiserver, kube-controller-manager, kube-scheduler, kubelet/node01, kubelet/node02",
    ],
    waits_for=["etcd knows three pods of web", "three containers run"],
)
def read_anew(look: Look) -> Findings:
    if (other := not_here(look, "backup")) is not None:
        yield other
        return
    if folder(look) != RESTORED:
        yield look.nothing_yet("The backup has not been restored yet.", "exercise 06.3")
        return
    again = restarted(look)
    desired = replicas(look, b"/registry/deployments/default/web")
    known, run = pods(look, "web"), containers(look)
    if not again and desired == 3:
        yield look.nothing_yet(f"Three are desired, {known} are known, {run} run.")
        return
    if desired != 3:
        yield look.nothing_yet(f"The Deployment web desires {desired}.", "run the cell that scales it to 3")
        return
    said = f"restarted: {', '.join(again)}"
    yield look.expect(
        "etcd knows three pods of web",
        expected="3 pods",
        observed=f"{known} pods; {said}",
        holds=known == 3,
        where="kube-controller-manager, which makes them, and kube-apiserver, from which it hears: both must "
        "begin anew, the API server first",
    )
    yield look.expect(
        "three containers run",
        expected="3 pods on the nodes",
        observed=f"{run} pods; {said}",
        holds=run == 3,
        where="`kubelet/node01` and `kubelet/node02`: a kubelet ends what is not in its list, when it lists",
    )


def restarted(look: Look) -> list[str]:
    """The components, beside etcd, that were started more than once."""
    starts: dict[str, int] = {}
    for record in look.cluster.records.kind("component"):
        name, _, verb = record.sentence.rstrip(".").partition(" ")
        if verb == "starts" and name != "etcd":
            starts[name] = starts.get(name, 0) + 1
    return sorted(name for name, count in starts.items() if count > 1)
