"""etcd cluster: what one, three and five members did while members were killed, added, promoted and removed.

A unit is one command with an expectation, or one note of what the cluster did (did the leader change, by
how much did the term rise). What happened between commands is told by each row's *situation*; `SCENES` turns
it into deeds. Where chance decided - who was elected - leadership is handed to whom the recording names.
Compared are the exit status, the last `Error:` line, output without sizes, times and ids that depend on the
time of day, whether the client waited for its timeout, and the notes.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.disk import FolderDisk
from kubekit.etcd.options import MemberPlan
from kubekit.sim import Loop
from kubekit.terminal.etcdctl.program import Etcdctl
from kubekit.terminal.notebook import LoopPump
from tests.conformance.etcd_server import AgedDoor
from tests.conformance.etcd_transcripts import comparable, last_error
from tests.conformance.outcome import Outcome, read_jsonl

Obj = dict[str, Any]

WAITED = 4.0
"""Seconds from which a command is said to have waited for its timeout."""

NOTES = ("leader_changed", "term_delta", "new_leader_differs", "leader_is_target", "running")
_DOWN = re.compile(r"(\d) of (\d) down")


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay cluster.jsonl; `category`: a table (``membership``)."""
    outcome = Outcome()
    rows = read_jsonl(folder, "cluster.jsonl")
    for key, group in itertools.groupby(rows, lambda row: (row["version"], row["table"], row["members"])):
        version, table, members = key
        if category in (None, table, version):
            with tempfile.TemporaryDirectory() as place:
                World(version, list(group), members, Path(place)).replay(
                    outcome, f"{version} {table} {members}"
                )
    return outcome


class World:
    """A cluster as the recorder had it: members m1, m2, ... at addresses that count up by two."""

    def __init__(self, version: str, rows: list[Obj], members: int, place: Path) -> None:
        self.rows, self.version, self.place = rows, version, place
        self.first = self._first_port()
        self.loop = Loop(seed=7)
        plans = [self.plan(f"m{n + 1}", n) for n in range(members)]
        self.cluster = EtcdCluster(self.loop, plans, token="etcd-cluster-1")
        self.initial = {member.id for member in self.cluster.members.values()}
        """The ids that are made of addresses alone."""
        self.added: dict[str, str] = {}
        """Ids that depend on the time of day: ours by the recorded one."""
        self.cluster.start()
        self.loop.advance(5.0)
        pump = LoopPump(self.loop)
        self.etcdctl = Etcdctl(
            self._door, version=version, files=FolderDisk(place), now=self.loop.clock.now, pump=pump
        )
        self.killed: list[str] = []
        self.term = self.leader_before = 0
        self.scene = ""
        self.target = 0
        self._remember()

    def _first_port(self) -> int:
        for row in self.rows:
            if found := re.search(r"--endpoints=127\.0\.0\.1:(\d+)", " ".join(row.get("argv", []))):
                return int(found[1]) if row["table"] == "members-down" else int(found[1]) // 10 * 10
        return 22150

    def plan(self, name: str, number: int) -> MemberPlan:
        """The plan of a member: clients at an even port, peers at the next."""
        port = self.first + 2 * number
        return MemberPlan(name, (f"http://127.0.0.1:{port + 1}",), (f"http://127.0.0.1:{port}",))

    def at(self, port: int) -> Any:
        """The member that listens for clients at a port."""
        url = f"http://127.0.0.1:{port}"
        return next((m for m in self.cluster.members.values() if url in m.plan.client_urls), None)

    def _door(self, address: str) -> Any:
        member = self.at(int(address.rpartition(":")[2]))
        return AgedDoor(member, self.version) if member is not None and member.state == "running" else None

    # -- what happens -----------------------------------------------------------------------------------

    def asked(self, row: Obj) -> Any:
        """The member that a row's command goes to."""
        found = re.search(r"--endpoints=127\.0\.0\.1:(\d+)", " ".join(row.get("argv", [])))
        return self.at(int(found[1])) if found else None

    def lead(self, member: Any) -> None:
        """Hand leadership to a member, if another has it."""
        leader = self.cluster.leader
        if leader is not None and member is not None and leader is not member and member.running:
            leader.call("Maintenance/MoveLeader", {"targetID": member.id})
            self.loop.advance(1.0)

    def kill(self, member: Any) -> None:
        """A kill -9."""
        member.crash()
        self.killed.append(member.plan.name)

    def restart(self) -> None:
        """Start whoever was killed first."""
        if self.killed:
            self.cluster.member(self.killed.pop(0)).start()
            self.loop.advance(3.0)

    def row_of(self, situation: str) -> Obj:
        """The first row of a situation."""
        return next(row for row in self.rows if situation in (row.get("situation") or ""))

    def _remember(self) -> None:
        leader = self.cluster.leader
        self.term = leader.raft.term if leader else self.term
        self.leader_before = leader.id if leader else 0

    def enter(self, row: Obj) -> None:
        """Do what a row's situation says has been done."""
        situation = row.get("situation") or ""
        if "leader" in row and isinstance(row["leader"], str):
            self.lead(self.cluster.member(row["leader"]))
        if situation == self.scene:
            return
        self.scene = situation
        for begins, deed in SCENES.items():
            if situation.startswith(begins):
                self._remember()
                deed(self, row)
                return
        if found := _DOWN.match(situation):
            keep = self.asked(row)
            self.lead(keep)
            self._remember()
            for member in self.cluster.members.values():
                if len(self.killed) >= int(found[1]):
                    break
                if member is not keep and member.running:
                    self.kill(member)
            self.loop.advance(0.5)

    # -- comparing --------------------------------------------------------------------------------------

    def replay(self, outcome: Outcome, name: str) -> None:
        """All rows in order."""
        for row in self.rows:
            self.enter(row)
            if "argv" not in row:
                if not row.get("setup"):
                    wrong = self._notes(row)
                    outcome.count(not wrong, f"{name} {row['step']} {row.get('situation')}", wrong)
                continue
            if row["table"] == "bootstrap-errors":
                got = self._bootstrap(row["argv"])
                if not row.get("setup"):
                    wanted = _told(row["errors"][-1])
                    outcome.count(
                        got == wanted, f"{name} {row['step']} {row['situation']}", f"{wanted!r} {got!r}"
                    )
                continue
            wrong = self._command(row)
            if not row.get("setup"):
                words = " ".join(row["argv"])
                outcome.count(not wrong, f"{name} {row['step']} {words} ({row['situation']})", wrong)

    def _command(self, row: Obj) -> str:
        argv = [self._here(word) for word in row["argv"]]
        start = self.loop.clock.now()
        result = self.etcdctl.run(argv, env={"ETCDCTL_API": "3"})
        took = self.loop.clock.now() - start
        if found := re.search(r"Member ([0-9a-f]+) added", result.stdout):
            self._learn(row, found[1])
        self.target = (
            int(argv[-1], 16) if "move-leader" in argv and re.fullmatch("[0-9a-f]+", argv[-1]) else 0
        )
        self.loop.advance(0.1)
        if row.get("setup"):
            return ""
        code: Any = "timeout" if result.ended else result.exit
        if code != row["exit"]:
            return f"exit {code}, wanted {row['exit']}: {result.stderr[-160:]!r}"
        wanted, got = self._masked(row["stdout"], row), self._masked(result.stdout, row)
        if wanted != got:
            return f"stdout wanted {wanted!r} got {got!r}"
        wanted, got = last_error(row["stderr"]), last_error(result.stderr)
        if wanted != got:
            return f"stderr wanted {wanted!r} got {got!r}"
        if (row["seconds"] >= WAITED) != (took >= WAITED):
            return f"took {took:.1f} s, wanted {row['seconds']} s"
        return ""

    def _learn(self, row: Obj, ours: str) -> None:
        """An id that depends on the time of day: ours by the recorded one, as far as that is known."""
        known = self.added
        found = re.search(r"Member ([0-9a-f]+) added", row.get("stdout", ""))
        recorded = found[1] if found else None
        if recorded is None:
            # The rows that follow name it.
            at = self.rows.index(row)
            initial = {f"{number:x}" for number in self.initial}
            later = (word for one in self.rows[at + 1 :] for word in one.get("argv", []))
            fresh = (word for word in later if re.fullmatch("[0-9a-f]{14,16}", word))
            recorded = next((word for word in fresh if word not in initial and word not in known), None)
        if recorded is not None:
            known[recorded] = ours

    def _here(self, text: str) -> str:
        for recorded, ours in self.added.items():
            text = text.replace(recorded, ours)
        return text.replace("$DIR", str(self.place))

    def _masked(self, text: str, row: Obj) -> str:
        """Output without what depends on the run."""
        text = text.replace(str(self.place), "$DIR")
        text = comparable(text, row)
        initial = {f"{number:x}" for number in self.initial}
        text = re.sub(r"\b[0-9a-f]{14,16}\b", lambda m: m[0] if m[0] in initial else "ID", text)
        # A member writes its file's version anew some seconds after it has come up.
        text = re.sub(r"\| 3\.5\.0 \|", "| 3.6.0 |", text).replace(", 3.5.0, S", ", 3.6.0, S")
        text = text.replace('"storageVersion":"3.5.0"', '"storageVersion":"3.6.0"')
        text = re.sub(r"Server version \S+\n", "", text)
        # Members are listed in the order of their ids.
        text = re.sub(
            r'(ETCD_INITIAL_CLUSTER=)"([^"]*)"', lambda m: m[1] + str(sorted(m[2].split(","))), text
        )
        text = re.sub(r'"raft_?[tT]erm":\d+', '"term":N', text)
        text = re.sub(r"(true|false), \d+, N, N,", r"\1, T, N, N,", text)
        text = re.sub(r'"(member_id|leader|ID)":(\d+)', self._decimal, text)
        return "\n".join(sorted(text.split("\n")))

    def _decimal(self, found: re.Match[str]) -> str:
        return found[0] if int(found[2]) in self.initial else f'"{found[1]}":ID'

    def _notes(self, row: Obj) -> str:
        leader = self.cluster.leader
        term = leader.raft.term if leader else 0
        got: Obj = {
            "leader_changed": (leader.id if leader else 0) != self.leader_before,
            "new_leader_differs": (leader.id if leader else 0) != self.leader_before,
            "term_delta": term - self.term,
            "leader_is_target": leader is not None and leader.id == self.target,
            "running": all(member.state == "running" for member in self.cluster.members.values()),
        }
        wrong = [
            f"{name} wanted {row[name]} got {got[name]}"
            for name in NOTES
            if name in row and row[name] != got[name]
        ]
        return "; ".join(wrong)

    def _bootstrap(self, argv: list[str]) -> str:
        """Start a member with such flags beside the one that runs; why it does not start."""
        flags = dict(zip(argv[::2], argv[1::2], strict=True))
        initial = tuple(
            (name, (url,))
            for name, _, url in (pair.partition("=") for pair in flags["--initial-cluster"].split(","))
        )
        plan = MemberPlan(
            flags["--name"],
            (flags["--initial-advertise-peer-urls"],),
            (flags["--advertise-client-urls"],),
            "",
            initial,
            flags.get("--initial-cluster-state") == "existing",
        )
        try:
            self.cluster.add_member(plan).start()
        except BootstrapError as error:
            return str(error)
        return ""


def _told(entry: Obj) -> str:
    """Why a member did not start: a field of a log's entry, or all of a 3.4's line after its origin."""
    return str(entry["error"] if "error" in entry else entry["line"].partition(": ")[2])


Deed = Callable[[World, Obj], None]


def _kill_follower(world: World, row: Obj) -> None:
    world.kill(world.asked(world.row_of("asked: the dead one")))
    world.loop.advance(1.0)


def _kill_leader(world: World, row: Obj) -> None:
    world.kill(world.cluster.leader)
    world.loop.advance(0.3)


def _wait(world: World, row: Obj) -> None:
    world.loop.advance(3.0)


def _restart(world: World, row: Obj) -> None:
    world.restart()


def _new_leader(world: World, row: Obj) -> None:
    world.lead(world.asked(row))
    world._remember()


def _learner_starts(world: World, row: Obj) -> None:
    world.cluster.join("m4", ("http://127.0.0.1:22156",))
    world.loop.advance(3.0)


def _join_second(world: World, row: Obj) -> None:
    world.loop.advance(1.0)
    member = world.cluster.join("m2", ("http://127.0.0.1:22152",))
    world.loop.advance(0.2)
    while world.version.startswith("3.4") and not member.serving:
        world.loop.advance(1.0)  # a 3.4 was up before the first command


def _kill_named(world: World, row: Obj) -> None:
    """Kill the member that the row's command, or the next removal, names."""
    ids = [
        word
        for one in (row, *world.rows)
        for word in one.get("argv", [])
        if re.fullmatch("[0-9a-f]{14,16}", word)
    ]
    by_id = {f"{member.id:x}": member for member in world.cluster.members.values()}
    world.kill(next(by_id[word] for word in ids if word in by_id))


def _one_dead(world: World, row: Obj) -> None:
    world.lead(world.asked(row))
    dead = world.row_of("... remove the dead one")["argv"][-1]
    world.kill(next(m for m in world.cluster.members.values() if f"{m.id:x}" == dead))


def _later(world: World, row: Obj) -> None:
    world.loop.advance(10.0)


def _much_later(world: World, row: Obj) -> None:
    world.loop.advance(25.0)


SCENES: dict[str, Deed] = {
    "1 follower killed": _kill_follower,
    "follower restarted: it has caught up": _restart,
    "leader killed a moment ago": _kill_leader,
    "old leader down, new leader elected": _new_leader,
    "old leader restarted": _restart,
    "quorum again": _restart,
    "learner started": _learner_starts,
    "2 members, one dead: remove the dead one": _kill_named,
    "3 members, one follower just killed": _one_dead,
    "later: add a voting member": _later,
    "second member started": _join_second,
    "about 30 s after": _much_later,
    "move-leader asked at the leader": _new_leader,
    "after removal": _wait,
    "after leader removal": _wait,
}
"""What has happened when a situation begins with these words."""
