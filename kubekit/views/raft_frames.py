"""Records of kind "raft" as the stops of the raft theatre: what each changed, and how all members stand then.

The figures that a record carries are written down in `raft_theatre`. A frame holds only what its record
changed; `Standing` puts the changes together, and is where titles, notes and the legend come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.sim import Record
from kubekit.views import cards

TAIL = 10
"""Entries of each log that are shown at most."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

State = dict[str, Any]
Frame = dict[str, Any]

UNKNOWN: State = {
    "role": "follower",
    "learner": False,
    "state": "running",
    "term": 0,
    "vote": "",
    "lead": "",
    "first": 1,
    "last": 0,
    "commit": 0,
    "applied": 0,
    "log": [],
    "votes": {},
}

TICKS = {
    "campaign": ("wait", "round"),
    "elected": ("chosen", "round"),
    "transfer": ("chosen", "round"),
    "propose": ("wait", "round"),
    "commit": ("good", "square"),
    "apply": ("good", "square"),
    "partition": ("refuse", "diamond"),
    "cut": ("refuse", "diamond"),
    "crash": ("refuse", "diamond"),
    "refuse": ("refuse", "diamond"),
    "alarm": ("refuse", "diamond"),
    "stop": ("off", "square"),
    "pause": ("off", "square"),
    "step down": ("off", "square"),
}
"""The tick of a record by what happened; all others are messages: square, `ask`."""

HALTS = {
    "elected": "elected",
    "partition": "cut",
    "crash": "crashed",
    "refuse": "refused",
    "transfer": "transfer",
}
"""Where playing stops."""


def figures(record: Record) -> dict[str, Any]:
    """A record's figures, from what came out or else from what came in."""
    for part in (record.came_out, record.came_in):
        if isinstance(part, dict) and part.keys() & {"members", "messages", "links", "groups", "what"}:
            return part
    return {}


class Standing:
    """How all members and links stand; `apply` lets it become what a frame says."""

    def __init__(self, members: dict[str, State], links: list[State], groups: list[list[str]]) -> None:
        self.members = {name: {**UNKNOWN, **state} for name, state in members.items()}
        self.links = links
        self.groups = groups
        self.lost = 0
        """Messages that were lost since the present partition."""

    def apply(self, frame: Frame) -> None:
        """Take over what a frame changes."""
        for name, state in frame["members"].items():
            self.members[name] = {**self.members.get(name, UNKNOWN), **state}
        for name in frame["gone"]:
            self.members.pop(name, None)
        if frame["links"] is not None:
            self.links = frame["links"]
        if frame["groups"] is not None:
            if frame["groups"] != self.groups:
                self.lost = 0
            self.groups = frame["groups"]
        self.lost += sum(bool(message.get("lost")) for message in frame["messages"])

    @property
    def voters(self) -> list[str]:
        """The members that vote."""
        return [name for name, state in self.members.items() if not state["learner"]]

    @property
    def quorum(self) -> int:
        """How many votes decide."""
        return len(self.voters) // 2 + 1

    def sides(self) -> list[list[str]]:
        """The members by who can hear whom, be it by way of others: by the links that are cut, or as a
        record names the groups (who is in none of them is one more)."""
        if any(link["cut"] for link in self.links):
            return self._connected()
        named = {name for group in self.groups for name in group}
        rest = [name for name in self.members if name not in named]
        sides = [[name for name in group if name in self.members] for group in self.groups]
        return [side for side in [*sides, rest] if side]

    def _connected(self) -> list[list[str]]:
        order = list(self.members)
        sides: list[list[str]] = []
        for name in order:
            joined = [side for side in sides if any(not self._apart(name, other) for other in side)]
            sides = [side for side in sides if side not in joined]
            sides.append([*(other for side in joined for other in side), name])
        return sorted(
            (sorted(side, key=order.index) for side in sides), key=lambda side: order.index(side[0])
        )

    def _apart(self, one: str, other: str) -> bool:
        return self._cut(one, other) and self._cut(other, one)

    def _cut(self, sender: str, target: str) -> bool:
        return any(link["cut"] and link["from"] == sender and link["to"] == target for link in self.links)

    def hears(self, one: str, other: str) -> bool:
        """Whether two members that run hear each other."""
        if any(self.members[name]["state"] != "running" for name in (one, other)):
            return False
        if not any(one in side and other in side for side in self.sides()):
            return False
        return not (self._cut(one, other) or self._cut(other, one))

    def follows(self, leader: str) -> list[str]:
        """The voters that a leader reaches, itself among them."""
        return [name for name in self.voters if name == leader or self.hears(leader, name)]

    def leaders(self) -> list[str]:
        """Who believes to lead, the newest term first."""
        found = [
            name
            for name, state in self.members.items()
            if state["role"] == "leader" and state["state"] == "running"
        ]
        return sorted(found, key=lambda name: -self.members[name]["term"])

    def writable(self) -> str:
        """The leader that reaches a quorum; "" when nothing can be written."""
        return next((name for name in self.leaders() if len(self.follows(name)) >= self.quorum), "")

    def title(self) -> str:
        """One sentence that holds for how it stands."""
        sides, leader, count = self.sides(), self.writable(), len(self.voters)
        if not self.members:
            return "There is no member"
        if len(self.members) == 1:
            only = next(iter(self.members))
            state = self.members[only]["state"]
            return (
                f"One member: {only} agrees with itself"
                if state == "running"
                else f"The only member is {state}"
            )
        if len(sides) > 1:
            able = [side for side in sides if len([n for n in side if n in self.voters]) >= self.quorum]
            parts = "in two" if len(sides) == 2 else f"into {_number(len(sides))}"
            if not able:
                return f"Cut {parts}: no side has {_number(self.quorum)} members, nothing can be written"
            size = _number(len(able[0]))
            return f"Cut {parts}, only the side with {size} members can write"
        down = [name for name, state in self.members.items() if state["state"] != "running"]
        up = [name for name in self.voters if name not in down]
        if len(up) < self.quorum:
            return f"{len(up)} of {count} members run: without {self.quorum} nothing can be written"
        asks = [n for n, s in self.members.items() if s["role"] in ("candidate", "pre-candidate")]
        if not leader:
            if asks and asks[0] in up:
                return f"No leader: {asks[0]} asks for votes"
            powerless = self.leaders()
            if powerless:
                return f"{powerless[0]} leads, it thinks, and reaches no quorum"
            return "No leader: nothing can be written until one is elected"
        if down:
            verb = (
                f"{down[0]} is {self.members[down[0]]['state']}"
                if len(down) == 1
                else f"{len(down)} are down"
            )
            return f"{verb}: {len(up)} of {count} members go on under {leader}"
        term = self.members[leader]["term"]
        return f"{leader} leads in term {term}: every write needs {self.quorum} of {count}"

    def fate(self, name: str, index: int, term: int) -> str:
        """What an entry of a member's log is: committed, waiting, or doomed to be overwritten."""
        state = self.members[name]
        if index <= state["commit"]:
            return "committed"
        for other in self.members.values():
            if index <= other["commit"] and any(i == index and t != term for i, t, *_ in other["log"]):
                return "overwritten"
        return "waiting"

    def notes(self) -> list[dict[str, str]]:
        """What stands open: each entry that some member has and not all know to be committed."""
        found: dict[tuple[int, int], list[str]] = {}
        kinds: dict[tuple[int, int], str] = {}
        for name, state in self.members.items():
            for index, term, *kind in state["log"]:
                found.setdefault((index, term), []).append(name)
                kinds[index, term] = str(kind[0]) if kind else ""
        notes = []
        for (index, term), holders in sorted(found.items()):
            fates = {self.fate(name, index, term) for name in holders}
            committed = any(index <= self.members[name]["commit"] for name in holders)
            if fates == {"committed"} and len(holders) == len(self.members):
                continue
            voters = [name for name in holders if name in self.voters]
            held = (
                f"entry {index} ({kinds[index, term] or 'a write'}), on {len(voters)} of {len(self.voters)}"
            )
            if "overwritten" in fates:
                notes.append({"hue": "refuse", "term": f"t{term}", "text": f"{held}: will be overwritten"})
            elif committed:
                if fates != {"committed"} or index > max(s["commit"] for s in self.members.values()) - 3:
                    notes.append({"hue": "good", "term": f"t{term}", "text": f"{held}: committed"})
            else:
                missing = self.quorum - len(voters)
                more = (
                    f"{missing} more make it committed" if missing > 0 else "enough, once the leader hears it"
                )
                notes.append({"hue": "wait", "term": f"t{term}", "text": f"{held}: {more}"})
        return notes[-4:]

    def legend(self, frame: Frame) -> list[dict[str, str]]:
        """The signs that are on the stage."""
        items = []
        powerful = {self.writable()}
        roles = {state["role"] for state in self.members.values() if state["state"] == "running"}
        if powerful - {""}:
            items.append({"glyph": "lead", "text": "leader"})
        if set(self.leaders()) - powerful:
            items.append({"glyph": "candidate", "text": "leader that has lost its quorum"})
        if roles & {"candidate", "pre-candidate"}:
            items.append({"glyph": "candidate", "text": "candidate"})
        if any(s["role"] == "follower" and not s["learner"] for s in self.members.values()):
            items.append({"glyph": "follow", "text": "follower"})
        if any(state["learner"] for state in self.members.values()):
            items.append({"glyph": "learner", "text": "learner: hears all, votes not"})
        for state, glyph in (("stopped", "stop"), ("crashed", "fail"), ("paused", "pause")):
            if any(s["state"] == state for s in self.members.values()):
                items.append({"glyph": glyph, "text": state})
        sent = [message for message in frame["messages"] if not message.get("lost")]
        if any(not answers(message) for message in sent):
            items.append({"line": "request", "text": "message"})
        if any(answers(message) for message in sent):
            items.append({"line": "response", "text": "its answer"})
        if any(message.get("lost") for message in frame["messages"]):
            items.append({"line": "refusal", "text": "dropped"})
        if len(self.sides()) > 1:
            items.append({"glyph": "wall", "text": "partition"})
        elif any(link["cut"] for link in self.links):
            items.append({"glyph": "cut", "text": "link is cut"})
        if any(link.get("slow") for link in self.links):
            items.append({"glyph": "slow", "text": "slow link"})
        return items


def answers(message: State) -> bool:
    """Whether a message answers another."""
    return str(message["type"]).endswith("Resp")


def frames_of(records: Iterable[Record]) -> list[Frame]:
    """A frame a record of kind "raft", with what it changes."""
    return [_frame(record) for record in records if record.kind == "raft"]


def _frame(record: Record) -> Frame:
    told = figures(record)
    what = str(told.get("what", record.kind))
    messages = [dict(message) for message in told.get("messages") or ()]
    lost = [message for message in messages if message.get("lost")]
    hue, shape = TICKS.get(what, ("refuse", "diamond") if lost else ("ask", "square"))
    return {
        "id": record.id,
        "t": round(record.at, 3),
        "kind": what,
        "tick": {"hue": hue, "shape": shape},
        "halt": HALTS.get(what, ""),
        "folded": False,
        "sentence": record.sentence,
        "about": record.component,
        "members": told.get("members") or {},
        "gone": list(told.get("gone") or ()),
        "messages": messages,
        "links": told.get("links"),
        "groups": told.get("groups"),
        "record": record,
    }


def card_of(frame: Frame) -> dict[str, Any]:
    """A frame's card; made only for those that are shown, since a card carries the whole record."""
    record, what, messages = frame["record"], frame["kind"], frame["messages"]
    parts: list[dict[str, Any]] = []
    if isinstance(record.came_in, dict) and record.came_in.get("call"):
        parts.append({"name": "came in", "text": f"`{record.came_in['call']}`"})
    if messages:
        rows = [
            {"glyph": "refuse" if message.get("lost") else "note", "text": spoken(message)}
            for message in messages
        ]
        parts.append({"name": "messages", "rows": rows[:8]})
        if len(rows) > 8:
            parts.append({"name": "", "text": f"and {len(rows) - 8} more"})
    if record.steps:
        parts.append({"name": "steps", "steps": cards.steps(record.steps)})
    return {
        "title": what,
        "sub": record.component,
        "parts": parts,
        "caused_by": record.caused_by,
        "raw": cards.raw(record),
    }


def spoken(message: State) -> str:
    """A message as one line: type, way, term, and what it carries."""
    parts = [f"**{message['type']}** {message['from']} to {message['to']}, term {message.get('term', 0)}"]
    entries = list(message.get("entries") or ())
    if entries and not entries[0][0]:
        # A proposal on its way to the leader has no index yet.
        parts.append(str(entries[0][2]))
    elif len(entries) == 1:
        parts.append(f"entry {entries[0][0]}")
    elif entries:
        parts.append(f"entries {entries[0][0]} to {entries[-1][0]}")
    elif message.get("index") and not answers(message):
        parts.append(f"after index {message['index']}")
    elif message.get("index"):
        parts.append(f"index {message['index']}")
    if message.get("reject"):
        parts.append("rejected")
    if message.get("lost"):
        parts.append(f"lost: {message['lost']}")
    return ", ".join(parts)


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
