"""The built-in resources: which strategy each has, and where it lies in etcd.

To give a kind particular behaviour, write its strategy in a file of its own here and add a line to
`STRATEGIES`. `PREFIXES` are the places that differ from `/registry/<plural>`, for reasons of age.
Upstream: pkg/registry/*/rest/storage_*.go, pkg/kubeapiserver/default_storage_factory_builder.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.resources import RESOURCES, Resource
from kubekit.apiserver.custom.definition import DefinitionStrategy
from kubekit.apiserver.registry.autoscaler_forms import to_v1, to_v2
from kubekit.apiserver.registry.certificates import CertificateRequestStrategy
from kubekit.apiserver.registry.event_forms import core_form, events_form
from kubekit.apiserver.registry.namespaces import NamespaceStrategy
from kubekit.apiserver.registry.pods import PodStrategy
from kubekit.apiserver.registry.rbac_kinds import BindingStrategy, RoleStrategy
from kubekit.apiserver.registry.resource_claims import (
    ResourceClaimStrategy,
    ResourceClaimTemplateStrategy,
)
from kubekit.apiserver.registry.services import ServiceStrategy
from kubekit.apiserver.registry.small_kinds import (
    APIServiceStrategy,
    LimitRangeStrategy,
    ResourceSliceStrategy,
)
from kubekit.apiserver.registry.storage_kinds import (
    ClaimStrategy,
    EventStrategy,
    NodeStrategy,
    PriorityClassStrategy,
    ServiceAccountStrategy,
    VolumeStrategy,
)
from kubekit.apiserver.registry.strategy import Strategy
from kubekit.apiserver.registry.traits import traits_of
from kubekit.apiserver.registry.workloads import (
    DaemonSetStrategy,
    DeploymentStrategy,
    EndpointSliceStrategy,
    JobStrategy,
    ReplicationControllerStrategy,
)

STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "events"): EventStrategy,
    ("", "limitranges"): LimitRangeStrategy,
    ("", "namespaces"): NamespaceStrategy,
    ("", "nodes"): NodeStrategy,
    ("", "persistentvolumeclaims"): ClaimStrategy,
    ("", "persistentvolumes"): VolumeStrategy,
    ("", "pods"): PodStrategy,
    ("", "replicationcontrollers"): ReplicationControllerStrategy,
    ("", "serviceaccounts"): ServiceAccountStrategy,
    ("", "services"): ServiceStrategy,
    ("apiextensions.k8s.io", "customresourcedefinitions"): DefinitionStrategy,
    ("apiregistration.k8s.io", "apiservices"): APIServiceStrategy,
    ("apps", "daemonsets"): DaemonSetStrategy,
    ("apps", "deployments"): DeploymentStrategy,
    ("batch", "jobs"): JobStrategy,
    ("certificates.k8s.io", "certificatesigningrequests"): CertificateRequestStrategy,
    ("discovery.k8s.io", "endpointslices"): EndpointSliceStrategy,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): BindingStrategy,
    ("rbac.authorization.k8s.io", "clusterroles"): RoleStrategy,
    ("rbac.authorization.k8s.io", "rolebindings"): BindingStrategy,
    ("rbac.authorization.k8s.io", "roles"): RoleStrategy,
    ("resource.k8s.io", "resourceclaims"): ResourceClaimStrategy,
    ("resource.k8s.io", "resourceclaimtemplates"): ResourceClaimTemplateStrategy,
    ("resource.k8s.io", "resourceslices"): ResourceSliceStrategy,
    ("scheduling.k8s.io", "priorityclasses"): PriorityClassStrategy,
}

Converter = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(obj: dict[str, Any]) -> dict[str, Any]:
    """The converter that does nothing."""
    return obj


PREFIXES: dict[tuple[str, str], str] = {
    ("", "services"): "services/specs",
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("networking.k8s.io", "ingresses"): "ingress",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.k8s.io/customresourcedefinitions",
    ("apiregistration.k8s.io", "apiservices"): "apiregistration.k8s.io/apiservices",
    ("events.k8s.io", "events"): "events",
}

ROUTES: dict[tuple[str, str], tuple[str, ...]] = {("", "pods"): ("spec.nodeName",)}
"""Fields by which watchers of a resource are found."""

STORED_VERSIONS: dict[tuple[str, str], str] = {("autoscaling", "horizontalpodautoscalers"): "v2"}
"""Resources whose stored version is not the one that is served first."""

CONVERTERS: dict[tuple[str, str, str], tuple[Converter, Converter]] = {
    ("", "v1", "events"): (unchanged, core_form),
    ("autoscaling", "v1", "horizontalpodautoscalers"): (to_v2, to_v1),
    ("events.k8s.io", "v1", "events"): (unchanged, events_form),
}
"""Endpoints whose version is not the stored one: how to store what comes in, how to serve what is stored."""

DEPRECATED = {
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
"""The Warning that every request to a deprecated resource gets."""

VIRTUAL = frozenset(
    {
        "bindings",
        "componentstatuses",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
        "tokenreviews",
    }
)
"""Resources that answer questions and are stored nowhere."""


def strategy_of(resource: Resource) -> Strategy:
    """The strategy of a built-in resource."""
    kind = STRATEGIES.get((resource.group, resource.plural), Strategy)
    return kind(resource, traits_of(resource.group, resource.plural))


def prefix_of(resource: Resource) -> str:
    """The key prefix of a built-in resource, without `/registry/`."""
    return PREFIXES.get((resource.group, resource.plural), resource.plural)


def stored_as(resource: Resource) -> Resource:
    """The resource in the version in which its objects are stored."""
    version = STORED_VERSIONS.get((resource.group, resource.plural), resource.version)
    return next(
        (
            r
            for r in RESOURCES
            if (r.group, r.version, r.plural) == (resource.group, version, resource.plural)
        ),
        resource,
    )
