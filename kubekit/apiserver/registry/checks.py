"""Checks: the strategies' one way to the validation room.

`validate_create`, `validate_update`, `validate_status_update` give field errors, `warnings` gives Warning
texts; a kind that has no validation has none. Upstream: the Validate* and WarningsOn* methods of
pkg/registry strategies.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import FieldError
from kubekit.apiserver import validation
from kubekit.apiserver.validation import service
from kubekit.apiserver.validation.object_meta import subdomain_name, validate_object_meta
from kubekit.apiserver.validation.object_meta import validate_changed_metadata as of_metadata
from kubekit.apiserver.validation.warnings import name_warnings, status_warnings_for, warnings_for

Obj = dict[str, Any]

validate_create = validation.validate_create
"""The field errors of a new object."""

warnings = warnings_for
"""The warnings for whoever writes the object: `warnings(obj, old)`."""


def validate_pod_metadata(obj: Obj) -> list[FieldError]:
    """The field errors of the metadata of a new pod, when the rest of it is known to be in order."""
    return validate_object_meta(obj["metadata"], True, subdomain_name)


def validate_update(obj: Obj, old: Obj) -> list[FieldError]:
    """The field errors of a change."""
    return validation.validate_update(obj, old)


def validate_status_update(obj: Obj, old: Obj) -> list[FieldError]:
    """The field errors of a status change."""
    return validation.validate_status_update(obj, old)


def validate_changed_metadata(metadata: Obj, before: Obj) -> tuple[list[FieldError], list[FieldError]]:
    """What every kind's update says of labels, annotations, owners and finalizers, before and after the
    checks of what must stay."""
    return of_metadata(metadata, before)


def pod_name_warnings(obj: Obj) -> list[str]:
    """The warnings for whoever creates a pod that gives no cause for any but with its name."""
    return name_warnings(obj, "the Pod's hostname")


def status_warnings(obj: Obj) -> list[str]:
    """The warnings for whoever writes the object's status."""
    return status_warnings_for(obj)


def cluster_ip_problems(obj: Obj, old: Obj | None) -> list[FieldError]:
    """The field errors of a Service's cluster addresses and families, asked for before any is allocated."""
    return service.cluster_ip_problems(obj, old)


def validate_subresource_update(obj: Obj, old: Obj, subresource: str) -> list[FieldError]:
    """The field errors of a change that came in through a subresource."""
    return validation.validate_update(obj, old, subresource)
