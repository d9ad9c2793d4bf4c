"""Pure members joined by a network that may do anything: what the tests of this room drive.

`Fleet` holds members by id, the messages under way, and a disk for each member. Nothing happens by itself:
a test delivers, drops, ticks, stores and applies in whatever order it likes, or lets `settle` do all of it
in order. What every member ever applied is compared on the spot (`applied_entry`), and `check` looks at
the rules of the Raft paper's figure 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.raft import (
    ADD_LEARNER,
    ADD_NODE,
    CONF_CHANGE,
    ConfChange,
    Config,
    ConfState,
    Entry,
    HardState,
    Log,
    Message,
    Raft,
    Ready,
    Snapshot,
)
from kubekit.sim import Rng

PASSED_ON = {"MsgProp", "MsgReadIndex", "MsgTransferLeader"}
"""Followers pass these on under the first sender's name, so they may come back to it."""


class Disk:
    """What a member finds again after a crash."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.entries: list[Entry] = []
        self.hard_state = HardState()

    def save(self, ready: Ready) -> None:
        if ready.snapshot is not None:
            self.snapshot = ready.snapshot
            self.entries = []
        if ready.entries:
            first = ready.entries[0].index
            self.entries = [e for e in self.entries if e.index < first] + ready.entries
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state

    def load(self) -> Log:
        return Log.restore(self.snapshot, self.hard_state, self.entries)


class Member:
    """A member, its disk, and the program above it: a list of everything applied.

    `conf` is the membership a new cluster begins with; empty for who joins later.
    """

    def __init__(self, fleet: Fleet, id: int, conf: ConfState) -> None:
        self.fleet = fleet
        self.id = id
        self.disk = Disk()
        self.boots = 0
        self.read_states: list[tuple[int, Any]] = []
        self.start()
        if conf.voters:
            self.up.bootstrap(
                [ConfChange(ADD_NODE, voter) for voter in conf.voters]
                + [ConfChange(ADD_LEARNER, learner) for learner in conf.learners]
            )

    def start(self) -> None:
        self.boots += 1
        rng = self.fleet.rng.child(f"{self.id}/{self.boots}")
        self.raft: Raft | None = Raft(self.id, self.disk.load(), self.fleet.config, rng)
        snapshot = self.disk.snapshot
        self.conf = snapshot.conf_state if snapshot else ConfState()
        self.state: list[Any] = list(snapshot.data) if snapshot else []

    @property
    def up(self) -> Raft:
        assert self.raft is not None
        return self.raft

    def crash(self) -> None:
        self.raft = None

    def work(self, *, crash_before_sending: bool = False) -> None:
        """Store, send and apply one Ready."""
        raft = self.up
        ready = raft.ready()
        self.disk.save(ready)
        if crash_before_sending:
            self.crash()
            return
        self.fleet.send(ready.messages)
        if ready.snapshot is not None:
            self.state = list(ready.snapshot.data)
            self.conf = ready.snapshot.conf_state
            self.fleet.compare_state(self, ready.snapshot.index)
        for entry in ready.committed:
            self.fleet.applied_entry(self, entry)
            self.state.append(entry.data)
            if entry.type == CONF_CHANGE:
                change: ConfChange = entry.data
                if self.conf.voters == (change.node_id,) and change.type != ADD_NODE:
                    change = change._replace(node_id=0)  # as etcd does with a change it refuses
                self.conf = raft.apply_conf_change(change)
        self.read_states += ready.read_states
        raft.advance(ready)
        self.fleet.look_at(self)

    def fresh_snapshot(self) -> Snapshot:
        """What is applied by now: etcd sends this instead of an older one that may not know its receiver."""
        index = len(self.state)
        return Snapshot(index, self.up.log.term(index), self.conf, tuple(self.state))

    def take_snapshot(self, keep: int = 0) -> None:
        """Snapshot the state here and compact the log, but for `keep` entries."""
        raft = self.up
        snapshot = raft.log.create_snapshot(raft.applied, self.conf, tuple(self.state))
        upto = max(raft.applied - keep, raft.log.offset)
        if upto > raft.log.offset:
            raft.log.compact(upto)
        self.disk.snapshot = snapshot
        self.disk.entries = [e for e in self.disk.entries if e.index > snapshot.index]
        self.disk.hard_state = self.disk.hard_state._replace(
            commit=max(self.disk.hard_state.commit, snapshot.index)
        )


class Fleet:
    """Members 1..n (voters unless `learners` says otherwise) and the messages between them."""

    def __init__(
        self,
        voters: int | Iterable[int] = 3,
        *,
        learners: Iterable[int] = (),
        config: Config | None = None,
        seed: int = 0,
    ) -> None:
        ids = tuple(range(1, voters + 1)) if isinstance(voters, int) else tuple(voters)
        self.config = config or Config()
        self.rng = Rng(seed)
        self.under_way: list[Message] = []
        self.cuts: set[tuple[int, int]] = set()
        self.history: dict[int, Entry] = {}
        """Every entry that anybody applied, by index."""
        self.commit_terms: dict[int, int] = {}
        """In which term an entry was first seen committed."""
        self.leaders: dict[int, int] = {}
        conf = ConfState(ids, tuple(learners))
        self.members = {id: Member(self, id, conf) for id in conf.voters + conf.learners}

        self.settle()

    def __getitem__(self, id: int) -> Raft:
        return self.members[id].up

    def add(self, id: int) -> Member:
        """A new member that knows nothing; somebody must propose it."""
        self.members[id] = Member(self, id, ConfState())
        return self.members[id]

    @property
    def running(self) -> list[Member]:
        return [member for member in self.members.values() if member.raft is not None]

    @property
    def leader(self) -> Raft | None:
        """The leader of the newest term."""
        leaders = [member.up for member in self.running if member.up.role == "leader"]
        return max(leaders, key=lambda raft: raft.term, default=None)

    def elect(self, id: int) -> Raft:
        """Have `id` lead."""
        self[id].campaign()
        self.settle()
        assert self[id].role == "leader"
        return self[id]

    def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            assert message.to and (message.to != message.frm or message.type in PASSED_ON), message
            if message.snapshot is not None:
                message.snapshot = self.members[message.frm].fresh_snapshot()
            self.under_way.append(message)

    def report_snapshots(self, *, failed: bool) -> None:
        """What a transport tells a leader about the snapshots it was given."""
        for member in self.running:
            for id, progress in member.up.progress.items():
                if member.up.role == "leader" and progress.state == "snapshot":
                    member.up.report_snapshot(id, failed=failed)

    def cut(self, *pairs: tuple[int, int]) -> None:
        """One way: what `a` sends to `b` is lost."""
        self.cuts.update(pairs)

    def isolate(self, *ids: int) -> None:
        """These hear only each other."""
        for a in self.members:
            for b in self.members:
                if (a in ids) != (b in ids):
                    self.cut((a, b))

    def heal(self) -> None:
        self.cuts.clear()

    def deliver(self, message: Message) -> bool:
        """Have a message arrive, if its way is open and its member runs."""
        member = self.members.get(message.to)
        if member is None or member.raft is None or (message.frm, message.to) in self.cuts:
            return False
        member.up.step(message)
        self.look_at(member)
        return True

    def exchange(self, *, hold: str = "") -> list[Message]:
        """One round: everybody works, then what is under way arrives. What was sent; `hold` is a kind of
        message that stays under way."""
        for member in self.running:
            while member.up.has_ready():
                member.work()
        sent, self.under_way = self.under_way, []
        for message in sent:
            if message.type == hold:
                self.under_way.append(message)
            else:
                self.deliver(message)
        return sent

    def settle(self, *only: int) -> None:
        """Deliver and work until nothing is left to do (for these members, or for all)."""
        ids = set(only) or set(self.members)
        busy = True
        while busy:
            busy = False
            for member in self.running:
                while member.id in ids and member.up.has_ready():
                    member.work()
                    busy = True
            here = [message for message in self.under_way if message.to in ids]
            self.under_way = [message for message in self.under_way if message.to not in ids]
            for message in here:
                busy = True
                self.deliver(message)

    def tick(self, times: int = 1, *only: int) -> None:
        """Time passes for everybody (or these), and all that comes of it happens."""
        for _ in range(times):
            for member in self.running:
                if not only or member.id in only:
                    member.up.tick()
                    self.look_at(member)
            self.settle()

    # The rules.

    def look_at(self, member: Member) -> None:
        """Election safety, and leader completeness when somebody begins to lead."""
        raft = member.raft
        if raft is None or raft.role != "leader":
            return
        if raft.term in self.leaders:
            first = self.leaders[raft.term]
            assert first == member.id, f"two leaders in term {raft.term}: {first} and {member.id}"
            return
        self.leaders[raft.term] = member.id
        for index, entry in self.history.items():
            if self.commit_terms[index] < raft.term and index > raft.log.offset:
                here = raft.log.entries(index, index + 1)
                assert here == [entry], f"leader {member.id} of term {raft.term} lacks {entry}, has {here}"

    def applied_entry(self, member: Member, entry: Entry) -> None:
        """State machine safety: at one index everybody applies the same, in order."""
        assert entry.index == len(member.state) + 1, f"{member.id} applies {entry} at {len(member.state)}"
        first = self.history.setdefault(entry.index, entry)
        self.commit_terms.setdefault(entry.index, member.up.term)
        assert entry == first, f"{member.id} applies {entry}, another applied {first}"

    def compare_state(self, member: Member, index: int) -> None:
        """A snapshot holds what the entries would have made."""
        assert member.state == [self.history[i].data for i in range(1, index + 1)]

    def check(self) -> None:
        """Log matching: where two logs hold an entry of one name, all before it is the same."""
        logs = [member.up.log for member in self.running]
        for position, a in enumerate(logs):
            for b in logs[:position]:
                low = max(a.offset, b.offset)
                agreed = min(a.last_index, b.last_index)
                while agreed > low and a.term(agreed) != b.term(agreed):
                    agreed -= 1
                if agreed > low:
                    assert a.entries(low + 1, agreed + 1) == b.entries(low + 1, agreed + 1)
