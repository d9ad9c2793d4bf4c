"""The raft theatre: members, the messages between them, their logs, and what a record changed.

A stop of the stepper is a record of kind "raft". Nothing is worked out from the protocol: what stands on the
stage at a stop is what the records up to there have said. So the records' `came_out` (or `came_in`) carries
these figures, all optional:

    what        one word for what happened: campaign, vote, elected, step down, propose, append, commit,
                apply, read index, conf change, snapshot, transfer, crash, start, stop, pause, resume,
                restore, cut, slow, heal, partition, alarm
    members     {name: state} of the members that this record is about, as they are after it
    messages    [message] that were sent, delivered or lost with it
    links       [link] that are not whole after it: the full list, so [] says that everything is healed
    groups      [[name, ...], ...] after a partition: who can hear whom; [] when there is none

    state       {"role": "follower"|"pre-candidate"|"candidate"|"leader", "learner": bool,
                 "state": "running"|"stopped"|"crashed"|"paused", "term", "vote": name or "",
                 "lead": name or "", "first", "last", "commit", "applied",
                 "log": [[index, term, kind], ...] the last ten entries; kind is a short word ("put", "empty",
                 "conf change", ...), "votes": {name: bool} while it campaigns}
    message     {"type": "MsgApp", "from", "to", "term", "index", "log_term",
                 "entries": [[index, term, kind]], "commit", "reject": bool,
                 "lost": "" or why ("link is cut", "etcd-2 is crashed"),
                 "sent", "due": seconds since the start, when they are known}
    link        {"from", "to", "cut": bool, "slow": seconds}: one direction

A record's `component` is the member that it is about (or "etcd" for links), its `sentence` says it plainly,
its `steps` hold what was asked (a vote's: term, log, lease; a commit's: who matches up to where).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kubekit.sim import Record
from kubekit.views.raft_actions import Actions
from kubekit.views.raft_frames import TAIL, UNKNOWN, Frame, Standing, State, card_of, frames_of
from kubekit.views.view import Scene, Table, View

MOST_RECORDS = 2000
"""Records up to which all are on the stepper; with more, the last WINDOW of them."""

WINDOW = 500

MOST_FLYING = 40
"""Messages under way that a stop shows at most."""

RUN = 24
"""Records of replication that follow each other up to which all are shown; of a longer run the last LAST."""

LAST = 12

REPLICATION = frozenset({"append", "commit", "apply", "propose"})
"""What happens for every write; see `records` for all of it."""


class RaftTheatre(View):
    """The members of one etcd cluster; `refresh()` draws the records up to now."""

    name = "raft_theatre"

    def __init__(
        self,
        etcd: Any,
        records: Callable[[], Iterable[Record]],
        meta: list[list[str]],
        cluster_id: str = "",
        *,
        clock: Callable[[], float] = lambda: 0.0,
        advance: Callable[[str], None] | None = None,
        code: str = "cluster.etcd",
    ) -> None:
        self.etcd, self._records, self._meta, self._id, self._clock = etcd, records, meta, cluster_id, clock
        self._whole = False
        self._start: int | None = None
        self.actions = Actions(etcd, advance, code, self._after)
        super().__init__(
            *self._picture(), actions={**self.actions.by_name, "window": self._slide, "whole": self._unfold}
        )

    def refresh(self) -> None:
        """Draw it as it is now, at the last record."""
        self.update(*self._picture())

    def _slide(self, start: int) -> None:
        self._start = int(start)
        self.refresh()

    def _unfold(self, whole: bool) -> None:
        self._whole, self._start = bool(whole), None
        self.refresh()

    def _after(self, before: int) -> None:
        """After an action: stand at its own record, so that what followed can be stepped through."""
        scene, text, table = self._picture()
        place = next((at for at, frame in enumerate(scene["records"]) if _number(frame["id"]) > before), None)
        if place is not None:
            scene["cursor"] = place
        self.update(scene, text, table)

    def _picture(self) -> tuple[Scene, str, Table]:
        frames = frames_of(self._records())
        _fold_runs(frames)
        now = present(self.etcd)
        wanted = [frame["id"] for frame in frames if self._whole or not frame["folded"]]
        start = 0
        if len(wanted) > MOST_RECORDS:
            last = len(wanted) - WINDOW
            start = last if self._start is None else max(0, min(self._start, last))
        on_stage = set(wanted[start : start + WINDOW] if len(wanted) > MOST_RECORDS else wanted)
        standing = Standing(_at_first(frames, now, self._cut_off()), [], [])
        first: State | None = None
        shown: list[Frame] = []
        pending: dict[str, State] = {}
        flying: list[State] = []
        for frame in frames:
            flying = [message for message in flying if message["due"] > frame["t"]]
            under_way_then, flying = flying, flying + _slow(frame)
            if frame["id"] not in on_stage:
                if shown and len(shown) == len(on_stage):
                    break
                standing.apply(frame)
                pending = {**pending, **frame["members"]}
                continue
            if first is None:
                first, pending = _as_it_stands(standing), {}
            standing.apply(frame)
            _finish(frame, standing)
            # What folded records changed is told with the next one, so that the stage is right at every stop.
            frame["members"] = {**pending, **frame["members"]}
            frame["links"], frame["groups"] = list(standing.links), list(standing.groups)
            frame["flying"] = under_way_then[:MOST_FLYING]
            frame["card"] = card_of(frame)
            del frame["record"]
            pending = {}
            shown.append(frame)
        if first is None:
            first = _as_it_stands(standing)
        at_end = not wanted or wanted[-1] in on_stage
        if at_end and (not shown or _differs(standing, now, self.etcd)):
            shown.append(self._now(standing, now))
        title = shown[-1]["title"]
        rows = [
            [name, _role(state), state["term"], state["last"], state["commit"]]
            for name, state in standing.members.items()
        ]
        table = Table(title, ["member", "role", "term", "last index", "commit"], rows)
        scene: Scene = {
            "title": title,
            "meta": [
                ["members", str(len(standing.members))],
                ["quorum", str(standing.quorum)],
                *self._meta,
            ],
            "records": shown,
            "first": first,
            "seats": _seats(shown, first, list(standing.members)),
            "tail": TAIL,
            "actions": self.actions.offered(now, links_of(self.etcd) or standing.links),
            "fold": _fold(frames, wanted, start, len(on_stage)),
            "window": {"start": start, "size": WINDOW, "total": len(wanted)}
            if len(wanted) > MOST_RECORDS
            else None,
            "folds": sum(frame["folded"] for frame in frames),
            "whole": self._whole,
            "keys": "Shift and Enter or click on a member: put it on the other side of a partition.",
            "cluster": self._id,
        }
        lines = [f"{row[0]}  {row[1]}  {row[2]}  {row[3]}  {row[4]}" for row in rows]
        return scene, "\n".join([title, *lines]), table

    def _cut_off(self) -> bool:
        """Whether the ring of records has lost its first ones."""
        trace = self.etcd.loop.trace
        return bool(len(trace.records) >= trace.size)

    def _now(self, standing: Standing, now: dict[str, State]) -> Frame:
        frame: Frame = {
            "id": f"now {self._clock():.6f}",
            "t": round(self._clock(), 3),
            "kind": "now",
            "tick": {"hue": "ask", "shape": "square"},
            "halt": "",
            "sentence": "",
            "about": "",
            "members": now,
            "folded": False,
            "flying": [],
            "gone": [name for name in standing.members if name not in now],
            "messages": under_way(self.etcd),
            "links": links_of(self.etcd),
            "groups": None,
            "card": None,
        }
        standing.apply(frame)
        _finish(frame, standing)
        frame["sentence"] = f"{frame['title']}."
        frame["card"] = {
            "title": "now",
            "sub": "as the members say of themselves",
            "parts": [
                {"name": "no record of it", "text": "Elections, writes, crashes and cuts leave records."}
            ],
        }
        return frame


def _number(id: Any) -> int:
    return id if isinstance(id, int) else 0


def _role(state: State) -> str:
    if state["state"] != "running":
        return str(state["state"])
    return "learner" if state["learner"] else str(state["role"])


def _finish(frame: Frame, standing: Standing) -> None:
    """Give a frame the words that depend on all members."""
    frame["title"] = standing.title()
    frame["legend"] = standing.legend(frame)
    frame["notes"] = standing.notes()
    frame["quorum"] = standing.quorum
    frame["writable"] = standing.writable()
    sides = []
    if len(standing.sides()) > 1:
        for side in standing.sides():
            voters = [name for name in side if name in standing.voters]
            able = len(voters) >= standing.quorum
            told = f"{len(voters)} of {len(standing.voters)}"
            word = (
                "quorum, can write"
                if able and standing.writable() in side
                else "quorum"
                if able
                else "no quorum"
            )
            sides.append({"members": side, "able": able, "text": f"{told}: {word}"})
        frame["lost"] = standing.lost
    frame["sides"] = sides
    frame["fates"] = {
        name: [standing.fate(name, index, term) for index, term, *_ in state["log"]]
        for name, state in standing.members.items()
        if any(index > state["commit"] for index, *_ in state["log"])
    }


def _slow(frame: Frame) -> list[State]:
    """The messages of a frame that are still under way at later stops."""
    return [
        message
        for message in frame["messages"]
        if not message.get("lost") and message.get("due", 0.0) > message.get("sent", 0.0)
    ]


def _fold_runs(frames: list[Frame]) -> None:
    """Mark what is folded: all but the last of a long run of replication in which nothing was lost."""
    run: list[Frame] = []
    for frame in [*frames, None]:
        if frame is not None and frame["kind"] in REPLICATION and frame["tick"]["hue"] != "refuse":
            run.append(frame)
            continue
        if len(run) > RUN:
            for folded in run[:-LAST]:
                folded["folded"] = True
        run = []


def _as_it_stands(standing: Standing) -> State:
    return {
        "members": {name: dict(state) for name, state in standing.members.items()},
        "links": list(standing.links),
        "groups": list(standing.groups),
    }


def _fold(frames: list[Frame], wanted: list[int], start: int, count: int) -> dict[str, Any] | None:
    told = []
    if count < len(wanted):
        told.append(f"Shown are records {start + 1} to {start + count} of {len(wanted)}.")
    hidden = len(frames) - len(wanted)
    if hidden:
        told.append(f"Folded away: {hidden} records of writes that were replicated without more ado.")
    return {"text": " ".join(told), "toggle": False} if told else None


def _at_first(frames: list[Frame], now: dict[str, State], cut_off: bool) -> dict[str, State]:
    """How the members stood before the first frame, in the order of their names.

    What no record tells of is as it is now. What is told of later began from nothing, or, where the first
    records are lost, stood as it is first told of.
    """
    first: dict[str, State] = {}
    for name in sorted({*now, *(name for frame in frames for name in frame["members"])}):
        told = next((frame["members"][name] for frame in frames if name in frame["members"]), None)
        if told is None:
            first[name] = now.get(name, {})
        else:
            first[name] = dict(told) if cut_off else {"learner": told.get("learner", False)}
    return first


def _differs(standing: Standing, now: dict[str, State], etcd: Any) -> bool:
    if standing.members.keys() != now.keys():
        return True
    looked_at = ("state", "role", "term", "last", "commit", "learner")
    return bool(under_way(etcd)) or any(
        standing.members[name][part] != state[part] for name, state in now.items() for part in looked_at
    )


def _seats(frames: list[Frame], first: State, names: list[str]) -> list[list[str]]:
    """Who sits together: the sides of the last partition on the stepper, the same at every stop."""
    every = list(dict.fromkeys([*first["members"], *(n for f in frames for n in f["members"]), *names]))
    sides = next((f["sides"] for f in reversed(frames) if f["sides"]), None)
    if not sides:
        return [every]
    groups = [list(side["members"]) for side in sides]
    seated = {name for group in groups for name in group}
    groups[-1] += [name for name in every if name not in seated]
    return groups


def present(etcd: Any) -> dict[str, State]:
    """How each member stands now, read from the members themselves."""
    names = {member.id: name for name, member in etcd.members.items()}
    return {name: state_of(member, names) for name, member in etcd.members.items()}


def state_of(member: Any, names: dict[int, str]) -> State:
    """One member's figures, as a record would carry them; a member that is down has what is on its disk."""
    raft = getattr(member, "raft", None)
    if raft is None:
        role = "leader" if member.state == "running" else "follower"
        return {**UNKNOWN, "role": role, "state": member.state}
    log = raft.log
    low = max(log.first_index, log.last_index - TAIL + 1)
    entries = log.entries(low, log.last_index + 1, TAIL) if low <= log.last_index else []
    return {
        "role": raft.role,
        "learner": bool(raft.learner),
        "state": member.state,
        "term": raft.term,
        "vote": names.get(raft.vote, ""),
        "lead": names.get(raft.lead, ""),
        "first": log.first_index,
        "last": log.last_index,
        "commit": raft.commit,
        "applied": raft.applied,
        "log": [[entry.index, entry.term, kind_of(entry)] for entry in entries],
        "votes": {names.get(id, f"{id:x}"): vote for id, vote in dict(raft.votes).items()},
    }


def kind_of(entry: Any) -> str:
    """What an entry holds, in a word or two: `put`, `empty`, `conf change`."""
    if entry.type == 1:
        return "conf change"
    if entry.data is None:
        return "empty"
    return str(getattr(entry.data, "kind", "a write")).replace("_", " ")


def under_way(etcd: Any) -> list[State]:
    """The messages that are between members now, when the cluster has links."""
    start = etcd.loop.clock.now() - etcd.loop.clock.elapsed()
    return [
        {
            **message_figures(flight.message, flight.sender.plan.name, flight.target.plan.name),
            "sent": flight.sent - start,
            "due": flight.due - start,
        }
        for flight in getattr(etcd, "in_flight", ())
    ]


def message_figures(message: Any, sender: str, target: str) -> State:
    """A message of Raft as a record would carry it."""
    return {
        "type": message.type,
        "from": sender,
        "to": target,
        "term": message.term,
        "index": message.index,
        "log_term": message.log_term,
        "entries": [[entry.index, entry.term, kind_of(entry)] for entry in message.entries or ()],
        "commit": message.commit,
        "reject": bool(message.reject),
        "lost": "",
    }


def links_of(etcd: Any) -> list[State] | None:
    """The links that are not whole, when the cluster has links."""
    links = getattr(etcd, "links", None)
    broken = getattr(links, "broken", None)
    return None if broken is None else list(broken() if callable(broken) else broken)
