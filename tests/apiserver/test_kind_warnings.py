"""What the server says beside its answer: warnings about each kind, as the original's strategies do."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.apiserver.validation.warnings import status_warnings_for, warnings_for
from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]
CLASS = "volume.beta.kubernetes.io/storage-class"


def made(kind: str, spec: Obj | None = None, name: str = "x", **more: Any) -> Obj:
    meta = {"name": name, **more.pop("metadata", {})}
    return {"kind": kind, "metadata": meta, "spec": spec or {}, **more}


def template(*volumes: Obj, **meta: Any) -> Obj:
    return {"metadata": meta, "spec": {"containers": [{"name": "c"}], "volumes": list(volumes)}}


CASES: list[tuple[Obj, str]] = [
    (
        made("Pod", name="a.b"),
        "metadata.name: this is used in the Pod's hostname, which can result in surprising "
        "behavior; a DNS label "
        "is recommended: [must not contain dots]",
    ),
    (
        made("Deployment", name="a.b"),
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising "
        "behavior; a DNS "
        "label is recommended: [must not contain dots]",
    ),
    (
        made("PersistentVolume", {"persistentVolumeReclaimPolicy": "Recycle"}),
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
        "recommended "
        "approach is to use dynamic provisioning.",
    ),
    (
        made("PersistentVolume", {"rbd": {}}),
        "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
    ),
    (
        made("PersistentVolumeClaim", metadata={"annotations": {CLASS: "a"}}),
        f'metadata.annotations[{CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead',
    ),
    (
        made("PersistentVolumeClaim", {"resources": {"limits": {"storage": "1m"}}}),
        'spec.resources.limits[storage]: fractional byte value "1m" is invalid, must be an integer',
    ),
    (
        made("ResourceQuota", {"hard": {"cpu": "2", "limits.cpu": "1"}}),
        "ResourceQuota cpu (2) should be less than limits.cpu (1)",
    ),
    (
        made("Node", {"externalID": "x"}),
        "spec.externalID: this field is deprecated, and is unused by Kubernetes",
    ),
    (
        made("Node", {"podCIDRs": ["10.0.0.1/24"]}),
        'spec.podCIDRs[0]: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or '
        '"10.0.0.1/32"?)',
    ),
    (
        made("NetworkPolicy", {"egress": [{"to": [{"ipBlock": {"cidr": "FD00::/8"}}]}]}),
        'spec.egress[0].to[0].ipBlock.cidr: IPv6 CIDR value "FD00::/8" should be in RFC 5952 '
        'canonical format '
        '("fd00::/8")',
    ),
    (
        made("Endpoints", subsets=[{"addresses": [{"ip": "1.2.3.04"}]}]),
        'subsets[0].addresses[0].ip: non-standard IP address "1.2.3.04" is invalid: use "1.2.3.4"',
    ),
    (made("EndpointSlice", addressType="FQDN"), "spec.addressType: FQDN endpoints are deprecated"),
    (
        made("Ingress", metadata={"annotations": {"kubernetes.io/ingress.class": "a"}}),
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
        "'spec.ingressClassName' instead",
    ),
    (
        made("ServiceAccount", metadata={"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}),
        "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; "
        "prefer separate "
        "namespaces to isolate access to mounted secrets",
    ),
    (
        made("ValidatingWebhookConfiguration", name="a.static.k8s.io"),
        'metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based '
        'configurations '
        "and cannot be managed via the API",
    ),
    (
        made("CSIDriver", {"tokenRequests": [{"audience": "a"}]}),
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
        "possible logging of tokens in volume attributes",
    ),
    (
        made("CSIStorageCapacity", nodeTopology={"matchLabels": {"beta.kubernetes.io/os": "a"}}),
        'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use '
        '"kubernetes.io/os" instead',
    ),
    (
        made("ResourceSlice", {"driver": "A.io"}),
        'spec.driver: driver names should be lowercase; "A.io" contains uppercase characters',
    ),
    (
        made("Job", {"completionMode": "Indexed", "completions": 100001, "parallelism": 10001}),
        "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism "
        "higher than 10^4, "
        "Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
    ),
    (
        made("PodTemplate", template=template({"name": "v", "configMap": {"name": "c", "items": [
            {"key": "a", "path": "p"}, {"key": "b", "path": "p/q/"}]}})),
        'volume "v" (ConfigMap "c"): overlapping paths: "p/q" with "p"',
    ),
    (
        made("PodTemplate", template=template({"name": "v", "projected": {"sources": [{}]}})),
        'volume "v" (Projected) has no sources provided',
    ),
    (
        made("PodTemplate", template=template(
            annotations={"container.apparmor.security.beta.kubernetes.io/c": "unconfined"})),
        "template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since "
        'v1.30; use the "appArmorProfile" field instead',
    ),
    (
        made("PodTemplate", template=template(
            annotations={"seccomp.security.alpha.kubernetes.io/pod": "unconfined"})),
        "template.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in "
        "v1.27+; use "
        'the "seccompProfile" field instead',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "text"), CASES, ids=lambda value: str(value)[:30])
def test_one_cause_one_warning(obj: Obj, text: str) -> None:
    assert warnings_for(obj, None) == [text]


def test_some_warn_only_when_it_is_new() -> None:
    account = made(
        "ServiceAccount", metadata={"annotations": {"kubernetes.io/enforce-mountable-secrets": ""}}
    )
    driver = made("CSIDriver", {"tokenRequests": [{"audience": "a"}]})
    quota = made("ResourceQuota", {"hard": {"cpu": "2", "limits.cpu": "1"}})
    for obj in (account, driver, quota, made("Deployment", name="a.b"), made("Pod", name="a.b")):
        assert warnings_for(obj, obj) == []


def test_a_status_with_odd_addresses() -> None:
    status = {"podIPs": [{"ip": "FD00::1"}], "hostIPs": [{"ip": "10.0.0.1"}]}
    assert status_warnings_for({"kind": "Pod", "status": status}) == [
        'status.podIPs[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")'
    ]


def test_a_projection_that_writes_twice(api: Asker) -> None:
    secret = {"secret": {"name": "s", "items": [{"key": "a", "path": "token"}]}}
    token = {"serviceAccountToken": {"path": "token"}}
    volumes = [{"name": "v", "projected": {"sources": [secret, token]}}]
    answer = api.ask("POST", f"{CORE}/pods", pod("p", volumes=volumes))
    assert answer.headers["Warning"] == (
        '299 - "volume \\"v\\" (Projected): overlapping paths: \\"token\\" (ServiceAccountToken) with '
        '\\"token\\" (Secret \\"s\\")"'
    )
