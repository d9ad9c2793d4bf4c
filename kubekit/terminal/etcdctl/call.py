"""Call: one command line under way - its flags, its input and output, its connection, its printer.

The program makes one and hands it to the command's function. Commands print with `out` and `err`, fail by
raising `Exit`, and get a `Client` from `client()`, which reads ETCDCTL_* variables, opens certificate files
and signs on in the original's order: a wrong argument is told before a wrong certificate.
Source: etcdctl/ctlv3/command/global.go, pkg/flags/flag.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kubekit.api.duration import parse_go_duration
from kubekit.sim import rfc3339, rfc3339_micro
from kubekit.terminal.cli.cobra import Found, inherited_flags
from kubekit.terminal.cli.flags import FlagError, FlagSet, Parsed
from kubekit.terminal.etcdctl import tls
from kubekit.terminal.etcdctl.client import Client, Config, Waiting
from kubekit.terminal.etcdctl.exits import BAD_FEATURE, ERROR, Exit, Interrupted, bad_args
from kubekit.terminal.etcdctl.printer import Printer, printer_of
from kubekit.terminal.etcdctl.release import Release

if TYPE_CHECKING:
    from kubekit.terminal.etcdctl.program import Etcdctl

PREFIX = "ETCDCTL_"
CALLERS = {
    "unrecognized environment variable": ("", "flags/flag.go:94"),
    "retrying of unary invoker failed": ("etcd-client", "v3@v3.6.13/retry_interceptor.go:65"),
    "created temporary db file": ("", "snapshot/v3_snapshot.go:83"),
    "opened snapshot stream; downloading": ("client", "v3@v3.6.13/maintenance.go:302"),
    "fetching snapshot": ("", "snapshot/v3_snapshot.go:96"),
    "completed snapshot read; closing": ("client", "v3@v3.6.13/maintenance.go:315"),
    "fetched snapshot": ("", "snapshot/v3_snapshot.go:111"),
    "saved": ("", "snapshot/v3_snapshot.go:121"),
    "restoring snapshot": ("", "snapshot/v3_snapshot.go:265"),
    "restored snapshot": ("", "snapshot/v3_snapshot.go:293"),
    "added member": ("", "membership/cluster.go:424"),
    "Trimming membership information from the backend...": ("", "membership/store.go:137"),
}
"""Which logger and which line of the original writes a message of the log."""


class Call:
    """One command line in progress."""

    def __init__(
        self,
        program: Etcdctl,
        found: Found,
        parsed: Parsed,
        argv: list[str],
        stdin: str,
        env: Mapping[str, str],
    ) -> None:
        self.program, self.found, self.argv, self.env = program, found, argv, env
        self.values, self.given, self.args = parsed.values, parsed.given, parsed.args
        self.stdin = Input(stdin)
        self.stdout, self.stderr = program.stdout, program.stderr
        self.printer: Printer | None = None
        self._configured = False

    @property
    def release(self) -> Release:
        """Which etcdctl it is."""
        return self.program.release

    # -- output -----------------------------------------------------------------------------------------

    def out(self, text: str = "", end: str = "\n") -> None:
        """Print to stdout."""
        self.stdout.append(text + end)

    def err(self, text: str = "", end: str = "\n") -> None:
        """Print to stderr."""
        self.stderr.append(text + end)

    def log(self, level: str, message: str, **fields: Any) -> None:
        """A line of the log: JSON on stderr, as zap writes it."""
        logger, caller = CALLERS.get(message, ("", ""))
        entry: dict[str, Any] = {"level": level, "ts": rfc3339_micro(self.program.now())}
        if logger:
            entry["logger"] = logger
        if caller:
            entry["caller"] = caller
        entry["msg"] = message
        entry |= {name.replace("_", "-"): value for name, value in fields.items()}
        self.err(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))

    def notice(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A line of the log of what works on files: for people, except in 3.4."""
        if self.release.minor == 4:
            self.log(level, message, **fields)
            return
        at = rfc3339(self.program.now())
        shown = f"\t{json.dumps(dict(fields), ensure_ascii=False)}" if fields else ""
        self.err(
            f"{at}\t{level}\t{CALLERS.get(message, ('', 'snapshot/v3_snapshot.go'))[1]}\t{message}{shown}"
        )

    @property
    def display(self) -> Printer:
        """The printer of --write-out; there once `client` was asked for."""
        if self.printer is None:
            self.printer = printer_of(self)
        return self.printer

    def print(self, kind: str, message: Any, **about: Any) -> None:
        """Print a response; `kind` is the printer's name for it."""
        self.display.show(kind, message, about)

    # -- flags ------------------------------------------------------------------------------------------

    def flag(self, name: str) -> Any:
        """A flag's value."""
        return self.values[name]

    @property
    def timeout(self) -> float:
        """Seconds of --command-timeout."""
        return float(self.values["command-timeout"])

    @property
    def endpoints(self) -> list[str]:
        """The endpoints of the flag or the environment."""
        return [endpoint.strip() for endpoint in self.values["endpoints"]]

    # -- the connection ---------------------------------------------------------------------------------

    def configure(self) -> None:
        """Take in the environment and check what it and the flags say together."""
        if self._configured:
            return
        self._configured = True
        self._environment()
        for name in ("cert", "key", "cacert"):
            if name in self.given and not self.values[name]:
                raise bad_args(f"empty string is passed to --{name} option")
        self.credentials()
        self.printer = printer_of(self)

    def _environment(self) -> None:
        flags = {flag.name: flag for flag in inherited_flags(self.found.path)}
        known = {PREFIX + name.upper().replace("-", "_"): name for name in flags}
        used: set[str] = set()
        for variable, name in sorted(known.items()):
            if self.env.get(variable) and name not in self.given:
                used.add(variable)
                try:
                    parsed = FlagSet([flags[name]]).parse([f"--{name}={self.env[variable]}"])
                except FlagError:
                    continue
                self.values[name] = parsed.values[name]
                self.given.add(name)
        for variable, value in self.env.items():
            if variable in used:
                continue
            if variable in known and known[variable] in self.given:
                self._shadowed(variable)
            silent = variable in _HANDLED_BEFORE.get(self.release.minor, ()) or (
                self.found.command.name == "watch" and variable in _WATCH_VARIABLES
            )
            if variable.startswith(PREFIX) and not silent and not (variable in known and not value):
                self._unrecognized(f"{variable}={value}")

    def _shadowed(self, variable: str) -> None:
        text = (
            "conflicting environment variable is shadowed by corresponding command-line flag"
            " (either unset environment variable or disable flag))"
        )
        if self.release.minor == 4:
            self.err(
                f'{self._old_time()} C | pkg/flags: conflicting environment variable "{variable}" is shadowed'
                " by corresponding command-line flag (either unset environment variable or disable flag)"
            )
        else:
            self.log("fatal", text, environment_variable=variable)
        raise Exit(ERROR)

    def _unrecognized(self, pair: str) -> None:
        if self.release.minor == 4:
            self.err(f"{self._old_time()} W | pkg/flags: unrecognized environment variable {pair}")
        else:
            self.log("warn", "unrecognized environment variable", environment_variable=pair)

    def _old_time(self) -> str:
        return rfc3339_micro(self.program.now()).rstrip("Z").replace("T", " ")

    def credentials(self) -> tuple[str, str]:
        """User and password of --user and --password; empty without."""
        user, password = str(self.values["user"]), str(self.values["password"])
        if not user:
            return "", ""
        if password:
            return user, password
        name, colon, secret = user.partition(":")
        if colon:
            return name, secret
        return user, self.password("Password: ")

    def password(self, prompt: str) -> str:
        """Ask for a password: a line of the input, as if it had been typed blindly."""
        self.out(prompt)
        line = self.stdin.line()
        if line is None:
            raise Exit(ERROR, "EOF")
        return line.rstrip("\r\n")

    def config(self, endpoints: list[str] | None = None) -> Config:
        """What the flags say about the connection. Raises Exit for files that are missing or wrong."""
        self.configure()
        values = self.values
        user, password = self.credentials() if ":" in values["user"] or values["password"] else ("", "")
        loaded = tls.load(
            values["cert"],
            values["key"],
            values["cacert"],
            values["insecure-skip-tls-verify"],
            values["insecure-transport"],
            self.program.files.read,
        )
        return Config(
            tuple(endpoints if endpoints is not None else self.endpoints),
            self.timeout,
            float(values["dial-timeout"]),
            loaded,
            user,
            password,
        )

    def client(self, endpoints: list[str] | None = None) -> Client:
        """A connection to the endpoints (default: those of the flags)."""
        return Client(self.config(endpoints), self.program.doors, self.waiting, self.log)

    @property
    def waiting(self) -> Waiting:
        """How time passes."""
        return self.program.waiting

    def block(self, pending: Callable[[], bool] = lambda: False) -> None:
        """Wait as the real program does: until `pending()` holds, or until it is interrupted."""
        if not self.program.block(pending):
            raise Interrupted

    def seconds(self, text: str) -> float:
        """Seconds of a Go duration."""
        return parse_go_duration(text)


_HANDLED_BEFORE = {4: ("ETCDCTL_API",), 5: ("ETCDCTL_API",)}
"""Variables that main() takes out of the environment before flags are looked at."""

_WATCH_VARIABLES = ("ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END")


class Input:
    """Standard input, a line at a time."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def line(self) -> str | None:
        """The next line with its newline; None at the end. A last line may lack its newline."""
        if self._at >= len(self._text):
            return None
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end + 1
        line, self._at = self._text[self._at : end], end
        return line

    def rest(self) -> str:
        """Everything that is left."""
        rest, self._at = self._text[self._at :], len(self._text)
        return rest


def need(call: Call, condition: bool, text: str) -> None:
    """Refuse a wrong number of arguments."""
    if not condition:
        raise bad_args(text)


__all__ = ["BAD_FEATURE", "Call", "Input", "need"]
