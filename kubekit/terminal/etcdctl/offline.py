"""Offline: `snapshot status` and `snapshot restore` - looking into a file, and making a data directory of it.

Nothing here talks to a member. etcdctl had these commands up to 3.5; etcdutl has them since, and calls these
functions.
Source: etcdutl/etcdutl/snapshot_command.go, etcdctl/ctlv3/command/snapshot_command.go (3.4).
"""

from __future__ import annotations

from kubekit.etcd.restore import Plan
from kubekit.etcd.restore import restore as make
from kubekit.etcd.snapshot import SnapshotError
from kubekit.etcd.snapshot import status as sum_up
from kubekit.terminal.cli.flags import Flag, boolean, number, string
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.exits import ERROR, Exit, bad_args

DEFAULT_NAME = "default"
DEFAULT_PEER = "http://localhost:2380"
MMAP_BYTES = 10 * 1024**3

STATUS_LONG = """When --write-out is set to simple, this command prints out comma-separated status lists \
for each endpoint.
The items in the lists are hash, revision, total keys, total size.
"""


def status(call: Call) -> None:
    """`snapshot status FILE`."""
    need(call, len(call.args) == 1, "snapshot status requires exactly one argument")
    display = call.display
    try:
        found = sum_up(call.program.files, call.args[0], call.release.api)
    except SnapshotError as error:
        raise Exit(ERROR, str(error)) from None
    shown = {
        "hash": found.hash,
        "revision": found.revision,
        "totalKey": found.total_key,
        "totalSize": found.total_size,
        "version": found.version,
    }
    display.show("snapshot_status", shown, {"versioned": call.release.minor >= 6})


def restore_flags(minor: int, where: str) -> list[Flag]:
    """The flags of `snapshot restore`."""
    found = [
        string("data-dir", where),
        string("wal-dir", "Path to the WAL directory (use --data-dir if none given)"),
        string(
            "initial-cluster",
            "Initial cluster configuration for restore bootstrap",
            default=f"{DEFAULT_NAME}={DEFAULT_PEER}",
        ),
        string(
            "initial-cluster-token",
            "Initial cluster token for the etcd cluster during restore bootstrap",
            default="etcd-cluster",
        ),
        string(
            "initial-advertise-peer-urls",
            "List of this member's peer URLs to advertise to the rest of the cluster",
            default=DEFAULT_PEER,
        ),
        string("name", "Human-readable name for this member", default=DEFAULT_NAME),
        boolean(
            "skip-hash-check",
            "Ignore snapshot integrity hash value (required if copied from data directory)",
        ),
    ]
    if minor >= 6:
        found += [
            number(
                "initial-memory-map-size",
                "Initial memory map size of the database in bytes. It uses the default value if not defined"
                " or defined to 0",
                default=MMAP_BYTES,
            ),
            number("bump-revision", "How much to increase the latest revision after restore"),
            boolean(
                "mark-compacted",
                "Mark the latest revision after restore as the point of scheduled compaction (required if"
                " --bump-revision > 0, disallowed otherwise)",
            ),
        ]
    return found


def restore(call: Call) -> None:
    """`snapshot restore FILE`."""
    need(call, len(call.args) == 1, "snapshot restore requires exactly one argument")
    values = call.values
    plan = Plan(
        name=values["name"],
        initial_cluster=values["initial-cluster"],
        initial_cluster_token=values["initial-cluster-token"],
        initial_advertise_peer_urls=values["initial-advertise-peer-urls"],
        data_dir=values["data-dir"],
        wal_dir=values["wal-dir"],
        skip_hash_check=values["skip-hash-check"],
        bump_revision=values.get("bump-revision", 0),
        mark_compacted=values.get("mark-compacted", False),
    )
    if (plan.bump_revision > 0) != plan.mark_compacted:
        raise bad_args("--mark-compacted required if --revision-bump > 0")
    path = call.args[0]
    folder = plan.data_dir or f"{plan.name}.etcd"
    places = {"path": path, "wal-dir": plan.wal_dir or f"{folder}/member/wal", "data-dir": folder}
    places["snap-dir"] = f"{folder}/member/snap"
    try:
        made = make(call.program.files, path, plan, release=call.release.api, resolve=call.program.resolve)
    except SnapshotError as error:
        if _begun(call, folder):
            call.notice("info", "restoring snapshot", places)
        raise Exit(ERROR, str(error)) from None
    call.notice("info", "restoring snapshot", places)
    if call.release.minor > 4:
        call.notice("info", "Trimming membership information from the backend...", {})
    for member in sorted(made.members, key=lambda one: one.id):
        fields: dict[str, object] = {"cluster-id": f"{made.cluster_id:x}", "local-member-id": "0"}
        fields |= {"added-peer-id": f"{member.id:x}", "added-peer-peer-urls": list(member.peer_urls)}
        call.notice("info", "added member", fields)
    call.notice("info", "restored snapshot", places)


def _begun(call: Call, folder: str) -> bool:
    """Whether a restore that failed had got as far as copying."""
    return bool(call.program.files.exists(f"{folder}/member/snap"))
