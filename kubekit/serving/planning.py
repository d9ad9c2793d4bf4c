"""Planning: where would these pods go? `kubekit explain-pod` and `kubekit simulate`.

Both decide with the scheduler's own what-if engine over a snapshot that is only read: from files, or from a
real cluster through a kubeconfig. Nothing is written anywhere. Manifests become pods the way they would in
a cluster: a throwaway API server with the controllers, in memory, defaults and expands them (a Deployment
into its pods), and is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.client.https_handler import HTTPSHandler
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.what_if import Answer, Situation, key_of

Obj = dict[str, Any]
Objects = dict[str, list[Obj]]
"""API objects by resource."""

WANTED = (
    "nodes",
    "pods",
    "namespaces",
    "services",
    "replicationcontrollers",
    "persistentvolumes",
    "persistentvolumeclaims",
    "replicasets.apps",
    "statefulsets.apps",
    "poddisruptionbudgets.policy",
    "storageclasses.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "csidrivers.storage.k8s.io",
    "csistoragecapacities.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "resourceclaims.resource.k8s.io",
    "priorityclasses.scheduling.k8s.io",
)
"""What scheduling depends on."""
ESSENTIAL = ("nodes", "pods")


def read_cluster(kubeconfig: str | None, context: str) -> tuple[Objects, list[str]]:
    """(everything that scheduling depends on, what could not be read); raises StatusError for the essential.

    Raises KubeconfigError, ConnectionRefused.
    """
    handler = HTTPSHandler.of(kubeconfig, context)
    client = Client(handler, name="kubekit")
    found: Objects = {}
    missing: list[str] = []
    try:
        for resource in WANTED:
            try:
                answer = client.list(resource)
            except StatusError as error:
                if resource in ESSENTIAL:
                    raise
                missing.append(f"{resource}: {error.message}")
                continue
            kind = answer.get("kind", "").removesuffix("List")
            found[resource] = [
                {"kind": kind, "apiVersion": answer.get("apiVersion", "v1"), **obj} for obj in answer["items"]
            ]
    finally:
        handler.close()
    return found, missing


def pods_of_manifests(
    sources: Sequence[str], surroundings: Mapping[str, Sequence[Obj]]
) -> tuple[list[Obj], Objects]:
    """(the pods that the manifests make, everything else) in a throwaway cluster.

    `surroundings` are objects of the cluster for which is planned. Raises StatusError as an API server would.
    """
    import kubekit

    cluster = kubekit.up(workers=0, kubelet_sync_seconds=3600.0)
    cluster.scheduler.stop()
    for node in cluster.nodes.values():
        node.kubelet.stop()
        cluster.client.delete("nodes", node.name)
    cluster.settle()
    for resource in ("namespaces", "priorityclasses.scheduling.k8s.io", "storageclasses.storage.k8s.io"):
        for obj in surroundings.get(resource, ()):
            _make(cluster.client, resource, obj)
    for obj in surroundings.get("nodes", ()):
        _make(cluster.client, "nodes", obj)
    before = {pod["metadata"]["uid"] for pod in cluster.client.list("pods")["items"]}
    for source in sources:
        _apply(cluster, source)
    cluster.settle()
    made = [pod for pod in cluster.client.list("pods")["items"] if pod["metadata"]["uid"] not in before]
    made.sort(key=lambda pod: int(pod["metadata"]["resourceVersion"]))
    others: Objects = {}
    for resource in WANTED:
        if resource not in ESSENTIAL:
            others[resource] = cluster.client.list(resource)["items"]
    return made, others


def _make(client: Client, resource: str, obj: Obj) -> None:
    kept = {key: value for key, value in obj["metadata"].items() if key in ("name", "labels", "annotations")}
    copy = {key: value for key, value in obj.items() if key != "status"}
    try:
        client.create(resource, {**copy, "metadata": kept})
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


def _apply(cluster: Any, source: str) -> None:
    """Apply a file; namespaces that do not exist are made, as nobody plans inside of one that is missing."""
    from kubekit.cluster.manifests import objects_of

    for obj in objects_of(Path(source)):
        namespace = obj["metadata"].get("namespace")
        if namespace:
            _make(
                cluster.client,
                "namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            )
            cluster.settle()
        cluster.apply(obj)
        cluster.settle()


def merged(first: Mapping[str, Sequence[Obj]], second: Mapping[str, Sequence[Obj]]) -> Objects:
    """Objects of both; those of the second stand for those of the same name in the first."""
    found: Objects = {}
    for resource in {*first, *second}:
        by_key = {key_of(obj): obj for obj in (*first.get(resource, ()), *second.get(resource, ()))}
        found[resource] = list(by_key.values())
    return found


def simulate(manifests: Sequence[str], surroundings: Objects, config: str | None = None) -> list[Answer]:
    """Where the pods of these manifests would go, one after the other."""
    pods, others = pods_of_manifests(manifests, surroundings)
    situation = Situation.of_objects(merged(others, surroundings), _config(config))
    return situation.plan(PodInfo(pod) for pod in pods)


def _config(path: str | None) -> Any:
    return Path(path).read_text() if path else None


# -- text ------------------------------------------------------------------------------------------


def table(rows: Sequence[Sequence[object]]) -> str:
    """Columns, as wide as they need."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))] if texts else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def told(answer: Answer, most: int = 10) -> str:
    """A decision: the sentence, who was refused why, and the score table of the best nodes."""
    attempt = answer.attempt
    parts = [answer.sentence]
    refusals: dict[tuple[str, str], list[str]] = {}
    for name, status in attempt.diagnosis.statuses.by_node.items():
        refusals.setdefault((status.plugin, ", ".join(status.reasons)), []).append(name)
    if refusals:
        rows: list[Sequence[object]] = [("REFUSED BY", "WHY", "NODES")]
        rows += [(plugin, why, _names(names, most)) for (plugin, why), names in refusals.items()]
        parts.append(table(rows))
    if attempt.scores:
        totals = attempt.totals
        ranked = sorted(range(len(totals)), key=lambda place: (-totals[place], place))[:most]
        head = [f"{row.plugin} x{row.weight}" for row in attempt.scores]
        weighted = [row.weighted for row in attempt.scores]
        rows = [("NODE", "TOTAL", *head)]
        rows += [
            (attempt.feasible[place].name, totals[place], *(row[place] for row in weighted))
            for place in ranked
        ]
        parts.append(table(rows))
        left = len(totals) - len(ranked)
        if left:
            parts.append(f"... and {left} more that fit")
    elif answer.node:
        parts.append(f"{answer.node} is the only node that fits, so nothing was scored.")
    return "\n\n".join(parts)


def _names(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
