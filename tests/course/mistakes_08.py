"""Typical wrong answers of chapter 08; see `mistakes`."""

from __future__ import annotations

from tests.course.manifests import pod

VIP = "%kubectl create priorityclass vip --value={}\nSPLIT\n"
URGENT = pod("urgent", "priorityClassName: vip")
START = "SPLIT\ncluster.scheduler.start()\n"
SIZED = "\nSPLIT\n" + pod("sized", requests='{cpu: "1", memory: 2Gi}')
SCORE = "%kubectl create configmap score --from-literal=node01={}"
GUEST = "%kubectl run guest --image=httpd:2.4-alpine"

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "a class below zero": (
        "08.1",
        "two-wait",
        VIP.format(-5) + URGENT + START,
        "-5",
        "delete it and make it anew",
    ),
    "urgent without the class": (
        "08.1",
        "two-wait",
        VIP.format(1000) + pod("urgent") + START,
        "no class, priority 0",
        "spec.priorityClassName",
    ),
    "urgent came when the others had been tried": (
        "08.1",
        "two-wait",
        VIP.format(1000) + "cluster.scheduler.start()\ncluster.settle()\nSPLIT\n" + URGENT,
        "early, later, urgent",
        "delete the three pods",
    ),
    "the scheduler is still stopped": (
        "08.1",
        "two-wait",
        VIP.format(1000) + URGENT,
        "nothing",
        "cluster.scheduler.start()",
    ),
    "another label": (
        "08.2",
        "picky picky-seen",
        "%kubectl label node node02 disk=SSD",
        "node02: disk=SSD",
        "get nodes -L disk",
    ),
    "the key and the value as one word": (
        "08.2",
        "picky picky-seen",
        "%kubectl label node node02 disk-ssd=true",
        "node02: disk-ssd=true",
        "get nodes -L disk",
    ),
    "picky went round the scheduler": (
        "08.2",
        "picky picky-seen",
        "%kubectl delete pod picky\nSPLIT\n" + pod("picky", "nodeName: node02"),
        "it was made anew",
        "spec.nodeSelector",
    ),
    "the share in use": ("08.3", "heavy", SCORE.format(75) + SIZED, "75", "the share in use"),
    "what is used was forgotten": (
        "08.3",
        "",
        pod("heavy", "nodeName: node01", requests='{cpu: "1", memory: 1Gi}')
        + "SPLIT\ncluster.settle()\n"
        + SCORE.format(75)
        + SIZED,
        "75",
        "what is used on node01 already",
    ),
    "the small pods were forgotten": (
        "08.3",
        "heavy",
        pod("small", "nodeName: node01") + "SPLIT\ncluster.settle()\n" + SCORE.format(25) + SIZED,
        "25",
        "100m and 200Mi",
    ),
    "a score under another key": (
        "08.3",
        "heavy",
        "%kubectl create configmap score --from-literal=score=25" + SIZED,
        "score",
        "--from-literal=node01=",
    ),
    "guest was placed by hand": (
        "08.4",
        "heavy",
        pod("guest", "nodeName: node01"),
        "nodeName at creation",
        "leave nodeName out",
    ),
    "guest says where": (
        "08.4",
        "heavy",
        pod("guest", 'nodeSelector: {"kubernetes.io/hostname": node01}'),
        "nodeSelector",
        "only the cluster was to be changed",
    ),
    "the others were cordoned": (
        "08.4",
        "heavy",
        "%kubectl cordon node02 node03\n" + GUEST,
        "1",
        "lose by points",
    ),
    "nothing was changed": ("08.4", "heavy", "cluster.settle()\n" + GUEST, "node0", "make it anew"),
    "chosen has a nodeName": (
        "08.5",
        "",
        pod("chosen", "nodeName: node03"),
        "nodeName at creation",
        "leave nodeName out",
    ),
    "a label that no node has": (
        "08.5",
        "",
        pod("chosen", 'nodeSelector: {"kubernetes.io/hostname": node3}'),
        "nobody",
        "events --for pod/chosen",
    ),
    "sent to another node": (
        "08.5",
        "",
        pod("chosen", 'nodeSelector: {"kubernetes.io/hostname": node01}'),
        "node01",
        "only node03 fulfils",
    ),
    "half of the labels": (
        "08.6",
        "task-2-given task-2-pod",
        "%kubectl label node node02 zone=north\n%kubectl uncordon node02",
        "node02: zone=north",
        "on the same node",
    ),
    "the labels on two nodes": (
        "08.6",
        "task-2-given task-2-pod",
        "%kubectl label node node01 disk=ssd\n%kubectl label node node03 zone=north",
        "node01: disk=ssd, node03: zone=north",
        "on the same node",
    ),
    "still cordoned": (
        "08.6",
        "task-2-given task-2-pod",
        "%kubectl label node node02 disk=ssd zone=north",
        "node02, cordoned",
        "SchedulingDisabled",
    ),
    "the puzzle was made easier": (
        "08.6",
        "task-2-given task-2-pod",
        "%kubectl delete pod puzzle\nSPLIT\n" + pod("puzzle"),
        "it was made anew",
        "spec.nodeSelector",
    ),
}
