"""snapshot: everything that a member has, as one file.

`save` writes next to the file's place and renames when all is there. Up to 3.5 etcdctl also looked into
snapshots and restored them; since 3.6 that is `etcdutl` alone.
Source: etcdctl/ctlv3/command/snapshot_command.go, client/v3/snapshot/v3_snapshot.go,
client/v3/maintenance.go.
"""

from __future__ import annotations

from kubekit.api.duration import go_duration
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.snapshot import SnapshotError, go_error
from kubekit.etcd.snapshot import save as keep
from kubekit.terminal.cli.command import Command
from kubekit.terminal.etcdctl import offline
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import UNAVAILABLE, Client, error_text, status_text
from kubekit.terminal.etcdctl.exits import INTERRUPTED, DeadlineExceeded, Exit
from kubekit.terminal.etcdctl.printer import human_bytes


def save(call: Call) -> None:
    """`snapshot save`: without --command-timeout it waits for ever."""
    what = "one argument <filename>" if call.release.minor >= 6 else "one argument"
    need(call, len(call.args) == 1, f"snapshot save expects {what}")
    timed = "command-timeout" in call.given
    config = call.config()
    path = call.args[0]
    if len(config.endpoints) != 1:
        many = " ".join(config.endpoints)
        raise Exit(INTERRUPTED, f"snapshot must be requested to one selected node, not multiple [{many}]")
    client = call.client()
    part = f"{path}.part"
    start = call.waiting.now()
    files = call.program.files
    try:
        try:
            files.write(part, b"")
        except OSError as error:
            reason = go_error("open", part, error)
            raise Exit(INTERRUPTED, f"could not open {part} ({reason})") from None
        call.log("info", "created temporary db file", path=part)
        version, size = _fetch(call, client, path, call.timeout if timed else None)
    finally:
        if files.exists(part):
            files.remove(part)
    fields = {"endpoint": config.endpoints[0], "size": human_bytes(size)}
    fields["took"] = go_duration(call.waiting.now() - start)
    if call.release.minor >= 6:
        fields["etcd_version"] = version
    call.log("info", "fetched snapshot", **fields)
    call.log("info", "saved", path=path)
    call.out(f"Snapshot saved at {path}")
    if version and call.release.minor >= 6:
        call.out(f"Server version {version}")


def _fetch(call: Call, client: Client, path: str, timeout: float | None) -> tuple[str, int]:
    """The stream into the file: (the server's storage version, how many bytes)."""
    try:
        blobs = client.snapshot(timeout)
    except DeadlineExceeded as late:
        call.log("error", "streamer failed to create ClientStream", error=late.why)
        raise Exit(INTERRUPTED, error_text(late)) from None
    except EtcdError as error:
        call.log("info", "opened snapshot stream; downloading")
        if error.code == UNAVAILABLE:
            call.block()  # such a stream is opened again without end; only an interrupt ends that
        raise _broken(call, error) from None
    call.log("info", "opened snapshot stream; downloading")
    try:
        version = client.storage_version() if call.release.minor >= 6 else ""
        call.log("info", "fetching snapshot", endpoint=client.config.endpoints[0])
        size = keep(blobs, call.program.files, path)
    except EtcdError as error:
        raise _broken(call, error) from None
    except SnapshotError as error:
        raise Exit(INTERRUPTED, str(error)) from None
    call.log("info", "completed snapshot read; closing")
    return version, size


def _broken(call: Call, error: EtcdError) -> Exit:
    text = status_text(error)
    call.log("warn", "failed to receive from snapshot stream; closing", error=text)
    return Exit(INTERRUPTED, text)


def status(call: Call) -> None:
    """`snapshot status` of 3.4 and 3.5."""
    if call.release.minor == 5:
        call.err("Deprecated: Use `etcdutl snapshot status` instead.\n")
    offline.status(call)


def restore(call: Call) -> None:
    """`snapshot restore` of 3.4 and 3.5."""
    if call.release.minor == 5:
        call.err("Deprecated: Use `etcdutl snapshot restore` instead.\n")
    offline.restore(call)


EXAMPLE = """\
  # Save snapshot to a given file
  etcdctl snapshot save /backup/etcd-snapshot.db
  
  # Get snapshot from given address and save it to file
  etcdctl snapshot save --endpoints=127.0.0.1:3000 /backup/etcd-snapshot.db
  
  # Get snapshot from given address with certificates
  etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/ca.crt --cert=/etc/etcd/etcd.crt\
 --key=/etc/etcd/etcd.key snapshot save /backup/etcd-snapshot.db
  
  # Get snapshot wih certain user and password
  etcdctl --user=root --password=password123 snapshot save /backup/etcd-snapshot.db
  
  # Get snapshot from given address with timeout
  etcdctl --endpoints=https://127.0.0.1:2379 --dial-timeout=20s snapshot save /backup/etcd-snapshot.db
  
  # Save snapshot with desirable time format
  etcdctl snapshot save /mnt/backup/etcd/backup_$(date +%Y%m%d_%H%M%S).db"""  # noqa: W293 (the blank lines of the real program's help have spaces)

STATUS_LONG = {
    4: offline.STATUS_LONG,
    5: f"{offline.STATUS_LONG}\nMoved to 'etcdctl snapshot status ...'\n",
}


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    example = EXAMPLE if minor >= 6 else ""
    below = [
        Command(
            "save <filename>", "Stores an etcd node backend snapshot to a given file", save, example=example
        )
    ]
    if minor < 6:
        note = "[deprecated] " if minor == 5 else ""
        below += [
            Command(
                "restore <filename> [options]",
                "Restores an etcd member snapshot to an etcd directory",
                restore,
                offline.restore_flags(minor, "Path to the data directory"),
                long="Moved to `etcdctl snapshot restore ...`\n" if minor == 5 else "",
            ),
            Command(
                "status <filename>",
                f"{note}Gets backend snapshot status of a given file",
                status,
                long=STATUS_LONG[minor],
            ),
        ]
    return [Command("snapshot <subcommand>", "Manages etcd node snapshots", commands=below, example=example)]
