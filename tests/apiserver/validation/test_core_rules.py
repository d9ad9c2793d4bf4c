"""Rules of the core group that few objects meet: volumes, claims, windows pods, resizes, changed metadata."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.defaults import apply_defaults
from kubekit.api.meta import deep_copy
from kubekit.api.schema import for_kind
from kubekit.apiserver.validation import validate_create, validate_update
from kubekit.apiserver.validation.volume_sources import MORE_THAN_ONE
from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]
BLANK = {"name": "c", "image": "i"}


def stored(api_version: str, kind: str, spec: Obj, **more: Any) -> Obj:
    """An object as it arrives at validation."""
    meta = {"name": "x", "uid": "u", "resourceVersion": "1", **more.pop("metadata", {})}
    if kind not in ("PersistentVolume", "Node", "Namespace"):
        meta["namespace"] = "d"
    obj, problems = for_kind(api_version, kind).decode(
        {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec, **more}
    )
    assert problems == []
    apply_defaults(obj)
    return obj


def with_volume(**source: Any) -> Obj:
    return stored("v1", "Pod", {"containers": [BLANK], "volumes": [{"name": "v", **source}]})


def volume(**spec: Any) -> Obj:
    base = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    return stored("v1", "PersistentVolume", {**base, **spec})


def claim(**spec: Any) -> Obj:
    base = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return stored("v1", "PersistentVolumeClaim", {**base, **spec})


TWO = [{"secret": {"name": "a"}, "configMap": {"name": "b"}}]
SOURCE = {"kind": "PersistentVolumeClaim", "name": "p"}
PORTAL = "p" * 63

CREATIONS: list[tuple[Obj, list[tuple[str, str]]]] = [
    (
        with_volume(projected={"sources": TWO}),
        [("spec.volumes[0].projected.sources[0]", f"Forbidden: {MORE_THAN_ONE} per source")],
    ),
    (
        with_volume(ephemeral={"volumeClaimTemplate": {"metadata": {"name": "n"}, "spec": claim()["spec"]}}),
        [("spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name", "Forbidden: cannot be set")],
    ),
    (
        stored(
            "v1",
            "Pod",
            {"containers": [BLANK], "os": {"name": "windows"}, "hostPID": False, "hostIPC": True},
        ),
        [("spec.hostIPC", "Forbidden: cannot be set for a windows pod")],
    ),
    (
        claim(dataSource=SOURCE, dataSourceRef={**SOURCE, "name": "q"}),
        [("spec", "Invalid value: {}: must match dataSourceRef")],
    ),
    (
        claim(accessModes=["ReadWriteOncePod", "Other"]),
        [("spec.accessModes", 'Unsupported value: "Other": supported values: "ReadOnlyMany", '
          '"ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"')],
    ),
    (
        volume(iscsi={"targetPortal": PORTAL, "iqn": "iqn.2001-04.com.example:s", "lun": 0,
                      "initiatorName": "iqn.2001-04.com.example:i"}),
        [("spec.iscsi.targetportal", f'Invalid value: "{PORTAL}": Total length of <volume name>:'
          "<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.")],
    ),
    (
        volume(hostPath={"path": "/a"}, cephfs={"monitors": ["m"]}),
        [("spec.cephFS", "Forbidden: may not specify more than 1 volume type")],
    ),
    (
        stored("v1", "ResourceQuota", {"hard": {"limits.ephemeral-storage": "1"}, "scopes": ["Terminating"]}),
        [("spec.scopes", 'Invalid value: ["Terminating"]: unsupported scope applied to resource')],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), CREATIONS)
def test_creations(obj: Obj, expected: list[tuple[str, str]]) -> None:
    assert [(error.field, error.body) for error in validate_create(obj)] == expected


def test_affinity_of_a_volume_may_only_take_newer_label_names() -> None:
    def affinity(key: str) -> Obj:
        need = {"key": key, "operator": "In", "values": ["a"]}
        return {"required": {"nodeSelectorTerms": [{"matchExpressions": [need]}]}}

    old = volume(local={"path": "/a"}, nodeAffinity=affinity("failure-domain.beta.kubernetes.io/zone"))
    newer = volume(local={"path": "/a"}, nodeAffinity=affinity("topology.kubernetes.io/zone"))
    assert validate_update(newer, old) == []
    other = volume(local={"path": "/a"}, nodeAffinity=affinity("other"))
    (found,) = validate_update(other, old)
    assert found.field == "nodeAffinity"
    assert found.body.startswith(
        'Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":'
    )
    assert found.body.endswith(": field is immutable, except for updating from beta label to GA")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"storageClassName": "a"}, []),
        ({"was": "a"}, {"storageClassName": "a"}, []),
        (
            {"was": "a"},
            {"storageClassName": "a", "now": "b"},
            [("metadata.annotations.volume.beta.kubernetes.io/storage-class",
              'Invalid value: "b": field is immutable')],
        ),
    ],
)  # fmt: skip
def test_a_claim_may_be_given_the_class_it_has(old: Obj, new: Obj, expected: list[tuple[str, str]]) -> None:
    key = "volume.beta.kubernetes.io/storage-class"
    before, after = claim(), claim(**{k: v for k, v in new.items() if k != "now"})
    if "was" in old:
        before["metadata"]["annotations"] = {key: old["was"]}
        after["metadata"]["annotations"] = {key: new.get("now", old["was"])}
    assert [(error.field, error.body) for error in validate_update(after, before)] == expected


def test_resizes_of_whole_pods_and_init_containers() -> None:
    amounts = {"requests": {"cpu": "1", "memory": "1Gi"}}
    old = stored(
        "v1", "Pod", {"containers": [BLANK], "initContainers": [{**BLANK, "name": "i"}], "resources": amounts}
    )
    new = deep_copy(old)
    new["spec"]["initContainers"][0]["resources"] = {"requests": {"cpu": "1"}}
    assert validate_update(new, old, "resize") == []
    del new["spec"]["resources"]["requests"]["memory"]
    (found,) = validate_update(new, old, "resize")
    assert str(found) == "spec.resources.requests: Forbidden: pod-level resource requests cannot be removed"


def test_changed_metadata_is_looked_at_in_general_and_by_its_kind(api: Asker) -> None:
    api.make(f"{CORE}/pods", pod("p"))
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    bad = {"metadata": {"labels": {"a": "-"}}}
    api.make(budgets, {"metadata": {"name": "p"}, "spec": {}})
    for path, times in ((f"{CORE}/pods/p", 4), (f"{budgets}/p", 2), ("/api/v1/namespaces/default", 4)):
        answer = api.ask("PATCH", path, bad, kind="merge")
        assert answer.status == 422
        causes = answer.json()["details"]["causes"]
        assert [one["field"] for one in causes] == ["metadata.labels"] * times
    refused = api.ask("POST", budgets, {"metadata": {"name": "q", "labels": {"a": "-"}}, "spec": {}})
    assert refused.status == 422
