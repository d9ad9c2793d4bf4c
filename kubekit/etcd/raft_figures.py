"""RaftFigures: a member and a message as plain values, for records and the views that draw them.

A state is taken at a moment and does not change; `state_figures` turns it into what a record carries when
somebody looks. Members are named, not numbered. States are taken with each record, so they are plain tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from kubekit.raft import CONF_CHANGE, Entry
from kubekit.raft.messages import Message

TAIL = 10
"""Entries of the log that a state shows."""


State: TypeAlias = tuple[
    str, bool, str, int, int, int, int, int, int, int, Sequence[Entry], dict[int, bool], dict[int, str]
]
"""A member at a moment: role, learner, state, term, vote, leader, first and last index, commit, applied, the
last entries, the votes that it has (while it campaigns), and the names of all members by id."""


def state_figures(state: State) -> dict[str, Any]:
    """A state as views draw it."""
    role, learner, component, term, vote, lead, first, last, commit, applied, tail, votes, names = state
    return {
        "role": role,
        "learner": learner,
        "state": component,
        "term": term,
        "vote": names.get(vote, f"{vote:x}") if vote else "",
        "lead": names.get(lead, f"{lead:x}") if lead else "",
        "first": first,
        "last": last,
        "commit": commit,
        "applied": applied,
        "log": [[entry.index, entry.term, kind_of(entry)] for entry in tail],
        "votes": {names.get(id, f"{id:x}"): granted for id, granted in votes.items()},
    }


def told(
    what: str,
    name: str,
    state: State,
    messages: Sequence[Message],
    lost: Sequence[tuple[Message, str]],
    now: float,
    slow: dict[str, float],
) -> dict[str, Any]:
    """What a record of a member carries; `slow` are the delays of its links by name."""
    out: dict[str, Any] = {"what": what, "members": {name: state_figures(state)}}
    if messages:
        why = {id(message): reason for message, reason in lost}
        names = state[-1]
        out["messages"] = [
            message_figures(message, names, why.get(id(message), ""), now, slow) for message in messages
        ]
    return out


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
