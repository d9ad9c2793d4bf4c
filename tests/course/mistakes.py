"""Typical wrong answers: what a learner types, what the check should say it saw, and where it should point.

The table is read by `test_chapters`. Cells before an answer are named by slug; `SPLIT` stands between two
cells of one answer. To add a mistake, copy a neighbour.
"""

from __future__ import annotations

FRONTEND = """%%kubectl apply -f -
apiVersion: v1
kind: Pod
metadata: {{name: frontend}}
spec:
  {node}
  containers:
  - {{name: httpd, image: "{image}"}}
"""
MOVER = FRONTEND.replace("frontend", "mover")
CHOSEN = FRONTEND.replace("frontend", "chosen")
BINDING = """%%kubectl create --raw /api/v1/namespaces/default/pods/waiting/binding -f -
{{
  "apiVersion": "v1", "kind": "Binding", "metadata": {{"name": "waiting"}},
  "target": {{"kind": "Node", "name": "{}"}}
}}
"""
NODE_PORT = (
    "%kubectl patch service web -p "
    """'{{"spec":{{"type":"NodePort","ports":[{{"port":80,"nodePort":{}}}]}}}}'"""
)
HTTPD = "httpd:2.4-alpine"

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
    "an empty ConfigMap": ("02.1", "", "%kubectl create configmap greeting", "nothing", "data"),
    "with kubectl": (
        "02.1",
        "",
        "%kubectl create configmap greeting --from-literal=text=hello",
        "a request of kubectl",
        "cluster.client.request",
    ),
    "posted to another namespace": (
        "02.1",
        "ex-1-body",
        'cluster.client.request("POST", "/api/v1/namespaces/kube-public/configmaps", body=body)',
        "namespace kube-public",
        "the namespace in the path",
    ),
    "Anna's mark is lost": (
        "02.2",
        "two-readers anna-writes",
        'now = cluster.client.request("GET", path).json()\n'
        'cluster.client.request("PUT", path, body={**now, "data": {"by": "ben"}}).status',
        "before: nothing",
        "both keys",
    ),
    "Ben's name is missing": (
        "02.2",
        "two-readers anna-writes",
        """%kubectl patch configmap shared -p '{"data":{"before":"anna"}}'""",
        "by: anna",
        "resourceVersion",
    ),
    "wrong node": ("07.1", "", FRONTEND.format(node="nodeName: node01", image=HTTPD), "node01", "delete it"),
    "no node": ("07.1", "", FRONTEND.format(node="", image=HTTPD), "no node", "kubectl delete pod frontend"),
    "nodeName added later": (
        "07.1",
        "",
        FRONTEND.format(node="", image=HTTPD)
        + "\nSPLIT\n"
        + """%kubectl patch pod frontend -p '{"spec":{"nodeName":"node02"}}'""",
        "no node",
        "create it with the field",
    ),
    "wrong image": (
        "07.1",
        "",
        FRONTEND.format(node="nodeName: node02", image="httpd:2.4"),
        "httpd:2.4",
        "spec.containers[0].image",
    ),
    "bound by the scheduler": (
        "07.1",
        "",
        "cluster.scheduler.start()\nSPLIT\n"
        + FRONTEND.format(node='nodeSelector: {"kubernetes.io/hostname": node02}', image=HTTPD),
        "a Binding by kube-scheduler",
        "cluster.scheduler.stop()",
    ),
    "bound to another node": ("07.2", "run-waiting", BINDING.format("node02"), "node02", "cannot be changed"),
    "the scheduler bound it": (
        "07.2",
        "run-waiting",
        "cluster.scheduler.start()",
        "a Binding by kube-scheduler",
        "stop the scheduler",
    ),
    "waiting was made anew": (
        "07.2",
        "run-waiting",
        "%kubectl delete pod waiting\nSPLIT\n"
        + FRONTEND.replace("frontend", "waiting").format(node="nodeName: node01", image=HTTPD),
        "nodeName at creation",
        "records",
    ),
    "moved by a patch": (
        "07.3",
        "mover mover-where",
        """%kubectl patch pod mover -p '{"spec":{"nodeName":"node02"}}'""",
        "node01",
        "delete the pod and make it anew",
    ),
    "moved by apply": (
        "07.3",
        "mover mover-where",
        MOVER.format(node="nodeName: node02", image=HTTPD),
        "node01",
        "delete the pod and make it anew",
    ),
    "deleted and not made anew": (
        "07.3",
        "mover mover-where",
        "%kubectl delete pod mover",
        "it was deleted, and not made anew",
        "apply it again",
    ),
    "made anew without a node": (
        "07.3",
        "mover mover-where",
        "%kubectl delete pod mover\n%kubectl run mover --image=httpd:2.4-alpine",
        "no node",
        "spec.nodeName",
    ),
    "made anew in the same place": (
        "07.3",
        "mover mover-where",
        "%kubectl delete pod mover\nSPLIT\n" + MOVER.format(node="nodeName: node01", image=HTTPD),
        "node01",
        "make it anew",
    ),
    "a ConfigMap of another name": (
        "07.4",
        "picky",
        "%kubectl create configmap picky --from-literal=COLOR=green",
        "default/picky",
        "the name in the event",
    ),
    "a ConfigMap elsewhere": (
        "07.4",
        "picky",
        "%kubectl create configmap picky-settings --from-literal=COLOR=green -n kube-public",
        "kube-public/picky-settings",
        "the namespace of the pod",
    ),
    "picky was made anew": (
        "07.4",
        "picky",
        "%kubectl delete pod picky\nSPLIT\n"
        + FRONTEND.replace("frontend", "picky").format(node="nodeName: node01", image=HTTPD),
        "it was deleted and made anew",
        "not to be touched",
    ),
    "the scheduler chose for probe": (
        "07.5",
        "",
        "cluster.scheduler.start()\n"
        "%kubectl run probe --image=busybox:1.36 -- sleep infinity\n"
        "cluster.settle()",
        "a Binding by kube-scheduler",
        "who posted its Binding",
    ),
    "another image of probe": (
        "07.5",
        "",
        FRONTEND.replace("frontend", "probe").format(node="nodeName: node01", image="busybox"),
        "busybox",
        "image",
    ),
    "a pod that runs": (
        "07.6",
        "full full-why run-waiting",
        "%kubectl create configmap answer --from-literal=pod=waiting",
        "waiting (Pending)",
        "status.phase=Failed",
    ),
    "the answer under another key": (
        "07.6",
        "full full-why",
        "%kubectl create configmap answer --from-literal=name=too-big",
        "name",
        "--from-literal=pod=",
    ),
    "another label": (
        "08.1",
        "picky picky-seen",
        "%kubectl label node node02 disk=SSD",
        "node02: disk=SSD",
        "get nodes -L disk",
    ),
    "picky went round the scheduler": (
        "08.1",
        "picky picky-seen",
        "%kubectl delete pod picky\nSPLIT\n"
        + FRONTEND.replace("frontend", "picky").format(node="nodeName: node02", image=HTTPD),
        "it was made anew",
        "spec.nodeSelector",
    ),
    "nodeName again": (
        "08.2",
        "",
        CHOSEN.format(node="nodeName: node03", image=HTTPD),
        "nodeName at creation",
        "leave nodeName out",
    ),
    "a label that no node has": (
        "08.2",
        "",
        CHOSEN.format(node='nodeSelector: {"kubernetes.io/hostname": node3}', image=HTTPD),
        "nobody",
        "events --for pod/chosen",
    ),
    "sent to another node": (
        "08.2",
        "",
        CHOSEN.format(node='nodeSelector: {"kubernetes.io/hostname": node01}', image=HTTPD),
        "node01",
        "only node03 fulfils",
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
