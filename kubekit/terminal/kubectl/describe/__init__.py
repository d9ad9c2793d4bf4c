"""describe: an object in words, with what belongs to it - its pods, its events, what it would run.

A describer is a function from (call, writer, object) in the file of its neighbours; `DESCRIBERS` says which
kind has which. Kinds without one get every field, from `generic`.

Reading order: `writer` (lines and columns), `events`, then `pod` with `containers` and `volumes`,
`pod_template`, `workloads`, `node`, `network`, `config`, `storage`, `policy`, `generic`, `verb` (the
command).

Left out against the original: the cloud providers' volume sources, service CIDRs and addresses (they are
shown by `generic`).
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import Obj
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.describe import config, generic, network, node, pod, policy, storage, workloads
from kubekit.terminal.kubectl.describe.writer import Writer

Describer = Callable[[Call, Writer, Obj], None]
_RBAC = "rbac.authorization.k8s.io"

DESCRIBERS: dict[tuple[str, str], Describer] = {
    ("", "Pod"): pod.describe,
    ("", "Node"): node.describe,
    ("", "ReplicationController"): workloads.replication_controller,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("batch", "Job"): workloads.job,
    ("batch", "CronJob"): workloads.cron_job,
    ("", "Service"): network.service,
    ("", "Endpoints"): network.endpoints,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice,
    ("networking.k8s.io", "Ingress"): network.ingress,
    ("networking.k8s.io", "IngressClass"): network.ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): network.network_policy,
    ("", "ConfigMap"): config.config_map,
    ("", "Secret"): config.secret,
    ("", "ServiceAccount"): config.service_account,
    ("", "Namespace"): config.namespace,
    ("", "ResourceQuota"): config.quota,
    ("", "LimitRange"): config.limit_range,
    ("scheduling.k8s.io", "PriorityClass"): config.priority_class,
    ("", "PersistentVolume"): storage.persistent_volume,
    ("", "PersistentVolumeClaim"): storage.persistent_volume_claim,
    ("storage.k8s.io", "StorageClass"): storage.storage_class,
    ("storage.k8s.io", "CSINode"): storage.csi_node,
    (_RBAC, "Role"): policy.role,
    (_RBAC, "ClusterRole"): policy.role,
    (_RBAC, "RoleBinding"): policy.binding,
    (_RBAC, "ClusterRoleBinding"): policy.binding,
    ("autoscaling", "HorizontalPodAutoscaler"): policy.autoscaler,
    ("policy", "PodDisruptionBudget"): policy.disruption_budget,
    ("certificates.k8s.io", "CertificateSigningRequest"): policy.signing_request,
}


def text_of(call: Call, group: str, kind: str, obj: Obj) -> str:
    """An object's description."""
    writer = Writer()
    DESCRIBERS.get((group, kind), generic.describe)(call, writer, obj)
    return writer.text()
