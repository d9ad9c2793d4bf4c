"""Random schedules of faults over whole etcd clusters: linearizable, and nothing acknowledged is lost.

A failure prints its seed, what happened, and a command that replays it.
"""

from __future__ import annotations

import os

import pytest

from kubekit.etcd.errors import EtcdError
from kubekit.raft import read_only
from kubekit.raft.read_only import PendingRead, answer
from tests.faults.schedule import Schedule, check

SCHEDULES = 2000 if os.environ.get("KUBEKIT_NIGHTLY") else 200
PER_TEST = 20


@pytest.mark.parametrize("first", range(0, SCHEDULES, PER_TEST))
def test_clients_see_one_register_whatever_fails(first: int) -> None:
    operations = acknowledged = watched = power_cuts = 0
    for seed in range(first, first + PER_TEST):
        schedule = check(seed)
        operations += len(schedule.history.operations)
        acknowledged += sum(len(client.acknowledged) for client in schedule.clients)
        watched += sum(len(watcher.seen) for watcher in schedule.watchers)
        power_cuts += sum(disk.torn_disk.power_cuts for disk in schedule.disks.values())
    # The faults leave enough room for work: else nothing would be tested.
    assert operations > 100 * PER_TEST and acknowledged > 30 * PER_TEST < watched
    assert power_cuts > PER_TEST // 2


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> list[str]:
        schedule = Schedule(seed)
        schedule.run()
        return schedule.happened + [str(operation) for operation in schedule.history.operations]

    assert run(3) == run(3) != run(4)


def test_a_leader_that_answers_reads_without_asking_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedules are sharp enough: this leaves out one rule, and some client sees the past."""

    def start(raft: object, messages: list[object]) -> None:
        for message in messages:
            read = PendingRead(message.frm, message.context, raft.log.committed)  # type: ignore[attr-defined]
            answer(raft, read)  # type: ignore[arg-type]

    monkeypatch.setattr(read_only, "start", start)
    with pytest.raises(AssertionError, match="no order explains what was seen of"):
        for seed in range(30, 80):
            check(seed)


def test_what_is_lost_is_noticed() -> None:
    schedule = Schedule(1)
    client = schedule.clients[0]
    schedule.run()
    assert schedule.verdict() is None
    revision, key, value = client.acknowledged[-1]
    client.acknowledged[-1] = (revision, key, b"something else")
    assert "lost" in str(schedule.verdict())
    client.acknowledged[-1] = (revision, key, value)
    watcher = schedule.watchers[0]
    missed = watcher.seen.pop(7)
    assert f"watcher-1 missed [{missed}]" in str(schedule.verdict())
    watcher.seen.insert(7, missed)
    watcher.seen.insert(7, missed)
    assert "watcher-1 missed [] or saw others" in str(schedule.verdict())
    schedule.belonging()[0].store.put(b"z", b"only here")
    assert schedule.verdict() == "members hold different things"


def test_reads_that_fail_and_writes_that_were_refused_are_left_out() -> None:
    schedule = Schedule(1)
    history = schedule.history
    client = schedule.clients[0]
    before = len(history.operations)
    for member in schedule.etcd.members.values():
        member.crash()
    for kind, argument in (("get", None), ("put", b"1")):
        operation = history.call(client.name, kind, b"a", argument)
        client.note(operation, EtcdError("lost"))
    assert [operation.kind for operation in history.operations[before:]] == ["put"]
    client.ask("put", b"a", b"2", "KV/Put", {"key": b"a", "value": b"2"})
    assert len(history.operations) == before + 1  # the connection was refused: it never happened
