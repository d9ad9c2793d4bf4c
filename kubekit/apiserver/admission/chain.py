"""The chain of admission plugins: every write passes them in this order, first changing, then validating.

`AdmissionChain.admit(attributes)` and `.validate(attributes)` are called by the write verbs. The order is
the real server's recommended order; `enabled` switches plugins by name. Which plugins look at which
resource is worked out once. Upstream: pkg/kubeapiserver/options/plugins.go.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

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


@functools.cache
def _passed(plugin: str, phase: str) -> Step:
    return Step(f"Admission {plugin}", "pass", phase)


class AdmissionChain:
    """The plugins of one server."""

    def __init__(self, disabled: Sequence[str] = (), enabled: Sequence[str] = ()) -> None:
        off = {*OFF_BY_DEFAULT, *disabled} - set(enabled)
        self.plugins = [plugin() for plugin in PLUGINS if plugin.name not in off]
        self._admitting: dict[tuple[str, str, str], list[AdmissionPlugin]] = {}
        self._validating: dict[tuple[str, str, str], list[AdmissionPlugin]] = {}

    def plugin(self, name: str) -> AdmissionPlugin | None:
        """The plugin of that name, when it is enabled."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)

    def admit(self, a: Attributes) -> None:
        """Let every plugin change the object; raises the first refusal."""
        if (watch := a.ctx.stopwatch) is not None:
            watch.admission()
        for plugin in self._concerned(a, self._admitting, "admit"):
            try:
                plugin.admit(a)
            except StatusError as error:
                a.ctx.refused(f"Admission {plugin.name}", error.message, {"phase": "mutating"})
                raise
            a.ctx.steps.append(_passed(plugin.name, "mutating"))
        if a.reinvoke:
            self._again(a)

    def _again(self, a: Attributes) -> None:
        """Ask the plugins once more that had their turn before a policy or webhook changed the object."""
        for plugin in self._concerned(a, self._admitting, "admit"):
            if not isinstance(plugin, MutatingAdmissionPolicy | MutatingAdmissionWebhook):
                plugin.admit(a)

    def validate(self, a: Attributes) -> None:
        """Ask every plugin whether the final object may pass; raises the first refusal."""
        for plugin in self._concerned(a, self._validating, "validate"):
            try:
                plugin.validate(a)
            except StatusError as error:
                a.ctx.refused(f"Admission {plugin.name}", error.message, {"phase": "validating"})
                raise
            a.ctx.steps.append(_passed(plugin.name, "validating"))

    def _concerned(
        self, a: Attributes, known: dict[tuple[str, str, str], list[AdmissionPlugin]], method: str
    ) -> list[AdmissionPlugin]:
        plural = f"{a.resource.plural}/{a.subresource}" if a.subresource else a.resource.plural
        key = (a.resource.group, plural, a.operation)
        found = known.get(key)
        if found is None:
            base = getattr(AdmissionPlugin, method)
            found = known[key] = [
                plugin
                for plugin in self.plugins
                if getattr(type(plugin), method) is not base
                and a.operation in plugin.operations
                and (plugin.resources is None or (a.resource.group, plural) in plugin.resources)
            ]
        return found
