"""Groups of watchers: a key finds those that watch it, whatever ranges come and go."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd import FROM_KEY
from kubekit.etcd.watch_groups import WatcherGroups


@dataclass(eq=False)
class Span:
    key: bytes
    range_end: bytes

    def covers(self, key: bytes) -> bool:
        if not self.range_end:
            return key == self.key
        return key >= self.key and (self.range_end == FROM_KEY or key < self.range_end)


letters = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"])
spans = st.tuples(letters, st.one_of(letters, st.sampled_from([b"", FROM_KEY]))).filter(
    lambda span: span[1] in (b"", FROM_KEY) or span[1] > span[0]
)


@settings(deadline=None)
@given(st.lists(st.one_of(spans, st.integers(0, 50)), max_size=80))
def test_a_key_finds_its_watchers(script: list[tuple[bytes, bytes] | int]) -> None:
    groups: WatcherGroups[Span] = WatcherGroups()
    there: list[Span] = []
    for step in script:
        if isinstance(step, tuple):
            there.append(Span(*step))
            groups.add(there[-1])
        elif there:
            groups.remove(there.pop(step % len(there)))
        assert len(groups) == len(there) and {id(span) for span in groups} == {id(span) for span in there}
        for key in (b"\x00", b"a", b"b1", b"c", b"e", b"f", b"zz"):
            found = [id(span) for group in groups.covering(key) for span in group]
            assert sorted(found) == sorted(id(span) for span in there if span.covers(key))


def test_cuts_of_ranges_that_are_gone_are_forgotten() -> None:
    groups: WatcherGroups[Span] = WatcherGroups()
    lasting = Span(b"0000", FROM_KEY)
    groups.add(lasting)
    for number in range(1000):
        passing = Span(b"%04d" % number, b"%04d" % (number + 1))
        groups.add(passing)
        groups.remove(passing)
    assert len(groups._bounds) < 100
    assert groups.covering(b"0500") == [{lasting: None}]
