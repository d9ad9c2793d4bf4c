"""What the map's inspector says of each component: its work, whom it talks to, and what its absence means.

Facts of Kubernetes, in the course's words; nothing here depends on the state of a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """One kind of component."""

    port: str
    does: str
    talks_to: str
    goes_on: tuple[str, ...]
    waits: tuple[str, ...]


FACTS = {
    "kube-apiserver": Facts(
        "6443",
        "It answers every request: authenticates, authorises, admits, validates, and writes to etcd.",
        "etcd; and everybody talks to it",
        ("running pods", "rules that kube-proxy has written"),
        ("every read and every write, by people and by components",),
    ),
    "etcd": Facts(
        "2379",
        "It keeps every object at every revision, and tells watchers what changed.",
        "nobody: kube-apiserver alone talks to it",
        ("running pods", "what kubelets and kube-proxies know already"),
        ("every write; the API server answers with errors",),
    ),
    "kube-scheduler": Facts(
        "10259",
        "It picks a node for every pod that has none.",
        "kube-apiserver only: it watches pods, nodes and volumes, and posts **bindings**",
        ("running pods, Services, `kubectl`", "a pod created with `spec.nodeName`"),
        ("every pod without a node",),
    ),
    "kube-controller-manager": Facts(
        "10257",
        "It runs the controllers: each compares what should be with what is, and does one step.",
        "kube-apiserver only: it watches nearly everything, and writes what is missing",
        ("running pods", "scheduling of pods that exist"),
        ("new pods of Deployments", "endpoints of Services", "the clean-up after deletions"),
    ),
    "kubelet": Facts(
        "10250",
        "It runs the pods whose `spec.nodeName` is its node, and reports how they are.",
        "kube-apiserver, and the container runtime on its node",
        ("the containers that run already",),
        ("new pods of this node", "reports: after 50 s its node is NotReady"),
    ),
    "kube-proxy": Facts(
        "",
        "It turns Services and EndpointSlices into iptables rules on its node.",
        "kube-apiserver, and its node's kernel",
        ("connections by the rules that stand already",),
        ("changes: new Services and moved pods are not followed on this node",),
    ),
    "konnectivity-server": Facts(
        "8132",
        "It carries what the API server wants of nodes through the tunnels that their agents have opened.",
        "kube-apiserver, and the agents that dialled it",
        ("everything that nodes and pods begin themselves",),
        ("`kubectl logs`, `exec`, `port-forward` and the proxies",),
    ),
    "konnectivity-agent": Facts(
        "",
        "It keeps a tunnel from its node to the control plane, which need not dial the node.",
        "konnectivity-server, and the kubelets and pods that it is asked for",
        ("everything, while another agent is connected",),
        ("with the last agent: `kubectl logs`, `exec`, `port-forward` and the proxies",),
    ),
}
"""By the component's name, without its node."""
