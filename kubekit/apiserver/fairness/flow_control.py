"""Flow control: every request's flow schema, and the seats of its priority level.

The pipeline asks `classify` for the `Flow` of a request, takes a seat with `enter` and gives it back with
`leave`. A level has ``seats * its shares / all shares`` of the server's seats, rounded up, and lends and
borrows some (`borrowing`). What is found for a kind of request is remembered until a flow schema or a level
changes. `maintain` keeps the mandatory
objects as they must be, and says in each schema's status whether its level exists. Upstream:
apiserver/pkg/util/flowcontrol/apf_controller.go, apiserver/pkg/server/filters/priority-and-fairness.go.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import UserInfo
from kubekit.apiserver.fairness import defaults
from kubekit.apiserver.fairness.borrowing import PERIOD, share_out
from kubekit.apiserver.fairness.level import Level, shares_of
from kubekit.apiserver.fairness.matching import matches, order
from kubekit.apiserver.request_info import RequestInfo
from kubekit.apiserver.storage import StoreUnavailable
from kubekit.apiserver.watch_cache import CacheEvent
from kubekit.sim import Step, rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

GROUP = "flowcontrol.apiserver.k8s.io"
MAX_REMEMBERED = 4096
MAINTAIN_SECONDS = 60.0


class Flow:
    """What is said of all requests of a sort: schema, level, the answer's headers, the step of the record."""

    __slots__ = ("by", "headers", "level", "schema", "served", "step")

    def __init__(self, schema: Obj, level: Level) -> None:
        self.schema: str = schema["metadata"]["name"]
        self.level = level
        self.by: str = (schema["spec"].get("distinguisherMethod") or {}).get("type", "")
        """By what the schema's flows are told apart: ByUser, ByNamespace or not at all."""
        self.served = 0
        """Requests that were served and are not yet counted by the level."""
        self.headers = {
            "X-Kubernetes-PF-FlowSchema-UID": schema["metadata"].get("uid", ""),
            "X-Kubernetes-PF-PriorityLevel-UID": level.uid,
        }
        seats = "without limit" if level.limit is None else f"{level.limit} seats"
        self.step = Step(
            "Priority and fairness",
            "pass",
            f"flow schema {self.schema}, priority level {level.name} ({seats})",
            {"schema": self.schema, "level": level.name, "seats": level.limit},
        )


class FlowControl:
    """Priority and fairness of one server."""

    def __init__(self, server: APIServer, reading: int = 400, mutating: int = 200) -> None:
        self.server = server
        self.seats = reading + mutating
        """--max-requests-inflight and --max-mutating-requests-inflight: together the server's seats."""
        self.executing: list[Context] = []
        """Requests that have a seat, outermost first: each was made inside of the one before."""
        self.fraction = 0.0
        """How much of its target every level got that no bound held, when seats were last shared out."""
        self._levels: dict[str, Level] = {}
        self._schemas: list[Obj] = []
        self._fresh = False
        self._flows: dict[tuple[Any, ...], Flow] = {}
        self._due = False
        self.generation = 0
        """Grows whenever the flows that were given before count no longer."""
        for plural in ("flowschemas", "prioritylevelconfigurations"):
            server.store(GROUP, plural).cache.changes.append(self._changed)

    def start(self) -> None:
        """Begin with what is there, and look after it from now on."""
        self.forget()
        self.boot()
        loop, what = self.server.loop, "keep the mandatory flow schemas"
        loop.every(MAINTAIN_SECONDS, self.server.name, self._look, what=what)
        loop.every(PERIOD, self.server.name, self._share_out, what="share out the seats of priority levels")

    def _changed(self, event: CacheEvent) -> None:
        self.forget()
        if not self._due:
            self._due = True
            self.server.loop.call_soon(self.server.name, self._look, what="status of flow schemas")

    def _look(self) -> None:
        self._due = False
        with contextlib.suppress(StoreUnavailable):
            self.maintain()

    def forget(self) -> None:
        """Something changed: the next request finds out."""
        self._fresh = False
        self._count()
        self._flows.clear()
        self.generation += 1

    def _share_out(self) -> None:
        self._read()
        self.fraction = share_out(self._levels.values())

    def _count(self) -> None:
        """Let the levels count what was served since the last time."""
        for flow in self._flows.values():
            if flow.served:
                counted = flow.level.served
                counted[flow.schema] = counted.get(flow.schema, 0) + flow.served
                flow.served = 0

    def classify(self, user: UserInfo, info: RequestInfo) -> Flow:
        """The flow of a request."""
        key = (
            user.name,
            user.groups,
            info.verb,
            info.group,
            info.resource,
            info.subresource,
            info.namespace,
            "" if info.is_resource else info.path,
        )
        found = self._flows.get(key)
        if found is None:
            found = self._find(user, info)
            if len(self._flows) >= MAX_REMEMBERED:
                self._count()
                self._flows.clear()
                self.generation += 1
            self._flows[key] = found
        return found

    def enter(self, flow: Flow, ctx: Context) -> bool:
        """Take a seat; False when the level has none left. A level that serves nobody always serves one."""
        level = flow.level
        taken = level.taken
        if taken and level.current is not None and taken >= level.current:
            level.reject(flow.schema)
            return False
        level.taken = taken + 1
        if taken >= level.high:
            level.high = taken + 1
        flow.served += 1
        self.executing.append(ctx)
        return True

    def leave(self, flow: Flow) -> None:
        """Give the seat back."""
        flow.level.taken -= 1
        self.executing.pop()

    def levels(self) -> list[Level]:
        """The levels by name, with what they have counted."""
        self._read()
        self._count()
        return [self._levels[name] for name in sorted(self._levels)]

    # -- what there is ----------------------------------------------------------------------------------

    def _find(self, user: UserInfo, info: RequestInfo) -> Flow:
        self._read()
        for schema in self._schemas:
            level = self._levels.get(schema["spec"]["priorityLevelConfiguration"]["name"])
            if level is not None and matches(schema, user, info):
                return Flow(schema, level)
        # Nobody is nobody's: the last schema takes whoever is left.
        return Flow(self._schemas[-1], self._levels["catch-all"])

    def _read(self) -> None:
        if self._fresh:
            return
        self._fresh = True
        objects = {o["metadata"]["name"]: o for o in self._stored("prioritylevelconfigurations")}
        for manifest in defaults.levels()[:2]:
            # While the object is missing, it is imagined.
            objects.setdefault(manifest["metadata"]["name"], manifest)
        total = sum(shares_of(obj) for obj in objects.values()) or 1
        known, self._levels = self._levels, {}
        for name, obj in objects.items():
            # The same one as before, if there was one: who has a seat must give it back there.
            level = self._levels[name] = known.get(name) or Level(name)
            level.configure(obj, self.seats, total)
        self.fraction = share_out(self._levels.values())
        schemas = {o["metadata"]["name"]: o for o in self._stored("flowschemas")}
        made = defaults.schemas()
        for manifest in (made[0], made[-1]):
            schemas.setdefault(manifest["metadata"]["name"], manifest)
        self._schemas = sorted(schemas.values(), key=order)

    def _stored(self, plural: str) -> list[Obj]:
        return self.server.store(GROUP, plural).cache.span()

    # -- what must be -----------------------------------------------------------------------------------

    def boot(self) -> None:
        """Make what is missing of the mandatory and the suggested objects."""
        self._ensure(defaults.levels(), defaults.schemas())

    def _ensure(self, levels: list[Obj], schemas: list[Obj]) -> None:
        """Make objects that are missing, complete with their status, in one write each."""
        now = rfc3339(self.server.loop.clock.now())
        rng = self.server.loop.rng.child(f"{self.server.name}/flow control@{now}")
        for manifest in (*levels, *schemas):
            schema = manifest["kind"] == "FlowSchema"
            store = self.server.store(GROUP, "flowschemas" if schema else "prioritylevelconfigurations")
            key = store.key("", manifest["metadata"]["name"])
            if key in store.cache.objects or key in store.cache.broken:
                continue
            name, annotations = manifest["metadata"]["name"], manifest["metadata"]["annotations"]
            metadata = {"name": name, "uid": rng.uuid(), "generation": 1, "creationTimestamp": now}
            status = {"conditions": [self._condition(manifest, True)]} if schema else {}
            obj = {**manifest, "metadata": {**metadata, "annotations": annotations}, "status": status}
            store.cache.storage.create(key, obj)

    def maintain(self) -> None:
        """Make mandatory objects that are missing, and tell each schema whether its level exists."""
        made = defaults.schemas()
        self._ensure(defaults.levels()[:2], [made[0], made[-1]])
        levels = {obj["metadata"]["name"] for obj in self._stored("prioritylevelconfigurations")}
        store = self.server.store(GROUP, "flowschemas")
        for schema in self._stored("flowschemas"):
            name = schema["spec"]["priorityLevelConfiguration"]["name"]
            condition = self._condition(schema, name in levels)
            present = (schema.get("status") or {}).get("conditions") or []
            old: Obj = next((one for one in present if one.get("type") == "Dangling"), {})
            if old.get("status") == condition["status"] and old.get("message") == condition["message"]:
                continue
            others = [one for one in present if one is not old]
            status = {**(schema.get("status") or {}), "conditions": [*others, condition]}
            metadata = schema["metadata"]
            store.cache.storage.update(
                store.key("", metadata["name"]),
                {**schema, "status": status},
                int(metadata["resourceVersion"]),
            )

    def _condition(self, schema: Obj, exists: bool) -> Obj:
        """Whether a schema's level is missing."""
        name = schema["spec"]["priorityLevelConfiguration"]["name"]
        what = f'This FlowSchema references the PriorityLevelConfiguration object named "{name}"'
        return {
            "type": "Dangling",
            "status": "False" if exists else "True",
            "lastTransitionTime": rfc3339(self.server.loop.clock.now()),
            "reason": "Found" if exists else "NotFound",
            "message": f"{what} and it exists" if exists else f"{what} but there is no such object",
        }


def full() -> errors.StatusError:
    """The answer to who finds no seat."""
    return errors.too_many_requests("Too many requests, please try again later.", 1)
