"""Chapter 06, second half: a restore that did nothing, three members, and two tasks."""

from __future__ import annotations

import json

from kubekit.course.checks.chapter_04 import stored
from kubekit.course.checks.chapter_05 import not_here, running
from kubekit.course.checks.chapter_06 import (
    DATA,
    PRICES,
    containers,
    files_of,
    folder,
    opened,
    pods,
    restarted,
    whole,
)
from kubekit.course.exercise import Findings, Look, exercise
from kubekit.etcd.snapshot import SnapshotError, status


@exercise(
    "06.5",
    "The restore that did nothing",
    hints=[
        "Compare what was typed with exercise 06.3: what is missing?",
        "Without --data-dir a restore goes to default.etcd in the working directory, and the manifest still "
        "names the old one.",
        "Restore with --data-dir to a directory of your choice, and change the volume in the manifest.",
        "`etcdutl snapshot restore /opt/monday.db --data-dir=/var/lib/etcd-monday`, and "
        "`sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-monday#' /etc/kubernetes/manifests/etcd.yaml`",
    ],
    waits_for=["etcd uses a directory that was restored", "the ConfigMap prices is the one of the backup"],
)
def did_nothing(look: Look) -> Findings:
    if (other := not_here(look, "nothing")) is not None:
        yield other
        return
    files, used, now = files_of(look), folder(look), stored(look, PRICES)
    others = [
        f"/var/lib/{name}" for name in files.list("/var/lib") if files.exists(f"/var/lib/{name}/member")
    ]
    others = [path for path in others if path != DATA]
    space = stored(look, b"/registry/namespaces/shop")
    if used == DATA and not others and space is None:
        yield look.nothing_yet("etcd uses /var/lib/etcd, as before, and shop is gone.")
        return
    yield look.expect(
        "etcd uses a directory that was restored",
        expected="another one than /var/lib/etcd",
        observed=f"{used}"
        + (f"; restored, and not used: {', '.join(others)}" if used == DATA and others else ""),
        holds=used != DATA,
        where="`hostPath.path` of the volume `etcd-data` in /etc/kubernetes/manifests/etcd.yaml",
    )
    backup, _ = opened(look, "/opt/monday.db")
    was = backup.get(PRICES) if backup is not None else None
    same = now is not None and was is not None and now.mod_revision == was.mod_revision
    yield look.expect(
        "the ConfigMap prices is the one of the backup",
        expected="prices in shop, as it was saved",
        observed="none" if now is None else "one that was made anew",
        holds=same,
        where="a restore brings objects back with their revisions and uids; a volume whose path is not there "
        "is made, and is empty. `ls` the path that the manifest names",
    )


@exercise(
    "06.6",
    "Restore all three members",
    hints=[
        "The same command on each machine, with two things that differ: who it is, and its own address.",
        "--initial-cluster and --initial-cluster-token are the same on all; --name and "
        "--initial-advertise-peer-urls are each one's own.",
        "`etcdutl snapshot restore /opt/backup.db --data-dir=/var/lib/etcd --name etcd-1 "
        "--initial-cluster ... --initial-cluster-token ... "
        "--initial-advertise-peer-urls https://192.168.0.21:2380`, "
        "then `mv /opt/etcd.yaml /etc/kubernetes/manifests/`",
        "--initial-cluster etcd-1=https://192.168.0.21:2380,etcd-2=https://192.168.0.22:2380,"
        "etcd-3=https://192.168.0.23:2380, and the same with etcd-2 and .22, etcd-3 and .23",
    ],
    waits_for=["all three members run", "they are one cluster", "what was in the backup is back"],
)
def all_three(look: Look) -> Findings:
    if (other := not_here(look, "trio")) is not None:
        yield other
        return
    etcd = look.cluster.etcd
    up = running(look)
    errors = [f"{name}: {member.exit_error}" for name, member in etcd.members.items() if member.exit_error]
    begun = [
        name for name, host in look.cluster.etcd_hosts.items() if host.files.exists("/var/lib/etcd/member")
    ]
    if not up and not errors and not begun:
        yield look.nothing_yet("No member runs, and none has data.")
        return
    yield look.expect(
        "all three members run",
        expected="etcd-1, etcd-2, etcd-3",
        observed=", ".join(up) or "none" if not errors else f"{', '.join(up) or 'none'}; {errors[0]}",
        holds=len(up) == 3,
        where="on each machine `ls /etc/kubernetes/manifests /opt`, and half a minute for its kubelet",
    )
    ids = {f"{member.cluster_id:x}" for member in etcd.members.values() if member.running}
    known = {len(member.members) for member in etcd.members.values() if member.running}
    yield look.expect(
        "they are one cluster",
        expected="one cluster ID, three members, a leader",
        observed=f"{len(ids)} cluster IDs; {', '.join(map(str, sorted(known))) or 'no'} member(s) in their "
        f"lists; leader: {etcd.leader.plan.name if etcd.leader else 'nobody'}",
        holds=len(ids) == 1 and known == {3} and etcd.leader is not None,
        where="--initial-cluster and --initial-cluster-token: the same, letter by letter, on all three; "
        "without --initial-cluster each is a cluster of its own",
    )
    yield look.expect(
        "what was in the backup is back",
        expected="the ConfigMap precious",
        observed="an empty store" if etcd.store.revision < 50 else "none",
        holds=stored(look, b"/registry/configmaps/default/precious") is not None,
        where="the restore comes before the manifest is moved back: without data a member begins anew",
    )


BEFORE = "/opt/before-upgrade.db"
SHOP = b"/registry/deployments/default/shop"


@exercise(
    "06.7",
    "Before the upgrade",
    hints=[
        "Exercise 06.1, and a look into the file.",
        "`etcdutl snapshot status` without -w prints hash, revision, keys and size, separated by commas.",
        "`etcdutl snapshot status FILE | cut -d, -f1 > /opt/hash.txt`",
        "`snapshot save /opt/before-upgrade.db` with the TLS flags, then the line of the third hint.",
    ],
    waits_for=["/opt/before-upgrade.db is a snapshot", "/opt/hash.txt holds its hash"],
)
def before_the_upgrade(look: Look) -> Findings:
    if (other := not_here(look, "exam")) is not None:
        yield other
        return
    files = files_of(look)
    if not files.exists(BEFORE) and not files.exists("/opt/hash.txt"):
        yield look.nothing_yet("There is neither /opt/before-upgrade.db nor /opt/hash.txt.")
        return
    yield from whole(look, BEFORE, SHOP)
    written = files.text("/opt/hash.txt").strip() if files.exists("/opt/hash.txt") else ""
    try:
        found = status(files, BEFORE)
        right, remark = f"{found.hash:x}", {str(found.revision): ", its revision"}.get(written, "")
    except (SnapshotError, OSError):
        right, remark = "", ""
    if len(written) > 60:
        remark = ", a sha256 of the file"
    yield look.expect(
        "/opt/hash.txt holds its hash",
        expected="the hash that snapshot status shows",
        observed=f"{written[:20]}{remark}" if written else "no file",
        holds=bool(right) and written.lower() == right,
        where="the first column of `etcdutl snapshot status /opt/before-upgrade.db`; of a file that is saved "
        "again it is another",
    )


@exercise(
    "06.8",
    "Restore, and restart nothing",
    hints=[
        "Exercise 06.3, but everybody has to notice by themselves.",
        "Watches end with 410 Gone when what they ask for is compacted. A restore can mark it so.",
        "`--bump-revision 1000000000 --mark-compacted`",
        "`etcdutl snapshot restore /opt/before-upgrade.db --data-dir=/var/lib/etcd-before "
        "--bump-revision 1000000000 --mark-compacted`, and the volume in the manifest.",
    ],
    waits_for=[
        "etcd uses /var/lib/etcd-before",
        "the Deployment is the one of the backup",
        "its two pods run",
        "nothing was restarted",
    ],
)
def restart_nothing(look: Look) -> Findings:
    if (other := not_here(look, "exam")) is not None:
        yield other
        return
    files, used, target = files_of(look), folder(look), "/var/lib/etcd-before"
    now = stored(look, SHOP)
    if used == DATA and not files.exists(f"{target}/member"):
        remade = len(look.history("deployment/default/shop").creations) > 1
        if not remade:
            yield look.nothing_yet("etcd uses /var/lib/etcd, and there is no /var/lib/etcd-before.")
            return
    yield look.expect(
        "etcd uses /var/lib/etcd-before",
        expected=target,
        observed=used,
        where="`hostPath.path` of the volume `etcd-data` in /etc/kubernetes/manifests/etcd.yaml",
    )
    backup, _ = opened(look, BEFORE)
    was = backup.get(SHOP) if backup is not None else None
    same = now is not None and was is not None and _uid(now.value) == _uid(was.value)
    yield look.expect(
        "the Deployment is the one of the backup",
        expected="shop, with the uid that it had",
        observed="none" if now is None else "one that was made anew",
        holds=same,
        where="`%kubectl get deployment shop -o yaml`: a restore brings it back, kubectl makes another one",
    )
    run, known = containers(look), pods(look, "shop")
    yield look.expect(
        "its two pods run",
        expected="2 pods in etcd, 2 on the node",
        observed=f"{known} in etcd, {run} on the node",
        holds=run == known == 2,
        where="the revision of the store, `%etcdctl endpoint status -w fields`: is it ahead of what the "
        "kubelet has seen? `--bump-revision` and `--mark-compacted` belong to the restore",
    )
    again = restarted(look)
    yield look.expect(
        "nothing was restarted",
        expected="only etcd",
        observed=", ".join(again),
        holds=not again,
        where="the two flags make every watch end, so that everybody lists anew without a restart",
    )


def _uid(value: bytes) -> str:
    return str(json.loads(value)["metadata"]["uid"])
