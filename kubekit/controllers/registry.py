"""The controllers, one a line, in the order in which the manager starts them.

To add one: copy a neighbour, name it here. `ON_BY_DEFAULT` is everything; the manager's `controllers`
argument takes the real flag's form: "*" for all of them, "foo" for one more, "-foo" for one less.
"""

from __future__ import annotations

from kubekit.controllers.attributes_class_protection import AttributesClassProtection
from kubekit.controllers.autoscaler import Autoscaler
from kubekit.controllers.bootstrap_tokens import BootstrapSigner, TokenCleaner
from kubekit.controllers.certificates import CertificateApprover, CertificateCleaner, CertificateSigner
from kubekit.controllers.cluster_role_aggregation import ClusterRoleAggregation
from kubekit.controllers.controller import Controller
from kubekit.controllers.controller_names import LEFT_OUT, OLDER, is_chosen
from kubekit.controllers.cronjob import CronJobController
from kubekit.controllers.daemonset import DaemonSetController
from kubekit.controllers.deployment import DeploymentController
from kubekit.controllers.disruption import DisruptionController
from kubekit.controllers.endpoints import EndpointsController
from kubekit.controllers.endpointslice import EndpointSliceController
from kubekit.controllers.endpointslice_mirroring import EndpointSliceMirroringController
from kubekit.controllers.ephemeral_volume import EphemeralVolumeController
from kubekit.controllers.garbage_collector import GarbageCollector
from kubekit.controllers.job import JobController
from kubekit.controllers.namespace import NamespaceController
from kubekit.controllers.node_ipam import NodeIpamController
from kubekit.controllers.node_lifecycle import NodeLifecycleController
from kubekit.controllers.node_ttl import TtlController
from kubekit.controllers.pod_gc import PodGarbageCollector
from kubekit.controllers.policy_status import PolicyStatusController
from kubekit.controllers.replicaset import ReplicaSetController
from kubekit.controllers.replication import ReplicationController
from kubekit.controllers.resource_claims import ResourceClaimController
from kubekit.controllers.resource_quota import ResourceQuotaController
from kubekit.controllers.root_ca import RootCaPublisher
from kubekit.controllers.service_cidrs import ServiceCidrController
from kubekit.controllers.serviceaccount import ServiceAccountController, TokenController
from kubekit.controllers.statefulset import StatefulSetController
from kubekit.controllers.taint_eviction import TaintEvictionController
from kubekit.controllers.ttl_after_finished import TtlAfterFinished
from kubekit.controllers.volume_binder import VolumeBinder
from kubekit.controllers.volume_expander import VolumeExpander
from kubekit.controllers.volume_protection import ClaimProtection, VolumeProtection

CONTROLLERS: list[type[Controller]] = [
    ServiceAccountController,
    TokenController,
    RootCaPublisher,
    NodeIpamController,
    NodeLifecycleController,
    TaintEvictionController,
    TtlController,
    DeploymentController,
    ReplicaSetController,
    ReplicationController,
    StatefulSetController,
    DaemonSetController,
    JobController,
    CronJobController,
    Autoscaler,
    TtlAfterFinished,
    EndpointSliceController,
    EndpointSliceMirroringController,
    EndpointsController,
    DisruptionController,
    ResourceQuotaController,
    VolumeBinder,
    VolumeExpander,
    EphemeralVolumeController,
    ClaimProtection,
    VolumeProtection,
    PodGarbageCollector,
    ClusterRoleAggregation,
    CertificateApprover,
    CertificateSigner,
    CertificateCleaner,
    GarbageCollector,
    NamespaceController,
    ServiceCidrController,
    ResourceClaimController,
    AttributesClassProtection,
    PolicyStatusController,
    BootstrapSigner,
    TokenCleaner,
]


def chosen(names: list[str] | None) -> list[type[Controller]]:
    """The controllers that a list like ["*", "-job-controller"] stands for; None is all.

    Raises ValueError for a name that no controller has.
    """
    wanted = ["*"] if names is None else [_with_sign(name) for name in names]
    known = {"*", *LEFT_OUT, *(controller.name for controller in CONTROLLERS)}
    for name in sorted(one.removeprefix("-") for one in wanted):
        if name not in known:
            raise ValueError(f"{name!r} is not in the list of known controllers")
    return [controller for controller in CONTROLLERS if is_chosen(controller.name, wanted)]


def full_name(name: str) -> str:
    """ "deployment" and "deployment-controller" are the same, as are "podgc" and its longer name."""
    known = {controller.name for controller in CONTROLLERS}
    if name in OLDER:
        return OLDER[name]
    return f"{name}-controller" if name not in known and f"{name}-controller" in known else name


def _with_sign(name: str) -> str:
    return f"-{full_name(name[1:])}" if name.startswith("-") else full_name(name)
