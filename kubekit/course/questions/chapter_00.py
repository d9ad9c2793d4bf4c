"""Chapter 00, Start here: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "00.p1",
    "You create a Deployment with 3 replicas. How many objects is that (events left out)?",
    ["1: the Deployment", "4: the Deployment and 3 pods", "5: the Deployment, a ReplicaSet and 3 pods"],
)
prediction(
    "00.p2",
    "You delete all three pods of `web`. What is there a moment later?",
    ["The Deployment, and no pods", "Three pods with the old names", "Three pods with new names"],
)
prediction(
    "00.p3",
    "The scheduler is stopped, and one more pod is asked for. What do you expect?",
    [
        "All pods stop",
        "What runs goes on running; the new pod waits",
        "The request is refused: there is no scheduler",
    ],
)
prediction(
    "00.p4",
    "The kubelet on node02 crashes. How long do the pods there still count as running?",
    ["Until the kubelet misses one heartbeat", "About a minute", "More than five minutes"],
)

question(
    "00.q1",
    "Which component writes to etcd?",
    ["The scheduler, when it has chosen a node", "The API server alone", "Every component its own part"],
    2,
    "All others ask the API server. It is the one door, and the only one that knows etcd.",
)
question(
    "00.q2",
    "A pod is Pending, has no node and no events. Which component would you look at first?",
    ["kube-proxy on the nodes", "The kubelets", "kube-scheduler: it may not be running"],
    3,
    "A pod without a node has no kubelet yet. A running scheduler would at least have said why nothing fits.",
)
question(
    "00.q3",
    "You delete one pod of a Deployment. What happens?",
    [
        "The Deployment now has one pod less",
        "A new pod with another name is made",
        "The same pod starts again",
    ],
    2,
    "The ReplicaSet sees one pod too few and makes a new one. Its name is new, and its node may be.",
)
