"""Chapter 10, Controllers: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "10.p1",
    "One of the three pods is deleted. Who makes the new one?",
    ["The Deployment controller", "The ReplicaSet controller", "The kubelet on the same node"],
)
prediction(
    "10.p2",
    "The Deployment gets another image. What happens to its ReplicaSet?",
    [
        "Its template is changed",
        "It is deleted, and another one is made",
        "It stays, and another one is made beside it",
    ],
)
prediction(
    "10.p3",
    "In `small`, two pods are allowed. You create a Deployment with four replicas there. What happens?",
    [
        "The Deployment is refused",
        "The Deployment is made, and two pods",
        "The Deployment is made, and no pods",
    ],
)

question(
    "10.q1",
    "A controller crashes in the middle of its work and starts again. What does it need to go on?",
    [
        "Its log of what it had done",
        "Nothing but the objects in the API server",
        "A signal from the scheduler",
    ],
    2,
    "It compares again. That is what level-triggered means.",
)
question(
    "10.q2",
    "You delete a ReplicaSet that a Deployment owns. What follows?",
    [
        "The Deployment is deleted too",
        "The Deployment's controller makes it again",
        "Its pods run on for ever",
    ],
    2,
    "The Deployment still says what should be. Its pods go with the old ReplicaSet, and new ones are made.",
)
question(
    "10.q3",
    "The quota refuses a pod. Who sees the refusal?",
    [
        "The user who wrote the Deployment, at once",
        "The ReplicaSet's controller, as an answer 403",
        "The kubelet",
    ],
    2,
    "Whoever asks gets the answer. The user finds it as an event and in the Deployment's conditions.",
)
