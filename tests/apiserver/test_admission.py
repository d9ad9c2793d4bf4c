"""Admission plugins: what they add, and what they refuse."""

from __future__ import annotations

import base64
from typing import Any

from tests.apiserver.conftest import CORE, Asker, pod


def test_a_pod_gets_an_account_tolerations_and_a_priority(api: Asker) -> None:
    spec = api.pod("web")["spec"]
    assert spec["serviceAccountName"] == "default"
    assert spec["volumes"][0]["name"].startswith("kube-api-access-")
    assert (
        spec["containers"][0]["volumeMounts"][0]["mountPath"]
        == "/var/run/secrets/kubernetes.io/serviceaccount"
    )
    assert {t["key"] for t in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }
    assert spec["priority"] == 0 and spec["preemptionPolicy"] == "PreemptLowerPriority"


def test_classes_of_priority(api: Asker) -> None:
    group = "/apis/scheduling.k8s.io/v1/priorityclasses"
    api.make(group, {"metadata": {"name": "high"}, "value": 1000})
    assert api.pod("a", priorityClassName="high")["spec"]["priority"] == 1000
    refused = api.ask("POST", f"{CORE}/pods", pod("b", priorityClassName="nope"))
    assert refused.status == 403 and "no PriorityClass with name nope was found" in refused.json()["message"]
    assert api.ask("DELETE", f"{group}/system-node-critical").status == 403


def test_namespaces_must_exist_and_the_first_ones_stay(api: Asker) -> None:
    missing = api.ask("POST", "/api/v1/namespaces/nope/configmaps", {"metadata": {"name": "a"}})
    assert missing.status == 404 and missing.json()["message"] == 'namespaces "nope" not found'
    assert api.ask("DELETE", "/api/v1/namespaces/default").status == 403


def test_limit_ranges_fill_in_and_refuse(api: Asker) -> None:
    limit = {
        "type": "Container",
        "default": {"cpu": "200m"},
        "defaultRequest": {"cpu": "100m"},
        "max": {"cpu": "1"},
    }
    api.make(f"{CORE}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    made = api.pod("a")["spec"]["containers"][0]["resources"]
    assert made == {"limits": {"cpu": "200m"}, "requests": {"cpu": "100m"}}
    body = pod("b")
    body["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2"}}
    refused = api.ask("POST", f"{CORE}/pods", body)
    assert (
        refused.status == 403
        and "maximum cpu usage per Container is 1, but limit is 2" in refused.json()["message"]
    )


def test_quota_counts(api: Asker) -> None:
    api.make(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "1"}}})
    quota: Any = api.ask("GET", f"{CORE}/resourcequotas/q").json()
    quota["status"] = {"hard": {"configmaps": "1"}, "used": {"configmaps": "0"}}
    api.ask("PUT", f"{CORE}/resourcequotas/q/status", quota)
    api.config("a")
    refused = api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "b"}})
    assert refused.status == 403
    assert "exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1" in str(
        refused.body
    )


def test_pod_security(api: Asker) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    api.make("/api/v1/namespaces", {"metadata": {"name": "strict", "labels": labels}})
    api.make("/api/v1/namespaces/strict/serviceaccounts", {"metadata": {"name": "default"}})
    refused = api.ask("POST", "/api/v1/namespaces/strict/pods", pod("a", hostNetwork=True))
    assert refused.status == 403 and 'violates PodSecurity "baseline:latest": host namespaces' in str(
        refused.body
    )
    assert api.ask("POST", "/api/v1/namespaces/strict/pods", pod("a")).status == 201


def test_new_nodes_are_not_ready(api: Asker) -> None:
    node = api.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]


def test_claims_get_the_default_class(api: Asker) -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    body = {"metadata": {"name": "fast", "annotations": annotations}, "provisioner": "x.io/disk"}
    api.make("/apis/storage.k8s.io/v1/storageclasses", body)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = api.make(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def test_plugins_can_be_switched_off() -> None:
    api = Asker(disabled_admission=("ServiceAccount",))
    assert "volumes" not in api.pod("web")["spec"]


def webhook(name: str, **more: Any) -> dict[str, Any]:
    """A webhook for new ConfigMaps."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    config = {"url": "https://hook.example/check"}
    return {
        "name": name,
        "clientConfig": config,
        "rules": [rule],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        **more,
    }


def test_webhooks_change_and_refuse(api: Asker) -> None:
    group = "/apis/admissionregistration.k8s.io/v1"
    body = {"metadata": {"name": "m"}, "webhooks": [webhook("add.example.com")]}
    api.make(f"{group}/mutatingwebhookconfigurations", body)
    body = {"metadata": {"name": "v"}, "webhooks": [webhook("no.example.com", failurePolicy="Ignore")]}
    api.make(f"{group}/validatingwebhookconfigurations", body)
    refused = api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "a"}})
    assert refused.status == 500
    assert refused.json()["message"].endswith(
        '/check?timeout=10s": dial tcp hook.example:443: connect: connection refused'
    )
    asked: list[str] = []

    def answer(config: dict[str, Any], review: dict[str, Any]) -> dict[str, Any]:
        request = review["request"]
        asked.append(request["operation"])
        if (request["object"].get("data") or {}).get("bad"):
            return {"response": {"allowed": False, "status": {"message": "no bad data"}}}
        patch = base64.b64encode(b'[{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}]').decode()
        return {"response": {"allowed": True, "patch": patch, "warnings": ["take care"]}}

    api.server.call_webhook = answer
    made = api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "a"}})
    assert made.json()["metadata"]["labels"] == {"seen": "yes"} and "take care" in made.headers["Warning"]
    refused = api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "b"}, "data": {"bad": "1"}})
    assert refused.json()["message"] == 'admission webhook "add.example.com" denied the request: no bad data'
    assert refused.status == 400
    assert api.ask("POST", f"{CORE}/secrets", {"metadata": {"name": "a"}}).status == 201, "not asked"
