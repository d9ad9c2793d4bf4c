"""`tar` in a container: archives made, listed and unpacked, between its files and its streams.

`kubectl cp` is nothing but this program at the other end of an exec, so it knows what that calls
(`tar cf - PATH`, `tar -xmf - -C DIR`) and what people type around it (-t, -v, -z, -C, files instead of `-`).
The messages are those of the image's own tar: busybox' or GNU's.
Source: busybox archival/tar.c, GNU tar 1.34.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files
from kubekit.kubelet.image_programs import has_busybox
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.steps import Out, Read, Step

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
TAKE_VALUE = "fC"
MODES = "cxt"
FILE_MODE, FOLDER_MODE = 0o644, 0o755


@dataclass
class _Asked:
    """What a command line asks for."""

    mode: str = ""
    archive: str = "-"
    folder: str = "/"
    letters: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)


def _read(words: list[str], folder: str) -> _Asked:
    """The command line; the first word may be a bundle of letters without its dash."""
    asked = _Asked(folder=folder)
    rest = list(words)
    if rest and not rest[0].startswith("-"):
        rest[0] = f"-{rest[0]}"
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            if name in ("create", "extract", "list"):
                asked.mode = {"create": "c", "extract": "x", "list": "t"}[name]
            elif name == "file":
                asked.archive = value or (rest.pop(0) if rest else "-")
            elif name == "directory":
                asked.folder = image_files.absolute(value or (rest.pop(0) if rest else "/"), asked.folder)
            # The others (--no-same-owner and its like) are about owners, which no file here has.
        elif word.startswith("-") and len(word) > 1:
            for letter in word[1:]:
                if letter in MODES:
                    asked.mode = letter
                elif letter in TAKE_VALUE:
                    value = rest.pop(0) if rest else ""
                    if letter == "f":
                        asked.archive = value
                    else:
                        asked.folder = image_files.absolute(value, asked.folder)
                else:
                    asked.letters.add(letter)
        else:
            asked.paths.append(word)
    return asked


def run(shell: Shell, words: list[str], stdin: str | None) -> Run:
    """One call; `stdin` is what a pipe gives it, None is the client's own input."""
    container, now, asked = shell.container, shell.clock(), _read(words, shell.container.folder)
    busybox = has_busybox(container)
    if not asked.mode:
        yield Out(STDERR, _NO_MODE[busybox])
        return 1 if busybox else 2
    if asked.folder != "/" and not image_files.is_folder(container, asked.folder, now):
        yield Out(STDERR, _NO_FOLDER[busybox].format(asked.folder))
        return 1 if busybox else 2
    if asked.mode == "c":
        return (yield from _create(container, asked, now, busybox))
    if asked.archive != "-":
        stdin = image_files.read(container, image_files.at(container, asked.archive), now)
        if stdin is None:
            yield Out(STDERR, _NO_ARCHIVE[busybox].format(asked.archive))
            return 1 if busybox else 2
    text = stdin if stdin is not None else ""
    if stdin is None:
        while (line := (yield Read())) is not None:
            text += line
    data = text.encode(errors="surrogateescape")
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if asked.mode == "t" or "v" in asked.letters:
                    yield Out(STDOUT, f"{member.name}{'/' if member.isdir() else ''}\n")
                if asked.mode == "x":
                    _unpack(container, archive, member, asked.folder)
    except (tarfile.TarError, EOFError, OSError):
        yield Out(STDERR, _NO_TAR[busybox])
        return 1 if busybox else 2
    return 0


def _create(container: Container, asked: _Asked, now: float, busybox: bool) -> Run:
    stored = io.BytesIO()
    status, told = 0, False
    # Complaints go out in one piece and before the archive: a client that has the whole archive leaves.
    complaints = listed = ""
    with tarfile.open(fileobj=stored, mode="w") as archive:
        for path in asked.paths:
            place = image_files.absolute(path, asked.folder)
            there = image_files.exists(container, place, now)
            # GNU's looks at the name first, busybox' at the file.
            if path.startswith("/") and not told and (there or not busybox):
                told = True
                complaints += _LEADING[busybox]
            if not there:
                complaints += _NO_PATH[busybox].format(path)
                status = 1 if busybox else 2
                continue
            # The members are called as the path was typed, without the slash it begins with.
            name = path.strip("/")
            for found in image_files.tree(container, place, now):
                called = f"{name}{found[len(place.rstrip('/')) :]}" if name else found.lstrip("/")
                if not called:
                    continue
                if asked.letters & {"v"}:
                    listed += f"{called}\n"
                _add(container, archive, found, called, now)
    data = stored.getvalue()
    if "z" in asked.letters:
        data = gzip.compress(data, mtime=0)
    text = data.decode(errors="surrogateescape")
    to_stdout = asked.archive == "-"
    if complaints or (listed and to_stdout):
        yield Out(STDERR, complaints + (listed if to_stdout else ""))
    if to_stdout:
        yield Out(STDOUT, text)
    else:
        image_files.write(container, asked.archive, text)
        yield Out(STDOUT, listed)
    if status:
        yield Out(STDERR, _DELAYED[busybox])
    return status


def _add(container: Container, archive: tarfile.TarFile, path: str, name: str, now: float) -> None:
    text = image_files.read(container, path, now)
    member = tarfile.TarInfo(name)
    member.mtime = int(now)
    if text is None:
        member.type, member.mode = tarfile.DIRTYPE, FOLDER_MODE
        archive.addfile(member)
        return
    data = text.encode(errors="surrogateescape")
    member.size, member.mode = len(data), FILE_MODE
    archive.addfile(member, io.BytesIO(data))


def _unpack(container: Container, archive: tarfile.TarFile, member: tarfile.TarInfo, folder: str) -> None:
    # Whatever the name says, it stays in the folder: both programs refuse to leave it.
    place = image_files.absolute(image_files.absolute(member.name).lstrip("/"), folder)
    if member.isdir():
        image_files.make_folder(container, place)
    elif member.isfile():
        inner = archive.extractfile(member)
        assert inner is not None
        image_files.write(container, place, inner.read().decode(errors="surrogateescape"))


_NO_MODE = {
    True: "tar: must specify one of c, x or t\n",
    False: "tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n"
    "Try 'tar --help' or 'tar --usage' for more information.\n",
}
_NO_FOLDER = {
    True: "tar: can't change directory to '{}': No such file or directory\n",
    False: "tar: {}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n",
}
_NO_ARCHIVE = {
    True: "tar: can't open '{}': No such file or directory\n",
    False: "tar: {}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n",
}
_NO_TAR = {
    True: "tar: invalid tar magic\n",
    False: "tar: This does not look like a tar archive\n"
    "tar: Exiting with failure status due to previous errors\n",
}
_NO_PATH = {
    True: "tar: {}: No such file or directory\n",
    False: "tar: {}: Cannot stat: No such file or directory\n",
}
_LEADING = {
    True: "tar: removing leading '/' from member names\n",
    False: "tar: Removing leading `/' from member names\n",
}
_DELAYED = {
    True: "tar: error exit delayed from previous errors\n",
    False: "tar: Exiting with failure status due to previous errors\n",
}
