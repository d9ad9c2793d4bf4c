"""Chapter 08, The four phases: queue, filter, score; where a decision came from stands in its record.

Two exercises ask how a decision was made, not only where the pod is. `attempts` finds the records of a pod's
scheduling attempts; without records (a cluster that kubekit only connects to) there are none.
"""

from __future__ import annotations

from typing import Any

from kubekit.course.checks.chapter_07 import images_of, is_running, on_node, who_placed
from kubekit.course.exercise import Finding, Findings, Look, exercise

HTTPD = "httpd:2.4-alpine"


def attempts(look: Look, pod: str) -> list[Any]:
    """The records of the attempts to schedule a pod of `default`, oldest first."""
    records = getattr(look.cluster, "records", None)
    found = records.of(f"pod/default/{pod}") if records is not None else ()
    return [record for record in found if record.kind == "schedule"]


def decision(look: Look, pod: str) -> Any:
    """The record of the attempt that gave the pod its node, or None."""
    return next((record for record in reversed(attempts(look, pod)) if record.came_out.get("node")), None)


def scores_of(record: Any, plugin: str) -> dict[str, int]:
    """What a plugin gave each node in an attempt, raw; empty when it had nothing to say."""
    for step in record.steps:
        if step.asked == f"Score {plugin}" and step.figures:
            return dict(step.figures["raw"])
    return {}


def right_image(look: Look, pod: dict[str, Any], wanted: str = HTTPD) -> Finding:
    """Whether the pod has the image that the exercise names."""
    return look.expect(
        f"its image is {wanted}",
        expected=[wanted],
        observed=images_of(pod),
        where=f"`spec.containers[0].image` of pod **{pod['metadata']['name']}**",
    )


def scheduler_placed(look: Look, pod: dict[str, Any], instead: str) -> Finding:
    """Whether the scheduler bound the pod; `instead` is what to do when somebody else did."""
    name, how = pod["metadata"]["name"], who_placed(look, pod)
    return look.expect(
        "the scheduler placed it",
        expected="a Binding by kube-scheduler",
        observed=how,
        where=f"`spec` of pod **{name}**: {instead}"
        if how == "nodeName at creation"
        else f"its events: `%kubectl events --for pod/{name}`",
    )


@exercise(
    "08.1",
    "Let urgent be tried first",
    hints=[
        "The queue is sorted by one number of each pod. Where does a pod get its number from?",
        "A PriorityClass has a value; a pod names the class in `spec.priorityClassName` when it is created.",
        "`%kubectl create priorityclass vip --value=...`; `priorityClassName: vip` below the pod's `spec:`",
        "`%kubectl create priorityclass vip --value=1000`, then the second cell with "
        "`  priorityClassName: vip` under `spec:` and `%%kubectl apply -f -` as its first line",
    ],
    waits_for=[
        "a PriorityClass `vip` with a value above zero",
        "a pod `urgent` of this class",
        "the scheduler tried it before `early` and `later`",
    ],
)
def urgent_first(look: Look) -> Findings:
    pod = look.find("pods", "urgent")
    made = look.find("priorityclasses", "vip", None)
    if pod is None:
        also = " The class vip is there." if made else ""
        yield look.nothing_yet(f"There is no pod urgent yet.{also}")
        return
    value = None if made is None else made.get("value")
    yield look.expect(
        "there is a PriorityClass vip with a value above zero",
        expected="a value above 0",
        observed="no such class" if value is None else value,
        holds=value is not None and value > 0,
        where="`%kubectl get priorityclasses`; a class keeps its value: delete it and make it anew",
    )
    yield look.expect(
        "urgent is a pod of this class",
        expected="vip",
        observed=pod["spec"].get("priorityClassName")
        or f"no class, priority {pod['spec'].get('priority', 0)}",
        where="`spec.priorityClassName` of pod **urgent**; it is read when the pod is created",
    )
    lasts = [found[-1] for found in (attempts(look, name) for name in ("early", "later", "urgent")) if found]
    order = [record.subject.rpartition("/")[2] for record in sorted(lasts, key=lambda record: int(record.id))]
    yield look.expect(
        "the scheduler tried it before early and later",
        expected="urgent first",
        observed=order,
        holds=order[:1] == ["urgent"] and len(order) == 3,
        where="the order of the attempts; to try once more, delete the three pods, stop the scheduler, "
        "make all three, and start it again"
        if "urgent" in order
        else "whether the scheduler runs: `cluster.scheduler.start()`",
    )


@exercise(
    "08.2",
    "Make a node that picky accepts",
    hints=[
        "Ask the pod what it wants: `%kubectl describe pod picky`, the line Node-Selectors and the events.",
        "A nodeSelector is met by a node's labels. Labels can be added to a running node.",
        "`%kubectl label node NODE KEY=VALUE`",
        "`%kubectl label node node02 disk=ssd`",
    ],
    waits_for=["a node carries the label disk=ssd", "the pod was left as it is", "it runs there"],
)
def room_by_words(look: Look) -> Findings:
    pod = look.find("pods", "picky")
    if pod is None:
        yield look.nothing_yet("There is no pod picky.", "run the section's first cell")
        return
    labelled = [
        node["metadata"]["name"]
        for node in look.all("nodes", None)
        if node["metadata"].get("labels", {}).get("disk") == "ssd"
    ]
    added = own_labels(look)
    past = look.history("pod/default/picky")
    as_it_was = pod["spec"].get("nodeSelector") == {"disk": "ssd"} and len(past.creations) < 2
    if not added and as_it_was and not past.refused_writes:
        yield look.nothing_yet("No node carries the label disk=ssd, and picky waits.")
        return
    yield look.expect(
        "a node carries the label disk=ssd",
        expected="disk=ssd on a node",
        observed=added or "no such label",
        holds=bool(labelled),
        where="`%kubectl get nodes -L disk`",
        detail=", ".join(labelled),
    )
    yield look.expect(
        "the pod was left as it is",
        expected="the pod of the section's first cell, with nodeSelector disk=ssd",
        observed="it was made anew",
        holds=as_it_was,
        where="`spec.nodeSelector` and `metadata.creationTimestamp` of pod **picky**: it was to stay",
    )
    yield is_running(look, pod)


def own_labels(look: Look) -> list[str]:
    """The labels of nodes that no component sets, as "node: key=value"."""
    return [
        f"{node['metadata']['name']}: {key}={value}"
        for node in look.all("nodes", None)
        for key, value in sorted(node["metadata"].get("labels", {}).items())
        if "kubernetes.io/" not in key
    ]


@exercise(
    "08.3",
    "Recompute a score of NodeResourcesFit",
    hints=[
        "Two shares of node01, one of CPU and one of memory: what is left when `sized` is there as well?",
        "Take away from what the node has both what is used and what `sized` requests. "
        "Divide by what it has. Round down each time.",
        "`(4000 - used - 1000) * 100 // 4000`, the same with Mi, and then `(cpu + memory) // 2`",
        "If 2100m and 4296Mi were used: cpu 22, memory 22, together 22; put in what the cell above shows. "
        "`%kubectl create configmap score --from-literal=node01=...`",
    ],
    waits_for=[
        "a ConfigMap `score` with the key `node01`",
        "its number is the raw score that NodeResourcesFit gave node01 for `sized`",
    ],
)
def recompute(look: Look) -> Findings:
    written = look.find("configmaps", "score")
    if written is None:
        yield look.nothing_yet("There is no ConfigMap score yet.")
        return
    made = decision(look, "sized")
    if made is None:
        yield look.nothing_yet("The pod sized has not been scheduled yet.", "run the cell that makes it")
        return
    data = written.get("data", {})
    yield look.expect(
        "it has the key `node01`",
        expected="node01",
        observed=sorted(data),
        holds="node01" in data,
        where="`--from-literal=node01=...`: the key stands before the equals sign",
    )
    if "node01" not in data:
        return
    said, raw = data["node01"].strip(), scores_of(made, "NodeResourcesFit").get("node01")
    yield look.expect(
        "it is the raw score of node01",
        expected=raw,
        observed=said,
        holds=said == str(raw),
        where=_slip(look, made, said, raw),
    )


def _slip(look: Look, made: Any, said: str, raw: int | None) -> str:
    """Which typical mistake the number comes from."""
    node = made.came_in["nodes"]["node01"]
    has_cpu, has_memory = node["allocatable"]["cpu (m)"], node["allocatable"]["memory"]
    asked = made.came_in["requests"]
    cpu, memory = asked.get("cpu (m)", 0), asked.get("memory", 0)
    used_cpu, used_memory = node["requested"].get("cpu (m)", 0), node["requested"].get("memory", 0)
    without_small = (
        (has_cpu - used_cpu - cpu) * 100 // has_cpu + (has_memory - used_memory - memory) * 100 // has_memory
    ) // 2
    alone = ((has_cpu - cpu) * 100 // has_cpu + (has_memory - memory) * 100 // has_memory) // 2
    if raw is not None and said in {str(100 - raw + more) for more in (-1, 0, 1)}:
        return "the formula: it asks for the share that is **left**, and this is the share in use"
    if said == str(without_small):
        return "the pods that request nothing: for scoring they count as 100m and 200Mi each"
    if said == str(alone):
        return "what is used on node01 already: the cell above shows it"
    return "`last('sized').steps`: the line Score NodeResourcesFit, and the formula above"


@exercise(
    "08.4",
    "Let guest go to node01 by its score",
    hints=[
        "The score is room left. node01 has to have more of it than the others, or the others less.",
        "Pods that you place with `nodeName` take room too; so does a pod that you delete, the other way.",
        "Two pods with large requests and `nodeName: node02` and `nodeName: node03`; or delete `heavy`. "
        "Before you make `guest`, ask `cluster.scheduler.what_if({...})` or look at the used amounts again.",
        "Pods on node02 and on node03 that request 2500m CPU and 4Gi each; then "
        "`%kubectl run guest --image=httpd:2.4-alpine`",
    ],
    waits_for=[
        "a pod `guest` that says nothing about nodes",
        "the scheduler placed it on node01",
        "other nodes were possible, and node01 had the highest total alone",
        "it runs",
    ],
)
def by_score(look: Look) -> Findings:
    pod = look.find("pods", "guest")
    if pod is None:
        yield look.nothing_yet("There is no pod guest yet.")
        return
    wishes = [
        field for field in ("nodeSelector", "affinity", "topologySpreadConstraints") if pod["spec"].get(field)
    ]
    yield look.expect(
        "it says nothing about nodes",
        expected="no nodeSelector, no affinity",
        observed=wishes,
        holds=not wishes,
        where="`spec` of pod **guest**: only the cluster was to be changed",
    )
    yield scheduler_placed(look, pod, "leave `nodeName` out; the scheduler is to choose")
    yield on_node(look, pod, "node01", "delete it, change the cluster, make it anew")
    made = decision(look, "guest")
    if made is not None:
        possible = made.came_out["feasible"]
        yield look.expect(
            "other nodes were possible",
            expected="at least 2 nodes after filtering",
            observed=possible,
            holds=possible > 1,
            where="taints, cordons and room of the other nodes: they were to lose by points, not to fall out",
        )
        pick = next(step for step in made.steps if step.verdict == "pick")
        tied = pick.figures.get("tied") or [made.came_out["node"]]
        yield look.expect(
            "the highest total was one node's alone",
            expected="one node",
            observed=tied,
            holds=len(tied) == 1,
            where="`cluster.view.scheduling('guest')`: equal totals are drawn, and that is luck",
        )
    yield is_running(look, pod)


@exercise(
    "08.5",
    "Send chosen to node03 through the scheduler",
    hints=[
        "The scheduler reads the labels of nodes. Which label tells node03 from the others?",
        "Every node carries its own name in the label `kubernetes.io/hostname`.",
        "`nodeSelector: {kubernetes.io/hostname: ...}` in the pod's spec",
        "A pod with `nodeSelector: {kubernetes.io/hostname: node03}` and the container of the pods above.",
    ],
    waits_for=["a pod `chosen` on node03", "the scheduler placed it", "it runs"],
)
def send_it(look: Look) -> Findings:
    pod = look.find("pods", "chosen")
    if pod is None:
        yield look.nothing_yet("There is no pod chosen yet.")
        return
    yield right_image(look, pod)
    yield scheduler_placed(look, pod, "leave `nodeName` out, and say what you want of a node")
    yield on_node(look, pod, "node03", "delete the pod and make it anew with a wish that only node03 fulfils")
    yield is_running(look, pod)


@exercise(
    "08.6",
    "Solve the puzzle",
    hints=[
        "The event counts reasons. Which of them can be changed, and on which node is the least to do?",
        "A cordoned node is `unschedulable`; a nodeSelector wants **all** of its labels on one node.",
        "`%kubectl uncordon NODE` and `%kubectl label node NODE KEY=VALUE KEY=VALUE`",
        "`%kubectl label node node02 disk=ssd zone=north`, then `%kubectl uncordon node02`",
    ],
    waits_for=["the pod was left as it is", "one node has both labels, and takes pods", "it runs"],
)
def puzzle(look: Look) -> Findings:
    pod = look.find("pods", "puzzle")
    if pod is None:
        yield look.nothing_yet("There is no pod puzzle.", "run the task's first cells")
        return
    wanted = {"disk": "ssd", "zone": "north"}
    nodes = look.all("nodes", None)
    zoned = [label for label in own_labels(look) if label.partition(": ")[2].startswith("zone=")]
    cordoned = [node["metadata"]["name"] for node in nodes if node["spec"].get("unschedulable")]
    as_it_was = (
        pod["spec"].get("nodeSelector") == wanted and len(look.history("pod/default/puzzle").creations) < 2
    )
    if as_it_was and not zoned and cordoned == ["node02"]:
        yield look.nothing_yet("The pod puzzle waits, and no node was changed.")
        return
    yield look.expect(
        "the pod was left as it is",
        expected="the pod of the task's cell, with its nodeSelector",
        observed="it was made anew",
        holds=as_it_was,
        where="`spec.nodeSelector` of pod **puzzle**: it was to stay",
    )
    fitting = [
        node["metadata"]["name"]
        for node in nodes
        if wanted.items() <= node["metadata"].get("labels", {}).items()
    ]
    yield look.expect(
        "one node has both labels",
        expected="disk=ssd and zone=north on one node",
        observed=own_labels(look),
        holds=bool(fitting),
        where="`%kubectl get nodes -L disk,zone`: a nodeSelector wants all of its labels on the same node",
    )
    if fitting:
        yield look.expect(
            "it takes pods",
            expected="a node that is not cordoned",
            observed=f"{', '.join(fitting)}, cordoned",
            holds=any(name not in cordoned for name in fitting),
            where="the column STATUS of `%kubectl get nodes`: `SchedulingDisabled`",
        )
    yield is_running(look, pod)
