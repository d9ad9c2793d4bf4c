"""Disks for the schedules: a member's real files, on a disk whose power cuts tear what was not synced."""

from __future__ import annotations

from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.storage import MemberStorage
from kubekit.sim import Rng

SEGMENT = 1 << 12
"""Bytes of a segment of the log: so few that there are several."""


class TornDisk(MemoryDisk):
    """A disk of which chance decides, at every power cut, how much of what was not synced it has kept."""

    def __init__(self, rng: Rng) -> None:
        super().__init__(lazy=rng.random() < 0.5)
        self._rng = rng
        self.power_cuts = 0

    def crash(self, rng: Rng | None = None) -> None:
        self.power_cuts += 1
        super().crash(self._rng)


class Files(Storage, MemberStorage):
    """etcd's own files, in memory."""

    def __init__(self, rng: Rng) -> None:
        self.torn_disk = TornDisk(rng)
        super().__init__(self.torn_disk, segment_size=SEGMENT)
