"""Typical wrong answers of chapter 05; see `mistakes`."""

from __future__ import annotations

LEARNER = "lose-quorum ex-1 whole partition heal lose-disk replace join joined"
ID = "ID=$(etcdctl member list | grep etcd-2 | cut -d, -f1)\n"
ADD = "etcdctl member add etcd-2 --peer-urls=https://192.168.0.22:2380\n"
WAIT = "SPLIT\nsick.advance('1m')"
HOST = "SPLIT\n%%ssh etcd-2\n"
LOSSES = (
    "%etcdctl put /course/losses/3 {}\n%etcdctl put /course/losses/4 {}\n%etcdctl put /course/losses/5 {}\n"
)

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "both were started": (
        "05.1",
        "lose-quorum",
        'cluster.start("etcd-1")\ncluster.start("etcd-2")\ncluster.advance("30s")\n'
        "%kubectl create configmap thawed",
        "2 were started",
        "two of three are a majority",
    ),
    "nothing was written": (
        "05.1",
        "lose-quorum",
        'cluster.start("etcd-1")\ncluster.advance("30s")',
        "no such ConfigMap",
        "create configmap thawed",
    ),
    "written too early": (
        "05.1",
        "lose-quorum",
        '%kubectl create configmap thawed\ncluster.start("etcd-1")\ncluster.advance("30s")',
        "no such ConfigMap",
        "after some seconds",
    ),
    "thawed elsewhere": (
        "05.1",
        "lose-quorum",
        'cluster.start("etcd-2")\ncluster.advance("30s")\n%kubectl create configmap thawed -n kube-public',
        "/registry/configmaps/kube-public/thawed",
        "create configmap thawed",
    ),
    "four are thought safer": (
        "05.2",
        "",
        LOSSES.format(1, 2, 2) + "%etcdctl put /course/losses/7 3",
        "2",
        "3 of 4",
    ),
    "the majority instead": (
        "05.2",
        "",
        LOSSES.format(2, 3, 3) + "%etcdctl put /course/losses/7 4",
        "the majority itself",
        "how many are left over",
    ),
    "one size is missing": ("05.2", "", LOSSES.format(1, 1, 2), "no key", "/course/losses/7"),
    "the learner was removed": (
        "05.3",
        LEARNER,
        "%%etcdctl\n" + ID + "etcdctl member remove $ID",
        "it was removed",
        "added again",
    ),
    "added anew with a vote": (
        "05.3",
        LEARNER,
        "%%etcdctl\n" + ID + "etcdctl member remove $ID\n" + ADD,
        "a voting member that has not started",
        "the state",
    ),
    "promoted and switched off": (
        "05.3",
        LEARNER,
        "%%etcdctl\n" + ID + "etcdctl member promote $ID\nSPLIT\ncluster.crash('etcd-2')",
        "crashed",
        "cluster.start",
    ),
    "only removed": (
        "05.4",
        "sick",
        "%%etcdctl\n" + ID + "etcdctl member remove $ID\n" + WAIT,
        "etcd-1, etcd-3",
        "member add",
    ),
    "its broken log was kept": (
        "05.4",
        "sick",
        "%%etcdctl\n" + ID + "etcdctl member remove $ID\n" + ADD + WAIT,
        "crc mismatch",
        "rm -rf",
    ),
    "only its data was taken away": (
        "05.4",
        "sick",
        "%%ssh etcd-2\nrm -rf /var/lib/etcd/member\n" + WAIT,
        "has already been bootstrapped",
        "member remove",
    ),
    "it believes that the cluster is new": (
        "05.4",
        "sick",
        "%%etcdctl\n"
        + ID
        + "etcdctl member remove $ID\n"
        + ADD
        + HOST
        + "rm -rf /var/lib/etcd/member\n"
        + WAIT,
        "permanently removed",
        "--initial-cluster-state",
    ),
    "the leader was crashed": (
        "05.5",
        "sick ex-4 ex-4-host ex-4-check",
        "sick.crash('etcd-1')\nsick.advance('5s')",
        "etcd-1 was stopped",
        "move-leader",
    ),
    "another successor": (
        "05.5",
        "sick ex-4 ex-4-host ex-4-check",
        "%%etcdctl\n" + ID + "etcdctl move-leader $ID",
        "etcd-2",
        "not in the same order",
    ),
    "the leader was restarted": (
        "05.5",
        "sick ex-4 ex-4-host ex-4-check",
        "sick.stop('etcd-1')\nsick.advance('5s')\nsick.start('etcd-1')\nsick.advance('5s')",
        "etcd-1 was stopped",
        "move-leader",
    ),
    "an ID for a name": (
        "05.6",
        "sick",
        'sick.etcdctl(f"put /course/leader {sick.etcd.leader.id:x}")\n%etcdctl put /course/quorum 2',
        "an ID, not a name",
        "member list",
    ),
    "a follower's name": (
        "05.6",
        "sick",
        "%etcdctl put /course/leader etcd-3\n%etcdctl put /course/quorum 2",
        "a follower",
        "IS LEADER",
    ),
    "all three for a quorum": (
        "05.6",
        "sick",
        'sick.etcdctl(f"put /course/leader {sick.etcd.leader.name}")\n%etcdctl put /course/quorum 3',
        "3",
        "more than half",
    ),
}
