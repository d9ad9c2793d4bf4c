"""Filters: programs that read lines and write lines - grep, head, tail, wc, sort, uniq, cut, tee.

Source: GNU grep 3.8, GNU coreutils 9.1.
"""

from __future__ import annotations

import re

from kubekit.terminal.node_shell.coreutils import walk
from kubekit.terminal.node_shell.options import BadOption, Options, bad, read
from kubekit.terminal.node_shell.shell import Run

TROUBLE = 2


def text_of(run: Run, path: str) -> str:
    data = run.stdin if path == "-" else run.files.read(run.at(path))
    return data.decode(errors="surrogateescape")


def _sources(run: Run, paths: list[str], complain: str = "{}: {}") -> tuple[list[tuple[str, str]], int]:
    """(name, text) of each file that can be read, and the exit status so far."""
    found, code = [], 0
    for path in paths or ["-"]:
        if path != "-" and run.shell.is_folder(path):
            code = run.fail(complain.format(path, "Is a directory"))
            continue
        try:
            found.append((path, text_of(run, path)))
        except OSError as error:
            code = run.fail(complain.format(path, error.strerror))
    return found, code


def basic_to_python(pattern: str) -> str:
    """A basic regular expression in Python's language, where `(`, `|` and `+` need no backslash to count."""
    return re.sub(r"\\([(){}|+?])|([(){}|+?])", lambda m: m[1] if m[1] else f"\\{m[2]}", pattern)


# -- grep -------------------------------------------------------------------------------------------------


def grep(run: Run) -> int:
    """`grep`."""
    try:
        options = read(
            run, "ivncEFrRqolhHwx", "eABC", {"ignore-case": "i", "invert-match": "v", "count": "c"}
        )
    except BadOption as error:
        run.fail(str(error), TROUBLE)
        run.err("Usage: grep [OPTION]... PATTERNS [FILE]...")
        return TROUBLE
    rest = list(options.rest)
    pattern = options.values.get("e") or (rest.pop(0) if rest else None)
    if pattern is None:
        run.err("Usage: grep [OPTION]... PATTERNS [FILE]...")
        return TROUBLE
    source = pattern if "E" in options else re.escape(pattern) if "F" in options else basic_to_python(pattern)
    source = rf"\b(?:{source})\b" if "w" in options else rf"^(?:{source})$" if "x" in options else source
    try:
        expression = re.compile(source, re.IGNORECASE if "i" in options else 0)
    except re.error:
        return run.fail("Invalid regular expression", TROUBLE)
    recursive = bool(options.letters & {"r", "R"})
    if recursive:
        rest = [
            place for path in rest or ["."] for place in walk(run, path) if not run.shell.is_folder(place)
        ]
    found, code = _sources(run, rest)
    named = ("H" in options or recursive or len(rest) > 1) and "h" not in options
    hits = sum(_grep_one(run, options, expression, name if named else "", text, name) for name, text in found)
    return TROUBLE if code else 0 if hits else 1


def _grep_one(
    run: Run, options: Options, expression: re.Pattern[str], shown: str, text: str, name: str
) -> int:
    lines = text.splitlines()
    hits = [at for at, line in enumerate(lines) if bool(expression.search(line)) != ("v" in options)]
    prefix = f"{shown}:" if shown else ""
    if "q" in options:
        return len(hits)
    if "c" in options:
        run.out(f"{prefix}{len(hits)}")
    elif "l" in options:
        if hits:
            run.out(name)
    elif "o" in options:
        for at in hits:
            for match in expression.finditer(lines[at]):
                run.out(prefix + (f"{at + 1}:" if "n" in options else "") + match[0])
    else:
        _with_context(run, options, lines, hits, shown)
    return len(hits)


def _with_context(run: Run, options: Options, lines: list[str], hits: list[int], shown: str) -> None:
    around = int(options.values.get("C", 0))
    before, after = int(options.values.get("B", around)), int(options.values.get("A", around))
    wanted = sorted(
        {near for at in hits for near in range(max(0, at - before), min(len(lines), at + after + 1))}
    )
    last = None
    for at in wanted:
        if (before or after) and last is not None and at > last + 1:
            run.out("--")
        sign = ":" if at in hits else "-"
        number = f"{at + 1}{sign}" if "n" in options else ""
        run.out((f"{shown}{sign}" if shown else "") + number + lines[at])
        last = at


# -- the small ones ---------------------------------------------------------------------------------------


def _count(run: Run, options: Options, default: int = 10) -> int:
    text = options.values.get("n", str(default))
    return int(text) if text.lstrip("+-").isdigit() else default


def _short_count(run: Run) -> None:
    """`head -5` is `head -n 5`."""
    run.argv = [run.name] + [
        part for word in run.args for part in (["-n", word[1:]] if re.fullmatch(r"-\d+", word) else [word])
    ]


def head(run: Run) -> int:
    """`head`."""
    _short_count(run)
    try:
        options = read(run, "q", "nc")
    except BadOption as error:
        return bad(run, error)
    found, code = _sources(run, options.rest, "cannot open '{}' for reading: {}")
    for _, text in found:
        if "c" in options.values:
            run.out(text[: int(options.values["c"])], end="")
        else:
            count = _count(run, options)
            lines = text.splitlines(keepends=True)
            run.out("".join(lines[:count]), end="")
    return code


def tail(run: Run) -> int:
    """`tail`."""
    _short_count(run)
    try:
        options = read(run, "qf", "nc")
    except BadOption as error:
        return bad(run, error)
    found, code = _sources(run, options.rest, "cannot open '{}' for reading: {}")
    for _, text in found:
        if "c" in options.values:
            run.out(text[-int(options.values["c"]) :], end="")
            continue
        lines = text.splitlines(keepends=True)
        given = options.values.get("n", "10")
        start = int(given) - 1 if given.startswith("+") else max(0, len(lines) - _count(run, options))
        run.out("".join(lines[start:]), end="")
    return code


def wc(run: Run) -> int:
    """`wc`."""
    try:
        options = read(run, "lwcm")
    except BadOption as error:
        return bad(run, error)
    found, code = _sources(run, options.rest)
    wanted = [letter for letter in "lwc" if letter in options] or list("lwc")
    for name, text in found:
        sizes = {
            "l": text.count("\n"),
            "w": len(text.split()),
            "c": len(text.encode(errors="surrogateescape")),
        }
        numbers = [str(sizes[letter]) for letter in wanted]
        if len(numbers) > 1:
            numbers = [number.rjust(7 if name == "-" else len(str(sizes["c"])) + 1) for number in numbers]
        run.out(" ".join(numbers).lstrip() + ("" if name == "-" else f" {name}"))
    return code


def sort(run: Run) -> int:
    """`sort`."""
    try:
        options = read(run, "runhV", "kt")
    except BadOption as error:
        return bad(run, error, TROUBLE)
    found, code = _sources(run, options.rest, "cannot read: {}: {}")
    lines = [line for _, text in found for line in text.splitlines()]
    field = int(re.match(r"\d+", options.values.get("k", "0") or "0")[0])  # type: ignore[index]

    def key(line: str) -> tuple[float, str]:
        parts = line.split(options.values.get("t")) if field else [line]
        part = parts[field - 1] if field and field <= len(parts) else "" if field else line
        number = re.match(r"\s*-?\d+(\.\d+)?", part) if "n" in options else None
        return (float(number[0]) if number else 0.0, part)

    lines.sort(key=key, reverse="r" in options)
    if "u" in options:
        lines = list(dict.fromkeys(lines))
    run.out("".join(f"{line}\n" for line in lines), end="")
    return code


def uniq(run: Run) -> int:
    """`uniq`."""
    try:
        options = read(run, "cd")
    except BadOption as error:
        return bad(run, error)
    found, code = _sources(run, options.rest)
    runs: list[list[str]] = []
    for line in (line for _, text in found for line in text.splitlines()):
        if runs and runs[-1][0] == line:
            runs[-1].append(line)
        else:
            runs.append([line])
    for lines in runs:
        if "d" not in options or len(lines) > 1:
            run.out(f"{len(lines):7} {lines[0]}" if "c" in options else lines[0])
    return code


def cut(run: Run) -> int:
    """`cut -d X -f N`."""
    try:
        options = read(run, "s", "dfc")
    except BadOption as error:
        return bad(run, error)
    found, code = _sources(run, options.rest)
    if "f" not in options.values:
        return run.fail("you must specify a list of bytes, characters, or fields")
    separator = options.values.get("d", "\t")
    wanted = [int(one) for one in options.values["f"].split(",") if one.isdigit()]
    for line in (line for _, text in found for line in text.splitlines()):
        parts = line.split(separator)
        shown = [parts[one - 1] for one in wanted if one <= len(parts)]
        run.out(line if len(parts) == 1 else separator.join(shown))
    return code


def tee(run: Run) -> int:
    """`tee`."""
    append = "-a" in run.args
    for path in (word for word in run.args if not word.startswith("-")):
        if append:
            run.files.append(run.at(path), run.stdin)
        else:
            run.files.write(run.at(path), run.stdin)
    run.out(run.stdin, end="")
    return 0
