"""Operations: what can be asked of the store, and what it answers.

Four requests (`Range`, `Put`, `DeleteRange`, `Txn`) with a result each. They are values: make one and give
it to `KVStore.apply`, or put it in a transaction. A range's end follows etcd: empty means the key alone,
``b"\\0"`` everything from the key on, an end at or before the key nothing. The plain methods of `KVStore`
are quicker for the everyday calls; these are for those who need every option.
Source: api/etcdserverpb/rpc.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kubekit.etcd.key_value import KeyValue

NONE, ASCEND, DESCEND = 0, 1, 2
"""Sort orders."""

KEY, VERSION, CREATE, MOD, VALUE = 0, 1, 2, 3, 4
"""Sort targets."""

EQUAL, GREATER, LESS, NOT_EQUAL = 0, 1, 2, 3
"""Results that a comparison may ask for."""

COMPARE_VERSION, COMPARE_CREATE, COMPARE_MOD, COMPARE_VALUE, COMPARE_LEASE = 0, 1, 2, 3, 4
"""What a comparison looks at."""


class Range(NamedTuple):
    """Read keys. Revisions of 0 mean no limit; `revision` 0 means now; `limit` 0 means all."""

    key: bytes
    range_end: bytes = b""
    revision: int = 0
    limit: int = 0
    sort_order: int = NONE
    sort_target: int = KEY
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


@dataclass(slots=True)
class RangeResult:
    """What was read: `count` is how many keys the range has, whatever `limit` and the revision filters say;
    `revision` is the store's at the time of reading."""

    kvs: list[KeyValue]
    more: bool
    count: int
    revision: int


class Put(NamedTuple):
    """Write one key; `prev_kv` asks for what was there, the ignore flags keep the present value or lease."""

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class PutResult(NamedTuple):
    """The revision of the write, and what was there before if it was asked for."""

    revision: int
    prev_kv: KeyValue | None


class DeleteRange(NamedTuple):
    """Delete keys; `prev_kv` asks for what was there."""

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class DeleteResult(NamedTuple):
    """How many keys were deleted, the revision, and what was there if it was asked for."""

    deleted: int
    revision: int
    prev_kvs: list[KeyValue]


class Compare(NamedTuple):
    """A condition on every key of a range; a missing key compares as one with zeros, and never by value.

    `operand` is an int, for COMPARE_VALUE bytes.
    """

    key: bytes
    target: int
    result: int
    operand: int | bytes
    range_end: bytes = b""


class Txn(NamedTuple):
    """If all comparisons hold do `success`, else `failure`; all at one revision, seen by others as one
    change."""

    compares: Sequence[Compare] = ()
    success: Sequence[Operation | None] = ()
    failure: Sequence[Operation | None] = ()


class TxnResult(NamedTuple):
    """Which branch was taken, one result for each of its operations, and the revision."""

    succeeded: bool
    responses: list[Result]
    revision: int


class PutIf(NamedTuple):
    """Short for the transaction with which an API server writes: put when the key is at a revision (0: when
    it does not exist), else read it. Only in entries of the log; `txn` is what it stands for."""

    key: bytes
    value: bytes
    mod_revision: int
    lease: int = 0

    @property
    def txn(self) -> Txn:
        """The transaction."""
        return _if_at(self.key, self.mod_revision, Put(self.key, self.value, self.lease))


class DeleteIf(NamedTuple):
    """The same for a deletion."""

    key: bytes
    mod_revision: int

    @property
    def txn(self) -> Txn:
        """The transaction."""
        return _if_at(self.key, self.mod_revision, DeleteRange(self.key))


def _if_at(key: bytes, mod_revision: int, operation: Operation) -> Txn:
    return Txn((Compare(key, COMPARE_MOD, EQUAL, mod_revision),), (operation,), (Range(key),))


Operation: TypeAlias = "Range | Put | DeleteRange | Txn"
Result: TypeAlias = "RangeResult | PutResult | DeleteResult | TxnResult"
