"""Chapter 09, Scheduling in practice: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "09.p1",
    "Three copies, a quota of two pods. How many pods will be Pending?",
    ["None", "One", "Three"],
)
prediction(
    "09.p2",
    "A pod tolerates the taint of node04. Where does it go?",
    ["To node04: it is the only one that may", "To the best node, which may be any", "It stays Pending"],
)
prediction(
    "09.p3",
    "Five copies, never two on a node, four workers. What will `kubectl get pods` show?",
    ["Five running: two share a node", "Four running, one Pending", "Five Pending: the rule cannot be met"],
)
prediction(
    "09.p4",
    "MostAllocated instead of LeastAllocated. Which node gets the next small pod?",
    ["The emptiest", "The fullest, even if it does not fit", "The fullest that it fits on"],
)
prediction(
    "09.p5",
    "Two pods name the scheduler `mine`, and nobody of that name runs. What does kube-scheduler do?",
    ["It takes them over after a while", "It writes an event for each", "Nothing"],
)

question(
    "09.q1",
    "A pod is Pending. Which of these can not be the reason?",
    ["A taint", "The quota of its namespace", "A scheduling gate"],
    2,
    "A pod that a quota refuses is not stored, so that it cannot be Pending. Ask its owner's events.",
)
question(
    "09.q2",
    "You want a node for one application alone. What does it take?",
    [
        "A taint on the node, and a toleration of the pods",
        "A label on the node, and affinity of the pods",
        "Both: the taint keeps others out, the affinity brings the pods in",
    ],
    3,
    "A toleration lets a pod in but does not send it there; affinity sends it there, but keeps nobody out.",
)
question(
    "09.q3",
    "Preemption would violate a disruption budget on every node. What happens?",
    [
        "The pod waits",
        "The node with the fewest violations is taken",
        "The API server refuses to end the victims",
    ],
    2,
    "For preemption a budget is advice, and comes first among the rules. It binds evictions only.",
)
