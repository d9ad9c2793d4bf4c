"""What each plugin and the defaulting changed: the patch in the record is the change that was made."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from kubekit.api.exchange import Request
from kubekit.api.meta import deep_copy
from kubekit.apiserver.patching import json_patch
from kubekit.apiserver.patching.difference import difference, dotted
from kubekit.apiserver.stopwatch import timed
from kubekit.sim import Record, Step
from tests.apiserver.conftest import ADMIN, CORE, Asker, pod
from tests.apiserver.test_custom import definition, foo

Obj = dict[str, Any]
Seen = list[tuple[str, Obj, Obj]]


@pytest.fixture
def seen(api: Asker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """(plugin, the object before, the object after) of each plugin that was asked."""
    found: Seen = []

    def watched(admit: Callable[[Any], None], name: str) -> Callable[[Any], None]:
        def ask(a: Any) -> None:
            before = deep_copy(a.obj)
            admit(a)
            if a.obj is not None:
                found.append((name, before, deep_copy(a.obj)))

        return ask

    for plugin in api.server.admission.plugins:
        monkeypatch.setattr(plugin, "admit", watched(plugin.admit, plugin.name))
    yield found


def last(api: Asker, verb: str = "create") -> Record:
    """The record of the last request of a verb by a person."""
    records = api.loop.trace.records
    return [r for r in records if r.kind == "request" and r.came_in["verb"] == verb][-1]


def patches(record: Record) -> dict[str, list[Obj]]:
    """The patch of each step that changed something."""
    return {step.asked: step.figures["patch"] for step in record.steps if "patch" in (step.figures or {})}


def agrees(record: Record, seen: Seen) -> set[str]:
    """Hold the record's patches to what was seen; the names of the plugins that changed something."""
    told = patches(record)
    changed = set()
    for name, before, after in seen:
        patch = told.get(f"Admission {name}", [])
        if name not in ("MutatingAdmissionPolicy", "MutatingAdmissionWebhook"):
            assert json_patch.apply(before, patch) == after, name
            changed |= {name} if patch else set()
            assert bool(patch) == (before != after), name
    return changed


def test_every_plugin_tells_what_it_set(api: Asker, seen: Seen) -> None:
    limit = {
        "type": "Container",
        "default": {"cpu": "200m"},
        "defaultRequest": {"cpu": "100m", "memory": "1Mi"},
    }
    api.make(f"{CORE}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    default = {"metadata": {"name": "middle"}, "value": 7, "globalDefault": True}
    api.make("/apis/scheduling.k8s.io/v1/priorityclasses", default)
    runtime = {"metadata": {"name": "box"}, "handler": "box", "overhead": {"podFixed": {"cpu": "10m"}}}
    runtime["scheduling"] = {
        "nodeSelector": {"box": "yes"},
        "tolerations": [{"key": "box", "operator": "Exists"}],
    }
    api.make("/apis/node.k8s.io/v1/runtimeclasses", runtime)
    account = api.ask("GET", f"{CORE}/serviceaccounts/default").json()
    api.ask("PUT", f"{CORE}/serviceaccounts/default", {**account, "imagePullSecrets": [{"name": "s"}]})
    seen.clear()
    body = pod("web", runtimeClassName="box")
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": "2Mi"}}
    body["spec"]["containers"].append({"name": "d", "image": "busybox:1.36"})
    api.make(f"{CORE}/pods", body)
    record = last(api)
    plugins = {"LimitRanger", "ServiceAccount", "Priority", "DefaultTolerationSeconds", "RuntimeClass"}
    assert agrees(record, seen) == plugins
    told = patches(record)["Admission LimitRanger"]
    assert {"op": "add", "path": "/spec/containers/0/resources/requests/cpu", "value": "100m"} in told
    reasons = {step.asked: step.reason for step in record.steps if step.reason != "validating"}
    assert reasons["Admission Priority"] == "sets spec.priorityClassName, spec.priority and 1 more"
    assert reasons["Admission NamespaceLifecycle"] == "mutating"


def test_plugins_of_other_kinds(api: Asker, seen: Seen) -> None:
    annotations = {
        "storageclass.kubernetes.io/is-default-class": "true",
        "ingressclass.kubernetes.io/is-default-class": "true",
    }
    named = {"metadata": {"name": "first", "annotations": annotations}}
    api.make("/apis/storage.k8s.io/v1/storageclasses", {**named, "provisioner": "x.io/disk"})
    api.make("/apis/networking.k8s.io/v1/ingressclasses", {**named, "spec": {"controller": "x.io/c"}})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    for path, spec, plugins in (
        (f"{CORE}/persistentvolumeclaims", claim, {"DefaultStorageClass", "StorageObjectInUseProtection"}),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", backend, {"DefaultIngressClass"}),
        ("/api/v1/nodes", None, {"TaintNodesByCondition"}),
    ):
        seen.clear()
        api.make(path, {"metadata": {"name": "a"}, **({"spec": spec} if spec else {})})
        assert agrees(last(api), seen) == plugins


def test_an_update_keeps_what_the_server_gave(api: Asker, seen: Seen) -> None:
    made = deep_copy(api.pod("web"))
    for field in ("priority", "preemptionPolicy"):
        del made["spec"][field]
    made["spec"]["tolerations"] = []
    seen.clear()
    api.ask("PUT", f"{CORE}/pods/web", made)
    assert agrees(last(api, "update"), seen) == {"Priority", "DefaultTolerationSeconds"}


def test_webhooks_and_policies_have_their_own(api: Asker) -> None:
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {"name": "add.example.com", "clientConfig": {"url": "https://x.example"}, "rules": [rule]}
    hook |= {"admissionReviewVersions": ["v1"], "sideEffects": "None"}
    api.make(f"{group}/mutatingwebhookconfigurations", {"metadata": {"name": "m"}, "webhooks": [hook]})
    operations = [{"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}}]
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    api.server.call_webhook = lambda config, review: {"response": {"allowed": True, "patch": patch}}
    mutation: Obj = {"patchType": "ApplyConfiguration"}
    expression = "Object{metadata: Object.metadata{labels: Object.metadata.labels{team: 'shop'}}}"
    mutation["applyConfiguration"] = {"expression": expression}
    policy: Obj = {"matchConstraints": {"resourceRules": [rule]}, "reinvocationPolicy": "Never"}
    policy["mutations"] = [mutation]
    api.make(f"{group}/mutatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": policy})
    bound = {"metadata": {"name": "b"}, "spec": {"policyName": "p"}}
    api.make(f"{group}/mutatingadmissionpolicybindings", bound)
    api.make(f"{CORE}/configmaps", {"metadata": {"name": "a"}})
    told = patches(last(api))
    assert told["Webhook add.example.com"] == operations
    assert told["Policy p"] == [{"op": "add", "path": "/metadata/labels", "value": {"team": "shop"}}]


@pytest.mark.parametrize("form", ["object", "json", "yaml"])
def test_defaulting_is_worked_out_from_the_body(api: Asker, form: str) -> None:
    body: Any = pod("web")
    sent = {"json": json.dumps(body).encode(), "yaml": yaml.safe_dump(body).encode()}.get(form, body)
    kind = {"yaml": "application/yaml"}.get(form, "application/json")
    assert api.ask("POST", f"{CORE}/pods", sent, headers={"content-type": kind}).status == 201
    record = last(api)
    names = [step.asked for step in record.steps]
    assert names.index("Defaulting") == names.index("Admission NamespaceLifecycle") - 1
    set_to = {one["path"]: one["value"] for one in patches(record)["Defaulting"]}
    assert set_to["/spec/restartPolicy"] == "Always" and "/spec/serviceAccountName" not in set_to
    assert set_to["/spec/containers/0/imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize("kind", ["merge", "strategic", "json", "apply"])
def test_a_patch_is_defaulted_too(api: Asker, kind: str) -> None:
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    labels = {"app": "w"}
    template = {"metadata": {"labels": labels}, "spec": pod("w")["spec"]}
    spec: Obj = {"selector": {"matchLabels": labels}, "template": template}
    api.make(deployments, {"metadata": {"name": "w"}, "spec": spec})
    strategy = {"type": "Recreate"}
    change: Any = {"spec": {"strategy": {"rollingUpdate": None, **strategy}, "paused": True}}
    if kind == "json":
        change = [{"op": "replace", "path": "/spec/strategy", "value": {}}]
    if kind == "apply":
        change = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w2"}, "spec": spec}
    name, more = ("w2", {"fieldManager": "me"}) if kind == "apply" else ("w", {})
    answer = api.ask("PATCH", f"{deployments}/{name}", change, kind=kind, **more)
    assert answer.status in (200, 201), answer.body
    step = next(step for step in last(api, "patch").steps if step.asked == "Defaulting")
    filled = [one["path"] for one in (step.figures or {"patch": []})["patch"]]
    if kind == "json":
        assert filled[0] == "/spec/strategy/type"
    elif kind == "apply":
        assert "/spec/replicas" in filled
    else:
        assert filled == [] and step.reason == "nothing that has a default was left out"


def test_custom_resources_are_defaulted_by_their_schema(api: Asker) -> None:
    made = definition()
    properties = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["colour"] = {"type": "string", "default": "red"}
    api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", made)
    api.make(f"/apis/{made['spec']['group']}/v1/namespaces/default/foos", foo("a"))
    told = patches(last(api))["Defaulting"]
    assert {"op": "add", "path": "/spec/colour", "value": "red"} in told


def test_what_never_came_to_defaulting(api: Asker) -> None:
    api.ask("POST", f"{CORE}/pods", {"metadata": {"name": "x"}, "spec": {"containers": 5}})
    api.ask("POST", f"{CORE}/pods/none/binding", {"metadata": {"name": "none"}, "target": {"name": "n"}})
    api.ask("GET", f"{CORE}/pods")
    api.config("c")
    api.ask("DELETE", f"{CORE}/configmaps/c")
    found = [r for r in api.loop.trace.records if r.kind == "request"]
    asked = [r.came_in["verb"] for r in found[-5:] if any(s.asked == "Defaulting" for s in r.steps)]
    assert asked == ["create"], "only the ConfigMap"
    assert json.dumps([r.to_json() for r in found], default=str)


def test_only_a_timed_request_has_times(api: Asker) -> None:
    request = Request("POST", f"{CORE}/pods", {"dryRun": ["All"]}, {}, pod("web"), ADMIN, "user")
    answer, watch = timed(api.server, request)
    assert answer.status == 201 and len(watch.laps) == len(watch) and all(lap >= 0 for lap in watch.laps)
    assert watch.decoding > 0 and watch.whole >= sum(watch.laps) + watch.decoding
    record = last(api)
    assert [step.asked for step in record.steps if step.asked != "Defaulting"] == [s.asked for s in watch]
    assert 0 < record.took <= watch.whole and "took" not in record.to_json()
    before = len(watch)
    api.config("a")
    assert len(watch) == before, "the next request is not timed"
    assert isinstance(watch[0], Step)


def test_differences_are_patches() -> None:
    old: Obj = {"a": 1, "b": [1, 2], "c": {"x/y": 1, "z~": 2}, "d": [1, 2, 3], "e": None}
    new: Obj = {"b": [1, 2, 3], "c": {"x/y": 2}, "d": [3], "e": {"f": []}, "g": 4}
    patch = difference(old, new)
    assert json_patch.apply(old, patch) == new and difference(new, new) == []
    assert {"op": "replace", "path": "/c/x~1y", "value": 2} in patch
    assert dotted("/metadata/annotations/a.b~1c") == 'metadata.annotations["a.b/c"]'
    assert dotted("/spec/containers/0/image") == "spec.containers[0].image"
