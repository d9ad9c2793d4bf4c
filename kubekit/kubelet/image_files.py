"""The files seen inside a container: what its process wrote, what was changed, what its image brings.

Everything is text, bytes as surrogate escapes. A folder is where files lie, what every image has, or what was
made: among a container's files that is a name with a slash at its end. What is mounted of the node is the
node's own. Nothing here runs programs.
"""

from __future__ import annotations

import posixpath

from kubekit.kubelet.answers import PAGES, WEB_ROOTS, program_of
from kubekit.kubelet.mounts import Mount
from kubekit.kubelet.pod_files import hosts_file, resolv_conf
from kubekit.kubelet.runtime import Container

FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var")
"""What lies in the root of every image."""

TOKEN_OF = "token of "
"""What stands in place of a ServiceAccount's token until somebody reads it; then it is asked for."""

ROOT_CA = "/kubernetes.io/serviceaccount/ca.crt"

DEEPER = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/share", "/var/lib",
          "/var/log", "/var/run", "/var/tmp")  # fmt: skip
"""Folders below those, of every image."""


def absolute(path: str, folder: str = "/") -> str:
    """A path as seen from a folder.

    >>> absolute("tmp/../etc/"), absolute("a", "/data")
    ('/etc', '/data/a')
    """
    return "/" + posixpath.normpath(posixpath.join(folder, path)).lstrip("/")


def at(container: Container, path: str) -> str:
    """A path as the container's process sees it."""
    return absolute(path, container.folder)


def read(container: Container, path: str, now: float) -> str | None:
    """The text of a file at `now` (Unix seconds), or None when there is none."""
    if path != "/" and path.endswith("/"):
        return None
    path = at(container, path)
    if found := _mounted(container, path):
        return found[0].read(found[1])
    text, network = container.file(path, now), container.pod.network
    if text is not None and network is not None:
        if text.startswith(TOKEN_OF):
            return network.token(container.pod, text.removeprefix(TOKEN_OF)) or text
        if not text and path.endswith(ROOT_CA):  # a cluster that nobody serves has published none
            return network.authority
    if text is not None or container.files.get(path, "") is None:
        return text
    return _of_image(container).get(path)


def write(container: Container, path: str, text: str) -> None:
    """Make or replace a file, the node's own where one of its folders is mounted. Raises OSError."""
    place = at(container, path)
    if found := _mounted(container, place):
        found[0].files.write(found[1], text.encode(errors="surrogateescape"))
    else:
        container.files[place] = text


def remove(container: Container, path: str, now: float) -> None:
    """Remove a file, or a folder with all in it. Raises OSError."""
    place = at(container, path)
    if found := _mounted(container, place):
        found[0].files.remove(found[1])
        return
    for one in tree(container, place, now):
        # None stands for what is gone, so that what the image brings can be removed too.
        container.files[one if read(container, one, now) is not None else f"{one}/"] = None


def _mounted(container: Container, place: str) -> tuple[Mount, str] | None:
    """The mount that an absolute path lies in, and the path on the node."""
    for mount in container.mounts:
        path = mount.inside(place)
        if path is not None:
            return mount, path
    return None


def _on_node(container: Container, path: str) -> list[tuple[str, bool]]:
    """What a path and everything below it is of the node's: (place, whether it is a folder)."""
    if found := _mounted(container, path):
        return list(found[0].tree(path, found[1]))
    prefix = path.rstrip("/") + "/"
    within = [mount for mount in container.mounts if mount.place.startswith(prefix)]
    return [one for mount in within for one in mount.tree(mount.place, mount.path)]


def _of_image(container: Container) -> dict[str, str]:
    box = container.pod
    found = {
        "/etc/hostname": f"{box.hostname}\n",
        "/etc/hosts": hosts_file(box),
        "/etc/resolv.conf": resolv_conf(box),
    }
    program = program_of(container.image)
    if program in WEB_ROOTS:
        found[f"{WEB_ROOTS[program]}/index.html"] = PAGES[program.removesuffix("-unprivileged")]
    return found


def _names(container: Container) -> set[str]:
    """Every path that is or was known: files, and folders with a slash at their end."""
    names = {act.path for act in container.program.acts if act.path} | set(container.files)
    return names | set(_of_image(container))


def _made(container: Container, now: float) -> list[str]:
    """The folders that were made and not removed, with their slash."""
    return [name for name in _names(container) if name[-1:] == "/" and container.file(name, now) is not None]


def below(container: Container, path: str, now: float) -> list[str]:
    """The files at a path and under it, sorted."""
    path = at(container, path)
    prefix = path.rstrip("/") + "/"
    own = {
        name
        for name in _names(container)
        if (name == path or name.startswith(prefix))
        and not _mounted(container, name)
        and read(container, name, now) is not None
    }
    return sorted(own | {place for place, folder in _on_node(container, path) if not folder})


def make_folder(container: Container, path: str) -> None:
    """Make a folder, which stays though nothing lies in it. Raises OSError."""
    place = at(container, path)
    if found := _mounted(container, place):
        found[0].files.mkdir(found[1])
    else:
        container.files[f"{place}/"] = ""


def folders_below(container: Container, path: str, now: float) -> list[str]:
    """The folders under a path (and itself): made ones, and those that files lie in; sorted."""
    path = at(container, path)
    prefix = path.rstrip("/") + "/"
    found = {path} if is_folder(container, path, now) else set()
    found |= {place for place, folder in _on_node(container, path) if folder}
    marks = [mark[:-1] for mark in _made(container, now)]
    for name in [*(f"{mark}/." for mark in marks), *below(container, path, now)]:
        parent = posixpath.dirname(name)
        while parent != path and parent.startswith(prefix):
            found.add(parent)
            parent = posixpath.dirname(parent)
    return sorted(found)


def tree(container: Container, path: str, now: float) -> list[str]:
    """A path and all files and folders under it, each folder before what lies in it."""
    return sorted({*below(container, path, now), *folders_below(container, path, now)})


def exists(container: Container, path: str, now: float) -> bool:
    """Whether a file or a folder is there."""
    return read(container, path, now) is not None or is_folder(container, path, now)


def is_folder(container: Container, path: str, now: float) -> bool:
    """Whether a path is a folder."""
    clean = at(container, path)
    if mounted := _mounted(container, clean):
        return mounted[0].is_folder(mounted[1])
    if clean == "/" or (clean.count("/") == 1 and clean[1:] in FOLDERS) or clean in DEEPER:
        return container.files.get(f"{clean}/", "") is not None
    if any(name != clean for name in below(container, clean, now)):
        return True
    within = [*_made(container, now), *(f"{mount.place}/" for mount in container.mounts)]
    return any(place.startswith(f"{clean}/") for place in within)


def listing(container: Container, path: str, now: float) -> tuple[int, str, str]:
    """`ls`: (exit status, output, errors)."""
    if read(container, path, now) is not None:
        return 0, f"{path}\n", ""
    if not is_folder(container, path, now):
        return 1, "", f"ls: {path}: No such file or directory\n"
    prefix = at(container, path).rstrip("/") + "/"
    within = [*below(container, path, now), *folders_below(container, path, now)]
    names = {name[len(prefix) :].split("/")[0] for name in within if name.startswith(prefix)}
    if prefix == "/" and not _mounted(container, "/"):
        names |= set(FOLDERS)
    return 0, "".join(f"{name}\n" for name in sorted(names) if name), ""
