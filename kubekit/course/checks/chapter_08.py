"""Chapter 08, The four phases: a label that makes room, and a pod that the scheduler sends to one node."""

from __future__ import annotations

from kubekit.course.checks.chapter_07 import images_of, is_running, on_node, who_placed
from kubekit.course.exercise import Findings, Look, exercise


@exercise(
    "08.1",
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
    "08.2",
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
    yield look.expect(
        "its image is httpd:2.4-alpine",
        expected=["httpd:2.4-alpine"],
        observed=images_of(pod),
        where="`spec.containers[0].image` of pod **chosen**",
    )
    how = who_placed(look, pod)
    yield look.expect(
        "the scheduler placed it",
        expected="a Binding by kube-scheduler",
        observed=how,
        where="`spec` of pod **chosen**: leave `nodeName` out, and say what you want of a node"
        if how == "nodeName at creation"
        else "its events: `%kubectl events --for pod/chosen`",
    )
    yield on_node(look, pod, "node03", "delete the pod and make it anew with a wish that only node03 fulfils")
    yield is_running(look, pod)
