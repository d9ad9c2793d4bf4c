"""Chapter: validation - what the API server refuses, and with which words.

An object arrives here decoded, defaulted and admitted. `validate_create` and `validate_update` return every
field error of it, in the original's order; the pipeline turns them into one 422 answer. Validation reads its
arguments only, and never stops at the first error.

Reading order: `object_meta` (names, labels, owners of everything), `selectors` and `numbers` (what many kinds
share), then one module a kind. `pod` is the largest and is split: `pod`, `pod_containers`, `pod_env`,
`pod_probes`, `pod_volumes`, `pod_affinity`, `pod_security`, `pod_amounts`, `pod_update`. `go_value` prints
a value as the original's internal types look in error texts.

To add a kind: one module with `validate_create(obj)` and `validate_update(obj, old, subresource)`, one line
in `_MODULES`. Kinds without a line get the checks of metadata alone.

Left out against the original: kinds that are not served by default, and ratcheting (the leniency towards old
objects that newer rules would refuse; here no older release can have stored any).
Source: pkg/apis/*/validation, apimachinery/pkg/api/validation and the declarative tags of v1.36.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from kubekit.api.field_path import FieldError
from kubekit.api.meta import Obj

__all__ = ["validate_create", "validate_status_update", "validate_update"]

_MODULES: dict[str, str] = {
    "Pod": "pod",
    "Service": "service",
    "Endpoints": "endpoints",
    "discovery.k8s.io/EndpointSlice": "endpoint_slice",
    "Node": "node",
    "Namespace": "namespace",
    "ConfigMap": "config_map",
    "Secret": "secret",
    "ServiceAccount": "service_account",
    "Event": "event",
    "events.k8s.io/Event": "event",
    "coordination.k8s.io/Lease": "lease",
    "apps/Deployment": "deployment",
    "apps/ReplicaSet": "replica_set",
    "apps/DaemonSet": "daemon_set",
    "apiextensions.k8s.io/CustomResourceDefinition": "custom_resource_definition",
    "apps/ControllerRevision": "controller_revision",
    "ReplicationController": "replication_controller",
    "PodTemplate": "pod_template_object",
    "node.k8s.io/RuntimeClass": "runtime_class",
    "apps/StatefulSet": "stateful_set",
    "batch/Job": "job",
    "batch/CronJob": "cron_job",
    "networking.k8s.io/NetworkPolicy": "network_policy",
    "networking.k8s.io/Ingress": "ingress",
    "networking.k8s.io/IngressClass": "ingress_class",
    "networking.k8s.io/ServiceCIDR": "service_cidr",
    "networking.k8s.io/IPAddress": "service_cidr",
    "rbac.authorization.k8s.io/Role": "rbac",
    "rbac.authorization.k8s.io/ClusterRole": "rbac",
    "rbac.authorization.k8s.io/RoleBinding": "rbac",
    "rbac.authorization.k8s.io/ClusterRoleBinding": "rbac",
    "scheduling.k8s.io/PriorityClass": "priority_class",
    "storage.k8s.io/StorageClass": "storage_class",
    "storage.k8s.io/CSIDriver": "csi_kinds",
    "storage.k8s.io/CSINode": "csi_kinds",
    "storage.k8s.io/CSIStorageCapacity": "csi_kinds",
    "storage.k8s.io/VolumeAttachment": "volume_attachment",
    "storage.k8s.io/VolumeAttributesClass": "volume_attributes_class",
    "flowcontrol.apiserver.k8s.io/FlowSchema": "flow_schema",
    "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration": "priority_level",
    "ResourceQuota": "resource_quota",
    "LimitRange": "limit_range",
    "policy/PodDisruptionBudget": "pod_disruption_budget",
    "PersistentVolume": "persistent_volume",
    "PersistentVolumeClaim": "persistent_volume_claim",
    "autoscaling/HorizontalPodAutoscaler": "horizontal_pod_autoscaler",
    "autoscaling/Scale": "horizontal_pod_autoscaler",
    "certificates.k8s.io/CertificateSigningRequest": "certificate_signing_request",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration": "webhook_configuration",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration": "webhook_configuration",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy": "admission_policy",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": "admission_policy",
    "admissionregistration.k8s.io/MutatingAdmissionPolicy": "admission_policy",
    "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding": "admission_policy",
    "resource.k8s.io/DeviceClass": "resource_claim",
    "resource.k8s.io/ResourceClaim": "resource_claim",
    "resource.k8s.io/ResourceClaimTemplate": "resource_claim",
    "resource.k8s.io/ResourceSlice": "resource_slice",
}
_loaded: dict[tuple[str, str], ModuleType] = {}


def _module(obj: Obj) -> ModuleType:
    key = (obj.get("apiVersion", ""), obj.get("kind", ""))
    found = _loaded.get(key)
    if found is None:
        group = key[0].rpartition("/")[0]
        name = _MODULES.get(f"{group}/{key[1]}" if group else key[1], "any_kind")
        found = _loaded[key] = importlib.import_module(f"kubekit.apiserver.validation.{name}")
    return found


def validate_create(obj: Obj) -> list[FieldError]:
    """Every field error of a new object (decoded, defaulted, with its name and namespace set)."""
    found: list[FieldError] = _module(obj).validate_create(obj)
    return found


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every field error of a change from `old` to `obj`; `subresource` is where the change came in."""
    found: list[FieldError] = _module(obj).validate_update(obj, old, subresource)
    return found


def validate_status_update(obj: Obj, old: Obj) -> list[FieldError]:
    """Every field error of a change made through the status subresource."""
    return validate_update(obj, old, "status")
