"""Printers: how --write-out shows a response. One class a format; `show` picks the method for a response.

A kind is what was asked: ``get``, ``lease_grant``, ``member_list``. Messages are those of etcd's API; what
the request knew besides (a name, an id) comes in `about`. A format that cannot show a kind says so and ends
the program, as the original does.
Source: etcdctl/ctlv3/command/printer.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from kubekit.etcd.messages import ENUMS, Message
from kubekit.terminal.etcdctl.exits import BAD_FEATURE, Exit
from kubekit.terminal.etcdctl.release import Release

if TYPE_CHECKING:
    from kubekit.terminal.etcdctl.call import Call

About = dict[str, Any]
Rows = list[list[str]]


class Output(Protocol):
    """Where a printer writes."""

    @property
    def release(self) -> Release:
        """Which program prints."""
        ...

    def out(self, text: str = "", end: str = "\n") -> None:
        """To stdout."""
        ...

    def err(self, text: str = "", end: str = "\n") -> None:
        """To stderr."""
        ...


class Printer:
    """One format. `hex`: byte strings as ``\\x66``."""

    format = ""

    def __init__(self, output: Output, hex: bool = False) -> None:
        self.output, self.hex = output, hex
        self.value_only = False

    @property
    def release(self) -> Release:
        """Which program prints."""
        return self.output.release

    def out(self, text: str = "", end: str = "\n") -> None:
        """Print to stdout."""
        self.output.out(text, end)

    def show(self, kind: str, message: Any, about: About) -> None:
        """Print a response. Raises Exit for a kind that this format does not have."""
        method: Callable[[Any, About], None] | None = getattr(self, kind, None)
        if method is None:
            self.unsupported(kind, message, about)
        else:
            method(message, about)

    def unsupported(self, kind: str, message: Any, about: About) -> None:
        """What happens to a kind without a method of its own."""
        raise Exit(BAD_FEATURE, f"{self.format} not supported as output format")


def printer_of(call: Call) -> Printer:
    """The printer that --write-out names. Raises Exit(4) for a format that does not exist."""
    from kubekit.terminal.etcdctl.printer_fields import FieldsPrinter
    from kubekit.terminal.etcdctl.printer_json import JSONPrinter, ProtobufPrinter
    from kubekit.terminal.etcdctl.printer_simple import SimplePrinter
    from kubekit.terminal.etcdctl.printer_table import TablePrinter

    formats = {
        one.format: one for one in (SimplePrinter, FieldsPrinter, JSONPrinter, ProtobufPrinter, TablePrinter)
    }
    made = formats.get(call.values["write-out"])
    if made is None:
        raise Exit(BAD_FEATURE, "unsupported output format")
    return made(call, call.values.get("hex", False))


# -- rows that simple and table share ---------------------------------------------------------------------


def human_bytes(size: int) -> str:
    """A size in powers of 1000: ``20 kB``, ``2.1 GB``.

    >>> human_bytes(20480), human_bytes(2147483648), human_bytes(9)
    ('20 kB', '2.1 GB', '9 B')
    """
    if size < 10:
        return f"{size} B"
    power, value = 0, float(size)
    while value >= 1000 and power < 6:
        value /= 1000
        power += 1
    value = int(value * 10 + 0.5) / 10
    return f"{value:.1f} {_UNITS[power]}" if value < 10 else f"{value:.0f} {_UNITS[power]}"


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def go_bool(value: Any) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def alarm_text(alarm: Message) -> str:
    """An alarm as Go prints the message."""
    text = ""
    if alarm.get("memberID"):
        text += f"memberID:{alarm['memberID']} "
    if alarm.get("alarm"):
        text += f"alarm:{ENUMS['AlarmType'][alarm['alarm']]} "
    return text


def member_rows(message: Message) -> tuple[list[str], Rows]:
    """The table of members."""
    head = ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"]
    rows = []
    for member in message.get("members", []):
        name = member.get("name", "")
        urls = [",".join(member.get(which, [])) for which in ("peerURLs", "clientURLs")]
        state = "started" if name else "unstarted"
        rows.append([f"{member.get('ID', 0):x}", state, name, *urls, go_bool(member.get("isLearner"))])
    return head, rows


def health_rows(found: list[Message]) -> tuple[list[str], Rows]:
    """The table of endpoints' health."""
    rows = [[one["endpoint"], go_bool(one["health"]), one["took"], one.get("error", "")] for one in found]
    return ["endpoint", "health", "took", "error"], rows


def status_rows(found: list[tuple[str, Message]], release: Release) -> tuple[list[str], Rows]:
    """The table of endpoints' status: (endpoint, StatusResponse)."""
    new = release.minor >= 6
    head = ["endpoint", "ID", "version"] + (["storage version"] if new else []) + ["db size"]
    head += ["in use", "percentage not in use", "quota"] if new else []
    head += ["is leader", "is learner", "raft term", "raft index", "raft applied index", "errors"]
    head += ["downgrade target version", "downgrade enabled"] if new else []
    rows = []
    for endpoint, status in found:
        member = status.get("header", {}).get("member_id", 0)
        size, used = status.get("dbSize", 0), status.get("dbSizeInUse", 0)
        row = [endpoint, f"{member:x}", status.get("version", "")]
        row += [status.get("storageVersion", "")] if new else []
        row += [human_bytes(size)]
        if new:
            free = 100 - (used * 100 // size if size else 0)
            row += [human_bytes(used), f"{free}%", human_bytes(status.get("dbSizeQuota", 0))]
        row += [go_bool(status.get("leader", 0) == member), go_bool(status.get("isLearner"))]
        row += [str(status.get(name, 0)) for name in ("raftTerm", "raftIndex", "raftAppliedIndex")]
        row += [", ".join(status.get("errors", []))]
        if new:
            info = status.get("downgradeInfo", {})
            row += [info.get("targetVersion", ""), go_bool(info.get("enabled"))]
        rows.append(row)
    return head, rows


def hash_rows(found: list[tuple[str, Message]], release: Release) -> tuple[list[str], Rows]:
    """The table of endpoints' hashes: (endpoint, HashKVResponse)."""
    if release.minor < 6:
        return ["endpoint", "hash"], [[endpoint, str(one.get("hash", 0))] for endpoint, one in found]
    rows = [[endpoint, str(one.get("hash", 0)), str(one.get("hash_revision", 0))] for endpoint, one in found]
    return ["endpoint", "hash", "hash_revision"], rows


def snapshot_rows(status: Message, versioned: bool) -> tuple[list[str], Rows]:
    """The table of one snapshot file: {hash, revision, totalKey, totalSize, version}."""
    head = ["hash", "revision", "total keys", "total size"]
    size = human_bytes(status["totalSize"])
    row = [f"{status['hash']:x}", str(status["revision"]), str(status["totalKey"]), size]
    if versioned:
        return [*head, "version"], [[*row, status["version"]]]
    return head, [row]
