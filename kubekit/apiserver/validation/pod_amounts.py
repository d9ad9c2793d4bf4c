"""Validation of resource amounts: names of resources, requests against limits, pod-level amounts.

Called by pods, templates, quotas and limit ranges.
Source: pkg/apis/core/validation (validateResourceRequirements and neighbours), pkg/apis/core/helper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubekit.api import formats
from kubekit.api.field_path import (
    NOT_FOUND,
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from kubekit.api.meta import Obj
from kubekit.api.pod_resources import aggregate
from kubekit.api.quantity import Quantity, QuantityError, parse
from kubekit.apiserver.validation.numbers import dns1123_label, nonnegative_quantity

_COUNTED = frozenset(
    ("pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
     "persistentvolumeclaims", "services.nodeports", "services.loadbalancers")
)  # fmt: skip
_COMPUTE = frozenset(
    ("cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
     "limits.cpu", "limits.memory", "limits.ephemeral-storage")
)  # fmt: skip
_STANDARD = _COUNTED | _COMPUTE | {"storage", "requests.storage"}
_QUOTA = _COUNTED | _COMPUTE | {"requests.storage"}
_CONTAINER = frozenset(("cpu", "memory", "ephemeral-storage"))
NOT_AN_INTEGER = "must be an integer"


def is_huge_page(name: str) -> bool:
    """`hugepages-2Mi` and the like."""
    return name.startswith("hugepages-")


def _is_quota_huge_page(name: str) -> bool:
    return name.startswith(("hugepages-", "requests.hugepages-"))


def is_native(name: str) -> bool:
    """A resource of Kubernetes itself."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A resource of somebody else, such as `example.com/gpu`."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not formats.label_key("requests." + name)


def overcommit_allowed(name: str) -> bool:
    """Whether requests may be below limits."""
    return is_native(name) and not is_huge_page(name)


def resource_name(name: str, path: Path) -> list[FieldError]:
    """A standard name or a qualified one."""
    errors = [invalid(path, name, text) for text in formats.label_key(name)]
    if not errors and "/" not in name and name not in _STANDARD and not _is_quota_huge_page(name):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def container_resource_name(name: str, path: Path) -> list[FieldError]:
    """What a container can ask for."""
    if name in _CONTAINER:
        return []
    errors = resource_name(name, path)
    if "/" not in name:
        if not is_huge_page(name):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def pod_resource_name(name: str, path: Path) -> list[FieldError]:
    """What can be asked for at the level of the pod."""
    errors = resource_name(name, path)
    if not errors and name not in ("cpu", "memory") and not is_huge_page(name):
        errors.append(not_supported(path, name, ("cpu", "hugepages-", "memory")))
    return errors


def quota_resource_name(name: str, path: Path) -> list[FieldError]:
    """What a quota can limit."""
    errors = resource_name(name, path)
    if "/" not in name and name not in _QUOTA and not _is_quota_huge_page(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def quantity_value(name: str, value: Quantity, path: Path) -> list[FieldError]:
    """An amount that is not negative, and whole where things are counted."""
    errors = nonnegative_quantity(value, path)
    if value.milli_value() % 1000 and (name in _COUNTED or is_extended(name)):
        errors.append(invalid(path, str(value), NOT_AN_INTEGER))
    return errors


def _indivisible(name: str, value: Quantity) -> bool:
    try:
        size = parse(name.removeprefix("hugepages-"))
    except QuantityError:
        return True
    return size.nanos <= 0 or size.milli_value() % 1000 != 0 or value.value() % size.value() != 0


def requirements(
    found: Obj,
    path: Path,
    claims: frozenset[str] = frozenset(),
    check_name: Callable[[str, Path], list[FieldError]] = container_resource_name,
) -> list[FieldError]:
    """Requests and limits of a container or a pod."""
    errors: list[FieldError] = []
    limits: Mapping[str, str] = found.get("limits") or {}
    requests: Mapping[str, str] = found.get("requests") or {}
    parsed = {name: parse(text) for name, text in limits.items()}
    for name, value in parsed.items():
        at = path.child("limits").key(name)
        errors += check_name(name, at) + quantity_value(name, value, at)
        if is_huge_page(name) and _indivisible(name, value):
            errors.append(invalid(at, str(value), f"{value} is not positive integer multiple of {name}"))
    for name, text in requests.items():
        value, at = parse(text), path.child("requests").key(name)
        errors += check_name(name, at) + quantity_value(name, value, at)
        limit = parsed.get(name)
        if limit is not None:
            if value != limit and not overcommit_allowed(name):
                words = f"must be equal to {name} limit of {limit}"
                errors.append(invalid(path.child("requests"), str(value), words))
            elif value > limit:
                words = f"must be less than or equal to {name} limit of {limit}"
                errors.append(invalid(path.child("requests"), str(value), words))
        elif not overcommit_allowed(name):
            words = "Limit must be set for non overcommitable resources"
            errors.append(required(path.child("limits"), words))
        if is_huge_page(name) and _indivisible(name, value):
            errors.append(invalid(at, str(value), f"{value} is not positive integer multiple of {name}"))
    names = [*limits, *requests]
    if any(is_huge_page(name) for name in names) and not any(name in ("cpu", "memory") for name in names):
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    if found.get("claims"):
        errors += _claims(found["claims"], claims, path.child("claims"))
    return errors


def _claims(listed: list[Obj], known: frozenset[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: list[str] = []
    for position, claim in enumerate(listed):
        at, name = path.index(position), claim.get("name", "")
        if not name:
            errors.append(required(at))
            continue
        if name in seen:
            errors.append(duplicate(at, name))
        else:
            key = name
            if request := claim.get("request"):
                errors += dns1123_label(request, at.child("request"))
                key += "/" + request
            if key in seen:
                errors.append(duplicate(at, key))
            elif not claim.get("request"):
                errors += [duplicate(at, name) for one in seen if one.startswith(name + "/")]
            seen.append(key)
        if name not in known:
            rest = ": " + ", ".join(sorted(known)) if known else " which is empty"
            text = "must be one of the names in pod.spec.resourceClaims" + rest
            errors.append(FieldError(NOT_FOUND, str(at), name, text))
    return errors


def pod_level(spec: Obj, claims: frozenset[str], path: Path) -> list[FieldError]:
    """Amounts given for the pod as a whole, and that the containers fit into them."""
    resources = spec.get("resources")
    if resources is None:
        return []
    at = path.child("resources")
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(at, "may not be set for a windows pod")]
    errors: list[FieldError] = []
    if resources.get("claims") is not None:
        errors.append(forbidden(at.child("claims"), "claims may not be set for Resources at pod-level"))
    errors += requirements(resources, at, claims, pod_resource_name)
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, value in aggregate(spec, "requests").items():
        if name in requests and value > parse(requests[name]):
            words = f"must be greater than or equal to aggregate container requests of {value}"
            errors.append(invalid(at.child("requests").key(name), str(parse(requests[name])), words))
    for name, value in aggregate(spec, "limits").items():
        if is_huge_page(name) and name in limits and value > parse(limits[name]):
            words = f"must be greater than or equal to aggregate container limits of {value}"
            errors.append(invalid(at.child("limits").key(name), str(parse(limits[name])), words))
    for position, container in enumerate(spec.get("containers") or ()):
        for name, text in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and parse(text) > parse(limits[name]):
                place = at.child("containers").index(position).key(name).child("limits")
                words = f"must be less than or equal to pod limits of {parse(limits[name])}"
                errors.append(invalid(place, str(parse(text)), words))
    return errors
