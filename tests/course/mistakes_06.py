"""Typical wrong answers of chapter 06; see `mistakes`."""

from __future__ import annotations

PKI = "%%ssh controlplane\ncd /etc/kubernetes/pki/etcd\n"
ROOT = "%%ssh controlplane\ncd /opt\n"
FLAGS = "etcdctl --endpoints https://127.0.0.1:2379 --cacert ca.crt --cert server.crt --key server.key"
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
POINT = "sed -i 's#path: /var/lib/etcd$#path: {}#' " + MANIFEST + "\n"
WAIT = "SPLIT\n{}.advance('1m')"
RESTORE = "etcdutl snapshot restore {} --data-dir={}\n"

AGAIN = "for name in {}:\n    cluster.stop(name)\n    cluster.start(name)\ncluster.advance('1m')"
UP_TO_4 = "ex-1 ex-2 ex-2-check ex-3 ex-3-check ahead deaf"

PEERS = ",".join(f"etcd-{n}=https://192.168.0.2{n}:2380" for n in (1, 2, 3))


def on_host(number: int, restore: str = "", token: str = "fresh", move: bool = True) -> str:
    """A cell on one of etcd's hosts; `restore` "full", "bare" (without names), or nothing at all."""
    names = (
        f" --name etcd-{number} --initial-cluster {PEERS} --initial-cluster-token {token}"
        f" --initial-advertise-peer-urls https://192.168.0.2{number}:2380"
    )
    line = f"etcdutl snapshot restore /opt/backup.db --data-dir=/var/lib/etcd{names * (restore == 'full')}"
    lines = [f"%%ssh etcd-{number}"]
    lines += [line] if restore else []
    lines += ["mv /opt/etcd.yaml /etc/kubernetes/manifests/"] if move else ["true"]
    return "\n".join(lines) + "\n"


def hosts(*cells: str) -> str:
    """Cells one after the other, and a minute."""
    return "SPLIT\n".join(cells) + WAIT.format("trio")


WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "saved where it stood": (
        "06.1",
        "",
        PKI + f"{FLAGS} snapshot save backup.db",
        "/etc/kubernetes/pki/etcd/backup.db",
        "a relative one",
    ),
    "the database was copied": (
        "06.1",
        "",
        "cluster.etcd.member('etcd').stop()\nSPLIT\n"
        "%%ssh controlplane\ncp /var/lib/etcd/member/snap/db /opt/backup.db\nSPLIT\n"
        "cluster.start('etcd')\ncluster.advance('5s')",
        "without a checksum",
        "snapshot save",
    ),
    "keys and values in a text": (
        "06.1",
        "",
        PKI + f"{FLAGS} get / --prefix > /opt/backup.db",
        "no snapshot",
        "snapshot save",
    ),
    "only what was in the namespace": (
        "06.2",
        "ex-1",
        "%kubectl create configmap late --from-literal=when=after\n"
        "%kubectl scale deployment web --replicas=4\n%kubectl delete configmap prices -n shop",
        "it is there, without its ConfigMap",
        "the namespace, not only",
    ),
    "late was in shop": (
        "06.2",
        "ex-1",
        "%kubectl create configmap late -n shop --from-literal=when=after\n"
        "%kubectl scale deployment web --replicas=4\n%kubectl delete namespace shop",
        "none",
        "may have gone along",
    ),
    "saved again afterwards": (
        "06.2",
        "ex-2",
        "cluster.settle()\nSPLIT\n" + PKI + f"{FLAGS} snapshot save /opt/backup.db",
        "saved afterwards",
        "exercise 06.1 comes first",
    ),
    "not scaled": (
        "06.2",
        "ex-1",
        "%kubectl create configmap late --from-literal=when=after\n%kubectl delete namespace shop",
        "2",
        "spec.replicas",
    ),
    "restored and not used": (
        "06.3",
        "ex-1 ex-2 ex-2-check",
        "%%ssh controlplane\n" + RESTORE.format("/opt/backup.db", "/var/lib/etcd-restored"),
        "/var/lib/etcd (running)",
        "hostPath.path",
    ),
    "the manifest first": (
        "06.3",
        "ex-1 ex-2 ex-2-check",
        "%%ssh controlplane\n" + POINT.format("/var/lib/etcd-restored") + WAIT.format("cluster"),
        "begun by itself, empty",
        "before the manifest",
    ),
    "the flag and not the volume": (
        "06.3",
        "ex-1 ex-2 ex-2-check",
        "%%ssh controlplane\n"
        + RESTORE.format("/opt/backup.db", "/var/lib/etcd-restored")
        + f"sed -i 's#--data-dir=/var/lib/etcd#--data-dir=/var/lib/etcd-restored#' {MANIFEST}\n"
        + WAIT.format("cluster"),
        "/run/containerd",
        "inside the container",
    ),
    "only the API server": (
        "06.4",
        UP_TO_4,
        AGAIN.format('["kube-apiserver"]'),
        "restarted: kube-apiserver",
        "kube-controller-manager",
    ),
    "only the kubelets": (
        "06.4",
        UP_TO_4,
        AGAIN.format('["kubelet/node01", "kubelet/node02"]'),
        "2 pods; restarted: kubelet/node01",
        "kube-controller-manager",
    ),
    "all but the kubelets": (
        "06.4",
        UP_TO_4,
        AGAIN.format('["kube-apiserver", "kube-controller-manager", "kube-scheduler"]'),
        "5 pods",
        "kubelet/node01",
    ),
    "the namespace was made by hand": (
        "06.5",
        "nothing",
        "%kubectl create namespace shop\n%kubectl create configmap prices -n shop --from-literal=apple=2",
        "one that was made anew",
        "revisions and uids",
    ),
    "restored, and nobody looks": (
        "06.5",
        "nothing",
        ROOT + RESTORE.format("monday.db", "/var/lib/etcd-monday"),
        "restored, and not used: /var/lib/etcd-monday",
        "hostPath.path",
    ),
    "a path that is not there": (
        "06.5",
        "nothing",
        ROOT + POINT.format("/var/lib/default.etcd") + WAIT.format("nothing"),
        "none",
        "is made, and is empty",
    ),
    "one machine was forgotten": (
        "06.6",
        "trio",
        hosts(on_host(1, "full"), on_host(2, "full")),
        "etcd-1, etcd-2",
        "ls /etc/kubernetes/manifests",
    ),
    "each with a token of its own": (
        "06.6",
        "trio",
        hosts(on_host(1, "full", "a"), on_host(2, "full", "b"), on_host(3, "full", "c")),
        "3 cluster IDs",
        "letter by letter",
    ),
    "nothing was restored": (
        "06.6",
        "trio",
        hosts(on_host(1), on_host(2), on_host(3)),
        "an empty store",
        "before the manifest is moved back",
    ),
    "without names": (
        "06.6",
        "trio",
        hosts(on_host(1, "bare"), on_host(2, "bare"), on_host(3, "bare")),
        "1 member(s)",
        "a cluster of its own",
    ),
    "the sum of the file": (
        "06.7",
        "exam",
        PKI + f"{FLAGS} snapshot save /opt/before-upgrade.db\n"
        "sha256sum /opt/before-upgrade.db | cut -d' ' -f1 > /opt/hash.txt",
        "a sha256 of the file",
        "the first column",
    ),
    "the revision": (
        "06.7",
        "exam",
        PKI + f"{FLAGS} snapshot save /opt/before-upgrade.db\n"
        "etcdutl snapshot status /opt/before-upgrade.db | cut -d, -f2 > /opt/hash.txt",
        "its revision",
        "the first column",
    ),
    "the hash of another file": (
        "06.7",
        "exam",
        PKI + f"{FLAGS} snapshot save /opt/first.db\n"
        "etcdutl snapshot status /opt/first.db | cut -d, -f1 > /opt/hash.txt\nSPLIT\n"
        "%kubectl create configmap more\nSPLIT\n" + PKI + f"{FLAGS} snapshot save /opt/before-upgrade.db",
        "",
        "saved again",
    ),
    "no hash": (
        "06.7",
        "exam",
        PKI + f"{FLAGS} snapshot save /opt/before-upgrade.db",
        "no file",
        "first column",
    ),
    "without the two flags": (
        "06.8",
        "exam task-1 accident",
        "%%ssh controlplane\n"
        + RESTORE.format("/opt/before-upgrade.db", "/var/lib/etcd-before")
        + POINT.format("/var/lib/etcd-before")
        + WAIT.format("exam"),
        "2 in etcd, 0 on the node",
        "--mark-compacted",
    ),
    "restarted all the same": (
        "06.8",
        "exam task-1 accident",
        "%%ssh controlplane\n"
        + RESTORE.format("/opt/before-upgrade.db", "/var/lib/etcd-before")
        + POINT.format("/var/lib/etcd-before")
        + WAIT.format("exam")
        + "\nfor name in ('kube-apiserver', 'kubelet/node01'):\n    exam.stop(name)\n    exam.start(name)\n",
        "kube-apiserver, kubelet/node01",
        "without a restart",
    ),
    "made anew by hand": (
        "06.8",
        "exam task-1 accident",
        "%kubectl create deployment shop --image=httpd:2.4-alpine --replicas=2\nexam.settle()",
        "one that was made anew",
        "kubectl makes another one",
    ),
    "restored, and the manifest forgotten": (
        "06.8",
        "exam task-1 accident",
        "%%ssh controlplane\n" + RESTORE.format("/opt/before-upgrade.db", "/var/lib/etcd-before"),
        "/var/lib/etcd",
        "hostPath.path",
    ),
}
