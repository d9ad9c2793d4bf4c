"""MutatingAdmissionPolicy: changes written in CEL.

A mutation is a list of JSON patch operations or a configuration that is merged as server-side apply merges
it. Policies are asked in the order of their names, each seeing what the one before made; one whose
reinvocationPolicy is IfNeeded is asked once more when a later one changed the object. Upstream:
apiserver/pkg/admission/plugin/policy/mutating (dispatcher.go, patch/json_patch.go, patch/smd.go).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.api import status_error as errors
from kubekit.api.meta import deep_copy
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.admission.policy_expressions import BadExpression, Scene
from kubekit.apiserver.admission.policy_matching import (
    Misconfigured,
    UnknownParamKind,
    concerned,
    conditions_hold,
    params_of,
)
from kubekit.apiserver.admission.policy_programs import MutatingPrograms
from kubekit.apiserver.admission.reading_back import read_again
from kubekit.apiserver.admission.webhooks import GROUP
from kubekit.apiserver.cel import EvaluationError, Program
from kubekit.apiserver.managed_fields import check
from kubekit.apiserver.managed_fields.merge import merged
from kubekit.apiserver.managed_fields.shape import Shape, shape_of_kind
from kubekit.apiserver.managed_fields.tracking import custom_shape
from kubekit.apiserver.patching import json_patch
from kubekit.apiserver.patching.difference import difference

Obj = dict[str, Any]


class Refused(NamedTuple):
    """One policy that could not do its work."""

    message: str
    reason: str


class MutatingAdmissionPolicy(AdmissionPlugin):
    """All mutating policies of the cluster."""

    name = "MutatingAdmissionPolicy"
    operations = frozenset({CREATE, UPDATE})
    acts_on = (GROUP, "mutatingadmissionpolicies")

    def __init__(self) -> None:
        self._programs: dict[str, tuple[str, MutatingPrograms]] = {}

    def admit(self, a: Attributes) -> None:
        """Let each policy change the object."""
        if a.obj is None:
            return
        again: list[tuple[Obj, Obj, MutatingPrograms, Obj | None]] = []
        refused: list[Refused] = []
        for policy, bindings in concerned(a, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"):
            for binding in bindings:
                try:
                    programs = self._compiled(policy)
                    found = params_of(a, policy, binding)
                except UnknownParamKind as error:
                    self._fail(a, policy, None, f"failed to configure policy: {error}", refused, "Forbidden")
                    break
                except (BadExpression, Misconfigured) as error:
                    text = f"failed to configure binding: {error}"
                    self._fail(a, policy, binding, text, refused, "Forbidden")
                    continue
                for params in found:
                    earlier = list(again)
                    if self._invoke(a, policy, binding, programs, params, refused):
                        for one in earlier:
                            self._invoke(a, *one, refused)
                    if policy["spec"].get("reinvocationPolicy") == "IfNeeded":
                        again.append((policy, binding, programs, params))
        if refused:
            raise refusal(a, refused)

    def _compiled(self, policy: Obj) -> MutatingPrograms:
        name, version = policy["metadata"]["name"], policy["metadata"].get("resourceVersion", "")
        known = self._programs.get(name)
        if known is None or known[0] != version:
            known = self._programs[name] = (version, MutatingPrograms(policy["spec"]))
        return known[1]

    def _invoke(
        self,
        a: Attributes,
        policy: Obj,
        binding: Obj,
        programs: MutatingPrograms,
        params: Obj | None,
        refused: list[Refused],
    ) -> bool:
        """Make a policy's changes; whether there were any."""
        assert a.obj is not None
        scene = Scene(a, params, programs.variables)
        hold, wrong = conditions_hold(programs.conditions, scene, policy["spec"].get("failurePolicy", "Fail"))
        if wrong:
            self._fail(a, policy, binding, wrong, refused)
        if not hold:
            return False
        before = deep_copy(a.obj)
        for mutation, program in programs.mutations:
            try:
                changed = mutate(a, mutation, program, scene)
            except json_patch.TestFailed:
                continue
            except json_patch.PatchError as error:
                self._fail(a, policy, binding, f"JSON Patch: {error}", refused)
                continue
            except (EvaluationError, ValueError) as error:
                self._fail(a, policy, binding, str(error), refused)
                continue
            a.obj.clear()
            a.obj.update(changed)
            scene.forget("object")
        if before == a.obj:
            return False
        a.reinvoke = True
        # Copied, since whoever comes next changes the object in place.
        patch = deep_copy(difference(before, a.obj))
        a.ctx.note(f"Policy {policy['metadata']['name']}", "changed the object", {"patch": patch})
        return True

    def _fail(
        self,
        a: Attributes,
        policy: Obj,
        binding: Obj | None,
        text: str,
        refused: list[Refused],
        reason: str = "Invalid",
    ) -> None:
        """Keep what went wrong: the request is refused when all have had their turn."""
        if policy["spec"].get("failurePolicy") == "Ignore":
            a.ctx.note(f"Policy {policy['metadata']['name']}", text)
            return
        bound = f" with binding '{binding['metadata']['name']}'" if binding is not None else ""
        names = f"policy '{policy['metadata']['name']}'{bound}"
        refused.append(Refused(f"{names} denied request: {text}", reason))


def refusal(a: Attributes, refused: list[Refused]) -> errors.StatusError:
    """The answer that tells of all that went wrong; the first is its message and reason."""
    found = a.forbidden("").status
    details = {**(found.get("details") or {})}
    details["causes"] = [*(details.get("causes") or ()), *({"message": one.message} for one in refused)]
    first = refused[0]
    return errors.StatusError({**found, "message": first.message, "reason": first.reason, "details": details})


def mutate(a: Attributes, mutation: Obj, program: Program, scene: Scene) -> Obj:
    """The object after one mutation. Raises EvaluationError, PatchError and ValueError."""
    assert a.obj is not None
    source = program.source
    try:
        result = program.run(scene)
    except EvaluationError as error:
        raise EvaluationError(f"expression '{source}' resulted in error: {error}") from None
    if mutation["patchType"] == "JSONPatch":
        if not isinstance(result, list):
            raise ValueError("type mismatch: JSONPatchType.expression should evaluate to array")
        return read_again(a, json_patch.apply(deep_copy(a.obj), result))
    if not isinstance(result, dict):
        raise ValueError("type mismatch: ApplyConfiguration.expression should evaluate to Object")
    wrong = [name for name in ("apiVersion", "kind") if name in result and result[name] != a.obj.get(name)]
    if wrong:
        raise ValueError("invalid ApplyConfiguration: may not change apiVersion or kind")
    shape = shape_of(a)
    if wrong_types := check.problems(shape, result):
        text = check.text_of(wrong_types)
        raise ValueError(f"error applying patch: failed to convert patch object to typed object: {text}")
    if atomics := atomic_fields(shape, result, ""):
        text = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs"
        raise ValueError(f"error applying patch: {text}: {', '.join(atomics)}")
    changed: Obj = merged(shape, deep_copy(a.obj), result)
    return read_again(a, changed)


def shape_of(a: Attributes) -> Shape:
    """How the object's lists and maps are merged."""
    assert a.obj is not None
    version, kind = a.obj["apiVersion"], a.obj["kind"]
    scope = a.ctx.server.scope_of_kind(version, kind)
    if scope is not None and scope.custom is not None:
        return custom_shape(scope.custom.schema)
    return shape_of_kind(version, kind)


def atomic_fields(shape: Shape, value: Any, path: str) -> list[str]:
    """The atomic lists, maps and structures that a configuration would replace as a whole."""
    if not isinstance(value, dict | list):
        return []
    if shape.leaf:
        return [path]
    if isinstance(value, list):
        element = shape.element
        return (
            []
            if element is None
            else [
                one
                for place, item in enumerate(value)
                for one in atomic_fields(element, item, f"{path}[{place}]")
            ]
        )
    found: list[str] = []
    for name, below in value.items():
        inner = shape.child(name)
        found += atomic_fields(inner, below, f"{path}.{name}") if inner is not None else []
    return found
