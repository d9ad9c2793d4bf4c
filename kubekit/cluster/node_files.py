"""NodeFiles: the file system of one simulated node, as far as exercises look into it.

A tree in memory with absolute paths. What is dear to make (certificates) is made when it is first read
(`lazy`), and a member's own disk can be mounted below a folder (`mount`), so that what lies in
``/var/lib/etcd`` is what the member wrote. It answers as `kubekit.etcd.disk.Disk` does, errors included, so
etcdctl and etcdutl work on it directly.

    files = cluster.node("controlplane").files
    files.text("/etc/kubernetes/manifests/etcd.yaml")
    files.write("/opt/note", b"text")
    files.list("/etc/kubernetes/pki/etcd")
"""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable

from kubekit.etcd.disk import Disk, MemoryDisk

FOLDER_MODE = 0o755
FILE_MODE = 0o644
PRIVATE_MODE = 0o600

FOLDERS = ("etc", "home", "opt", "root", "tmp", "usr", "var", "var/lib", "var/log", "var/lib/kubelet")
"""What every node has."""


class NodeFiles:
    """Files by absolute path; a path without a leading slash counts from the root too."""

    def __init__(self) -> None:
        self._disk = MemoryDisk()
        self._lazy: dict[str, Callable[[], bytes]] = {}
        self._mounts: dict[str, Disk] = {}
        self._modes: dict[str, int] = {}
        self._watchers: list[tuple[str, Callable[[], None]]] = []
        for folder in FOLDERS:
            self._disk.mkdir(folder)

    # -- making -----------------------------------------------------------------------------------------

    def lazy(self, path: str, make: Callable[[], bytes], mode: int = FILE_MODE) -> None:
        """A file whose content is made when it is first read."""
        place = self._place(path)
        self._disk.mkdir(posixpath.dirname(place))
        self._disk.write(place, b"")
        self._lazy[place] = make
        self._modes[place] = mode

    def put(self, path: str, data: str | bytes, mode: int = FILE_MODE) -> None:
        """A file, with the folders above it."""
        place = self._place(path)
        self._disk.mkdir(posixpath.dirname(place))
        self.write(path, data.encode() if isinstance(data, str) else data)
        self._modes[place] = mode

    def mount(self, path: str, disk: Disk) -> None:
        """Show another disk below a folder."""
        place = self._place(path)
        self._disk.mkdir(place)
        self._mounts[place] = disk

    def on_change(self, folder: str, tell: Callable[[], None]) -> None:
        """Call `tell` whenever something in a folder was written, moved or removed."""
        self._watchers.append((self._place(folder), tell))

    def text(self, path: str) -> str:
        """A file as text. Raises OSError."""
        return self.read(path).decode(errors="replace")

    def mode(self, path: str) -> int:
        """Permission bits."""
        default = FOLDER_MODE if self.is_folder(path) else FILE_MODE
        return self._modes.get(self._place(path), default)

    def chmod(self, path: str, mode: int) -> None:
        """Set permission bits. Raises FileNotFoundError."""
        if not self.exists(path):
            raise _missing(path)
        self._modes[self._place(path)] = mode

    # -- as a Disk --------------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Whether anything is there."""
        disk, place = self._where(path)
        return disk.exists(place)

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        disk, place = self._where(path)
        if not place:
            return True
        if not disk.exists(place):
            return False
        try:
            disk.list(place)
        except OSError:
            return False
        return True

    def list(self, folder: str) -> list[str]:
        """The names in a folder, sorted. Raises OSError."""
        disk, place = self._where(folder)
        return disk.list(place)

    def size(self, path: str) -> int:
        """Bytes of a file. Raises OSError."""
        disk, place = self._file(path)
        return disk.size(place)

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        """Bytes of a file. Raises OSError."""
        disk, place = self._file(path)
        return disk.read(place, offset, size)

    def view(self, path: str) -> bytes:
        """A whole file."""
        return self.read(path)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        """Make a file, or write into one. Raises OSError."""
        disk, place = self._where(path)
        if offset < 0:
            self._lazy.pop(place, None)
            disk.write(place, data)
        else:
            disk, place = self._file(path)
            disk.write(place, data, offset)
        self._tell(path)

    def append(self, path: str, data: bytes) -> None:
        """Write at the end of a file. Raises OSError."""
        disk, place = self._where(path)
        if disk.exists(place):
            disk, place = self._file(path)
        disk.append(place, data)
        self._tell(path)

    def truncate(self, path: str, size: int) -> None:
        """Cut a file, or lengthen it by zeros. Raises OSError."""
        disk, place = self._file(path)
        disk.truncate(place, size)
        self._tell(path)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another path; between disks it is copied. Raises OSError."""
        (source, here), (target, there) = self._where(old), self._where(new)
        for place in [place for place in self._lazy if f"{place}/".startswith(f"{here}/")]:
            self._made(place)
        mode = self._modes.pop(self._place(old), None)
        if source is target:
            source.rename(here, there)
        else:
            _copy(source, here, target, there)
            source.remove(here)
        if mode is not None:
            self._modes[self._place(new)] = mode
        self._tell(old)
        self._tell(new)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it. Raises OSError."""
        disk, place = self._where(path)
        if not place:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        disk.remove(place)
        for known in (self._lazy, self._modes):
            for name in [name for name in known if f"{name}/".startswith(f"{place}/")]:
                del known[name]
        self._tell(path)

    def mkdir(self, path: str) -> None:
        """Make a folder, and those that it lies in. Raises OSError."""
        disk, place = self._where(path)
        if place:
            disk.mkdir(place)
        self._tell(path)

    def fsync(self, path: str) -> None:
        """Nothing is lost here but with the whole node."""

    def later(self, action: Callable[[], object]) -> bool:
        """Nothing is put off here."""
        return False

    # -- inside -----------------------------------------------------------------------------------------

    @staticmethod
    def _place(path: str) -> str:
        return posixpath.normpath("/" + path).strip("/")

    def _where(self, path: str) -> tuple[Disk, str]:
        """The disk that a path is on, and where on it."""
        place = self._place(path)
        for mounted in sorted(self._mounts, key=len, reverse=True):
            if place == mounted or place.startswith(f"{mounted}/"):
                return self._mounts[mounted], place[len(mounted) :].strip("/")
        return self._disk, place

    def _file(self, path: str) -> tuple[Disk, str]:
        """The same, with the content there if it was to be made yet."""
        disk, place = self._where(path)
        if disk is self._disk and place in self._lazy:
            self._made(place)
        return disk, place

    def _made(self, place: str) -> None:
        self._disk.write(place, self._lazy.pop(place)())

    def _tell(self, path: str) -> None:
        place = self._place(path)
        for folder, tell in self._watchers:
            if place == folder or place.startswith(f"{folder}/"):
                tell()


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _copy(source: Disk, here: str, target: Disk, there: str) -> None:
    """Copy a file or a folder from one disk to another."""
    try:
        names = source.list(here)
    except OSError:
        target.write(there, source.read(here))
        return
    target.mkdir(there)
    for name in names:
        _copy(source, f"{here}/{name}".strip("/"), target, f"{there}/{name}".strip("/"))
