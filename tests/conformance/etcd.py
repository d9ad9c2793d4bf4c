"""etcd: everything that was recorded of etcd and its programs, sort by sort.

`operations` (requests and answers), `transcripts` (etcdctl and etcdutl), `cluster` (members that go and
come), `snapshots` (real files), `registry` (how the API server stores each kind) and `requests` (what it asks
of etcd). `--category` takes one of these names, or anything that the sort itself knows: a transcript's group,
a sequence's name. A folder that holds only some of the recordings is replayed as far as it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conformance import (
    etcd_cluster,
    etcd_operations,
    etcd_registry,
    etcd_snapshots,
    etcd_transcripts,
)
from tests.conformance.outcome import Outcome, find

Run = Callable[[Path, str | None], Outcome]

PARTS: dict[str, tuple[str, Run]] = {
    "operations": ("ops.jsonl", etcd_operations.run),
    "transcripts": ("etcdctl.jsonl", etcd_transcripts.run),
    "cluster": ("cluster.jsonl", etcd_cluster.run),
    "snapshots": ("snapshots", etcd_snapshots.run),
    "registry": ("registry-layout.jsonl", etcd_registry.layout),
    "requests": ("apiserver-rpcs.jsonl", etcd_registry.requests),
}
"""Each sort with its recording and what replays it."""


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay every sort whose recordings the folder has."""
    outcome = Outcome()
    for part, (recording, replay) in PARTS.items():
        if category in PARTS and category != part:
            continue
        if find(folder, recording) is None:
            continue
        found = replay(folder, None if category == part else category)
        if found.passed or found.failed:
            outcome.take(part, found)
    return outcome
