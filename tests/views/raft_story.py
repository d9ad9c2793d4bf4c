"""An etcd of five members as the raft theatre knows it, with a story: an election, a write, a partition.

Only what the theatre asks of a cluster is here: members with a `raft` that can be read, the verbs, a trace.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kubekit.raft import ConfState, Entry, Log
from kubekit.sim import Loop, Step, VirtualClock

NAMES = ["etcd-1", "etcd-2", "etcd-3", "etcd-4", "etcd-5"]


class Player:
    """A member that says what it is told to say."""

    def __init__(self, etcd: Story, id: int, name: str) -> None:
        self.etcd, self.id, self.name, self.state = etcd, id, name, "running"
        self.raft = SimpleNamespace(
            role="follower", learner=False, term=0, vote=0, lead=0, commit=0, applied=0, votes={},
            log=Log(ConfState(())),
        )  # fmt: skip

    def crash(self) -> None:
        self.state = "crashed"
        self.etcd.tell("crash", self.name, f"{self.name} crashes.", members=[self.name])

    def start(self) -> None:
        self.state = "running"
        self.etcd.tell("start", self.name, f"{self.name} starts.", members=[self.name])

    def call(self, name: str, request: dict[str, Any]) -> None:
        self.etcd.done.append((self.name, name, request))

    def campaign(self) -> None:
        self.etcd.tell("campaign", self.name, f"{self.name} asks for votes.", members=[self.name])


class Story:
    """The cluster of the fixture."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.loop = Loop(VirtualClock(0), seed=11)
        self.members = {name: Player(self, n, name) for n, name in enumerate(names or NAMES, 1)}
        self.done: list[tuple[Any, ...]] = []

    def member(self, name: str) -> Player:
        return self.members[name]

    def partition(self, *sides: list[str]) -> None:
        self.done.append(("partition", sides))
        told = " | ".join(", ".join(side) for side in sides)
        self.tell("partition", "etcd", f"The network is cut: {told}.", groups=[list(side) for side in sides])

    def heal(self) -> None:
        self.done.append(("heal",))
        self.tell("heal", "etcd", "All links are whole again.", groups=[], links=[])

    def cut(self, one: str, other: str, one_way: bool = False) -> None:
        self.done.append(("cut", one, other, one_way))
        self.tell(
            "cut",
            "etcd",
            f"The link {one} to {other} is cut.",
            links=[{"from": one, "to": other, "cut": True, "slow": 0}],
        )

    def slow(self, one: str, other: str, seconds: float) -> None:
        self.done.append(("slow", one, other, seconds))

    def mend(self, one: str, other: str) -> None:
        self.done.append(("mend", one, other))

    @property
    def leader(self) -> Player | None:
        leads = [player for player in self.members.values() if player.raft.role == "leader"]
        return max(leads, key=lambda player: player.raft.term, default=None)

    # -- telling ----------------------------------------------------------------------------------------

    def tell(
        self,
        what: str,
        about: str,
        sentence: str,
        *,
        members: list[str] | None = None,
        messages: list[dict[str, Any]] | None = None,
        steps: list[Step] | None = None,
        **more: Any,
    ) -> None:
        from kubekit.views.raft_theatre import state_of

        ids = {player.id: name for name, player in self.members.items()}
        out: dict[str, Any] = {"what": what, **more}
        if members:
            out["members"] = {name: state_of(self.members[name], ids) for name in members}
        if messages:
            out["messages"] = messages
        self.loop.trace.emit("raft", about, f"member/{about}", sentence, came_out=out, steps=steps or ())

    def set(self, *names: str, **parts: Any) -> None:
        for name in names:
            for part, value in parts.items():
                setattr(self.members[name].raft, part, value)

    def write(self, index: int, term: int, *names: str, kind: str = "put") -> None:
        for name in names:
            log = self.members[name].raft.log
            data = None if kind == "empty" else SimpleNamespace(kind=kind)
            log.append([Entry(term, index, 0, data)])

    def at(self, seconds: float) -> None:
        self.loop.advance(seconds - self.loop.clock.elapsed())


def message(type: str, frm: str, to: str, term: int, **more: Any) -> dict[str, Any]:
    return {
        "type": type,
        "from": frm,
        "to": to,
        "term": term,
        "index": 0,
        "log_term": 0,
        "entries": [],
        "commit": 0,
        "reject": False,
        "lost": "",
        **more,
    }


def mock_up() -> Story:
    """The story of the partition: two leaders, one of them powerless."""
    story = Story()
    left, right = NAMES[:2], NAMES[2:]
    story.set(*NAMES, term=3, vote=1, lead=1)
    story.set("etcd-1", role="leader")
    for index in range(1, 9):
        story.write(index, 3, *NAMES, kind="empty" if index == 1 else "put")
    story.set(*NAMES, commit=8, applied=8)
    story.at(7.0)
    story.tell("elected", "etcd-1", "etcd-1 is elected in term 3 with 5 of 5 votes.", members=NAMES)
    story.tell(
        "append",
        "etcd-1",
        "etcd-1 sends entry 8 to its four followers.",
        members=["etcd-1"],
        messages=[message("MsgApp", "etcd-1", to, 3, entries=[[8, 3, "put"]]) for to in NAMES[1:]],
    )
    story.tell(
        "commit",
        "etcd-1",
        "Entry 8 is committed: etcd-1, etcd-2 and etcd-3 have it.",
        members=["etcd-1"],
        messages=[message("MsgAppResp", frm, "etcd-1", 3, index=8) for frm in NAMES[1:]],
    )
    story.at(7.2)
    story.partition(left, right)
    story.write(9, 3, *left)
    story.at(7.3)
    story.tell(
        "append",
        "etcd-1",
        "etcd-1 sends entry 9; three of its four messages are lost at the cut.",
        members=left,
        messages=[
            message("MsgApp", "etcd-1", "etcd-2", 3, entries=[[9, 3, "put"]]),
            *(
                message("MsgApp", "etcd-1", to, 3, entries=[[9, 3, "put"]], lost="the network is cut")
                for to in right
            ),
        ],
    )
    story.tell(
        "append",
        "etcd-2",
        "etcd-2 stores entry 9 and says so.",
        messages=[message("MsgAppResp", "etcd-2", "etcd-1", 3, index=9)],
    )
    story.at(8.4)
    story.set("etcd-4", role="candidate", term=4, vote=4, lead=0, votes={4: True})
    story.tell(
        "campaign",
        "etcd-4",
        "etcd-4 has heard no leader for 1.2 s and asks for votes in term 4.",
        members=["etcd-4"],
        messages=[message("MsgVote", "etcd-4", to, 4, index=8, log_term=3) for to in ("etcd-3", "etcd-5")],
    )
    story.set("etcd-3", "etcd-5", term=4, vote=4, lead=0)
    story.tell(
        "vote",
        "etcd-3",
        "etcd-3 votes for etcd-4: its log is as new.",
        members=["etcd-3"],
        messages=[message("MsgVoteResp", "etcd-3", "etcd-4", 4)],
        steps=[
            Step("Is term 4 newer than 3?", "pass"),
            Step("Is its log as new?", "pass", "last entry 8, term 3"),
        ],
    )
    story.tell(
        "vote",
        "etcd-5",
        "etcd-5 votes for etcd-4.",
        members=["etcd-5"],
        messages=[message("MsgVoteResp", "etcd-5", "etcd-4", 4)],
    )
    story.at(8.412)
    story.write(9, 4, *right, kind="empty")
    story.set("etcd-4", role="leader", lead=4, votes={3: True, 4: True, 5: True})
    story.tell("elected", "etcd-4", "etcd-4 is elected in term 4 with 3 of 5 votes.", members=["etcd-4"])
    story.set(*right, commit=9, applied=9, lead=4)
    story.write(10, 4, "etcd-3", "etcd-4")
    story.at(8.437)
    story.tell(
        "append",
        "etcd-4",
        "Two leaders, one of them powerless. etcd-1 checks every 1000 ms (one election timeout) whether a "
        "quorum has answered it, and will step down by itself.",
        members=right,
        messages=[
            message("MsgApp", "etcd-4", "etcd-5", 4, entries=[[10, 4, "put"]]),
            message("MsgApp", "etcd-4", "etcd-3", 4, entries=[[10, 4, "put"]]),
            message("MsgAppResp", "etcd-3", "etcd-4", 4, index=10),
            message("MsgApp", "etcd-1", "etcd-2", 3),
            message("MsgAppResp", "etcd-2", "etcd-1", 3, index=9),
            *(message("MsgHeartbeat", "etcd-1", to, 3, lost="the network is cut") for to in right),
        ],
    )
    return story
