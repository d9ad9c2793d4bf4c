"""`Kubectl`: from a command line to text and an exit status. The door through which learners reach the
cluster.

>>> Kubectl(handler).run(["get", "pods"])            # doctest: +SKIP
Result(exit=0, stdout='...', stderr='')

It finds the command in the tree, reads its flags, resolves the kubeconfig, makes a `Call`, and turns every
failure into the text and status of the real program. Whatever a learner types, no traceback comes out: a
fault of the kit itself says that it is one.
Source: k8s.io/kubectl/pkg/cmd/cmd.go, component-base/cli.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from kubekit.api.exchange import Handler, Obj, UserInfo
from kubekit.api.status_error import StatusError
from kubekit.sim import Rng
from kubekit.terminal.cli.command import Command, help_text, unknown_command
from kubekit.terminal.cli.errors import CommandError, ManyErrors, Quit, Unreachable, message_of
from kubekit.terminal.cli.files import Files, FolderFiles
from kubekit.terminal.cli.flags import Flag, FlagError, FlagSet, Parsed
from kubekit.terminal.kubectl import kubeconfig
from kubekit.terminal.kubectl.call import Call, NoPump, Pump
from kubekit.terminal.kubectl.connection import Connection
from kubekit.terminal.kubectl.discovery import Discovery
from kubekit.terminal.kubectl.global_flags import GLOBAL_FLAGS
from kubekit.terminal.kubectl.request_log import LOWEST, RequestLog

ADMIN = UserInfo(
    "kubernetes-admin",
    groups=("kubeadm:cluster-admins", "system:authenticated"),
    extra={
        "authentication.kubernetes.io/credential-id": [
            "X509SHA256=" + hashlib.sha256(b"kubekit: the notebook's administrator").hexdigest()
        ]
    },
)
"""The learner: who would hold the administrator's certificate in a kubeconfig."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command line did: exit status and the two streams."""

    exit: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return self.stdout + self.stderr


class Ticking(Protocol):
    """What tells the time."""

    def now(self) -> float:
        """Unix seconds."""
        ...


class _Epoch:
    def now(self) -> float:
        return 0.0


class Kubectl:
    """A kubectl for one cluster. Keeps its kubeconfig and what it discovered between command lines.

    `handler`: the API server (or any connection to one). `user`: who asks, when the handler is in process.
    `clock` and `pump`: the time, and how waiting lets it pass. `files`: where -f looks. `config`: a
    kubeconfig object; `set-context` and the like change it in place.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        user: UserInfo | None = ADMIN,
        clock: Ticking | None = None,
        pump: Pump | None = None,
        files: Files | None = None,
        config: Obj | None = None,
        server: str = "https://127.0.0.1:6443",
        seed: int | None = None,
        connect: Callable[[str, Obj], Handler] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.handler, self.user, self.seed = handler, user, seed
        self.clock: Ticking = clock or _Epoch()
        self.pump: Pump = pump or NoPump()
        self.files: Files = files or FolderFiles()
        self.config = config or kubeconfig.single(server)
        self.config_path = ""
        self.server = server
        self.environment: Mapping[str, str] = environment if environment is not None else {}
        """Variables as the learner's shell has them: KUBE_EDITOR is read."""
        self.chance = Rng(seed or 0).child("kubectl")
        """For the names that the program itself makes up."""
        self.connect = connect
        self.discovery = Discovery()
        self._discoveries: dict[str, Discovery] = {self.server: self.discovery, "": self.discovery}
        self.stdout: list[str] = []
        self.stderr: list[str] = []

    @property
    def root(self) -> Command:
        """The tree of commands."""
        from kubekit.terminal.kubectl.tree import ROOT

        return ROOT

    # -- running ----------------------------------------------------------------------------------------

    def line(self, text: str, stdin: str = "") -> Result:
        """A command line as typed after the word kubectl."""
        try:
            argv = shlex.split(text)
        except ValueError as error:
            return Result(2, "", f"kubectl: {error}\n")
        return self.run(argv, stdin)

    def run(self, argv: list[str], stdin: str = "") -> Result:
        """One command; never raises what a learner caused."""
        self.stdout, self.stderr = [], []
        code = 0
        try:
            self._run(list(argv), stdin)
        except Quit as left:
            code = left.code
        except CommandError as error:
            code = error.code
            self._fail(error)
        except (StatusError, ManyErrors, Unreachable) as error:
            code = 1
            self._fail(error)
        except Exception as error:
            code = 70
            where = f" (seed {self.seed})" if self.seed is not None else ""
            self.stderr.append(
                f"This is a fault of kubekit, not of your command{where}: {type(error).__name__}: {error}\n"
            )
            if _DEBUG:
                raise
        return Result(code, "".join(self.stdout), "".join(self.stderr))

    def _fail(self, error: Exception) -> None:
        text = message_of(error)
        if text:
            self.stderr.append(text if text.endswith("\n") else text + "\n")

    def _run(self, argv: list[str], stdin: str) -> None:
        command, path, rest = self.find(argv)
        flags = FlagSet([*command.flags, *(one for one in GLOBAL_FLAGS if not _has(command, one.name))])
        try:
            parsed = flags.parse(rest, command.interspersed)
        except FlagError as error:
            hint = (
                f"Run '{path}' without flags."
                if command.name == "options"
                else f"See '{path} --help' for usage."
            )
            raise CommandError(f"{error.message}\n{hint}") from None
        if "help" in parsed.given:
            self.stdout.append(help_text(command, path))
            return
        if command.run is None:
            if parsed.args:
                if command is self.root:
                    raise unknown_command(command, path, parsed.args[0])
                words = " ".join(parsed.args)
                raise CommandError(f"unknown command \"{words}\"\nSee '{path} -h' for help and examples")
            where = self.stderr if command.bare == "err" and command is not self.root else self.stdout
            where.append(help_text(command, path))
            if command is self.root or command.bare == "ok":
                return
            raise Quit(1)
        command.run(self._call(command, path, parsed, stdin))

    def find(self, argv: list[str]) -> tuple[Command, str, list[str]]:
        """The command that the words name, its full name, and the remaining words (flags included)."""
        command, path = self.root, "kubectl"
        rest = list(argv)
        index = 0
        while index < len(rest) and command.commands:
            word = rest[index]
            if word == "--":
                break
            if word.startswith("-"):
                index += 2 if _takes_next(command, word) else 1
                continue
            child = command.child(word)
            if child is None:
                break
            command, path = child, f"{path} {child.name}"
            del rest[index]
        return command, path, rest

    # -- the world of one command -----------------------------------------------------------------------

    def _call(self, command: Command, path: str, parsed: Parsed, stdin: str) -> Call:
        values = parsed.values
        config = self.config_for(values)
        if command.name in _NEED_NO_SERVER or path.startswith("kubectl config"):
            chosen = kubeconfig.Chosen("", values.get("namespace") or "default", "", "")
        else:
            if values.get("kubeconfig") and not self.files.exists(values["kubeconfig"]):
                raise CommandError(f"stat {values['kubeconfig']}: no such file or directory")
            chosen = kubeconfig.choose(config, values)
        handler = self._handler(chosen, config)
        token = values.get("token") or _kept_token(config, chosen.user)
        connection = Connection(
            handler,
            user=None if token else self.user,
            server=chosen.server.removeprefix("https://").removeprefix("http://"),
            impersonate={
                **({"authorization": f"Bearer {token}"} if token else {}),
                **_impersonation(values, chosen.user),
            },
            warn=lambda text: self.stderr.append(f"Warning: {text}\n"),
            log=self._request_log(values, chosen.server),
        )
        self.discovery = self._discoveries.setdefault(chosen.server, Discovery())
        self.discovery.start(connection)
        self.discovery.complain = lambda _: self.stderr.append(self._log_line(chosen.server))
        return Call(self, command, path, parsed, connection, namespace=chosen.namespace, stdin=stdin)

    def _request_log(self, values: dict[str, Any], server: str) -> RequestLog | None:
        level = int(values.get("v") or 0)
        if level < LOWEST:
            return None
        return RequestLog(level, server, self.stderr.append, self.clock.now)

    def _log_line(self, server: str) -> str:
        """The line of the log about a server that refuses connections."""
        at = datetime.fromtimestamp(self.clock.now(), UTC)
        url = server if "://" in server else f"http://{server}"
        place = url.partition("://")[2].rstrip("/")
        place = place.replace("localhost", "127.0.0.1")
        text = f'Get \\"{url}/api?timeout=32s\\": dial tcp {place}: connect: connection refused'
        return (
            f'E{at:%m%d %H:%M:%S.%f}       1 memcache.go:265] "Unhandled Error"'
            f' err="couldn\'t get current server API group list: {text}"\n'
        )

    def _handler(self, chosen: kubeconfig.Chosen, config: Obj) -> Handler:
        if config is self.config or chosen.server == self.server:
            return self.handler
        if self.connect is not None:
            return self.connect(chosen.server, config)
        return _refuse

    def config_for(self, values: dict[str, Any]) -> Obj:
        """The kubeconfig that --kubeconfig names, or the notebook's own."""
        path = values.get("kubeconfig")
        if not path:
            return self.config
        return kubeconfig.load(self.files, path) or kubeconfig.empty()


_DEBUG = False
_NEED_NO_SERVER = {"options", "help", "config"}


def _kept_token(config: Obj, user: str) -> str:
    """The token of a user of the kubeconfig."""
    return str((kubeconfig.entry(config, "users", user) or {}).get("token") or "") if user else ""


def _takes_next(command: Command, word: str) -> bool:
    """Whether the next word is this flag's value. One that nobody knows is taken for one that has a value."""
    if "=" in word or (not word.startswith("--") and len(word) != 2):
        return False
    for flag in (*command.flags, *GLOBAL_FLAGS):
        if word in (f"--{flag.name}", f"-{flag.short}"):
            return flag.kind != "bool" and flag.bare is None
    return word not in ("--help", "-h")


def _has(command: Command, name: str) -> bool:
    return any(flag.name == name for flag in command.flags)


def _refuse(request: Any) -> Any:
    raise ConnectionRefusedError("connection refused")


def _impersonation(values: dict[str, Any], user: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    if not values.get("as") and any(values.get(key) for key in ("as-uid", "as-group", "as-user-extra")):
        raise CommandError(f"requesting uid, groups or user-extra for {user} without impersonating a user")
    if values.get("as"):
        headers["impersonate-user"] = values["as"]
    if values.get("as-uid"):
        headers["impersonate-uid"] = values["as-uid"]
    if values.get("as-group"):
        headers["impersonate-group"] = "\n".join(values["as-group"])
    for pair in values.get("as-user-extra") or []:
        key, _, value = pair.partition("=")
        headers[f"impersonate-extra-{key.lower()}"] = value
    return headers


__all__ = ["ADMIN", "Flag", "Kubectl", "Result"]
