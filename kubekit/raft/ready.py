"""What a member has ready for the program that holds it.

Source: go.etcd.io/raft v3.6, rawnode.go and node.go (Ready, MustSync).
"""

from __future__ import annotations

from typing import Any

from kubekit.raft.messages import Entry, HardState, Message, Snapshot


class Ready:
    """To be stored, sent and applied, in this order:

    `snapshot`: a leader's, in place of everything stored so far; then `entries`, which replace whatever is
    stored from the first one's index on; then `hard_state`, if it has changed. `messages` go out after
    that. `committed` is to be applied in order. `read_states` are (index, context): what was asked with
    `read_index` may be read once `index` is applied.
    """

    __slots__ = ("committed", "entries", "hard_state", "messages", "must_sync", "read_states", "snapshot")

    def __init__(
        self,
        hard_state: HardState | None,
        entries: list[Entry],
        snapshot: Snapshot | None,
        committed: list[Entry],
        messages: list[Message],
        read_states: list[tuple[int, Any]],
        previous: HardState,
    ) -> None:
        self.hard_state = hard_state
        self.entries = entries
        self.snapshot = snapshot
        self.committed = committed
        self.messages = messages
        self.read_states = read_states
        self.must_sync = bool(entries) or (
            hard_state is not None and (hard_state.term, hard_state.vote) != previous[:2]
        )
        """Whether a crash must not lose this. The commit index alone may be lost: it is found again."""
