"""Scripts: what a simulated container's command does, as a timeline worked out when it starts.

No program runs in kubekit. A command is read for what a learner's pods are made of: `sleep N`, `exit K`,
`true`, `false`, `echo`, files that appear and vanish (`touch`, `rm`, redirections), loops over these, and
`sh -c` scripts of them. The result says when the process ends and with which status, what it prints and
which files exist at which age. An unknown program runs for ever, as a server would. Use `Program.parse`;
never ask it for the time: it only knows offsets in seconds since its start.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

STARTUP_SECONDS = 0.3
"""What starting and ending a process costs in addition to its sleeps."""

SHELLS = {"sh", "bash", "ash", "dash"}
SECONDS_OF = {"perl": 5.0, "python": 1.0, "python3": 1.0}
"""Programs of well-known examples that compute something and end."""
SILENT = {":", "true", "chmod", "chown", "cd", "export", "set", "sync", "wait", "ls", "id", "date"}
SILENT |= {"hostname", "env", "printenv", "uname", "whoami", "pwd", "ps", "wget", "curl", "nslookup", "nc"}
SEPARATORS = {";", "&&", "||", "\n", "|", "&"}
MAX_STEPS = 2_000


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the process does `at` seconds after its start."""

    at: float
    kind: str  # "print", "write", "append", "remove"
    text: str = ""
    path: str = ""


@dataclass(slots=True)
class Program:
    """What a command does over time; `lifetime` is None when it never ends by itself."""

    lifetime: float | None = None
    exit_code: int = 0
    acts: list[Act] = field(default_factory=list)
    loop_start: float = 0.0
    loop_period: float = 0.0
    loop_acts: int = 0
    """How many acts come before the endless loop, if there is one."""
    ignores_term: bool = False
    is_server: bool = False
    """Whether it is the image's own program: it answers on its ports and ends with status 0 when asked."""

    @staticmethod
    def parse(argv: Sequence[str]) -> Program:
        """The program of a container's command and arguments.

        >>> program = Program.parse(["sh", "-c", "sleep 2; exit 3"])
        >>> program.lifetime, program.exit_code
        (2.3, 3)
        """
        if not argv or argv[0].startswith("-"):
            return Program(is_server=True)
        program = Program()
        run = _Run(program)
        name = argv[0].rsplit("/", 1)[-1]
        if name in SHELLS and len(argv) > 1:
            if argv[1] in ("-c", "-ec", "-xc", "-lc", "-exc") and len(argv) > 2:
                run.script(_tokens(argv[2]))
        else:
            run.command(list(argv))
        if not run.for_ever:
            program.lifetime = run.age + STARTUP_SECONDS
            program.exit_code = run.status
        elif name not in SHELLS and run.unknown:
            program.is_server = True
        return program

    def acts_until(self, age: float) -> Iterator[Act]:
        """Everything done up to `age`, loops unrolled, in order."""
        once = self.acts[: self.loop_acts] if self.loop_period else self.acts
        for act in once:
            if act.at <= age:
                yield act
        if self.loop_period:
            body = self.acts[self.loop_acts :]
            turns = int(max(0.0, age - self.loop_start) / self.loop_period) + 1
            for turn in range(max(0, turns - MAX_STEPS), turns):
                for act in body:
                    at = act.at + turn * self.loop_period
                    if at <= age:
                        yield Act(at, act.kind, act.text, act.path)

    def next_print(self, age: float) -> float | None:
        """The age at which the next line is printed, or None when there is none."""
        loops = self.loop_period > 0
        once = self.acts[: self.loop_acts] if loops else self.acts
        ahead = [act.at for act in once if act.kind == "print" and act.at > age + 1e-6]
        if loops:
            for act in self.acts[self.loop_acts :]:
                if act.kind == "print":
                    turn = max(0, int((age + 1e-6 - act.at) // self.loop_period) + 1)
                    ahead.append(act.at + turn * self.loop_period)
        return min(ahead) if ahead else None

    def next_change(self, age: float) -> float | None:
        """The age at which a file appears, changes or vanishes next, or None."""
        ahead = [act.at for act in self.acts if act.kind != "print" and act.at > age]
        return min(ahead) if ahead else None


class _Run:
    """Walks through a script once, adding up its sleeps."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.age = 0.0
        self.status = 0
        self.for_ever = False
        self.ended = False
        self.unknown = False
        self.steps = 0

    def script(self, tokens: list[str]) -> None:
        command: list[str] = []
        skip = False
        index = 0
        while index <= len(tokens):
            token = tokens[index] if index < len(tokens) else ";"
            if not command and token in ("while", "until", "for"):
                index = self._loop(tokens, index)
            elif token in SEPARATORS:
                if command and not skip:
                    self.command(command)
                if command or token in ("&&", "||"):
                    skip = (token == "&&" and self.status != 0) or (token == "||" and self.status == 0)
                command = []
                if token == "|":
                    skip = True  # what comes after a pipe only reads
            else:
                command.append(token)
            if self.for_ever or self.ended:
                return
            index += 1

    def _loop(self, tokens: list[str], start: int) -> int:
        depth, index, opened = 0, start, -1
        while index < len(tokens):
            if tokens[index] == "do":
                depth += 1
                opened = index if opened < 0 else opened
            elif tokens[index] == "done":
                depth -= 1
                if depth == 0:
                    break
            index += 1
        head, body = tokens[start + 1 : opened], tokens[opened + 1 : index]
        if tokens[start] == "for":
            words = [t for t in head[2:] if t not in SEPARATORS]
            if len(words) >= 2 and words[0].startswith("$(seq"):
                bounds = [int(w) for w in re.findall(r"\d+", " ".join(words))]
                words = [str(n) for n in range(bounds[0] if len(bounds) > 1 else 1, bounds[-1] + 1)]
            for word in words[:MAX_STEPS]:
                self.script(
                    [t.replace("$" + head[0], word).replace("${" + head[0] + "}", word) for t in body]
                )
                if self.for_ever or self.ended:
                    break
            return index
        program, before, acts = self.program, self.age, len(self.program.acts)
        self.script(body)
        if not self.ended:
            if self.age > before and not self.for_ever:
                program.loop_start, program.loop_period, program.loop_acts = before, self.age - before, acts
            self.for_ever = True
        return index

    def command(self, words: list[str]) -> None:
        self.steps += 1
        target, mode, words = _redirection(words)
        words = [w for w in words if w not in ("(", ")", "{", "}", "!")]
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
            words = words[1:]
        if not words or self.steps > MAX_STEPS:
            return
        if words[0] in ("then", "else", "do", "exec"):
            self.command(words[1:])
            return
        name, rest = words[0].rsplit("/", 1)[-1], words[1:]
        self.status = 0
        if name == "sleep":
            self._sleep(rest)
        elif name == "exit":
            self.status = int(rest[0]) & 0xFF if rest and rest[0].isdigit() else 0
            self.ended = True
        elif name == "false":
            self.status = 1
        elif name in ("echo", "printf"):
            self._act(mode or "print", " ".join(w for w in rest if w not in ("-n", "-e")), target)
        elif name == "touch":
            for path in rest:
                self._act("write", "", path)
        elif name == "mkdir":
            for path in rest:
                if not path.startswith("-"):
                    self._act("write", "", path.rstrip("/") + "/")
        elif name == "rm":
            for path in rest:
                if not path.startswith("-"):
                    self._act("remove", "", path)
        elif name == "trap":
            self.program.ignores_term = self.program.ignores_term or (bool(rest) and not rest[0].strip())
        elif name in SECONDS_OF:
            self.age += SECONDS_OF[name]
        elif name in ("cat", "test", "[", "tail", "head", "grep"):
            if (name == "tail" and "-f" in rest) or (name in ("cat", "grep") and not rest):
                self.for_ever = True
        elif name not in SILENT and name not in ("if", "fi", "elif"):
            self.for_ever = self.unknown = True

    def _sleep(self, rest: list[str]) -> None:
        total = 0.0
        for word in rest:
            found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word)
            if found is None:
                self.for_ever = True
                return
            total += float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
        self.age += total

    def _act(self, kind: str, text: str, path: str) -> None:
        # A process stands in the root: a path without a slash begins there.
        place = f"/{path}" if path and not path.startswith("/") else path
        self.program.acts.append(Act(self.age, kind, text, place))


def _redirection(words: list[str]) -> tuple[str, str, list[str]]:
    """The file that the output goes to, "write" or "append", and the words without the redirection."""
    for sign, mode in ((">>", "append"), (">", "write")):
        if sign in words:
            at = words.index(sign)
            target = words[at + 1] if at + 1 < len(words) else ""
            kept = words[:at] + words[at + 2 :]
            if kept and kept[-1] in ("1", "2") and len(kept) > 1:
                kept = kept[:-1]
            return target, ("" if target in ("/dev/stdout", "/dev/stderr", "&1", "&2") else mode), kept
    return "", "", words


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # an unbalanced quote
        return text.split()


def expand(word: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` replaced as the kubelet does before it starts a container; `$$` stands for `$`.

    >>> expand("sleep $(INDEX)00 $$(INDEX)", {"INDEX": "1"})
    'sleep 100 $(INDEX)'
    """
    if "$" not in word:
        return word

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return environment.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)", value, word)
