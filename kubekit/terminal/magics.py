"""`%kubectl` and `%%kubectl` for IPython and Jupyter, with Tab completion.

    %kubectl get pods -A            one command line
    %%kubectl apply -f -            the cell's body is its standard input
    %%kubectl                       a command line a line of the body

They talk to the current cluster (`kubekit.current()`), or to what `use(program)` chose - a connection to
another server, say. Loaded by `import kubekit` inside IPython, or with `%load_ext kubekit.terminal.magics`.
Curly braces and dollar signs are left alone: they belong to jsonpath.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from kubekit.cluster.cluster import current
from kubekit.terminal.etcd_magics import register
from kubekit.terminal.kubectl.completion import complete
from kubekit.terminal.kubectl.program import Kubectl, Result
from kubekit.terminal.notebook import kubectl_of

_READS_STDIN = {"apply", "create", "replace", "delete", "diff"}
_chosen: list[Kubectl] = []


def use(program: Kubectl | None) -> None:
    """Make the magics talk to this program; None: to the current cluster's again."""
    _chosen[:] = [program] if program is not None else []


def program() -> Kubectl:
    """The program behind the magics; raises KubekitError when there is no cluster yet."""
    return _chosen[-1] if _chosen else kubectl_of(current())


def command_lines(body: str) -> list[str]:
    """The commands of a cell: one a line, `\\\\` at its end goes on, comments and prompts are dropped."""
    found: list[str] = []
    pending = ""
    for raw in body.splitlines():
        line = pending + raw.strip()
        pending = ""
        if line.endswith("\\"):
            pending = line[:-1].rstrip() + " "
            continue
        line = line.removeprefix("$").strip()
        line = line.removeprefix("kubectl ").strip() if line != "kubectl" else ""
        if line and not line.startswith("#"):
            found.append(line)
    return found


def run(line: str, body: str | None = None) -> list[Result]:
    """What the magic does: run the line (with the body as its input), or each line of the body."""
    tool = program()
    line = line.strip()
    if body is None:
        return [tool.line(line)]
    if not line:
        return [tool.line(one) for one in command_lines(body)]
    words = line.split()
    if (
        words[0] in _READS_STDIN
        and not {"-f", "--filename"} & {word.partition("=")[0] for word in words}
        and "-" not in words
    ):
        line += " -f -"
    return [tool.line(line, body)]


def _shown(text: str) -> str:
    """A text that every notebook can show: bytes of a container that are no text become question marks."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


@magics_class
class KubectlMagics(Magics):
    """The magics."""

    @no_var_expand
    @line_cell_magic
    def kubectl(self, line: str, cell: str | None = None) -> None:
        """kubectl for the current cluster; with %% the cell's body is its standard input."""
        for result in run(line, cell):
            sys.stdout.write(_shown(result.stdout))
            sys.stdout.flush()
            sys.stderr.write(_shown(result.stderr))
            sys.stderr.flush()
            if self.shell is not None:
                self.shell.user_ns["_exit_code"] = result.exit


def completions(shell: Any, event: Any) -> list[str]:
    """IPython's question: what may stand in the place of the last word."""
    _, _, rest = str(event.line).partition("kubectl")
    with contextlib.suppress(Exception):
        return complete(program(), rest.lstrip() if rest.strip() else "")
    return []


def load_ipython_extension(shell: Any) -> None:
    """Registers the magics and the completion; called again, it changes nothing."""
    register(shell)
    if "kubectl" in shell.magics_manager.magics["line"]:
        return
    shell.register_magics(KubectlMagics)
    shell.set_hook("complete_command", completions, re_key=r"%{0,2}kubectl")
