"""Transactions: checked whole, then done whole.

Three steps, as in etcd. `check_request` looks at the request alone (empty keys, too many operations, a key
put twice or put and deleted). `choose` compares, outside in, and settles which branch of each nested
transaction is taken, all against the state before. `check_branch` makes sure that the chosen operations
will work. Only then does `KVStore` execute them, so that nothing is ever half done. Do not write to the
store from here.
Source: server/etcdserver/txn/txn.go, server/etcdserver/api/v3rpc/key.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from kubekit.etcd.errors import (
    Compacted,
    DuplicateKey,
    EmptyKey,
    FutureRevision,
    InvalidSortOption,
    KeyNotFound,
    LeaseNotFound,
    LeaseProvided,
    TooManyOps,
    ValueProvided,
)
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.operation import (
    COMPARE_CREATE,
    COMPARE_LEASE,
    COMPARE_MOD,
    COMPARE_VALUE,
    COMPARE_VERSION,
    EQUAL,
    GREATER,
    LESS,
    NOT_EQUAL,
    Compare,
    DeleteRange,
    Operation,
    Put,
    Range,
    Txn,
)

MAX_OPS = 128
"""Operations (or comparisons) in one list of a transaction; nested ones share what is left."""


class View(Protocol):
    """What a transaction needs to see of the store."""

    revision: int
    compacted_revision: int

    def current(self, key: bytes, range_end: bytes = b"") -> list[KeyValue]: ...
    def has_lease(self, id: int) -> bool: ...


Plan = tuple[bool, list["Plan | None"]]
"""Which branch a transaction takes, and the plan of each of its operations that is a transaction itself."""


def check_operation(operation: Operation | None, room: int = MAX_OPS) -> None:
    """Refuse what makes no sense whatever the store holds; `room` is how many operations a list may have."""
    if isinstance(operation, Put):
        check_put(operation)
    elif isinstance(operation, Range):
        if not operation.key:
            raise EmptyKey
        if not (0 <= operation.sort_order <= 2 and 0 <= operation.sort_target <= 4):
            raise InvalidSortOption
    elif isinstance(operation, DeleteRange):
        if not operation.key:
            raise EmptyKey
    elif isinstance(operation, Txn):
        _check_lists(operation, room)
    else:
        raise KeyNotFound


def check_put(put: Put) -> None:
    """Refuse a put that contradicts itself."""
    if not put.key:
        raise EmptyKey
    if put.ignore_value and put.value:
        raise ValueProvided
    if put.ignore_lease and put.lease:
        raise LeaseProvided


def check_request(txn: Txn, max_ops: int = MAX_OPS) -> None:
    """Refuse a transaction that makes no sense whatever the store holds."""
    _check_lists(txn, max_ops)
    for branch in (txn.success, txn.failure):
        if len(branch) > 1 or any(isinstance(operation, Txn) for operation in branch):
            _puts_and_deletes(branch)


def _check_lists(txn: Txn, room: int) -> None:
    longest = max(len(txn.compares), len(txn.success), len(txn.failure))
    if longest > room:
        raise TooManyOps
    for compare in txn.compares:
        if not compare.key:
            raise EmptyKey
    for branch in (txn.success, txn.failure):
        for operation in branch:
            check_operation(operation, room - longest)


Interval = tuple[bytes, bytes]


def _puts_and_deletes(operations: Sequence[Operation | None]) -> tuple[set[bytes], list[Interval]]:
    """The keys put and the intervals deleted by a list; raises DuplicateKey where two of them touch one key.

    Deletions may overlap each other. The branches of a nested transaction exclude each other, so both may
    put a key. An end of ``b"\\0"`` is taken literally here, not as "from key": so it is in etcd, which
    therefore lets a put pass beside such a deletion.
    """
    deletes = [(o.key, o.range_end or o.key + b"\x00") for o in operations if isinstance(o, DeleteRange)]
    puts: set[bytes] = set()

    def add(key: bytes, allowed: Iterable[bytes] = ()) -> None:
        if key in puts and key not in allowed:
            raise DuplicateKey
        if any(start <= key < end for start, end in deletes):
            raise DuplicateKey
        puts.add(key)

    for operation in operations:
        if isinstance(operation, Txn):
            then_puts, then_deletes = _puts_and_deletes(operation.success)
            else_puts, else_deletes = _puts_and_deletes(operation.failure)
            for key in then_puts:
                add(key)
            for key in else_puts:
                add(key, then_puts)
            deletes += then_deletes + else_deletes
    for operation in operations:
        if isinstance(operation, Put):
            add(operation.key)
    return puts, deletes


def choose(view: View, txn: Txn) -> Plan:
    """Compare, and plan which branches are taken."""
    succeeded = all(holds(view, compare) for compare in txn.compares)
    branch = txn.success if succeeded else txn.failure
    return succeeded, [choose(view, o) if isinstance(o, Txn) else None for o in branch]


_MISSING = KeyValue(b"")


def holds(view: View, compare: Compare) -> bool:
    """Whether a comparison holds for every key of its range."""
    kvs = view.current(compare.key, compare.range_end)
    if not kvs:
        # A missing value cannot be told from an empty one, so comparing it fails always.
        return compare.target != COMPARE_VALUE and _matches(compare, _MISSING)
    return all(_matches(compare, kv) for kv in kvs)


def _matches(compare: Compare, kv: KeyValue) -> bool:
    difference = _difference(compare, kv)
    if compare.result == EQUAL:
        return difference == 0
    if compare.result == NOT_EQUAL:
        return difference != 0
    if compare.result == GREATER:
        return difference > 0
    return difference < 0 if compare.result == LESS else True


def _difference(compare: Compare, kv: KeyValue) -> int:
    """Below, at or above 0; an unknown target is always equal."""
    target, operand = compare.target, compare.operand
    if target == COMPARE_VALUE:
        value = operand if isinstance(operand, bytes) else b""
        return (kv.value > value) - (kv.value < value)
    number = operand if isinstance(operand, int) else 0
    if target == COMPARE_MOD:
        return kv.mod_revision - number
    if target == COMPARE_VERSION:
        return kv.version - number
    if target == COMPARE_CREATE:
        return kv.create_revision - number
    return kv.lease - number if target == COMPARE_LEASE else 0


def chosen(txn: Txn, plan: Plan) -> Iterator[tuple[Operation | None, Plan | None]]:
    """The operations of the branch that is taken, each with its plan if it is a transaction."""
    yield from zip(txn.success if plan[0] else txn.failure, plan[1], strict=True)


def check_branch(view: View, txn: Txn, plan: Plan) -> None:
    """Refuse what cannot work in the present state; nothing has been written yet."""
    for operation, inner in chosen(txn, plan):
        if isinstance(operation, Range):
            check_revision(view, operation.revision)
        elif isinstance(operation, Put):
            # In a transaction the key is looked at before the lease, alone the other way round.
            _check_kept(view, operation)
            check_present(view, operation)
        elif isinstance(operation, Txn) and inner is not None:
            check_branch(view, operation, inner)


def check_revision(view: View, revision: int) -> None:
    """Refuse to read, within a transaction, a revision that is not there."""
    if revision == 0:
        return
    if revision > view.revision:
        raise FutureRevision
    if revision < view.compacted_revision:
        raise Compacted(view.compacted_revision)


def check_present(view: View, put: Put) -> None:
    """Refuse a put with an unknown lease, or that keeps the value or lease of a key that does not exist."""
    if put.lease and not view.has_lease(put.lease):
        raise LeaseNotFound
    _check_kept(view, put)


def _check_kept(view: View, put: Put) -> None:
    if (put.ignore_value or put.ignore_lease) and not view.current(put.key):
        raise KeyNotFound
