"""Volumes and claims: bound, refused, released, reclaimed; claims that grow and claims that pods bring."""

from __future__ import annotations

import pytest

from tests.controllers.world import Obj, World, template

NAMES = ["persistentvolume-binder", "persistentvolumeclaim-protection", "persistentvolume-expander"]
OTHERS = ["persistentvolume-protection", "ephemeral-volume"]


def volume_spec(**more: Obj | str) -> Obj:
    source: Obj = {} if {"nfs", "csi", "local"} & set(more) else {"hostPath": {"path": "/data"}}
    return {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **source, **more}


def claim_spec(size: str = "1Gi", **more: Obj | str) -> Obj:
    asked = {"requests": {"storage": size}}
    return {"accessModes": ["ReadWriteOnce"], "resources": asked, "storageClassName": "", **more}


def world_with(volume: Obj, claim: Obj) -> World:
    world = World([*NAMES, *OTHERS])
    world.create("persistentvolumes", "v", None, spec=volume)
    world.create("persistentvolumeclaims", "c", spec=claim)
    world.loop.advance(20.0)
    return world


@pytest.mark.parametrize(
    ("spec", "phase", "message"),
    [
        ({"persistentVolumeReclaimPolicy": "Retain"}, "Released", None),
        (
            {"persistentVolumeReclaimPolicy": "Delete"},
            "Failed",
            "host_path deleter only supports /tmp/.+ but received provided /data",
        ),
        (
            {"persistentVolumeReclaimPolicy": "Delete", "nfs": {"server": "n", "path": "/"}},
            "Failed",
            'error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
        ),
        (
            {"persistentVolumeReclaimPolicy": "Delete", "csi": {"driver": "d", "volumeHandle": "h"}},
            "Released",
            None,
        ),
        ({"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/tmp/x"}}, None, None),
    ],
)
def test_a_released_volume_is_reclaimed_as_its_policy_says(
    spec: Obj, phase: str | None, message: str | None
) -> None:
    world = world_with(volume_spec(**spec), claim_spec())
    assert world.get("persistentvolumes", "v", "")["status"]["phase"] == "Bound"
    world.delete("persistentvolumeclaims", "c")
    world.loop.advance(20.0)
    volume = world.find("persistentvolumes", "v", "")
    if phase is None:
        assert volume is None
        return
    assert volume is not None
    assert (volume["status"]["phase"], volume["status"].get("message")) == (phase, message)
    assert world.events("VolumeFailedDelete") == ([message] if message else [])


def test_a_claim_that_grew_waits_for_somebody_to_expand_it() -> None:
    world = World([*NAMES, *OTHERS])
    world.create("storageclasses.storage.k8s.io", "fast", None, provisioner="x/y", allowVolumeExpansion=True)
    world.create("persistentvolumes", "v", None, spec=volume_spec(storageClassName="fast"))
    world.create("persistentvolumeclaims", "c", spec=claim_spec(storageClassName="fast"))
    world.loop.advance(20.0)
    assert world.events("ExternalExpanding") == []
    world.change("persistentvolumeclaims", "c", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    world.loop.advance(5.0)
    assert world.events("ExternalExpanding") == ["waiting for an external controller to expand this PVC"]
    assert world.get("persistentvolumeclaims", "c")["status"]["capacity"] == {"storage": "1Gi"}


def test_a_pod_brings_its_claim_and_takes_no_other() -> None:
    world = World([*NAMES, *OTHERS])
    wanted = {"metadata": {"labels": {"a": "b"}}, "spec": claim_spec()}
    pod = template(volumes=[{"name": "data", "ephemeral": {"volumeClaimTemplate": wanted}}])
    world.create("pods", "web", metadata=pod["metadata"], spec=pod["spec"])
    world.loop.advance(2.0)
    claim = world.get("persistentvolumeclaims", "web-data")
    (owner,) = claim["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["blockOwnerDeletion"]) == ("Pod", "web", True)
    assert claim["metadata"]["labels"] == {"a": "b"}
    world.create("persistentvolumeclaims", "db-data", spec=claim_spec())
    world.create("pods", "db", metadata=pod["metadata"], spec=pod["spec"])
    world.loop.advance(1.0)
    why = "PVC default/db-data was not created for pod default/db (pod is not owner)"
    assert f"ephemeral volume data: {why}" in str(world.events("FailedBinding"))


def test_a_finished_pod_still_keeps_its_claim() -> None:
    world = world_with(volume_spec(), claim_spec())
    pod = template(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}])
    world.create("pods", "web", metadata=pod["metadata"], spec={**pod["spec"], "nodeName": "n"})
    world.set_status(world.get("pods", "web"), "Succeeded", ready=False)
    world.delete("persistentvolumeclaims", "c")
    world.loop.advance(5.0)
    assert world.find("persistentvolumeclaims", "c") is not None
    world.delete("pods", "web", grace_seconds=0)
    world.loop.advance(5.0)
    assert world.find("persistentvolumeclaims", "c") is None


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
def test_a_volume_is_recycled_by_a_pod(outcome: str) -> None:
    world = world_with(volume_spec(persistentVolumeReclaimPolicy="Recycle"), claim_spec())
    world.delete("persistentvolumeclaims", "c")
    world.loop.advance(5.0)
    pod = world.get("pods", "recycler-for-v")
    assert pod["spec"]["activeDeadlineSeconds"] == 60
    assert pod["spec"]["volumes"][0] == {"name": "vol", "hostPath": {"path": "/data", "type": ""}}
    world.set_status(pod, outcome, ready=False)
    world.loop.advance(1.0)
    volume = world.get("persistentvolumes", "v", "")
    if outcome == "Succeeded":
        assert world.find("pods", "recycler-for-v") is None
        assert volume["status"]["phase"] == "Available" and "claimRef" not in volume["spec"]
        assert world.events("VolumeRecycled") == ["Volume recycled"]
        return
    why = "Recycle failed: failed to recycle volume: pod failed, pod.Status.Message unknown"
    assert (volume["status"]["phase"], volume["status"]["message"]) == ("Failed", why)
    assert world.events("VolumeFailedRecycle") == [why]


def host_path_class(**more: object) -> World:
    world = World([*NAMES, *OTHERS])
    provisioner = "kubernetes.io/host-path"
    world.create("storageclasses.storage.k8s.io", "local", None, provisioner=provisioner, **more)
    world.create("persistentvolumeclaims", "c", spec=claim_spec(storageClassName="local"))
    return world


def times_said(world: World, reason: str) -> int:
    return sum(event.get("count", 1) for event in world.list("events", None) if event["reason"] == reason)


def test_provisioning_that_failed_is_put_off_each_time_for_longer() -> None:
    world = host_path_class()
    world.loop.advance(1.0)
    assert times_said(world, "ProvisioningFailed") == 1, "half a second after the failure it is not tried"
    world.loop.advance(77.0)
    assert times_said(world, "ProvisioningFailed") == 6, "each of the looks every 15 s"
    world.loop.advance(15.0)
    assert times_said(world, "ProvisioningFailed") == 6, "by now it is put off for 16 s"
    world.loop.advance(15.0)
    assert times_said(world, "ProvisioningFailed") == 7


def test_mount_options_that_no_plugin_takes_are_said_first() -> None:
    world = host_path_class(mountOptions=["hard", "ro"])
    world.loop.advance(1.0)
    text = (
        "Mount options are not supported by the provisioner but "
        'StorageClass "local" has mount options [hard ro]'
    )
    assert world.events("ProvisioningFailed") == [text]


def test_a_volume_of_fewer_access_modes_is_taken_before_one_that_waits_for_the_claim() -> None:
    world = World([*NAMES, *OTHERS])
    modes = ["ReadWriteOnce", "ReadWriteMany"]
    waiting = volume_spec(accessModes=modes, claimRef={"namespace": "default", "name": "c"})
    world.create("persistentvolumes", "waiting", None, spec=waiting)
    world.create("persistentvolumes", "closer", None, spec=volume_spec())
    world.create("persistentvolumeclaims", "c", spec=claim_spec())
    world.loop.advance(1.0)
    assert world.get("persistentvolumeclaims", "c")["spec"]["volumeName"] == "closer"
