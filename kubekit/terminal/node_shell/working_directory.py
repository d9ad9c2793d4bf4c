"""WorkingDirectory: a shell's files for a program that is given paths as its user typed them.

etcdctl and etcdutl know files by path and nothing of a working directory; on a node `--cacert ca.crt` means
the file in the folder that `cd` went to. Errors name the path as it was typed. It is a
`kubekit.etcd.disk.Disk`; make it anew for each command, it keeps nothing.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Protocol

from kubekit.etcd.disk import Disk


class Standing(Protocol):
    """A shell, as far as it stands somewhere."""

    files: Disk

    def at(self, path: str) -> str: ...


class WorkingDirectory:
    """The files of a shell, seen from where it stands."""

    def __init__(self, shell: Standing) -> None:
        self.shell, self.disk = shell, shell.files

    def exists(self, path: str) -> bool:
        return self.disk.exists(self.shell.at(path))

    def list(self, folder: str) -> list[str]:
        return self.disk.list(self.shell.at(folder))

    def size(self, path: str) -> int:
        return self.disk.size(self.shell.at(path))

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        return self.disk.read(self.shell.at(path), offset, size)

    def view(self, path: str) -> bytes | mmap.mmap:
        return self.disk.view(self.shell.at(path))

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        self.disk.write(self.shell.at(path), data, offset)

    def append(self, path: str, data: bytes) -> None:
        self.disk.append(self.shell.at(path), data)

    def truncate(self, path: str, size: int) -> None:
        self.disk.truncate(self.shell.at(path), size)

    def rename(self, old: str, new: str) -> None:
        self.disk.rename(self.shell.at(old), self.shell.at(new))

    def remove(self, path: str) -> None:
        self.disk.remove(self.shell.at(path))

    def mkdir(self, path: str) -> None:
        self.disk.mkdir(self.shell.at(path))

    def fsync(self, path: str) -> None:
        self.disk.fsync(self.shell.at(path))

    def later(self, action: Callable[[], object]) -> bool:
        return self.disk.later(action)


class TextFiles:
    """The same files as texts, for kubectl (`terminal.cli.files.Files`)."""

    def __init__(self, here: Disk) -> None:
        self.here = here

    def read(self, path: str) -> str:
        """The text. Raises FileNotFoundError, IsADirectoryError."""
        if self.is_folder(path):
            raise IsADirectoryError(path)
        return self.here.read(path).decode()

    def write(self, path: str, text: str) -> None:
        """Make or replace a file."""
        self.here.write(path, text.encode())

    def read_bytes(self, path: str) -> bytes:
        """The bytes; errors as for `read`."""
        if self.is_folder(path):
            raise IsADirectoryError(path)
        return bytes(self.here.read(path))

    def write_bytes(self, path: str, data: bytes) -> None:
        """Make or replace a file of any content."""
        if self.is_folder(path):
            raise IsADirectoryError(path)
        self.here.write(path, data)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        self.here.mkdir(path)

    def mode(self, path: str) -> int:
        """The permissions: what every file here has."""
        return 0o755 if self.is_folder(path) else 0o644

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        try:
            self.here.list(path)
        except OSError:
            return False
        return True

    def exists(self, path: str) -> bool:
        """Whether anything is there."""
        return self.here.exists(path)

    def listing(self, path: str) -> list[str]:
        """The names in a folder, sorted."""
        return sorted(self.here.list(path))

    def absolute(self, path: str) -> str:
        """The path from the root."""
        return self.here.shell.at(path) if isinstance(self.here, WorkingDirectory) else path
