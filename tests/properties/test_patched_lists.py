"""Lists that a strategic merge patch goes into: the short ways end where the long way does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubekit.apiserver.patching import strategic_merge
from kubekit.apiserver.patching.strategic_merge import StrategicError

Items = list[dict[str, Any]]

NAMES = st.sampled_from("abcd")
HELD = st.lists(st.one_of(st.fixed_dictionaries({"name": NAMES, "v": st.integers(0, 3)}), st.just({"v": 9})))
SENT = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES}, optional={"w": st.integers(0, 3), "$patch": st.sampled_from(["delete", "replace"])}
    ),
    max_size=4,
)


def long_way(merged: Items, order: Items, before: Items) -> Items:
    """The patch's items in its order; each of the server's own goes ahead of those it stood ahead of."""
    place = [item.get("name") for item in order].index
    named = {item.get("name") for item in order}
    right = sorted(
        (item for item in merged if item.get("name") in named), key=lambda one: place(one.get("name"))
    )
    left = [item for item in merged if item.get("name") not in named]
    found: Items = []
    stood = [item.get("name") for item in before]
    while left and right:
        both = left[0].get("name") in stood and right[0].get("name") in stood
        first = both and stood.index(left[0].get("name")) < stood.index(right[0].get("name"))
        found.append((left if first else right).pop(0))
    return found + left + right


@given(HELD, SENT)
def test_a_patched_list_is_in_the_order_of_the_long_way(before: Items, patch: Items) -> None:
    if not before and not patch:
        return
    try:
        found = strategic_merge._merge_list(before, patch, None, "name", False)
    except StrategicError:
        return
    plain = [item for item in patch if "$patch" not in item]
    if any(item.get("$patch") == "replace" for item in patch):
        assert found == plain
        return
    names = {item.get("name") for item in (*before, *patch)}
    gone = {item["name"] for item in patch if item.get("$patch") == "delete"} - {one["name"] for one in plain}
    assert {item.get("name") for item in found} == names - gone
    assert found == long_way(found, plain, before)


@given(HELD, SENT)
def test_a_wanted_order_puts_them_where_the_long_way_does(held: Items, wanted: Items) -> None:
    found = strategic_merge._in_new_order(held, wanted, held, "name")
    assert found == long_way(held, wanted, held)
