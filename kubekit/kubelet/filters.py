"""Programs that read: files, a pipe, or what somebody types, line by line. `cat`, `grep`, `wc` and the like.

Each is a generator of steps, as in `shell`; `stdin` is what a pipe or a file gives, None is the client's
own input.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files
from kubekit.kubelet.steps import Out, Read, Step, Wait

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
NAMES = frozenset(
    ["cat", "tee", "wc", "grep", "head", "tail", "sort", "tr", "sed", "awk", "cut", "uniq", "xargs"]
)

TAKE_VALUES = {"head": ("-n", "-c"), "tail": ("-n", "-c"), "cut": ("-c", "-d", "-f")}


def run(shell: Shell, name: str, rest: list[str], stdin: str | None) -> Run:
    """Programs that read files, or their input line by line."""
    container, now = shell.container, shell.clock()
    flags = [word for word in rest if word.startswith("-") and word != "-"]
    words = [word for word in rest if word not in flags]
    pattern = ""
    if name in ("grep", "sed", "awk", "tr") and words:
        pattern, words = words[0], words[1:]
    if name in TAKE_VALUES and flags and flags[0] in TAKE_VALUES[name] and words:
        flags[0] += words.pop(0)
    if name in ("tr", "xargs"):
        words = []
    status = 0
    text = stdin
    if words and name != "tee":
        text = ""
        for path in words:
            found = image_files.read(container, path, now)
            if found is None:
                yield Out(STDERR, f"{name}: {path}: No such file or directory\n")
                status = 1
            else:
                text += found if not found or found.endswith("\n") else found + "\n"
    if text is None and name in ("cat", "tee"):
        made = ""
        while (line := (yield Read())) is not None:
            yield Out(STDOUT, line)
            made += line
        text = made
    elif text is None:
        text = ""
        while (line := (yield Read())) is not None:
            text += line
    elif name in ("cat", "tee"):
        yield Out(STDOUT, text)
    if name == "tee":
        for path in words:
            image_files.write(container, path, text)
    elif name == "tail" and {"-f", "-F"} & set(flags):
        yield Out(STDOUT, text)
        while True:
            yield Wait(3600.0)
    elif name not in ("cat", "tee"):
        code, out = filtered(name, pattern, flags, text)
        if out:
            yield Out(STDOUT, out)
        status = status or code
    return status


def filtered(name: str, pattern: str, flags: list[str], text: str) -> tuple[int, str]:
    """What a filter makes of a text: (exit status, text)."""
    lines = text.splitlines(keepends=True)
    numbers = [int(n) for flag in flags for n in re.findall(r"\d+", flag)] or [10]
    joined = "".join(flags)
    if name == "head":
        return 0, "".join(lines[: numbers[0]])
    if name == "tail":
        return 0, text[-numbers[0] :] if "-c" in joined else "".join(lines[-numbers[0] :])
    if name == "sort":
        return 0, "".join(sorted(lines, reverse="r" in joined))
    if name == "uniq":
        return 0, "".join(line for at, line in enumerate(lines) if at == 0 or line != lines[at - 1])
    if name == "wc":
        sizes = {
            "l": text.count("\n"),
            "w": len(text.split()),
            "c": len(text.encode(errors="surrogateescape")),
        }
        chosen = [str(sizes[one]) for one in "lwc" if one in joined] or [str(sizes[one]) for one in "lwc"]
        return 0, " ".join(chosen) + "\n"
    if name == "grep":
        try:
            wanted = re.compile(pattern, re.IGNORECASE if "i" in joined else 0)
        except re.error:
            return 2, ""
        found = [line for line in lines if bool(wanted.search(line)) != ("v" in joined)]
        return int(not found), "" if "q" in joined else f"{len(found)}\n" if "c" in joined else "".join(found)
    return 0, text
