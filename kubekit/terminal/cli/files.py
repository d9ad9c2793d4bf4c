"""Where `-f web.yaml` looks: the learner's folder, or files that exist only in memory.

Both kinds answer the same questions with paths relative to the working directory. Neither reads anything
before it is asked.
"""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """What a command may do with files."""

    def read(self, path: str) -> str:
        """The text. FileNotFoundError or IsADirectoryError as `open` would."""
        ...

    def write(self, path: str, text: str) -> None:
        """Create or replace a file."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """The bytes; errors as for `read`."""
        ...

    def write_bytes(self, path: str, data: bytes) -> None:
        """Create or replace a file of any content. Raises OSError."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there already is fine. Raises OSError."""
        ...

    def mode(self, path: str) -> int:
        """The permissions, as `chmod` takes them."""
        ...

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        ...

    def exists(self, path: str) -> bool:
        """Whether anything is there."""
        ...

    def listing(self, path: str) -> list[str]:
        """The names in a folder, sorted."""
        ...

    def absolute(self, path: str) -> str:
        """The path from the root, as messages show it."""
        ...


class FolderFiles:
    """Files on disk, under the working directory."""

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder)

    def _at(self, path: str) -> Path:
        return self.folder / Path(path).expanduser()

    def read(self, path: str) -> str:
        return self._at(path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        self._at(path).write_text(text, encoding="utf-8")

    def read_bytes(self, path: str) -> bytes:
        return self._at(path).read_bytes()

    def write_bytes(self, path: str, data: bytes) -> None:
        self._at(path).write_bytes(data)

    def make_folder(self, path: str) -> None:
        self._at(path).mkdir(parents=True, exist_ok=True)

    def mode(self, path: str) -> int:
        return stat.S_IMODE(self._at(path).stat().st_mode)

    def is_folder(self, path: str) -> bool:
        return self._at(path).is_dir()

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def listing(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._at(path).iterdir())

    def absolute(self, path: str) -> str:
        return posixpath.normpath((Path.cwd() / self._at(path)).as_posix())


class MemoryFiles:
    """Files of a dictionary, path to text; bytes that are none are kept as surrogate escapes.

    `home`: the folder that they pretend to be in.
    """

    def __init__(self, files: dict[str, str] | None = None, home: str = "/") -> None:
        self.files = dict(files or {})
        self.home = home
        self.folders: set[str] = set()

    @staticmethod
    def _normal(path: str) -> str:
        return posixpath.normpath(path)

    def read(self, path: str) -> str:
        path = self._normal(path)
        if self.is_folder(path):
            raise IsADirectoryError(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def write(self, path: str, text: str) -> None:
        self.files[self._normal(path)] = text

    def read_bytes(self, path: str) -> bytes:
        return self.read(path).encode(errors="surrogateescape")

    def write_bytes(self, path: str, data: bytes) -> None:
        if self.is_folder(path):
            raise IsADirectoryError(path)
        self.write(path, data.decode(errors="surrogateescape"))

    def make_folder(self, path: str) -> None:
        self.folders.add(self._normal(path))

    def mode(self, path: str) -> int:
        return 0o755 if self.is_folder(path) else 0o644

    def is_folder(self, path: str) -> bool:
        path = self._normal(path)
        known = [*self.files, *self.folders]
        return path == "." or path in self.folders or any(name.startswith(path + "/") for name in known)

    def exists(self, path: str) -> bool:
        return self._normal(path) in self.files or self.is_folder(path)

    def listing(self, path: str) -> list[str]:
        path = self._normal(path)
        start = "" if path == "." else path + "/"
        known = [*self.files, *self.folders]
        return sorted({name[len(start) :].split("/")[0] for name in known if name.startswith(start)})

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.home, path))
