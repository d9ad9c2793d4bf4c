"""The revision explorer: the worked signs, the cursor, the difference, and what compaction leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

import kubekit
from kubekit.etcd import KVStore
from kubekit.sim import VirtualClock
from kubekit.views.revision_explorer import MOST_RECORDS, MOST_ROWS, WINDOW, RevisionExplorer
from kubekit.views.revision_history import History
from kubekit.views.revision_scene import MOST_MARKS, labels
from tests.views.conftest import pod

POD = b"/registry/pods/shop/web"
COLORS = b"/registry/configmaps/shop/colors"
LIMITS = b"/registry/configmaps/shop/limits"


class Doors:
    """A store of which only the public calls are there, as a real etcd's client has them."""

    def __init__(self, store: KVStore) -> None:
        self.range, self.watch, self._store = store.range, store.watch, store

    @property
    def revision(self) -> int:
        return self._store.revision


def value(**parts: Any) -> bytes:
    return json.dumps({"kind": "Pod", "metadata": {"name": "web"}, **parts}).encode()


@pytest.fixture
def store() -> KVStore:
    made = KVStore(VirtualClock(0))
    made.put(POD, value(status={"phase": "Pending"}))  # 2
    made.put(COLORS, value())  # 3
    made.put(POD, value(status={"phase": "Running"}))  # 4
    made.put(LIMITS, value(), made.leases.grant(3600, 0xABC).id)  # 5
    made.put(b"/other", b"x")  # 6
    made.put(POD, value(status={"phase": "Running", "podIP": "10.244.2.9"}))  # 7
    made.delete(POD)  # 8
    made.delete(b"/registry/configmaps/", b"/registry/configmaps0")  # 9
    made.put(POD, value(status={"phase": "Pending"}))  # 10
    return made


def explore(store: Any, prefix: str = "/registry/", **options: Any) -> RevisionExplorer:
    return RevisionExplorer(store, prefix, [["etcd", "3.6"]], **options)


def signs(view: RevisionExplorer, key: bytes) -> list[tuple[int, str]]:
    row = next(row for row in view.scene["rows"] if row["key"] == key.decode())
    return [(mark["rev"], str(mark.get("version") or mark["kind"])) for mark in row["marks"]]


def test_the_text_has_the_generations_as_etcds_index_has_them(store: KVStore) -> None:
    view = explore(store)
    assert repr(view).splitlines() == [
        "Every change is kept until compaction: 3 keys, revisions 2 to 10",
        "/registry/configmaps/shop/colors  {3.0, 9.0(t)}",
        "/registry/configmaps/shop/limits  {5.0, 9.1(t)}",
        "/registry/pods/shop/web  {2.0, 4.0, 7.0, 8.0(t)} {10.0}",
    ]
    assert view.table.columns == ["key", *map(str, range(2, 11))]
    assert view.table.rows[2] == [
        POD.decode(), "version 1", "", "version 2", "", "", "version 3", "(t)", "", "version 1",
    ]  # fmt: skip


def test_versions_count_within_their_generation(store: KVStore) -> None:
    view = explore(store)
    assert signs(view, POD) == [(2, "1"), (4, "2"), (7, "3"), (8, "tombstone"), (10, "1")]
    row = view.scene["rows"][2]
    assert [(life["from"], life["to"]) for life in row["generations"]] == [(2, 8), (10, None)]
    assert [mark["until"] for mark in row["marks"]] == [4, 7, 8, 10, None]
    assert view.scene["rows"][1]["marks"][0]["lease"] == "abc, granted 3600 s"


def test_a_stop_is_a_revision_and_says_what_it_changed(store: KVStore) -> None:
    view = explore(store)
    told = {stop["number"]: (stop["kind"], stop["sentence"]) for stop in view.scene["records"]}
    assert list(told) == list(range(2, 11))
    assert told[2] == ("put", "Revision 2 creates `pods shop/web`. Its first generation begins.")
    assert told[6][0] == "changes nothing here"
    assert told[7][1] == "Revision 7 writes version 3 of `pods shop/web`."
    assert told[8][0] == "deletion" and "8.0(t) is its tombstone" in told[8][1]
    assert "same revision, sub-revisions 0 to 1" in told[9][1]
    assert told[10][1].endswith("The same key again: a new generation, version 1.")
    assert view.scene["records"][view.cursor]["number"] == 10


def test_compaction_leaves_dashed_marks_only_where_something_says_so(store: KVStore) -> None:
    store.compact(7)
    view = explore(store)
    # The create revision of version 3 tells of version 1; of version 2 nothing is left.
    assert signs(view, POD) == [(2, "gone"), (7, "3"), (8, "tombstone"), (10, "1")]
    assert "/registry/pods/shop/web  {7.0, 8.0(t)} {10.0}" in repr(view)
    stops = {stop["number"]: stop for stop in view.scene["records"]}
    assert stops[4]["halt"] == "refused" and stops[4]["tick"] == {"hue": "off", "shape": "square"}
    assert "was compacted at 7" in stops[6]["sentence"] and not stops[7]["halt"]
    assert view.scene["refusal"] == "Error: etcdserver: mvcc: required revision has been compacted"


def test_what_a_picture_showed_stays_dashed_when_compaction_takes_it(store: KVStore) -> None:
    view = explore(store)
    store.compact(9)
    view.refresh()
    assert signs(view, POD)[:4] == [(2, "gone"), (4, "gone"), (7, "gone"), (8, "gone")]
    assert "compacted" in view.table.rows[0]
    assert {"glyph": "version_gone", "text": "compacted away"} in view.scene["legend"]


@pytest.mark.parametrize("at", [0, 4, 5, 7, 8, 9, 10])
def test_a_store_that_is_elsewhere_is_read_through_its_calls(store: KVStore, at: int) -> None:
    if at:
        store.compact(at)
    ours, theirs = History.of_store(store, b"/registry/"), History.through_calls(Doors(store), b"/registry/")
    assert theirs.compacted == ours.compacted and theirs.revision == ours.revision
    for key, history in theirs.keys.items():
        for revision in range(max(at, 1), 11):
            assert history.at(revision) == ours.keys[key].at(revision), (key, revision)
    assert explore(Doors(store)).scene["rows"][-1]["key"] == POD.decode()


def test_the_index_is_the_stores_own(store: KVStore) -> None:
    for at in (0, 4, 7, 8, 9):
        if at:
            store.compact(at)
        for key, history in History.of_store(store, b"/registry/").keys.items():
            mains = [str(mark) for mark in history.marks if mark.kept]
            own = [f"{r.main}.{r.sub}" for g in store.index.by_key[key].generations for r in g]
            assert [mark.removesuffix("(t)") for mark in mains] == own


def test_two_revisions_are_compared(store: KVStore) -> None:
    view = explore(store).compare(2, 7, POD.decode())
    assert repr(view).splitlines() == [
        "/registry/pods/shop/web at 2 and at 7: version 1 and version 3",
        ". ... 1 lines alike",
        "  metadata:",
        "    name: web",
        "  status:",
        "-   phase: Pending",
        "+   phase: Running",
        "+   podIP: 10.244.2.9",
    ]
    assert ["+", "  podIP: 10.244.2.9"] in view.table.rows
    records = view.scene["records"]
    assert records[view.scene["compare"]]["number"] == 2 and records[view.cursor]["number"] == 7
    assert view.compare(8, 10).text.startswith("/registry/pods/shop/web at 8 and at 10: no such key and")
    store.compact(7)
    assert "compacted and version 3" in view.compare(2, 7).text


def test_values_share_their_lines(store: KVStore) -> None:
    scene = explore(store).scene
    marks = {mark["rev"]: mark for mark in scene["rows"][2]["marks"]}
    shown = {
        rev: [scene["lines"][n] for n in mark["lines"]] for rev, mark in marks.items() if "lines" in mark
    }
    assert shown[7] == [
        "kind: Pod",
        "metadata:",
        "  name: web",
        "status:",
        "  phase: Running",
        "  podIP: 10.244.2.9",
    ]
    assert len(scene["lines"]) == len(set(scene["lines"]))
    assert scene["raws"][marks[7]["raw"]] == store.get(POD, 7).value.decode()  # type: ignore[union-attr]


def test_nothing_there_says_what_would_fill_it(store: KVStore) -> None:
    view = explore(store, "/registry/nodes")
    assert view.scene["records"] == [] and "%kubectl run" in view.scene["empty"]
    assert repr(view) == "Nothing is stored under /registry/nodes"
    assert "<table>" in view._repr_mimebundle_()["text/html"]


def test_untouched_revisions_are_a_gap_on_the_axis() -> None:
    store = KVStore(VirtualClock(0))
    store.put(b"/a", b"1")
    for _ in range(60):
        store.put(b"/b", b"x")
    store.put(b"/a", b"2")
    columns = explore(store, "/a").scene["columns"]
    assert columns == [{"rev": 2}, {"gap": 60}, {"rev": 63}]


def test_very_many_changes_are_a_window_with_numbers() -> None:
    store = KVStore(VirtualClock(0))
    for n in range(MOST_RECORDS + 100):
        store.put(b"/k/%d" % (n % 700), b"{}")
    view = explore(store, "/k/")
    assert len(view.scene["records"]) == WINDOW and len(view.scene["rows"]) == MOST_ROWS
    assert view.scene["fold"]["text"].startswith("Shown are changes 1601 to 2100 of 2100.")
    view.handle({"action": "window", "arguments": {"start": 100}})
    assert view.scene["records"][0]["number"] == 102
    assert view.scene["window"] == {"start": 100, "size": WINDOW, "total": 2100}


def test_a_row_with_many_versions_is_bars() -> None:
    store = KVStore(VirtualClock(0))
    for _ in range(MOST_MARKS + 1):
        store.put(b"/k", b"{}")
    assert {"glyph": "bars", "text": "many versions: a bar by their number"} in explore(store, "/k").scene[
        "legend"
    ]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"/registry/pods/shop/web", ("pods", "shop/web")),
        (b"/registry/minions/node01", ("minions (nodes)", "node01")),
        (b"/registry/services/specs/shop/web", ("services", "shop/web")),
        (b"/registry/services/endpoints/shop/web", ("endpoints", "shop/web")),
        (b"/registry/apiregistration.k8s.io/apiservices/v1.apps", ("apiservices", "v1.apps")),
        (b"/registry/example.com/crontabs/shop/c", ("crontabs", "shop/c")),
        (b"/other/x", ("", "/other/x")),
        (b"\xff", ("", "\\xff")),
    ],
)
def test_keys_are_named_as_what_they_hold(key: bytes, shown: tuple[str, str]) -> None:
    assert labels(key) == shown


def test_a_cluster_says_who_wrote_and_shares_the_cursor(cluster: Any) -> None:
    view = cluster.view.revisions("/registry/pods/default/client")
    first = view.scene["records"][0]
    assert first["by"].startswith("kubekit: POST /api/v1/namespaces/default/pods")
    assert "asked by kubekit, creates `pods default/client`" in first["sentence"]
    # Views of one cluster meet at a record, or at the revision that it made.
    life = cluster.view.life_of("client").scene["records"]
    assert str(first["id"]) in {str(row["id"]) for row in life}
    assert first["rev"] in {row["rev"] for row in life}


def test_records_remember_what_compaction_took() -> None:
    made = kubekit.up(workers=1, seed=3, name="compacted")
    made.create(pod("client"))
    made.settle()
    before = signs(made.view.revisions("/registry/pods"), b"/registry/pods/default/client")
    made.etcd.store.compact(made.etcd.store.revision)
    after = signs(made.view.revisions("/registry/pods"), b"/registry/pods/default/client")
    assert [rev for rev, _ in after] == [rev for rev, _ in before]
    assert {kind for _, kind in after[:-1]} == {"gone"} and after[-1] == before[-1]
