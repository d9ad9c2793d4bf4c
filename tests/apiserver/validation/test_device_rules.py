"""Rules of dynamic resource allocation: classes, claims, slices of devices."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.defaults import apply_defaults
from kubekit.api.meta import deep_copy
from kubekit.api.schema import for_kind
from kubekit.apiserver.validation import validate_create, validate_update

Obj = dict[str, Any]
V1 = "resource.k8s.io/v1"
DRIVER, POOL = "gpu.example.com", "node-1"
REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
IDENTIFIER = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
    "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
    "'[A-Za-z_][A-Za-z0-9_]*')"
)


def made(kind: str, spec: Obj, status: Obj | None = None, **metadata: Any) -> Obj:
    """An object as it arrives at validation."""
    meta = {"name": "x", "uid": "u", "resourceVersion": "1", **metadata}
    if kind in ("ResourceClaim", "ResourceClaimTemplate"):
        meta["namespace"] = "d"
    raw: Obj = {"apiVersion": V1, "kind": kind, "metadata": meta, "spec": spec}
    if status is not None:
        raw["status"] = status
    obj, problems = for_kind(V1, kind).decode(raw)
    assert problems == []
    apply_defaults(obj)
    return obj


def claim(*requests: Obj, status: Obj | None = None, **devices: Any) -> Obj:
    return made("ResourceClaim", {"devices": {"requests": list(requests), **devices}}, status)


def exactly(name: str = "r", **more: Any) -> Obj:
    return {"name": name, "exactly": {"deviceClassName": "gpu", **more}}


def chosen(expression: str) -> Obj:
    return exactly(selectors=[{"cel": {"expression": expression}}])


def pool(*devices: Obj, **more: Any) -> Obj:
    spec = {"driver": DRIVER, "pool": {"name": POOL, "generation": 1, "resourceSliceCount": 1}}
    return made("ResourceSlice", {**spec, "nodeName": "n", "devices": list(devices), **more})


def device(**more: Any) -> Obj:
    return {"name": "d", **more}


def shared(**policy: Any) -> Obj:
    amount = {"value": "10", "requestPolicy": policy}
    return pool(device(allowMultipleAllocations=True, capacity={"memory": amount}))


SPREAD = {"perDeviceNodeSelection": True, "nodeName": None}
SETTINGS = {"driver": DRIVER, "parameters": {"a": 1}}
POLICY = "spec.devices[0].capacity[memory].requestPolicy"

CREATIONS: list[tuple[Obj, list[tuple[str, str]]]] = [
    (claim(exactly()), []),
    (
        claim({"name": "r"}),
        [
            (
                "spec.devices.requests[0]",
                "Required value: exactly one of `exactly` or `firstAvailable` is required",
            )
        ],
    ),
    (
        claim({**exactly(), "firstAvailable": [{"name": "s", "deviceClassName": "gpu"}]}),
        [
            (
                "spec.devices.requests[0]",
                "Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, "
                "but multiple fields are set",
            )
        ],
    ),
    (claim(exactly(), exactly()), [("spec.devices.requests[1]", 'Duplicate value: "r"')]),
    (
        claim({"name": "r", "exactly": {}}),
        [("spec.devices.requests[0].exactly.deviceClassName", "Required value")],
    ),
    (
        claim(exactly(allocationMode="All", count=2)),
        [
            (
                "spec.devices.requests[0].exactly.count",
                "Invalid value: 2: must not be specified when allocationMode is 'All'",
            )
        ],
    ),
    (
        claim(exactly(count=-1)),
        [("spec.devices.requests[0].exactly.count", "Invalid value: -1: must be greater than zero")],
    ),
    (
        claim(exactly(allocationMode="Some")),
        [
            (
                "spec.devices.requests[0].exactly.allocationMode",
                'Unsupported value: "Some": supported values: "All", "ExactCount"',
            )
        ],
    ),
    (claim(chosen("device.attributes['a.b'].fast")), []),
    (claim(chosen("device.capacity['a.b'].memory.compareTo(quantity('1Gi')) >= 0")), []),
    (
        claim(chosen("device.driver")),
        [
            (
                "spec.devices.requests[0].exactly.selectors[0].cel.expression",
                'Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
            )
        ],
    ),
    (
        claim(chosen("device.colour")),
        [
            (
                "spec.devices.requests[0].exactly.selectors[0].cel.expression",
                'Invalid value: "device.colour": compilation failed: ERROR: <input>:1:7: undefined field '
                "'colour'\n | device.colour\n | ......^",
            )
        ],
    ),
    (
        claim(exactly(selectors=[{}])),
        [("spec.devices.requests[0].exactly.selectors[0].cel", "Required value")],
    ),
    (
        claim(exactly(tolerations=[{"key": "k", "operator": "Exists", "value": "v", "effect": "Never"}])),
        [
            (
                "spec.devices.requests[0].exactly.tolerations[0].value",
                'Invalid value: "v": must be empty for operator `Exists`',
            ),
            (
                "spec.devices.requests[0].exactly.tolerations[0].effect",
                'Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"',
            ),
        ],
    ),
    (
        claim(exactly(), constraints=[{"requests": ["r", "q"], "matchAttribute": "model"}]),
        [
            ("spec.devices.constraints[0].requests[1]", f'Invalid value: "q": {REFERENCE}'),
            (
                "spec.devices.constraints[0].matchAttribute",
                'Invalid value: "model": a fully qualified name must be a domain and a name separated by '
                "a slash",
            ),
        ],
    ),
    (
        claim(
            {"name": "r", "firstAvailable": [{"name": "big", "deviceClassName": "gpu"}]},
            config=[{"requests": ["r/big", "r/small"], "opaque": SETTINGS}, {"requests": ["r", "r"]}],
        ),
        [
            ("spec.devices.config[0].requests[1]", f'Invalid value: "r/small": {REFERENCE}'),
            ("spec.devices.config[1].requests[1]", 'Duplicate value: "r"'),
            ("spec.devices.config[1].opaque", "Required value"),
        ],
    ),
    (
        claim(exactly(), constraints=[{}]),
        [
            (
                "spec.devices.constraints[0]",
                'Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but '
                "multiple fields are set",
            )
        ],
    ),
    (
        made("DeviceClass", {"extendedResourceName": "gpu", "config": [{"opaque": {"driver": "-"}}]}),
        [
            ("spec.config[0].opaque.driver", 'Invalid value: "-": a lowercase RFC 1123 subdomain must '),
            ("spec.config[0].opaque.parameters", "Required value"),
            ("spec.extendedResourceName", 'Invalid value: "gpu": must be a valid extended resource name'),
        ],
    ),
    (pool(device()), []),
    (
        pool(device(), device()),
        [("spec.devices[1]", 'Duplicate value: "d"')],
    ),
    (
        pool(allNodes=True, pool={"name": "", "generation": -1}),
        [
            ("spec.pool.name", "Required value"),
            ("spec.pool.resourceSliceCount", "Invalid value: 0: must be greater than zero"),
            ("spec.pool.generation", "Invalid value: -1: must be greater than or equal to zero"),
            (
                "spec",
                'Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, '
                "`allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set",
            ),
        ],
    ),
    (
        pool(device(attributes={"a b": {"string": "x"}, "m": {}, "v": {"version": "1.2"}})),
        [
            ("spec.devices[0].attributes", f'Invalid value: "a b": {IDENTIFIER}'),
            ("spec.devices[0].attributes[m]", 'Invalid value: "": exactly one value must be specified'),
            (
                "spec.devices[0].attributes[v].version",
                'Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0',
            ),
        ],
    ),
    (
        pool(device(capacity={"memory": {"value": "1Gi", "requestPolicy": {"default": "1"}}})),
        [(POLICY, "Forbidden: allowMultipleAllocations must be true")],
    ),
    (
        shared(default="3", validValues=["1", "4", "2", "20"]),
        [
            (f"{POLICY}.validValues[2]", 'Invalid value: "2": values must be sorted in ascending order'),
            (
                f"{POLICY}.validValues[3]",
                'Invalid value: "20": option is larger than capacity value: 10',
            ),
            (
                f"{POLICY}.validValues",
                'Invalid value: "3": default value is not valid according to the requestPolicy',
            ),
        ],
    ),
    (
        shared(default="4", validRange={"min": "1", "max": "9", "step": "2"}),
        [
            (
                f"{POLICY}.validRange.step",
                'Invalid value: "4": value is not a multiple of a given step (2) from (1)',
            )
        ],
    ),
    (
        shared(validRange={"min": "1"}),
        [(f"{POLICY}.default", "Required value: required when validRange is defined")],
    ),
    (
        pool(device(nodeName="n")),
        [
            (
                "spec.devices[0]",
                "Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if "
                "`perDeviceNodeSelection` is set to true in the ResourceSlice spec",
            )
        ],
    ),
    (
        pool(device(), **SPREAD),
        [
            (
                "spec.devices[0]",
                "Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
                "`perDeviceNodeSelection` is set to true in the ResourceSlice spec",
            )
        ],
    ),
    (
        pool(device(taints=[{"key": "k"}], bindingConditions=["a", "a"])),
        [
            ("spec.devices[0].taints[0].effect", "Required value"),
            ("spec.devices[0].bindingConditions[1]", 'Duplicate value: "a"'),
            (
                "spec.devices[0].bindingFailureConditions",
                "Invalid value: null: bindingFailureConditions are required to use bindingConditions",
            ),
        ],
    ),
    (
        pool(
            device(
                consumesCounters=[{"counterSet": "s"}, {"counterSet": "s", "counters": {"A": {"value": "1"}}}]
            )
        ),
        [
            ("spec.devices[0].consumesCounters[0].counters", "Required value"),
            (
                "spec.devices[0].consumesCounters[1].counters",
                'Invalid value: "A": a lowercase RFC 1123 label',
            ),
            ("spec.devices[0].consumesCounters[1]", 'Duplicate value: "s"'),
        ],
    ),
    (
        pool(*(device(name=f"d{number}", taints=[]) for number in range(129))),
        [("spec.devices", "Too many: 129: must have at most 128 items")],
    ),
]


@pytest.mark.parametrize(("obj", "wanted"), CREATIONS)
def test_creations(obj: Obj, wanted: list[tuple[str, str]]) -> None:
    found = [(error.field, error.body) for error in validate_create(obj)]
    assert [field for field, _ in found] == [field for field, _ in wanted]
    for (_, text), (_, begins) in zip(found, wanted, strict=True):
        assert text.startswith(begins)


def test_what_a_claim_asks_for_stays() -> None:
    old = claim(exactly())
    (error,) = validate_update(claim(exactly(count=2)), old)
    assert error.field == "spec" and error.detail == "field is immutable"
    assert error.body.startswith(
        'Invalid value: {"Devices":{"Requests":[{"Name":"r","Exactly":{"DeviceClassName":'
    )


def test_settings_that_were_accepted_may_be_long() -> None:
    long = {"opaque": {"driver": DRIVER, "parameters": {"a": "x" * 11_000}}}
    old = made("DeviceClass", {"config": [long]})
    assert [error.field for error in validate_create(old)] == ["spec.config[0].opaque.parameters"]
    new = deep_copy(old)
    new["metadata"]["labels"] = {"a": "b"}
    assert validate_update(new, old) == []
