"""etcd registry: where and how kube-apiserver v1.36.2 keeps each kind, and what it asks of etcd.

`layout`: the key of each kind, and for every recorded value that an API server of ours which finds it in its
store serves that very object, and lists it.
`requests`: what one verb of kubectl makes the API server ask: each recorded request on a key has a
counterpart, with the same condition and the same alternative.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kubekit.api.exchange import Request, Response, UserInfo
from kubekit.api.resources import Resource, by_kind
from kubekit.apiserver import APIServer
from kubekit.apiserver.registry.builtin import prefix_of, stored_as
from kubekit.etcd import KVStore
from kubekit.sim import Loop
from tests.conformance.outcome import Outcome, read_jsonl

Obj = dict[str, Any]

ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))
NOT_OURS = ("RangeAllocation", "peerserverleases")
"""Not kinds of the API: what the API server keeps for itself."""


def layout(folder: Path, category: str | None = None) -> Outcome:
    """Replay registry-layout.jsonl; `category`: a kind."""
    outcome = Outcome()
    rows = [row for row in read_jsonl(folder, "registry-layout.jsonl") if category in (None, row["kind"])]
    if not rows:
        return outcome
    store = KVStore(Loop().clock)
    for row in read_jsonl(folder, "registry-layout.jsonl"):
        if row.get("value"):
            store.put(row["key"].encode(), row["value"].encode())
    server = APIServer(Loop(), store, address="192.0.2.10:6443")
    server.start()
    for row in rows:
        if any(word in row["kind"] or word in row["key_pattern"] for word in NOT_OURS):
            continue
        resource = _resource(server, row)
        if resource is None:
            outcome.count(False, f"{row['kind']} key", f"no such resource: {row['apiVersion']}")
            continue
        outcome.count(
            row["key_pattern"] == _pattern(resource, row), f"{row['kind']} key", _pattern(resource, row)
        )
        if row.get("value"):
            _value(outcome, server, resource, row)
    return outcome


def _resource(server: APIServer, row: Obj) -> Resource | None:
    """The resource in which a kind is stored: CRDs and what they define are known to the server alone."""
    version = row["apiVersion"].replace("apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1")
    known = (one for one in server.resources() if (one.api_version, one.kind) == (version, row["kind"]))
    return next(known, None)


def _pattern(resource: Resource, row: Obj) -> str:
    place = "<namespace>/<name>" if resource.namespaced else "<name>"
    try:
        builtin = by_kind(resource.api_version, resource.kind)
    except KeyError:
        return f"/registry/{resource.group}/{resource.plural}/{place}"
    return f"/registry/{prefix_of(stored_as(builtin))}/{place}"


def _ask(server: APIServer, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = server(Request(method, path, body=body, user=ADMIN))
    assert isinstance(answer, Response)
    return answer.status, answer.body


def _value(outcome: Outcome, server: APIServer, resource: Resource, row: Obj) -> None:
    kind, wanted = row["kind"], json.loads(row["value"])
    meta = wanted["metadata"]
    path = resource.path(meta.get("namespace") or None, meta["name"])
    status, got = _ask(server, "GET", path)
    outcome.count(
        status == 200 and _same(got, wanted, kind), f"{kind} read", f"{status} {json.dumps(got)[:300]}"
    )
    status, found = _ask(server, "GET", resource.path(meta.get("namespace") or None))
    names = [item["metadata"]["name"] for item in found.get("items", [])] if status == 200 else []
    outcome.count(meta["name"] in names, f"{kind} listed", f"{status} {names}")


def _same(got: Any, wanted: Obj, kind: str) -> bool:
    """Whether a served object is the stored one, at some resourceVersion, in a newer version perhaps."""
    if not isinstance(got, dict):
        return False
    meta = {name: value for name, value in got["metadata"].items() if name != "resourceVersion"}
    got = {**got, "metadata": meta}
    if kind == "CustomResourceDefinition":
        return bool(got["metadata"]["name"] == wanted["metadata"]["name"])
    return got == wanted


# -- what is asked -------------------------------------------------------------------------------------

VERBS = {
    "kubectl create": ("POST", "/api/v1/namespaces/default/configmaps", {"data": {"a": "1"}}),
    "kubectl get": ("GET", "/api/v1/namespaces/default/configmaps/x", None),
    "kubectl update": ("PUT", "/api/v1/namespaces/default/configmaps/x", {"data": {"a": "2"}}),
    "kubectl delete": ("DELETE", "/api/v1/namespaces/default/configmaps/x", None),
}
"""One request each; they follow one another on the object `x`."""


class Asked:
    """A store that notes what it is asked, in the words of the recordings."""

    def __init__(self, store: KVStore) -> None:
        self._store = store
        self.notes: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, key: bytes, rev: int = 0) -> Any:
        self.notes.append(f'KV/Range key:"{key.decode()}" limit:1')
        return self._store.get(key, rev)

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        self.notes.append(_txn(key, mod_revision, f'request_put:<key:"{key.decode()}" value_size:<N>'))
        return self._store.put_if(key, value, mod_revision, lease)

    def delete_if(self, key: bytes, mod_revision: int) -> int:
        self.notes.append(_txn(key, mod_revision, f'request_delete_range:<key:"{key.decode()}"'))
        return self._store.delete_if(key, mod_revision)


def _txn(key: bytes, mod_revision: int, success: str) -> str:
    seen = "0" if mod_revision == 0 else "<N>"
    return f'KV/Txn compare:<target:MOD key:"{key.decode()}" mod_revision:{seen} > success:<{success}'


def requests(folder: Path, category: str | None = None) -> Outcome:
    """Replay the verbs of apiserver-rpcs.jsonl; `category`: a verb."""
    outcome = Outcome()
    rows = list(read_jsonl(folder, "apiserver-rpcs.jsonl"))
    store = Asked(KVStore(Loop().clock))
    server = APIServer(Loop(), store, address="192.0.2.10:6443")
    server.start()
    for verb, (method, path, body) in VERBS.items():
        wanted = [row for row in rows if row["when"] == verb]
        if not wanted or category not in (None, verb):
            continue
        store.notes.clear()
        if body is not None:
            body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}, **body}
        _ask(server, method, path, body)
        asked = list(store.notes)
        for row in wanted:
            if "request_put" not in row["request"] and "request_delete" not in row["request"]:
                continue
            outcome.count(
                any(_begins(row, note) for note in asked),
                f"{verb} {row['rpc'].rpartition('/')[2]}",
                f"wanted {row['request']} asked {asked}",
            )
    return outcome


def _begins(row: Obj, note: str) -> bool:
    """Whether a note is the recorded request, as far as the store is told."""
    request = f"{row['rpc'].partition('.')[2]} {row['request']}"
    return re.sub(r"\s+", " ", request).startswith(note)
