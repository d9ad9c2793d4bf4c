"""RaftFigures: a member and a message as plain values, for records and the views that draw them.

A `State` is taken at a moment and does not change; `figures` turns it into what a record carries when
somebody looks. Members are named, not numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kubekit.raft import CONF_CHANGE, Entry
from kubekit.raft.messages import Message

TAIL = 10
"""Entries of the log that a state shows."""


class State(NamedTuple):
    """A member at a moment; `names` are those of all members by id."""

    role: str
    learner: bool
    state: str
    term: int
    vote: int
    lead: int
    first: int
    last: int
    commit: int
    applied: int
    tail: Sequence[Entry]
    votes: dict[int, bool]
    names: dict[int, str]

    def figures(self) -> dict[str, Any]:
        """As views draw it."""
        name = self.names.get
        return {
            "role": self.role,
            "learner": self.learner,
            "state": self.state,
            "term": self.term,
            "vote": name(self.vote, f"{self.vote:x}") if self.vote else "",
            "lead": name(self.lead, f"{self.lead:x}") if self.lead else "",
            "first": self.first,
            "last": self.last,
            "commit": self.commit,
            "applied": self.applied,
            "log": [[entry.index, entry.term, kind_of(entry)] for entry in self.tail],
            "votes": {name(id, f"{id:x}"): granted for id, granted in self.votes.items()},
        }


def kind_of(entry: Entry) -> str:
    """One or two words for what an entry holds."""
    if entry.type == CONF_CHANGE:
        return "conf change"
    return "empty" if entry.data is None else str(entry.data.kind).replace("_", " ")


def message_figures(
    message: Message, names: dict[int, str], lost: str, sent: float, slow: dict[str, float]
) -> dict[str, Any]:
    """A message as views draw it; `slow` are the delays of the sender's links by name."""
    to = names.get(message.to, f"{message.to:x}")
    return {
        "type": message.type,
        "from": names.get(message.frm, f"{message.frm:x}"),
        "to": to,
        "term": message.term,
        "index": message.index,
        "log_term": message.log_term,
        "entries": [[entry.index, entry.term, kind_of(entry)] for entry in message.entries],
        "commit": message.commit,
        "reject": message.reject,
        "lost": lost,
        "sent": round(sent, 6),
        "due": round(sent + slow.get(to, 0.0), 6),
    }
