"""Mounts: folders of the node that a container sees among its own (`hostPath` volumes).

What is read and written there is the node's own file at that moment. A container on a node whose files nobody
keeps sees an empty folder instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from kubekit.api.meta import Obj


class HostFiles(Protocol):
    """The files of a node, by absolute path; errors are OSErrors."""

    def exists(self, path: str) -> bool: ...

    def list(self, folder: str) -> list[str]: ...

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, data: bytes) -> None: ...

    def mkdir(self, path: str) -> None: ...

    def remove(self, path: str) -> None: ...


class Mount(NamedTuple):
    """`path` of the node's files, seen at `place` in the container."""

    place: str
    path: str
    files: HostFiles

    def inside(self, place: str) -> str | None:
        """Where a place of the container lies on the node, or None when it is not in this mount."""
        if place == self.place:
            return self.path
        if not place.startswith(self.place.rstrip("/") + "/"):
            return None
        return f"{self.path.rstrip('/')}/{place[len(self.place.rstrip('/')) + 1 :]}"

    def read(self, path: str) -> str | None:
        """The text of a file of the node, or None."""
        try:
            return self.files.read(path).decode(errors="surrogateescape")
        except OSError:
            return None

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there on the node."""
        try:
            self.files.list(path)
        except OSError:
            return False
        return True

    def tree(self, place: str, path: str) -> Iterator[tuple[str, bool]]:
        """(place in the container, whether it is a folder) of a path of the node and all below it."""
        if self.is_folder(path):
            yield place, True
            for name in self.files.list(path):
                yield from self.tree(f"{place.rstrip('/')}/{name}", f"{path.rstrip('/')}/{name}")
        elif self.files.exists(path):
            yield place, False


def mounts_of(pod: Obj, container: Obj, files: HostFiles | None) -> tuple[Mount, ...]:
    """The mounts of a container of a pod; a folder that the node has not is made, as the runtime does."""
    if files is None:
        return ()
    paths = {
        one["name"]: str(one["hostPath"]["path"])
        for one in pod["spec"].get("volumes") or ()
        if "hostPath" in one
    }
    made = []
    for mount in container.get("volumeMounts") or ():
        path = paths.get(mount["name"])
        if path is None:
            continue
        if mount.get("subPath"):
            path = f"{path.rstrip('/')}/{mount['subPath']}"
        if not files.exists(path):
            files.mkdir(path)
        made.append(Mount(mount["mountPath"].rstrip("/") or "/", path, files))
    # The innermost comes first.
    return tuple(sorted(made, key=lambda one: -len(one.place)))
