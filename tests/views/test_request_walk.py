"""The request walk: what each filter said, what was not reached, the wire and the replay are the record's."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any

import pytest

import kubekit
from kubekit.api.exchange import Request, UserInfo
from kubekit.views import wire_form
from tests.views.conftest import pod

JANE = UserInfo("jane", "", ("dev", "system:authenticated"))
ADMIN = UserInfo("kubernetes-admin", "", ("system:masters", "system:authenticated"))
PODS = "/api/v1/namespaces/default/pods"


def ask_as_jane(cluster: Any) -> Any:
    """What jane may not do; the answer."""
    return cluster.apiserver(Request("GET", PODS, {"limit": ["500"]}, {}, None, JANE, "kubectl"))


@pytest.fixture
def door() -> Any:
    cluster = kubekit.up(workers=1, seed=7, name="door")
    cluster.create(pod("x"))
    cluster.settle()
    return cluster


def test_a_refusal_has_the_most_room(door: Any) -> None:
    assert ask_as_jane(door).status == 403
    view = door.view.request(-1)
    scene = view.scene
    assert scene["title"] == "jane may not list pods in default: refused at authorization"
    names = [row["name"] for row in scene["rows"]]
    assert names[:2] == ["Request info", "Authentication"] and names[-1] == "Authorization"
    assert scene["records"][view.cursor]["kind"] == "Authorization"
    assert scene["records"][view.cursor]["halt"] == "refused"
    parts = {part["name"]: part for part in scene["records"][view.cursor]["card"]["parts"]}
    told = [step["asked"] for step in parts["bindings that name jane"]["steps"]]
    assert "`ClusterRoleBinding system:basic-user` through Group system:authenticated" in told
    assert 'User "jane" cannot list resource "pods"' in parts["what went back, a v1 Status"]["pre"]
    assert (
        parts["a rule that would allow it"]["pre"] == 'apiGroups: [""]  resources: ["pods"]  verbs: ["list"]'
    )
    assert ("Validation", "writes only") in scene["missed"]
    assert "Authorization  REFUSED  RBAC: no opinion" in repr(view)
    assert "<td>refused</td>" in view.table.html()


def test_what_was_sent_is_not_what_was_stored(door: Any) -> None:
    sent = pod("y")
    before = json.dumps(sent, sort_keys=True)
    door.create(sent)
    view = door.view.request("pod/default/y")
    names = [row["name"] for row in view.scene["rows"]]
    assert names[-5:] == ["Defaulting", "Admission, mutating", "Validation", "Admission, validating", "etcd"]
    assert json.dumps(view.record.came_in["body"], sort_keys=True) == before
    sent["metadata"]["labels"] = {"later": "yes"}
    assert json.dumps(view.record.came_in["body"], sort_keys=True) == before
    added = [line["text"] for line in view.scene["patch"] if line["sign"] == "+"]
    assert 'spec.serviceAccountName: "default"' in added and 'spec.restartPolicy: "Always"' in added
    assert not any(
        line["sign"] == "-" and "spec.containers[0].image" in line["text"] for line in view.scene["patch"]
    )
    assert view.scene["missed"] == [("Impersonation", "does not apply")]
    assert view.scene["answer"]["then"].startswith("written to etcd at rev ")


def test_each_plugin_shows_what_it_changed(door: Any) -> None:
    door.create(pod("y"))
    view = door.view.request("pod/default/y")
    rows = {row["name"]: row for row in view.scene["rows"]}
    row = rows["Admission, mutating"]
    changed = "ServiceAccount, Priority and DefaultTolerationSeconds changed it"
    assert row["why"] == f"{changed}; 6 others had nothing to change"
    *steps, quiet = row["steps"]
    assert [step["asked"] for step in steps] == ["ServiceAccount", "Priority", "DefaultTolerationSeconds"]
    assert {"sign": "+", "text": 'spec.serviceAccountName: "default"'} in steps[0]["lines"]
    assert steps[1]["lines"][0] == {"sign": "+", "text": "spec.priority: 0"}
    assert all(len(line["text"]) < 200 for step in steps for line in step["lines"])
    assert quiet["asked"] == "6 others had nothing to change" and "NamespaceLifecycle, " in quiet["reason"]
    assert rows["Admission, validating"]["why"] == "8 plugins let it pass"
    card = view.scene["records"][list(rows).index("Defaulting")]["card"]
    assert {"sign": "+", "text": 'spec.restartPolicy: "Always"'} in card["parts"][0]["lines"]
    assert "    Priority  + spec.priority: 0\n" in repr(view)
    assert "<td>changed it</td><td>+ spec.priority: 0; + spec.preemptionPolicy" in view.table.html()


def test_only_what_is_replayed_has_times(door: Any) -> None:
    door.create(pod("y"))
    view = door.view.request("pod/default/y")
    assert not any(row["took"] for row in view.scene["rows"])
    assert any(name == "took" and value.endswith("s") for name, value in view.scene["meta"])
    view.handle({"action": "replay"})
    times = {row["name"]: row["took"] for row in view.scene["rows"]}
    assert all(took.endswith(("µs", "ms")) for name, took in times.items() if name != "Storage")
    step = view.scene["records"][list(times).index("Admission, mutating")]["card"]["parts"][0]["steps"][0]
    assert step["asked"] == "ServiceAccount" and step["took"].endswith(("µs", "ms"))
    assert "Priority and fairness  passes  flow schema" in repr(view) and "µs]" in repr(view)


def test_a_refusal_by_a_plugin_is_in_its_phase(door: Any) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"}}
    door.create({**quota, "spec": {"hard": {"count/configmaps": "0"}}})
    door.settle()
    asked = Request(
        "POST", "/api/v1/namespaces/default/configmaps", {}, {}, {"metadata": {"name": "m"}}, ADMIN
    )
    assert door.apiserver(asked).status == 403
    rows = door.view.request(-1).scene["rows"]
    assert rows[-1]["name"] == "Admission, validating" and rows[-1]["why"].startswith("ResourceQuota: ")
    gone = Request("DELETE", "/api/v1/namespaces/default", {}, {}, None, ADMIN)
    assert door.apiserver(gone).status == 403
    view = door.view.request(-1)
    assert view.scene["title"].endswith("refused at admission, mutating")
    assert ("Defaulting", "does not apply") in view.scene["missed"]


def test_a_webhook_is_shown_with_its_patch(door: Any) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {"name": "add.example.com", "clientConfig": {"url": "https://x.example"}, "rules": [rule]}
    hook |= {"admissionReviewVersions": ["v1"], "sideEffects": "None"}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    door.create({**kind, "metadata": {"name": "m"}, "webhooks": [hook]})
    patch = [
        {"op": "add", "path": "/metadata/labels", "value": {"a.b/c": "d"}},
        {"op": "remove", "path": "/data/k"},
    ]
    response = {"allowed": True, "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    door.apiserver.call_webhook = lambda config, review: {"response": response}
    door.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "1"}})
    rows = {row["name"]: row for row in door.view.request("configmap/default/m").scene["rows"]}
    row = rows["Admission, mutating"]
    assert row["why"].startswith("Webhook add.example.com changed it; ")
    lines = [{"sign": "+", "text": 'metadata.labels: {"a.b/c": "d"}'}, {"sign": "-", "text": "data.k"}]
    assert row["steps"][0]["lines"] == lines and row["steps"][0]["reason"] == "2 changes"
    assert rows["Defaulting"]["why"] == "nothing that has a default was left out"


def test_the_curl_line_is_the_request(door: Any) -> None:
    body = b'{"metadata":{"annotations":{"note":"it\'s"}}}'
    kind = "application/merge-patch+json"
    asked = Request("PATCH", f"{PODS}/x", {"fieldManager": ["me & you"]}, {"content-type": kind}, body, ADMIN)
    assert door.apiserver(asked).status == 200
    view = door.view.request(-1)
    words = shlex.split(view.scene["curl"])
    assert words[words.index("-X") + 1] == "PATCH" and words[words.index("-d") + 1].encode() == body
    assert words[words.index("-H") + 1] == f"Content-Type: {kind}"
    assert words[-1] == f"https://{door.apiserver.address}{PODS}/x?fieldManager=me%20%26%20you"
    assert view.scene["wire"].startswith(f"PATCH {PODS}/x?fieldManager=me%20%26%20you HTTP/1.1\n")
    assert {"sign": "+", "text": 'metadata.annotations: {"note": "it\'s"}'} in view.scene["patch"]


def test_a_write_is_replayed_as_a_dry_run(door: Any) -> None:
    door.create(pod("z"))
    view = door.view.request("pod/default/z")
    revision, count = door.etcd.store.revision, len(door.records.kind("request"))
    view.handle({"action": "replay"})
    assert door.etcd.store.revision == revision and len(door.records.kind("request")) == count + 1
    assert view.record.came_in["query"]["dryRun"] == ["All"] and view.record.came_in["source"] == "replay"
    assert view.record.came_in["user"] == "kubernetes-admin"
    assert "as a dry run: 409 Conflict; it was 201 Created" in view.scene["notice"]["text"]
    assert view.scene["rows"][-1]["name"] == "Storage" and "already exists" in view.scene["rows"][-1]["why"]
    assert json.loads(wire_form.body_text(view.record)) == pod("z")


def test_a_refused_read_is_replayed_as_it_was(door: Any) -> None:
    ask_as_jane(door)
    view = door.view.request(-1).replay()
    assert view.record.came_in["query"] == {"limit": ["500"]}
    assert "Sent again: the same answer." in view.scene["notice"]["text"]
    door.apiserver.stop()
    view.handle({"action": "replay"})
    assert "Refused: kube-apiserver does not answer" in view.scene["notice"]["text"]


def test_each_wrong_field_is_named(door: Any) -> None:
    wrong = pod("bad")
    wrong["spec"].update(restartPolicy="x")
    door.apiserver(Request("POST", PODS, {}, {}, wrong, ADMIN, "kubectl"))
    view = door.view.request(-1)
    assert view.scene["title"].endswith("create pods in default: refused at validation")
    part = next(
        part for part in view.scene["records"][view.cursor]["card"]["parts"] if part["name"] == "fields"
    )
    assert [step["asked"] for step in part["steps"]] == ["`spec.restartPolicy`"]
    assert ("etcd", "not reached") in view.scene["missed"]


def test_no_such_request(door: Any) -> None:
    view = door.view.request(10_000)
    assert "there is none with the index 10000" in view.scene["empty"] and "No such request" in repr(view)
    assert "No request about pod/default/ghost" in door.view.request("ghost").scene["empty"]
