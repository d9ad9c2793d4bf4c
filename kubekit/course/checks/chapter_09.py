"""Chapter 09, Scheduling in practice: rules that must hold, not only pods that happen to be in place.

Whether a rule is there is asked by thinking the cluster otherwise: `would_go` runs the scheduler's decision
after hypothetical changes and touches nothing. Where no scheduler can be asked, only what is seen is judged.
"""

from __future__ import annotations

from typing import Any

from kubekit.course.checks.chapter_07 import is_running, on_node
from kubekit.course.checks.chapter_08 import scheduler_placed
from kubekit.course.exercise import Findings, Look, exercise
from kubekit.scheduler.changes import AddTaint, Change, SetCordon, SetNodeLabel
from kubekit.scheduler.hypothesis import Impossible, UnknownPod

ZONE = "topology.kubernetes.io/zone"


def would_go(look: Look, pod: str, *changes: Change) -> str | None:
    """The node that the pod would get after the changes, "" for none, None when nobody can be asked."""
    scheduler: Any = getattr(look.cluster, "scheduler", None)
    if not getattr(scheduler, "running", False) or not hasattr(scheduler, "what_if"):
        return None
    try:
        return str(scheduler.what_if(f"default/{pod}", *changes).node)
    except (Impossible, UnknownPod):
        return None


def workers(look: Look) -> list[str]:
    """The names of the nodes that carry no control plane."""
    return [
        node["metadata"]["name"]
        for node in look.all("nodes", None)
        if "node-role.kubernetes.io/control-plane" not in node["metadata"].get("labels", {})
    ]


def zone_of(look: Look, name: str) -> str:
    """The zone of a node."""
    node = look.find("nodes", name, None)
    return "" if node is None else node["metadata"].get("labels", {}).get(ZONE, "")


@exercise(
    "09.1",
    "Open the gates of gated",
    hints=[
        "`%kubectl get pod gated -o yaml`: what is in `spec.schedulingGates`?",
        "Gates can be taken away from a pod that exists; none can be added. All of them have to go.",
        "`%kubectl patch pod gated -p ...`: a field that is set to `null` is removed",
        """`%kubectl patch pod gated -p '{"spec":{"schedulingGates":null}}'`""",
    ],
    waits_for=["no gate is left", "it is the same pod as before", "it runs"],
)
def open_gates(look: Look) -> Findings:
    pod = look.find("pods", "gated")
    past = look.history("pod/default/gated")
    gates = [gate["name"] for gate in (pod or {}).get("spec", {}).get("schedulingGates") or ()]
    same = pod is not None and len(past.creations) < 2
    if pod is None and not past.deleted_by_user:
        yield look.nothing_yet("There is no pod gated.", "run the section's first cell")
        return
    if same and len(gates) == 2 and not past.refused_writes:
        yield look.nothing_yet("Both gates are still there.")
        return
    yield look.expect(
        "it is the same pod as before",
        expected="the pod that the section's first cell made",
        observed="no pod gated" if pod is None else "it was made anew",
        holds=same,
        where="`metadata.creationTimestamp` of pod **gated**: gates can be taken from a pod that exists",
    )
    if pod is None:
        return
    yield look.expect(
        "no gate is left",
        expected="no gates",
        observed=gates,
        holds=not gates,
        where="`spec.schedulingGates` of pod **gated**: every gate has to go before it is queued",
    )
    yield is_running(look, pod)


@exercise(
    "09.2",
    "Must be in the south, may have hdd",
    hints=[
        "Which of the two sentences is a filter, and which one is a score?",
        "The demand belongs to `requiredDuringSchedulingIgnoredDuringExecution`, "
        "the wish to `preferredDuringSchedulingIgnoredDuringExecution`.",
        "A preferred term looks different: `- weight: 10`, below it `preference: {matchExpressions: [...]}`",
        "Required: one term, zone In [south]. Preferred: weight 10, disk In [hdd]. Delete the pod before you "
        "apply another version: affinity cannot be changed.",
    ],
    waits_for=[
        "a pod `archive`, placed by the scheduler in the zone south, on a node with disk=hdd",
        "it would go nowhere if the south were closed",
        "it would go to the south without hdd as well",
    ],
)
def must_and_may(look: Look) -> Findings:
    pod = look.find("pods", "archive")
    if pod is None:
        yield look.nothing_yet("There is no pod archive yet.")
        return
    yield scheduler_placed(look, pod, "leave `nodeName` out; affinity is to decide")
    seen = pod["spec"].get("nodeName") or "no node"
    yield look.expect(
        "it is in the zone south",
        expected="a node of the zone south",
        observed=f"{seen} {zone_of(look, seen)}".strip(),
        holds=zone_of(look, seen) == "south",
        where="`required...` of pod **archive**; several terms are joined by or. Delete it, make it anew",
    )
    south = [name for name in workers(look) if zone_of(look, name) == "south"]
    closed = would_go(look, "archive", *(SetCordon(name, True) for name in south))
    if closed is not None:
        yield look.expect(
            "the south is a demand",
            expected="no node, if the nodes in the south were cordoned",
            observed=f"it would go to {closed}",
            holds=closed == "",
            where="`requiredDuringSchedulingIgnoredDuringExecution`: a preference is only a score",
        )
    plain = would_go(look, "archive", *(SetNodeLabel(name, "disk", None) for name in workers(look)))
    if plain is not None:
        yield look.expect(
            "hdd is only a wish",
            expected="a node in the south, if no node had hdd",
            observed=f"it would go to {plain}" if plain else "it would find no node",
            holds=zone_of(look, plain) == "south",
            where="`preferredDuringSchedulingIgnoredDuringExecution` is the place for a wish",
        )
    wanted = _wishes_for(look, "archive", "disk")
    if wanted is not None:
        yield look.expect(
            "it prefers hdd",
            expected="more points for nodes with disk=hdd",
            observed="the same points for all",
            holds=wanted,
            where="`preferred...`: a term needs a weight and a preference with key, operator and values",
        )
    yield is_running(look, pod)


def _wishes_for(look: Look, pod: str, key: str) -> bool | None:
    """Whether a label of a worker earns points with NodeAffinity; None when it cannot be found out."""
    scheduler: Any = getattr(look.cluster, "scheduler", None)
    if would_go(look, pod) in (None, ""):
        return None
    free = [SetNodeLabel(name, ZONE, "south") for name in workers(look)]
    for step in scheduler.what_if(f"default/{pod}", *free).attempt.steps():
        if step.asked == "Score NodeAffinity" and step.figures:
            raw = step.figures["raw"]
            labelled = {
                node["metadata"]["name"]
                for node in look.all("nodes", None)
                if node["metadata"].get("labels", {}).get(key) == "hdd"
            }
            return any(raw.get(one, 0) > 0 for one in labelled)
    return False


@exercise(
    "09.3",
    "A node of its own for gpu-job",
    hints=[
        "Two things are needed: that node04 lets the pod in, and that the pod goes to no other node.",
        "The first is a toleration for the taint `gpu=yes:NoSchedule`, the second a nodeSelector, say.",
        "`tolerations: [{key: gpu, operator: ..., effect: NoSchedule}]`; every node carries the label "
        "`kubernetes.io/hostname`",
        "`tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]` and "
        "`nodeSelector: {kubernetes.io/hostname: node04}`",
    ],
    waits_for=[
        "a pod `gpu-job`, placed by the scheduler on node04",
        "it tolerates the taint gpu",
        "it would go nowhere else",
    ],
)
def own_node(look: Look) -> Findings:
    pod = look.find("pods", "gpu-job")
    if pod is None:
        yield look.nothing_yet("There is no pod gpu-job yet.")
        return
    yield scheduler_placed(
        look, pod, "leave `nodeName` out; it goes round the taint instead of tolerating it"
    )
    yield on_node(look, pod, "node04", "delete it and make it anew with both fields")
    tainted = would_go(look, "gpu-job", *(AddTaint(name, "gpu", "yes") for name in workers(look)))
    if tainted is not None:
        yield look.expect(
            "it tolerates gpu=yes:NoSchedule",
            expected="a toleration that fits",
            observed=_own_tolerations(pod) or "no toleration",
            holds=tainted != "",
            where="`spec.tolerations` of pod **gpu-job**: key, value and effect are to fit the taint",
        )
    elsewhere = would_go(look, "gpu-job", SetCordon("node04", True))
    if elsewhere is not None:
        yield look.expect(
            "it goes nowhere else",
            expected="no node, if node04 were cordoned",
            observed=f"it would go to {elsewhere}",
            holds=elsewhere == "",
            where="`spec` of pod **gpu-job**: a toleration opens a door, a `nodeSelector` sends it there",
        )
    yield is_running(look, pod)


def _own_tolerations(pod: dict[str, Any]) -> list[str]:
    """The tolerations that nobody added by default, as "key=value:effect"."""
    found = []
    for one in pod["spec"].get("tolerations") or ():
        key, value = one.get("key") or "every key", one.get("value")
        if not key.startswith("node.kubernetes.io/"):
            what = f"{key}={value}" if value else key
            found.append(f"{what}:{one.get('effect') or 'every effect'}")
    return found


@exercise(
    "09.4",
    "No zone ahead of the other",
    hints=[
        "Three of the constraint's four lines are wrong. What is a *place* here, and what may be broken?",
        "`topologyKey` is the label whose values are the places; `DoNotSchedule` is the filter.",
        "`maxSkew: 1`, `topologyKey: topology.kubernetes.io/zone`, `whenUnsatisfiable: ...`. "
        "To begin again: `%kubectl delete deployment shop`",
        "`{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, "
        "labelSelector: {matchLabels: {app: shop}}}`",
    ],
    waits_for=[
        "a Deployment `shop` of 4",
        "a constraint on zones that is a filter, with maxSkew 1",
        "two pods run in each zone",
    ],
)
def no_zone_ahead(look: Look) -> Findings:
    shop = look.find("deployments", "shop")
    if shop is None:
        yield look.nothing_yet("There is no Deployment shop yet.")
        return
    template = shop["spec"]["template"]
    found = template["spec"].get("topologySpreadConstraints") or []
    hard = [one for one in found if one.get("whenUnsatisfiable") == "DoNotSchedule"]
    on_zones = [one for one in hard if one.get("topologyKey") == ZONE]
    yield look.expect(
        "a constraint on zones is a filter",
        expected=f"{ZONE}, DoNotSchedule",
        observed=[f"{one.get('topologyKey')}, {one.get('whenUnsatisfiable')}" for one in found]
        or "no constraint",
        holds=bool(on_zones),
        where="`topologyKey` and `whenUnsatisfiable` in the pod template of Deployment **shop**",
    )
    for one in on_zones[:1]:
        yield look.expect(
            "one ahead at most",
            expected=1,
            observed=one.get("maxSkew"),
            where="`maxSkew` in the pod template of Deployment **shop**",
        )
        chosen = (one.get("labelSelector") or {}).get("matchLabels") or {}
        labels = template["metadata"].get("labels") or {}
        yield look.expect(
            "it counts the shop's own pods",
            expected=[f"{key}={value}" for key, value in labels.items()],
            observed=[f"{key}={value}" for key, value in chosen.items()] or "nothing",
            holds=bool(one.get("labelSelector")) and chosen.items() <= labels.items(),
            where="`labelSelector` of the constraint: it says which pods are counted",
        )
    running = [
        zone_of(look, pod["spec"].get("nodeName", ""))
        for pod in look.all("pods")
        if pod["metadata"].get("labels", {}).get("app") == "shop" and pod["status"].get("phase") == "Running"
    ]
    counts = {zone: running.count(zone) for zone in ("north", "south")}
    yield look.expect(
        "two pods run in each zone",
        expected="2 north, 2 south",
        observed=f"{counts['north']} north, {counts['south']} south",
        holds=list(counts.values()) == [2, 2],
        where="`%kubectl get pods -l app=shop -o wide`; no pod moves: to try again, delete the Deployment",
    )
