"""NodeFiles: the file system of one simulated node, as far as exercises look into it.

A tree in memory with absolute paths. What is dear to make (certificates) is made when it is first read
(`lazy`); etcd's member writes its files here too (`etcd_disk`). It answers as `kubekit.etcd.disk.Disk` does,
errors included, so etcdctl and etcdutl work on it directly.

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

from kubekit.etcd.disk import MemoryDisk

FOLDER_MODE = 0o755
FILE_MODE = 0o644
PRIVATE_MODE = 0o600

FOLDERS = ("etc", "home", "opt", "root", "tmp", "usr", "var", "var/lib", "var/log", "var/lib/kubelet")
"""What every node has."""


class NodeFiles:
    """Files by absolute path; a path without a leading slash counts from the root too."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        """The files themselves, by path without the leading slash; whoever writes here is not noticed."""
        self.gone: list[Callable[[str], None]] = []
        """Called with the path, without its leading slash, of what was removed or renamed."""
        self._lazy: dict[str, Callable[[], bytes]] = {}
        self._modes: dict[str, int] = {}
        self._watchers: list[tuple[str, Callable[[], None]]] = []
        for folder in FOLDERS:
            self.disk.mkdir(folder)

    # -- making -----------------------------------------------------------------------------------------

    def lazy(self, path: str, make: Callable[[], bytes], mode: int = FILE_MODE) -> None:
        """A file whose content is made when it is first read."""
        place = self._place(path)
        self.disk.mkdir(posixpath.dirname(place))
        self.disk.write(place, b"")
        self._lazy[place] = make
        self._modes[place] = mode

    def put(self, path: str, data: str | bytes, mode: int = FILE_MODE) -> None:
        """A file, with the folders above it."""
        place = self._place(path)
        self.disk.mkdir(posixpath.dirname(place))
        self.write(path, data.encode() if isinstance(data, str) else data)
        self._modes[place] = mode

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
        return self.disk.exists(self._place(path))

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        try:
            self.disk.list(self._place(path))
        except OSError:
            return False
        return True

    def list(self, folder: str) -> list[str]:
        """The names in a folder, sorted. Raises OSError."""
        return self.disk.list(self._place(folder))

    def size(self, path: str) -> int:
        """Bytes of a file. Raises OSError."""
        return self.disk.size(self._file(path))

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        """Bytes of a file. Raises OSError."""
        return self.disk.read(self._file(path), offset, size)

    def view(self, path: str) -> bytes:
        """A whole file."""
        return self.read(path)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        """Make a file, or write into one. Raises OSError."""
        if offset < 0:
            place = self._place(path)
            self._lazy.pop(place, None)
            self.disk.write(place, data)
        else:
            self.disk.write(self._file(path), data, offset)
        self._tell(path)

    def append(self, path: str, data: bytes) -> None:
        """Write at the end of a file. Raises OSError."""
        self.disk.append(self._file(path), data)
        self._tell(path)

    def truncate(self, path: str, size: int) -> None:
        """Cut a file, or lengthen it by zeros. Raises OSError."""
        self.disk.truncate(self._file(path), size)
        self._tell(path)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another path. Raises OSError."""
        here, there = self._place(old), self._place(new)
        for place in [place for place in self._lazy if f"{place}/".startswith(f"{here}/")]:
            self._made(place)
        self.disk.rename(here, there)
        for place in [place for place in self._modes if f"{place}/".startswith(f"{here}/")]:
            self._modes[there + place[len(here) :]] = self._modes.pop(place)
        self._say_gone(here)
        self._tell(old)
        self._tell(new)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it. Raises OSError."""
        place = self._place(path)
        if not place:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        self.disk.remove(place)
        for known in (self._lazy, self._modes):
            for name in [name for name in known if f"{name}/".startswith(f"{place}/")]:
                del known[name]
        self._say_gone(place)
        self._tell(path)

    def mkdir(self, path: str) -> None:
        """Make a folder, and those that it lies in. Raises OSError."""
        place = self._place(path)
        if place:
            self.disk.mkdir(place)
        self._tell(path)

    def fsync(self, path: str) -> None:
        """Nothing is lost here but with the whole node."""

    def later(self, action: Callable[[], object]) -> bool:
        """Have something written just before anybody looks."""
        return self.disk.later(action)

    # -- inside -----------------------------------------------------------------------------------------

    @staticmethod
    def _place(path: str) -> str:
        return posixpath.normpath("/" + path).strip("/")

    def _file(self, path: str) -> str:
        """The place of a file, with its content there if it was to be made yet."""
        place = self._place(path)
        if place in self._lazy:
            self._made(place)
        return place

    def _made(self, place: str) -> None:
        self.disk.write(place, self._lazy.pop(place)())

    def _say_gone(self, place: str) -> None:
        for tell in list(self.gone):
            tell(place)

    def _tell(self, path: str) -> None:
        place = self._place(path)
        for folder, tell in self._watchers:
            if place == folder or place.startswith(f"{folder}/"):
                tell()


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
