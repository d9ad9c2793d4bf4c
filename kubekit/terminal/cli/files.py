"""Where `-f web.yaml` looks: the learner's folder, or files that exist only in memory.

Both kinds answer the same questions with paths relative to the working directory. Neither reads anything
before it is asked.
"""

from __future__ import annotations

import posixpath
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

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        ...

    def exists(self, path: str) -> bool:
        """Whether anything is there."""
        ...

    def listing(self, path: str) -> list[str]:
        """The names in a folder, sorted."""
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

    def is_folder(self, path: str) -> bool:
        return self._at(path).is_dir()

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def listing(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._at(path).iterdir())


class MemoryFiles:
    """Files of a dictionary, path to text."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = dict(files or {})

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

    def is_folder(self, path: str) -> bool:
        path = self._normal(path)
        return path == "." or any(name.startswith(path + "/") for name in self.files)

    def exists(self, path: str) -> bool:
        return self._normal(path) in self.files or self.is_folder(path)

    def listing(self, path: str) -> list[str]:
        path = self._normal(path)
        start = "" if path == "." else path + "/"
        return sorted({name[len(start) :].split("/")[0] for name in self.files if name.startswith(start)})
