"""Ranges: what is done to the keys of a range between finding and answering them.

The store finds keys in order; this file filters them by revision, sorts and cuts them. It is called by
`KVStore.read` for requests with such options only. Do not sort elsewhere: the order of these steps (filter,
sort, cut) is part of the answer.
Source: server/etcdserver/txn/range.go.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.operation import ASCEND, DESCEND, KEY, NONE, Range
from kubekit.etcd.pdqsort import sort_as_go

_SORT_KEYS: tuple[Callable[[KeyValue], Any], ...] = (
    attrgetter("key"),
    attrgetter("version"),
    attrgetter("create_revision"),
    attrgetter("mod_revision"),
    attrgetter("value"),
)


def reads_all(request: Range) -> bool:
    """Whether every key of the range must be read before `limit` can be applied."""
    return _sorts(request) or has_revision_filters(request)


def has_revision_filters(request: Range) -> bool:
    """Whether keys are left out by revision."""
    return bool(
        request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )


def _sorts(request: Range) -> bool:
    return request.sort_order != NONE and not (request.sort_target == KEY and request.sort_order == ASCEND)


def arrange(kvs: list[KeyValue], request: Range) -> tuple[list[KeyValue], bool]:
    """`kvs` (in key order) filtered, sorted and cut as the request says; and whether anything was cut off.

    A target other than KEY without an order sorts ascending, but only what the limit left: so does etcd.
    """
    if has_revision_filters(request):
        kvs = [kv for kv in kvs if _passes(kv, request)]
    if _sorts(request) or request.sort_target != KEY:
        key = _SORT_KEYS[request.sort_target]
        kvs = sort_as_go(kvs, key, reverse=request.sort_order == DESCEND)
    more = 0 < request.limit < len(kvs)
    if more:
        kvs = kvs[: request.limit]
    if request.keys_only:
        kvs = [kv._replace(value=b"") for kv in kvs]
    return kvs, more


def _passes(kv: KeyValue, request: Range) -> bool:
    mod, create = kv.mod_revision, kv.create_revision
    return not (
        (request.max_mod_revision and mod > request.max_mod_revision)
        or (request.min_mod_revision and mod < request.min_mod_revision)
        or (request.max_create_revision and create > request.max_create_revision)
        or (request.min_create_revision and create < request.min_create_revision)
    )
