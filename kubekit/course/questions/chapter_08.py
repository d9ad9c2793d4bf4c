"""Chapter 08, The four phases: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "08.p1",
    "Three empty workers and a control plane. Why will one of the workers be taken, and not another?",
    ["It is the first by name", "Its score is the highest", "By chance: their scores are equal"],
)
prediction(
    "08.p2",
    "A pod names the priority class `vip`, and there is no such class. What happens?",
    [
        "It gets the priority 0",
        "It waits in the queue until the class exists",
        "The API server refuses the pod",
    ],
)
prediction(
    "08.p3",
    "A pod asks for more CPU and memory than any node has. What does the scheduler do?",
    ["It takes the largest node", "It gives up", "It says why, and waits for a change"],
)
prediction(
    "08.p4",
    "node01 is half full now. Where does the next pod go?",
    ["node01: fill one node before the next", "Another node: the load is spread", "It is drawn by lot"],
)
prediction(
    "08.p5",
    "node03 has the image already. How many of the 100 points is that worth to a pod `mysql:8.4` here?",
    ["100", "25: one node of four has it", "3", "0"],
)
prediction(
    "08.p6",
    "The scheduler runs, but may no longer create Bindings or events. What does `kubectl` show of a new pod?",
    ["Pending, and an event FailedScheduling", "Pending, and no event", "Running: it was decided already"],
)

question(
    "08.q1",
    "`0/3 nodes are available: 3 Insufficient cpu, 2 Insufficient memory.` How is that possible?",
    [
        "A fault: the counts add up to five",
        "On two of the nodes both are short",
        "Two nodes were asked twice",
    ],
    2,
    "The counts are reasons. NodeResourcesFit names every resource that is short on a node.",
)
question(
    "08.q2",
    "An unschedulable pod waits. What wakes it?",
    [
        "Only a timer",
        "A change that a plugin which refused it thinks could help",
        "Every change in the cluster",
    ],
    2,
    "Each plugin that refused it is asked about the changes that concern it. "
    "A timer of five minutes is the safety net.",
)
question(
    "08.q3",
    "A plugin gives every node the normalised score 100 and has the weight 3. What does it decide?",
    ["Nothing", "Everything: 300 is the largest number", "Which of two equal nodes is drawn"],
    1,
    "Only differences between nodes decide. What is added to all of them changes nothing.",
)
