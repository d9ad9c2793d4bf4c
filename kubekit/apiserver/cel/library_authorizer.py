"""Library, the authorizer: an expression may ask what the sender of the request is allowed to do.

    authorizer.group('apps').resource('deployments').namespace('shop').check('create').allowed()

`install(functions)` adds the functions; `AuthorizerValue(user, decide)` is the variable `authorizer`, where
`decide(attributes)` answers as the server's own authorizer does. Source: apiserver/pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.types import BOOL, STRING, Type
from kubekit.apiserver.cel.values import Opaque

AUTHORIZER = Type("kubernetes.authorization.Authorizer")
PATH_CHECK = Type("kubernetes.authorization.PathCheck")
GROUP_CHECK = Type("kubernetes.authorization.GroupCheck")
RESOURCE_CHECK = Type("kubernetes.authorization.ResourceCheck")
DECISION = Type("kubernetes.authorization.Decision")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about a path, or about a resource."""

    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    verb: str = ""
    account: tuple[str, str] | None = None
    """(namespace, name) of the ServiceAccount in whose place is asked; None: of the sender."""


class Check(Opaque):
    """A question in the making; `type` says how far it is."""

    def __init__(self, type: Type, decide: Callable[[Question], tuple[bool, str]], asked: Question) -> None:
        self.type, self.decide, self.asked = type, decide, asked

    def grown(self, type: Type, **parts: Any) -> Check:
        """The question with more said."""
        return Check(type, self.decide, replace(self.asked, **parts))


class DecisionValue(Opaque):
    """What the authorizer answered."""

    type = DECISION

    def __init__(self, allowed: bool, reason: str) -> None:
        self.allowed, self.reason = allowed, reason


def authorizer(decide: Callable[[Question], tuple[bool, str]]) -> Check:
    """The variable `authorizer`; `decide` answers (allowed, reason)."""
    return Check(AUTHORIZER, decide, Question())


def _path(check: Check, path: str) -> Check:
    if not path:
        raise EvaluationError("path must not be empty")
    return check.grown(PATH_CHECK, path=path)


def _answer(check: Check, verb: str) -> DecisionValue:
    return DecisionValue(*check.decide(replace(check.asked, verb=verb)))


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    f.member("path", (AUTHORIZER, STRING), PATH_CHECK, _path)
    f.member("group", (AUTHORIZER, STRING), GROUP_CHECK, lambda a, group: a.grown(GROUP_CHECK, group=group))
    f.member(
        "serviceAccount",
        (AUTHORIZER, STRING, STRING),
        AUTHORIZER,
        lambda a, namespace, name: a.grown(AUTHORIZER, account=(namespace, name)),
    )
    f.member(
        "resource",
        (GROUP_CHECK, STRING),
        RESOURCE_CHECK,
        lambda a, one: a.grown(RESOURCE_CHECK, resource=one),
    )
    for part in ("subresource", "namespace", "name"):
        f.member(
            part,
            (RESOURCE_CHECK, STRING),
            RESOURCE_CHECK,
            lambda a, value, part=part: a.grown(RESOURCE_CHECK, **{part: value}),
        )
    for type in (PATH_CHECK, RESOURCE_CHECK):
        f.member("check", (type, STRING), DECISION, _answer)
    f.member("allowed", (DECISION,), BOOL, lambda a: a.allowed)
    f.member("reason", (DECISION,), STRING, lambda a: a.reason)
    f.member("errored", (DECISION,), BOOL, lambda a: False)
    f.member("error", (DECISION,), STRING, lambda a: "")
