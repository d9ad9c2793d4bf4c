"""kube-controller-manager: the component that runs all controllers over one set of shared informers.

`start` takes the leader's Lease (if told to), starts the informers and then each controller; `stop` and
`crash` end all of them. Single controllers can be stopped and started while the manager runs, which is how
a learner finds out what each of them is for. Source: cmd/kube-controller-manager/app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from kubekit.client import Client, EventRecorder, InformerFactory, LeaderElection
from kubekit.controllers.accounts import OTHERS, ensure
from kubekit.controllers.controller import Context, Controller, Options
from kubekit.controllers.registry import chosen, full_name
from kubekit.sim import Component, Loop

NAME = "kube-controller-manager"


class ControllerManager(Component):
    """All controllers, as one component.

    `controllers` chooses them as the real flag does (None: all). `leader_elect` makes several managers agree
    on one; `identity` is this one's name in the Lease. Further keywords are fields of `Options`.
    Raises TypeError for an option that does not exist.
    """

    def __init__(
        self,
        loop: Loop,
        client: Client,
        controllers: list[str] | None = None,
        *,
        name: str = NAME,
        leader_elect: bool = False,
        identity: str = "",
        **options: Any,
    ) -> None:
        super().__init__(loop, name)
        unknown = sorted(set(options) - {field.name for field in fields(Options)})
        if unknown:
            raise TypeError(f"{NAME} has no option {unknown[0]!r}")
        self.client = client
        self.options = Options(**options)
        self.leader_elect = leader_elect
        self.identity = identity or f"controlplane_{loop.rng.child(name).uuid()}"
        self.controllers: dict[str, Controller] = {}
        self.election: LeaderElection | None = None
        self._classes = chosen(controllers)
        self._others = OTHERS if controllers is None or "*" in controllers else ()
        self._stopped: set[str] = set()
        self._informers: InformerFactory | None = None

    def __getitem__(self, name: str) -> Controller:
        """A running controller by name, with or without "-controller"; raises KeyError."""
        return self.controllers[full_name(name)]

    def __iter__(self) -> Iterator[Controller]:
        return iter(self.controllers.values())

    @property
    def is_leader(self) -> bool:
        """Whether this manager is the one that works."""
        return self.running and (self.election is None or self.election.is_leader)

    def stop_controller(self, name: str) -> None:
        """Stop one controller; it stays stopped until it is started, also over a restart of the manager."""
        name = full_name(name)
        self._stopped.add(name)
        if name in self.controllers:
            self.controllers[name].stop()

    def start_controller(self, name: str) -> None:
        """Start a controller that was stopped."""
        name = full_name(name)
        self._stopped.discard(name)
        if name in self.controllers:
            self.controllers[name].start()

    # -- the component's life ---------------------------------------------------------------------------

    def on_start(self) -> None:
        if not self.leader_elect:
            self._run()
            return
        self.election = LeaderElection(
            self.client,
            self.loop,
            self.name,
            NAME,
            self.identity,
            on_started=self._run,
            on_stopped=self._end,
            recorder=EventRecorder(self.client, self.loop, self.identity, owner=self.name),
        )
        self.election.start()

    def on_stop(self) -> None:
        self._end()
        if self.election is not None:
            self.election.stop()
            self.election = None

    def on_crash(self) -> None:
        self._end()
        if self.election is not None:
            self.election.stop(release=False)
            self.election = None

    def _run(self) -> None:
        if self.options.own_accounts:
            ensure(self.client, [kind.name for kind in self._classes], self._others)
        self._informers = InformerFactory(self.client, self.loop, self.name)
        context = Context(self.loop, self.client, self._informers, self.name, self.options)
        self.controllers = {kind.name: kind(context) for kind in self._classes}
        for controller in self.controllers.values():
            if controller.name not in self._stopped:
                controller.start()
        self._informers.start()

    def _end(self) -> None:
        for controller in self.controllers.values():
            controller.stop()
        if self._informers is not None:
            self._informers.stop()
            self._informers = None
