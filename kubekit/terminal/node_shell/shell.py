"""Shell: runs lines of shell on a node's files, without any process.

    shell = Shell(files, programs={"etcdctl": ...}, env={"HOME": "/root"})
    shell.run("cd /tmp && echo hello > note; cat note")      # Result(exit=0, stdout="hello\\n", stderr="")

It keeps the working directory and the exported variables from one call to the next. A program is a function
of a `Run`: arguments, input, environment, files; it returns an exit status. Unknown programs are told as bash
does. The few that there are stand in `coreutils` and `filters`; whoever makes the shell adds etcdctl and its
like. Source: bash(1).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kubekit.etcd.disk import Disk
from kubekit.terminal.cli.result import Result
from kubekit.terminal.node_shell.syntax import Pipeline, Simple, parse
from kubekit.terminal.node_shell.words import SyntaxTrouble, expand, filled, matches, one_text
from kubekit.terminal.node_shell.working_directory import WorkingDirectory

NOT_FOUND = 127
LONGEST = 200
"""Lines of commands in one another (`sh -c`, `$(...)`) before it is a mistake."""


@dataclass
class Run:
    """One program under way."""

    shell: Shell
    argv: list[str]
    env: dict[str, str]
    stdin: bytes = b""
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    @property
    def name(self) -> str:
        """The program's name."""
        return self.argv[0]

    @property
    def args(self) -> list[str]:
        """What stands behind it."""
        return self.argv[1:]

    @property
    def files(self) -> Disk:
        """The files, by absolute path."""
        return self.shell.files

    @property
    def here(self) -> Disk:
        """The files, by paths as they are seen from the working directory."""
        return WorkingDirectory(self.shell)

    def at(self, path: str) -> str:
        """A path, seen from the working directory."""
        return self.shell.at(path)

    def out(self, text: str | bytes, end: str = "\n") -> None:
        """Write to stdout."""
        self.stdout += (
            text.encode(errors="surrogateescape") if isinstance(text, str) else text
        ) + end.encode()

    def err(self, text: str, end: str = "\n") -> None:
        """Write to stderr."""
        self.stderr += (text + end).encode(errors="surrogateescape")

    def fail(self, text: str, code: int = 1) -> int:
        """Complain under the program's name."""
        self.err(f"{self.name}: {text}")
        return code


Program = Callable[[Run], int]


class Leave(Exception):
    """`exit`: the script ends here."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Shell:
    """A shell on some files. `programs`: by name, beside its own."""

    def __init__(
        self,
        files: Disk,
        programs: Mapping[str, Program] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/root",
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        from kubekit.terminal.node_shell.registry import PROGRAMS

        self.files, self.now = files, now
        self.programs: dict[str, Program] = {**PROGRAMS, **(programs or {})}
        self.env: dict[str, str] = {"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/bin", **(env or {})}
        self.local: dict[str, str] = {}
        """Variables that are not exported."""
        self.cwd = cwd
        self.status = 0
        self._depth = 0

    # -- paths ------------------------------------------------------------------------------------------

    def at(self, path: str) -> str:
        """A path, seen from the working directory."""
        return posixpath.normpath(posixpath.join(self.cwd, path)) if path else self.cwd

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        try:
            self.files.list(self.at(path))
        except OSError:
            return False
        return True

    def glob(self, pattern: str) -> list[str]:
        """The paths that fit a pattern, sorted."""
        found = ["/" if pattern.startswith("/") else ""]
        for part in pattern.strip("/").split("/"):
            following = []
            for base in found:
                folder = base or "."
                if not any(sign in part for sign in "*?["):
                    if self.files.exists(self.at(base + part)):
                        following.append(base + part)
                elif self.is_folder(folder):
                    names = self.files.list(self.at(folder))
                    following += [base + name for name in names if matches(name, part)]
            found = [f"{path}/" for path in following]
        return sorted(path.rstrip("/") or "/" for path in found)

    # -- running ----------------------------------------------------------------------------------------

    def run(self, script: str, stdin: str = "") -> Result:
        """Run a script; never raises what a learner caused."""
        out, err = bytearray(), bytearray()
        code = self.script(script, stdin.encode(), out, err)
        return Result(code, out.decode(errors="replace"), err.decode(errors="replace"))

    def script(self, script: str, stdin: bytes, out: bytearray, err: bytearray) -> int:
        """Run a script with its streams given."""
        if self._depth > LONGEST:
            err += b"bash: maximum nesting level exceeded\n"
            return 1
        self._depth += 1
        try:
            for pipeline in parse(script):
                if (pipeline.after == "&&" and self.status) or (pipeline.after == "||" and not self.status):
                    continue
                self.status = self._pipeline(pipeline, stdin, out, err)
        except SyntaxTrouble as trouble:
            err += f"bash: {trouble}\n".encode()
            self.status = 2
        except Leave as left:
            self.status = left.code
            if self._depth > 1:
                raise
        finally:
            self._depth -= 1
        return self.status

    def _pipeline(self, pipeline: Pipeline, stdin: bytes, out: bytearray, err: bytearray) -> int:
        code, data = 0, stdin
        for number, command in enumerate(pipeline.commands):
            last = number == len(pipeline.commands) - 1
            written = bytearray()
            code = self._simple(command, data, written, err)
            data = bytes(written)
            if last:
                out += written
        return code

    def _simple(self, command: Simple, stdin: bytes, out: bytearray, err: bytearray) -> int:
        env = {**self.env, **self.local, "?": str(self.status)}

        def substitute(script: str) -> str:
            inner = bytearray()
            self.script(script, b"", inner, err)
            return inner.decode(errors="surrogateescape").rstrip("\n")

        assigned = {name: one_text(word, env, substitute) for name, word in command.assignments}
        argv = [text for word in command.words for text in expand(word, env, substitute, self.glob)]
        if not argv:
            for name, value in assigned.items():
                (self.env if name in self.env else self.local)[name] = value
            code = 0
        run = Run(self, argv, {**self.env, **assigned, "?": str(self.status)}, stdin)
        sinks: list[tuple[str, str]] = []
        merged = False
        for redirection in command.redirections:
            if redirection.operator == "2>&1":
                merged = True
                continue
            if redirection.operator == "<<":
                piece = redirection.target.pieces[0]
                text = piece.text if piece.quote == "'" else filled(piece.text, env, substitute)
                run.stdin = text.encode(errors="surrogateescape")
                continue
            path = one_text(redirection.target, env, substitute)
            if redirection.operator == "<":
                try:
                    run.stdin = self.files.read(self.at(path))
                except OSError as error:
                    err += f"bash: {path}: {error.strerror}\n".encode()
                    return 1
                continue
            sinks.append((redirection.operator, path))
            if (complaint := self._prepare(redirection.operator, path)) is not None:
                err += complaint.encode()
                return 1
        if argv:
            code = self.call(run)
        self._deliver(run, sinks, merged, out, err)
        return code

    def _prepare(self, operator: str, path: str) -> str | None:
        """Make the file that output goes to; what bash says when that fails."""
        if path == "/dev/null":
            return None
        place = self.at(path)
        if self.is_folder(path):
            return f"bash: {path}: Is a directory\n"
        try:
            if operator in (">", "1>", "2>", "&>") or not self.files.exists(place):
                self.files.write(place, b"")
        except OSError as error:
            return f"bash: {path}: {error.strerror}\n"
        return None

    def _deliver(
        self, run: Run, sinks: list[tuple[str, str]], merged: bool, out: bytearray, err: bytearray
    ) -> None:
        streams: dict[str, str | None] = {"out": None, "err": None}
        for operator, path in sinks:
            if operator in (">", ">>", "1>", "&>"):
                streams["out"] = path
            if operator in ("2>", "2>>", "&>"):
                streams["err"] = path
        if merged and streams["err"] is None:
            run.stdout += run.stderr
            run.stderr.clear()
        for name, data, otherwise in (("out", run.stdout, out), ("err", run.stderr, err)):
            sink = streams[name]
            if sink is None:
                otherwise += data
            elif sink != "/dev/null":
                self.files.append(self.at(sink), bytes(data))

    def call(self, run: Run) -> int:
        """Run one program."""
        name = run.argv[0]
        program = self.programs.get(posixpath.basename(name) if name.startswith("/") else name)
        if program is None:
            if "/" in name:
                reason = "Is a directory" if self.is_folder(name) else "No such file or directory"
                run.err(f"bash: {name}: {reason}")
                return 126 if self.is_folder(name) else NOT_FOUND
            run.err(f"bash: {name}: command not found")
            return NOT_FOUND
        try:
            return program(run)
        except OSError as error:
            return run.fail(f"{error.filename or ''}: {error.strerror}")
