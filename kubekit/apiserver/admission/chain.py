"""The chain of admission plugins: every write passes them in this order, first changing, then validating.

`AdmissionChain.admit(attributes)` and `.validate(attributes)` are called by the write verbs. The order is
the real server's recommended order; `enabled` switches plugins by name. Which plugins look at which
resource is worked out once. Upstream: pkg/kubeapiserver/options/plugins.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kubekit.api.status_error import StatusError
from kubekit.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from kubekit.apiserver.admission.default_ingress_class import DefaultIngressClass
from kubekit.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from kubekit.apiserver.admission.limit_ranger import LimitRanger
from kubekit.apiserver.admission.mutating_policy import MutatingAdmissionPolicy
from kubekit.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from kubekit.apiserver.admission.node_restriction import NodeRestriction
from kubekit.apiserver.admission.plugin import AdmissionPlugin, Attributes
from kubekit.apiserver.admission.pod_security import PodSecurity
from kubekit.apiserver.admission.priority import Priority
from kubekit.apiserver.admission.resource_quota import ResourceQuotaAdmission
from kubekit.apiserver.admission.runtime_class import RuntimeClassAdmission
from kubekit.apiserver.admission.service_account import ServiceAccountAdmission
from kubekit.apiserver.admission.storage_defaults import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from kubekit.apiserver.admission.taint_nodes import TaintNodesByCondition
from kubekit.apiserver.admission.validating_policy import ValidatingAdmissionPolicy
from kubekit.apiserver.admission.webhooks import MutatingAdmissionWebhook, ValidatingAdmissionWebhook
from kubekit.sim import Step

PLUGINS: tuple[type[AdmissionPlugin], ...] = (
    NamespaceLifecycle,
    LimitRanger,
    ServiceAccountAdmission,
    NodeRestriction,
    TaintNodesByCondition,
    PodSecurity,
    Priority,
    DefaultTolerationSeconds,
    DefaultStorageClass,
    StorageObjectInUseProtection,
    PersistentVolumeClaimResize,
    RuntimeClassAdmission,
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
    DefaultIngressClass,
    MutatingAdmissionPolicy,
    MutatingAdmissionWebhook,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionWebhook,
    ResourceQuotaAdmission,
)
"""Every plugin, in the order in which they are asked."""

OFF_BY_DEFAULT = ("NodeRestriction",)
"""Plugins that are asked only when they are switched on."""


_ALWAYS: dict[str, dict[str, Any]] = {"": {}}
"""In the place of the objects that a plugin acts on, for one that does not depend on any."""


class _Turn(NamedTuple):
    """A plugin's turn: whom to ask, unless there is nothing that it acts on, and the step when it agrees."""

    plugin: AdmissionPlugin
    ask: Callable[[Attributes], None]
    passed: Step
    acts_on: dict[str, dict[str, Any]]
    """The objects themselves, as the watch cache holds them for as long as the server lives."""


Question = tuple[str, str, str, str, str]
"""Group, plural, subresource, operation, and the plugins' method."""


class AdmissionChain:
    """The plugins of one server."""

    def __init__(self, disabled: Sequence[str] = (), enabled: Sequence[str] = ()) -> None:
        off = {*OFF_BY_DEFAULT, *disabled} - set(enabled)
        self.plugins = [plugin() for plugin in PLUGINS if plugin.name not in off]
        self._turns: dict[Question, list[_Turn]] = {}
        """Whose turn it is by what is asked: depends on nothing but the plugins. As many as there are
        resources; a definition of a custom one that was deleted may leave its own behind."""

    def plugin(self, name: str) -> AdmissionPlugin | None:
        """The plugin of that name, when it is enabled."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)

    def admit(self, a: Attributes) -> None:
        """Let every plugin change the object; raises the first refusal."""
        if (watch := a.ctx.stopwatch) is not None:
            watch.admission()
        self._ask(a, "admit", "mutating")
        if a.reinvoke:
            self._again(a)

    def _again(self, a: Attributes) -> None:
        """Ask the plugins once more that had their turn before a policy or webhook changed the object."""
        for plugin, _, _, _ in self._concerned(a, "admit", "mutating"):
            if not isinstance(plugin, MutatingAdmissionPolicy | MutatingAdmissionWebhook):
                plugin.admit(a)

    def validate(self, a: Attributes) -> None:
        """Ask every plugin whether the final object may pass; raises the first refusal."""
        self._ask(a, "validate", "validating")

    def _ask(self, a: Attributes, method: str, phase: str) -> None:
        steps, resource = a.ctx.steps, a.resource
        turns = self._turns.get((resource.group, resource.plural, a.subresource, a.operation, method))
        if turns is None:
            turns = self._concerned(a, method, phase)
        for _, ask, passed, acts_on in turns:
            if acts_on:
                try:
                    ask(a)
                except StatusError as error:
                    a.ctx.refused(passed.asked, error.message, {"phase": phase})
                    raise
            steps.append(passed)

    def _concerned(self, a: Attributes, method: str, phase: str) -> list[_Turn]:
        resource = a.resource
        key = (resource.group, resource.plural, a.subresource, a.operation, method)
        found = self._turns.get(key)
        if found is None:
            found = self._turns[key] = self._find(a, method, phase)
        return found

    def _find(self, a: Attributes, method: str, phase: str) -> list[_Turn]:
        plural = f"{a.resource.plural}/{a.subresource}" if a.subresource else a.resource.plural
        base, store = getattr(AdmissionPlugin, method), a.ctx.server.store
        return [
            _Turn(
                plugin,
                getattr(plugin, method),
                Step(f"Admission {plugin.name}", "pass", phase),
                _ALWAYS if plugin.acts_on is None else store(*plugin.acts_on).cache.objects,
            )
            for plugin in self.plugins
            if getattr(type(plugin), method) is not base
            and a.operation in plugin.operations
            and (plugin.resources is None or (a.resource.group, plural) in plugin.resources)
        ]
