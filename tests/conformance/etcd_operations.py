"""etcd operations: sequences of requests to a fresh member, with the answers of etcd 3.6.13.

A unit is one op. Requests go through the JSON gateway in process; `sleep` moves a virtual clock. Watches are
collected as the recordings were: all responses of a stream merged into one.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from kubekit.etcd import KVStore
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.membership import default_member
from kubekit.etcd.v3rpc import Server
from kubekit.sim import Loop
from tests.conformance.outcome import Outcome, read_jsonl

Obj = dict[str, Any]

IDENTITY = ("cluster_id", "member_id", "raft_term")
PARSE_ERRORS = "malformed-json"
"""The sequence whose error texts are those of Go's JSON parser and need not match."""

PEER_URL = "http://127.0.0.1:22011"
CLIENT_URL = "http://127.0.0.1:22010"
"""Where the recorded member listened; its id is made from this."""


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay ops.jsonl."""
    outcome = Outcome()
    for sequence in read_jsonl(folder, "ops.jsonl"):
        if category and category != sequence["category"] and category not in sequence["name"]:
            continue
        replay = Replay()
        for number, op in enumerate(sequence["ops"]):
            got = replay.answer(op)
            if got is None:
                continue
            wanted = {"status": op.get("status", 200), "resp": normalised(op["resp"])}
            if sequence["name"] == PARSE_ERRORS and got["resp"].get("code") == wanted["resp"].get("code"):
                got["resp"].pop("message", None)
                wanted["resp"].pop("message", None)
            name = f"{sequence['name']} op {number} {op['op']}"
            outcome.count(got == wanted, name, f"wanted {json.dumps(wanted)} got {json.dumps(got)}")
    return outcome


class Replay:
    """One fresh member and what the sequence has bound so far."""

    def __init__(self) -> None:
        self.loop = Loop()
        store = KVStore(self.loop.clock)
        LeaseExpiry(self.loop, store)
        member = default_member(peer_url=PEER_URL, client_url=CLIENT_URL)
        self.gateway = Gateway(Server(store, members=(member,)))
        self.leases: dict[str, str] = {}
        self.watches: dict[int, Obj] = {}

    def answer(self, op: Obj) -> Obj | None:
        """{status, resp} of an op, normalised; None when it has no answer of its own."""
        if op["op"] == "sleep":
            self.loop.advance(op["seconds"])
            return None
        if op["op"] == "watch_open":
            self.open_watch(op["w"], op["req"])
            return None
        if op["op"] == "watch_collect":
            return {"status": 200, "resp": normalised(self.named(self.watches[op["w"]]))}
        request = op["req"]
        body = request if isinstance(request, str) else json.dumps(self.bound(expanded(op)))
        status, answer = self.gateway.post(op["path"], body)
        answer = json.loads(json.dumps(answer))
        if "bind" in op and "ID" in answer:
            self.leases[op["bind"]] = answer["ID"]
        return {"status": status, "resp": normalised(self.named(answer), op["op"])}

    def named(self, value: Any) -> Any:
        for name, id in self.leases.items():
            value = replaced(value, id, name)
        return value

    def bound(self, value: Any) -> Any:
        for name, id in self.leases.items():
            value = replaced(value, name, id)
        return value

    def open_watch(self, number: int, request: Obj) -> None:
        collected: Obj = {"events": []}
        self.watches[number] = collected

        def collect(response: Obj) -> None:
            result = response["result"]
            if result.get("created"):
                collected["created"] = True
                collected["created_revision"] = result["header"].get("revision", "0")
            for name in ("canceled", "compact_revision", "cancel_reason", "watch_id"):
                if name in result:
                    collected[name] = result[name]
            for event in result.get("events", []):
                collected["events"].append(event)

        self.gateway.watch(json.dumps({"create_request": self.bound(request)}), collect)


def expanded(op: Obj) -> Obj:
    """The request of an op, with its repetitions written out."""
    request = dict(op["req"])
    if "value_repeat" in op:
        request["value"] = base64.b64encode(b"x" * op["value_repeat"]).decode()
    if "txn_puts" in op:
        keys = [base64.b64encode(f"t{number:04d}".encode()).decode() for number in range(op["txn_puts"])]
        request["success"] = [{"request_put": {"key": key, "value": "dg=="}} for key in keys]
    return request


def replaced(value: Any, old: str, new: str) -> Any:
    """`value` with every string `old` as `new`."""
    if isinstance(value, dict):
        return {name: replaced(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return new if value == old else value


def normalised(value: Any, op: str = "") -> Any:
    """An answer as the recordings have it: no identity in headers, remaining times hidden, sets sorted."""
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: normalised(item) for name, item in value.items()}
    if "header" in value:
        value["header"] = {name: item for name, item in value["header"].items() if name not in IDENTITY}
    if op == "ttl":
        if value.get("TTL", "-1") != "-1":
            value["TTL"] = "<TTL>"
        if "keys" in value:
            value["keys"] = sorted(value["keys"])
    if op == "leases" and "leases" in value:
        value["leases"] = sorted(value["leases"], key=lambda lease: str(lease["ID"]))
    return value
