"""The raft theatre: what each stop shows is what the records said; what is asked is done, with its code."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from kubekit.views import raft_theatre
from kubekit.views.raft_frames import Standing, spoken
from kubekit.views.raft_theatre import RaftTheatre, kind_of
from tests.views.raft_story import NAMES, Story, message, mock_up


def theatre(story: Story, advance: Any = None) -> RaftTheatre:
    records = story.loop.trace.records
    return RaftTheatre(
        story,
        lambda: list(records),
        [["seed", "11"]],
        "story/11",
        clock=story.loop.clock.elapsed,
        advance=advance,
    )


@pytest.fixture
def story() -> Story:
    return mock_up()


def test_the_text_is_a_line_a_member(story: Story) -> None:
    view = theatre(story)
    assert repr(view).splitlines() == [
        "Cut in two, only the side with three members can write",
        "etcd-1  leader  3  9  8",
        "etcd-2  follower  3  9  8",
        "etcd-3  follower  4  10  9",
        "etcd-4  leader  4  10  9",
        "etcd-5  follower  4  9  9",
    ]
    assert view.table.columns == ["member", "role", "term", "last index", "commit"]
    json.dumps(view.scene)


def test_each_stop_has_the_title_that_held_then(story: Story) -> None:
    titles = [frame["title"] for frame in theatre(story).scene["records"]]
    assert titles[0] == "etcd-1 leads in term 3: every write needs 3 of 5"
    assert titles[3] == "Cut in two, only the side with three members can write"
    assert len(titles) == len(story.loop.trace.records)


def test_a_partition_shows_its_sides_and_what_was_dropped(story: Story) -> None:
    last = theatre(story).scene["records"][-1]
    assert [(side["members"], side["able"], side["text"]) for side in last["sides"]] == [
        (NAMES[:2], False, "2 of 5: no quorum"),
        (NAMES[2:], True, "3 of 5: quorum, can write"),
    ]
    assert last["lost"] == 6 and last["writable"] == "etcd-4"
    assert theatre(story).scene["seats"] == [NAMES[:2], NAMES[2:]]
    words = {item["text"] for item in last["legend"]}
    assert {"leader", "leader that has lost its quorum", "dropped", "partition", "its answer"} <= words
    first = {item["text"] for item in theatre(story).scene["records"][0]["legend"]}
    assert "partition" not in first and "dropped" not in first


def test_entries_are_committed_waiting_or_doomed(story: Story) -> None:
    last = theatre(story).scene["records"][-1]
    assert last["fates"]["etcd-1"][-1] == "overwritten" and last["fates"]["etcd-4"][-1] == "waiting"
    assert [(note["hue"], note["term"], note["text"]) for note in last["notes"]] == [
        ("refuse", "t3", "entry 9 (put), on 2 of 5: will be overwritten"),
        ("good", "t4", "entry 9 (empty), on 3 of 5: committed"),
        ("wait", "t4", "entry 10 (put), on 2 of 5: 1 more make it committed"),
    ]


def test_stops_tick_by_what_happened_and_playing_halts_at_an_election(story: Story) -> None:
    frames = {frame["kind"]: frame for frame in theatre(story).scene["records"]}
    assert frames["elected"]["tick"] == {"hue": "chosen", "shape": "round"} and frames["elected"]["halt"]
    assert frames["partition"]["tick"]["shape"] == "diamond" and frames["partition"]["halt"] == "cut"
    assert frames["vote"]["card"]["parts"][0]["rows"][0]["text"].startswith(
        "**MsgVoteResp** etcd-5 to etcd-4"
    )
    assert frames["campaign"]["members"]["etcd-4"]["votes"] == {"etcd-4": True}


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"etcd-1": {"role": "leader", "term": 2}}, "etcd-1 leads in term 2: every write needs 2 of 3"),
        ({}, "No leader: nothing can be written until one is elected"),
        ({"etcd-2": {"role": "candidate"}}, "No leader: etcd-2 asks for votes"),
        (
            {"etcd-1": {"role": "leader"}, "etcd-2": {"state": "crashed"}},
            "etcd-2 is crashed: 2 of 3 members go on under etcd-1",
        ),
        (
            {"etcd-1": {"role": "leader"}, "etcd-2": {"state": "crashed"}, "etcd-3": {"state": "paused"}},
            "1 of 3 members run: without 2 nothing can be written",
        ),
        (
            # The third only listens: two voters, and both are needed.
            {"etcd-1": {"role": "leader"}, "etcd-2": {"state": "crashed"}, "etcd-3": {"learner": True}},
            "1 of 2 members run: without 2 nothing can be written",
        ),
    ],
)
def test_titles(change: dict[str, dict[str, Any]], title: str) -> None:
    members = {name: change.get(name, {}) for name in NAMES[:3]}
    assert Standing(members, [], []).title() == title


def test_cut_links_can_take_a_leader_its_quorum() -> None:
    links = [{"from": "etcd-1", "to": other, "cut": True, "slow": 0} for other in NAMES[1:3]]
    standing = Standing({"etcd-1": {"role": "leader"}, "etcd-2": {}, "etcd-3": {}}, links, [])
    assert standing.writable() == "" and "reaches no quorum" in standing.title()


def test_whoever_is_in_no_group_is_a_side_of_its_own() -> None:
    standing = Standing({name: {} for name in NAMES}, [], [["etcd-1"], ["etcd-2", "etcd-3"]])
    assert standing.sides() == [["etcd-1"], ["etcd-2", "etcd-3"], ["etcd-4", "etcd-5"]]
    assert standing.title() == "Cut into three: no side has three members, nothing can be written"


def test_without_a_record_the_present_is_shown() -> None:
    view = theatre(Story(["default"]))
    frames = view.scene["records"]
    assert [frame["kind"] for frame in frames] == ["now"] and frames[0]["sentence"] == frames[0][
        "title"
    ] + "."
    assert repr(view).startswith("One member: default agrees with itself")


def test_what_no_record_told_is_added_as_now(story: Story) -> None:
    story.member("etcd-5").state = "stopped"
    frames = theatre(story).scene["records"]
    assert frames[-1]["kind"] == "now" and frames[-1]["members"]["etcd-5"]["state"] == "stopped"
    assert theatre(story).text.splitlines()[-1] == "etcd-5  stopped  4  9  9"


def test_a_button_acts_and_the_stepper_stands_at_its_record() -> None:
    story = mock_up()
    passed: list[str] = []
    view = theatre(story, passed.append)
    count = len(view.scene["records"])
    view.handle({"action": "crash", "arguments": {"member": "etcd-2"}})
    assert story.member("etcd-2").state == "crashed" and passed == ["3s"]
    assert view.cursor == count and view.scene["records"][count]["kind"] == "crash"
    view.handle({"action": "pass", "arguments": {"seconds": "1s"}})
    assert passed == ["3s", "1s"]


def test_every_action_does_what_its_code_says() -> None:
    story = mock_up()
    view = theatre(story, lambda seconds: None)
    offered = view.scene["actions"]
    actions = [*offered["all"], *offered["members"]["etcd-2"], *offered["links"]["etcd-1 etcd-2"]]
    assert offered["members"]["etcd-2"][0]["code"] == 'cluster.etcd.member("etcd-2").crash()'
    cluster = SimpleNamespace(etcd=story, advance=lambda seconds: None)
    for action in actions:
        if action["name"] in ("pause", "stop"):
            continue
        before = (list(story.done), len(story.loop.trace.records))
        exec(action["code"], {"cluster": cluster})
        by_code = (
            story.done[len(before[0]) :],
            [r.sentence for r in list(story.loop.trace.records)[before[1] :]],
        )
        before = (list(story.done), len(story.loop.trace.records))
        view.handle({"action": action["name"], "arguments": action["arguments"]})
        by_button = (
            story.done[len(before[0]) :],
            [r.sentence for r in list(story.loop.trace.records)[before[1] :]],
        )
        assert by_button == by_code, action
    view.handle({"action": "partition", "arguments": {"sides": [["etcd-1"], NAMES[1:]]}})
    assert story.done[-1] == ("partition", (["etcd-1"], NAMES[1:]))


def test_a_link_that_is_cut_can_be_mended() -> None:
    story = mock_up()
    story.cut("etcd-3", "etcd-4")
    view = theatre(story)
    mend = view.scene["actions"]["links"]["etcd-3 etcd-4"][0]
    assert mend["code"] == 'cluster.etcd.mend("etcd-3", "etcd-4")'
    view.handle({"action": "mend", "arguments": mend["arguments"]})
    assert story.done[-1] == ("mend", "etcd-3", "etcd-4")


def test_without_a_leader_nobody_hands_over() -> None:
    story = Story()
    view = theatre(story)
    view.handle({"action": "transfer", "arguments": {"member": "etcd-2"}})
    assert view.scene["notice"] == {"text": "Refused: etcdserver: no leader", "hue": "refuse"}


def test_sides_follow_from_the_links_that_are_cut() -> None:
    def cut(*pairs: str) -> list[dict[str, Any]]:
        return [{"from": f"etcd-{a}", "to": f"etcd-{b}", "cut": True, "slow": 0} for a, b in pairs]

    both = cut("12", "21", "13", "31")
    members: dict[str, Any] = {name: {} for name in NAMES[:3]}
    assert Standing(members, both, []).sides() == [["etcd-1"], ["etcd-2", "etcd-3"]]
    # One way, or a way around: nobody is on a side of his own.
    assert len(Standing(members, cut("12", "13"), []).sides()) == 1
    assert len(Standing(members, cut("12", "21"), []).sides()) == 1
    # What is mended link by link outlives what a record said of groups.
    assert len(Standing(members, cut("12", "21"), [["etcd-1"], ["etcd-2", "etcd-3"]]).sides()) == 1


def test_a_member_that_is_down_offers_to_start(story: Story) -> None:
    story.member("etcd-2").crash()
    offered = theatre(story).scene["actions"]["members"]
    assert [action["text"] for action in offered["etcd-2"]] == ["start"]
    assert "ask for an election" not in [action["text"] for action in offered["etcd-4"]]


def test_very_many_records_are_a_window(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raft_theatre, "MOST_RECORDS", 5)
    monkeypatch.setattr(raft_theatre, "WINDOW", 3)
    whole = theatre(mock_up())
    view = theatre(story)
    count = len(story.loop.trace.records)
    assert len(view.scene["records"]) == 3 and view.text == whole.text
    assert view.scene["fold"]["text"] == f"Shown are records {count - 2} to {count} of {count}."
    assert view.scene["first"]["members"]["etcd-1"]["term"] == 3
    assert view.scene["first"]["groups"] == [NAMES[:2], NAMES[2:]]
    view.handle({"action": "window", "arguments": {"start": 0}})
    assert [frame["kind"] for frame in view.scene["records"]] == ["elected", "append", "commit"]
    assert view.scene["window"] == {"start": 0, "size": 3, "total": count}


def test_a_message_on_a_slow_link_is_under_way_until_it_arrives() -> None:
    story = Story(NAMES[:3])
    slow = message("MsgApp", "etcd-1", "etcd-2", 1, sent=0.0, due=0.2)
    story.tell("append", "etcd-1", "Sent.", messages=[slow])
    for seconds in (0.1, 0.3):
        story.at(seconds)
        story.tell("apply", "etcd-3", "Later.", members=["etcd-3"])
    frames = theatre(story).scene["records"]
    assert [[one["to"] for one in frame["flying"]] for frame in frames[:3]] == [[], ["etcd-2"], []]


def test_long_runs_of_replication_are_folded() -> None:
    story = Story(NAMES[:3])
    story.set(*story.members, term=1, lead=1, vote=1)
    story.set("etcd-1", role="leader")
    story.tell("elected", "etcd-1", "etcd-1 is elected.", members=list(story.members))
    for index in range(1, 31):
        story.write(index, 1, *story.members)
        story.set(*story.members, commit=index, applied=index)
        told = [message("MsgApp", "etcd-1", "etcd-2", 1)]
        story.tell("append", "etcd-1", f"Entry {index}.", members=["etcd-1"], messages=told)
    view = theatre(story)
    shown = view.scene["records"]
    assert len(shown) == 1 + raft_theatre.LAST + 1 and shown[-1]["kind"] == "now"
    assert view.scene["fold"]["text"].startswith("Folded away: 18 records of writes")
    # What the folded ones changed is not lost.
    assert (
        shown[1]["members"]["etcd-1"]["last"] == 19
        and view.text.splitlines()[1] == "etcd-1  leader  1  30  30"
    )
    view.handle({"action": "whole", "arguments": {"whole": True}})
    assert len(view.scene["records"]) == 32 and view.scene["fold"] is None
    story.tell(
        "append", "etcd-1", "A lost one.", messages=[message("MsgApp", "etcd-1", "etcd-2", 1, lost="cut")]
    )
    assert "A lost one." in [frame["sentence"] for frame in theatre(story).scene["records"]]


def test_messages_and_entries_are_spoken() -> None:
    assert spoken(message("MsgApp", "a", "b", 4, entries=[[7, 4, "put"], [8, 4, "put"]])) == (
        "**MsgApp** a to b, term 4, entries 7 to 8"
    )
    assert spoken(message("MsgAppResp", "b", "a", 4, index=8, reject=True)) == (
        "**MsgAppResp** b to a, term 4, index 8, rejected"
    )
    assert spoken(message("MsgVote", "a", "b", 4, index=8, lost="link is cut")).endswith("lost: link is cut")
    entry = SimpleNamespace(type=0, data=SimpleNamespace(kind="delete_range"))
    assert kind_of(entry) == "delete range"
    assert kind_of(SimpleNamespace(type=1, data=None)) == "conf change"
