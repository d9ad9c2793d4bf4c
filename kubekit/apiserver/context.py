"""The context of one request: what the filters and the endpoint learn about it on its way.

`APIServer` makes one `Context` a request; each filter adds a step (what was asked, the verdict, the reason),
the endpoint adds what it wrote. At the end the server turns the context into one "request" record. Do not
keep a context after its request was answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import Request, UserInfo
from kubekit.apiserver.request_info import RequestInfo
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.api.resources import Resource
    from kubekit.apiserver.audit.trail import Trail
    from kubekit.apiserver.custom.kind import CustomKind
    from kubekit.apiserver.fairness.flow_control import Flow
    from kubekit.apiserver.server import APIServer
    from kubekit.apiserver.stopwatch import Stopwatch

Obj = dict[str, Any]

Write = tuple[str, str, int]
"""A write to the store: the key, its condition (``put if new``, ``put if mod = 41``), its revision."""

ANONYMOUS = UserInfo("system:anonymous", "", ("system:unauthenticated",))
NO_INFO = RequestInfo("", "")


def step_of(one: Step | Write) -> Step:
    """A step, also one that a write stands for."""
    if isinstance(one, Step):
        return one
    key, condition, revision = one
    return Step("etcd", "pass", f"{condition}, rev {revision}", {"key": key, "rev": revision})


class Context:
    """One request on its way through the pipeline."""

    __slots__ = (
        "body_obj",
        "changes",
        "custom",
        "dry_run",
        "flow",
        "info",
        "known_qos",
        "object",
        "old",
        "patch",
        "record",
        "request",
        "resource",
        "revision",
        "server",
        "steps",
        "stopwatch",
        "subject",
        "trail",
        "user",
        "warnings",
        "writes",
    )

    def __init__(self, server: APIServer, request: Request) -> None:
        self.server = server
        self.request = request
        self.info: RequestInfo = NO_INFO
        self.user: UserInfo = ANONYMOUS
        self.steps: list[Step | Write] = []
        """What was asked on the way; a write stands for the step that is made of it when somebody looks."""
        self.warnings: list[str] = []
        self.resource: Resource | None = None
        self.subject = ""
        self.dry_run = False
        self.flow: Flow | None = None
        """Its flow schema and priority level."""
        self.trail: Trail | None = None
        """What the audit log is told of this request; None when its policy does not want it."""
        self.body_obj: Any = None
        """What came in as the body, decoded."""
        self.changes: list[Any] | None = None
        """Fields that plugins have set, five items each: the number of the plugin's step, the holder's JSON
        pointer, the key, the value before (or ABSENT) and after. One flat list: most are never looked at."""
        self.known_qos = ""
        """The QoS class of a new pod that is like one that was in order; "" of any other."""
        self.custom: CustomKind | None = None
        """The version of a definition by which the body was decoded."""
        self.stopwatch: Stopwatch | None = None
        """What measures the steps; None unless somebody asked for it."""
        self.object: Obj | None = None
        """What was stored or deleted."""
        self.old: Obj | None = None
        self.patch: Obj | None = None
        """A patch: its type and body, and the object that it was laid over or, for an apply, the result."""
        self.record = 0
        """The id of the record that this request will have."""
        self.revision = 0
        """The store's revision that this request's (last) write made; 0 when nothing was written."""
        self.writes: list[Write] = []
        """Each write: the store's key, its condition (``put if new``, ``put if mod = 41``), its revision."""

    def passed(self, asked: str, reason: str = "", figures: Any = None) -> None:
        """A step that let the request through."""
        self.steps.append(Step(asked, "pass", reason, figures))

    def skipped(self, asked: str, reason: str = "") -> None:
        """A step that did not apply."""
        self.steps.append(Step(asked, "skip", reason))

    def refused(self, asked: str, reason: str, figures: Any = None) -> None:
        """The step that refused the request."""
        self.steps.append(Step(asked, "refuse", reason, figures))

    def note(self, asked: str, reason: str = "", figures: Any = None) -> None:
        """A remark that decides nothing."""
        self.steps.append(Step(asked, "note", reason, figures))

    def warn(self, text: str) -> None:
        """A Warning header of the answer; the same text only once (apiserver/pkg/warning)."""
        if text and text not in self.warnings:
            self.warnings.append(text)

    def annotate(self, key: str, value: str) -> None:
        """An annotation of the request's audit events."""
        if self.trail is not None:
            self.trail.annotations[key] = value

    def wrote(self, key: str, condition: str, revision: int) -> None:
        """Remember a write to the store."""
        self.revision = revision
        write = (key, condition, revision)
        self.writes.append(write)
        self.steps.append(write)
