"""A cluster's data directory: one folder for each etcd member, in etcd's own files.

    <data-dir>/default.etcd/member/...        the only member; a real etcd starts on such a folder
    <data-dir>/etcd-1.etcd/member/...         one of several

A directory belongs to one process at a time: each member holds a lock on its folder while it runs. Members
that were there before must all be asked for again, because a cluster does not forget its members.
Source: etcd's flag --data-dir (``<name>.etcd`` by default); the lock is bbolt's.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from kubekit.cluster.errors import KubekitError
from kubekit.etcd.backend import BackendState
from kubekit.etcd.datadir import Storage, Stored
from kubekit.etcd.disk import FolderDisk
from kubekit.etcd.membership import MemberInfo
from kubekit.raft import Entry

SUFFIX = ".etcd"
LOCK = "lock"


class MemberDirectory(Storage):
    """One member's folder on a real disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = None
        super().__init__(FolderDisk(folder))

    def create(self, member_id: int, cluster_id: int, members: Sequence[MemberInfo] = ()) -> None:
        """Begin a member's log. Raises StorageError, KubekitError."""
        self._take()
        with self._left_on_failure():
            super().create(member_id, cluster_id, members)

    def load(self) -> Stored:
        """Everything that is there. Raises StorageError, KubekitError when another process has it."""
        self._take()
        with self._left_on_failure():
            return super().load()

    def append(self, entry: Entry) -> None:
        """Write one entry that follows the last one, and sync it."""
        self.save(None, [entry])

    def save_database(self, state: BackendState) -> None:
        """Write the state: the member has stopped, and leaves the folder to others."""
        super().save_database(state)
        self._leave()

    def crash(self) -> None:
        """The member was killed; what it had written is there."""
        self._wal = None
        self._leave()

    def wipe(self) -> None:
        """The disk is lost."""
        self.crash()
        shutil.rmtree(self.folder / "member", ignore_errors=True)

    def _take(self) -> None:
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / LOCK).open("wb")
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # a system without such locks
        except OSError:
            lock.close()
            raise KubekitError(f"another process uses {self.folder}") from None
        self._lock = lock

    @contextlib.contextmanager
    def _left_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def member_directories(root: str | Path, names: Iterable[str]) -> dict[str, MemberDirectory]:
    """The folders of the members `names` below `root`.

    Raises KubekitError when the directory cannot be used, or holds other members.
    """
    folder = Path(root).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        there = sorted(
            entry.name.removesuffix(SUFFIX) for entry in folder.iterdir() if (entry / "member").is_dir()
        )
    except OSError as error:
        raise KubekitError(f"{folder} cannot be a data directory: {error.strerror}") from None
    wanted = sorted(names)
    if there and there != wanted:
        raise KubekitError(
            f"{folder} holds the data of {len(there)} etcd member(s), {', '.join(there)}: "
            f"it cannot be used with {', '.join(wanted)}"
        )
    return {name: MemberDirectory(folder / f"{name}{SUFFIX}") for name in wanted}
