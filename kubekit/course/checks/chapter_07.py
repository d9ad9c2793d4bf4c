"""Chapter 07, Manual scheduling: nodeName at creation, a Binding, moving, and a pod that waits.

What a pod looks like in the end is not enough here: exercises ask how it got its node. The cluster's records
say that (`Look.history`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubekit.course.exercise import Finding, Findings, Look, exercise

READ_EVENTS = "let time pass with `cluster.advance('1m')`, then read `%kubectl describe pod {}`"


def on_node(look: Look, pod: dict[str, Any], wanted: str, remedy: str = "") -> Finding:
    """Whether a pod is on the wanted node; says how a pod gets to another one."""
    name, seen = pod["metadata"]["name"], pod["spec"].get("nodeName")
    if seen is None:
        where = (
            f"`spec.nodeName` of pod **{name}**, which is empty; {remedy or 'the pod waits for a scheduler'}"
        )
    else:
        way = remedy or "delete the pod and make it anew"
        where = f"`spec.nodeName` of pod **{name}**; it cannot be changed, so {way}"
    return look.expect(f"it is placed on {wanted}", expected=wanted, observed=seen or "no node", where=where)


def is_running(look: Look, pod: dict[str, Any]) -> Finding:
    """Whether a pod runs; what its containers wait for, if not."""
    status = pod.get("status", {})
    waiting = [
        state["reason"]
        for container in status.get("containerStatuses", [])
        if (state := container.get("state", {}).get("waiting"))
    ]
    seen = ", ".join(
        [status.get("phase", "Unknown"), *([status["reason"]] if "reason" in status else []), *waiting]
    )
    going = "deletionTimestamp" in pod["metadata"]
    return look.expect(
        "it runs",
        expected="Running",
        observed=f"{seen}, being deleted" if going else seen,
        holds=status.get("phase") == "Running" and not waiting and not going,
        where=READ_EVENTS.format(pod["metadata"]["name"]),
    )


def images_of(pod: dict[str, Any]) -> list[str]:
    """The images of a pod's containers."""
    return [container["image"] for container in pod["spec"]["containers"]]


def who_placed(look: Look, pod: dict[str, Any]) -> str:
    """How the pod got its node: "nodeName at creation", "a Binding by <program>" or "nobody"."""
    if not pod["spec"].get("nodeName"):
        return "nobody"
    binder = look.history(f"pod/default/{pod['metadata']['name']}").bound_by
    return f"a Binding by {binder}" if binder else "nodeName at creation"


@exercise(
    "07.1",
    "Schedule frontend by hand",
    hints=[
        "The scheduler would write one field of the pod. Write it before the pod is created.",
        "`spec.nodeName` names the node; the kubelet of that node starts what carries its name.",
        "Put `nodeName: ...` under `spec:`, as deep as `containers:`, and take `--dry-run=client` away.",
        "`spec:` / `  nodeName: node02` / `  containers: ...`, and in the first line `%%kubectl apply -f -`",
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
        yield look.nothing_yet(
            "There is no pod frontend yet.", "the first line of the cell: is it still a dry run?"
        )
        return
    yield look.expect(
        "its image is httpd:2.4-alpine",
        expected=["httpd:2.4-alpine"],
        observed=images_of(pod),
        where="`spec.containers[0].image` of pod **frontend**",
    )
    yield on_node(
        look, pod, "node02", "delete it (`%kubectl delete pod frontend`) and create it with the field"
    )
    how = who_placed(look, pod)
    yield look.expect(
        "no scheduler was asked",
        expected="nodeName at creation",
        observed=how if pod["spec"].get("nodeName") else "no node yet",
        holds=how == "nodeName at creation",
        where="`cluster.scheduler.stop()`, then delete the pod and create it with the field",
    )
    yield is_running(look, pod)


@exercise(
    "07.2",
    "Bind the waiting pod",
    hints=[
        "The pod exists already, so its field can no longer be written directly.",
        "A Binding names the pod in `metadata` and the node in `target`.",
        'Fill in the name in `"target": {..., "name": ""}`, then run the cell.',
        'The last line but one reads `"target": {"apiVersion": "v1", "kind": "Node", "name": "node01"}`.',
    ],
    waits_for=["the pod `waiting` is bound to node01", "by a Binding of yours, not made anew", "it runs"],
)
def bind_waiting(look: Look) -> Findings:
    pod = look.find("pods", "waiting")
    if pod is None:
        yield look.nothing_yet("There is no pod waiting.", "run the chapter's first cells")
        return
    if not pod["spec"].get("nodeName"):
        yield look.nothing_yet(
            "The pod waiting has no node yet.", "a PATCH of nodeName is refused; a Binding is not"
        )
        return
    again = "delete the pod, stop the scheduler, and begin with the chapter's second cell again"
    yield on_node(look, pod, "node01", again)
    how = who_placed(look, pod)
    yield look.expect(
        "a Binding of yours placed it",
        expected="a Binding by you",
        observed=how,
        holds=how.startswith("a Binding") and "kube-scheduler" not in how,
        where=f"`cluster.records.of('pod/default/waiting')`; to try once more, {again}",
    )
    yield is_running(look, pod)


@exercise(
    "07.3",
    "Move the pod mover to node02",
    hints=[
        "What is written in `spec.nodeName` stays for the pod's life.",
        "A pod's life can end. Another pod may have the same name afterwards.",
        "Delete `mover`, then apply its manifest with the other node. `kubectl replace --force` does both.",
        "`%%kubectl replace --force -f -`, and below it mover's manifest with `nodeName: node02`",
    ],
    waits_for=["`mover` was made anew on node02", "it runs"],
)
def move_mover(look: Look) -> Findings:
    pod = look.find("pods", "mover")
    past = look.history("pod/default/mover")
    if pod is None:
        if not past.creations:
            yield look.nothing_yet("There is no pod mover.", "run the section's first cell")
            return
        yield look.expect(
            "there is a pod mover",
            expected="a pod of that name",
            observed="it was deleted, and not made anew",
            where="the cell that made it: apply it again, with the other node",
        )
        return
    tried = past.refused_writes > 0 or past.deleted_by_user or pod["spec"].get("nodeName") != "node01"
    if not tried:
        yield look.nothing_yet("The pod mover is still on node01, as it was made.")
        return
    yield on_node(look, pod, "node02")
    yield look.expect(
        "no scheduler was asked",
        expected="nodeName at creation",
        observed=who_placed(look, pod),
        where="`nodeName` in the manifest: without it, whether and where it runs is the scheduler's choice",
    )
    yield is_running(look, pod)


@exercise(
    "07.4",
    "Let picky start",
    hints=[
        "The pod has a node. So ask the one who tries to start it: its events come from the kubelet.",
        "`%kubectl events --for pod/picky`: one of them names an object that is not there.",
        "The object is a ConfigMap. `%kubectl create configmap NAME --from-literal=KEY=VALUE` makes one.",
        "`%kubectl create configmap picky-settings --from-literal=COLOR=green`, then `cluster.advance('1m')`",
    ],
    waits_for=["the ConfigMap that it asks for exists", "it is the same pod as before", "it runs"],
)
def let_picky_start(look: Look) -> Findings:
    pod = look.find("pods", "picky")
    past = look.history("pod/default/picky")
    config = look.find("configmaps", "picky-settings")
    others = sorted(
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in look.all("configmaps", None)
        if "picky" in item["metadata"]["name"]
    )
    untouched = len(past.creations) < 2 and not past.deleted_by_user
    if pod is None and untouched:
        yield look.nothing_yet("There is no pod picky.", "run the section's first cell")
        return
    if untouched and not others:
        yield look.nothing_yet(
            "The pod picky waits, as it did before.", "its events: `%kubectl events --for pod/picky`"
        )
        return
    yield look.expect(
        "the ConfigMap that it asks for exists",
        expected="default/picky-settings",
        observed=others,
        holds=config is not None,
        where="the name in the event `Failed`, and the namespace of the pod",
    )
    yield look.expect(
        "it is the same pod as before",
        expected="the pod that the section's first cell made",
        observed="no pod picky" if pod is None else "it was deleted and made anew",
        holds=pod is not None and untouched,
        where="`metadata.creationTimestamp` of pod **picky**: the pod was not to be touched",
    )
    if pod is not None:
        yield is_running(look, pod)


@exercise(
    "07.5",
    "Let keeper and typo start",
    hints=[
        "Ask the kubelet about each of them: `%kubectl events --for pod/keeper`, then `pod/typo`.",
        "A claim is bound to a volume that has its size, access mode and class. "
        "Of a pod that exists, the image is one of the few fields that may be changed.",
        "A PersistentVolume with `capacity`, `accessModes` and `hostPath`; `%kubectl set image pod/typo ...`",
        "`kind: PersistentVolume`, `capacity: {storage: 1Gi}`, `accessModes: [ReadWriteOnce]`, "
        "`hostPath: {path: /srv/disk-1}`; and `%kubectl set image pod/typo httpd=httpd:2.4-alpine`",
    ],
    waits_for=[
        "the claim `keep` is bound",
        "`typo` has the image httpd:2.4-alpine",
        "both run, not made anew",
    ],
)
def two_more(look: Look) -> Findings:
    keeper, typo = look.find("pods", "keeper"), look.find("pods", "typo")
    pasts = {name: look.history(f"pod/default/{name}") for name in ("keeper", "typo")}
    anew = [name for name, past in pasts.items() if past.deleted_by_user or len(past.creations) > 1]
    volumes = look.all("persistentvolumes", None)
    image = images_of(typo) if typo else []
    if not anew and not volumes and (typo is None or image == [WRONG_IMAGE]):
        yield look.nothing_yet("keeper and typo wait, as they did before.", "their events")
        return
    yield look.expect(
        "they are the same pods as before",
        expected="the pods that the section's cells made",
        observed=f"deleted or made anew: {', '.join(anew)}",
        holds=not anew,
        where="`metadata.creationTimestamp`: they were not to be deleted; make them with the section's cells",
    )
    claim = look.find("persistentvolumeclaims", "keep") or {}
    phase = claim.get("status", {}).get("phase", "no claim keep")
    yield look.expect(
        "the claim keep is bound",
        expected="Bound",
        observed=f"{phase}; volumes: {', '.join(map(_volume, volumes)) or 'none'}",
        holds=phase == "Bound",
        where="`capacity`, `accessModes` and `storageClassName` of the volume: `%kubectl get pv,pvc`",
    )
    yield look.expect(
        "typo has the image httpd:2.4-alpine",
        expected=["httpd:2.4-alpine"],
        observed=image,
        where="`spec.containers[0].image` of pod **typo**: `%kubectl set image`, or `%kubectl edit`",
    )
    for pod in (keeper, typo):
        if pod is not None:
            found = is_running(look, pod)
            yield replace(found, title=f"{pod['metadata']['name']} runs")


WRONG_IMAGE = "registry.example/does-not-exist:2.4"


def _volume(volume: dict[str, Any]) -> str:
    spec = volume["spec"]
    size = (spec.get("capacity") or {}).get("storage", "no size")
    kind = spec.get("storageClassName") or "no class"
    return (
        f"{volume['metadata']['name']} ({size}, {'/'.join(spec.get('accessModes') or ['no mode'])}, {kind})"
    )


@exercise(
    "07.6",
    "Run probe on node01 without the scheduler",
    hints=[
        "It is exercise 07.1 in other words.",
        "`kubectl run` has no flag for the node; the manifest that it can print has a place for it.",
        "`%kubectl run probe --image=busybox:1.36 --dry-run=client -o yaml -- sleep infinity`, and a line",
        "`spec: {nodeName: node01, containers: "
        "[{name: probe, image: 'busybox:1.36', command: [sleep, infinity]}]}`",
    ],
    waits_for=["a pod `probe` with busybox:1.36 on node01", "placed at creation", "it runs"],
)
def probe_on_node01(look: Look) -> Findings:
    pod = look.find("pods", "probe")
    if pod is None:
        yield look.nothing_yet("There is no pod probe yet.")
        return
    yield look.expect(
        "its image is busybox:1.36",
        expected=["busybox:1.36"],
        observed=images_of(pod),
        where="`spec.containers[0].image` of pod **probe**",
    )
    yield on_node(look, pod, "node01")
    yield look.expect(
        "the scheduler was not asked",
        expected="nodeName at creation",
        observed=who_placed(look, pod),
        where="the records of the pod, `cluster.records.of('pod/default/probe')`: who posted its Binding",
    )
    yield is_running(look, pod)


@exercise(
    "07.7",
    "Find the pod that node01 had no room for",
    hints=[
        "Two steps: find it, then write its name down as an object.",
        "Pods can be selected by a few of their fields; `spec.nodeName` and `status.phase` are among them.",
        "`%kubectl get pods --field-selector spec.nodeName=node01,status.phase=...`; STATUS shows the reason",
        "It is `too-big`: `%kubectl create configmap answer --from-literal=pod=too-big`",
    ],
    waits_for=[
        "a ConfigMap `answer` in `default`",
        "its key `pod` names the pod that was refused for want of CPU",
    ],
)
def failed_on_node01(look: Look) -> Findings:
    answer = look.find("configmaps", "answer")
    if answer is None:
        yield look.nothing_yet("There is no ConfigMap answer yet.")
        return
    failed = [
        pod["metadata"]["name"]
        for pod in look.all("pods")
        if pod["spec"].get("nodeName") == "node01" and pod["status"].get("reason") == "OutOfcpu"
    ]
    if not failed:
        yield look.nothing_yet(
            "No pod on node01 has failed.", "run the cells of the section 'A node that is full'"
        )
        return
    data = answer.get("data", {})
    yield look.expect(
        "it has the key `pod`",
        expected="pod",
        observed=sorted(data),
        holds="pod" in data,
        where="`--from-literal=pod=...`: the key stands before the equals sign",
    )
    said = data.get("pod", "").strip().removeprefix("pod/")
    state = next(
        (
            ", ".join([pod["status"].get("phase", ""), *filter(None, [pod["status"].get("reason")])])
            for pod in look.all("pods")
            if pod["metadata"]["name"] == said
        ),
        "no such pod",
    )
    yield look.expect(
        "it names the pod that was refused for want of CPU",
        expected="a pod on node01, Failed, OutOfcpu",
        observed=f"{said} ({state})" if said else "",
        holds=said in failed,
        where="`%kubectl get pods --field-selector spec.nodeName=node01,status.phase=Failed`",
        detail=said,
    )
