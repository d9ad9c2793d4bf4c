"""Ordered keys: whatever is added and taken out, and however often somebody asks in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubekit.etcd.sorted_keys import FROM_KEY, SortedKeys

names = st.integers(0, 60).map(lambda number: b"k%02d" % number)


@given(st.lists(st.one_of(names, st.none()), max_size=150), names, st.one_of(names, st.just(FROM_KEY)))
def test_it_is_a_sorted_set(script: list[bytes | None], start: bytes, end: bytes) -> None:
    keys, model = SortedKeys(), set[bytes]()
    for name in script:
        if name is None:
            keys.keys()
        elif name in model:
            keys.discard(name)
            model.remove(name)
        else:
            keys.add(name)
            model.add(name)
    inside = sorted(name for name in model if name >= start and (end == FROM_KEY or name < end))
    assert keys.keys() == sorted(model)
    assert keys.within(start, end) == inside and keys.count(start, end) == len(inside)
