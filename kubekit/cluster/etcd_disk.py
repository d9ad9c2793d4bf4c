"""DataDirectory: the files of an etcd member on its node's file system.

A member writes through files that it holds open: when its folder is removed or renamed beneath it, it goes on
and nothing of what it writes is found at the old path - not even when a new folder stands there by then, as
after a restore. It reads the path anew when it starts.
Source: open(2), unlink(2).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.cluster.node_files import NodeFiles
from kubekit.etcd.backend import BackendState
from kubekit.etcd.datadir import Storage, Stored
from kubekit.etcd.membership import MemberInfo
from kubekit.etcd.storage import MemberStorage
from kubekit.raft import Entry, HardState, Snapshot

DATA_DIR = "/var/lib/etcd"
"""Where kubeadm puts it."""


class DataDirectory(Storage, MemberStorage):
    """A member's disk: the folder at an absolute path of a node."""

    def __init__(self, files: NodeFiles, folder: str) -> None:
        super().__init__(files.disk, folder.strip("/"))
        self.files = files
        self.folder = folder.strip("/")
        self._unlinked = False
        files.gone.append(self._gone)

    def _gone(self, place: str) -> None:
        if f"{self.wal_dir}/".startswith(f"{place}/") or place.startswith(f"{self.wal_dir}/"):
            self._unlinked = True

    def create(self, member_id: int, cluster_id: int, members: Sequence[MemberInfo] = ()) -> None:
        """Begin a log."""
        self._unlinked = False
        super().create(member_id, cluster_id, members)

    def load(self) -> Stored:
        """Read what is at the path now."""
        self._unlinked = False
        return super().load()

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool = True) -> None:
        """Write to the log."""
        if not self._unlinked:
            super().save(hard_state, entries, must_sync)

    def append(self, entry: Entry) -> None:
        """Write one entry."""
        if not self._unlinked:
            super().append(entry)

    def save_snapshot(
        self, snapshot: Snapshot, state: BackendState, hard_state: HardState | None = None
    ) -> None:
        """Write a snapshot."""
        if not self._unlinked:
            super().save_snapshot(snapshot, state, hard_state)

    def save_database(self, state: BackendState) -> None:
        """Write the state alone."""
        if not self._unlinked:
            super().save_database(state)

    def crash(self) -> None:
        """The member is gone; what it wrote is in the files."""

    def wipe(self) -> None:
        """The disk is lost."""
        if self.files.exists(f"{self.folder}/member"):
            self.files.remove(f"{self.folder}/member")

    def close(self) -> None:
        """Nobody writes here any more."""
        self.files.gone.remove(self._gone)
