"""Defaults of admission webhooks and admission policies.

Called through `apply_defaults`. Source: pkg/apis/admissionregistration/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def _rules(rules: list[Obj] | None) -> None:
    for rule in rules or ():
        rule.setdefault("scope", "*")


def _webhook(hook: Obj) -> None:
    hook.setdefault("failurePolicy", "Fail")
    hook.setdefault("matchPolicy", "Equivalent")
    hook.setdefault("namespaceSelector", {})
    hook.setdefault("objectSelector", {})
    hook.setdefault("timeoutSeconds", 10)
    _rules(hook.get("rules"))
    service = (hook.get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def validating_webhooks(obj: Obj) -> None:
    """ValidatingWebhookConfiguration."""
    for hook in obj.get("webhooks") or ():
        _webhook(hook)


def mutating_webhooks(obj: Obj) -> None:
    """MutatingWebhookConfiguration: not called again unless said so."""
    for hook in obj.get("webhooks") or ():
        _webhook(hook)
        hook.setdefault("reinvocationPolicy", "Never")


def _match_resources(found: Obj | None) -> None:
    if found is not None:
        found.setdefault("matchPolicy", "Equivalent")
        found.setdefault("namespaceSelector", {})
        found.setdefault("objectSelector", {})
        _rules(found.get("resourceRules"))
        _rules(found.get("excludeResourceRules"))


def policy(obj: Obj) -> None:
    """ValidatingAdmissionPolicy and MutatingAdmissionPolicy fail closed."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _match_resources(spec.get("matchConstraints"))


def policy_binding(obj: Obj) -> None:
    """The bindings of both."""
    _match_resources((obj.get("spec") or {}).get("matchResources"))


DEFAULTS = {
    "ValidatingWebhookConfiguration": validating_webhooks,
    "MutatingWebhookConfiguration": mutating_webhooks,
    "ValidatingAdmissionPolicy": policy,
    "MutatingAdmissionPolicy": policy,
    "ValidatingAdmissionPolicyBinding": policy_binding,
    "MutatingAdmissionPolicyBinding": policy_binding,
}
