"""`%etcdctl`, `%etcdutl` and `%%ssh` for IPython and Jupyter.

    %etcdctl get --prefix /registry/pods --keys-only | head -3
    %%etcdctl txn                       the cell's body is its standard input
    %%etcdctl                           a line of shell a line of the body
    %etcdctl env                        how etcd is reached when a line does not say it
    %%ssh controlplane                  lines of shell on a node

They work on the current cluster. Lines are shell: quotes, `$NAME`, `NAME=value etcdctl ...`, pipes, `>`.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class, no_var_expand

from kubekit.cluster.cluster import current
from kubekit.cluster.errors import KubekitError
from kubekit.terminal.cli.completing import complete
from kubekit.terminal.cli.result import Result
from kubekit.terminal.etcdctl.release import DEFAULT, Release
from kubekit.terminal.etcdctl.tree import tree as etcdctl_tree
from kubekit.terminal.etcdctl.words import VALUES
from kubekit.terminal.etcdutl.tree import tree as etcdutl_tree
from kubekit.terminal.sessions import sessions_of

MINOR = Release(DEFAULT).minor

SHELL_WORDS = (
    "etcdctl",
    "etcdutl",
    "kubectl",
    "timeout",
    "export",
    "echo",
    "cat",
    "ls",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "sed",
    "grep",
    "cd",
    "pwd",
    "sha256sum",
    "sleep",
    r"[A-Za-z_]\w*=",
    "#",
)
"""How a line begins that calls a program by its name."""

PROMPT = re.compile(r"(?m)^\s*[$#] (?=\S)")
"""What people copy along with a command."""


def run(program: str, line: str, body: str | None = None, cluster: Any = None) -> Result:
    """What the magics do: run a line of `program`, with the body as its input; or the body, line by line.

    On the current cluster, if none is given.
    """
    sessions = sessions_of(current() if cluster is None else cluster)
    line = line.strip()
    if line == "env" and not body:
        return Result(0, sessions.prepared(), "")
    if body is not None and not line:
        return sessions.notebook.run(_named(program, body))
    words = line if _starts_with(program, line) else f"{program} {line}"
    body = body or ""
    if "txn" in words.split():
        body += "\n\n"  # a notebook takes the empty lines off a cell's end; a transaction needs its last one
    return sessions.notebook.run(words, body)


def _starts_with(program: str, line: str) -> bool:
    """Whether a line calls a program itself: ``ETCDCTL_API=3 etcdctl get x``."""
    return re.match(rf"(?:[A-Za-z_]\w*=\S*\s+)*(?:{program}|timeout|export)\b", line) is not None


def _named(program: str, body: str) -> str:
    """A body in which lines may leave the program's name out."""
    commands = "|".join(SHELL_WORDS)
    lines = []
    going_on = False
    for raw in PROMPT.sub("", body).splitlines():
        bare = raw.strip()
        named = going_on or not bare or re.match(rf"(?:{commands})", bare) is not None
        lines.append(raw if named else f"{program} {bare}")
        going_on = raw.rstrip().endswith("\\")
    return "\n".join(lines) + "\n"


def ssh(node: str, body: str) -> Result:
    """Run a cell on a node. Raises UnknownName."""
    words = node.split()
    if not words:
        raise KubekitError("%%ssh needs the name of a node, e.g. %%ssh controlplane")
    name = words[0].rpartition("@")[2]
    return sessions_of(current()).node(name).run(PROMPT.sub("", body))


@magics_class
class EtcdMagics(Magics):
    """The magics."""

    def _show(self, result: Result) -> None:
        sys.stdout.write(result.stdout)
        sys.stdout.flush()
        sys.stderr.write(result.stderr)
        sys.stderr.flush()
        if self.shell is not None:
            self.shell.user_ns["_exit_code"] = result.exit

    @no_var_expand
    @line_cell_magic
    def etcdctl(self, line: str, cell: str | None = None) -> None:
        """etcdctl for the current cluster; with %% the cell's body is its standard input."""
        self._guarded(run, "etcdctl", line, cell)

    @no_var_expand
    @line_cell_magic
    def etcdutl(self, line: str, cell: str | None = None) -> None:
        """etcdutl, on the notebook's folder and the control-plane node's files."""
        self._guarded(run, "etcdutl", line, cell)

    @no_var_expand
    @cell_magic
    def ssh(self, line: str, cell: str) -> None:
        """A shell on a node of the current cluster."""
        self._guarded(ssh, line, cell)

    def _guarded(self, action: Any, *args: Any) -> None:
        try:
            self._show(action(*args))
        except KubekitError as error:
            self._show(Result(1, "", f"{error}\n"))


def completions(shell: Any, event: Any) -> list[str]:
    """IPython's question: what may stand in the place of the last word."""
    line = str(event.line)
    for program, tree in (("etcdctl", etcdctl_tree), ("etcdutl", etcdutl_tree)):
        before, called, rest = line.rpartition(program)
        if called and not before.endswith("-"):
            return complete(tree(MINOR), rest.lstrip(), VALUES)
    return []


def register(shell: Any) -> None:
    """Make the magics and the completion known; called again, it changes nothing."""
    if "etcdctl" not in shell.magics_manager.magics["line"]:
        shell.register_magics(EtcdMagics)
        shell.set_hook("complete_command", completions, re_key=r"%{0,2}etcd[cu]tl")
