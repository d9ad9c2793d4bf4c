"""The registry: every plugin that a profile may name, one line each, in the default order with its weight.

To add a plugin, write a file beside the others and a line here. The order is the order in which extension
points ask; a weight is given to plugins that score.

Source: pkg/scheduler/apis/config/v1/default_plugins.go; framework/plugins/registry.go.
"""

from __future__ import annotations

from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.plugins.default_binder import DefaultBinder
from kubekit.scheduler.plugins.default_preemption import DefaultPreemption
from kubekit.scheduler.plugins.dynamic_resources import DynamicResources
from kubekit.scheduler.plugins.image_locality import ImageLocality
from kubekit.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kubekit.scheduler.plugins.node_affinity import NodeAffinity
from kubekit.scheduler.plugins.node_declared_features import NodeDeclaredFeatures
from kubekit.scheduler.plugins.node_name import NodeName
from kubekit.scheduler.plugins.node_ports import NodePorts
from kubekit.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from kubekit.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubekit.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kubekit.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kubekit.scheduler.plugins.pod_topology_spread import PodTopologySpread
from kubekit.scheduler.plugins.priority_sort import PrioritySort
from kubekit.scheduler.plugins.scheduling_gates import SchedulingGates
from kubekit.scheduler.plugins.taint_toleration import TaintToleration
from kubekit.scheduler.plugins.volume_binding import VolumeBinding
from kubekit.scheduler.plugins.volume_restrictions import VolumeRestrictions
from kubekit.scheduler.plugins.volume_zone import VolumeZone

DEFAULT_PLUGINS: list[tuple[type[Plugin], int]] = [
    (SchedulingGates, 0),
    (PrioritySort, 0),
    (NodeUnschedulable, 0),
    (NodeName, 0),
    (TaintToleration, 3),
    (NodeAffinity, 2),
    (NodePorts, 0),
    (NodeResourcesFit, 1),
    (VolumeRestrictions, 0),
    (NodeVolumeLimits, 0),
    (VolumeBinding, 1),
    (VolumeZone, 0),
    (PodTopologySpread, 2),
    (InterPodAffinity, 2),
    (DynamicResources, 2),
    (DefaultPreemption, 0),
    (NodeResourcesBalancedAllocation, 1),
    (ImageLocality, 1),
    (DefaultBinder, 0),
    (NodeDeclaredFeatures, 0),
]

REGISTRY: dict[str, type[Plugin]] = {plugin.name: plugin for plugin, _ in DEFAULT_PLUGINS}
