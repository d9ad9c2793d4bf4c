"""Chapter 02, The front door: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "02.p1",
    "What does the API server store?",
    [
        "Exactly what was sent",
        "What was sent, and a uid",
        "What was sent, a uid, and many fields that nobody sent",
    ],
)
prediction(
    "02.p2",
    "You ask for a pod called `Bad_Name`. Who objects?",
    ["kubectl, before it sends anything", "The API server", "The kubelet that shall run it"],
)
prediction(
    "02.p3",
    "Anna writes first, then Ben writes what he read and changed. What happens to Ben's write?",
    ["It replaces Anna's", "It is refused", "The server merges the two"],
)

question(
    "02.q1",
    "Which step of the pipeline may still change the object that was sent?",
    ["Authentication", "Admission", "Validation"],
    2,
    "Mutating admission adds what the cluster wants on every object; validation only accepts or refuses.",
)
question(
    "02.q2",
    "What does a 409 Conflict tell a client?",
    [
        "The object is locked by another client",
        "Its copy is older than what is stored",
        "It lacks a permission",
    ],
    2,
    "There are no locks. The resourceVersion that was sent is not the stored one: read again, decide again.",
)
question(
    "02.q3",
    "Which components hold a connection to etcd?",
    ["kube-apiserver alone", "kube-apiserver and the controllers", "All control-plane components"],
    1,
    "Everything else asks the API server, so a map of who talks to whom is a star with it in the middle.",
)
