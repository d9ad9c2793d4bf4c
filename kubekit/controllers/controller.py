"""The base of every controller: informers, a work queue, and `reconcile(key)`.

A controller says in `set_up` what it listens to (`follow`, `watch`) and in `reconcile` how it brings one
object nearer to what its spec asks for. It reads from informers and writes through `self.client`;
everything it writes while reconciling, and what it notes in `self.round` (desired, observed, difference),
becomes one "reconcile" record. It must be level-triggered: look at what is, never at what happened. A
refusal of the API server is raised, not handled: the queue brings the key back later. Modelled on the shape
that all controllers in kubernetes/pkg/controller share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kubekit.api.exchange import Response
from kubekit.api.meta import Obj, controller_of, key_of
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client import Client, EventRecorder, Informer, InformerFactory, Registration, WorkQueue
from kubekit.controllers.accounts import client_of
from kubekit.controllers.root_certificate import ROOT_CERTIFICATE
from kubekit.sim import Handle, Loop, Record, Step

HEARD_LIMIT = 50
"""Events remembered for one key between two reconciles; more than these are only counted."""


@dataclass
class Options:
    """The tunables of the controller manager; times in seconds, defaults as the real one's."""

    node_monitor_period: float = 5.0
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    unhealthy_zone_threshold: float = 0.55
    large_cluster_size_threshold: int = 50
    allocate_node_cidrs: bool = True
    cluster_cidr: str = "10.244.0.0/16"
    node_cidr_mask_size: int = 24
    namespace_resync: float = 300.0
    hpa_sync_period: float = 15.0
    pv_claim_binder_sync_period: float = 15.0
    quota_resync_period: float = 300.0
    terminated_pod_gc_threshold: int = 12500
    own_accounts: bool = False
    """Whether each controller acts with a ServiceAccount of its own (--use-service-account-credentials)."""
    root_ca: str = ROOT_CERTIFICATE
    """What `kube-root-ca.crt` and token secrets hold (PEM)."""
    service_account_signer: Callable[[Obj, Obj], str] | None = None
    """Gives the token for a (service account, secret); without it token secrets stay empty."""
    policy_checker: Callable[[Obj], list[Obj]] | None = None
    """Gives the warnings about a ValidatingAdmissionPolicy: `{"fieldRef": ..., "warning": ...}`."""
    certificate_signer: Callable[[Obj], str | None] | None = None
    """Gives the PEM certificate for an approved CertificateSigningRequest, or None: not ours to sign."""


@dataclass
class Context:
    """What all controllers of one manager share."""

    loop: Loop
    client: Client
    informers: InformerFactory
    owner: str
    options: Options = field(default_factory=Options)
    catalog: Callable[[], list[Any]] | None = None


class Round:
    """One run of `reconcile`: what was heard before it, what it saw, what it did."""

    __slots__ = ("desired", "difference", "expectations", "heard", "observed", "said", "steps")

    def __init__(self, heard: list[tuple[str, str]]) -> None:
        self.heard = heard
        self.desired: Any = None
        self.observed: Any = None
        self.difference: Any = None
        self.expectations: Any = None
        self.steps: list[Step] = []
        self.said: list[tuple[str, str, str]] = []


class WritingClient(Client):
    """A client that notes each write of the reconcile that is running."""

    def __init__(self, inner: Client) -> None:
        super().__init__(inner.handler, user=inner.user, name=inner.name)
        self.round: Round | None = None

    def on_answer(self, method: str, path: str, response: Response) -> None:
        if self.round is None or method == "GET":
            return
        body = response.body
        figures: Obj = {"status": response.status}
        reason = ""
        if isinstance(body, dict):
            if response.status >= 300:
                reason = body.get("message", "")
            elif method == "POST":
                figures["name"] = (body.get("metadata") or {}).get("name", "")
        verdict = "pass" if response.status < 300 else "refuse"
        self.round.steps.append(Step(f"{method} {path}", verdict, reason, figures))


class Controller(ABC):
    """One control loop. Subclasses set `name` and fill in `set_up` and `reconcile`."""

    name: ClassVar[str] = ""
    """The name by which the manager starts and stops it: the real one's, e.g. "replicaset-controller"."""
    kind: ClassVar[str] = ""
    """The kind that its keys name, for the records' subjects."""
    event_source: ClassVar[str] = ""
    """`source.component` of its events, where that is not `name`."""
    base_delay: ClassVar[float] = 0.005
    max_delay: ClassVar[float] = 1000.0
    max_retries: ClassVar[int | None] = None
    """After so many failures in a row a key is dropped until something happens to it again; None: never."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.loop = context.loop
        self.clock = context.loop.clock
        self.options = context.options
        client = client_of(context.client, self.name) if context.options.own_accounts else context.client
        self.client = WritingClient(client)
        self.running = False
        self.synced = False
        self.round = Round([])
        self.recorder = EventRecorder(
            client, context.loop, self.event_source or self.name, owner=context.owner
        )
        self.queue = self._new_queue()
        self._heard: dict[str, list[tuple[str, str]]] = {}
        self._registrations: list[Registration] = []
        self._informers: list[Informer] = []
        self._timers: list[Handle] = []

    def __repr__(self) -> str:
        return f"{self.name} ({'running' if self.running else 'stopped'}, {len(self.queue)} keys waiting)"

    # -- to be filled in --------------------------------------------------------------------------------

    @abstractmethod
    def set_up(self) -> None:
        """Say what to listen to, with `follow`, `watch` and `every`."""

    @abstractmethod
    def reconcile(self, key: str) -> None:
        """Bring the object at `key` nearer to its spec; raise StatusError or OSError to be called again."""

    def on_synced(self) -> None:  # noqa: B027 - most controllers have nothing to do then
        """All caches are filled: the first reconciles come next."""

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen, and reconcile once the caches have synced."""
        if self.running:
            return
        self.running = True
        self.synced = False
        self.queue = self._new_queue()
        self.queue.hold()
        self.set_up()
        for informer in self._informers:
            informer.when_synced(self._check_synced)
        self._check_synced()

    def stop(self) -> None:
        """Stop listening and forget what waits; what is in the cluster stays as it is."""
        self.running = False
        for registration in self._registrations:
            registration.remove()
        for timer in self._timers:
            timer.cancel()
        self._registrations, self._timers, self._informers = [], [], []
        self._heard.clear()
        self.queue.close()

    def _new_queue(self) -> WorkQueue:
        return WorkQueue(
            self.loop,
            self.context.owner,
            self._work,
            base_delay=self.base_delay,
            max_delay=self.max_delay,
            name=self.name,
        )

    def _check_synced(self) -> None:
        if self.running and not self.synced and all(informer.has_synced for informer in self._informers):
            self.synced = True
            self.on_synced()
            self.queue.release()

    # -- listening --------------------------------------------------------------------------------------

    def informer(self, resource: Resource | str, **selection: Any) -> Informer:
        """The shared informer of a resource; the controller waits for it before it works."""
        informer = self.context.informers.informer(resource, **selection)
        if informer not in self._informers:
            self._informers.append(informer)
        return informer

    def watch(
        self,
        informer: Informer,
        on_add: Callable[[Obj], Any] | None = None,
        on_update: Callable[[Obj, Obj], Any] | None = None,
        on_delete: Callable[[Obj], Any] | None = None,
    ) -> None:
        """Call back on each change, as long as the controller runs."""
        self._registrations.append(informer.add_handler(on_add, on_update, on_delete))

    def follow(self, resource: str) -> Informer:
        """Each change of an object of this resource queues its own key."""
        informer = self.informer(resource)
        self.watch(
            informer,
            on_add=lambda obj: self.enqueue(key_of(obj), "ADDED", obj),
            on_update=lambda old, new: self.enqueue(key_of(new), "MODIFIED", new),
            on_delete=lambda obj: self.enqueue(key_of(obj), "DELETED", obj),
        )
        return informer

    def every(self, period: float, work: Callable[[], Any], what: str = "", jitter: float = 0.0) -> None:
        """Run `work` every `period` seconds as a background timer while the controller runs."""
        what = what or f"{self.name} resync"
        self._timers.append(self.loop.every(period, self.context.owner, work, what=what, jitter=jitter))

    def enqueue(self, key: str, event: str = "", about: Obj | None = None) -> None:
        """Reconcile `key` soon; `event` about an object is remembered for the record."""
        if about is not None:
            self.note(key, event, about)
        self.queue.add(key)

    def note(self, key: str, event: str, about: Obj) -> None:
        """Remember for the record of the next reconcile what was heard."""
        heard = self._heard.get(key)
        if heard is None:
            heard = self._heard[key] = []
        if len(heard) < HEARD_LIMIT:
            heard.append((event, f"{about['kind'].lower()}/{about['metadata']['name']}"))

    def resolve_controller(self, informer: Informer, obj: Obj, kind: str) -> Obj | None:
        """The object of `kind` in `informer` that controls `obj`, if the reference is true (uid and all)."""
        reference = controller_of(obj)
        if reference is None or reference["kind"] != kind:
            return None
        namespace = obj["metadata"].get("namespace")
        owner = informer.get(f"{namespace}/{reference['name']}" if namespace else reference["name"])
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return None
        return owner

    # -- saying -----------------------------------------------------------------------------------------

    def event(self, obj: Obj, type: str, reason: str, message: str, **more: Any) -> None:
        """Write an Event about `obj` and note it in the record."""
        self.round.said.append((type, reason, message))
        self.recorder.event(obj, type, reason, message, **more)

    def subject(self, key: str) -> str:
        """The record's subject for a key."""
        return f"{(self.kind or self.name).lower()}/{key}"

    def _work(self, key: str) -> None:
        heard = self._heard.pop(key, [])
        current = self.round = self.client.round = Round(heard)
        trace = self.loop.trace
        failures = self.queue.failures(key)
        cause = trace.cause
        number = trace.reserve()
        at = self.clock.elapsed()
        trace.cause = number
        failure: str | None = None
        given_up = self.max_retries is not None and failures >= self.max_retries
        try:
            self.reconcile(key)
        except (StatusError, OSError) as error:
            failure = error.message if isinstance(error, StatusError) else str(error)
            if not given_up:
                raise
        finally:
            self.client.round = None
            trace.cause = cause
            name, waiting = self.name, len(self.queue)
            retry = None
            if failure is not None and not given_up:
                retry = min(self.max_delay, self.base_delay * 2.0**failures)

            def came_in() -> Obj:
                return {
                    "controller": name,
                    "key": key,
                    "heard": [{"type": event, "object": about} for event, about in current.heard],
                    "desired": current.desired,
                    "observed": current.observed,
                    "difference": current.difference,
                    "expectations": current.expectations,
                    "queue": {"waiting": waiting, "failures": failures},
                }

            def came_out() -> Obj:
                refused = sum(1 for step in current.steps if step.verdict == "refuse")
                out: Obj = {
                    "writes": len(current.steps) - refused,
                    "refused": refused,
                    "events": [{"type": t, "reason": r, "message": m} for t, r, m in current.said],
                }
                if failure is not None:
                    out["error"] = failure
                    out["retry_in"] = retry
                return out

            trace.add(
                Record(
                    number,
                    at,
                    "reconcile",
                    self.context.owner,
                    self.subject(key),
                    lambda: sentence_of(name, key, current, failure, retry),
                    came_in,
                    current.steps,
                    came_out,
                    cause,
                )
            )


def sentence_of(name: str, key: str, current: Round, failure: str | None, retry: float | None) -> str:
    """One sentence about a reconcile: what is missing, what was done, what was refused."""
    refused = sum(1 for step in current.steps if step.verdict == "refuse")
    done = len(current.steps) - refused
    text = f"{name} looks at {key}"
    if isinstance(current.desired, int) and isinstance(current.observed, int):
        text += f", wants {current.desired} and sees {current.observed}"
    if not current.steps:
        text += ": nothing to do" if failure is None else ""
    else:
        text += f": {done} {'write' if done == 1 else 'writes'} done"
        if refused:
            text += f", {refused} refused"
    if retry is not None:
        text += f"; it will try again in {retry:g} s"
    elif failure is not None:
        text += "; it gives up"
    return text + "."
