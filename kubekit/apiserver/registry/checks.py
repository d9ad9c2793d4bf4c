"""Checks: the strategies' one way to the validation room.

`validate_create`, `validate_update`, `validate_status_update` give field errors, `warnings` gives Warning texts; a kind
that has no validation has none. Upstream: the Validate* and WarningsOn* methods of pkg/registry strategies.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import FieldError
from kubekit.apiserver import validation

Obj = dict[str, Any]


def validate_create(obj: Obj) -> list[FieldError]:
    """The field errors of a new object."""
    check = getattr(validation, "validate_create", None)
    return check(obj) if check is not None else []


def validate_update(obj: Obj, old: Obj) -> list[FieldError]:
    """The field errors of a change."""
    check = getattr(validation, "validate_update", None)
    return check(obj, old) if check is not None else []


def validate_status_update(obj: Obj, old: Obj) -> list[FieldError]:
    """The field errors of a status change."""
    check = getattr(validation, "validate_status_update", None)
    return check(obj, old) if check is not None else []


def warnings(obj: Obj, old: Obj | None) -> list[str]:
    """The warnings for whoever writes the object."""
    check = getattr(validation, "warnings_for", None)
    return check(obj, old) if check is not None else []
