"""Chapter 07, Manual scheduling: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "07.p1",
    "You create a pod now. What does `kubectl get pod` show after a minute?",
    ["An error: there is no scheduler", "Pending", "Running: a kubelet takes it by itself"],
)
prediction(
    "07.p2",
    "A pod is created with `nodeName: node02`, and there is no scheduler. Does it run?",
    [
        "No: somebody has to schedule it first",
        "Yes: the kubelet on node02 sees it and starts it",
        "Only if node02 runs no other pod",
    ],
)
prediction(
    "07.p3",
    "You patch `spec.nodeName` of a Pending pod that has no node. What happens?",
    ["It is placed, and runs", "The patch is refused", "The patch is taken, and ignored"],
)
prediction(
    "07.p4",
    "A Binding names a pod and a node. Can you read it afterwards with `kubectl get`?",
    ["Yes, like every object", "Yes, until the pod runs", "No: it is not stored"],
)
prediction(
    "07.p5",
    "What will be the same after the move?",
    ["Name, uid and IP address", "Name and uid", "Only the name"],
)
prediction(
    "07.p6",
    "A pod that asks for 64 CPUs names node01, which has 4. What becomes of it?",
    ["It is Pending until there is room", "The API server refuses it", "It is Failed at once"],
)
prediction(
    "07.p7",
    "A pod without a toleration names controlplane, which has a NoSchedule taint. Does it run?",
    ["Yes", "No: it stays Pending", "No: the kubelet refuses it"],
)
prediction(
    "07.p8",
    "A pod names node99, and there is no such node. What does the API server say?",
    ["Nothing: it stores the pod", "NotFound: no such node", "Invalid: the field is wrong"],
)
prediction(
    "07.p9",
    "The scheduler starts while `late` waits. How does it learn of the pod?",
    [
        "It lists the pods without a node when it starts",
        "The API server kept the missed event for it",
        "Not at all: `late` has to be made again",
    ],
)

prediction(
    "07.p10",
    "A missing ConfigMap, a wrong image, a claim without a volume. What is the phase of the three pods?",
    ["Failed: they cannot start", "Pending", "Running: they have a node"],
)

question(
    "07.q1",
    "A pod has `spec.nodeName` and is Pending. Who could say why?",
    ["The scheduler's events", "The events of the kubelet on that node", "Nobody: it is about to start"],
    2,
    "The scheduler's part is over once the field is written. "
    "Images, volumes and settings are the kubelet's part.",
)
question(
    "07.q2",
    "You write nodeName yourself. Which of these is then checked by nobody?",
    ["NoSchedule taints", "Whether the CPU requests fit", "Whether the image exists"],
    1,
    "The kubelet refuses what does not fit and pulls the images; it never looks at NoSchedule.",
)
question(
    "07.q3",
    "How does a scheduler write nodeName into a pod that exists?",
    ["With a PATCH of the pod", "By posting a Binding to the pod's subresource", "By writing to etcd"],
    2,
    "A PATCH of the field is refused, whoever sends it. The binding subresource writes it, once.",
)
