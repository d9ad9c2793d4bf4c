"""The revision explorer over a real etcd: the same generations as our store has after the same writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubekit.etcd import Compacted, KVStore
from kubekit.etcd.operation import DeleteRange, Put, Txn
from kubekit.serving.remote_etcd import RemoteEtcd
from kubekit.sim import Loop, VirtualClock
from kubekit.views.revision_explorer import RevisionExplorer
from kubekit.views.revision_history import History
from tests.clients.real_etcd import RealEtcd
from tests.programs import need_program

WRITES = [("put", b"/a/1"), ("put", b"/a/2"), ("put", b"/b"), ("put", b"/a/1"), ("delete", b"/a/1")]
WRITES += [("put", b"/a/1"), ("put", b"/a/3"), ("delete", b"/a/3"), ("put", b"/b")]


@pytest.mark.parametrize("compact", [0, 4, 6, 9])
def test_the_history_of_a_real_etcd_is_read_through_its_calls(tmp_path: Path, compact: int) -> None:
    ours = KVStore(VirtualClock(0))
    with RealEtcd(need_program("etcd"), tmp_path) as real:
        theirs = RemoteEtcd(Loop(VirtualClock(0), seed=7), real.endpoints)
        theirs.start()
        try:
            for number, (what, key) in enumerate(WRITES):
                for store in (ours, theirs):
                    if what == "put":
                        store.put(key, b"value %d" % number)
                    else:
                        store.delete(key)
            if compact:
                ours.compact(compact)
                theirs.compact(compact)
            here, there = History.of_store(ours, b"/a/"), History.through_calls(theirs, b"/a/")
            assert there.revision == here.revision == len(WRITES) + 1
            assert there.compacted == (compact or -1)
            for revision in range(max(1, compact), there.revision + 1):
                for key in here.keys:
                    mark = there.keys[key].at(revision) if key in there.keys else None
                    assert mark == here.keys[key].at(revision), (key, revision)
            view = RevisionExplorer(theirs, "/a/", [])
            assert "/a/2  {3.0}" in view.text
            assert theirs.past(there.revision + 1) == []
            if compact:
                with pytest.raises(Compacted):
                    theirs.past(1)
        finally:
            theirs.stop()


def test_several_changes_of_one_revision_keep_their_order() -> None:
    store = KVStore(VirtualClock(0))
    store.apply(Txn((), (Put(b"/b", b"1"), Put(b"/a/1", b"1"), Put(b"/a/2", b"1")), ()))
    store.apply(DeleteRange(b"/a/", b"/a0"))
    view = RevisionExplorer(store, "/a/", [])
    assert repr(view).splitlines()[1:] == ["/a/1  {2.1, 3.0(t)}", "/a/2  {2.2, 3.1(t)}"]
