"""How the Raft room refuses, and how it says that what it stands on is broken.

`ProposalDropped` is an answer: the proposal went nowhere, try again. The others mean that a member's
memory contradicts what it told others earlier (a lost disk, a program above that breaks the contract); the
member that raises one must be stopped, as the original's panic does.

Source: go.etcd.io/raft v3.6, raft.go, log.go, storage.go, confchange/confchange.go.
"""

from __future__ import annotations


class RaftError(Exception):
    """Anything this room raises."""


class ProposalDropped(RaftError):
    """Nobody took the proposal: no leader is known, leadership is being handed over, or the leader has
    been removed. It will never be committed under this call.
    """

    def __init__(self, why: str = "") -> None:
        super().__init__("raft proposal dropped")
        self.why = why


class LogLost(RaftError):
    """The log is shorter than what this member once acknowledged."""

    def __init__(self, commit: int, last_index: int) -> None:
        super().__init__(
            f"tocommit({commit}) is out of range [lastIndex({last_index})]. "
            "Was the raft log corrupted, truncated, or lost?"
        )
        self.commit = commit
        self.last_index = last_index


class LogConflict(RaftError):
    """A leader sent an entry that contradicts one already known committed."""

    def __init__(self, index: int, commit: int) -> None:
        super().__init__(f"entry {index} conflict with committed entry [committed({commit})]")


class Compacted(RaftError):
    """Those entries are gone; a snapshot stands for them."""

    def __init__(self) -> None:
        super().__init__("requested index is unavailable due to compaction")


class SnapshotOutOfDate(RaftError):
    """There is already a snapshot at least as new."""

    def __init__(self) -> None:
        super().__init__("requested index is older than the existing snapshot")


class WrongConfChange(RaftError):
    """The membership change would leave no voters."""
