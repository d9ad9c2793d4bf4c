"""What is kept as long as something needs it: networks for Services, classes of volume attributes."""

from __future__ import annotations

from tests.controllers.world import Obj, World

CIDRS = "servicecidrs.networking.k8s.io"
CLASSES = "volumeattributesclasses.storage.k8s.io"
POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"


def service(world: World, name: str, address: str) -> None:
    world.create("services", name, spec={"clusterIP": address, "ports": [{"port": 80}]})


def ready(world: World, name: str) -> tuple[str, str]:
    (condition,) = world.get(CIDRS, name, "")["status"]["conditions"]
    return condition["status"], condition["message"]


def test_a_new_network_for_services_is_ready() -> None:
    world = World(["service-cidr"])
    world.create(CIDRS, "more", None, spec={"cidrs": ["10.50.0.0/24"]})
    assert ready(world, "more") == ("True", "Kubernetes Service CIDR is ready")
    assert world.get(CIDRS, "more", "")["metadata"]["finalizers"] == [FINALIZER]


def test_a_network_with_addresses_stays_until_they_are_free() -> None:
    world = World(["service-cidr"])
    world.create(CIDRS, "more", None, spec={"cidrs": ["10.50.0.0/24"]})
    service(world, "web", "10.50.0.7")
    world.delete(CIDRS, "more", "")
    world.loop.advance(60.0)
    status, message = ready(world, "more")
    assert status == "False" and message.startswith("There are still IPAddresses referencing the ServiceCIDR")
    world.delete("services", "web")
    world.loop.advance(1.0)
    assert world.find(CIDRS, "more", "") is None, "the ten seconds have passed"


def test_a_network_within_another_goes_after_ten_seconds() -> None:
    world = World(["service-cidr"])
    world.create(CIDRS, "small", None, spec={"cidrs": ["10.50.0.0/24"]})
    world.create(CIDRS, "large", None, spec={"cidrs": ["10.50.0.0/16"]})
    service(world, "web", "10.50.0.7")
    world.delete(CIDRS, "small", "")
    world.loop.advance(5.0)
    assert world.find(CIDRS, "small", "") is not None
    world.loop.advance(10.0)
    assert world.find(CIDRS, "small", "") is None


def test_a_class_of_attributes_stays_while_a_volume_names_it() -> None:
    world = World(["volumeattributesclass-protection"])
    world.create(CLASSES, "fast", None, driverName="x.example.com", parameters={"iops": "9"})
    finalizers = world.get(CLASSES, "fast", "")["metadata"]["finalizers"]
    assert finalizers == ["kubernetes.io/vac-protection"]
    csi: Obj = {"driver": "x.example.com", "volumeHandle": "h"}
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "csi": csi,
        "volumeAttributesClassName": "fast",
    }
    world.create("persistentvolumes", "pv", None, spec=spec)
    world.delete(CLASSES, "fast", "")
    world.loop.advance(10.0)
    assert world.find(CLASSES, "fast", "") is not None
    world.client.patch("persistentvolumes", "pv", {"metadata": {"finalizers": None}})
    world.delete("persistentvolumes", "pv", "")
    world.loop.advance(1.0)
    assert world.find(CLASSES, "fast", "") is None


def policy(world: World) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "true"}]}
    world.create(POLICIES, "all", None, spec=spec)


def test_a_policy_was_looked_at() -> None:
    world = World(["validatingadmissionpolicy-status"])
    policy(world)
    assert world.get(POLICIES, "all", "")["status"] == {"observedGeneration": 1, "typeChecking": {}}
    changed = {"spec": {"validations": [{"expression": "1 == 1"}]}}
    world.change(POLICIES, "all", changed, "")
    assert world.get(POLICIES, "all", "")["status"]["observedGeneration"] == 2


def test_a_policy_is_warned_of() -> None:
    warning = {"fieldRef": "spec.validations[0].expression", "warning": "undefined field"}
    world = World(["validatingadmissionpolicy-status"], policy_checker=lambda policy: [warning])
    policy(world)
    checked = world.get(POLICIES, "all", "")["status"]["typeChecking"]
    assert checked == {"expressionWarnings": [warning]}
