"""etcd.yaml: the static pod manifest by which the control-plane node runs etcd, as kubeadm writes it.

`furnish` lays the files that kubeadm leaves on the control-plane node: etcd's certificates and this manifest.
Source: cmd/kubeadm/app/phases/etcd/local.go, cmd/kubeadm/app/phases/certs/certlist.go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kubekit.cluster.etcd_disk import DATA_DIR, DataDirectory
from kubekit.cluster.etcd_pki import EtcdPki
from kubekit.cluster.manifest_folder import FOLDER as MANIFESTS
from kubekit.cluster.manifest_folder import ManifestFolder
from kubekit.cluster.node import Node

MANIFEST = f"{MANIFESTS}/etcd.yaml"
STACKED = "etcd"
"""The component's name of the member that runs on the control-plane node."""

IMAGE = "registry.k8s.io/etcd:3.6.13-0"


def manifest(name: str, ip: str, initial_cluster: str = "") -> str:
    """The manifest for the machine `name` at `ip`; `initial_cluster` when there are other members too."""
    state = "\n    - --initial-cluster-state=new" if initial_cluster else ""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://{ip}:2379
  labels:
    component: etcd
    tier: control-plane
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://{ip}:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --client-cert-auth=true
    - --data-dir={DATA_DIR}
    - --feature-gates=InitialCorruptCheck=true
    - --initial-advertise-peer-urls=https://{ip}:2380
    - --initial-cluster={initial_cluster or f"{name}=https://{ip}:2380"}{state}
    - --key-file=/etc/kubernetes/pki/etcd/server.key
    - --listen-client-urls=https://127.0.0.1:2379,https://{ip}:2379
    - --listen-metrics-urls=http://127.0.0.1:2381
    - --listen-peer-urls=https://{ip}:2380
    - --name={name}
    - --peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt
    - --peer-client-cert-auth=true
    - --peer-key-file=/etc/kubernetes/pki/etcd/peer.key
    - --peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    - --snapshot-count=10000
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    - --watch-progress-notify-interval=5s
    image: {IMAGE}
    imagePullPolicy: IfNotPresent
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: 127.0.0.1
        path: /livez
        port: probe-port
        scheme: HTTP
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 15
    name: etcd
    ports:
    - containerPort: 2381
      name: probe-port
      protocol: TCP
    readinessProbe:
      failureThreshold: 3
      httpGet:
        host: 127.0.0.1
        path: /readyz
        port: probe-port
        scheme: HTTP
      periodSeconds: 1
      timeoutSeconds: 15
    resources:
      requests:
        cpu: 100m
        memory: 100Mi
    startupProbe:
      failureThreshold: 24
      httpGet:
        host: 127.0.0.1
        path: /readyz
        port: probe-port
        scheme: HTTP
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 15
    volumeMounts:
    - mountPath: {DATA_DIR}
      name: etcd-data
    - mountPath: /etc/kubernetes/pki/etcd
      name: etcd-certs
  hostNetwork: true
  priority: 2000001000
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki/etcd
      type: DirectoryOrCreate
    name: etcd-certs
  - hostPath:
      path: {DATA_DIR}
      type: DirectoryOrCreate
    name: etcd-data
status: {{}}
"""


def furnish(node: Node, etcd: Any, pki: EtcdPki) -> None:
    """Lay the files of a node, and let its kubelet look at its manifests."""
    find: Callable[[], Any] = _nobody
    if node.plan.control_plane:
        members = getattr(etcd, "members", {})
        name = next((name for name, member in members.items() if member.name == STACKED), None)
        if name is not None:
            find = partial(members.get, name)
            disk = members[name].disk
            if isinstance(disk, DataDirectory):
                node.files = disk.files
                node.files.chmod(DATA_DIR, 0o700)
        pki.install(node.files)
    node.files.mkdir(MANIFESTS)
    if find() is not None:
        node.files.put(MANIFEST, manifest(node.name, node.ip), mode=0o600)
    node.manifest_folder = ManifestFolder(node, find)


def _nobody() -> None:
    """No member runs on this machine."""
