"""ResourceClaims: admin access hangs on the namespace, and each part of a status on a right of its own."""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import CORE, Asker
from tests.apiserver.test_rights import ALICE, grant

DEVICES = "resource.k8s.io"
CLAIMS = f"/apis/{DEVICES}/v1/namespaces/default/resourceclaims"
STATUS = f"{CLAIMS}/c/status"
RESULT = {"request": "r", "driver": "gpu.example.com", "pool": "p", "device": "d"}
SAID = {"driver": "gpu.example.com", "pool": "p", "device": "d", "data": {"a": 1}}
ON_NODE = {
    "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]
}
ALLOCATED = {"allocation": {"devices": {"results": [RESULT]}, "nodeSelector": ON_NODE}}


def claim(**more: Any) -> dict[str, Any]:
    request = {"name": "r", "exactly": {"deviceClassName": "gpu", **more}}
    return {"metadata": {"name": "c"}, "spec": {"devices": {"requests": [request]}}}


def may(api: Asker, name: str, resource: str, *verbs: str) -> None:
    grant(api, name, [{"apiGroups": [DEVICES], "resources": [resource], "verbs": list(verbs)}])


def test_admin_access_needs_the_namespaces_label(api: Asker) -> None:
    refused = api.ask("POST", CLAIMS, claim(adminAccess=True))
    assert refused.status == 422
    (cause,) = refused.json()["details"]["causes"]
    assert cause["field"] == "spec.devices.requests[0].adminAccess"
    assert cause["message"] == (
        "Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label "
        "on the containing namespace"
    )
    label = {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}}
    assert api.ask("PATCH", CORE, label, kind="merge").status == 200
    api.make(CLAIMS, claim(adminAccess=True))


def test_allocating_needs_the_right_to_bind(api: Asker) -> None:
    api.make(CLAIMS, claim())
    may(api, "status", "resourceclaims/status", "patch")
    refused = api.ask("PATCH", STATUS, {"status": ALLOCATED}, kind="merge", user=ALICE)
    assert refused.status == 422
    (cause,) = refused.json()["details"]["causes"]
    assert cause == {
        "reason": "FieldValueForbidden",
        "field": "status.allocation",
        "message": (
            'Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/'
            'binding", verb="patch" permission: resourceclaims.resource.k8s.io is forbidden: User "alice" '
            'cannot patch resource "resourceclaims/binding" in API group "resource.k8s.io" '
            "at the cluster scope"
        ),
    }
    may(api, "bind", "resourceclaims/binding", "patch")
    assert api.ask("PATCH", STATUS, {"status": ALLOCATED}, kind="merge", user=ALICE).status == 200


def test_saying_something_of_a_device_needs_a_right_for_its_driver(api: Asker) -> None:
    api.make(CLAIMS, claim())
    assert api.ask("PATCH", STATUS, {"status": ALLOCATED}, kind="merge").status == 200
    may(api, "status", "resourceclaims/status", "patch")
    said = {"status": {"devices": [SAID]}}
    refused = api.ask("PATCH", STATUS, said, kind="merge", user=ALICE)
    assert 'verb="[arbitrary-node:patch]"' in refused.json()["message"]
    assert 'cannot arbitrary-node:patch resource "resourceclaims/driver"' in refused.json()["message"]
    extra = {"authentication.kubernetes.io/node-name": ["n"]}
    plugin = UserInfo("system:serviceaccount:kube-system:gpu", "", ("dev",), extra)
    may(api, "near", "resourceclaims/driver", "associated-node:patch")
    assert api.ask("PATCH", STATUS, said, kind="merge", user=ALICE).status == 422
    assert api.ask("PATCH", STATUS, said, kind="merge", user=plugin).status == 200
