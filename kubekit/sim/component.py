"""A component: something with a name that can be started, stopped, crashed, paused, stepped and resumed.

The API server, the scheduler, the controller manager, each kubelet and each kube-proxy are components. A
subclass says what happens in `on_start` and `on_stop`; everything it does afterwards is scheduled on the loop
under `self.name`, which is what makes it stoppable alone. Do not keep threads or real timers in a component.
"""

from __future__ import annotations

from kubekit.sim.loop import Loop


class Component:
    """The five verbs that every component answers to."""

    def __init__(self, loop: Loop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.state = "stopped"
        self.since = loop.clock.elapsed()
        """Seconds since the cluster's start at which `state` was entered."""

    def start(self) -> None:
        """Start it; a paused component resumes, a running one stays as it is."""
        if self.state == "paused":
            self.resume()
        elif self.state != "running":
            self._enter("running", "starts")
            self.on_start()

    def stop(self) -> None:
        """Stop it in order: it says goodbye (releases what it holds) and is gone."""
        if self.state in ("running", "paused"):
            self.loop.resume(self.name)
            self.on_stop()
            self.loop.drop(self.name)
            self._enter("stopped", "is stopped")

    def crash(self) -> None:
        """End it at once, as a kill -9 would: nothing is released or said."""
        if self.state in ("running", "paused"):
            self.loop.drop(self.name)
            self.on_crash()
            self._enter("crashed", "crashes")

    def pause(self) -> None:
        """Freeze it: what it hears queues up, nothing is lost, nothing is done."""
        if self.state == "running":
            self.loop.pause(self.name)
            self._enter("paused", "is paused")

    def resume(self) -> None:
        """Let a paused component go on."""
        if self.state == "paused":
            self.loop.resume(self.name)
            self._enter("running", "resumes")

    def step(self) -> bool:
        """Let it do one thing, also while it is paused; False when it has nothing to do."""
        return self.loop.step(self.name)

    @property
    def running(self) -> bool:
        """Whether it works: neither stopped, crashed nor paused."""
        return self.state == "running"

    def on_start(self) -> None:
        """What the component does to come up."""

    def on_stop(self) -> None:
        """What the component does to go in order."""

    def on_crash(self) -> None:
        """What is torn away when the component dies without a word (open connections, memory)."""

    def _enter(self, state: str, verb: str) -> None:
        self.state = state
        self.since = self.loop.clock.elapsed()
        self.loop.trace.emit("component", self.name, f"component/{self.name}", f"{self.name} {verb}.")

    def __repr__(self) -> str:
        return f"{self.name} ({self.state} since t={self.since:.1f}s)"
