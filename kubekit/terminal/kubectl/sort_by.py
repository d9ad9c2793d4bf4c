"""`--sort-by`: objects in the order of one of their fields.

What lacks the field goes first, texts that are quantities compare by amount, and what compares equal lands
where Go's `sort.Sort` leaves it. Called by `get` for the rows of a table and for objects.
Source: k8s.io/kubectl/pkg/cmd/get/sorter.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kubekit.api import jsonpath, quantity
from kubekit.api.exchange import Obj
from kubekit.etcd.pdqsort import sort_by_less
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl.output import relaxed

T = TypeVar("T")


def sort_by(items: list[T], object_of: Callable[[T], Obj], path: str) -> list[T]:
    """The items ordered by a field of their objects. CommandError if none has it."""
    if not items:
        return []
    field = relaxed(path)
    try:
        nodes = jsonpath.parse(field)
        keyed = [(_values(nodes, object_of(item)), item) for item in items]
    except jsonpath.JSONPathError as error:
        raise CommandError(str(error)) from None
    if not any(found for found, _ in keyed):
        raise CommandError(f'couldn\'t find any field with path "{field}" in the list of objects')
    return [item for _, item in sort_by_less(keyed, lambda left, right: _before(left[0], right[0]))]


def _values(nodes: list[jsonpath.Node], obj: Obj) -> list[Any]:
    return jsonpath.find(nodes, obj, allow_missing=True)


def _before(left: list[Any], right: list[Any]) -> bool:
    # One that lacks the field goes before everything, even before another that lacks it.
    if not left:
        return True
    return bool(right) and _less(left[0], right[0])


def _less(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is None and right is not None
    if isinstance(left, list) and isinstance(right, list):
        return all(_less(a, b) for a, b in zip(left, right, strict=False))
    if isinstance(left, str) and isinstance(right, str):
        try:
            return quantity.parse(left) < quantity.parse(right)
        except quantity.QuantityError:
            return left < right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right
    return False
