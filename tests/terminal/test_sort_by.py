"""`--sort-by`: what goes first, and where rows stand that it cannot tell apart."""

from __future__ import annotations

import random

import pytest

from kubekit.etcd.pdqsort import sort_by_less
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl.sort_by import sort_by


def test_equals_of_a_long_list_stand_where_go_leaves_them() -> None:
    """What kubectl 1.33 printed of config maps c000 to c129 with such a label, and of one without it."""
    chance = random.Random(5)
    rows: list[tuple[str, str]] = []
    for number in range(130):
        rows.append((f"c{number:03d}", f"v{chance.randrange(4)}"))
        chance.randrange(40)
    rows.append(("kube-root-ca.crt", ""))

    def less(a: tuple[str, str], b: tuple[str, str]) -> bool:
        return not a[1] or (bool(b[1]) and a[1] < b[1])

    found = [name for name, _ in sort_by_less(rows, less)]
    assert " ".join(found[:12]) == "kube-root-ca.crt c122 c044 c062 c001 c051 c006 c066 c047 c046 c025 c056"


def _named(*values: object) -> list[dict[str, object]]:
    return [{"name": str(i), **({} if v is None else {"v": v})} for i, v in enumerate(values)]


def _order(path: str, *values: object) -> str:
    return "".join(str(one["name"]) for one in sort_by(_named(*values), lambda obj: obj, path))


def test_quantities_compare_by_amount_and_missing_goes_first() -> None:
    assert _order(".v", "1Gi", "500Mi", "2Ki") == "210"
    assert _order("v", "b", None, "a") == "120"
    assert _order("{.v}", 3, 1, 2) == "120"


def test_a_field_that_nothing_has() -> None:
    with pytest.raises(CommandError, match="couldn't find any field with path"):
        sort_by(_named(1), lambda obj: obj, ".nope")
