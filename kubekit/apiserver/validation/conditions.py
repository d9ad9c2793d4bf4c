"""Validation of conditions in the common form: type, status, reason, message.

Called for the status of budgets and admission policies.
Source: apimachinery/pkg/apis/meta/v1/validation (ValidateConditions).
"""

from __future__ import annotations

import re

from kubekit.api.field_path import FieldError, Path, duplicate, invalid, not_supported, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name

_STATUSES = ("False", "True", "Unknown")
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  "
    f"or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is "
    f"'{_REASON}')"
)
_LONGEST_REASON, _LONGEST_MESSAGE = 1024, 32 * 1024


def validate_conditions(conditions: list[Obj], path: Path) -> list[FieldError]:
    """Each type once, and every condition complete."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(conditions):
        at, kind, status = path.index(position), one.get("type", ""), one.get("status", "")
        if kind in seen:
            errors.append(duplicate(at.child("type"), kind))
        seen.add(kind)
        errors += qualified_name(kind, at.child("type"))
        if status not in _STATUSES:
            errors.append(not_supported(at.child("status"), status, _STATUSES))
        generation = one.get("observedGeneration", 0)
        if generation < 0:
            text = "must be greater than or equal to zero"
            errors.append(invalid(at.child("observedGeneration"), generation, text))
        if not one.get("lastTransitionTime"):
            errors.append(required(at.child("lastTransitionTime")))
        reason = one.get("reason", "")
        if not reason:
            errors.append(required(at.child("reason")))
        else:
            if not re.fullmatch(_REASON, reason):
                errors.append(invalid(at.child("reason"), reason, _REASON_TEXT))
            if len(reason.encode()) > _LONGEST_REASON:
                errors.append(too_long(at.child("reason"), _LONGEST_REASON))
        if len(one.get("message", "").encode()) > _LONGEST_MESSAGE:
            errors.append(too_long(at.child("message"), _LONGEST_MESSAGE))
    return errors
