"""Chapter 12, Services and kube-proxy NAT: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "12.p1",
    "Which machine has that address on a network interface?",
    ["The control-plane node", "Every node", "None"],
)
prediction(
    "12.p2",
    "The Deployment is scaled to 1. What changes?",
    ["Nothing: the Service stays as it is", "The Service's rules, on every node", "The Service's address"],
)
prediction(
    "12.p3",
    "kube-proxy crashes on both workers. What becomes of a packet to the Service?",
    ["It arrives", "It is refused", "It is lost"],
)

question(
    "12.q1",
    "kube-proxy on a node has crashed. What happens to connections through Services from that node?",
    [
        "They all fail at once",
        "They work as long as the endpoints do not change",
        "They go through another node",
    ],
    2,
    "The rules stay in the kernel. They only stop following the changes.",
)
question(
    "12.q2",
    "Three endpoints: which probability has the second rule?",
    ["1/3", "1/2", "1"],
    2,
    "It is asked only when the first did not match: one of the two that are left.",
)
question(
    "12.q3",
    "Whose work is it that a pod on node01 can reach a pod on node02?",
    ["kube-proxy's", "The network plugin's (CNI)", "The API server's"],
    2,
    "kube-proxy only rewrites addresses of Services. Carrying packets between pods is the CNI plugin's part.",
)
