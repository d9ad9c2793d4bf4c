"""Which policies concern a request: rules, selectors, bindings, and the objects that parametrise them.

Shared by validating and mutating policies. `concerned(a, policies, bindings)` gives each policy that matches
with its bindings that match; `params_of` the objects that a binding refers to. Source:
apiserver/pkg/admission/plugin/policy (matching/matcher.go, generic/policy_dispatcher.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubekit.api.resources import Resource
from kubekit.api.selectors import from_object
from kubekit.apiserver.admission.plugin import Attributes
from kubekit.apiserver.admission.webhooks import EXEMPT, GROUP, rule_matches, selectors_match
from kubekit.apiserver.cel import EvaluationError, Program

Obj = dict[str, Any]


class Misconfigured(Exception):
    """A policy or binding that cannot be asked; the text says why."""


class UnknownParamKind(Exception):
    """A policy whose paramKind nobody serves; the text says which."""


def concerned(a: Attributes, policies: str, bindings: str) -> Iterator[tuple[Obj, list[Obj]]]:
    """Each policy that matches the request with its bindings that do, both in the order of their names."""
    found = a.ctx.server.store(GROUP, policies).cache
    if not found.objects or (a.resource.group == GROUP and a.resource.plural in EXEMPT):
        return
    bound = a.ctx.server.store(GROUP, bindings).cache
    for policy in found.span():
        if not matches(a, policy["spec"].get("matchConstraints") or {}):
            continue
        name = policy["metadata"]["name"]
        its = [
            binding
            for binding in bound.span()
            if binding["spec"].get("policyName") == name
            and matches(a, binding["spec"].get("matchResources"), whole=True)
        ]
        if its:
            yield policy, its


def matches(a: Attributes, wanted: Obj | None, whole: bool = False) -> bool:
    """Whether a request is one of those that a `MatchResources` names; `whole`: no rules mean everything."""
    if wanted is None:
        return whole
    rules = wanted.get("resourceRules") or ()
    if not (any(_covers(a, rule) for rule in rules) or (whole and not rules)):
        return False
    if any(_covers(a, rule) for rule in wanted.get("excludeResourceRules") or ()):
        return False
    return selectors_match(a, wanted)


def _covers(a: Attributes, rule: Obj) -> bool:
    names = rule.get("resourceNames") or ()
    return rule_matches(a, rule) and (not names or a.name in names)


def conditions_hold(
    conditions: list[tuple[Obj, Program]], scene: Any, failure_policy: str
) -> tuple[bool, str]:
    """(whether all hold, the error that decides). One that is false decides, whatever the others do."""
    wrong: list[str] = []
    for condition, program in conditions:
        try:
            if program.run(scene) is False:
                return False, ""
        except EvaluationError as error:
            wrong.append(f"expression '{condition['expression']}' resulted in error: {error}")
    if not wrong:
        return True, ""
    if failure_policy == "Ignore":
        return False, ""
    return False, wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"


def params_of(a: Attributes, policy: Obj, binding: Obj) -> list[Obj | None]:
    """The objects that a binding's paramRef names; [None] where there is none.

    Raises Misconfigured and UnknownParamKind.
    """
    kind, ref = policy["spec"].get("paramKind"), binding["spec"].get("paramRef")
    if kind is None or ref is None:
        return [None]
    resource = resource_of(a, kind)
    if resource is None:
        shown = f"'{kind['apiVersion']}, Kind={kind['kind']}'"
        raise UnknownParamKind(f"failed to find resource referenced by paramKind: {shown}")
    namespace = ""
    if resource.namespaced:
        namespace = ref.get("namespace") or a.namespace
        if not namespace:
            raise Misconfigured(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            )
    elif ref.get("namespace"):
        raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    store = a.ctx.server.store(resource.group, resource.plural)
    found: list[Obj | None]
    if ref.get("name"):
        one = store.find(namespace, ref["name"])
        found = [] if one is None else [one]
    else:
        selector = from_object(ref.get("selector") or {})
        found = [
            one
            for one in store.cache.span()
            if (one["metadata"].get("namespace") or "") == namespace
            and selector.matches(one["metadata"].get("labels") or {})
        ]
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return found


def resource_of(a: Attributes, kind: Obj) -> Resource | None:
    """The resource of a paramKind, among all that are served."""
    scope = a.ctx.server.scope_of_kind(kind.get("apiVersion", ""), kind.get("kind", ""))
    return None if scope is None else scope.resource
