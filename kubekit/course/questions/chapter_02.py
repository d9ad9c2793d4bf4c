"""Chapter 02, The front door: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "02.p1",
    "`kubectl scale deployment web --replicas=2`: how many requests does it make?",
    ["One", "Two", "One for each replica"],
)
prediction(
    "02.p2",
    "What does the API server store?",
    [
        "Exactly what was sent",
        "What was sent, and a uid",
        "What was sent, a uid, and many fields that nobody sent",
    ],
)
prediction(
    "02.p3",
    "What do the five get, in this order?",
    [
        "403, 403, 404, 422, 422",
        "401, 403, 404, 409, 422",
        "401, 401, 404, 409, 400",
    ],
)
prediction(
    "02.p4",
    "The object has been changed three times and deleted. What does the watch tell?",
    [
        "Nothing: the object is gone",
        "The deletion, with the last value",
        "Every change and the deletion, in order",
    ],
)
prediction(
    "02.p5",
    "Anna writes first, then Ben writes what he read and changed. What happens to Ben's write?",
    ["It replaces Anna's", "It is refused", "The server merges the two"],
)
prediction(
    "02.p6",
    "Two API servers, one etcd, two writes with the same version. What happens?",
    [
        "Both succeed: each door sees only one of them",
        "The second is refused",
        "The second waits until the doors have agreed",
    ],
)

question(
    "02.q1",
    "A request is answered with 422. Which of these do you know for certain?",
    [
        "The user may do this, as far as RBAC is concerned",
        "The object exists already",
        "A webhook objected",
    ],
    1,
    "Validation comes after authentication and authorization: who is refused there got past both.",
)
question(
    "02.q2",
    "What does a 409 Conflict tell a client that sent an update?",
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
    "Which of these can run several times at once, all of them working?",
    ["kube-apiserver", "kube-scheduler", "kube-controller-manager"],
    1,
    "An API server keeps its state in etcd, and etcd decides every race. Of the others one leads at a time.",
)
