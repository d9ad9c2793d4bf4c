"""Records: what views see of a request and of a watch event.

`keep` turns a finished context into a "request" record; `watch_recorder` makes the "watch" record of each
event before it is delivered, so that what receivers do is caused by it. Reading requests of components
(lists, watches, lease renewals) have `came_in["routine"]` set: views fold them. Heavy parts are made when
somebody looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from kubekit.api.exchange import Response, WatchStream, snug
from kubekit.api.meta import deep_copy
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.apiserver.context import Context
from kubekit.apiserver.metrics import UNSERVED, counted
from kubekit.apiserver.record_steps import steps_of
from kubekit.apiserver.watch_cache import CacheEvent, WatchCache, Watcher
from kubekit.sim import Record, Step

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

READING = frozenset({"get", "list", "watch"})
_VERB_WORDS = {
    "create": "creates",
    "update": "updates",
    "patch": "patches",
    "delete": "deletes",
    "deletecollection": "deletes all",
    "get": "reads",
    "list": "lists",
    "watch": "watches",
}

RETIRED = frozenset(
    (f"{group}/{version}", kind)
    for group, versions, kinds in (
        ("apps", "v1beta1 v1beta2", "Deployment StatefulSet"),
        ("apps", "v1beta2", "DaemonSet ReplicaSet"),
        ("extensions", "v1beta1", "Deployment DaemonSet ReplicaSet Ingress NetworkPolicy"),
        ("networking.k8s.io", "v1beta1", "Ingress IngressClass"),
        ("batch", "v1beta1", "CronJob"),
        ("policy", "v1beta1", "PodDisruptionBudget Eviction"),
        ("discovery.k8s.io", "v1beta1", "EndpointSlice"),
        ("events.k8s.io", "v1beta1", "Event"),
        ("autoscaling", "v2beta1 v2beta2", "HorizontalPodAutoscaler"),
        ("rbac.authorization.k8s.io", "v1beta1", "Role ClusterRole"),
        ("coordination.k8s.io", "v1beta1", "Lease"),
        ("storage.k8s.io", "v1beta1", "StorageClass"),
        ("scheduling.k8s.io", "v1beta1", "PriorityClass"),
    )
    for version in versions.split()
    for kind in kinds.split()
)
"""Versions that are served no more and that the decoder still knows."""


def refusal(ctx: Context, error: StatusError) -> Response:
    """The answer for a refusal."""
    headers = {"Content-Type": "application/json"}
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    return Response(error.code, error.status, headers)


def add_warnings(ctx: Context, answer: Response) -> None:
    """Put the Warning headers on an answer; several are separated by newlines."""
    texts = [f'299 - "{_escaped(text)}"' for text in ctx.warnings]
    answer.headers = {**answer.headers, "Warning": "\n".join(texts)}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def is_routine(ctx: Context) -> bool:
    """Whether views fold this request: components reading, and their lease renewals."""
    info = ctx.info
    if info.verb in READING:
        return ctx.request.user is not None and ctx.request.source != "user"
    return info.resource == "leases"


class Told:
    """What the record of a request is made of, until somebody looks.

    An object and not closures: a run of a thousand pods keeps ten thousand of these, and a closure is an
    object more for every variable in it.
    """

    __slots__ = (
        "body",
        "groups",
        "info",
        "method",
        "obj",
        "old",
        "patch",
        "path",
        "query",
        "read",
        "refusal",
        "revision",
        "routine",
        "source",
        "status",
        "subject",
        "user",
        "writes",
    )  # fmt: skip

    def __init__(self, ctx: Context, answer: Response | WatchStream, source: str, subject: str) -> None:
        request, status = ctx.request, answer.status
        self.info = ctx.info
        self.method, self.path, self.query = request.method, request.path, request.query
        self.user, self.groups, self.source, self.subject = ctx.user.name, ctx.user.groups, source, subject
        # As it was sent: what the server made of it (defaults, admission) is the object. People go on to
        # change an object that they have sent; a component makes a new one each time.
        self.body, self.patch = request.body, ctx.patch
        if isinstance(self.body, dict) and not self.user.startswith("system:"):
            self.body = _kept(self.body)
        self.obj, self.old, self.revision, self.writes = ctx.object, ctx.old, ctx.revision, ctx.writes
        self.routine = is_routine(ctx) if ctx.info.verb in READING else ctx.info.resource == "leases"
        self.read = _read(answer) if ctx.info.verb == "get" else ""
        self.status = status
        self.refusal = answer.body if isinstance(answer, Response) and status >= 400 else None

    def came_in(self) -> Obj:
        """The request."""
        info, patch = self.info, self.patch
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "verb": info.verb,
            "resource": info.resource,
            "subresource": info.subresource,
            "group": info.group,
            "namespace": info.namespace,
            "name": info.name,
            "user": self.user,
            "groups": list(self.groups),
            "source": self.source,
            "body": _value(self.body) if patch is None else None,
            "patch": None if patch is None else patch["type"],
            "patch_body": None if patch is None else _text(patch["body"]),
            "routine": self.routine,
        }

    def came_out(self) -> Obj:
        """The answer, the version that was read, and what was written."""
        out: Obj = {"status": self.status, "revision": self.revision}
        if self.refusal is not None:
            out["refusal"] = self.refusal
        if self.read:
            out["read"] = self.read
        if self.obj is not None:
            out["object"] = self.obj
        if self.old is not None:
            out["before"] = self.old
        if self.writes:
            out["writes"] = [{"key": k, "condition": c, "revision": r} for k, c, r in self.writes]
        return out

    def sentence(self) -> str:
        """Who did what to whom."""
        info, refusal = self.info, self.refusal
        if self.status >= 400:
            why = refusal.get("message", "") if isinstance(refusal, dict) else ""
            refused = f"{self.method} {self.path} is refused with {self.status}"
            return f"{self.source} may not or cannot do this: {refused}. {why}".rstrip()
        word = _VERB_WORDS.get(info.verb, info.verb)
        sub = f"/{info.subresource}" if info.subresource else ""
        written = f" (revision {self.revision})" if self.revision else ""
        return f"{self.source} {word} {self.subject or self.path}{sub}{written}."


class ToldOfWrite(Told):
    """The same of a write, which also was defaulted and changed by plugins."""

    __slots__ = ("changes", "custom", "resource", "steps")

    def __init__(self, ctx: Context, answer: Response | WatchStream, source: str, subject: str) -> None:
        super().__init__(ctx, answer, source, subject)
        self.steps, self.changes, self.resource, self.custom = (
            ctx.steps,
            ctx.changes,
            ctx.resource,
            ctx.custom,
        )

    def __call__(self) -> list[Step]:
        """What was asked on the way, and what changed the object."""
        return steps_of(self)


def keep(ctx: Context, answer: Response | WatchStream, caused_by: int | None, took: int) -> None:
    """Add the record of a finished request to the trace; `took` is in nanoseconds."""
    server, info = ctx.server, ctx.info
    # Of what nothing serves there may be any number of names: those are counted together.
    if info.is_resource:
        served = ctx.resource is not None or server.scope(info.group, info.version, info.resource) is not None
    else:
        served = answer.status < 400
    key = counted(info if served else UNSERVED, answer.status, ctx.dry_run)
    server.counts[key] = server.counts.get(key, 0) + 1
    loop = server.loop
    source, subject = ctx.request.source or ctx.user.name, ctx.subject
    if info.verb == "create" and subject.endswith("/"):
        # A refused object has no stored form; what was sent says which one was meant.
        made = ctx.object if ctx.object is not None else ctx.body_obj
        metadata = made.get("metadata") if isinstance(made, dict) else None
        if isinstance(metadata, dict):
            subject += str(metadata.get("name", ""))
    told: Told
    steps: Any
    if info.verb in READING:
        # Nothing is written by a read.
        told, steps = Told(ctx, answer, source, subject), ctx.steps
    else:
        told = steps = ToldOfWrite(ctx, answer, source, subject)
    record = Record(
        ctx.record,
        loop.clock.elapsed(),
        "request",
        server.name,
        subject,
        told.sentence,
        told.came_in,
        steps,
        told.came_out,
        caused_by,
        took,
    )
    loop.trace.add(record)


def _kept(body: Obj) -> bytes | Obj:
    """A body as it is now, whatever becomes of it: as text, which is the smallest form."""
    if not body:
        return {}
    try:
        return snug(orjson.dumps(body, None, _PLAIN))
    except TypeError:
        copied: Obj = deep_copy(body)
        return copied


def _value(body: Any) -> Any:
    """A body that came over a socket as the value it stands for, or as text where it is none."""
    if not isinstance(body, bytes) or not body:
        return body or None
    try:
        return json.loads(body)
    except ValueError:
        return _text(body)


def _read(answer: Response | WatchStream) -> str:
    """The version of the object that a reader was given; "" where the answer is none."""
    body = answer.body if isinstance(answer, Response) and answer.status == 200 else None
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return str(metadata.get("resourceVersion") or "") if isinstance(metadata, dict) else ""


def _text(body: Any) -> Any:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body


class Heard:
    """What the record of a watch event is made of, until somebody looks."""

    __slots__ = ("event", "listeners", "server", "subject")

    def __init__(self, server: str, subject: str, event: CacheEvent, told: list[tuple[Watcher, str]]) -> None:
        self.server = server
        self.subject = subject
        self.event = event
        self.listeners = [(w.source, verdict, w.route, w.matches is not None) for w, verdict in told]

    def steps(self) -> list[Step]:
        """Each watcher, and what it was told."""
        event = self.event
        return [
            Step(source, "pass", _why(verdict, event, selective), {"type": verdict, "route": list(route)})
            for source, verdict, route, selective in self.listeners
        ]

    def sentence(self) -> str:
        """How many were told."""
        count, what = len(self.listeners), self.event.type.lower()
        return f"{self.server} tells {count} watcher(s) that {self.subject} was {what}."

    def came_out(self) -> Obj:
        """The event."""
        event = self.event
        return {"type": event.type, "revision": event.revision, "object": event.new or event.old}


def watch_recorder(
    server: APIServer, resource: Resource
) -> Callable[[WatchCache, CacheEvent, list[tuple[Watcher, str]]], int | None]:
    """What makes the "watch" record of each event of a resource; its id is the cause of what receivers do."""
    singular = resource.singular or resource.kind.lower()
    quiet = resource.plural == "leases"

    def record(cache: WatchCache, event: CacheEvent, told: list[tuple[Watcher, str]]) -> int | None:
        trace = server.loop.trace
        if quiet or not told:
            return trace.cause
        metadata = (event.new or event.old or {}).get("metadata") or {}
        namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
        subject = f"{singular}/{namespace}/{name}" if namespace else f"{singular}/{name}"
        heard = Heard(server.name, subject, event, told)
        came_in = {"revision": event.revision, "type": event.type}
        made = trace.emit("watch", server.name, subject, heard.sentence, came_in, heard.steps, heard.came_out)
        return made.id

    return record


def _why(verdict: str, event: CacheEvent, selective: bool) -> str:
    if not selective or verdict == event.type:
        return f"{verdict}"
    if verdict == "ADDED":
        return "its selector matches now and did not before: ADDED"
    return "its selector matched before and does not now: DELETED"
