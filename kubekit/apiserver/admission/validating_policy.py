"""ValidatingAdmissionPolicy: conditions in CEL that a request must meet.

A policy says what must hold, a binding says for whom and what happens otherwise: the request is denied, its
sender is warned, or a remark is left for the audit (here: in the request's record). An expression that fails
counts as a violation unless the policy's failurePolicy is Ignore. Upstream:
apiserver/pkg/admission/plugin/policy/validating (dispatcher.go, validator.go).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from kubekit.api import status_error as errors
from kubekit.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.admission.policy_expressions import BadExpression, Scene
from kubekit.apiserver.admission.policy_matching import (
    Misconfigured,
    UnknownParamKind,
    concerned,
    conditions_hold,
    params_of,
)
from kubekit.apiserver.admission.policy_programs import ValidatingPrograms
from kubekit.apiserver.admission.webhooks import GROUP
from kubekit.apiserver.cel import EvaluationError

Obj = dict[str, Any]

CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
LONGEST_MESSAGE = 5 * 1024
"""Bytes that a messageExpression may give."""
AUDIT_KEY = "validation.policy.admission.k8s.io/validation_failure"


class Violation(NamedTuple):
    """One condition that does not hold, or a policy that could not be asked."""

    message: str
    reason: str = "Invalid"
    place: int = 0


class ValidatingAdmissionPolicy(AdmissionPlugin):
    """All validating policies of the cluster."""

    name = "ValidatingAdmissionPolicy"
    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    acts_on = (GROUP, "validatingadmissionpolicies")

    def __init__(self) -> None:
        self._programs: dict[str, tuple[str, ValidatingPrograms]] = {}

    def validate(self, a: Attributes) -> None:
        """Ask every policy; the first denial is the answer, after all have had their say."""
        denied: list[tuple[Obj, Obj | None, Violation]] = []
        audited: list[Obj] = []
        for policy, bindings in concerned(
            a, "validatingadmissionpolicies", "validatingadmissionpolicybindings"
        ):
            fails = policy["spec"].get("failurePolicy") != "Ignore"
            try:
                programs = self._compiled(policy)
            except BadExpression as error:
                if fails:
                    denied.append((policy, None, Violation(f"failed to configure policy: {error}")))
                continue
            for binding in bindings:
                try:
                    found = [
                        violation
                        for params in params_of(a, policy, binding)
                        for violation in violations(a, policy, programs, params)
                    ]
                except UnknownParamKind as error:
                    if fails:
                        denied.append((policy, None, Violation(f"failed to configure policy: {error}")))
                    break
                except Misconfigured as error:
                    if fails:
                        denied.append((policy, binding, Violation(f"failed to configure binding: {error}")))
                    continue
                for violation in found:
                    if self._act(a, policy, binding, violation, audited):
                        denied.append((policy, binding, violation))
        if audited:
            a.ctx.annotate(AUDIT_KEY, json.dumps(audited, separators=(",", ":"), ensure_ascii=False))
        if denied:
            raise refusal(a, *denied[0])

    def _compiled(self, policy: Obj) -> ValidatingPrograms:
        name, version = policy["metadata"]["name"], policy["metadata"].get("resourceVersion", "")
        known = self._programs.get(name)
        if known is None or known[0] != version:
            known = self._programs[name] = (version, ValidatingPrograms(policy["spec"]))
        return known[1]

    @staticmethod
    def _act(a: Attributes, policy: Obj, binding: Obj, violation: Violation, audited: list[Obj]) -> bool:
        """Do what the binding wants done about a violation; whether the request is to be denied."""
        names = (policy["metadata"]["name"], binding["metadata"]["name"])
        denies = False
        for action in binding["spec"].get("validationActions") or ():
            if action == "Deny":
                denies = True
            elif action == "Warn":
                a.ctx.warn(
                    f"Validation failed for ValidatingAdmissionPolicy '{names[0]}' with binding '{names[1]}':"
                    f" {violation.message}"
                )
            elif action == "Audit":
                failure = {
                    "message": violation.message,
                    "policy": names[0],
                    "binding": names[1],
                    "expressionIndex": violation.place,
                    "validationActions": binding["spec"]["validationActions"],
                }
                audited.append(failure)
                a.ctx.note(f"Audit annotation {AUDIT_KEY}", violation.message, [failure])
        return denies


def violations(
    a: Attributes, policy: Obj, programs: ValidatingPrograms, params: Obj | None
) -> list[Violation]:
    """What a policy has against a request."""
    spec = policy["spec"]
    fails = spec.get("failurePolicy") != "Ignore"
    scene = Scene(a, params, programs.variables)
    hold, wrong = conditions_hold(programs.conditions, scene, spec.get("failurePolicy", "Fail"))
    if not hold:
        return [Violation(wrong)] if wrong else []
    found: list[Violation] = []
    for index, (validation, program, message) in enumerate(programs.validations):
        try:
            result = program.run(scene)
        except EvaluationError as error:
            if fails:
                text = f"expression '{validation['expression'].strip()}' resulted in error: {error}"
                found.append(Violation(text, place=index))
            continue
        if result is not True:
            text = _message(validation, message, scene)
            found.append(Violation(text, validation.get("reason") or "Invalid", index))
    return found + _annotate(a, policy, programs, scene, fails)


def _message(validation: Obj, message: Any, scene: Scene) -> str:
    """The message of a validation that does not hold: an expression's, a fixed one, or the condition."""
    if message is not None:
        try:
            found = message.run(scene)
        except EvaluationError:
            found = None
        text = found.strip() if isinstance(found, str) else ""
        if text and "\n" not in text and len(text.encode()) <= LONGEST_MESSAGE:
            return str(text)
    fixed = (validation.get("message") or "").strip()
    return fixed or f"failed expression: {validation['expression'].strip()}"


def _annotate(
    a: Attributes, policy: Obj, programs: ValidatingPrograms, scene: Scene, fails: bool
) -> list[Violation]:
    """The policy's audit annotations, as remarks in the record; one that fails may be a violation."""
    wrong: list[Violation] = []
    for annotation, program in programs.annotations:
        try:
            value = program.run(scene)
        except EvaluationError as error:
            text = f"expression '{annotation['valueExpression']}' resulted in error: {error}"
            if fails:
                wrong.append(Violation(text))
            continue
        if isinstance(value, str) and value.strip():
            key = f"{policy['metadata']['name']}/{annotation['key']}"
            a.ctx.note(f"Audit annotation {key}", value.strip())
            a.ctx.annotate(key, value.strip())
    return wrong


def refusal(a: Attributes, policy: Obj, binding: Obj | None, violation: Violation) -> errors.StatusError:
    """The answer to a request that is denied."""
    name = policy["metadata"]["name"]
    bound = f" with binding '{binding['metadata']['name']}'" if binding is not None else ""
    text = f"ValidatingAdmissionPolicy '{name}'{bound} denied request: {violation.message}"
    found = a.forbidden(text).status
    details = {**(found.get("details") or {})}
    details["causes"] = [*(details.get("causes") or ()), {"message": text}]
    code = CODES.get(violation.reason, 422)
    return errors.StatusError({**found, "reason": violation.reason, "code": code, "details": details})
