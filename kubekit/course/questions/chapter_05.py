"""Chapter 05, Raft and quorum: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "05.p1",
    "How many of three members must have the write on disk before the client is told OK?",
    ["One: the leader", "Two", "All three"],
)
prediction(
    "05.p2",
    "One follower of three crashes. What does a user of Kubernetes notice?",
    ["Nothing", "Writes fail", "Writes take a second longer from now on"],
)
prediction(
    "05.p3",
    "The leader crashes. How long does it take until somebody can write again?",
    ["Until somebody starts it again", "A second or two", "No time at all"],
)
prediction(
    "05.p4",
    "Two of three members are gone. What becomes of the pods?",
    ["They are ended", "They run on, and nothing can be changed", "They run on, and reading still works"],
)
prediction(
    "05.p5",
    "The leader is cut off from both others. How many leaders are there after five seconds?",
    ["None", "One", "Two, one on each side"],
)

question(
    "05.q1",
    "Five members. How many may be lost before writes are refused?",
    ["One", "Two", "Three"],
    2,
    "The quorum of five is three. With two lost it is just there.",
)
question(
    "05.q2",
    "The quorum is lost. Which of these goes on?",
    [
        "Pods that run already, and what a Service's rules say now",
        "The replacement of pods that end on a broken node",
        "`kubectl get`, since it only reads",
    ],
    1,
    "What needs a decision needs the API server, and that needs etcd. Containers and rules are on the nodes.",
)
question(
    "05.q3",
    "A member's disk is lost. Why remove it before adding the new one?",
    [
        "The name is taken",
        "Adding first makes it four members, of which three are needed, while one is down",
        "The leader would send it a wrong snapshot",
    ],
    2,
    "Two healthy members of four are no quorum of three: a further failure would stop everything.",
)
