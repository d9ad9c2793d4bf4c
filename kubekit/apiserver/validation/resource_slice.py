"""Validation of ResourceSlices: the devices of a pool, where they are, and what they share.

Called through the registry for ResourceSlice.
Source: pkg/apis/resource/validation (ValidateResourceSlice, validateDevice).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_found, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.device_capacity import (
    LISTS,
    attribute,
    shared_capacity,
    values_of,
    whole_capacity,
)
from kubekit.apiserver.validation.device_rules import (
    LONGEST_DOMAIN,
    LONGEST_ID,
    attribute_name,
    binding_conditions,
    distinct,
    driver_name,
    each_entry,
    limited,
    pool_name,
    taint,
)
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import dns1123_label, dns1123_subdomain
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_amounts import is_native
from kubekit.apiserver.validation.selectors import node_selector

SPEC = Path("spec")
MOST_DEVICES, MOST_ADVANCED_DEVICES = 128, 64
MOST_COUNTER_SETS, MOST_COUNTERS = 8, 32
MOST_CONSUMED_SETS = 2
MOST_TAINTS = 16
MOST_ATTRIBUTES, MOST_VALUES = 32, 48
LONGEST_LABEL = 63
LONGEST_NAME = LONGEST_DOMAIN + 1 + LONGEST_ID

_WHERE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_WHERE_IS_IT = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is "
    "set to true in the ResourceSlice spec"
)
_NOT_HERE = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in "
    "the ResourceSlice spec"
)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new slice."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    return errors + _spec(obj.get("spec") or {}, None)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a change."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    return errors + _spec(obj.get("spec") or {}, old.get("spec") or {})


def _spec(spec: Obj, before: Obj | None) -> list[FieldError]:
    pool = spec.get("pool") or {}
    errors = driver_name(spec.get("driver", ""), SPEC.child("driver")) + _pool(pool, SPEC.child("pool"))
    if before is not None:
        was = (before.get("pool") or {}).get("name", "")
        errors += immutable(pool.get("name", ""), was, SPEC.child("pool", "name"))
        errors += immutable(spec.get("driver", ""), before.get("driver", ""), SPEC.child("driver"))
        errors += immutable(spec.get("nodeName"), before.get("nodeName"), SPEC.child("nodeName"))
    errors += _where(spec)
    devices, counters = spec.get("devices") or [], spec.get("sharedCounters") or []
    if devices and counters:
        errors.append(invalid(SPEC, "", "only one of `sharedCounters` or `devices` is allowed"))
    known = {device.get("name", ""): device for device in reversed((before or {}).get("devices") or [])}
    each = spec.get("perDeviceNodeSelection") is True
    errors += distinct(
        devices,
        MOST_ADVANCED_DEVICES if any(map(_is_advanced, devices)) else MOST_DEVICES,
        lambda device, at: _device(device, known.get(device.get("name", "")), at, each),
        SPEC.child("devices"),
    )
    return errors + distinct(counters, MOST_COUNTER_SETS, _counter_set, SPEC.child("sharedCounters"))


def _pool(pool: Obj, path: Path) -> list[FieldError]:
    errors = pool_name(pool.get("name", ""), path.child("name"))
    slices, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if slices <= 0:
        errors.append(invalid(path.child("resourceSliceCount"), slices, "must be greater than zero"))
    if generation < 0:
        text = "must be greater than or equal to zero"
        errors.append(invalid(path.child("generation"), generation, text))
    return errors


# -- where devices are ---------------------------------------------------------------------------------


def _where(spec: Obj) -> list[FieldError]:
    """Where all the devices are."""
    errors, given = _place(spec, SPEC, "must be either unset or set to a non-empty string")
    terms = (spec.get("nodeSelector") or {}).get("nodeSelectorTerms") or []
    if spec.get("nodeSelector") is not None and len(terms) != 1:
        at = SPEC.child("nodeSelector", "nodeSelectorTerms")
        shown = internal("core.NodeSelector", spec["nodeSelector"])["NodeSelectorTerms"]
        errors.append(invalid(at, shown, "must have exactly one node selector term"))
    for field in ("allNodes", "perDeviceNodeSelection"):
        errors += _flag(spec, field, SPEC, given)
    if not given:
        errors.append(required(SPEC, _WHERE))
    elif len(given) > 1:
        text = f"{_WHERE}, but multiple fields are set"
        errors.append(invalid(SPEC, "{" + ", ".join(given) + "}", text))
    return errors


def _where_is(device: Obj, path: Path) -> list[FieldError]:
    """Where one device is, in a slice whose devices are in several places."""
    errors, given = _place(device, path, "must not be empty")
    errors += _flag(device, "allNodes", path, given)
    if not given:
        errors.append(required(path, _WHERE_IS_IT))
    elif len(given) > 1:
        errors.append(invalid(path, "{" + ", ".join(given) + "}", _WHERE_IS_IT))
    return errors


def _place(holder: Obj, path: Path, empty: str) -> tuple[list[FieldError], list[str]]:
    """(what is wrong with a node's name and a selector of nodes, which of them are given)."""
    errors: list[FieldError] = []
    given: list[str] = []
    name, selector = holder.get("nodeName"), holder.get("nodeSelector")
    if name:
        given.append("`nodeName`")
        errors += dns1123_subdomain(name, path.child("nodeName"))
    elif name is not None:
        errors.append(invalid(path.child("nodeName"), name, empty))
    if selector is not None:
        given.append("`nodeSelector`")
        errors += node_selector(selector, path.child("nodeSelector"))
    return errors, given


def _flag(holder: Obj, field: str, path: Path, given: list[str]) -> list[FieldError]:
    """A field that is true or not there; it is added to what is given."""
    value = holder.get(field)
    if value:
        given.append(f"`{field}`")
    elif value is not None:
        return [invalid(path.child(field), value, "must be either unset or set to true")]
    return []


# -- devices -------------------------------------------------------------------------------------------


def _is_advanced(device: Obj) -> bool:
    """Whether fewer such devices fit into a slice."""
    if device.get("taints") or device.get("consumesCounters"):
        return True
    attributes = (device.get("attributes") or {}).values()
    return any(one.get(field) is not None for one in attributes for field in LISTS)


def _device(device: Obj, before: Obj | None, path: Path, each: bool) -> list[FieldError]:
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    errors = dns1123_label(device.get("name", ""), path.child("name"))
    if (count := len(attributes) + len(capacity)) > MOST_ATTRIBUTES:
        text = f"the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        errors.append(invalid(path, count, text))
    if (count := values_of(attributes)) > MOST_VALUES:
        text = f"the total number of attribute values must not exceed {MOST_VALUES}"
        errors.append(invalid(path, count, text))
    errors += each_entry(attributes, -1, LONGEST_NAME, attribute_name, attribute, path.child("attributes"))
    amount = shared_capacity if device.get("allowMultipleAllocations") else whole_capacity
    errors += each_entry(capacity, -1, LONGEST_NAME, attribute_name, amount, path.child("capacity"))
    if before is None or (before.get("taints") or []) != (device.get("taints") or []):
        errors += limited(device.get("taints") or [], MOST_TAINTS, taint, path.child("taints"))
    errors += distinct(
        device.get("consumesCounters") or [],
        MOST_CONSUMED_SETS,
        _consumption,
        path.child("consumesCounters"),
        lambda one: one.get("counterSet", ""),
    )
    if each:
        errors += _where_is(device, path)
    elif any(device.get(field) is not None for field in ("nodeName", "nodeSelector", "allNodes")):
        errors.append(invalid(path, None, _NOT_HERE))
    errors += binding_conditions(device, path)
    mappings = device.get("nodeAllocatableResourceMappings") or {}
    return errors + _mappings(mappings, capacity, path.child("nodeAllocatableResourceMappings"))


def _counter_set(item: Obj, path: Path) -> list[FieldError]:
    return _counters(item, "name", path)


def _consumption(item: Obj, path: Path) -> list[FieldError]:
    return _counters(item, "counterSet", path)


def _counters(item: Obj, named: str, path: Path) -> list[FieldError]:
    """Counters of a set, which has a name."""
    name, counters, at = item.get(named, ""), item.get("counters") or {}, path.child("counters")
    errors = dns1123_label(name, path.child(named)) if name else [required(path.child(named))]
    if not counters:
        return [*errors, required(at)]
    # Every amount that can be read is one.
    return errors + each_entry(counters, MOST_COUNTERS, LONGEST_LABEL, dns1123_label, lambda *_: [], at)


def _mappings(mappings: Obj, capacity: Obj, path: Path) -> list[FieldError]:
    """Which of the node's own resources a device stands for."""
    errors: list[FieldError] = []
    for name in sorted(mappings):
        mapping, at = mappings[name], path.key(name)
        if not is_native(name):
            errors.append(invalid(at, name, "must be a node allocatable resource name"))
        factor, key = mapping.get("allocationMultiplier"), mapping.get("capacityKey")
        if factor is None and key is None:
            text = "at least one of allocationMultiplier or capacityKey must be set"
            errors.append(invalid(at, "", text))
            continue
        if factor is not None and (amount := parse(factor)).sign() <= 0:
            errors.append(invalid(at.child("allocationMultiplier"), str(amount), "must be positive"))
        if key == "":
            text = "capacityKey must not be an empty string"
            errors.append(invalid(at.child("capacityKey"), "", text))
        elif key is not None and key not in capacity:
            errors.append(not_found(at.child("capacityKey"), key))
    return errors
