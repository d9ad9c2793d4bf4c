"""Conversion: between messages and the store's own values.

Requests become `Operation`s, results become response messages. This is the only file that knows both sides;
it decides nothing.
Source: the shapes of api/etcdserverpb/rpc.proto.
"""

from __future__ import annotations

from kubekit.etcd.key_value import Event, KeyValue
from kubekit.etcd.messages import Message
from kubekit.etcd.operation import (
    Compare,
    DeleteRange,
    DeleteResult,
    Operation,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    Txn,
    TxnResult,
)


def header(revision: int) -> Message:
    """A response header before the member has put its name in."""
    return {"revision": revision}


def kv_message(kv: KeyValue) -> Message:
    """A KeyValue as a message."""
    return kv._asdict()


def operation_of(kind: str, request: Message) -> Operation:
    """The operation that a request message asks for; `kind` is range, put, delete_range or txn."""
    if kind != "txn" and "key" not in request:
        # Only of a message off the wire: a field that is missing is zero.
        request = {"key": b"", **request}
    if kind == "range":
        return Range(**{name: value for name, value in request.items() if name != "serializable"})
    if kind == "put":
        return Put(**request)
    if kind == "delete_range":
        return DeleteRange(**request)
    return Txn(
        [_compare_of(compare) for compare in request.get("compare", [])],
        [_inner_of(inner) for inner in request.get("success", [])],
        [_inner_of(inner) for inner in request.get("failure", [])],
    )


def _inner_of(request: Message) -> Operation | None:
    for name, inner in request.items():
        return operation_of(name.removeprefix("request_"), inner)
    return None


_OPERANDS = ("version", "create_revision", "mod_revision", "value", "lease")


def _compare_of(request: Message) -> Compare:
    target = request.get("target", 0)
    operand: int | bytes = 0
    if 0 <= target < len(_OPERANDS):
        # An operand of another kind than the target counts as none.
        operand = request.get(_OPERANDS[target], 0)
    return Compare(
        request.get("key", b""), target, request.get("result", 0), operand, request.get("range_end", b"")
    )


def message_of(result: Result, outer: bool = True) -> Message:
    """A result as a response message; an inner transaction's header stays empty, as etcd leaves it."""
    if isinstance(result, RangeResult):
        return {
            "header": header(result.revision),
            "kvs": [kv_message(kv) for kv in result.kvs],
            "more": result.more,
            "count": result.count,
        }
    if isinstance(result, PutResult):
        message: Message = {"header": header(result.revision)}
        if result.prev_kv is not None:
            message["prev_kv"] = kv_message(result.prev_kv)
        return message
    if isinstance(result, DeleteResult):
        return {
            "header": header(result.revision),
            "deleted": result.deleted,
            "prev_kvs": [kv_message(kv) for kv in result.prev_kvs],
        }
    return {
        "header": header(result.revision) if outer else {},
        "succeeded": result.succeeded,
        "responses": [{_response_name(inner): message_of(inner, False)} for inner in result.responses],
    }


def _response_name(result: Result) -> str:
    if isinstance(result, RangeResult):
        return "response_range"
    if isinstance(result, PutResult):
        return "response_put"
    return "response_delete_range" if isinstance(result, DeleteResult) else "response_txn"


def event_message(event: Event) -> Message:
    """An event as a message."""
    message: Message = {"type": event.type, "kv": kv_message(event.kv)}
    if event.prev_kv is not None:
        message["prev_kv"] = kv_message(event.prev_kv)
    return message


def kv_of(message: Message) -> KeyValue:
    """A KeyValue of a message off the wire, where zeros are missing."""
    return KeyValue(
        message.get("key", b""),
        message.get("value", b""),
        message.get("create_revision", 0),
        message.get("mod_revision", 0),
        message.get("version", 0),
        message.get("lease", 0),
    )


def result_of(message: Message) -> TxnResult:
    """The result that a transaction's response off the wire stands for."""
    revision = message.get("header", {}).get("revision", 0)
    responses = [_inner_result(inner, revision) for inner in message.get("responses", ())]
    return TxnResult(message.get("succeeded", False), responses, revision)


def _inner_result(response: Message, revision: int) -> Result:
    if (found := response.get("response_range")) is not None:
        kvs = [kv_of(kv) for kv in found.get("kvs", ())]
        return RangeResult(kvs, found.get("more", False), found.get("count", 0), revision)
    if (found := response.get("response_put")) is not None:
        before = found.get("prev_kv")
        return PutResult(revision, None if before is None else kv_of(before))
    if (found := response.get("response_delete_range")) is not None:
        return DeleteResult(
            found.get("deleted", 0), revision, [kv_of(kv) for kv in found.get("prev_kvs", ())]
        )
    # An inner transaction's header is empty.
    return result_of({**response.get("response_txn", {}), "header": {"revision": revision}})
