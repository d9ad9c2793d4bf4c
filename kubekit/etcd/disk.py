"""Disk: where a member's files are, and what of them survives a power cut.

A disk holds files by path ("member/wal/0.wal", relative to the disk's root). Writing is not keeping: until
`fsync` of the file, its new bytes may be lost; until `fsync` of a folder, a file that was made, renamed or
removed may be as before. `FolderDisk` is a real folder; `MemoryDisk` is one in memory that can `crash` and
shows what a careful program must expect. Everything raises OSError with the numbers of a real disk.

    disk = MemoryDisk()
    disk.write("a", b"1"); disk.fsync("a"); disk.fsync("")
    disk.append("a", b"2")
    disk.crash()                                # the 2 was never synced: a power cut takes it
    disk.read("a")                              # b"1"

A file may be longer than what was written to it (`truncate` to a larger size): the rest reads as zeros and
costs nothing, as preallocated space does.
Source: what server/storage/wal and client/pkg/fileutil rely on (fsync(2), rename(2), fallocate(2)).
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from kubekit.etcd.memory_file import SECTOR, MemoryFile
from kubekit.sim import Rng

__all__ = ["SECTOR", "Disk", "FolderDisk", "MemoryDisk"]


class Disk(Protocol):
    """Files by path."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at a path; "" is the root, which exists."""

    def list(self, folder: str) -> list[str]:
        """The names in a folder, sorted. Raises FileNotFoundError."""

    def size(self, path: str) -> int:
        """Bytes of a file. Raises FileNotFoundError."""

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        """Bytes of a file from `offset` on; fewer than `size` where it ends. Raises FileNotFoundError."""

    def view(self, path: str) -> bytes | mmap.mmap:
        """A whole file to read here and there, without loading it."""

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        """Make a file of these bytes, or write over what is at `offset`. Raises FileNotFoundError when its
        folder is missing, or the file that is to be written over."""

    def append(self, path: str, data: bytes) -> None:
        """Write at the end of a file, which is made when it is missing."""

    def truncate(self, path: str, size: int) -> None:
        """Cut a file, or lengthen it by zeros."""

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another path; a file that is there goes."""

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it."""

    def mkdir(self, path: str) -> None:
        """Make a folder, and those that it lies in; no matter if it is there."""

    def fsync(self, path: str) -> None:
        """Keep what was written to a file, or which names a folder holds, through a power cut."""

    def later(self, action: Callable[[], object]) -> bool:
        """Have something written just before anybody looks at the disk, or its power is cut, if this disk can
        tell; whether it can. Who asks for it saves the work when nobody ever looks."""


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class MemoryDisk:
    """A disk in memory that can crash."""

    def __init__(self, lazy: bool = True) -> None:
        self._lazy = lazy
        self._later: list[Callable[[], object]] = []
        self._files: dict[str, MemoryFile] = {}
        self._folders: set[str] = {""}
        self._journal: list[Callable[[], object]] = []
        """How to undo each change of names since a folder was synced last, in order."""
        self.syncs = 0
        """How often something was synced."""

    def exists(self, path: str) -> bool:
        if self._later:
            self._catch_up()
        return path in self._files or path in self._folders

    def list(self, folder: str) -> list[str]:
        if self._later:
            self._catch_up()
        if folder not in self._folders:
            raise _missing(folder)
        start = f"{folder}/" if folder else ""
        names = [*self._files, *self._folders]
        below = {name[len(start) :].split("/")[0] for name in names if name.startswith(start)}
        return sorted(below - {""})

    def size(self, path: str) -> int:
        if self._later:
            self._catch_up()
        return self._file(path).size

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        if self._later:
            self._catch_up()
        return self._file(path).read(offset, size)

    def view(self, path: str) -> bytes | mmap.mmap:
        return self.read(path)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        if self._later:
            self._catch_up()
        if offset >= 0:
            self._file(path).write(offset, data)
            return
        file = self._files.get(path) or self._create(path)
        if file.size:
            file.resize(0)
        file.write(0, data)

    def append(self, path: str, data: bytes) -> None:
        if self._later:
            self._catch_up()
        file = self._files.get(path) or self._create(path)
        file.write(file.size, data)

    def truncate(self, path: str, size: int) -> None:
        if self._later:
            self._catch_up()
        self._file(path).resize(size)

    def rename(self, old: str, new: str) -> None:
        if self._later:
            self._catch_up()
        self._check_folder(new)
        if old in self._folders:
            self._rename_folder(old, new)
            return
        file = self._file(old)
        replaced = self._files.get(new)
        del self._files[old]
        self._files[new] = file

        def undo() -> None:
            self._files[old] = file
            if replaced is None:
                self._files.pop(new, None)
            else:
                self._files[new] = replaced

        self._journal.append(undo)

    def remove(self, path: str) -> None:
        if self._later:
            self._catch_up()
        if path in self._files:
            gone = {path: self._files[path]}
            folders: set[str] = set()
        elif path in self._folders and path:
            gone = {name: file for name, file in self._files.items() if name.startswith(f"{path}/")}
            folders = {name for name in self._folders if name == path or name.startswith(f"{path}/")}
        else:
            raise _missing(path)
        for name in gone:
            del self._files[name]
        self._folders -= folders

        def undo() -> None:
            self._files.update(gone)
            self._folders.update(folders)

        self._journal.append(undo)

    def mkdir(self, path: str) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder in self._files:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
            if folder not in self._folders:
                self._folders.add(folder)
                self._journal.append(partial(self._folders.discard, folder))

    def later(self, action: Callable[[], object]) -> bool:
        if self._lazy:
            self._later.append(action)
        return self._lazy

    def _catch_up(self) -> None:
        """Write what was put off."""
        while self._later:
            self._later.pop(0)()

    def fsync(self, path: str) -> None:
        self.syncs += 1
        if path in self._folders:
            # A file system commits its journal as a whole, whichever folder it was asked for.
            self._journal.clear()
        else:
            self._file(path).undo.clear()

    def crash(self, rng: Rng | None = None) -> None:
        """Cut the power: what was not synced is lost. With `rng`, chance decides how much of it reached the
        disk before: names in order up to some point, of each write any of its sectors."""
        self._catch_up()
        keep = 0 if rng is None else rng.randint(0, len(self._journal))
        for undo in reversed(self._journal[keep:]):
            undo()
        self._journal.clear()
        for file in self._files.values():
            file.crash(rng)

    def flip(self, path: str, bit: int) -> None:
        """Turn one bit of a file over, as a failing disk does; it stays that way.
        Raises ValueError beyond the file's end."""
        self._catch_up()
        file = self._file(path)
        place = bit // 8
        if place >= file.size:
            raise ValueError(f"{path} has {file.size} bytes")
        file.data.extend(bytes(max(0, place + 1 - len(file.data))))
        file.data[place] ^= 1 << bit % 8

    def _file(self, path: str) -> MemoryFile:
        file = self._files.get(path)
        if file is None:
            if path in self._folders:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            raise _missing(path)
        return file

    def _create(self, path: str) -> MemoryFile:
        self._check_folder(path)
        if path in self._folders:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        file = self._files[path] = MemoryFile()
        self._journal.append(partial(self._files.pop, path, None))
        return file

    def _check_folder(self, path: str) -> None:
        if path.rpartition("/")[0] not in self._folders:
            raise _missing(path)

    def _rename_folder(self, old: str, new: str) -> None:
        if self.exists(new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)

        def move(source: str, target: str) -> None:
            for name in [name for name in self._files if name.startswith(f"{source}/")]:
                self._files[target + name[len(source) :]] = self._files.pop(name)
            for name in [name for name in self._folders if f"{name}/".startswith(f"{source}/")]:
                self._folders.discard(name)
                self._folders.add(target + name[len(source) :])

        move(old, new)
        self._journal.append(partial(move, new, old))


class FolderDisk:
    """A folder of the real file system. The file that is written to here and there, a log's segment, is held
    open."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._held = ("", -1)

    def __del__(self) -> None:
        self._let_go()

    def _hold(self, path: str) -> int:
        """An open handle of a file."""
        held, handle = self._held
        if held != path or handle < 0:
            self._let_go()
            handle = os.open(self._at(path), os.O_RDWR)
            self._held = (path, handle)
        return handle

    def _let_go(self) -> None:
        _, handle = getattr(self, "_held", ("", -1))
        if handle >= 0:
            self._held = ("", -1)
            os.close(handle)

    def _at(self, path: str) -> Path:
        return self.root / path

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def list(self, folder: str) -> list[str]:
        return sorted(os.listdir(self._at(folder)))

    def size(self, path: str) -> int:
        return self._at(path).stat().st_size

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        with self._at(path).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def view(self, path: str) -> bytes | mmap.mmap:
        with self._at(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        if offset < 0:
            with self._open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
                file.write(data)
            return
        handle = self._hold(path)
        left = memoryview(data)
        while left:
            written = os.pwrite(handle, left, offset)
            left, offset = left[written:], offset + written

    def append(self, path: str, data: bytes) -> None:
        with self._open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            file.write(data)

    def truncate(self, path: str, size: int) -> None:
        os.truncate(self._at(path), size)

    def rename(self, old: str, new: str) -> None:
        self._let_go()
        self._at(old).replace(self._at(new))

    def remove(self, path: str) -> None:
        self._let_go()
        at = self._at(path)
        if not at.is_dir() or at.is_symlink():
            at.unlink()
            return
        # With all that is in it only below the root: "", "/" and "/etc" are easily said.
        if self.root.resolve() in at.resolve().parents:
            shutil.rmtree(at)
        else:
            at.rmdir()

    def mkdir(self, path: str) -> None:
        # Only the owner may look into a member's folders: they hold passwords.
        at = self._at(path)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.mkdir(mode=0o700, exist_ok=True)

    def fsync(self, path: str) -> None:
        if path and path == self._held[0]:
            os.fsync(self._held[1])
            return
        handle = os.open(self._at(path), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def later(self, action: Callable[[], object]) -> bool:
        # Nobody can tell when somebody else looks into a real folder.
        return False

    def _open(self, path: str, flags: int) -> BinaryIO:
        return os.fdopen(os.open(self._at(path), flags, 0o600), "wb")
