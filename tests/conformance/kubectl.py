"""Replays the recorded kubectl transcripts through the kit's kubectl against a fresh kit cluster each.

One unit is one command of a scenario: exit status, stdout and stderr after masking. Commands that a second
recording answered differently are compared loosely, as the recordings' README says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kubekit.cluster.cluster import Cluster
from kubekit.cluster.defaults import Settings
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import ADMIN, Kubectl, Result
from kubekit.terminal.notebook import LoopPump
from tests.conformance.kubectl_text import Normaliser, alike, same
from tests.conformance.outcome import Outcome, read_jsonl

CONTAINER = re.compile(r"containerd://[0-9a-f]{64}")
THINKING = 0.4
"""Virtual seconds between two commands: about what the recorder's program took to start."""


def new_cluster() -> Cluster:
    """The cluster of the recordings' README."""
    settings = Settings(
        node_names=["control-plane", "worker1", "worker2", "worker3"],
        first_node_ip="172.18.0.2",
        capacity={"cpu": "4", "memory": "8Gi", "pods": "110"},
        authorization_mode="Node,RBAC",
        images_present=True,
        plain_image_ids=True,
        machine_id="0123456789abcdef0123456789abcdef",
        kubelet_sync_seconds=10.0,
        pull_seconds=0.0,
        sandbox_seconds=0.0,
        start_seconds=0.0,
        controller_options={"node_monitor_grace_period": 20.0},
    )
    cluster = Cluster(settings)
    cluster._come_up()
    return cluster


class Scenario:
    """One scenario in progress: its cluster, its namespace, its program."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.cluster = new_cluster()
        self.program = Kubectl(
            self.cluster.apiserver,
            user=ADMIN,
            clock=self.cluster.loop.clock,
            pump=LoopPump(self.cluster.loop),
            files=MemoryFiles(case["files"], home="/home/user/cwd"),
            server="https://127.0.0.1:21000",
            seed=0,
        )
        self.cluster.advance(30)
        self.program.run(["create", "namespace", case["namespace"]])
        self.cluster.advance(2)
        self.program.run(["config", "set-context", "--current", f"--namespace={case['namespace']}"])

    def settle(self, how: dict[str, float]) -> None:
        """Let the cluster come to rest, as the recorder did."""
        self.cluster.advance(max(how["atLeastSeconds"], how["quietSeconds"]))
        self.cluster.settle(60)

    def run(self, step: dict[str, Any]) -> Result:
        """One command."""
        self.cluster.advance(THINKING)
        return self.program.run(step["argv"], step.get("stdin") or "")


def compare(step: dict[str, Any], got: Result, mask: Normaliser) -> str:
    """Empty if the command answered as recorded, otherwise what differs."""
    masked = bool(step.get("workersMasked"))
    wanted = {
        "stdout": step.get("normStdout", mask.text(step["stdout"], masked)),
        "stderr": step.get("normStderr", mask.text(step["stderr"], masked)),
    }
    if got.exit != step["exit"] and step.get("stable") is not False:
        return f"exit {got.exit} instead of {step['exit']}: {got.stderr.strip()[:300]}"
    for stream, text in wanted.items():
        # The recorder's runtime made up its container ids differently; both are random.
        mine = mask.text(CONTAINER.sub("containerd://pod_namespace_uid", getattr(got, stream)), masked)
        if not (alike if step.get("stable") is False else same)(mine, text):
            return f"{stream}: {first_difference(mine, text)}"
    return ""


def first_difference(got: str, wanted: str) -> str:
    """The first line that differs, for the report."""
    left, right = got.splitlines(), wanted.splitlines()
    for index in range(max(len(left), len(right))):
        a = left[index] if index < len(left) else "<end>"
        b = right[index] if index < len(right) else "<end>"
        if a != b:
            return f"line {index + 1}: {a[:150]!r} instead of {b[:150]!r}"
    return "trailing text"


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay a folder. `category`: only scenarios whose name contains it."""
    mask = Normaliser.of(folder)
    outcome = Outcome()
    for case in read_jsonl(folder, "cases.jsonl"):
        if category and category not in case["name"]:
            continue
        scenario = Scenario(case)
        for number, step in enumerate(case["steps"]):
            if "settle" in step:
                scenario.settle(step["settle"])
                continue
            difference = compare(step, scenario.run(step), mask)
            name = f"{case['name']}[{number}] {' '.join(step['argv'])[:80]}"
            outcome.count(not difference, name, difference)
    return outcome
