"""The steps of a request's record: what was noted, the defaulting, and each plugin's changes as a patch.

While a request is answered nothing of this is made: a plugin's step holds the fields that it set, by
reference, and defaulting leaves no step. `steps_of` makes the rest when somebody looks at the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.admission.plugin import ABSENT, Change
from kubekit.apiserver.filled_in import defaulting, named
from kubekit.apiserver.patching.difference import difference, pointer
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.apiserver.records import Told

Obj = dict[str, Any]


def steps_of(told: Told) -> list[Step]:
    """All steps, in order."""
    steps = [_patched(step) if step.reason == "mutating" and step.figures else step for step in told.steps]
    place = next((i for i, step in enumerate(steps) if _begins(step)), None)
    if place is not None and (made := defaulting(told)) is not None:
        steps.insert(place, made)
    return steps


def _begins(step: Step) -> bool:
    """Whether a step comes after defaulting: the webhooks and policies of the first plugin count as well."""
    return step.asked == "Validation" or step.asked.startswith(("Admission ", "Webhook ", "Policy "))


def _patched(step: Step) -> Step:
    """The step of a plugin that changed something, with its changes as a patch."""
    patch = patch_of(step.figures)
    return step._replace(reason=f"sets {named(patch)}", figures={"patch": patch})


def patch_of(changes: list[Change]) -> list[Obj]:
    """Fields that were set, as a JSON patch."""
    patch: list[Obj] = []
    for at, key, before, after in changes:
        path = f"{at}/{pointer(key)}"
        if before is ABSENT:
            patch.append({"op": "add", "path": path, "value": after})
        else:
            patch += difference(before, after, path)
    return patch
