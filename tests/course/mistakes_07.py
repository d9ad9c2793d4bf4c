"""Typical wrong answers of chapter 07; see `mistakes`."""

from __future__ import annotations

from tests.course.manifests import FRONTEND, HTTPD

MOVER = FRONTEND.replace("frontend", "mover")
BINDING = """%%kubectl create --raw /api/v1/namespaces/default/pods/waiting/binding -f -
{{
  "apiVersion": "v1", "kind": "Binding", "metadata": {{"name": "waiting"}},
  "target": {{"kind": "Node", "name": "{}"}}
}}
"""

DISK = """%%kubectl apply -f -
apiVersion: v1
kind: PersistentVolume
metadata: {{name: disk-1}}
spec: {{accessModes: [{}], capacity: {{storage: {}}}, hostPath: {{path: /srv}}}}
"""

WRONG: dict[str, tuple[str, str, str, str, str]] = {
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
        "07.6",
        "",
        "cluster.scheduler.start()\n"
        "%kubectl run probe --image=busybox:1.36 -- sleep infinity\n"
        "cluster.settle()",
        "a Binding by kube-scheduler",
        "who posted its Binding",
    ),
    "another image of probe": (
        "07.6",
        "",
        FRONTEND.replace("frontend", "probe").format(node="nodeName: node01", image="busybox"),
        "busybox",
        "image",
    ),
    "a pod that runs": (
        "07.7",
        "full full-why run-waiting",
        "%kubectl create configmap answer --from-literal=pod=waiting",
        "waiting (Pending)",
        "status.phase=Failed",
    ),
    "the answer under another key": (
        "07.7",
        "full full-why",
        "%kubectl create configmap answer --from-literal=name=too-big",
        "name",
        "--from-literal=pod=",
    ),
    "probe on another node": (
        "07.6",
        "",
        FRONTEND.replace("frontend", "probe").format(node="nodeName: node02", image="busybox:1.36"),
        "node02",
        "delete the pod and make it anew",
    ),
    "the other failed pod": (
        "07.7",
        "full full-why unlike unlike-why",
        "%kubectl create configmap answer --from-literal=pod=unlike",
        "unlike (Failed, NodeAffinity)",
        "status.phase=Failed",
    ),
    "a volume of another mode": (
        "07.5",
        "typo keeper picky-phase",
        "%kubectl set image pod/typo httpd=httpd:2.4-alpine\nSPLIT\n" + DISK.format("ReadOnlyMany", "1Gi"),
        "Pending; volumes: disk-1 (1Gi, ReadOnlyMany, no class)",
        "accessModes",
    ),
    "a volume that is too small": (
        "07.5",
        "typo keeper picky-phase",
        DISK.format("ReadWriteOnce", "500Mi"),
        "disk-1 (500Mi, ReadWriteOnce, no class)",
        "capacity",
    ),
    "only the volume": (
        "07.5",
        "typo keeper picky-phase",
        DISK.format("ReadWriteOnce", "1Gi"),
        "registry.example/does-not-exist:2.4",
        "set image",
    ),
    "another wrong image": (
        "07.5",
        "typo keeper picky-phase",
        "%kubectl set image pod/typo httpd=httpd:2.4",
        "httpd:2.4",
        "spec.containers[0].image",
    ),
    "typo was made anew": (
        "07.5",
        "typo keeper picky-phase",
        "%kubectl delete pod typo\nSPLIT\n"
        + FRONTEND.replace("frontend", "typo").format(node="nodeName: node01", image=HTTPD),
        "made anew: typo",
        "not to be deleted",
    ),
}
