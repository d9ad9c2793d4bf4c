"""Options: how the members of a cluster are started, as far as it does not differ from member to member.

The names and values are those of etcd's flags. `MemberPlan` holds what does differ.
Source: server/embed/config.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Options:
    """Times in seconds, sizes in bytes; the values are etcd's own."""

    heartbeat: float = 0.1
    election: float = 1.0
    quota_bytes: int = 0
    """0: etcd's 2 GiB; below 0: no quota."""
    auto_compaction_mode: str = "periodic"
    auto_compaction_retention: str = "0"
    """"0": none; else as ``--auto-compaction-retention`` is written."""
    snapshot_count: int = 10_000
    """Entries after which a member writes a snapshot."""
    snapshot_catchup_entries: int = 5_000
    """Entries that stay in memory for followers that are behind."""
    pre_vote: bool = True
    initial_election_tick_advance: bool = True
    """Whether members that find each other at the start need not wait a whole election timeout."""
    strict_reconfig_check: bool = True
    lease_checkpoint_interval: float = 0.0
    """Seconds between two checkpoints of a lease's remaining time; 0: none, as etcd's default."""
    initial_corrupt_check: bool = False
    """Whether a member that starts compares itself with the others first, as kubeadm asks for."""
    corrupt_check_time: float = 0.0
    """Seconds between two comparisons of all members by the leader; 0: none."""
    compact_hash_check_time: float = 0.0
    """Seconds between two comparisons of what members held when they compacted; 0: none, as without the
    feature gate CompactHashCheck."""

    @property
    def election_ticks(self) -> int:
        """The election timeout in heartbeats."""
        return max(2, round(self.election / self.heartbeat))

    @property
    def request_timeout(self) -> float:
        """Seconds that a request may take: five, and two elections."""
        return 5.0 + 2 * self.election


class MemberPlan(NamedTuple):
    """How one member is started: etcd's flags of these names.

    `component` is its name in the cluster's list of components, the member's own when it is empty.
    `initial_cluster` are names with peer addresses, all members of the cluster when it is empty. `existing`
    is the initial cluster state: whether the member joins a cluster that runs already.
    """

    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    component: str = ""
    initial_cluster: tuple[tuple[str, tuple[str, ...]], ...] = ()
    existing: bool = False
