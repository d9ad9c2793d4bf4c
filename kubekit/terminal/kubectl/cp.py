"""`kubectl cp`: files between the notebook's folder and a container, by way of the container's tar.

    %kubectl cp notes.txt web:/tmp/notes.txt
    %kubectl cp -c nginx shop/web:/etc/nginx ./nginx

It is an exec of `tar` with an archive at one end of it, as in the original: an image without tar cannot be
copied to or from, and tar's own words are what one reads about a file that is not there.
Source: k8s.io/kubectl/pkg/cmd/cp/{cp,filespec}.go.
"""

from __future__ import annotations

import fnmatch
import glob
import io
import posixpath
import tarfile
from dataclasses import dataclass
from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit
from kubekit.terminal.cli.flags import boolean, number, string
from kubekit.terminal.kubectl import remote_command
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.logs import pick_container
from kubekit.terminal.kubectl.remote_command import Ended

FORMAT = "filespec must match the canonical format: [[namespace/]pod:]file/path"


@dataclass(frozen=True)
class FileSpec:
    """One side of a copy; without a pod it is a path of the notebook's folder."""

    path: str
    pod: str = ""
    namespace: str = ""


def file_spec(word: str) -> FileSpec:
    """`[[namespace/]pod:]path`. CommandError with the original's words.

    >>> file_spec("shop/web:/tmp/a/")
    FileSpec(path='/tmp/a', pod='web', namespace='shop')
    """
    pod, colon, path = word.partition(":")
    if not colon:
        return FileSpec(_without_slash(word))
    pieces = pod.split("/")
    if not pod or len(pieces) > 2:
        raise CommandError(FORMAT)
    return FileSpec(
        _without_slash(path).replace("\\", "/"), pieces[-1], pieces[0] if len(pieces) == 2 else ""
    )


def cp(call: Call) -> None:
    """`kubectl cp`."""
    if len(call.args) != 2:
        raise CommandError("source and destination are required")
    source, target = (file_spec(word) for word in call.args)
    if source.pod and target.pod:
        raise CommandError("one of src or dest must be a local file specification")
    if not source.path or not target.path:
        raise CommandError("filepath can not be empty")
    if source.pod:
        _from_pod(call, source, target.path)
    elif target.pod:
        _to_pod(call, source.path, target)
    else:
        raise CommandError("one of src or dest must be a remote file specification")


# -- to a pod -------------------------------------------------------------------------------------------


def _to_pod(call: Call, source: str, target: FileSpec) -> None:
    if not call.files.exists(source):
        raise CommandError(f"{source} doesn't exist in local filesystem")
    container = _container(call, target)
    path = target.path
    if _is_folder(call, target, container):
        path = posixpath.join(path, posixpath.basename(posixpath.normpath(source)))
    words = ["tar"]
    if call.flag("no-preserve"):
        words += ["--no-same-permissions", "--no-same-owner"]
    words += ["-xmf", "-"]
    if folder := posixpath.dirname(path) or ".":
        words += ["-C", folder]
    archive = _archive(call, source, posixpath.basename(posixpath.normpath(path)))
    ended = _execute(call, target, container, words, archive)
    call.out(remote_command.text(ended.stdout), end="")
    call.err(remote_command.text(ended.stderr), end="")
    _check(call, ended)


def _is_folder(call: Call, target: FileSpec, container: str) -> bool:
    try:
        return _execute(call, target, container, ["test", "-d", target.path]).code == 0
    except CommandError:  # no such program: tar will say what is wrong with the image
        return False


def _archive(call: Call, source: str, name: str) -> bytes:
    """The files at a path (which may be a pattern) as an archive in which they are called `name`."""
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as archive:
        for path in _matching(call, posixpath.normpath(source)):
            _add(call, archive, path, name)
    return stored.getvalue()


def _matching(call: Call, path: str) -> list[str]:
    """The paths that a pattern's last part means; a path without signs means itself."""
    if not glob.has_magic(posixpath.basename(path)):
        return [path]
    folder = posixpath.dirname(path)
    names = call.files.listing(folder or ".")
    return [posixpath.join(folder, name) for name in fnmatch.filter(names, posixpath.basename(path))]


def _add(call: Call, archive: tarfile.TarFile, path: str, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = call.files.mode(path), int(call.now)
    if not call.files.is_folder(path):
        data = call.files.read_bytes(path)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
        return
    inside = call.files.listing(path)
    if not inside:  # a folder that holds something comes with what it holds
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    for one in inside:
        _add(call, archive, posixpath.join(path, one), posixpath.join(name, one))


# -- from a pod -----------------------------------------------------------------------------------------


def _from_pod(call: Call, source: FileSpec, target: str) -> None:
    container = _container(call, source)
    words = ["tar", "cf", "-", source.path]
    retries = call.flag("retries")
    if retries:
        quoted = source.path.replace("'", "'\\''")
        words = ["sh", "-c", f"tar cf - '{quoted}' | tail -c+0"]
    ended = _execute(call, source, container, words)
    # The original sends tar's complaints to its own standard output.
    call.out(remote_command.text(ended.stderr), end="")
    _check(call, ended)
    prefix = _without_shortcuts(posixpath.normpath(source.path.lstrip("/\\")) if source.path != "/" else "")
    try:
        _unpack(call, bytes(ended.stdout), source, prefix, target)
    except tarfile.TarError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        why = "is a directory" if folder else str(error.strerror or error).lower()
        raise CommandError(f"open {target}: {why}") from None


def _unpack(call: Call, data: bytes, source: FileSpec, prefix: str, target: str) -> None:
    if not data:
        return
    warned = False
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            # Names that do not begin with what was asked for have been tampered with.
            if not member.name.startswith(prefix):
                raise CommandError("tar contents corrupted")
            place = posixpath.normpath(posixpath.join(target, member.name[len(prefix) :].lstrip("/")))
            if not _inside(target, place):
                call.err(f"warning: file {go_quote(place)} is outside target destination, skipping")
                continue
            if folder := posixpath.dirname(place):
                call.files.make_folder(folder)
            if member.isdir():
                call.files.make_folder(place)
            elif member.issym():
                advice = ""
                if not warned:
                    advice = (
                        f' (consider using "kubectl exec -n {go_quote(source.namespace)}'
                        f' {go_quote(source.pod)} -- tar cf - {go_quote(source.path)} | tar xf -")'
                    )
                    warned = True
                call.err(
                    f"warning: skipping symlink: {go_quote(place)} -> {go_quote(member.linkname)}{advice}"
                )
            elif (inner := archive.extractfile(member)) is not None:
                call.files.write_bytes(place, inner.read())


def _inside(folder: str, path: str) -> bool:
    found = posixpath.relpath(path, folder) if folder else path
    return found == "." or found == _without_shortcuts(found)


# -- both -----------------------------------------------------------------------------------------------


def _container(call: Call, spec: FileSpec) -> str:
    pod = call.connection.get(call.discovery.find("pods"), spec.namespace or call.namespace, spec.pod)
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CommandError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    return pick_container(call, pod, call.flag("container"))


def _execute(
    call: Call, spec: FileSpec, container: str, words: list[str], stdin: bytes | None = None
) -> Ended:
    query: dict[str, Any] = {"container": container, "command": words}
    return remote_command.run(call, spec.namespace or call.namespace, spec.pod, "exec", query, stdin)


def _check(call: Call, ended: Ended) -> None:
    if ended.status is None:
        call.err(remote_command.interrupted("tar"))
        raise Quit(remote_command.INTERRUPTED)
    if ended.code:
        call.err(f"command terminated with exit code {ended.code}")
        raise Quit(ended.code)


def _without_slash(path: str) -> str:
    return path[:-1] if path != "/" and path.endswith("/") else path


def _without_shortcuts(path: str) -> str:
    """A path without `../` at its beginning."""
    while path.startswith("../"):
        path = path[3:]
    return "" if path in (".", "..") else path.removeprefix("/")


COMMAND = Command(
    "cp <file-spec-src> <file-spec-dest>",
    "Copy files and directories to and from containers",
    cp,
    [
        string("container", "In this container.", "c"),
        boolean("no-preserve", "Do not keep owners and permissions."),
        number("retries", "How often a broken copy from a container is taken up again."),
    ],
    example="kubectl cp notes.txt web:/tmp/notes.txt\nkubectl cp shop/web:/etc/nginx ./nginx -c nginx",
)
