"""The status of validating admission policies: which generation of a policy was looked at, and its warnings.

The original compiles a policy's expressions against the types that the policy is about and notes what cannot
be right. Here that is asked of `Options.policy_checker` (a cluster's knows the types of what its API server
serves); without it no expression is found fault with.
Source: pkg/controller/validatingadmissionpolicystatus.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj
from kubekit.client import APPLY, Informer
from kubekit.controllers.controller import Context, Controller

POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
MANAGER = "validatingadmissionpolicy-status"


class PolicyStatusController(Controller):
    """Writes the status of ValidatingAdmissionPolicies."""

    name: ClassVar[str] = "validatingadmissionpolicy-status-controller"
    kind: ClassVar[str] = "ValidatingAdmissionPolicy"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.policies: Informer

    def set_up(self) -> None:
        self.policies = self.follow(POLICIES)

    def reconcile(self, key: str) -> None:
        policy = self.policies.get(key)
        if policy is None:
            return
        generation = policy["metadata"].get("generation", 0)
        if generation <= (policy.get("status") or {}).get("observedGeneration", 0):
            return
        checker = self.options.policy_checker
        warnings = checker(policy) if checker is not None else []
        checking: Obj = {"expressionWarnings": warnings} if warnings else {}
        wanted = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": key},
            "status": {"observedGeneration": generation, "typeChecking": checking},
        }
        self.client.patch(
            POLICIES, key, wanted, patch_type=APPLY, subresource="status", fieldManager=MANAGER, force="true"
        )
