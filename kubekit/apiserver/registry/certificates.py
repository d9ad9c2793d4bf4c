"""CertificateSigningRequests: who asks is written by the server; approval and certificate have paths of
their own.

Upstream: pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.field_path import FieldError
from kubekit.api.resources import Resource
from kubekit.apiserver.registry import checks
from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy, keep
from kubekit.apiserver.registry.traits import Traits

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


class CertificateRequestStrategy(Strategy):
    """See the module."""

    def __init__(self, resource: Resource, traits: Traits) -> None:
        super().__init__(resource, traits)
        self.parts: dict[str, Strategy] = {}

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """The user is who asks, whatever the client wrote."""
        spec = obj.setdefault("spec", {})
        for field in ("username", "uid", "groups", "extra"):
            spec.pop(field, None)
        user = ctx.user
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}
        obj["status"] = {}

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Neither spec nor status change here."""
        keep(obj, old, "spec")
        keep(obj, old, "status")

    def subresource(self, name: str) -> Strategy | None:
        """status and approval."""
        if name == "status":
            return CertificateStatusStrategy(self)
        return ApprovalStrategy(self) if name == "approval" else None


class CertificateStatusStrategy(StatusStrategy):
    """status: the signer's; approvals cannot be changed here."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The spec and the approval stay."""
        keep(obj, old, "spec")
        conditions = (obj.get("status") or {}).get("conditions") or []
        before = (old.get("status") or {}).get("conditions") or []
        for kind in ("Approved", "Denied"):
            given = [i for i, c in enumerate(conditions) if c.get("type") == kind]
            known = [c for c in before if c.get("type") == kind]
            if len(given) == len(known):
                for place, condition in zip(given, known, strict=True):
                    conditions[place] = condition
        stamp(ctx, conditions, before)


class ApprovalStrategy(StatusStrategy):
    """approval: only the conditions."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Everything else stays."""
        conditions = (obj.get("status") or {}).get("conditions") or []
        before = old.get("status") or {}
        stamp(ctx, conditions, before.get("conditions") or [])
        keep(obj, old, "spec")
        obj["status"] = {k: v for k, v in before.items() if k != "conditions"}
        if conditions:
            obj["status"]["conditions"] = conditions

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of an approval."""
        return checks.validate_subresource_update(obj, old, "approval")


def stamp(ctx: Context, conditions: list[Obj], before: list[Obj]) -> None:
    """Date the conditions that are not dated."""
    now = now_of(ctx)
    for place, condition in enumerate(conditions):
        condition = dict(condition)
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = now
        if not condition.get("lastTransitionTime"):
            same = [
                c["lastTransitionTime"]
                for c in before
                if c.get("type") == condition.get("type")
                and c.get("status") == condition.get("status")
                and c.get("lastTransitionTime")
            ]
            condition["lastTransitionTime"] = same[0] if same else now
        conditions[place] = condition
