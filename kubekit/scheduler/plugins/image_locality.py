"""ImageLocality: a node that has the pod's images already saves pulling them.

The more bytes are there, the better, but an image counts for less the fewer nodes have it: otherwise all pods
of one image would flock to the first node that pulled it.

Source: pkg/scheduler/framework/plugins/imagelocality.
"""

from __future__ import annotations

from functools import partial

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo

MIB = 1024 * 1024
MIN_THRESHOLD = 23 * MIB
MAX_CONTAINER_THRESHOLD = 1000 * MIB


class Images:
    """The names of all images that nodes have, or had; kept with the table."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._fresh = -1

    @staticmethod
    def of(table: NodeTable) -> set[str]:
        """The table's own, up to date."""
        images: Images = table.attached("images", Images)
        now = table.now
        if images._fresh != now:
            changed = table.since(images._fresh) if images._fresh >= 0 else None
            if changed is None:
                images.names.update(*(node.images for node in table.nodes))
            else:
                for _, old, new in changed:
                    if new.images is not old.images:
                        images.names.update(new.images)
            images._fresh = now
        return images.names


def _holds(image: str, node: NodeInfo) -> bool:
    return image in node.images


class ImageLocality(Plugin):
    """Scores by images that are on the node."""

    name = "ImageLocality"

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """Nothing as long as no node has any of the images; else each node that gets one matters to all."""
        there = Images.of(table)
        return () if not there or there.isdisjoint(pod.images) else None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """0 for less than 23 MiB, 100 for 1000 MiB a container, linear between."""
        if not node.images:
            return 0
        nodes = len(self.handle.snapshot.nodes)
        total = 0
        for image in pod.images:
            known = node.images.get(image)
            if known is not None:
                total += int(known.size * (len(known.nodes) / nodes))
        return scale(total, pod.containers)

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """The same for many nodes."""
        np, total = table.np, None
        for image in pod.images:
            there = table.column(("image", image), partial(_holds, image), bool)
            first = int(there.argmax())
            if there[first]:
                known = table.nodes[first].images[image]
                worth = int(known.size * (len(known.nodes) / table.size))
                more = there.take(rows) * worth
                total = more if total is None else total + more
        if total is None:
            return np.zeros(len(rows), dtype=np.int64)
        highest = MAX_CONTAINER_THRESHOLD * pod.containers
        within = np.minimum(np.maximum(total, MIN_THRESHOLD), highest)
        return np.asarray(MAX_NODE_SCORE * (within - MIN_THRESHOLD) // (highest - MIN_THRESHOLD))


def scale(total: int, containers: int) -> int:
    """A sum of scaled image sizes as a score.

    >>> scale(10 * MIB, 1), scale(1000 * MIB, 1), scale(1000 * MIB, 2)
    (0, 100, 49)
    """
    highest = MAX_CONTAINER_THRESHOLD * containers
    total = min(max(total, MIN_THRESHOLD), highest)
    return MAX_NODE_SCORE * (total - MIN_THRESHOLD) // (highest - MIN_THRESHOLD)
