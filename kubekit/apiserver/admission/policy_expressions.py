"""The expressions of admission policies: which variables they see, and what they must come to.

`Expressions(spec)` compiles every expression of a policy's or webhook's spec once; `problems()` are the
errors for validation, `Scene(a, ...)` gives the variables of one request, each worked out when it is first
asked for. Source: apiserver/pkg/admission/plugin/cel (compile.go, condition.go, composition.go).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.admission.plugin import Attributes
from kubekit.apiserver.authorization import Attributes as Asked
from kubekit.apiserver.cel import (
    CompileError,
    EvaluationError,
    InstantiationError,
    Program,
    compiled,
    new_library,
)
from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.library_authorizer import (
    AUTHORIZER,
    RESOURCE_CHECK,
    Check,
    Question,
    authorizer,
    install,
)
from kubekit.apiserver.cel.types import BOOL, DYN, NULL, STRING, ObjectType, Type, list_of, map_of

Obj = dict[str, Any]


def _object(name: str, /, **fields: Type) -> ObjectType:
    return ObjectType(name, (), fields)


_GVK = _object("kubernetes.GroupVersionKind", group=STRING, version=STRING, kind=STRING)
_GVR = _object("kubernetes.GroupVersionResource", group=STRING, version=STRING, resource=STRING)
_USER = _object(
    "kubernetes.UserInfo",
    username=STRING,
    uid=STRING,
    groups=list_of(STRING),
    extra=map_of(STRING, list_of(STRING)),
)
REQUEST = _object(
    "kubernetes.AdmissionRequest",
    kind=_GVK,
    resource=_GVR,
    subResource=STRING,
    requestKind=_GVK,
    requestResource=_GVR,
    requestSubResource=STRING,
    name=STRING,
    namespace=STRING,
    operation=STRING,
    userInfo=_USER,
    dryRun=BOOL,
    options=DYN,
)
"""The type of the variable `request`."""
NAMESPACE = _object(
    "kubernetes.Namespace",
    metadata=_object(
        "kubernetes.NamespaceMetadata",
        name=STRING,
        generateName=STRING,
        namespace=STRING,
        labels=map_of(STRING, STRING),
        annotations=map_of(STRING, STRING),
        UID=STRING,
        creationTimestamp=DYN,
        deletionGracePeriodSeconds=DYN,
        deletionTimestamp=DYN,
        generation=DYN,
        resourceVersion=STRING,
        finalizers=list_of(STRING),
    ),
    spec=_object("kubernetes.NamespaceSpec", finalizers=list_of(STRING)),
    status=_object("kubernetes.NamespaceStatus", phase=STRING),
)
"""The type of the variable `namespaceObject`."""


@functools.cache
def functions() -> Functions:
    """The library with the authorizer's functions."""
    made = new_library()
    install(made)
    made.add("jsonpatch.escapeKey", (STRING,), STRING, lambda a: a.replace("~", "~0").replace("/", "~1"))
    return made


def declared(params: bool, authorizing: bool = True) -> dict[str, Type]:
    """The variables of an expression."""
    found: dict[str, Type] = {
        "object": DYN,
        "oldObject": DYN,
        "request": REQUEST,
        "namespaceObject": NAMESPACE,
    }
    if params:
        found["params"] = DYN
    if authorizing:
        found |= {"authorizer": AUTHORIZER, "authorizer.requestResource": RESOURCE_CHECK}
    return found


class BadExpression(Exception):
    """An expression that does not compile; the text is what validation says. `internal` for one that compiles
    and still cannot be made ready."""

    def __init__(self, text: str, internal: bool = False) -> None:
        super().__init__(text)
        self.internal = internal


def expression(
    source: str,
    variables: Mapping[str, Type],
    wanted: tuple[Type, ...] = (),
    messages: Callable[[str], Type | None] = lambda name: None,
) -> Program:
    """Compile one expression. Raises BadExpression."""
    try:
        program = compiled(source, variables, functions=functions(), messages=messages)
    except CompileError as error:
        raise BadExpression(f"compilation failed: {error}") from None
    except InstantiationError as error:
        raise BadExpression(f"program instantiation failed: {error}", internal=True) from None
    if wanted and program.type not in wanted:
        found = program.type.name if program.type == NULL else program.type
        listed = str(wanted[0]) if len(wanted) == 1 else f"one of [{' '.join(one.name for one in wanted)}]"
        raise BadExpression(f"must evaluate to {listed} but got {found}")
    return program


class Lazy(dict[str, Any]):
    """`variables.x`: worked out when first asked for, and then kept."""

    def __init__(self, programs: Mapping[str, Program], scene: Mapping[str, Any]) -> None:
        super().__init__()
        self._programs, self._scene = programs, scene

    def __contains__(self, name: object) -> bool:
        return name in self._programs

    def __missing__(self, name: str) -> Any:
        try:
            found = self[name] = self._programs[name].run(self._scene)
        except EvaluationError as error:
            text = f"composited variable {name!r} fails to evaluate: {error}".replace("'", '"')
            raise EvaluationError(text) from None
        return found


class Scene(Mapping[str, Any]):
    """The values of the variables for one request."""

    def __init__(
        self, a: Attributes, params: Obj | None = None, variables: Mapping[str, Program] | None = None
    ) -> None:
        self._made: dict[str, Any] = {}
        self._makers: dict[str, Callable[[], Any]] = {
            "object": lambda: a.obj,
            "oldObject": lambda: a.old,
            "request": lambda: request_of(a),
            "params": lambda: params,
            "namespaceObject": lambda: namespace_of(a),
            "authorizer": lambda: authorizer_of(a),
            "authorizer.requestResource": lambda: request_resource(a),
            "variables": lambda: Lazy(variables or {}, self),
        }

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def forget(self, name: str) -> None:
        """Ask anew: the object has changed."""
        self._made.pop(name, None)
        self._made.pop("variables", None)


def request_of(a: Attributes) -> Obj:
    """The value of `request`."""
    from kubekit.apiserver.admission.webhooks import review

    found: Obj = dict(review(a, uid="")["request"])
    for name in ("uid", "object", "oldObject"):
        found.pop(name, None)
    found["options"] = a.options or None
    return found


def namespace_of(a: Attributes) -> Obj | None:
    """The namespace that the request is about; none for cluster-scoped resources and namespaces."""
    if not a.namespace or (a.resource.plural == "namespaces" and not a.resource.group):
        return None
    return a.ctx.server.store("", "namespaces").find("", a.namespace)


def authorizer_of(a: Attributes) -> Check:
    """The value of `authorizer`."""

    def decide(asked: Question) -> tuple[bool, str]:
        user = a.user
        if asked.account is not None:
            namespace, name = asked.account
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
            user = UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)
        found = a.ctx.server.authorization.decide(
            Asked(
                user,
                asked.verb,
                asked.group,
                "*",
                asked.resource,
                asked.subresource,
                asked.namespace,
                asked.name,
                asked.path,
                not asked.path,
            )
        )
        return found.allowed, found.reason

    return authorizer(decide)


def request_resource(a: Attributes) -> Check:
    """The value of `authorizer.requestResource`: a check of just what the request is about."""
    return authorizer_of(a).grown(
        RESOURCE_CHECK,
        group=a.resource.group,
        resource=a.resource.plural,
        subresource=a.subresource,
        namespace=a.namespace,
        name=a.name,
    )
