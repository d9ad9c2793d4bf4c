"""Scenarios: clusters in a state that exercises begin with, some of them broken.

Each function makes a new cluster, brings it into its state by what could have happened to a real one, and
leaves it the current one. Nothing is faked: a full store was filled, a broken log has a flipped byte.

    full = full_store()          etcd beyond its quota
    sick = corrupt_log()         a member of three whose log is damaged
    lost = restored_elsewhere()  a restore that "did nothing"
    fallen = fallen_trio()       three members without any data, and a backup
"""

from __future__ import annotations

from kubekit.cluster import Cluster, up
from kubekit.etcd.errors import EtcdError
from kubekit.terminal.sessions import sessions_of

QUOTA = 2_000_000
JUNK_BYTES = 60_000
JUNK_KEYS = 4
MOST_JUNK = 200
"""Writes after which a quota that nobody minds is a fault of the kit."""

SETTLE = "10s"

PKI = "/etc/kubernetes/pki/etcd"
WAL = "/var/lib/etcd/member/wal"


def full_store(seed: int = 7) -> Cluster:
    """A small cluster whose etcd has a quota of 2 MB, all of it used: somebody writes the same four keys over
    and over."""
    cluster = up(workers=1, seed=seed, name="full", etcd_quota_bytes=QUOTA)
    member = cluster.etcd.member("etcd")
    for number in range(MOST_JUNK):
        key = f"/junk/{number % JUNK_KEYS}".encode()
        try:
            member.call("KV/Put", {"key": key, "value": b"x" * JUNK_BYTES})
        except EtcdError:
            return cluster
    raise AssertionError("the quota does not hold")


def corrupt_log(seed: int = 7) -> Cluster:
    """Three members. While etcd-2 was off, a byte of its log was changed on its disk; it does not start."""
    cluster = up(workers=1, etcd_members=3, seed=seed, name="sick")
    cluster.etcd.member("etcd-2").crash()
    files = cluster.etcd_hosts["etcd-2"].files
    path = f"{WAL}/{files.list(WAL)[0]}"
    log = files.read(path)
    middle = log.index(b"/registry/")
    files.write(path, bytes([log[middle] ^ 1]), middle)
    cluster.etcd_hosts["etcd-2"].manifest_folder.restart()
    cluster.advance("15s")
    return cluster


def restored_elsewhere(seed: int = 7) -> Cluster:
    """One member. A colleague saved a backup, a namespace was deleted, the colleague restored the backup; the
    namespace is still gone. What the colleague typed is in the shell's history on the control-plane node."""
    cluster = up(workers=1, seed=seed, name="nothing")
    shell = sessions_of(cluster).node("controlplane")
    shell.run("kubectl create namespace shop")
    shell.run("kubectl create configmap prices -n shop --from-literal=apple=2 --from-literal=pear=3")
    cluster.advance(SETTLE)
    history = [
        f"cd {PKI}",
        "etcdctl --endpoints https://127.0.0.1:2379 --cacert ca.crt --cert server.crt --key server.key "
        "snapshot save /opt/monday.db",
        "cd /opt",
    ]
    for line in history:
        shell.run(line)
    shell.run("kubectl delete namespace shop")
    cluster.advance("60s")
    restore = "etcdutl snapshot restore monday.db"
    shell.run(restore)
    text = "\n".join([*history, "kubectl get namespaces", restore, "kubectl get namespaces"])
    shell.files.write("/root/.bash_history", f"{text}\n".encode())
    shell.run("cd /root")
    return cluster


def fallen_trio(seed: int = 7) -> Cluster:
    """Three members on hosts of their own, and a backup on each host as /opt/backup.db. Then the members are
    stopped - their manifests lie in /opt - and all three data directories are lost."""
    cluster = up(workers=1, etcd_members=3, seed=seed, name="trio")
    sessions_of(cluster).notebook.run("kubectl create configmap precious --from-literal=text=kept")
    cluster.advance(SETTLE)
    flags = f"--cacert {PKI}/ca.crt --cert {PKI}/server.crt --key {PKI}/server.key"
    save = f"etcdctl --endpoints https://127.0.0.1:2379 {flags} snapshot save /opt/backup.db"
    backup = b""
    for name, host in cluster.etcd_hosts.items():
        if backup:
            host.files.write("/opt/backup.db", backup)
        else:
            sessions_of(cluster).node(name).run(save)
            backup = host.files.read("/opt/backup.db")
    for name in cluster.etcd_hosts:
        sessions_of(cluster).node(name).run("mv /etc/kubernetes/manifests/etcd.yaml /opt/")
    cluster.advance("30s")
    for name in cluster.etcd_hosts:
        sessions_of(cluster).node(name).run("rm -rf /var/lib/etcd/member")
    return cluster
