"""Leader election: of several copies of a component, the one that holds a Lease works and the others wait.

The holder renews the Lease every two seconds. A waiting copy looks at the same pace and takes over when the
Lease has not changed for `lease_duration` seconds by its own clock. A holder that cannot renew for
`renew_deadline` seconds gives up by itself: it must have stopped before somebody else may start. Modelled on
client-go's tools/leaderelection. Never work without asking `is_leader` when there may be another copy.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client.event_recorder import EventRecorder
from kubekit.client.rest_client import Client
from kubekit.sim import Handle, Loop, rfc3339_micro

LEASES = "leases.coordination.k8s.io"
JITTER = 1.2


class LeaderElection:
    """Tries to hold the Lease `namespace/name` as `identity`; seconds everywhere."""

    def __init__(
        self,
        client: Client,
        loop: Loop,
        owner: str,
        name: str,
        identity: str,
        *,
        on_started: Callable[[], None],
        on_stopped: Callable[[], None],
        namespace: str = "kube-system",
        lease_duration: float = 15.0,
        renew_deadline: float = 10.0,
        retry_period: float = 2.0,
        recorder: EventRecorder | None = None,
    ) -> None:
        self.client = client
        self.loop = loop
        self.owner = owner
        self.name = name
        self.identity = identity
        self.namespace = namespace
        self.lease_duration = lease_duration
        self.renew_deadline = renew_deadline
        self.retry_period = retry_period
        self.is_leader = False
        self.holder = ""
        """Who holds the Lease, as far as this copy has seen."""
        self._on_started = on_started
        self._on_stopped = on_stopped
        self._recorder = recorder
        self._observed: Obj | None = None
        self._observed_at = 0.0
        self._renewed_at = 0.0
        self._timer: Handle | None = None
        self._running = False

    def start(self) -> None:
        """Begin to try, at once."""
        self._running = True
        self.loop.call_soon(self.owner, self._turn, what=f"try to hold lease {self.name}")

    def stop(self, release: bool = True) -> None:
        """Stop trying; a holder gives the Lease back unless it crashed (`release=False`)."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_leader:
            self.is_leader = False
            if release:
                self._release()

    def _turn(self) -> None:
        if not self._running:
            return
        now = self.loop.clock.now()
        held = self._try_acquire_or_renew()
        if held:
            self._renewed_at = now
            if not self.is_leader:
                self.is_leader = True
                self._say("became leader")
                self._on_started()
        elif self.is_leader and now - self._renewed_at >= self.renew_deadline:
            self.is_leader = False
            self._say("stopped leading")
            self._on_stopped()
        delay = self.retry_period
        if not self.is_leader:
            delay += self.retry_period * JITTER * self.loop.rng.random()
        self._timer = self.loop.call_later(
            delay, self.owner, self._turn, what=f"renew lease {self.name}", background=True
        )

    def _try_acquire_or_renew(self) -> bool:
        now = self.loop.clock.now()
        try:
            lease = self.client.find(LEASES, self.name, self.namespace)
            if lease is None:
                metadata = {"name": self.name, "namespace": self.namespace}
                lease = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata}
                self._observe(self.client.create(LEASES, {**lease, "spec": self._spec(None)}))
                return True
            seen = self._observed
            if seen is None or seen["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
                self._observe(lease)
            spec = lease.get("spec") or {}
            valid = self._observed_at + spec.get("leaseDurationSeconds", 0) > now
            if self.holder and self.holder != self.identity and valid:
                return False
            self._observe(self.client.update(LEASES, {**lease, "spec": self._spec(spec)}))
            return True
        except (StatusError, OSError):
            return False

    def _spec(self, old: Obj | None) -> Obj:
        now = rfc3339_micro(self.loop.clock.now())
        spec: Obj = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self.lease_duration),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": 0,
        }
        if old:
            transitions = old.get("leaseTransitions", 0)
            if old.get("holderIdentity") == self.identity:
                spec["acquireTime"] = old.get("acquireTime", now)
                spec["leaseTransitions"] = transitions
            else:
                spec["leaseTransitions"] = transitions + 1
        return spec

    def _observe(self, lease: Obj) -> None:
        self._observed = lease
        self._observed_at = self.loop.clock.now()
        self.holder = (lease.get("spec") or {}).get("holderIdentity") or ""

    def _release(self) -> None:
        if self._observed is None:
            return
        now = rfc3339_micro(self.loop.clock.now())
        old = self._observed.get("spec") or {}
        spec = {
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": old.get("leaseTransitions", 0),
        }
        try:
            self._observe(self.client.update(LEASES, {**self._observed, "spec": spec}))
        except (StatusError, OSError):
            return  # the Lease runs out by itself

    def _say(self, what: str) -> None:
        if self._recorder is not None:
            lease = self._observed or {
                "kind": "Lease",
                "apiVersion": "coordination.k8s.io/v1",
                "metadata": {"name": self.name, "namespace": self.namespace},
            }
            self._recorder.event(lease, "Normal", "LeaderElection", f"{self.identity} {what}")
