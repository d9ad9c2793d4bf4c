"""The shell of a simulated container: runs a script's tree, step by step.

A running script is a generator of steps: `Out` (something is printed), `Wait` (seconds pass), `Read` (a
line of standard input is needed; it is sent the text, or None at the end). Whoever drives it decides what a
step means: a stream to a client lets the seconds pass (`exec_session`), an exec probe does not
(`exec_command`). Variables and the directory live as long as the `Shell`. Programs are looked up in
`programs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files, image_programs, programs
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.shell_syntax import (
    JOINS,
    For,
    If,
    Incomplete,
    Node,
    Pipe,
    Series,
    Simple,
    SyntaxProblem,
    While,
    Word,
    parse,
)
from kubekit.kubelet.steps import Interrupted, Out, Read, Step, Wait

MAX_STEPS = 1000
"""Commands that run at one moment; then a pause is forced, so that a busy loop cannot hold the engine."""
BUSY_SECONDS = 0.1
OUTPUT_LIMIT = 1 << 20
"""Characters that a substitution or a pipe may hold."""
NOT_FOUND, NOT_EXECUTABLE, SYNTAX = 127, 126, 2

Run = Generator[Step, "str | None", int]
_NAME = re.compile(
    r"\$\$|\$\?|\$#|\$([A-Za-z_]\w*|\d)|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\([^()]*\)|`[^`]*`"
)


class Exit(Exception):
    """`exit`: the shell ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Leave(Exception):
    """`break` and `continue`: the loop around ends, or goes on with its next turn."""

    def __init__(self, on: bool) -> None:
        super().__init__(on)
        self.on = on


@dataclass
class Shell:
    """One shell process in a container; `name` is what it calls itself in messages."""

    container: Container
    clock: Callable[[], float]
    name: str = "sh"
    strict: bool = True
    """Whether a program that nothing is known about is not found (else it succeeds silently)."""
    own: bool = False
    """Whether it is the container's own process: what nothing is known about is a server and goes on."""
    status: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    _steps: int = 0
    _lines: int = 0
    _loops: int = 0

    def script(self, text: str) -> Run:
        """Run a text to its end; the exit status."""
        try:
            tree = parse(text)
        except SyntaxProblem as problem:
            yield Out(STDERR, f"{self.name}: {problem}\n")
            return SYNTAX
        try:
            yield from self._node(tree, None)
        except Exit as ended:
            self.status = ended.status
        return self.status

    def interactive(self, prompt: str) -> Run:
        """Read lines and run them until `exit` or the end of input; `\\w` in the prompt is the folder."""
        text = ""
        while True:
            if prompt:
                yield Out(STDOUT, "> " if text else prompt.replace("\\w", self.container.folder))
            line = yield Read()
            if line is None:
                if prompt:
                    yield Out(STDOUT, "exit\n" if self.name == "bash" else "\n")
                return self.status
            text += line
            try:
                tree = parse(text)
            except Incomplete:
                continue
            except SyntaxProblem as problem:
                yield Out(STDERR, f"{self.name}: {problem}\n")
                self.status, text = SYNTAX, ""
                continue
            text = ""
            try:
                yield from self._node(tree, None)
            except Interrupted:
                self.status = 130
            except Exit as ended:
                return ended.status

    # -- the tree ---------------------------------------------------------------------------------------

    def _node(self, node: Node, stdin: str | None) -> Run:
        if isinstance(node, Simple):
            self.status = yield from self._simple(node, stdin)
        elif isinstance(node, Series):
            for operator, part in node.parts:
                if (operator == "&&" and self.status) or (operator == "||" and not self.status):
                    continue
                yield from self._node(part, stdin)
        elif isinstance(node, Pipe):
            yield from self._pipe(node, stdin)
        elif isinstance(node, For):
            for value in (yield from self._expand(node.words)):
                self.variables[node.name] = value
                if not (yield from self._turn(node.body, stdin)):
                    break
        elif isinstance(node, While):
            while True:
                yield from self._node(node.head, stdin)
                if (self.status == 0) == node.negated:
                    break
                if not (yield from self._turn(node.body, stdin)):
                    break
                yield from self._breathe()
            self.status = 0
        elif isinstance(node, If):
            yield from self._if(node, stdin)
        return self.status

    def _turn(self, body: Node, stdin: str | None) -> Generator[Step, str | None, bool]:
        """One turn of a loop; whether there may be another."""
        self._loops += 1
        try:
            yield from self._node(body, stdin)
        except Leave as leave:
            self.status = 0
            return leave.on
        finally:
            self._loops -= 1
        return True

    def _if(self, node: If, stdin: str | None) -> Run:
        for condition, body in node.cases:
            yield from self._node(condition, stdin)
            if self.status == 0:
                return (yield from self._node(body, stdin))
        self.status = 0
        if node.otherwise is not None:
            yield from self._node(node.otherwise, stdin)
        return self.status

    def _pipe(self, node: Pipe, stdin: str | None) -> Run:
        for part in node.parts[:-1]:
            stdin = yield from self._captured(self._node(part, stdin))
        yield from self._node(node.parts[-1], stdin)
        if node.negated:
            self.status = int(self.status == 0)
        return self.status

    def _captured(self, run: Run) -> Generator[Step, str | None, str]:
        text, answer = "", None
        while True:
            try:
                step = run.send(answer)
            except StopIteration:
                return text
            answer = None
            if isinstance(step, Out) and step.channel == STDOUT:
                text += step.text
                if len(text) > OUTPUT_LIMIT:
                    return text
            else:
                answer = yield step

    def _simple(self, command: Simple, stdin: str | None) -> Run:
        yield from self._breathe()
        words = list(command.words)
        assigned = []
        while words and (found := re.match(r"([A-Za-z_]\w*)=", words[0].literal)) and words[0].pieces[0][1]:
            assigned.append((found[1], words.pop(0)))
        argv = yield from self._expand(words)
        for name, word in assigned:
            value = " ".join((yield from self._expand([word]))).partition("=")[2]
            self.variables[name] = value
        if not argv:
            return 0
        for operator, target in command.redirections:
            if operator == "<" and target is not None:
                path = "".join((yield from self._expand([target])))
                stdin = image_files.read(self.container, path, self.clock())
                if stdin is None:
                    yield Out(STDERR, f"{self.name}: can't open {path}: no such file\n")
                    return 1
        run = self._program(argv, stdin)
        if not command.redirections:
            return (yield from run)
        return (yield from self._redirected(run, command))

    def _redirected(self, run: Run, command: Simple) -> Run:
        files: dict[int, str] = {}
        appended: set[str] = set()
        joined: dict[int, int] = {}
        for operator, target in command.redirections:
            if operator in JOINS:
                joined |= {STDERR: STDOUT} if operator == "2>&1" else {STDOUT: STDERR}
            elif target is not None and operator != "<":
                path = "".join((yield from self._expand([target])))
                files[STDERR if operator == "2>" else STDOUT] = path
                if operator == ">>":
                    appended.add(path)
        texts = dict.fromkeys(files.values(), "")
        answer, status = None, 0
        while True:
            try:
                step = run.send(answer)
            except StopIteration as ended:
                status = int(ended.value or 0)
                break
            answer = None
            if isinstance(step, Out):
                channel = joined.get(step.channel, step.channel)
                path = files.get(channel, "")
                if path:
                    texts[path] += step.text
                else:
                    yield Out(channel, step.text)
            else:
                answer = yield step
        for path, text in texts.items():
            if path == "/dev/stdout":
                yield Out(STDOUT, text)
            elif path == "/dev/stderr":
                yield Out(STDERR, text)
            elif path != "/dev/null":
                place = image_files.at(self.container, path)
                before = image_files.read(self.container, place, self.clock()) if path in appended else ""
                image_files.write(self.container, place, (before or "") + text)
        return int(status)

    def _program(self, argv: list[str], stdin: str | None) -> Run:
        name = argv[0]
        if name == "exit":
            raise Exit(int(argv[1]) & 0xFF if len(argv) > 1 and argv[1].isdigit() else self.status)
        if name in ("break", "continue") and self._loops:
            raise Leave(name == "continue")
        if name in ("set", "trap", "wait", "umask", "ulimit", "."):
            return 0
        if name == "cd":
            return (yield from self._go(argv[1] if len(argv) > 1 else "/root"))
        if name == "export":
            for word in argv[1:]:
                key, equals, value = word.partition("=")
                if equals:
                    self.variables[key] = value
            return 0
        if name == "read":
            line = yield Read()
            self.variables[argv[-1] if len(argv) > 1 else "REPLY"] = (line or "").rstrip("\n")
            return int(line is None)
        if name == "exec":
            argv = argv[1:]
            if not argv:
                return 0
            raise Exit((yield from self._program(argv, stdin)))
        found = image_programs.find(self.container, argv[0], self.strict)
        if found is None:
            yield Out(STDERR, f"{self.name}: {argv[0]}: not found\n")
            return NOT_FOUND
        return (yield from programs.run(self, found, argv, stdin))

    def _go(self, path: str) -> Run:
        """`cd`: from here on paths begin elsewhere."""
        if not image_files.is_folder(self.container, path, self.clock()):
            why = "No such file or directory"
            if image_files.read(self.container, path, self.clock()) is not None:
                why = "Not a directory"
            said = f"cd: {path}: {why}" if self.name == "bash" else f"cd: can't cd to {path}: {why}"
            yield Out(STDERR, f"{self.name}: {said}\n")
            return 1
        self.container = self.container.seen_from(image_files.at(self.container, path))
        return 0

    # -- words ------------------------------------------------------------------------------------------

    def _expand(self, words: list[Word]) -> Generator[Step, str | None, list[str]]:
        found: list[str] = []
        for word in words:
            fields = [""]
            empty = True
            for text, expands, quoted in word.pieces:
                value = (yield from self._value(text)) if expands else text
                value = value.replace("\0", "$")
                if quoted or not expands or ("$" not in text and "`" not in text):
                    fields[-1] += value
                    empty = empty and not quoted and not value
                    continue
                parts = value.split()
                if value[:1].isspace() and fields[-1]:
                    fields.append("")
                for number, part in enumerate(parts):
                    if number:
                        fields.append("")
                    fields[-1] += part
                    empty = False
            if not (len(fields) == 1 and not fields[0] and empty):
                found += fields
        return found

    def _value(self, text: str) -> Generator[Step, str | None, str]:
        made, at = "", 0
        for match in _NAME.finditer(text):
            made += text[at : match.start()]
            at = match.end()
            whole = match[0]
            if whole.startswith(("$(", "`")):
                inner = whole[2:-1] if whole.startswith("$(") else whole[1:-1]
                made += (yield from self._captured(self._inner(inner))).rstrip("\n")
            elif whole == "$$":
                made += "1"
            elif whole == "$?":
                made += str(self.status)
            elif whole == "$#":
                made += "0"
            elif match[1] == "0":
                made += self.name
            else:
                made += self.lookup(match[1] or match[2]) or match[3] or ""
        return made + text[at:]

    def _inner(self, text: str) -> Run:
        inner = Shell(
            self.container, self.clock, self.name, self.strict, self.own, variables=dict(self.variables)
        )
        inner._lines = self._lines + 1
        if inner._lines > 20:
            return 1
        self.status = yield from inner.script(text)
        return self.status

    def lookup(self, name: str) -> str:
        """The value of a variable: the shell's own, else the container's."""
        if name in self.variables:
            return self.variables[name]
        box = self.container.pod
        if name == "HOSTNAME":
            return box.hostname
        return str(box.environment.get(self.container.status.name, {}).get(name, ""))

    def _breathe(self) -> Generator[Step, str | None, None]:
        self._steps += 1
        if self._steps % MAX_STEPS == 0:
            yield Wait(BUSY_SECONDS, busy=True)
