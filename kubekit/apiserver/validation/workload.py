"""What the validation of workloads shares: selector and template together, and the counts of a status.

Called by Deployment, ReplicaSet, DaemonSet, StatefulSet.
Source: pkg/apis/apps/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.meta import Obj
from kubekit.api.selectors import Selector
from kubekit.apiserver.validation.numbers import AT_LEAST_0
from kubekit.apiserver.validation.pod_template import selector_of
from kubekit.apiserver.validation.selectors import label_selector

SPEC = Path("spec")
STATUS = Path("status")
ABOVE_REPLICAS = "cannot be greater than status.replicas"


def validate_selector(
    spec: Obj, word: str, malformed: str = "invalid label selector"
) -> tuple[Selector | None, list[FieldError]]:
    """The selector and its errors; `word` names the kind in the refusal of an empty one."""
    selector, path = spec.get("selector"), SPEC.child("selector")
    errors: list[FieldError] = []
    if selector is None:
        errors.append(required(path))
    else:
        errors += label_selector(selector, path)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            errors.append(invalid(path, {}, f"empty selector is invalid for {word}"))
    found, wrong = selector_of(selector, path)
    if wrong:
        errors.append(invalid(path, selector, malformed))
    return found, errors


def nonnegative_fields(holder: Obj, fields: tuple[str, ...], path: Path) -> list[FieldError]:
    """Each of the fields 0 or more."""
    return [
        invalid(path.child(field), value, AT_LEAST_0)
        for field in fields
        if (value := holder.get(field)) is not None and value < 0
    ]


def not_above_replicas(status: Obj, fields: tuple[str, ...]) -> list[FieldError]:
    """No count of a status exceeds the number of replicas."""
    total = status.get("replicas", 0)
    return [
        invalid(STATUS.child(field), status[field], ABOVE_REPLICAS)
        for field in fields
        if status.get(field, 0) > total
    ]


def collision_count(status: Obj, before: Obj) -> list[FieldError]:
    """The collision count only rises."""
    new, old = status.get("collisionCount"), before.get("collisionCount")
    if old is None or (new is not None and new >= old):
        return []
    return [invalid(STATUS.child("collisionCount"), new or 0, "cannot be decremented")]
