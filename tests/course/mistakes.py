"""Typical wrong answers: what a learner types, what the check should say it saw, and where it should point.

The table is read by `test_chapters`. Cells before an answer are named by slug; `SPLIT` stands between two
cells of one answer. To add a mistake, copy a neighbour.
"""

from __future__ import annotations

from tests.course import (
    mistakes_02,
    mistakes_03,
    mistakes_04,
    mistakes_05,
    mistakes_06,
    mistakes_07,
    mistakes_08,
    mistakes_09,
)

NODE_PORT = (
    "%kubectl patch service web -p "
    """'{{"spec":{{"type":"NodePort","ports":[{{"port":80,"nodePort":{}}}]}}}}'"""
)

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    # what was done: (exercise, cells before, what was typed, what the message says was seen, where it points)
    "scaled too little": (
        "00.1",
        "deploy",
        "%kubectl scale deployment web --replicas=4",
        "4",
        "spec.replicas",
    ),
    "scaled too far": ("00.1", "deploy", "%kubectl scale deployment web --replicas=6", "6", "spec.replicas"),
    "scaled, but nobody schedules": (
        "00.1",
        "deploy settle stop-scheduler",
        "%kubectl scale deployment web --replicas=5",
        "2 Pending, 3 Running",
        "cluster.settle()",
    ),
    "changed the number instead": (
        "00.2",
        "deploy settle stop-scheduler",
        "%kubectl scale deployment web --replicas=4",
        "4",
        "the number was not to be changed",
    ),
    "another namespace": (
        "00.3",
        "deploy",
        "%kubectl create namespace shop\n%kubectl create deployment api --image=nginx:1.27 --replicas=2",
        "Deployment api in namespace default",
        "-n shop",
    ),
    "another image of api": (
        "00.3",
        "deploy",
        "%kubectl create namespace shop\n%kubectl create deployment api --image=nginx --replicas=2 -n shop",
        "nginx",
        "--image",
    ),
    "one copy of api": (
        "00.3",
        "deploy",
        "%kubectl create namespace shop\n%kubectl create deployment api --image=nginx:1.27 -n shop",
        "1 Running",
        "get pods -n shop",
    ),
    "the answer elsewhere": (
        "00.4",
        "task-1 task-1-check",
        "%kubectl create configmap answer --from-literal=nodes=node01",
        "namespace default",
        "-n shop",
    ),
    "another key": (
        "00.4",
        "task-1 task-1-check",
        "%kubectl create configmap answer -n shop --from-literal=node=node01,node02",
        "node",
        "--from-literal=nodes=",
    ),
    "half of the answer": (
        "00.4",
        "task-1 task-1-check",
        "%kubectl create configmap answer -n shop --from-literal=nodes=controlplane",
        "controlplane",
        "the column NODE",
    ),
    "a third image": (
        "10.1",
        "settle rollout",
        "%kubectl set image deployment/web httpd=httpd:2.4.65-alpine",
        "httpd:2.4.65-alpine",
        "rollout history",
    ),
    "the Deployment was made anew": (
        "10.1",
        "settle rollout",
        "%kubectl delete deployment web\n"
        "%kubectl create deployment web --image=httpd:2.4-alpine --replicas=3",
        "of a Deployment made anew",
        "get replicasets",
    ),
    "fewer were asked for": (
        "10.2",
        "quota crowd",
        "%kubectl scale deployment crowd --replicas=2 -n small",
        "2",
        "it was not to be touched",
    ),
    "the quota is still too small": (
        "10.2",
        "quota crowd",
        """%kubectl patch quota two -n small -p '{"spec":{"hard":{"pods":"3"}}}'""",
        "3",
        "describe quota two",
    ),
    "no time was given": (
        "10.2",
        "quota crowd",
        """%kubectl delete quota two -n small""",
        "2 Running",
        "cluster.advance('20m')",
    ),
    "another node port": (
        "12.1",
        "expose",
        NODE_PORT.format(30081),
        "30081",
        "nodePort",
    ),
    "another type": (
        "12.1",
        "expose",
        """%kubectl patch service web -p '{"spec":{"type":"LoadBalancer"}}'""",
        "LoadBalancer",
        "spec.type",
    ),
    "nobody writes the rules": (
        "12.1",
        "expose",
        "for node in cluster.nodes.values():\n    node.kube_proxy.crash()\n" + NODE_PORT.format(30080),
        "refused",
        "whether kube-proxy runs",
    ),
    "another selector": (
        "12.2",
        "expose broken",
        """%kubectl patch service shop -p '{"spec":{"selector":{"app":"web"}}}'""",
        "app=web",
        "get pods --show-labels",
    ),
    "the pods were changed instead": (
        "12.2",
        "expose broken",
        "%kubectl label pods -l app=store app=shop --overwrite",
        "app=shop",
        "spec.selector",
    ),
}

for chapter in (
    mistakes_03,
    mistakes_02,
    mistakes_04,
    mistakes_05,
    mistakes_06,
    mistakes_07,
    mistakes_08,
    mistakes_09,
):
    WRONG |= chapter.WRONG
