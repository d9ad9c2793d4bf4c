"""The trail of one request in the audit: its events, stage by stage.

The pipeline makes a `Trail` once it knows who asks; what decides about the request adds annotations
(`Context.annotate`), and the answer ends it: `answered`, or `panicked` when the server itself failed. A
watch is answered when it begins (ResponseStarted) and complete when its stream is closed.

    {"kind":"Event","level":"Metadata","stage":"ResponseComplete","verb":"delete","user":{"username":"eve"},
     "objectRef":{"resource":"pods","name":"web"},"responseStatus":{"code":403}, "annotations":{...}}

Upstream: apiserver/pkg/audit (request.go, context.go), apiserver/pkg/endpoints/filters/audit.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from kubekit.api.exchange import Response, UserInfo, WatchStream
from kubekit.api.status_error import StatusError
from kubekit.apiserver.audit.policy import Plan
from kubekit.sim import rfc3339_micro

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

LONGEST_AGENT = 1024


class Trail:
    """One request's way through the audit."""

    def __init__(self, ctx: Context, keep: Callable[[Obj], None], plan: Plan, audit_id: str) -> None:
        self.plan = plan
        self.audit_id = audit_id
        self.annotations: dict[str, str] = {}
        self._ctx = ctx
        self._keep = keep
        self._received = self._now()
        self._user = ctx.user
        self._sent: Any = None

    def sent(self, value: Any) -> None:
        """What came in as the body, once it is decoded (or a patch, as it is)."""
        # A copy: what the object becomes on its way is not what was sent.
        self._sent = _decoded(value)

    def received(self) -> None:
        """The request has come in."""
        self._stage("RequestReceived")

    def decided(self, allowed: bool, reason: str) -> None:
        """What authorization said."""
        self.annotations["authorization.k8s.io/decision"] = "allow" if allowed else "forbid"
        self.annotations["authorization.k8s.io/reason"] = reason

    def answered(self, answer: Response | WatchStream) -> None:
        """The answer goes out; a stream's end is told later."""
        answer.headers = {**answer.headers, "Audit-Id": self.audit_id}
        if isinstance(answer, WatchStream):
            status: Obj = {"metadata": {}, "code": answer.status}
            self._stage("ResponseStarted", status)
            answer.on_close(lambda: self._stage("ResponseComplete", status))
            return
        body = _decoded(answer.body) if self._ctx.info.is_resource else None
        status = _status(answer.status, body)
        shown = body if self.plan.wants("RequestResponse") else None
        if self._ctx.info.long_running:
            self._stage("ResponseStarted", status)
        self._stage("ResponseComplete", status, shown)

    def refused(self, error: StatusError) -> None:
        """The request was refused."""
        shown = error.status if self.plan.wants("RequestResponse") and self._ctx.info.is_resource else None
        status = _status(error.code, error.status)
        if self._ctx.info.long_running:
            self._stage("ResponseStarted", status)
        self._stage("ResponseComplete", status, shown)

    def failed(self, text: str) -> None:
        """The store did not answer."""
        self._stage("ResponseComplete", {"metadata": {}, "status": "Failure", "message": text, "code": 500})

    def panicked(self, error: Exception) -> None:
        """The server itself failed."""
        text = f"APIServer panic'd: {error}"
        status = {
            "metadata": {},
            "status": "Failure",
            "message": text,
            "reason": "InternalError",
            "code": 500,
        }
        self._stage("Panic", status)

    def unauthenticated(self, attempted: str) -> None:
        """Nobody vouches for the request's credentials: there is this one event."""
        self._stage(
            "ResponseStarted", {"metadata": {}, "status": "Failure", "message": attempted, "code": 401}
        )

    # -- one event --------------------------------------------------------------------------------------

    def _now(self) -> str:
        return rfc3339_micro(self._ctx.server.loop.clock.now())

    def _stage(self, stage: str, status: Obj | None = None, shown: Any = None) -> None:
        plan, ctx = self.plan, self._ctx
        if stage in plan.omitted:
            return
        request = ctx.request
        event: Obj = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": plan.level,
            "auditID": self.audit_id,
            "stage": stage,
            "requestURI": _uri(request.path, request.query),
            "verb": ctx.info.verb,
            "user": _user(self._user),
        }
        if ctx.user is not self._user:
            event["impersonatedUser"] = _user(ctx.user)
        event["sourceIPs"] = [request.headers.get("x-kubekit-remote", "") or "127.0.0.1"]
        agent = request.headers.get("user-agent", "") or request.source
        if len(agent) > LONGEST_AGENT:
            agent = agent[:LONGEST_AGENT] + "...TRUNCATED"
        if agent:
            event["userAgent"] = agent
        if ctx.info.is_resource:
            event["objectRef"] = self._reference()
        if status is not None:
            event["responseStatus"] = status
        if self._sent is not None and plan.wants("Request"):
            event["requestObject"] = self._bare(self._sent)
        if shown is not None:
            event["responseObject"] = self._bare(deepcopy(shown))
        event["requestReceivedTimestamp"] = self._received
        event["stageTimestamp"] = self._now()
        if self.annotations:
            event["annotations"] = dict(self.annotations)
        self._keep(event)

    def _reference(self) -> Obj:
        """What is asked about; the object that was sent fills in what the path does not say."""
        info = self._ctx.info
        sent = self._sent.get("metadata") if isinstance(self._sent, dict) else None
        metadata: Obj = sent if isinstance(sent, dict) and info.verb in ("create", "update") else {}
        found = {
            "resource": info.resource,
            "namespace": info.namespace or metadata.get("namespace", ""),
            "name": info.name or metadata.get("name", ""),
            "uid": metadata.get("uid", ""),
            "apiGroup": info.group,
            "apiVersion": info.version,
            "resourceVersion": metadata.get("resourceVersion", ""),
            "subresource": info.subresource,
        }
        return {key: value for key, value in found.items() if value}

    def _bare(self, value: Any) -> Any:
        """The value, which is the trail's own, less managedFields when the policy wants it so."""
        if self.plan.without_managed_fields and isinstance(value, dict):
            rows = [row.get("object") for row in value.get("rows") or () if isinstance(row, dict)]
            for obj in (value, *(value.get("items") or ()), *rows):
                metadata = obj.get("metadata") if isinstance(obj, dict) else None
                if isinstance(metadata, dict):
                    metadata.pop("managedFields", None)
        return value


def _user(user: UserInfo) -> Obj:
    found: Obj = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found


def _uri(path: str, query: dict[str, list[str]]) -> str:
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def _decoded(body: Any) -> Any:
    """A body as JSON, the audit's own copy; None when there is none or it cannot be read."""
    if body is None or body == b"":
        return None
    if not isinstance(body, (bytes, str)):
        return deepcopy(body)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _status(code: int, body: Any) -> Obj:
    """The answer in short: its code, and what a Status says."""
    found: Obj = {"metadata": {}}
    if isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1":
        found |= {key: body[key] for key in ("status", "message", "reason", "details") if body.get(key)}
    return {**found, "code": code}
