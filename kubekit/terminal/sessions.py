"""Sessions: the shells of a cluster - one in the notebook, one on each node.

    sessions_of(cluster).notebook.run("etcdctl get --prefix / --keys-only | head")
    sessions_of(cluster).node("controlplane").run("ls /etc/kubernetes/manifests")

The notebook's shell stands on the learner's folder and reaches etcd without being told how; on a node nothing
is prepared, as on a real one. Variables that are exported, and the working directory, stay from one cell to
the next.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kubekit.api.duration import parse_go_duration
from kubekit.cluster.errors import UnknownName
from kubekit.kubelet.curl import curl_of
from kubekit.sim import Loop
from kubekit.terminal.cli.result import Result
from kubekit.terminal.doorways import Doorways
from kubekit.terminal.etcdctl import Etcdctl
from kubekit.terminal.etcdctl.program import PATIENCE
from kubekit.terminal.etcdutl import Etcdutl
from kubekit.terminal.node_shell import Program, Run, Shell
from kubekit.terminal.node_shell.working_directory import TextFiles
from kubekit.terminal.notebook import LoopPump, kubectl_of
from kubekit.terminal.notebook_files import NotebookFiles
from kubekit.terminal.web import WebOf

WHERE = ("--endpoints", "--discovery-srv", "-d")
WITH = ("--cacert", "--cert", "--key", "--insecure-transport")
"""Flags that say where etcd is, and with which files. What a line says itself is not filled in for it."""

WAITED = "^C  (nothing more happens; `timeout 5m {} ...` waits for five minutes of the cluster's time)"
TIMED_OUT = 124


class Session:
    """The programs of one shell. `prepared`: ETCDCTL_* variables for lines without any of their own."""

    def __init__(
        self, cluster: Any, files: Any, prepared: Mapping[str, str] | None = None, host: str = ""
    ) -> None:
        self.cluster, self.files = cluster, files
        self.loop: Loop = cluster.loop
        self.prepared = dict(prepared or {})
        self.seconds: float | None = None
        """What `timeout` allows."""
        clock = self.loop.clock.now
        pump = LoopPump(self.loop)
        self.doors = Doorways(cluster, host)
        self.etcdctl = Etcdctl(self.doors, files=files, now=clock, pump=pump, execute=self._execute)
        self.etcdutl = Etcdutl(files=files, now=clock, pump=pump)
        self.shell: Shell | None = None

    def programs(self) -> dict[str, Program]:
        """What the shell runs besides its own."""
        return {
            "etcdctl": self._etcdctl,
            "etcdutl": self._etcdutl,
            "kubectl": self._kubectl,
            "curl": curl_of(WebOf(self.cluster, self.doors.host)),
            "timeout": self._timeout,
            "sleep": self._sleep,
            "date": self._date,
        }

    # -- programs ---------------------------------------------------------------------------------------

    def _etcdctl(self, run: Run) -> int:
        env = {name: value for name, value in run.env.items() if name != "?"}
        if not any(name in env for name in self.prepared):
            env |= self._filled_in(run.args)
        self.etcdctl.files = run.here
        with self._waiting():
            result = self.etcdctl.run(run.args, _text(run.stdin), env, patience=self.seconds)
        return self._deliver(run, result)

    def _filled_in(self, words: list[str]) -> dict[str, str]:
        """The prepared variables for whose flags a line has nothing of its own."""
        said = {word.partition("=")[0] for word in words}
        where, others = said.intersection(WHERE), said.intersection(WITH)
        return {
            name: value
            for name, value in self.prepared.items()
            if not (where if name == "ETCDCTL_ENDPOINTS" else others)
        }

    def _etcdutl(self, run: Run) -> int:
        self.etcdutl.files = run.here
        return self._deliver(run, self.etcdutl.run(run.args, _text(run.stdin), dict(run.env)))

    def _waiting(self) -> Any:
        return self.etcdctl.quietly(self.seconds is None)

    def _deliver(self, run: Run, result: Result) -> int:
        run.out(result.stdout, end="")
        run.err(result.stderr, end="")
        if result.ended and self.seconds is None:
            run.err(WAITED.format(run.name))
        return TIMED_OUT if result.ended and self.seconds is not None else result.exit

    def _kubectl(self, run: Run) -> int:
        program = kubectl_of(self.cluster)
        before = program.files, program.environment
        program.files, program.environment = TextFiles(run.here), run.env
        try:
            result = program.run(run.args, _text(run.stdin))
        finally:
            program.files, program.environment = before
        run.out(result.stdout, end="")
        run.err(result.stderr, end="")
        return result.exit

    def _timeout(self, run: Run) -> int:
        """`timeout 30s CMD`: so much of the cluster's time."""
        words = run.args
        if len(words) < 2:
            run.err("timeout: missing operand\nTry 'timeout --help' for more information.")
            return 125
        try:
            seconds = _seconds(words[0])
        except ValueError:
            run.err(f"timeout: invalid time interval ‘{words[0]}’")
            return 125
        before, self.seconds = self.seconds, seconds
        inner = Run(run.shell, words[1:], run.env, run.stdin, run.stdout, run.stderr)
        try:
            return run.shell.call(inner)
        finally:
            self.seconds = before

    def _sleep(self, run: Run) -> int:
        """`sleep 5`: the cluster's time passes."""
        try:
            self.loop.advance(sum(_seconds(word) for word in run.args))
        except ValueError:
            return run.fail(f"invalid time interval ‘{run.args[0]}’")
        return 0

    def _date(self, run: Run) -> int:
        """`date`, with a format."""
        at = datetime.fromtimestamp(self.loop.clock.now(), UTC)
        form = run.args[0][1:] if run.args and run.args[0].startswith("+") else "%a %b %e %H:%M:%S UTC %Y"
        run.out(at.strftime(form))
        return 0

    def _execute(self, argv: list[str], env: Mapping[str, str]) -> tuple[int, str, str]:
        """A command behind `watch --` or `lock`: runs in this shell."""
        shell = self.shell
        assert shell is not None
        inner = Run(shell, list(argv), dict(env))
        code = shell.call(inner)
        return code, inner.stdout.decode(errors="replace"), inner.stderr.decode(errors="replace")


class Sessions:
    """The shells of one cluster."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self._nodes: dict[str, Shell] = {}
        self._notebook: Shell | None = None
        self._outside: dict[str, str] = {}
        """Variables that the notebook's shell has from the process; what was exported in it stays."""

    @property
    def notebook(self) -> Shell:
        """The notebook's own."""
        if self._notebook is None:
            first = next(iter(self.cluster.nodes.values()))
            prepared = Doorways(self.cluster).environment
            session = Session(self.cluster, NotebookFiles(first.files), prepared)
            env = {"ENDPOINT": prepared["ETCDCTL_ENDPOINTS"]}
            self._notebook = self._shell(session, env, cwd="")
        # What %env set since the last cell is known too.
        env = self._notebook.env
        for name, value in os.environ.items():
            if name.startswith("ETCDCTL_") or env.get(name) == self._outside.get(name):
                env[name] = self._outside[name] = value
        return self._notebook

    def node(self, name: str) -> Shell:
        """The shell of a node, or of a host of etcd. Raises UnknownName."""
        if name not in self._nodes:
            hosts = self.cluster.etcd_hosts
            if name not in hosts and name not in self.cluster.nodes:
                raise UnknownName(f"there is no machine {name!r}; there are {', '.join(self._machines())}")
            node = hosts[name] if name in hosts else self.cluster.node(name)
            session = Session(self.cluster, node.files, host=name)
            env = {"HOSTNAME": name, "USER": "root", "PWD": "/root"}
            self._nodes[name] = self._shell(session, env, cwd="/root")
        return self._nodes[name]

    def _machines(self) -> list[str]:
        return [*self.cluster.nodes, *self.cluster.etcd_hosts]

    def _shell(self, session: Session, env: dict[str, str], cwd: str) -> Shell:
        clock: Callable[[], float] = session.loop.clock.now
        session.shell = Shell(session.files, session.programs(), env, cwd, clock)
        return session.shell

    def prepared(self) -> str:
        """The lines that say how the notebook's etcdctl reaches etcd."""
        found = {"ENDPOINT": self.notebook.env.get("ENDPOINT", ""), **Doorways(self.cluster).environment}
        return "".join(f"{name}={value}\n" for name, value in found.items())


_known: weakref.WeakKeyDictionary[Any, Sessions] = weakref.WeakKeyDictionary()


def sessions_of(cluster: Any) -> Sessions:
    """The shells of a `kubekit.Cluster` (made at the first call)."""
    found = _known.get(cluster)
    if found is None:
        found = _known[cluster] = Sessions(cluster)
    return found


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _seconds(text: str) -> float:
    """Seconds of ``5``, ``5s``, ``2m``. Raises ValueError."""
    return float(text) if text.replace(".", "", 1).isdigit() else parse_go_duration(text)


__all__ = ["PATIENCE", "Session", "Sessions", "sessions_of"]
