"""Files by command: ls, cat, cp, mv, rm, mkdir, touch, chmod, find, du, stat, sha256sum.

The messages are those of GNU coreutils, because a learner has to recognise them on a real node.
Source: GNU coreutils 9.1.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from datetime import UTC, datetime

from kubekit.terminal.node_shell.options import BadOption, Options, bad, read
from kubekit.terminal.node_shell.shell import Run
from kubekit.terminal.node_shell.words import matches

BLOCK = 4096


def _mode(run: Run, path: str) -> int:
    mode = getattr(run.files, "mode", None)
    if mode is not None:
        return int(mode(run.at(path)))
    return 0o755 if run.shell.is_folder(path) else 0o644


def _rights(run: Run, path: str) -> str:
    mode = _mode(run, path)
    letters = "".join(
        letter if mode >> shift & 1 else "-"
        for shift, letter in zip(range(8, -1, -1), "rwxrwxrwx", strict=True)
    )
    return ("d" if run.shell.is_folder(path) else "-") + letters


def _size(run: Run, path: str) -> int:
    return BLOCK if run.shell.is_folder(path) else run.files.size(run.at(path))


def human(size: int) -> str:
    """A size in powers of 1024, as -h shows it."""
    if size < 1024:
        return str(size)
    value, power = float(size), -1
    while value >= 1024 and power < 3:
        value, power = value / 1024, power + 1
    unit = "KMGT"[power]
    return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"


def ls(run: Run) -> int:
    """`ls`."""
    try:
        options = read(run, "la1hdRtrAF", long={"all": "a"})
    except BadOption as error:
        return bad(run, error, 2)
    code = 0
    paths = options.rest or ["."]
    files: list[str] = []
    folders: list[str] = []
    for path in paths:
        if not run.files.exists(run.at(path)):
            code = run.fail(f"cannot access '{path}': No such file or directory", 2)
        elif run.shell.is_folder(path) and "d" not in options:
            folders.append(path)
        else:
            files.append(path)
    _entries(run, options, [(path, path) for path in files])
    for number, path in enumerate(folders):
        if len(paths) > 1 or "R" in options:
            run.out(("\n" if number or files else "") + f"{path}:")
        _folder(run, options, path)
    return code


def _folder(run: Run, options: Options, path: str) -> None:
    names = run.files.list(run.at(path))
    if "a" in options:
        names = [".", "..", *names]
    elif "A" not in options:
        names = [name for name in names if not name.startswith(".")]
    entries = [(name, posixpath.join(path, name)) for name in names]
    if "l" in options:
        blocks = sum(-(-_size(run, place) // BLOCK) * BLOCK // 1024 for _, place in entries)
        run.out(f"total {human(blocks * 1024) if 'h' in options else blocks}")
    _entries(run, options, entries)
    if "R" in options:
        for _, place in entries:
            if run.shell.is_folder(place):
                run.out(f"\n{place}:")
                _folder(run, options, place)


def _entries(run: Run, options: Options, entries: list[tuple[str, str]]) -> None:
    if "r" in options:
        entries = entries[::-1]
    if "l" not in options:
        for name, _ in entries:
            run.out(name)
        return
    at = datetime.fromtimestamp(run.shell.now(), UTC)
    sizes = [human(_size(run, place)) if "h" in options else str(_size(run, place)) for _, place in entries]
    width = max((len(size) for size in sizes), default=0)
    for (name, place), size in zip(entries, sizes, strict=True):
        links = 2 if run.shell.is_folder(place) else 1
        day = f"{at:%b} {at.day:>2} {at:%H:%M}"
        run.out(f"{_rights(run, place)} {links} root root {size.rjust(width)} {day} {name}")


def cat(run: Run) -> int:
    """`cat`."""
    try:
        options = read(run, "n")
    except BadOption as error:
        return bad(run, error)
    code, data = 0, bytearray()
    for path in options.rest or ["-"]:
        if path == "-":
            data += run.stdin
        elif run.shell.is_folder(path):
            code = run.fail(f"{path}: Is a directory")
        else:
            try:
                data += run.files.read(run.at(path))
            except OSError as error:
                code = run.fail(f"{path}: {error.strerror}")
    if "n" in options:
        lines = bytes(data).splitlines(keepends=True)
        data = bytearray(b"".join(b"%6d\t%s" % (number, line) for number, line in enumerate(lines, 1)))
    run.out(bytes(data), end="")
    return code


def _target(run: Run, source: str, target: str) -> str:
    """Where a source lands: in the target if that is a folder."""
    if run.shell.is_folder(target):
        return posixpath.join(target, posixpath.basename(source.rstrip("/")))
    return target


def _several(run: Run, options: Options) -> tuple[list[str], str] | None:
    """Sources and target; complains when they make no sense."""
    if not options.rest:
        run.fail("missing file operand")
    elif len(options.rest) == 1:
        run.fail(f"missing destination file operand after '{options.rest[0]}'")
    else:
        *sources, target = options.rest
        if len(sources) > 1 and not run.shell.is_folder(target):
            run.fail(f"target '{target}' is not a directory")
            return None
        return sources, target
    run.err(f"Try '{run.name} --help' for more information.")
    return None


def copy_tree(run: Run, source: str, target: str) -> None:
    """Copy a file, or a folder with all in it. Raises OSError."""
    if not run.shell.is_folder(source):
        run.files.write(run.at(target), run.files.read(run.at(source)))
        chmod_to = getattr(run.files, "chmod", None)
        if chmod_to is not None:
            chmod_to(run.at(target), _mode(run, source))
        return
    run.files.mkdir(run.at(target))
    for name in run.files.list(run.at(source)):
        copy_tree(run, posixpath.join(source, name), posixpath.join(target, name))


def cp(run: Run) -> int:
    """`cp`."""
    try:
        options = read(run, "rRapfvi", long={"recursive": "r", "archive": "a"})
    except BadOption as error:
        return bad(run, error)
    found = _several(run, options)
    if found is None:
        return 1
    code = 0
    for source in found[0]:
        if not run.files.exists(run.at(source)):
            code = run.fail(f"cannot stat '{source}': No such file or directory")
        elif run.shell.is_folder(source) and not options.letters & {"r", "R", "a"}:
            code = run.fail(f"-r not specified; omitting directory '{source}'")
        else:
            target = _target(run, source, found[1])
            if run.at(source) == run.at(target):
                code = run.fail(f"'{source}' and '{target}' are the same file")
                continue
            try:
                copy_tree(run, source, target)
            except OSError as error:
                code = run.fail(f"cannot create regular file '{target}': {error.strerror}")
            else:
                if "v" in options:
                    run.out(f"'{source}' -> '{target}'")
    return code


def mv(run: Run) -> int:
    """`mv`."""
    try:
        options = read(run, "fvin")
    except BadOption as error:
        return bad(run, error)
    found = _several(run, options)
    if found is None:
        return 1
    code = 0
    for source in found[0]:
        target = _target(run, source, found[1])
        if not run.files.exists(run.at(source)):
            code = run.fail(f"cannot stat '{source}': No such file or directory")
            continue
        if run.at(source) == run.at(target):
            code = run.fail(f"'{source}' and '{target}' are the same file")
            continue
        try:
            run.files.rename(run.at(source), run.at(target))
        except OSError as error:
            code = run.fail(f"cannot move '{source}' to '{target}': {error.strerror}")
        else:
            if "v" in options:
                run.out(f"renamed '{source}' -> '{target}'")
    return code


def rm(run: Run) -> int:
    """`rm`."""
    try:
        options = read(run, "rRfv", long={"recursive": "r", "force": "f"})
    except BadOption as error:
        return bad(run, error)
    force = "f" in options
    if not options.rest and not force:
        run.fail("missing operand")
        run.err("Try 'rm --help' for more information.")
        return 1
    code = 0
    for path in options.rest:
        if not run.files.exists(run.at(path)):
            if not force:
                code = run.fail(f"cannot remove '{path}': No such file or directory")
        elif run.shell.is_folder(path) and not options.letters & {"r", "R"}:
            code = run.fail(f"cannot remove '{path}': Is a directory")
        else:
            try:
                run.files.remove(run.at(path))
            except OSError as error:
                code = run.fail(f"cannot remove '{path}': {error.strerror}")
    return code


def mkdir(run: Run) -> int:
    """`mkdir`."""
    try:
        options = read(run, "pv", "m", long={"parents": "p"})
    except BadOption as error:
        return bad(run, error)
    code = 0
    for path in options.rest:
        place = run.at(path)
        if run.files.exists(place) and not ("p" in options and run.shell.is_folder(path)):
            code = run.fail(f"cannot create directory ‘{path}’: File exists")
        elif "p" not in options and not run.shell.is_folder(posixpath.dirname(place)):
            code = run.fail(f"cannot create directory ‘{path}’: No such file or directory")
        else:
            run.files.mkdir(place)
    if not options.rest:
        run.fail("missing operand")
        code = 1
    return code


def rmdir(run: Run) -> int:
    """`rmdir`."""
    code = 0
    for path in run.args:
        if not run.files.exists(run.at(path)):
            code = run.fail(f"failed to remove '{path}': No such file or directory")
        elif not run.shell.is_folder(path):
            code = run.fail(f"failed to remove '{path}': Not a directory")
        elif run.files.list(run.at(path)):
            code = run.fail(f"failed to remove '{path}': Directory not empty")
        else:
            run.files.remove(run.at(path))
    return code


def touch(run: Run) -> int:
    """`touch`."""
    code = 0
    for path in run.args:
        if not run.files.exists(run.at(path)):
            try:
                run.files.write(run.at(path), b"")
            except OSError as error:
                code = run.fail(f"cannot touch '{path}': {error.strerror}")
    return code


def chmod(run: Run) -> int:
    """`chmod MODE FILE`, with a mode in octal."""
    if len(run.args) < 2:
        return run.fail("missing operand")
    mode, code = run.args[0], 0
    if not all(digit in "01234567" for digit in mode):
        return run.fail(f"invalid mode: ‘{mode}’")
    for path in run.args[1:]:
        if not run.files.exists(run.at(path)):
            code = run.fail(f"cannot access '{path}': No such file or directory")
        elif (change := getattr(run.files, "chmod", None)) is not None:
            change(run.at(path), int(mode, 8))
    return code


def walk(run: Run, path: str) -> Iterator[str]:
    """A path and everything below it."""
    yield path
    if run.shell.is_folder(path):
        for name in run.files.list(run.at(path)):
            yield from walk(run, posixpath.join(path, name))


def find(run: Run) -> int:
    """`find PATH -name PATTERN -type f|d`."""
    paths: list[str] = []
    words = list(run.args)
    while words and not words[0].startswith("-"):
        paths.append(words.pop(0))
    tests = dict(zip(words[::2], words[1::2], strict=False))
    for name in tests:
        if name not in ("-name", "-type"):
            return run.fail(f"unknown predicate `{name}'")
    code = 0
    for path in paths or ["."]:
        if not run.files.exists(run.at(path)):
            code = run.fail(f"‘{path}’: No such file or directory")
            continue
        for place in walk(run, path):
            kind = "d" if run.shell.is_folder(place) else "f"
            named = matches(posixpath.basename(place), tests.get("-name", "*"))
            if named and kind == tests.get("-type", kind):
                run.out(place)
    return code


def du(run: Run) -> int:
    """`du -sh PATH`."""
    try:
        options = read(run, "shak")
    except BadOption as error:
        return bad(run, error)
    code = 0
    for path in options.rest or ["."]:
        if not run.files.exists(run.at(path)):
            code = run.fail(f"cannot access '{path}': No such file or directory")
            continue
        places = (
            [path] if "s" in options else [p for p in walk(run, path) if run.shell.is_folder(p)] or [path]
        )
        for place in places:
            size = sum(-(-_size(run, one) // BLOCK) * BLOCK for one in walk(run, place))
            run.out(f"{human(size) if 'h' in options else size // 1024}\t{place}")
    return code


def sha256sum(run: Run) -> int:
    """`sha256sum`."""
    code = 0
    for path in run.args or ["-"]:
        try:
            data = run.stdin if path == "-" else run.files.read(run.at(path))
        except OSError as error:
            code = run.fail(f"{path}: {error.strerror}")
        else:
            run.out(f"{hashlib.sha256(data).hexdigest()}  {path}")
    return code
