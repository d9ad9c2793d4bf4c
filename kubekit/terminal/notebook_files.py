"""NotebookFiles: a learner's own folder and the control-plane node's files, seen as one.

A relative path is a real file in the notebook's working directory, so that a snapshot saved there can be
given to the real etcdctl. An absolute path below the folders of a Linux system is on the simulated node,
where exercises have their certificates and data directories. Other absolute paths are real.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

from kubekit.cluster.node_files import NodeFiles
from kubekit.etcd.disk import Disk, FolderDisk

NODE_FOLDERS = ("etc", "opt", "root", "run", "srv", "tmp", "usr", "var")
"""What is looked for on the node."""


class NotebookFiles:
    """A `kubekit.etcd.disk.Disk` over both."""

    def __init__(self, node: NodeFiles, folder: str = ".") -> None:
        self.node: Disk = node
        self.local: Disk = FolderDisk(folder)

    def side(self, path: str) -> Disk:
        """The disk that a path is on."""
        return self.node if path.startswith("/") and path.split("/")[1] in NODE_FOLDERS else self.local

    def exists(self, path: str) -> bool:
        return self.side(path).exists(path)

    def list(self, folder: str) -> list[str]:
        return self.side(folder).list(folder)

    def size(self, path: str) -> int:
        return self.side(path).size(path)

    def read(self, path: str, offset: int = 0, size: int = -1) -> bytes:
        return self.side(path).read(path, offset, size)

    def view(self, path: str) -> bytes | mmap.mmap:
        return self.side(path).view(path)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        self.side(path).write(path, data, offset)

    def append(self, path: str, data: bytes) -> None:
        self.side(path).append(path, data)

    def truncate(self, path: str, size: int) -> None:
        self.side(path).truncate(path, size)

    def rename(self, old: str, new: str) -> None:
        """Also from one side to the other, as `mv` between file systems does: by a copy."""
        source, target = self.side(old), self.side(new)
        if source is target:
            source.rename(old, new)
        else:
            target.write(new, source.read(old))
            source.remove(old)

    def remove(self, path: str) -> None:
        self.side(path).remove(path)

    def mkdir(self, path: str) -> None:
        self.side(path).mkdir(path)

    def fsync(self, path: str) -> None:
        self.side(path).fsync(path)

    def later(self, action: Callable[[], object]) -> bool:
        return False
