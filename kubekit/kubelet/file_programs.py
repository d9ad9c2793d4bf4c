"""Programs about files of a container: `touch`, `cp`, `mv`, `rm`, `mkdir`, `rmdir`, `find`.

The messages are those of the image's own programs: busybox' or GNU's.
Source: busybox coreutils, GNU coreutils 9.1.
"""

from __future__ import annotations

import fnmatch
import posixpath

from kubekit.kubelet import image_files
from kubekit.kubelet.image_programs import has_busybox
from kubekit.kubelet.runtime import Container

Result = tuple[int, str, str]
NAMES = frozenset(["touch", "cp", "mv", "rm", "mkdir", "rmdir", "find"])


def run(container: Container, name: str, rest: list[str], now: float) -> Result:
    """One call: (exit status, output, errors)."""
    if name == "find":
        return _find(container, rest, now)
    flags = "".join(word[1:] for word in rest if word.startswith("-") and word != "-")
    paths = [word for word in rest if not word.startswith("-")]
    errors = {
        "touch": _touch,
        "cp": _copy,
        "mv": _move,
        "rm": _remove,
        "mkdir": _make_folder,
        "rmdir": _remove_folder,
    }[name](container, flags, paths, now)
    return int(bool(errors)), "", "".join(f"{name}: {text}\n" for text in errors)


def _touch(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    for path in paths:
        if not image_files.is_folder(container, path, now):
            text = image_files.read(container, path, now)
            image_files.write(container, path, text or "")
    return []


def _copy(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    errors = []
    for source, target in _pairs(container, paths, now):
        if not image_files.exists(container, source, now):
            errors.append(_cannot(container, "stat", source, "No such file or directory"))
            continue
        text = image_files.read(container, source, now)
        if text is not None:
            image_files.write(container, target, text)
        elif not set("rRa") & set(flags):
            omitted = f"omitting directory '{source}'"
            errors.append(omitted if has_busybox(container) else f"-r not specified; {omitted}")
        else:
            _copy_tree(container, image_files.at(container, source), target, now)
    return errors


def _move(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    errors = []
    for source, target in _pairs(container, paths, now):
        if not image_files.exists(container, source, now):
            verb = "rename" if has_busybox(container) else "stat"
            errors.append(_cannot(container, verb, source, "No such file or directory"))
            continue
        _copy_tree(container, image_files.at(container, source), target, now)
        if image_files.at(container, source) != target:
            image_files.remove(container, source, now)
    return errors


def _remove(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    errors = []
    busybox, recursive = has_busybox(container), set("rR") & set(flags)
    for path in paths:
        if image_files.read(container, path, now) is not None:
            image_files.remove(container, path, now)
        elif not image_files.is_folder(container, path, now):
            if "f" not in flags:
                errors.append(_cannot(container, "remove", path, "No such file or directory"))
        elif recursive:
            image_files.remove(container, path, now)
        else:
            of_busybox = f"'{path}' is a directory"
            errors.append(of_busybox if busybox else _cannot(container, "remove", path, "Is a directory"))
    return errors


def _make_folder(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    errors = []
    for path in paths:
        place, problem = image_files.at(container, path), ""
        if image_files.read(container, place, now) is not None or (
            "p" not in flags and image_files.is_folder(container, place, now)
        ):
            problem = "File exists"
        elif "p" not in flags and not image_files.is_folder(container, posixpath.dirname(place), now):
            problem = "No such file or directory"
        if not problem:
            image_files.make_folder(container, place)
        elif has_busybox(container):
            errors.append(f"can't create directory '{path}': {problem}")
        else:
            errors.append(f"cannot create directory ‘{path}’: {problem}")
    return errors


def _remove_folder(container: Container, flags: str, paths: list[str], now: float) -> list[str]:
    errors = []
    for path in paths:
        problem = ""
        if not image_files.exists(container, path, now):
            problem = "No such file or directory"
        elif not image_files.is_folder(container, path, now):
            problem = "Not a directory"
        elif len(image_files.tree(container, path, now)) > 1:
            problem = "Directory not empty"
        if not problem:
            image_files.remove(container, path, now)
        elif has_busybox(container):
            errors.append(f"'{path}': {problem}")
        else:
            errors.append(f"failed to remove '{path}': {problem}")
    return errors


def _find(container: Container, rest: list[str], now: float) -> Result:
    """`find PATH... [-name PATTERN] [-type f|d]`."""
    first = next((at for at, word in enumerate(rest) if word.startswith("-")), len(rest))
    tests = dict(zip(rest[first::2], rest[first + 1 :: 2], strict=False))
    busybox, out, err = has_busybox(container), "", ""
    for name in tests:
        if name not in ("-name", "-type"):
            said = f"unrecognized: {name}" if busybox else f"unknown predicate `{name}'"
            return 1, "", f"find: {said}\n"
    for path in rest[:first] or ["."]:
        if not image_files.exists(container, path, now):
            shown = path if busybox else f"‘{path}’"
            err += f"find: {shown}: No such file or directory\n"
            continue
        place = image_files.at(container, path)
        for found in image_files.tree(container, path, now):
            kind = "d" if image_files.read(container, found, now) is None else "f"
            named = fnmatch.fnmatchcase(posixpath.basename(found), tests.get("-name", "*"))
            if named and kind == tests.get("-type", kind):
                out += f"{path.rstrip('/')}{found[len(place.rstrip('/')) :]}\n"
    return int(bool(err)), out, err


def _pairs(container: Container, paths: list[str], now: float) -> list[tuple[str, str]]:
    """(source, target) of a copy: into a folder that is there, else under the new name."""
    if len(paths) < 2:
        return []
    *sources, target = paths
    place = image_files.at(container, target)
    if image_files.is_folder(container, target, now):
        return [(one, image_files.absolute(posixpath.basename(one.rstrip("/")), place)) for one in sources]
    return [(one, place) for one in sources]


def _copy_tree(container: Container, source: str, target: str, now: float) -> None:
    for found in image_files.tree(container, source, now):
        text = image_files.read(container, found, now)
        place = target + found[len(source.rstrip("/")) :]
        if text is None:
            image_files.make_folder(container, place)
        else:
            image_files.write(container, place, text)


def _cannot(container: Container, verb: str, path: str, why: str) -> str:
    said = "can't" if has_busybox(container) else "cannot"
    return f"{said} {verb} '{path}': {why}"
