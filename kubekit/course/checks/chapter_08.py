"""Chapter 08, The four phases: a label that makes room, and a pod that the scheduler sends to one node."""

from __future__ import annotations

from kubekit.course.checks.chapter_07 import is_running, on_node, who_placed
from kubekit.course.exercise import Findings, Look, exercise
from kubekit.course.predict import question


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
    if not labelled and not pod["spec"].get("nodeName"):
        yield look.nothing_yet("No node carries the label disk=ssd, and picky waits.")
        return
    yield look.expect(
        "a node carries the label disk=ssd",
        expected="one node with disk=ssd",
        observed=labelled,
        holds=bool(labelled),
        where="`%kubectl get nodes -L disk`",
        detail=", ".join(labelled),
    )
    yield look.expect(
        "the pod was left as it is",
        expected="nodeSelector disk=ssd",
        observed=pod["spec"].get("nodeSelector", {}),
        holds=pod["spec"].get("nodeSelector") == {"disk": "ssd"} and who_placed(look, "picky") != "creation",
        where="`spec` of pod **picky**: apply the section's first cell again",
    )
    yield is_running(look, pod)


@exercise(
    "08.2",
    "Send chosen to node03 through the scheduler",
    hints=[
        "The scheduler reads labels of nodes and wishes of pods. Which label tells node03 from the others?",
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
    how = who_placed(look, "chosen")
    yield look.expect(
        "the scheduler placed it",
        expected="binding by kube-scheduler",
        observed="nodeName at creation" if how == "creation" and pod["spec"].get("nodeName") else how,
        holds=how == "binding by kube-scheduler",
        where="leave `nodeName` out and let the pod say what it wants of a node",
    )
    yield on_node(look, pod, "node03")
    yield is_running(look, pod)


question(
    "08.q1",
    "Which phase can leave a pod Pending?",
    ["Filtering: no node is left", "Scoring: all scores are 0", "Binding is always what fails"],
    1,
    "Scores only order what filtering has left. A score of 0 is a score.",
)
question(
    "08.q2",
    "An unschedulable pod waits. What wakes it?",
    ["Only a timer", "A change in the cluster that could help it", "A restart of the scheduler alone"],
    2,
    "Each plugin that refused it names the changes that matter. A slow timer exists as a safety net.",
)
question(
    "08.q3",
    "Two nodes have the same total. Which one is taken?",
    ["The first by name", "The one with fewer pods", "One of them, drawn at random"],
    3,
    "Whatever speaks for a node is in the total already; among equals the scheduler draws.",
)
