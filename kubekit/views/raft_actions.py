"""What can be done to members and links from the raft theatre: each action with its verb and its code.

An action does exactly what its code says, then time passes for a moment, so that what follows is recorded
and can be stepped through. What the cluster refuses is shown all the same, in its own words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.cluster_errors import NoLeader

PASSES = "3s"
"""Virtual time that passes after an action: room for an election or two."""

SLOW = 0.2
"""Seconds that a slowed link takes."""

Told = dict[str, Any]


class Actions:
    """The actions of one cluster. `code` is how a learner reaches it: `cluster.etcd`."""

    def __init__(
        self, etcd: Any, advance: Callable[[str], None] | None, code: str, after: Callable[[int], None]
    ) -> None:
        self._etcd, self._advance, self._code, self._after = etcd, advance, code, after
        self.by_name: dict[str, Callable[..., Any]] = {
            **{
                verb: self._of_member(verb)
                for verb in ("start", "stop", "crash", "pause", "resume", "campaign")
            },
            "transfer": self._transfer,
            "cut": self._cut,
            "mend": self._mend,
            "slow": self._slow,
            "heal": self._heal,
            "partition": self._partition,
            "pass": self._pass,
        }

    def offered(self, members: dict[str, Told], links: list[Told]) -> Told:
        """The buttons: by member, by pair of members, and for all."""
        names = list(members)
        pairs = {}
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                broken = any({link["from"], link["to"]} == {one, other} for link in links)
                pairs[f"{one} {other}"] = self._of_link(one, other, broken)
        return {
            "members": {name: self._of(name, state, len(names)) for name, state in members.items()},
            "links": pairs,
            "all": [
                self._told("pass", "let 1 s pass", {"seconds": "1s"}, 'cluster.advance("1s")', "next"),
                *(
                    [self._told("heal", "heal all links", {}, f"{self._code}.heal()")]
                    if len(names) > 1
                    else []
                ),
            ],
            "partition": f"{self._code}.partition",
            "passes": f'cluster.advance("{PASSES}")',
        }

    def _of(self, name: str, state: Told, count: int) -> list[Told]:
        member = f'{self._code}.member("{name}")'
        verbs = {"running": ("crash", "stop", "pause"), "paused": ("resume", "crash")}
        glyphs = {"start": "play", "resume": "play", "stop": "stop", "crash": "refuse", "pause": "pause"}
        told = [
            self._told(verb, verb, {"member": name}, f"{member}.{verb}()", glyphs[verb])
            for verb in verbs.get(state["state"], ("start",))
        ]
        if count > 1 and state["state"] == "running" and not state["learner"]:
            if state["role"] == "leader":
                return told
            told.append(
                self._told("campaign", "ask for an election", {"member": name}, f"{member}.campaign()")
            )
            told.append(
                self._told("transfer", "make it the leader", {"member": name}, self._transfer_code(member))
            )
        return told

    def _transfer_code(self, member: str) -> str:
        return f'{self._code}.leader.call("Maintenance/MoveLeader", {{"targetID": {member}.id}})'

    def _of_link(self, one: str, other: str, broken: bool) -> list[Told]:
        cut = f'{self._code}.cut("{one}", "{other}"'
        back = f'{self._code}.cut("{other}", "{one}"'
        both = {"one": one, "other": other}
        mend = f'{self._code}.mend("{one}", "{other}")'
        return [
            *([self._told("mend", "make it whole", both, mend, "pass")] if broken else []),
            self._told("cut", "cut", {**both, "one_way": False}, f"{cut})", "refuse"),
            self._told("cut", f"cut {one} to {other}", {**both, "one_way": True}, f"{cut}, one_way=True)"),
            self._told(
                "cut",
                f"cut {other} to {one}",
                {"one": other, "other": one, "one_way": True},
                f"{back}, one_way=True)",
            ),
            self._told(
                "slow", f"slow: {SLOW} s", both, f'{self._code}.slow("{one}", "{other}", {SLOW})', "wait"
            ),
        ]

    @staticmethod
    def _told(name: str, text: str, arguments: Told, code: str, glyph: str = "") -> Told:
        told: Told = {"name": name, "text": text, "arguments": arguments, "code": code}
        return {**told, "glyph": glyph} if glyph else told

    def _done(self, act: Callable[[], Any], passes: str = PASSES) -> None:
        before = self._last()
        try:
            act()
        finally:
            if self._advance is not None:
                self._advance(passes)
            self._after(before)

    def _last(self) -> int:
        trace = self._etcd.loop.trace
        return trace.records[-1].id if trace.records else 0

    def _of_member(self, verb: str) -> Callable[[str], None]:
        def act(member: str) -> None:
            self._done(getattr(self._etcd.member(member), verb))

        return act

    def _transfer(self, member: str) -> None:
        self._done(lambda: self._move_to(self._etcd.member(member).id))

    def _move_to(self, id: int) -> None:
        leader = self._etcd.leader
        if leader is None:
            raise NoLeader
        leader.call("Maintenance/MoveLeader", {"targetID": id})

    def _cut(self, one: str, other: str, one_way: bool = False) -> None:
        self._done(lambda: self._etcd.cut(one, other, one_way=one_way))

    def _mend(self, one: str, other: str) -> None:
        self._done(lambda: self._etcd.mend(one, other))

    def _slow(self, one: str, other: str) -> None:
        self._done(lambda: self._etcd.slow(one, other, SLOW))

    def _heal(self) -> None:
        self._done(self._etcd.heal)

    def _partition(self, sides: list[list[str]]) -> None:
        self._done(lambda: self._etcd.partition(*sides))

    def _pass(self, seconds: str) -> None:
        self._done(lambda: None, seconds)
