"""A seeded run through much of a cluster; as a program it prints the whole trace."""

from __future__ import annotations

import sys

import kubekit

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front, zone: a}}
    spec:
      containers:
      - name: c
        image: nginx:1.28
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {port: 80, path: /}, periodSeconds: 1}
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: crash, labels: {b: "1", a: "2"}}
spec: {containers: [{name: c, image: "busybox:1.37", command: [sh, -c, "sleep 1; exit 3"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bad}
spec: {containers: [{name: c, image: "does-not-exist:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: too-big}
spec: {containers: [{name: c, image: nginx, resources: {requests: {cpu: "64"}}}]}
"""


def run(seed: int) -> str:
    """The trace of the script with this seed, one record a line."""
    cluster = kubekit.up(workers=3, seed=seed)
    cluster.create(MANIFESTS)
    cluster.settle()
    cluster.send("node01", "web:80")
    cluster.scheduler.crash()
    cluster.patch("deployment", "web", {"spec": {"replicas": 6}})
    cluster.advance("20s")
    cluster.scheduler.start()
    cluster.settle()
    cluster.delete("pod", "crash")
    cluster.node("node02").crash()
    cluster.advance("7m")
    cluster.node("node02").start()
    cluster.advance("1m")
    return cluster.loop.trace.dump()


def difference(one: str, other: str) -> str:
    """The first record in which two traces differ, or an empty text."""
    left, right = one.splitlines(), other.splitlines()
    for number, (a, b) in enumerate(zip(left, right)):
        if a != b:
            before = left[number - 1] if number else "(the beginning)"
            return f"record {number} differs, after\n  {before}\n  one:   {a}\n  other: {b}"
    if len(left) != len(right):
        extra = (left if len(left) > len(right) else right)[min(len(left), len(right))]
        return f"one trace has {len(left)} records, the other {len(right)}; the first one more is\n  {extra}"
    return ""


if __name__ == "__main__":
    print(run(int(sys.argv[1])))
