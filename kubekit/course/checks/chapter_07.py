"""Chapter 07, Manual scheduling: nodeName at creation, a Binding, moving, and a pod that waits."""

from __future__ import annotations

from typing import Any

from kubekit.course.exercise import Finding, Findings, Look, exercise
from kubekit.course.predict import question

SOME_PODS_WAIT = "let time pass with `cluster.settle()`, then read `%kubectl describe pod {}`"


def on_node(look: Look, pod: dict[str, Any], wanted: str) -> Finding:
    """Whether a pod is on the wanted node; says how a pod gets to another one."""
    name, seen = pod["metadata"]["name"], pod["spec"].get("nodeName")
    if seen is None:
        where = f"`spec.nodeName` of pod **{name}** is empty, so it waits for a scheduler"
    else:
        where = f"`spec.nodeName` of pod **{name}** says {seen}; it cannot be changed, so make the pod anew"
    return look.expect(f"it is placed on {wanted}", expected=wanted, observed=seen or "no node", where=where)


def is_running(look: Look, pod: dict[str, Any]) -> Finding:
    """Whether a pod runs; what its containers wait for, if not."""
    status = pod.get("status", {})
    waiting = [
        state["reason"]
        for container in status.get("containerStatuses", [])
        if (state := container.get("state", {}).get("waiting"))
    ]
    seen = status.get("phase", "Unknown")
    detail = ", ".join([seen, *([status["reason"]] if "reason" in status else []), *waiting])
    name = pod["metadata"]["name"]
    return look.expect("it runs", expected="Running", observed=detail, where=SOME_PODS_WAIT.format(name))


def who_placed(look: Look, name: str) -> str:
    """How the pod got its node, by the cluster's records: "creation", "binding by <who>" or "nobody"."""
    placed = "creation"
    for record in look.cluster.records.of(f"pod/default/{name}"):
        asked = record.came_in if record.kind == "request" and isinstance(record.came_in, dict) else {}
        if str(asked.get("path", "")).endswith("/binding") and (record.came_out or {}).get("status") == 201:
            placed = f"binding by {asked.get('source', 'somebody')}"
    return placed


@exercise(
    "07.1",
    "Schedule frontend by hand",
    hints=[
        "The scheduler would write one field of the pod. Write it before the pod is created.",
        "`spec.nodeName` names the node; the kubelet of that node starts what carries its name.",
        "Put `nodeName: ...` under `spec:`, at the same depth as `containers:`, then apply.",
        "`spec:` / `  nodeName: node02` / `  containers: ...`, then `cluster.apply(manifest)`",
    ],
    waits_for=[
        "a pod `frontend` with the image httpd:2.4-alpine",
        "it is placed on node02, and no scheduler was asked",
        "it runs",
    ],
)
def frontend_on_node02(look: Look) -> Findings:
    pod = look.find("pods", "frontend")
    if pod is None:
        yield look.nothing_yet("There is no pod frontend yet.")
        return
    images = [container["image"] for container in pod["spec"]["containers"]]
    yield look.expect(
        "its image is httpd:2.4-alpine",
        expected=["httpd:2.4-alpine"],
        observed=images,
        where="`spec.containers[0].image`",
    )
    yield on_node(look, pod, "node02")
    how = who_placed(look, "frontend")
    yield look.expect(
        "no scheduler was asked",
        expected="nodeName at creation",
        observed=how,
        holds=how == "creation" and bool(pod["spec"].get("nodeName")),
        where="start again without the scheduler: `cluster.scheduler.stop()`",
    )
    yield is_running(look, pod)


@exercise(
    "07.2",
    "Bind the waiting pod",
    hints=[
        "The pod exists already, so its field can no longer be written directly.",
        "A Binding names the pod in `metadata` and the node in `target`.",
        'Set `"name": "node01"` in the target, then run the line that posts it.',
        '`cluster.client.create("pods", binding, "default", name="waiting", subresource="binding")` '
        "with the target node01",
    ],
    waits_for=["the pod `waiting` is bound to node01", "through a Binding, not made anew", "it runs"],
)
def bind_waiting(look: Look) -> Findings:
    pod = look.find("pods", "waiting")
    if pod is None:
        yield look.nothing_yet("There is no pod waiting.", "run the chapter's first cells")
        return
    if not pod["spec"].get("nodeName"):
        yield look.nothing_yet("The pod waiting has no node yet.")
        return
    yield on_node(look, pod, "node01")
    how = who_placed(look, "waiting")
    yield look.expect(
        "it was bound, not made anew",
        expected="a Binding",
        observed="the pod was created with its node" if how == "creation" else how,
        holds=how != "creation",
        where="the records of the pod: `cluster.records.of('pod/default/waiting')`",
    )
    yield is_running(look, pod)


@exercise(
    "07.3",
    "Move the pod mover to node02",
    hints=[
        "What is written in `spec.nodeName` stays for the pod's life.",
        "A pod's life can end. Another pod may have the same name afterwards.",
        "Delete `mover`, then apply its manifest with the other node.",
        "`%kubectl delete pod mover`, then the manifest again with `nodeName: node02`",
    ],
    waits_for=["`mover` was made anew on node02", "it runs"],
)
def move_mover(look: Look) -> Findings:
    pod = look.find("pods", "mover")
    if pod is None:
        yield look.nothing_yet("There is no pod mover.", "apply it again: it was deleted and not made anew")
        return
    if pod["spec"].get("nodeName") == "node01" and not tried_to_change(look, "mover"):
        yield look.nothing_yet("The pod mover is still on node01, as it was made.")
        return
    yield on_node(look, pod, "node02")
    yield is_running(look, pod)


def tried_to_change(look: Look, name: str) -> bool:
    """Whether somebody asked to change the pod, by the cluster's records."""
    return any(
        record.kind == "request"
        and isinstance(record.came_in, dict)
        and record.came_in.get("verb") in ("patch", "update")
        and not str(record.came_in.get("source", "")).startswith(("kubelet/", "kube-"))
        for record in look.cluster.records.of(f"pod/default/{name}")
    )


@exercise(
    "07.4",
    "Let picky start",
    hints=[
        "The pod has a node. So ask the one who tries to start it: its events come from the kubelet.",
        "`kubectl describe pod picky` ends with events. One of them names an object that is not there.",
        "The object is a ConfigMap. `%kubectl create configmap NAME --from-literal=KEY=VALUE` makes one.",
        "`%kubectl create configmap picky-settings --from-literal=COLOR=green`, then `cluster.advance('1m')`",
    ],
    waits_for=["the pod `picky` runs", "it is the same pod as before"],
)
def let_picky_start(look: Look) -> Findings:
    pod = look.find("pods", "picky")
    if pod is None:
        yield look.nothing_yet("There is no pod picky.", "run the section's first cell")
        return
    config = look.find("configmaps", "picky-settings")
    if config is None and pod["status"].get("phase") != "Running":
        yield look.nothing_yet("The pod picky waits, as it did before.")
        return
    yield look.expect(
        "the ConfigMap that it asks for exists",
        expected="ConfigMap picky-settings in namespace default",
        observed="no such ConfigMap",
        holds=config is not None,
        where="`%kubectl get configmaps`",
    )
    asked = [
        source["configMapRef"]["name"]
        for container in pod["spec"]["containers"]
        for source in container.get("envFrom", [])
        if "configMapRef" in source
    ]
    yield look.expect(
        "it is the same pod as before",
        expected=["picky-settings"],
        observed=asked,
        where="`spec.containers[0].envFrom`: the pod was to be kept as it was",
    )
    yield is_running(look, pod)


@exercise(
    "07.5",
    "Run probe on node01 without the scheduler",
    hints=[
        "It is exercise 07.1 with other words.",
        "`kubectl run` cannot name a node directly; a manifest can.",
        "A manifest with `nodeName: node01` and a command that does not end, for example `sleep infinity`.",
        "`spec: {nodeName: node01, containers: "
        "[{name: c, image: 'busybox:1.36', command: [sleep, infinity]}]}`",
    ],
    waits_for=["a pod `probe` with busybox:1.36 on node01", "placed at creation", "it runs"],
)
def probe_on_node01(look: Look) -> Findings:
    pod = look.find("pods", "probe")
    if pod is None:
        yield look.nothing_yet("There is no pod probe yet.")
        return
    images = [container["image"] for container in pod["spec"]["containers"]]
    yield look.expect(
        "its image is busybox:1.36", expected=["busybox:1.36"], observed=images, where="`image`"
    )
    yield on_node(look, pod, "node01")
    how = who_placed(look, "probe")
    yield look.expect(
        "the scheduler was not asked",
        expected="nodeName at creation",
        observed=how,
        holds=how == "creation",
        where="the records of the pod: who posted its Binding",
    )
    yield is_running(look, pod)


question(
    "07.q1",
    "A pod has `spec.nodeName` and is Pending. Who could say why?",
    ["The scheduler's events", "The events of the kubelet on that node", "Nobody: it is about to start"],
    2,
    "The scheduler's part is over once the field is written. "
    "Images, volumes and settings are the kubelet's part.",
)
question(
    "07.q2",
    "Which of these does the scheduler check, and nobody else if you write nodeName?",
    ["NoSchedule taints", "Whether the CPU requests fit", "Whether the image exists"],
    1,
    "The kubelet refuses what does not fit in, never looks at NoSchedule, and pulls the images.",
)
question(
    "07.q3",
    "How does a scheduler write nodeName into a pod that exists?",
    ["With a PATCH of the pod", "By posting a Binding to the pod's subresource", "By writing to etcd"],
    2,
    "A PATCH of the field is refused to everybody. The binding subresource writes it, once.",
)
