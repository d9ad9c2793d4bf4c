"""A cluster that is served by another process, as a user starts it, and the real kubectl pointed at it.

The process gets an empty home; what it printed and how it ended can be read afterwards. Times are real here:
waiting is left to kubectl's own `wait` and `rollout status`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs import need_program

BOOT = 60.0
"""Seconds within which a served cluster must say where it answers."""


@dataclass
class Answer:
    """How a command ended and what it printed."""

    exit: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[list[str]]:
        """Standard output as rows of words."""
        return [line.split() for line in self.stdout.splitlines()]


@dataclass
class ServedCluster:
    """`kubekit up` in a process of its own."""

    home: Path
    arguments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.home / "kubeconfig"
        self.arguments = ["--kubeconfig", str(self.kubeconfig), *self.arguments]
        self._log = (self.home / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kubekit.serving.command", "up", *self.arguments],
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + BOOT
        while "answers on" not in self.said and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def environment(self) -> dict[str, str]:
        """What programs of this cluster's user see: no home but an empty one, no other kubeconfig."""
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
        return {**kept, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig), "TZ": "UTC"}

    @property
    def said(self) -> str:
        """Everything that the process has printed so far."""
        return Path(self._log.name).read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._log.close()

    def kubectl(
        self, *arguments: str, stdin: str | None = None, program: str = "kubectl", timeout: float = 60
    ) -> Answer:
        """Run kubectl; skips the test where it is not installed."""
        done = subprocess.run(
            [need_program(program), *arguments],
            env=self.environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str | None = None, program: str = "kubectl") -> Answer:
        """Run kubectl, which must succeed."""
        answer = self.kubectl(*arguments, stdin=stdin, program=program)
        assert answer.exit == 0, f"kubectl {' '.join(arguments)}: {answer}"
        return answer
