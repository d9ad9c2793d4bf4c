"""Typical wrong answers of chapter 04; see `mistakes`."""

from __future__ import annotations

ON_NODE = "%%ssh controlplane\ncd /etc/kubernetes/pki/etcd\n"
FLAGS = "--endpoints https://127.0.0.1:2379 --cacert ca.crt --cert server.crt --key server.key"
PUT_WEB = 'web = cluster.etcd.store.get(b"/registry/deployments/default/web")\n'
UNDELETE = "greeting predict-delete delete"
COMPACT = 'full.etcdctl(f"compaction {full.etcd.store.revision}")\n'
LEASES = (
    "%%etcdctl\nLEASE=$(etcdctl lease grant {} | cut -d' ' -f2)\netcdctl put /course/guard {} --lease=$LEASE"
)

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "the store's revision": (
        "04.1",
        "put-twice",
        'cluster.etcdctl(f"put /course/revision {cluster.etcd.store.revision}")',
        "the revision of the whole store",
        "ModRevision",
    ),
    "the revision in which it was made": (
        "04.1",
        "",
        PUT_WEB + 'cluster.etcdctl(f"put /course/revision {web.create_revision}")',
        "its create revision",
        "ModRevision",
    ),
    "how often it was changed": (
        "04.1",
        "",
        PUT_WEB + 'cluster.etcdctl(f"put /course/revision {web.version}")',
        "its version",
        "ModRevision",
    ),
    "a key of another name": (
        "04.1",
        "",
        "%etcdctl put /course/Revision 1",
        "/course/Revision",
        "the name of the key",
    ),
    "what it said first": (
        "04.2",
        UNDELETE,
        "%kubectl create configmap greeting --from-literal=text=hello",
        "text: hello",
        "just before the deletion",
    ),
    "it says it under another key": (
        "04.2",
        UNDELETE,
        '%kubectl create configmap greeting --from-literal=message="good evening"',
        "message: good evening",
        "just before the deletion",
    ),
    "the greeting is elsewhere": (
        "04.2",
        UNDELETE,
        '%kubectl create configmap greeting -n kube-public --from-literal=text="good evening"',
        "kube-public/greeting",
        "name and namespace",
    ),
    "written into etcd by hand": (
        "04.2",
        UNDELETE,
        'old = cluster.etcd.store.at(b"/registry/configmaps/default/greeting", before).value.decode()\n'
        "cluster.etcdctl(f\"put /registry/configmaps/default/greeting '{old}'\")",
        "past the API server",
        "no validation",
    ),
    "without a lease": ("04.3", "", "%etcdctl put /course/guard on", "no lease", "a put without --lease"),
    "a lease of ten minutes": ("04.3", "", LEASES.format(600, "on"), "600 seconds", "lease grant"),
    "another value": ("04.3", "", LEASES.format(90, "yes"), "yes", "get /course/guard"),
    "the alarm alone": ("04.4", "full", "%etcdctl alarm disarm", "none", "compaction REVISION"),
    "compacted and disarmed": (
        "04.4",
        "full",
        COMPACT + "%etcdctl alarm disarm\n%kubectl create configmap one-more",
        "of which",
        "defrag",
    ),
    "defragmented with all its past": (
        "04.4",
        "full",
        "%etcdctl defrag\n%etcdctl alarm disarm\n%kubectl create configmap one-more",
        "none",
        "compaction REVISION",
    ),
    "the alarm is still on": ("04.4", "full", COMPACT + "%etcdctl defrag", "NOSPACE", "alarm disarm"),
    "values too": (
        "04.5",
        "",
        ON_NODE + f"etcdctl {FLAGS} get /registry/services/ --prefix > /opt/services.txt",
        "also:",
        "--keys-only",
    ),
    "without a prefix": (
        "04.5",
        "",
        ON_NODE + f"etcdctl {FLAGS} get /registry/services/ --keys-only > /opt/services.txt",
        "an empty file",
        "--prefix",
    ),
    "too short a prefix": (
        "04.5",
        "",
        ON_NODE + f"etcdctl {FLAGS} get /registry/service --prefix --keys-only > /opt/services.txt",
        "also: /registry/serviceaccounts",
        "the prefix",
    ),
    "a file in the folder where it stood": (
        "04.5",
        "",
        ON_NODE + f"etcdctl {FLAGS} get /registry/services/ --prefix --keys-only > services.txt",
        "/etc/kubernetes/pki/etcd/services.txt",
        "a relative one",
    ),
    "the key was deleted": (
        "04.6",
        "task-2-begin",
        "%etcdctl del /course/stuck",
        "without its key",
        "a deleted key leaves its lease",
    ),
    "both leases were ended": (
        "04.6",
        "task-2-begin",
        "%etcdctl lease revoke $STUCK\n%etcdctl lease revoke $KEPT",
        "it is gone",
        "the ID that was revoked",
    ),
    "the other lease was ended": (
        "04.6",
        "task-2-begin",
        "%etcdctl lease revoke $KEPT",
        "it is there",
        "get /course/stuck",
    ),
    "the key was taken off its lease": (
        "04.6",
        "task-2-begin",
        "%etcdctl put /course/stuck old",
        "without a lease",
        "without --lease",
    ),
}
