"""The steps of a request's record: what was noted, the defaulting, and each plugin's changes as a patch.

While a request is answered nothing of this is made: `Context.changes` holds the fields that plugins set, by
reference, and defaulting leaves nothing. `steps_of` makes the rest when somebody looks at the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.admission.plugin import ABSENT
from kubekit.apiserver.context import step_of
from kubekit.apiserver.filled_in import defaulting, named
from kubekit.apiserver.patching.difference import difference, pointer
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.apiserver.records import ToldOfWrite

Obj = dict[str, Any]


def steps_of(told: ToldOfWrite) -> list[Step]:
    """All steps, in order."""
    steps = [step_of(one) for one in told.steps]
    for number, patch in patches_of(told.changes or []).items():
        if number < len(steps) and steps[number].verdict == "pass":
            steps[number] = steps[number]._replace(reason=f"sets {named(patch)}", figures={"patch": patch})
    place = next((i for i, step in enumerate(steps) if _begins(step)), None)
    if place is not None and (made := defaulting(told)) is not None:
        steps.insert(place, made)
    return steps


def _begins(step: Step) -> bool:
    """Whether a step comes after defaulting: the webhooks and policies of the first plugin count as well."""
    return step.asked == "Validation" or step.asked.startswith(("Admission ", "Webhook ", "Policy "))


def patches_of(changes: list[Any]) -> dict[int, list[Obj]]:
    """Fields that were set as JSON patches, by the number of the step."""
    found: dict[int, list[Obj]] = {}
    for start in range(0, len(changes), 5):
        number, at, key, before, after = changes[start : start + 5]
        path = f"{at}/{pointer(key)}"
        patch = found.setdefault(number, [])
        if before is ABSENT:
            patch.append({"op": "add", "path": path, "value": after})
        else:
            patch += difference(before, after, path)
    return found
