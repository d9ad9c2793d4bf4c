"""RaftRecords: what a member tells of its Raft, so that it can be looked at afterwards.

A record says in one sentence what happened, and carries the figures: the member as it is afterwards, the
messages that it sent, and which of them were lost. Signs of life that change nothing leave no record, and
neither does a campaign that fails as the one before it did. A cluster of one agrees with nobody: of it only
what concerns the membership, alarms and what a start found on the disk is told.

The figures are made when somebody looks (`kubekit.sim.Record`), from values that do not change any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kubekit.etcd.links import Lost
from kubekit.etcd.membership import Promotion
from kubekit.etcd.messages import Message as Body
from kubekit.etcd.raft_figures import TAIL, State, kind_of, told
from kubekit.raft import ADD_LEARNER, ADD_NODE, REMOVE_NODE, ConfChange, Entry, Snapshot
from kubekit.raft.messages import (
    Message,
    MsgApp,
    MsgAppResp,
    MsgHeartbeat,
    MsgHeartbeatResp,
    MsgPreVote,
    MsgPreVoteResp,
    MsgProp,
    MsgReadIndex,
    MsgReadIndexResp,
    MsgVote,
    MsgVoteResp,
)
from kubekit.raft.ready import Ready
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

_SILENT = frozenset({MsgHeartbeat, MsgHeartbeatResp, MsgReadIndex, MsgReadIndexResp})
_VOTES = frozenset({MsgPreVote, MsgVote, MsgPreVoteResp, MsgVoteResp})
_NO_VOTES: dict[int, bool] = {}
_NO_DELAYS: dict[str, float] = {}
_KINDS = {0: "NONE", 1: "NOSPACE", 2: "CORRUPT"}


class RaftRecords:
    """The records of one member."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._names: dict[int, str] = {}
        self._stamp = (-1, -1)
        self._subject = f"member/{replica.plan.name}"
        self._campaigned = (0, "")
        """The term and sort of the last campaign that was told of."""

    # -- figures ----------------------------------------------------------------------------------------

    @property
    def many(self) -> bool:
        """Whether there is anybody to agree with."""
        replica = self._replica
        return bool(replica.raft.others) or len(replica.membership.by_id) > 1

    def _all_names(self) -> dict[int, str]:
        """The members' names by id: a new dict when they have changed, else the same one."""
        links, membership = self._replica.links, self._replica.membership
        stamp = (membership.changes, links.changes)
        if stamp != self._stamp:
            self._stamp = stamp
            self._names = {id: membership.name_of(id) for id in membership.by_id}
            self._names.update((id, other.plan.name) for id, other in links.members.items())
        return self._names

    def state(self) -> State:
        """The member as it is now."""
        replica, raft = self._replica, self._replica.raft
        log = raft.log
        tail = log.entries(max(log.first_index, log.last_index - TAIL + 1), log.last_index + 1)
        return (
            raft.role,
            raft.learner,
            replica.state,
            raft.term,
            raft.vote,
            raft.lead,
            log.first_index,
            log.last_index,
            log.committed,
            replica.applied,
            tail,
            dict(raft.votes) if raft.role in ("candidate", "pre-candidate") else _NO_VOTES,
            self._all_names(),
        )

    def emit(
        self,
        what: str,
        sentence: str | Callable[[], str],
        *,
        steps: Sequence[Step] | Callable[[], Sequence[Step]] = (),
        messages: Sequence[Message] = (),
        lost: Sequence[Lost] = (),
    ) -> None:
        """Tell of something that happened to this member."""
        replica = self._replica
        name, trace = replica.plan.name, replica.loop.trace
        slow = replica.links.delays_of(name) if messages else _NO_DELAYS
        out = partial(told, what, name, self.state(), messages, lost, trace.clock.elapsed(), slow)
        trace.emit("raft", replica.name, self._subject, sentence, None, steps, out)

    def _name(self, id: int) -> str:
        return self._all_names().get(id, f"{id:x}")

    # -- Raft -------------------------------------------------------------------------------------------

    def done(self, ready: Ready, sent: Sequence[Message], lost: Sequence[Lost]) -> None:
        """Tell what was stored, agreed on and sent."""
        messages: list[Message] = []
        votes = False
        for message in sent:
            if message.type not in _SILENT:
                messages.append(message)
                votes = votes or message.type in _VOTES
        if not (messages or ready.entries or ready.committed) or not self.many:
            return
        if votes:
            self._votes([message for message in messages if message.type in _VOTES], lost)
            messages = [message for message in messages if message.type not in _VOTES]
        if ready.entries:
            self._stored(ready.entries, messages, lost)
            messages = []
        if ready.committed and ready.committed[-1].index > self._replica.replayed_to:
            self._committed(ready.committed, messages, lost)
        elif messages:
            self._other(messages, lost)

    def _stored(self, entries: Sequence[Entry], messages: Sequence[Message], lost: Sequence[Lost]) -> None:
        me, raft = self._replica.plan.name, self._replica.raft
        names = self._all_names()
        if raft.role == "leader":
            sentence = partial(_puts, me, entries, names, messages)
        else:
            sentence = partial(_stores, me, entries, names.get(raft.lead, ""))
        self.emit("append", sentence, messages=messages, lost=lost)

    def _committed(self, entries: Sequence[Entry], messages: Sequence[Message], lost: Sequence[Lost]) -> None:
        me, raft = self._replica.plan.name, self._replica.raft
        if raft.role == "leader":
            names = self._all_names()
            have = [(names.get(id, f"{id:x}"), raft.progress[id].match) for id in raft.voters]
            self.emit(
                "commit",
                partial(_commits, me, entries, have),
                steps=partial(_who_has, entries[-1].index, have),
                messages=messages,
                lost=lost,
            )
        else:
            self.emit("apply", partial(_applies, me, entries), messages=messages, lost=lost)

    def _other(self, messages: Sequence[Message], lost: Sequence[Lost]) -> None:
        """What is sent by itself: a proposal that is passed on, a question where logs differ, a snapshot."""
        me, names = self._replica.plan.name, self._all_names()
        told = [
            message
            for message in messages
            if message.type != MsgAppResp or message.reject or message.index > self._replica.raft.commit
        ]
        # An empty MsgApp that only carries the commit index is told of by whom it reaches.
        told = [message for message in told if message.type != MsgApp or message.entries or lost]
        if not told:
            return
        kind, to = told[0].type, _and([names.get(message.to, f"{message.to:x}") for message in told])
        if kind == MsgProp:
            self.emit("propose", f"{me} passes a proposal on to {to}.", messages=told, lost=lost)
        else:
            self.emit("append", f"{me} sends {kind} to {to}.", messages=told, lost=lost)

    def _votes(self, messages: Sequence[Message], lost: Sequence[Lost]) -> None:
        me, raft = self._replica.plan.name, self._replica.raft
        asked = [message for message in messages if message.type in (MsgPreVote, MsgVote)]
        if asked:
            sort = asked[0].type
            if self._campaigned == (raft.term, sort):
                return
            self._campaigned = (raft.term, sort)
            to = _and([self._name(message.to) for message in asked])
            if sort == MsgPreVote:
                text = (
                    f"{me} hears no leader and asks {to} whether they would vote for it "
                    f"in term {asked[0].term}."
                )
            else:
                text = f"{me} stands for election in term {raft.term}, votes for itself and asks {to}."
            self.emit("campaign", text, messages=asked, lost=lost)
        for message in messages:
            if message.type in (MsgPreVoteResp, MsgVoteResp):
                self._vote(message, lost)

    def _vote(self, message: Message, lost: Sequence[Lost]) -> None:
        me, raft = self._replica.plan.name, self._replica.raft
        who = self._name(message.to)
        trial = message.type == MsgPreVoteResp
        if not message.reject:
            verb = "would vote" if trial else "votes"
            sentence, step = f"{me} {verb} for {who} in term {message.term}.", Step("log and term", "pass")
        else:
            if raft.vote and raft.vote != message.to and not trial:
                why = f"it has voted for {self._name(raft.vote)} in this term"
            elif message.term > raft.term or trial:
                why = "its own log is newer, or the term is old"
            else:
                why = "its own log is newer"
            sentence, step = f"{me} refuses {who} its vote: {why}.", Step("log and term", "refuse", why)
        self.emit("vote", sentence, steps=[step], messages=[message], lost=lost)

    def role_changed(self, before: tuple[int, str, int]) -> None:
        """Who leads, or what this member is, has changed; `before` is (lead, role, term)."""
        if not self.many:
            return
        me, raft = self._replica.plan.name, self._replica.raft
        if raft.role == "leader" and before[1] != "leader":
            votes = [self._name(id) for id, granted in sorted(raft.votes.items()) if granted]
            by = f" with the votes of {_and(votes)}" if votes else ""
            self.emit("elected", f"{me} is elected leader of term {raft.term}{by}.")
        elif before[1] == "leader" and raft.role != "leader":
            why = "it has not heard of a majority" if raft.term == before[2] else "it met a higher term"
            if raft.id not in raft.voters:
                why = "it does not vote any more"
            self.emit("step down", f"{me} leads no more: {why}.")
        elif raft.lead and raft.lead != before[0]:
            self.emit("follow", f"{me} follows {self._name(raft.lead)} in term {raft.term}.")

    def transfer(self, target: int) -> None:
        """Leadership is to be handed over."""
        if self.many:
            me = self._replica.plan.name
            self.emit("transfer", f"{me} hands leadership over to {self._name(target)}.")

    # -- the state machine ------------------------------------------------------------------------------

    def conf_changed(self, change: ConfChange) -> None:
        """A change of the membership took effect here."""
        replica = self._replica
        if replica.applied <= replica.replayed_to:
            return
        who = replica.membership.name_of(change.node_id)
        if isinstance(change.context, Promotion):
            text = f"learner {who} votes from now on"
        elif change.type == ADD_LEARNER:
            text = f"{who} belongs to the cluster, as a learner"
        elif change.type == ADD_NODE:
            text = f"{who} belongs to the cluster"
        elif change.type == REMOVE_NODE:
            text = f"{self._name(change.node_id)} does not belong to the cluster any more"
        else:
            text = f"{who} has other peer addresses"
        voters = len(replica.raft.voters)
        self.emit(
            "conf change",
            f"{replica.plan.name}: {text}; {voters} vote, {voters // 2 + 1} of them are a quorum.",
        )

    def alarm(self, body: Body) -> None:
        """An alarm went through the log."""
        action, kind = body.get("action", 0), _KINDS.get(body.get("alarm", 0), "")
        if action and kind:
            who = self._name(body.get("memberID", 0))
            text = "is raised" if action == 1 else "is disarmed"
            self.emit("alarm", f"{self._replica.plan.name}: alarm {kind} of {who} {text}.")

    def restored(self, applied: int, entries: int) -> None:
        """A start found more on the disk than a beginning."""
        again = self._replica.replayed_to - applied
        me = self._replica.plan.name
        found = f"a snapshot of entry {applied}" if applied else ""
        if entries:
            found += f"{' and ' if found else ''}{entries} entries"
        self.emit("restore", f"{me} finds {found} on its disk; {again} entries are applied again.")

    def installed(self, snapshot: Snapshot) -> None:
        """The leader's whole state took the place of this member's."""
        me = self._replica.plan.name
        self.emit("snapshot", f"{me} takes over the leader's state as of entry {snapshot.index}.")

    def saved_snapshot(self, snapshot: Snapshot) -> None:
        """A snapshot was written to disk."""
        if self.many:
            me = self._replica.plan.name
            self.emit("snapshot", f"{me} writes a snapshot of entry {snapshot.index} to its disk.")

    # -- coming and going -------------------------------------------------------------------------------

    def came_or_went(self, what: str) -> None:
        """The member was started, stopped, crashed, paused or resumed."""
        if self.many:
            words = {"start": "starts", "stop": "stops", "crash": "crashes"}
            word = words.get(what, f"is {what}d")
            self.emit(what, f"{self._replica.plan.name} {word}.")

    def refused_start(self, why: str) -> None:
        """The member could not come up."""
        self.emit("start", f"{self._replica.plan.name} does not start: {why}.")

    def disk_lost(self) -> None:
        """Everything that it had written is gone."""
        self.emit("crash", f"{self._replica.plan.name} has lost its disk.")


def _puts(me: str, entries: Sequence[Entry], names: dict[int, str], messages: Sequence[Message]) -> str:
    to = [names.get(message.to, f"{message.to:x}") for message in messages if message.type == MsgApp]
    sends = f" and sends {'it' if len(entries) == 1 else 'them'} to {_and(to)}" if to else ""
    return f"{me} puts {_entries(entries)} into its log{sends}."


def _stores(me: str, entries: Sequence[Entry], lead: str) -> str:
    return f"{me} stores {_entries(entries)}" + (f" and says so to {lead}." if lead else ".")


def _commits(me: str, entries: Sequence[Entry], have: Sequence[tuple[str, int]]) -> str:
    last, one = entries[-1].index, len(entries) == 1
    count = sum(match >= last for _, match in have)
    return (
        f"{_entries(entries, capital=True)} {'is' if one else 'are'} committed: {count} of {len(have)} "
        f"members have {'it' if one else 'them'}; {me} applies."
    )


def _who_has(last: int, have: Sequence[tuple[str, int]]) -> list[Step]:
    return [
        Step(f"{name} has entry {last}", "pass" if match >= last else "wait", f"it has up to {match}")
        for name, match in have
    ]


def _applies(me: str, entries: Sequence[Entry]) -> str:
    return (
        f"{me} learns that {_entries(entries)} {'is' if len(entries) == 1 else 'are'} committed, and applies."
    )


def _entries(entries: Sequence[Entry], capital: bool = False) -> str:
    first, last = entries[0].index, entries[-1].index
    if first == last:
        return f"{'Entry' if capital else 'entry'} {first} ({kind_of(entries[0])})"
    return f"{'Entries' if capital else 'entries'} {first} to {last}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nobody"
