"""etcd transcripts: what etcdctl and etcdutl of 3.4.23, 3.5.1 and 3.6.13 printed, command by command.

A unit is one command with an expectation. Each (version, group) has a fresh member and a fresh working
folder; all commands run in order, those without expectation only to bring the member to its state. Compared
are the exit status, stdout (without what cannot be equal: durations, sizes, indexes of the log, ids of
leases), the last `Error:` line of stderr, and which files a restore left behind.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubekit.etcd.disk import FolderDisk
from kubekit.sim import Loop
from kubekit.terminal.cli.result import Result
from kubekit.terminal.etcdctl.program import Etcdctl
from kubekit.terminal.etcdutl.program import Etcdutl
from kubekit.terminal.notebook import LoopPump
from tests.conformance.etcd_server import ADDRESS, Certificates, RecordedServer
from tests.conformance.outcome import Outcome, read_jsonl

Obj = dict[str, Any]
Group = tuple[str, str]

BETWEEN = 0.02
"""Seconds that pass between two commands: whoever looks at a lease sees that its time runs."""

PATIENCE = 5.0


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay etcdctl.jsonl; `category`: a group (``kv``), a version (``3.4.23``), or ``kv@3.4.23``."""
    outcome = Outcome()
    rows = read_jsonl(folder, "etcdctl.jsonl")
    for (version, group), steps in itertools.groupby(rows, lambda row: (row["version"], row["group"])):
        if category in (None, "transcripts", version, group, f"{group}@{version}"):
            with tempfile.TemporaryDirectory() as place:
                _replay(outcome, version, group, list(steps), Path(place))
    return outcome


def _replay(outcome: Outcome, version: str, group: str, steps: list[Obj], place: Path) -> None:
    world = World(version, group, place)
    for row in steps:
        if not row.get("argv"):
            world.prepare(row)
            continue
        result = world.run(row)
        if row.get("setup"):
            continue
        wrong = world.compare(row, result)
        words = " ".join([row["prog"], *row["argv"]])
        outcome.count(not wrong, f"{version} {group} {row['step']} {words}", wrong)


class World:
    """One member, one folder, and the programs of one version."""

    def __init__(self, version: str, group: str, place: Path) -> None:
        self.version, self.place = version, place
        self.loop = Loop()
        self.certificates = Certificates(place / "certs") if group == "snapshot-tls" else None
        self.server = RecordedServer(self.loop, version, self.certificates)
        self.disk = FolderDisk(place)
        pump = LoopPump(self.loop)
        options: Obj = {"version": version, "files": self.disk, "now": self.loop.clock.now, "pump": pump}
        self.etcdctl = Etcdctl(self._door, execute=execute, patience=PATIENCE, **options)
        self.etcdutl = Etcdutl(**options)
        self._cleared = False
        self.leases: dict[str, str] = {}
        """Ids of leases: ours by the recorded one, both in hexadecimal."""
        for command in SEEDS.get(group, ()):
            self.etcdctl.run(command.split(), env=ENV)

    def _door(self, address: str) -> Any:
        host, _, port = address.rpartition(":")
        return self.server if host in ("127.0.0.1", "localhost") and port == ADDRESS[1] else None

    # -- doing ------------------------------------------------------------------------------------------

    def prepare(self, row: Obj) -> None:
        """What a note says: the alarm group's member has a small quota and is full."""
        if "quota" in row.get("note", ""):
            self.server.limit(1_000_000)
            for number in range(row["puts_ok"] + 1):
                self.etcdctl.run(["put", f"big{number}", "x" * 90_000], env=ENV)

    def run(self, row: Obj) -> Result:
        """One command."""
        note = row.get("note", "")
        if found := re.match(r"([\d.]+) s after", note):
            self.loop.advance(float(found[1]))
        if found := re.search(r"data dir restored as (\w+)", note):
            self.server.reopen(self.disk, found[1])
        self._damage(row["argv"])
        if row["prog"] == "etcdutl" and "restore" in row["argv"]:
            self._clear()
        argv = [self._here(word) for word in row["argv"]]
        env = {name: self._here(value) for name, value in row.get("env", {}).items()}
        program = self.etcdutl if row["prog"] == "etcdutl" else self.etcdctl
        during = None
        if row.get("ended_by"):
            during = lambda: self._meanwhile(row.get("during", []))  # noqa: E731
        result = program.run(argv, row.get("stdin", ""), env, during)
        if "binds_lease" in row and (found := re.search(r"lease ([0-9a-f]{16}) granted", result.stdout)):
            self.leases[row["binds_lease"]] = found[1]
        self.loop.advance(BETWEEN)
        return result

    def _meanwhile(self, commands: list[str]) -> None:
        for command in commands:
            self.etcdctl.run(command.split(), env=ENV)

    def _here(self, text: str) -> str:
        text = text.replace("$DIR", str(self.place))
        for recorded, ours in self.leases.items():
            text = text.replace(recorded, ours)
        return text

    def _clear(self) -> None:
        """The recorder took away what etcdctl had restored before it did the same with etcdutl."""
        if self._cleared:
            return
        self._cleared = True
        made = {path.relative_to(self.place).parts[0] for path in self.place.rglob("*.snap")}
        made |= {path.relative_to(self.place).parts[0] for path in self.place.rglob("*.wal")}
        for name in made:
            shutil.rmtree(self.place / name)

    def _damage(self, argv: list[str]) -> None:
        """The damaged copies of snapshot.db that a command asks for."""
        whole = self.place / "snapshot.db"
        if not whole.exists():
            return
        data = whole.read_bytes()
        middle = len(data) // 2
        copies = {
            "corrupt.db": data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :],
            "trunc.db": data[:-100],
            "nohash.db": data[:-32],
            "text.db": b"this is not a database\n",
            "zero.db": b"",
        }
        for name, copy in copies.items():
            if name in argv and not (self.place / name).exists():
                (self.place / name).write_bytes(copy)

    # -- comparing --------------------------------------------------------------------------------------

    def compare(self, row: Obj, result: Result) -> str:
        """What differs; "" when nothing does."""
        code: Any = result.exit
        if result.ended:
            code = "timeout" if row["exit"] == "timeout" else -2
        if code != row["exit"]:
            return f"exit {code}, wanted {row['exit']}; {result.stderr[-200:]!r}"
        wanted, got = comparable(row["stdout"], row), comparable(self._recorded(result.stdout), row)
        if wanted != got:
            return f"stdout wanted {wanted!r} got {got!r}"
        wanted, got = last_error(row["stderr"]), last_error(self._recorded(result.stderr))
        if wanted != got:
            return f"stderr wanted {wanted!r} got {got!r}"
        return self._tree(row)

    def _recorded(self, text: str) -> str:
        """Our output with the recording's names."""
        for recorded, ours in self.leases.items():
            text = text.replace(ours, recorded).replace(str(int(ours, 16)), str(int(recorded, 16)))
        return text.replace(str(self.place), "$DIR")

    def _tree(self, row: Obj) -> str:
        if "tree_after" not in row:
            return ""
        folders = {path.split("/")[0] for path in row["tree_after"]}
        found = sorted(
            str(path.relative_to(self.place))
            for folder in folders
            for path in (self.place / folder).rglob("*")
            if path.is_file()
        )
        return "" if found == sorted(row["tree_after"]) else f"files wanted {row['tree_after']} got {found}"


SEEDS = {
    "compact-defrag": [f"put k v{number}" for number in range(6)],
    "snapshot": [*(f"put key{number} value{number}" for number in range(5)), "del key3"],
}
"""What the recorder did to a group's member before the first command."""

ENV = {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": ":".join(ADDRESS)}


def execute(argv: list[str], env: Any) -> tuple[int, str, str]:
    """What the recorded `watch -- CMD` and `lock NAME CMD` ran: echo and small scripts of it."""
    if argv[:2] == ["sh", "-c"]:
        code, out = 0, ""
        for command in argv[2].split(";"):
            words = re.sub(r"\$(\w+)", lambda found: env.get(found[1], ""), command).split()
            if words[0] == "exit":
                return int(words[1]), out, ""
            code, printed, _ = execute(words, env)
            out += printed
        return code, out, ""
    if argv[0] == "echo":
        return 0, " ".join(argv[1:]) + "\n", ""
    raise AssertionError(f"the recordings do not run {argv[0]}")


# -- what cannot be equal ---------------------------------------------------------------------------------

_SIZE = r"\d+(\.\d+)? [kMG]?B"
_DURATION = r"\d+(\.\d+)?(ns|µs|ms|s)"
_NUMBERS = r'"(dbSize|dbSizeInUse|raftIndex|raftAppliedIndex)":\d+,?'
_FIELDS = r'"(DBSize|DBSizeInUse|RaftIndex|RaftAppliedIndex)" : \d+'


def comparable(text: str, row: Obj) -> str:
    """Output without what differs from run to run."""
    words = row["argv"]
    text = re.sub(r"(took(?: =)?) (<DUR>|" + _DURATION + ")", r"\1 T", text)
    text = re.sub(r'"took":"[^"]*"', '"took":"T"', text)
    text = re.sub(r'"Took" : \S*', '"Took" : T', text)
    text = re.sub(r"remaining\((<N>|\d+)s\)", "remaining(Ns)", text)
    text = re.sub(r"attached keys\(\[([^\]]*)\]\)", lambda m: f"keys({sorted(m[1].split())})", text)
    text = re.sub(r'"keys":(\[[^\]]*\])', lambda m: f'"keys":{sorted(json.loads(m[1]))}', text)
    text = re.sub(r"lease [0-9a-f]{16}", "lease L", text)
    text = re.sub(r"(?m)^[0-9a-f]{16}$", "L", text)
    text = re.sub(r"/[0-9a-f]{15,16}\b", "/L", text)
    if "lease" in words:
        text = re.sub(r'"(ID|id|leases)"( ?: ?)\d{15,}', r'"\1"\2L', text)
        text = re.sub(r'"Key" : "\w+"\n', "", text) if "-w" in words and "fields" in words else text
    if "status" in words or "health" in words:
        text = _status(text)
    if "restore" in words or "--skip-hash-check" in words:
        text = re.sub(r"sha256 \[[^\]]*\], got \[[^\]]*\]", "sha256", text)
    return text


def _status(text: str) -> str:
    """Without sizes and positions; tables without the width of their columns."""
    text = re.sub(_NUMBERS, "", text)
    text = re.sub(r'"(totalSize)":\d+', r'"\1":N', re.sub(r'"Size" : \d+', '"Size" : N', text))
    text = re.sub(_FIELDS, r'"\1" : N', text)
    if text.startswith("+"):
        text = re.sub(r"-+", "-", text)
        text = re.sub(_DURATION, "T", text)
        text = re.sub(_SIZE, "S", text)
        text = re.sub(r" +", " ", re.sub(r"\d+%", "P", text))
        return re.sub(r"\| \d+ \| \d+ \| (\d+)? ?\|", "| N | N |", text)
    text = re.sub(rf", {_SIZE}", ", S", re.sub(r", \d+%", ", P", text))
    return re.sub(r"(true|false), (\d+), \d+, \d+,", r"\1, \2, N, N,", text)


def last_error(stderr: str) -> str:
    """The last line that begins with ``Error:``."""
    lines = [line for line in stderr.splitlines() if line.startswith("Error:")]
    line = lines[-1] if lines else ""
    line = re.sub(r"lookup (\S+) on \S+: no such host", r"lookup \1 on <DNS>: no such host", line)
    return re.sub(r"sha256 \[[^\]]*\], got \[[^\]]*\]", "sha256", line)


def misses(folder: Path) -> Iterator[str]:
    """The lines of all misses."""
    yield from run(folder).misses
