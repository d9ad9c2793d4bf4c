"""RBAC: roles hold rules, bindings give them to users, groups and ServiceAccounts; rules only ever add.

`RBAC.authorize(attributes)` walks the ClusterRoleBindings, then the RoleBindings of the request's namespace,
and stops at the first rule that allows. There is no rule that forbids. `explain` says for the record which
bindings name the user and why their rules did not help. Reads its objects from the watch caches; call it with
any `Attributes`. Upstream: plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from kubekit.api.exchange import UserInfo

if TYPE_CHECKING:
    from kubekit.apiserver.authorization import Attributes

Obj = dict[str, Any]
MATCHED_LIMIT = 4096


class RoleSource(Protocol):
    """Where roles and bindings come from."""

    def cluster_role(self, name: str) -> Obj | None: ...
    def role(self, namespace: str, name: str) -> Obj | None: ...
    def cluster_role_bindings(self) -> list[Obj]: ...
    def role_bindings(self, namespace: str) -> list[Obj]: ...
    def version(self) -> Any:
        """A value that differs whenever any role or binding does."""
        ...


def subject_matches(user: UserInfo, subject: Obj, namespace: str) -> bool:
    """Whether a binding's subject is this user (subject namespace defaults to the binding's)."""
    kind = subject.get("kind")
    if kind == "User":
        return bool(user.name == subject.get("name"))
    if kind == "Group":
        return subject.get("name") in user.groups
    if kind == "ServiceAccount":
        where = subject.get("namespace") or namespace
        return bool(where) and user.name == f"system:serviceaccount:{where}:{subject.get('name')}"
    return False


def describe_subject(subject: Obj, namespace: str) -> str:
    """How an RBAC reason names the subject that matched."""
    kind = subject.get("kind")
    if kind == "ServiceAccount":
        where = subject.get("namespace") or namespace
        return f'ServiceAccount "{subject.get("name")}/{where}"'
    return f'{kind} "{subject.get("name")}"'


def rule_allows(asked: Attributes, rule: Obj) -> bool:
    """Whether one PolicyRule allows what is asked (rbac.RuleAllows)."""
    names = rule.get("resourceNames") if asked.is_resource else None
    return rule_concerns(asked, rule) and (not names or asked.name in names)


def rule_concerns(asked: Attributes, rule: Obj) -> bool:
    """Whether a PolicyRule allows it for some object at least: `rule_allows` but for the names."""
    verbs = rule.get("verbs") or ()
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if not asked.is_resource:
        return any(
            url == "*" or url == asked.path or (url.endswith("*") and asked.path.startswith(url.rstrip("*")))
            for url in rule.get("nonResourceURLs") or ()
        )
    groups = rule.get("apiGroups") or ()
    if asked.group not in groups and "*" not in groups:
        return False
    resources = rule.get("resources") or ()
    wanted = asked.qualified
    if wanted in resources or "*" in resources:
        return True
    return bool(asked.subresource) and f"*/{asked.subresource}" in resources


class RBAC:
    """The RBAC authorizer over a source of roles and bindings."""

    def __init__(self, source: RoleSource) -> None:
        self.source = source
        self._allowed: dict[tuple[Any, ...], str] = {}
        self._allowed_at: Any = None
        self._matched: dict[tuple[str, tuple[str, ...], str], tuple[list[Obj], list[tuple[Obj, Obj]]]] = {}

    def authorize(self, asked: Attributes) -> tuple[bool, str]:
        """(allowed, reason); the reason of a refusal tells of roles that do not exist."""
        version = self.source.version()
        if version != self._allowed_at or len(self._allowed) >= MATCHED_LIMIT:
            self._allowed, self._allowed_at = {}, version
        user = asked.user
        key = self._key(asked)
        known = self._allowed.get(key)
        if known is not None:
            return True, known
        missing: list[str] = []
        for_any_name = True
        for rule, kind, namespace, binding, subject in self._reach(user, asked.namespace, missing):
            if not rule_concerns(asked, rule):
                continue
            # Another object's name may be given a reason by a rule that passes this one over.
            for_any_name = for_any_name and not rule.get("resourceNames")
            if rule_allows(asked, rule):
                reason = f"RBAC: allowed by {self._describe(kind, binding, subject, namespace)}"
                if for_any_name:
                    self._allowed[key] = reason
                return True, reason
        if not missing:
            return False, ""
        if len(missing) == 1:
            return False, f"RBAC: {missing[0]}"
        unique = list(dict.fromkeys(missing))
        text = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
        return False, f"RBAC: {text}"

    def allows_any_name(self, asked: Attributes) -> bool:
        """Whether what was just allowed is allowed, and for the same reason, whatever the object's name."""
        return self.source.version() == self._allowed_at and self._key(asked) in self._allowed

    @staticmethod
    def _key(asked: Attributes) -> tuple[Any, ...]:
        """What a decision depends on, but for the object's name."""
        what = (asked.group, asked.qualified, asked.namespace) if asked.is_resource else asked.path
        return asked.user.name, asked.user.groups, asked.verb, what

    def rules_for(
        self, user: UserInfo, namespace: str, missing: list[str] | None = None
    ) -> Iterator[tuple[Obj, str]]:
        """Each rule that holds for the user in the namespace ("" = cluster scope), with its origin."""
        for rule, kind, where, binding, subject in self._reach(user, namespace, missing):
            yield rule, self._describe(kind, binding, subject, where)

    def _reach(
        self, user: UserInfo, namespace: str, missing: list[str] | None
    ) -> Iterator[tuple[Obj, str, str, Obj, Obj]]:
        """Each rule that holds, with the binding's kind, namespace, the binding and its subject."""
        for binding, subject in self._bindings_of(user, "", self.source.cluster_role_bindings()):
            for rule in self._rules_of(binding["roleRef"], "", missing):
                yield rule, "ClusterRoleBinding", "", binding, subject
        if namespace:
            for binding, subject in self._bindings_of(user, namespace, self.source.role_bindings(namespace)):
                for rule in self._rules_of(binding["roleRef"], namespace, missing):
                    yield rule, "RoleBinding", namespace, binding, subject

    def _bindings_of(self, user: UserInfo, namespace: str, bindings: list[Obj]) -> list[tuple[Obj, Obj]]:
        """The bindings that name the user, and by which subject; remembered while the list is the same."""
        key = (user.name, user.groups, namespace)
        known = self._matched.get(key)
        if known is not None and known[0] is bindings:
            return known[1]
        found = [
            (binding, subject)
            for binding in bindings
            if (subject := self._matching(user, binding, namespace)) is not None
        ]
        if len(self._matched) >= MATCHED_LIMIT:
            self._matched.clear()
        self._matched[key] = (bindings, found)
        return found

    def explain(self, asked: Attributes) -> list[dict[str, Any]]:
        """For a refusal's record: every binding in reach, whether the user is its subject, and its rules."""
        told: list[dict[str, Any]] = []
        for kind, namespace, bindings in (
            ("ClusterRoleBinding", "", self.source.cluster_role_bindings()),
            (
                "RoleBinding",
                asked.namespace,
                self.source.role_bindings(asked.namespace) if asked.namespace else [],
            ),
        ):
            for binding in bindings:
                subject = self._matching(asked.user, binding, namespace)
                if subject is None:
                    continue
                told.append(
                    {
                        "binding": f"{kind} {binding['metadata']['name']}",
                        "subject": f"{subject.get('kind')} {subject.get('name')}",
                        "role": binding["roleRef"].get("name", ""),
                        "rules": self._rules_of(binding["roleRef"], namespace, None),
                    }
                )
        return told

    def rules_of_role(self, role_ref: Obj, namespace: str) -> list[Obj] | None:
        """The rules of the role that a roleRef names, or None when there is no such role."""
        if role_ref.get("kind") == "Role":
            role = self.source.role(namespace, role_ref.get("name", ""))
        else:
            role = self.source.cluster_role(role_ref.get("name", ""))
        return None if role is None else (role.get("rules") or [])

    def _rules_of(self, role_ref: Obj, namespace: str, missing: list[str] | None) -> list[Obj]:
        rules = self.rules_of_role(role_ref, namespace)
        if rules is None:
            if missing is not None:
                kind = "role" if role_ref.get("kind") == "Role" else "clusterrole"
                missing.append(f'{kind}.rbac.authorization.k8s.io "{role_ref.get("name", "")}" not found')
            return []
        return rules

    @staticmethod
    def _matching(user: UserInfo, binding: Obj, namespace: str) -> Obj | None:
        for subject in binding.get("subjects") or ():
            if subject_matches(user, subject, namespace):
                found: Obj = subject
                return found
        return None

    @staticmethod
    def _describe(kind: str, binding: Obj, subject: Obj, namespace: str) -> str:
        name = binding["metadata"]["name"]
        if namespace:
            name = f"{name}/{namespace}"
        ref = binding["roleRef"]
        return (
            f'{kind} "{name}" of {ref.get("kind")} "{ref.get("name")}" to '
            f"{describe_subject(subject, namespace)}"
        )
