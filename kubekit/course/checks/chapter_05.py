"""Chapter 05, Raft and quorum: quorums, partitions, learners, and members that are lost."""

from __future__ import annotations

from typing import Any

from kubekit.course.checks.chapter_04 import keys_like, value
from kubekit.course.exercise import Finding, Findings, Look, exercise

THAWED = "/registry/configmaps/default/thawed"
LOSSES = {3: 1, 4: 1, 5: 2, 7: 3}
THREE = ("etcd-1", "etcd-2", "etcd-3")


def running(look: Look) -> list[str]:
    """The names of the members that run."""
    return [name for name, member in look.cluster.etcd.members.items() if member.running]


def info(look: Look, name: str) -> Any:
    """What the cluster's membership says of a member with a host of this name, or None."""
    leader = look.cluster.etcd.leader
    if leader is None:
        return None
    host = look.cluster.etcd_hosts.get(name)
    urls = {f"https://{host.ip}:2380"} if host is not None else set()
    return next((m for m in leader.members if m.name == name or urls & set(m.peer_urls)), None)


def no_leader(look: Look) -> Finding:
    """Nobody leads, so nothing can be said for certain."""
    return look.expect(
        "a member leads",
        expected="a quorum, and in it a leader",
        observed=f"no leader; running: {', '.join(running(look)) or 'nobody'}",
        where="`cluster.etcd`; a majority of the members must run, and have some seconds to elect one",
    )


def not_here(look: Look, name: str) -> Finding | None:
    """The exercise belongs to another cluster."""
    if look.cluster.name == name:
        return None
    return look.nothing_yet(
        "The current cluster is another one.", "run the first cell of the section, or `kubekit.use(...)`"
    )


@exercise(
    "05.1",
    "Thaw a frozen cluster",
    hints=[
        "How many of three are a majority? How many run?",
        "A member that starts finds its log on its disk, and asks the others for what it missed.",
        '`cluster.start("etcd-1")`, `cluster.advance("30s")`, then kubectl',
        '`cluster.start("etcd-1")`, `cluster.advance("30s")`, `%kubectl create configmap thawed`',
    ],
    waits_for=["two of three members run", "the ConfigMap `thawed` is stored"],
)
def thaw(look: Look) -> Findings:
    if (other := not_here(look, "quorum")) is not None:
        yield other
        return
    up = running(look)
    made = value(look, THAWED) is not None
    if not made and (len(up) < 2 or not _was_frozen(look)):
        yield look.nothing_yet(f"{len(up)} of 3 members run, and there is no ConfigMap thawed.")
        return
    most = _most_started(look)
    yield look.expect(
        "two of three members run",
        expected="one member was started, which makes two",
        observed=f"{most} were started",
        holds=most <= 1,
        where="`cluster.etcd`: two of three are a majority already",
    )
    elsewhere = [key for key in keys_like(look, b"/registry/configmaps/") if "thaw" in key.lower()]
    yield look.expect(
        "the ConfigMap thawed is stored",
        expected="thawed in namespace default",
        observed=elsewhere or "no such ConfigMap",
        holds=made,
        where="`%kubectl create configmap thawed`, after some seconds: a leader has to be elected first",
    )


def _was_frozen(look: Look) -> bool:
    """Whether the quorum had been lost before."""
    return any(_losses(look))


def _losses(look: Look) -> list[int]:
    """Places in the records at which two members were down."""
    down: set[str] = set()
    found = []
    for place, (name, verb) in enumerate(_comings(look)):
        if verb in ("crashes", "is stopped", "does not start"):
            down.add(name)
            if len(down) >= 2:
                found.append(place + 1)
        elif verb == "starts":
            down.discard(name)
    return found


def _comings(look: Look) -> list[tuple[str, str]]:
    """What members did, in order: (name, verb)."""
    found = []
    for record in look.cluster.records.kind("component"):
        name, _, verb = record.sentence.rstrip(".").partition(" ")
        if name in look.cluster.etcd.members:
            found.append((name, verb))
    return found


def _most_started(look: Look) -> int:
    """How many members were started after the first loss of the quorum, before `thawed` could be written.

    Later sections start the rest; what counts is the state in which the ConfigMap was made.
    """
    losses = _losses(look)
    started: set[str] = set()
    made = next(
        (
            record.id
            for record in look.cluster.records.of("configmap/default/thawed")
            if record.kind == "request"
            and isinstance(record.came_out, dict)
            and record.came_out.get("writes")
        ),
        None,
    )
    seen = 0
    for record in look.cluster.records.kind("component"):
        name, _, verb = record.sentence.rstrip(".").partition(" ")
        if name not in look.cluster.etcd.members:
            continue
        seen += 1
        if losses and seen > losses[0] and (made is None or record.id < made):
            if verb == "starts":
                started.add(name)
            else:
                started.discard(name)
    return len(started)


@exercise(
    "05.2",
    "How many may be lost",
    hints=[
        "A write needs a majority of all members, also of those that are down.",
        "The majority of n is n // 2 + 1; what is left over may be lost.",
        "`%etcdctl put /course/losses/3 1`, and think again for 4",
        "3: 1, 4: 1, 5: 2, 7: 3",
    ],
    waits_for=["a key for each of 3, 4, 5 and 7 members", "each with the right number"],
)
def why_not_four(look: Look) -> Findings:
    answers = {size: value(look, f"/course/losses/{size}") for size in LOSSES}
    if not any(answers.values()):
        yield look.nothing_yet("There is no key below /course/losses/ yet.")
        return
    for size, right in LOSSES.items():
        majority = size // 2 + 1
        said = answers[size]
        meant = ", which is the majority itself" if said == str(majority) else ""
        yield look.expect(
            f"of {size} members",
            expected=f"as many as leave a majority of {size} running",
            observed="no key" if said is None else f"{said}{meant}",
            holds=said is not None and said.strip() == str(right),
            where=f"a write needs {majority} of {size}: how many are left over?"
            if said is not None
            else f"`%etcdctl put /course/losses/{size} NUMBER`",
        )


@exercise(
    "05.3",
    "Promote a learner",
    hints=[
        "`%etcdctl member --help` lists what can be done to a member.",
        "A learner is promoted once it has caught up with the leader.",
        "`%etcdctl member promote ID`; the ID is the first column of `%etcdctl member list`",
        "`LEARNER=$(etcdctl member list | grep etcd-2 | cut -d, -f1)`, `etcdctl member promote $LEARNER`",
    ],
    waits_for=["etcd-2 belongs to the cluster", "it votes", "it runs"],
)
def promote(look: Look) -> Findings:
    if (other := not_here(look, "quorum")) is not None:
        yield other
        return
    if look.cluster.etcd.leader is None:
        yield look.nothing_yet("Nobody leads: the cluster has no quorum.", "`cluster.etcd`")
        return
    found = info(look, "etcd-2")
    learned = any("learner" in record.sentence for record in look.cluster.records.kind("raft"))
    if not learned or (found is not None and found.learner and look.cluster.etcd.member("etcd-2").running):
        yield look.nothing_yet(
            "etcd-2 is a learner."
            if learned
            else "No learner has been added yet: run the section's cells first."
        )
        return
    yield look.expect(
        "etcd-2 belongs to the cluster",
        expected="a member etcd-2",
        observed="it was removed",
        holds=found is not None,
        where="`%etcdctl member list`: it has to be added again, as a learner",
    )
    if found is None:
        return
    yield look.expect(
        "it votes",
        expected="a voting member that has started",
        observed="a learner" if found.learner else "a voting member that has not started",
        holds=not found.learner and bool(found.name),
        where="`%etcdctl member list`: the state and the last column",
    )
    yield look.expect(
        "it runs",
        expected="running",
        observed=look.cluster.etcd.member("etcd-2").state,
        where='`cluster.start("etcd-2")`; a voting member that is down costs one of two that may be lost',
    )


@exercise(
    "05.4",
    "Replace a member with a broken log",
    hints=[
        "Its log cannot be trusted any more: treat the member as lost. Nothing that it has is needed.",
        "Remove it from the membership, take its data away, add it, and let it join an existing cluster.",
        "`etcdctl member remove`, `rm -rf /var/lib/etcd/member` on etcd-2, `etcdctl member add`, "
        "and `--initial-cluster-state=existing` in /etc/kubernetes/manifests/etcd.yaml on etcd-2",
        "The cells of the section before, without --learner, and with the `rm` on etcd-2.",
    ],
    waits_for=["the cluster has three members again", "etcd-2 runs", "all three have the same log"],
)
def broken_log(look: Look) -> Findings:
    if (other := not_here(look, "sick")) is not None:
        yield other
        return
    etcd = look.cluster.etcd
    if etcd.leader is None:
        yield no_leader(look)
        return
    member, found = etcd.member("etcd-2"), info(look, "etcd-2")
    files = look.cluster.etcd_hosts["etcd-2"].files
    first = found is not None and "crc mismatch" in member.exit_error and found.id == member.id
    if first and files.exists("/var/lib/etcd/member"):
        yield look.nothing_yet("etcd-2 does not start: its log is broken, as it was.")
        return
    yield look.expect(
        "the cluster has three members again",
        expected="etcd-1, etcd-2, etcd-3",
        observed=", ".join(sorted(m.name or "one that has not started" for m in etcd.leader.members)),
        holds=found is not None and len(etcd.leader.members) == 3,
        where="`%etcdctl member list`; `%etcdctl member add etcd-2 --peer-urls=https://192.168.0.22:2380`",
    )
    why = f": {member.exit_error}" if member.exit_error and not member.running else ""
    yield look.expect(
        "etcd-2 runs",
        expected="running",
        observed=f"{member.state}{why}",
        holds=member.running and member.serving and found is not None and bool(found.name),
        where=_advice(member.exit_error),
    )
    behind = [name for name in running(look) if etcd.members[name].applied < etcd.leader.applied]
    yield look.expect(
        "all three have the same log",
        expected="the leader's index everywhere",
        observed=f"behind: {', '.join(behind)}" if behind else f"{len(running(look))} of 3 run",
        holds=not behind and len(running(look)) == 3,
        where="`%etcdctl endpoint status`, and some seconds: `sick.advance('10s')`",
    )


def _advice(error: str) -> str:
    if "crc mismatch" in error:
        return "its log on its disk: `rm -rf /var/lib/etcd/member`, in `%%ssh etcd-2`"
    if "bootstrapped" in error:
        return "the others remember it: first `member remove` and `member add`, then let it join"
    return (
        "the last line of /var/log/containers/etcd-*.log on etcd-2, and `--initial-cluster-state` "
        "in its manifest: the cluster that it joins exists"
    )


@exercise(
    "05.5",
    "Hand the leadership over",
    hints=[
        "It is not a command of `member`, and it does not stop anything.",
        "The leader can name its successor, and sees to it that it has everything first.",
        "`%etcdctl move-leader ID`",
        "`TARGET=$(etcdctl member list | grep etcd-3 | cut -d, -f1)`, `etcdctl move-leader $TARGET`",
    ],
    waits_for=["etcd-3 leads", "no member was stopped for it"],
)
def hand_over(look: Look) -> Findings:
    if (other := not_here(look, "sick")) is not None:
        yield other
        return
    leader = look.cluster.etcd.leader
    ended = [name for name, verb in _comings(look) if verb in ("crashes", "is stopped") and name != "etcd-2"]
    if leader is not None and leader.name == "etcd-1" and not ended:
        yield look.nothing_yet("etcd-1 leads, as before.")
        return
    yield look.expect(
        "etcd-3 leads",
        expected="etcd-3",
        observed="nobody" if leader is None else leader.name,
        where="the ID in `%etcdctl member list`: names and IDs are not in the same order",
    )
    yield look.expect(
        "no member was stopped for it",
        expected="an order from the leader",
        observed=f"{', '.join(dict.fromkeys(ended))} was stopped, and there was an election",
        holds=not ended,
        where="`%etcdctl move-leader ID`: without it, nobody leads for a second, and writes fail",
    )


@exercise(
    "05.6",
    "Who leads, and what is the quorum",
    hints=[
        "One command shows who leads, but by address and ID.",
        "`endpoint status -w table` has a column IS LEADER, `member list -w table` has the names.",
        "`%etcdctl put /course/leader NAME`, `%etcdctl put /course/quorum NUMBER`",
        "The name behind the leader's ID, and 2.",
    ],
    waits_for=["/course/leader holds the leader's name", "/course/quorum the number"],
)
def who_leads(look: Look) -> Findings:
    if (other := not_here(look, "sick")) is not None:
        yield other
        return
    said, number = value(look, "/course/leader"), value(look, "/course/quorum")
    if said is None and number is None:
        yield look.nothing_yet("There are no keys /course/leader and /course/quorum yet.")
        return
    leader = look.cluster.etcd.leader
    if leader is None:
        yield no_leader(look)
        return
    known = {f"{m.id:x}": "an ID, not a name" for m in leader.members}
    known |= {m.name: "a follower" for m in leader.members if m.id != leader.id}
    remark = known.get(said or "", "no member's name")
    yield look.expect(
        "/course/leader holds the leader's name",
        expected="the name of the member that leads",
        observed="no key" if said is None else f"{said}, {remark}",
        holds=said is not None and said.strip() == leader.plan.name,
        where="`%etcdctl endpoint status -w table`, IS LEADER; the name behind that ID in `member list`",
    )
    yield look.expect(
        "/course/quorum holds the quorum",
        expected="the smallest majority of three",
        observed="no key" if number is None else number,
        holds=number is not None and number.strip() == "2",
        where="more than half of the members: of three, with or without the one that may be lost",
    )
