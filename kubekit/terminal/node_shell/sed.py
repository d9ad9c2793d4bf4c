"""sed: the stream editor, as far as manifests are edited with it.

Commands s, d, p, =, i, a, c and q; an address or two (a number, `$`, `/pattern/`), `!`; -i, -n, -e, -E. No
hold space, no branches. Source: GNU sed 4.9.
"""

from __future__ import annotations

import re

from kubekit.terminal.node_shell.filters import basic_to_python, text_of
from kubekit.terminal.node_shell.options import BadOption, bad, read
from kubekit.terminal.node_shell.shell import Run

_ADDRESS = re.compile(r"(\d+|\$|/(?:[^/\\]|\\.)*/)(?:,(\d+|\$|/(?:[^/\\]|\\.)*/))?\s*")


class _Edit:
    """One command of sed: an address (or two), a letter, what it needs."""

    def __init__(self, script: str, extended: bool) -> None:
        found = _ADDRESS.match(script)
        self.first: str | None = found[1] if found else None
        self.second: str | None = found[2] if found else None
        script = script[found.end() :] if found else script
        self.negated = script.startswith("!")
        script = script.lstrip("! ")
        if not script:
            raise ValueError("missing command")
        self.letter, rest = script[0], script[1:]
        self.extended, self.inside = extended, False
        self.text = re.sub(r"^\s*\\?\s*", "", rest)
        if self.letter == "s":
            self._substitution(rest)
        elif self.letter not in "dpaicq=":
            raise ValueError(f"unknown command: `{self.letter}'")

    def _substitution(self, rest: str) -> None:
        if not rest:
            raise ValueError("unterminated `s' command")
        separator = rest[0]
        parts = re.split(rf"(?<!\\){re.escape(separator)}", rest[1:])
        if len(parts) < 3:
            raise ValueError("unterminated `s' command")
        pattern, new, flags = parts[0], parts[1], parts[2].strip()
        pattern = pattern.replace(f"\\{separator}", separator)
        new = new.replace(f"\\{separator}", separator)
        if set(flags) - set("gipI0123456789"):
            raise ValueError("unknown option to `s'")
        source = pattern if self.extended else basic_to_python(pattern)
        self.expression = re.compile(source, re.IGNORECASE if set(flags) & {"i", "I"} else 0)
        self.count = 0 if "g" in flags else 1
        self.prints = "p" in flags
        self.new = new

    def replaced(self, line: str) -> tuple[str, int]:
        """The line after a substitution, and how many there were."""

        def one(found: re.Match[str]) -> str:
            def part(reference: re.Match[str]) -> str:
                sign = reference[0]
                if sign == "&":
                    return found[0]
                return found[int(sign[1])] or "" if sign[1].isdigit() else "\n" if sign[1] == "n" else sign[1]

            return re.sub(r"\\.|&", part, self.new)

        return self.expression.subn(one, line, count=self.count)

    def _hit(self, address: str, number: int, last: bool, line: str) -> bool:
        if address == "$":
            return last
        if address.isdigit():
            return number == int(address)
        source = address[1:-1].replace("\\/", "/")
        return bool(re.search(source if self.extended else basic_to_python(source), line))

    def applies(self, number: int, last: bool, line: str) -> bool:
        """Whether the command is for this line."""
        if self.first is None:
            return True
        if self.second is None:
            hit = self._hit(self.first, number, last, line)
        elif self.inside:
            hit = True
            if self._hit(self.second, number, last, line):
                self.inside = False
        else:
            hit = self._hit(self.first, number, last, line)
            self.inside = hit and not (self.second.isdigit() and int(self.second) <= number)
        return hit != self.negated


def sed(run: Run) -> int:
    """`sed`, with -i, -n, -e, -E."""
    # -i may carry a suffix for a backup, which is the only value that is glued to its letter.
    words = [word for word in run.args if not re.fullmatch(r"-i\.\w+", word)]
    suffixes = [word[2:] for word in run.args if re.fullmatch(r"-i\.\w+", word)]
    run.argv = [run.name, *(["-i"] if suffixes else []), *words]
    try:
        options = read(
            run, "inEr", "e", {"in-place": "i", "quiet": "n", "regexp-extended": "E", "expression": "e"}
        )
    except BadOption as error:
        return bad(run, error)
    rest = list(options.rest)
    scripts = [
        word for flag, word in zip(run.args, run.args[1:], strict=False) if flag in ("-e", "--expression")
    ]
    if not scripts:
        if not rest:
            run.err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...")
            return 1
        scripts = [rest.pop(0)]
    extended = bool(options.letters & {"E", "r"})
    parts = [part for script in scripts for part in re.split(r"\n|;(?=\s*(?:[\d$/]|[sdpaicq=]))", script)]
    for path in rest:
        if not run.files.exists(run.at(path)):
            return run.fail(f"can't read {path}: No such file or directory", 2)
        if run.shell.is_folder(path):
            return run.fail(f"couldn't edit {path}: not a regular file", 4)
    for path in rest or ["-"]:
        try:
            edits = [_Edit(part.strip(), extended) for part in parts if part.strip()]
        except ValueError as error:
            return run.fail(f"-e expression #1, char {len(scripts[0])}: {error}")
        except re.error as error:
            return run.fail(f"-e expression #1, char {len(scripts[0])}: {error}")
        before = text_of(run, path)
        after = _edited(before, edits, "n" in options)
        if "i" in options and path != "-":
            for suffix in suffixes:
                run.files.write(run.at(path + suffix), before.encode(errors="surrogateescape"))
            run.files.write(run.at(path), after.encode(errors="surrogateescape"))
        else:
            run.out(after, end="")
    return 0


def _edited(text: str, edits: list[_Edit], quiet: bool) -> str:
    lines = text.splitlines()
    out: list[str] = []
    for number, whole in enumerate(lines, 1):
        line, deleted, quits = whole, False, False
        after: list[str] = []
        for edit in edits:
            if not edit.applies(number, number == len(lines), line):
                continue
            if edit.letter == "s":
                line, count = edit.replaced(line)
                if count and edit.prints:
                    out.append(line)
            elif edit.letter == "d":
                deleted = True
                break
            elif edit.letter == "p":
                out.append(line)
            elif edit.letter == "=":
                out.append(str(number))
            elif edit.letter == "i":
                out.append(edit.text)
            elif edit.letter == "a":
                after.append(edit.text)
            elif edit.letter == "c":
                line = edit.text
            elif edit.letter == "q":
                quits = True
                break
        if not deleted and not quiet:
            out.append(line)
        out += after
        if quits:
            break
    ending = "\n" if text.endswith("\n") or not out else ""
    return "\n".join(out) + (ending if out else "")
