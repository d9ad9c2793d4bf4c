"""What if: the decision that would be made, without making it.

A `Situation` is everything a decision depends on, as it is at one moment: the snapshot, the objects that
plugins read, the nominated pods and the profiles. `decide` runs the very algorithm of the scheduler over
it, after hypothetical changes (`changes`), and returns the whole decision record; it is a function: nothing
in the cluster, the cache or the situation changes, no event is written, nobody is preempted. A pod that has
a node already is thought away from it first ("where would it go now?").

    situation = Situation.of(cluster.scheduler)
    situation.decide("shop/web", [SetWeight("ImageLocality", 10)]).sentence

`Situation.of_objects` makes one from plain API objects, e.g. those of a real cluster. What would make
another node win is searched for in `suggestions`.

Source: none; the original decides only for real (its parts are those of schedule_one.go).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.scheduler.algorithm import Algorithm, AttemptFailed
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.changes import Change
from kubekit.scheduler.config import DEFAULT_SCHEDULER, SchedulerConfig
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.fit_error import FitError, NoNodesAvailable
from kubekit.scheduler.framework.plugin import Lister, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.hypothesis import Hypothesis, UnknownPod
from kubekit.scheduler.preemption import leave_findings
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

__all__ = ["Answer", "Bystander", "Objects", "Situation", "UnknownPod", "decide", "key_of"]

Obj = dict[str, Any]
Objs = list[Obj]
"""Inside the class `list` is a method."""

OVER = ("Succeeded", "Failed")


class Objects:
    """Objects of one resource, as a plugin's lister shows them; a copy of the references at one moment."""

    def __init__(self, objects: Iterable[Obj]) -> None:
        self._by_key = {key_of(obj): obj for obj in objects}

    def get(self, key: str) -> Obj | None:
        """The object of this key."""
        return self._by_key.get(key)

    def list(self) -> Objs:
        """All of them."""
        return list(self._by_key.values())

    def by_index(self, name: str, value: str) -> Objs:
        """Those of a namespace."""
        return [obj for obj in self._by_key.values() if obj["metadata"].get("namespace", "") == value]


def key_of(obj: Obj) -> str:
    """``namespace/name``, or the name."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


class Bystander:
    """The handle of plugins that may look but not act: nobody is preempted, nothing is written."""

    client = None

    def __init__(
        self,
        snapshot: Snapshot,
        listers: Mapping[str, Lister] | None = None,
        nominated: Mapping[str, list[PodInfo]] | None = None,
        now: float = 0.0,
    ) -> None:
        self.snapshot = snapshot
        self._listers = dict(listers or {})
        self._nominated = dict(nominated or {})
        self._now = now

    def lister(self, resource: str) -> Lister:
        """The objects of a resource; none of a resource that nobody knows."""
        return self._listers.setdefault(resource, Objects(()))

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def choose(self, items: list[str]) -> str:
        """The first of several equals: a hypothetical draw must not shift the real ones."""
        return items[0]

    def nominated_pods(self, node: str) -> list[PodInfo]:
        """Pods that were promised the node."""
        return self._nominated.get(node, [])

    def nominated_nodes(self) -> Collection[str]:
        """The nodes that pods were promised."""
        return self._nominated.keys()

    def preempt(self, pod: PodInfo, node: str, victims: list[PodInfo], framework: Framework) -> None:
        """Nobody is: who would have to go is in the record."""

    def preempting(self, pod: PodInfo) -> bool:
        """Nobody is."""
        return False


def decide(
    framework: Framework,
    snapshot: Snapshot,
    pod: PodInfo,
    *,
    percentage: int = 0,
    start: int = 0,
    arrays: bool | None = None,
) -> tuple[Attempt, int]:
    """One decision over a snapshot: (what it came to, where the next search would begin).

    Among equals the first is taken (`attempt.tied` has all of them).
    """
    attempt = Attempt(pod, framework)
    attempt.hypothetical = True
    algorithm = Algorithm(snapshot, FirstOfAll(), percentage, arrays)
    algorithm.next_start = start
    state = CycleState()
    try:
        algorithm.schedule(framework, state, pod, attempt)
    except FitError as nothing:
        nominated, said = framework.run_post_filter(state, pod, attempt.diagnosis.statuses)
        attempt.diagnosis.post_filter_message = said.message
        attempt.post_filter, attempt.nominated = said, nominated
        leave_findings(state, attempt)
        attempt.message = nothing.text
    except NoNodesAvailable as nobody:
        attempt.message = str(nobody)
    except AttemptFailed as failed:
        attempt.message, attempt.error = failed.status.message, True
    return attempt, algorithm.next_start


class FirstOfAll(Rng):
    """Chance that always draws the first."""

    def choice(self, items: Any) -> Any:
        """The first of `items`."""
        return items[0]


class Answer(NamedTuple):
    """A hypothetical decision: the node ("" for none), the attempt with everything, and what was changed."""

    node: str
    attempt: Attempt
    changes: tuple[Change, ...]

    @property
    def sentence(self) -> str:
        """One plain sentence."""
        if not self.changes:
            return self.attempt.sentence()
        return f"If {', and '.join(change.sentence for change in self.changes)}: {self.attempt.sentence()}"

    def record(self) -> Obj:
        """The decision record, in the form of a real one."""
        attempt = self.attempt
        return {
            "kind": "schedule",
            "hypothetical": [change.sentence for change in self.changes],
            "subject": f"pod/{attempt.pod.namespace}/{attempt.pod.name}",
            "sentence": self.sentence,
            "came_in": attempt.came_in(),
            "steps": [step.to_json() for step in attempt.steps()],
            "came_out": attempt.came_out(),
        }


class Situation:
    """All that a decision depends on, at one moment; never changed."""

    def __init__(
        self,
        snapshot: Snapshot,
        pods: Mapping[str, PodInfo],
        listers: Mapping[str, Lister],
        config: SchedulerConfig,
        *,
        added: Iterable[tuple[type[Plugin], int, Obj]] = (),
        nominated: Mapping[str, list[PodInfo]] | None = None,
        now: float = 0.0,
    ) -> None:
        self.snapshot = snapshot
        self.pods = pods
        """Every pod by ``namespace/name``, with a node or without."""
        self.listers = listers
        self.config = config
        self.added = tuple(added)
        self.nominated = dict(nominated or {})
        self.now = now

    @staticmethod
    def of(scheduler: Scheduler) -> Situation:
        """The present situation of a running scheduler. The cost grows with the number of nodes and pods."""
        scheduler.cache.update_snapshot(scheduler.snapshot)
        pods = {pod.key: pod for pod in scheduler.cache.pods.values()}
        for obj in scheduler.lister("pods").list():
            if key_of(obj) not in pods:
                pods[key_of(obj)] = PodInfo(obj)
        nominator = scheduler.queue.nominator
        return Situation(
            scheduler.snapshot.fork(),
            pods,
            {resource: Objects(lister.list()) for resource, lister in scheduler.listers().items()},
            scheduler.config,
            added=scheduler.added_plugins(),
            nominated={node: list(nominator.on_node(node)) for node in nominator.nodes},
            now=scheduler.now(),
        )

    @staticmethod
    def of_objects(
        objects: Mapping[str, Sequence[Obj]], config: Obj | str | None = None, now: float = 0.0
    ) -> Situation:
        """A situation from API objects by resource (``nodes``, ``pods``, ``services``...)."""
        cache, snapshot = Cache(), Snapshot()
        for node in objects.get("nodes", ()):
            cache.add_node(node)
        pods: dict[str, PodInfo] = {}
        nominated: dict[str, list[PodInfo]] = {}
        for obj in objects.get("pods", ()):
            if (obj.get("status") or {}).get("phase") in OVER:
                continue
            pod = pods[key_of(obj)] = PodInfo(obj)
            if pod.node_name:
                cache.add_pod(obj)
            elif pod.nominated_node:
                nominated.setdefault(pod.nominated_node, []).append(pod)
        cache.update_snapshot(snapshot)
        listers: dict[str, Lister] = {resource: Objects(found) for resource, found in objects.items()}
        return Situation(snapshot, pods, listers, SchedulerConfig(config), nominated=nominated, now=now)

    def pod(self, pod: str | Obj | PodInfo) -> PodInfo:
        """A pod by ``namespace/name`` (or ``name`` in default), or one that does not exist yet."""
        if isinstance(pod, PodInfo):
            return pod
        if isinstance(pod, str):
            found = self.pods.get(pod if "/" in pod else f"default/{pod}")
            if found is None:
                raise UnknownPod(f'pods "{pod}" not found')
            return found
        return PodInfo(pod)

    def decide(self, pod: str | Obj | PodInfo, changes: Iterable[Change] = ()) -> Answer:
        """Where the pod would go, were things changed like this.

        Raises `UnknownPod`, and `changes.Impossible` for a change that cannot be made.
        """
        changes = tuple(changes)
        info = self.pod(pod)
        thought = Hypothesis(self.snapshot, info)
        for change in changes:
            change.apply(thought)
        snapshot, info = thought.outcome()
        framework = self.framework(info.scheduler_name, snapshot, thought.weights)
        attempt, _ = decide(framework, snapshot, info, percentage=self.config.percentage_of_nodes_to_score)
        return Answer(attempt.node, attempt, changes)

    def with_pod_on(self, pod: PodInfo, node: str) -> Situation:
        """The situation once the pod is on the node."""
        placed = pod.on_node(node)
        known = self.snapshot.get(node)
        assert known is not None
        info = known.clone()
        info.add_pod(placed)
        snapshot = self.snapshot.fork()
        snapshot.refresh([info])
        return Situation(
            snapshot,
            {**self.pods, placed.key: placed},
            self.listers,
            self.config,
            added=self.added,
            nominated=self.nominated,
            now=self.now,
        )

    def plan(self, pods: Iterable[PodInfo]) -> list[Answer]:
        """Where these pods would go, one after the other in the order of the queue, each on top of the last.

        A pod that would have to preempt others is not placed: the record says whom it would preempt.
        """
        waiting = sorted(enumerate(pods), key=lambda entry: (-entry[1].priority, entry[0]))
        snapshot = self.snapshot.fork()
        frameworks: dict[str, Framework] = {}
        start, found = 0, []
        for _, pod in waiting:
            profile = pod.scheduler_name
            if profile not in frameworks:
                frameworks[profile] = self.framework(profile, snapshot)
            percentage = self.config.percentage_of_nodes_to_score
            attempt, start = decide(frameworks[profile], snapshot, pod, percentage=percentage, start=start)
            found.append(Answer(attempt.node, attempt, ()))
            if attempt.node:
                info = snapshot.by_name[attempt.node].clone()
                info.add_pod(pod.on_node(attempt.node))
                snapshot.refresh([info])
        return found

    def framework(
        self, profile: str, snapshot: Snapshot, weights: Mapping[str, int] | None = None
    ) -> Framework:
        """A profile whose plugins look at this situation only."""
        handle = Bystander(snapshot, self.listers, self.nominated, self.now)
        built = self.config.build(handle)
        framework = built.get(profile) or built.get(DEFAULT_SCHEDULER) or next(iter(built.values()))
        for plugin, weight, args in self.added:
            framework.add(plugin(handle, args), weight)
        for name, weight in (weights or {}).items():
            framework.weigh(name, weight)
        return framework
