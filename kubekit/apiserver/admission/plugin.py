"""What an admission plugin is, and what it is asked.

A plugin is one file in this room and one line in `admission/chain.py`. It names the operations and
resources it looks at; `admit` may change `attributes.obj` (private to the request), only through
`attributes.change`, so that the record of the request can say which plugin changed what; `validate` may only
refuse, by raising a StatusError. Plugins read other objects through `attributes.ctx.server.store(...)`,
never from etcd. Upstream: apiserver/pkg/admission (interfaces.go, attributes.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors

if TYPE_CHECKING:
    from kubekit.api.exchange import UserInfo
    from kubekit.api.resources import Resource
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
ABSENT = object()
"""The value of a field that was not there."""

CREATE = "CREATE"
UPDATE = "UPDATE"
DELETE = "DELETE"
CONNECT = "CONNECT"


@dataclass(slots=True)
class Attributes:
    """One question to the admission plugins."""

    ctx: Context
    resource: Resource
    subresource: str
    operation: str
    namespace: str
    name: str
    obj: Obj | None
    old: Obj | None = None
    kind: str = ""
    options: Obj = field(default_factory=dict)
    reinvoke: bool = False
    """A policy or webhook changed the object: the plugins before it are asked once more."""

    def change(self, at: str, holder: Obj, key: str, value: Any) -> None:
        """Set a field of the object, and remember it; `at` is the JSON pointer of `holder` in the object.

        Values are kept by reference: give a new list or dictionary instead of changing the present one.
        """
        before = holder.get(key, ABSENT)
        if before is not ABSENT and before == value:
            return
        holder[key] = value
        ctx = self.ctx
        if ctx.changes is None:
            ctx.changes = [len(ctx.steps), at, key, before, value]
        else:
            ctx.changes += (len(ctx.steps), at, key, before, value)

    def part(self, key: str) -> Obj:
        """A part of the object as a dictionary; an empty one is put in where there is none."""
        assert self.obj is not None
        found: Obj | None = self.obj.get(key)
        if found is None:
            self.change("", self.obj, key, {})
            # Not the one that was remembered: this one will be filled.
            found = self.obj[key] = {}
        return found

    @property
    def user(self) -> UserInfo:
        """Who asks."""
        return self.ctx.user

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored."""
        return self.ctx.dry_run

    def forbidden(self, text: str) -> errors.StatusError:
        """The refusal that admission plugins give (admission.NewForbidden)."""
        name = self.name
        if not name and self.obj is not None:
            metadata = self.obj.get("metadata") or {}
            name = metadata.get("name") or ""
            if not name and metadata.get("generateName"):
                name = metadata["generateName"]
        if not name:
            name = "Unknown"
        return errors.forbidden(self.resource, name, text)


class AdmissionPlugin:
    """A plugin; subclasses override `admit`, `validate` or both."""

    name = ""
    operations: frozenset[str] = frozenset({CREATE, UPDATE})
    resources: frozenset[tuple[str, str]] | None = None
    """(group, "pods" or "pods/status") that it looks at; None: everything."""
    acts_on: tuple[str, str] | None = None
    """(group, plural) of the objects that tell it what to do: while there are none it lets everything pass,
    and is not asked. None: it is always asked."""

    def admit(self, a: Attributes) -> None:
        """Change or refuse; called in order before validation."""

    def validate(self, a: Attributes) -> None:
        """Refuse; called in order when the object has its final form."""
