"""What a claim asks for: requests for devices, constraints between them, settings for their drivers.

Called for ResourceClaims and ResourceClaimTemplates.
Source: pkg/apis/resource/validation (validateDeviceClaim).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.device_rules import (
    configuration,
    distinct,
    full_attribute_name,
    limited,
    text_itself,
    toleration,
)
from kubekit.apiserver.validation.device_selector import cel_selectors
from kubekit.apiserver.validation.numbers import dns1123_label, dns1123_subdomain

MOST_REQUESTS = MOST_CONSTRAINTS = MOST_SETTINGS = 32
MOST_ALTERNATIVES = 8
MODES = ("All", "ExactCount")
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_ONE_ATTRIBUTE = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
)

RequestNames = dict[str, frozenset[str]]
"""The requests of a claim, each with the names of its alternatives."""


def request_names(claim: Obj) -> RequestNames:
    """The names by which a claim's requests may be meant; `claim` is what stands at `spec.devices`."""
    return {
        request.get("name", ""): frozenset(one.get("name", "") for one in request.get("firstAvailable") or ())
        for request in claim.get("requests") or ()
    }


def request_reference(name: str, path: Path, names: RequestNames) -> list[FieldError]:
    """A request of the claim, or one of its alternatives after a slash."""
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(path, name, _REFERENCE)]
    errors = [error for part in parts for error in dns1123_label(part, path)]
    if parts[0] not in names or (len(parts) == 2 and parts[1] not in names[parts[0]]):
        errors.append(invalid(path, name, _REFERENCE))
    return errors


def references(requests: list[str], path: Path, names: RequestNames) -> list[FieldError]:
    """A list of requests, each once."""
    return distinct(
        requests, MOST_REQUESTS, lambda name, at: request_reference(name, at, names), path, text_itself
    )


def device_claim(claim: Obj, path: Path) -> list[FieldError]:
    """Everything at `spec.devices`."""
    names = request_names(claim)
    errors = distinct(claim.get("requests") or [], MOST_REQUESTS, _request, path.child("requests"))
    errors += limited(
        claim.get("constraints") or [],
        MOST_CONSTRAINTS,
        lambda one, at: _constraint(one, at, names),
        path.child("constraints"),
    )
    return errors + limited(
        claim.get("config") or [],
        MOST_SETTINGS,
        lambda one, at: settings(one, at, names),
        path.child("config"),
    )


def settings(entry: Obj, path: Path, names: RequestNames) -> list[FieldError]:
    """Settings for a driver, and the requests that they are for."""
    errors = references(entry.get("requests") or [], path.child("requests"), names)
    return errors + configuration(entry, path)


def _request(request: Obj, path: Path) -> list[FieldError]:
    errors = dns1123_label(request.get("name", ""), path.child("name"))
    exactly, first = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not first:
        errors.append(required(path, _ONE_OF))
    elif exactly is not None and first:
        errors.append(invalid(path, None, f"{_ONE_OF}, but multiple fields are set"))
    elif first:
        errors += distinct(first, MOST_ALTERNATIVES, _alternative, path.child("firstAvailable"))
    else:
        errors += _wanted(exactly or {}, path.child("exactly"))
    return errors


def _alternative(request: Obj, path: Path) -> list[FieldError]:
    return dns1123_label(request.get("name", ""), path.child("name")) + _wanted(request, path)


def _wanted(request: Obj, path: Path) -> list[FieldError]:
    """Of which class, which ones, how many."""
    name, at = request.get("deviceClassName", ""), path.child("deviceClassName")
    errors = dns1123_subdomain(name, at) if name else [required(at)]
    errors += cel_selectors(request.get("selectors") or [], path.child("selectors"))
    mode, count = request.get("allocationMode", ""), request.get("count", 0)
    if mode == "All":
        if count:
            text = f"must not be specified when allocationMode is '{mode}'"
            errors.append(invalid(path.child("count"), count, text))
    elif mode == "ExactCount":
        if count <= 0:
            errors.append(invalid(path.child("count"), count, "must be greater than zero"))
    else:
        errors.append(not_supported(path.child("allocationMode"), mode, MODES))
    return errors + limited(request.get("tolerations") or [], -1, toleration, path.child("tolerations"))


def _constraint(constraint: Obj, path: Path, names: RequestNames) -> list[FieldError]:
    errors = references(constraint.get("requests") or [], path.child("requests"), names)
    for field in ("matchAttribute", "distinctAttribute"):
        if constraint.get(field) is not None:
            return errors + full_attribute_name(constraint[field], path.child(field))
    return [*errors, required(path, _ONE_ATTRIBUTE)]
