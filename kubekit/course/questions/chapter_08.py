"""Chapter 08, The four phases: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "08.p1",
    "A pod asks for more CPU than any node has. What does the scheduler do?",
    ["It takes the largest node", "It gives up", "It says why, and waits for a change"],
)
prediction(
    "08.p2",
    "node01 is half full now. Where does the next small pod go?",
    ["node01: fill one node before the next", "Another node: the load is spread", "It is drawn by lot"],
)

question(
    "08.q1",
    "Which phase can leave a pod Pending?",
    ["Scoring: all scores are 0", "Filtering: no node is left", "Both"],
    2,
    "Scores only order what filtering has left. A score of 0 is a score.",
)
question(
    "08.q2",
    "An unschedulable pod waits. What wakes it?",
    ["Only a timer", "A change in the cluster that could help it", "A restart of the scheduler alone"],
    2,
    "Each plugin that refused it names the changes that matter. A timer of five minutes is the safety net.",
)
question(
    "08.q3",
    "Two nodes have the same total. Which one is taken?",
    ["The first by name", "The one with fewer pods", "One of them, drawn at random"],
    3,
    "Whatever speaks for a node is in the total already; among equals the scheduler draws.",
)
