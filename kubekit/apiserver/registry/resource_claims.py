"""ResourceClaims and their templates: who may have admin access, and who may say what of a claim's devices.

Whoever may write a claim's status still needs a right of his own for each part of it:
`resourceclaims/binding` for what is allocated and for whom, `resourceclaims/driver` for what a driver says of
its devices. Neither is a subresource that can be asked for; the names only stand in rules.

Upstream: pkg/registry/resource/resourceclaim, resourceclaimtemplate, utils.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import formats
from kubekit.api import status_error as errors
from kubekit.api.field_path import FieldError, Path, forbidden, internal
from kubekit.apiserver.authorization import Attributes, attributes_of, forbidden_message
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

ADMIN_LABEL = "resource.kubernetes.io/admin-access"
NODE_NAME = "authentication.kubernetes.io/node-name"
ACCOUNT = "system:serviceaccount:"
STATUS = Path("status")


class ResourceClaimStrategy(Strategy):
    """ResourceClaims."""

    def validate(self, ctx: Context, obj: Obj) -> list[FieldError]:
        """As any object, and admin access only where the namespace allows it."""
        return _admin_wanted(ctx, obj, obj.get("spec") or {}) + super().validate(ctx, obj)

    def subresource(self, name: str) -> Strategy | None:
        """status."""
        return ResourceClaimStatusStrategy(self) if name == "status" else None


class ResourceClaimTemplateStrategy(Strategy):
    """ResourceClaimTemplates."""

    def validate(self, ctx: Context, obj: Obj) -> list[FieldError]:
        """As any object, and admin access only where the namespace allows it."""
        inner = (obj.get("spec") or {}).get("spec") or {}
        return _admin_wanted(ctx, obj, inner) + super().validate(ctx, obj)


class ResourceClaimStatusStrategy(StatusStrategy):
    """resourceclaims/status: what is said of a device goes with its allocation."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Forget devices that were given back."""
        super().prepare_for_update(ctx, obj, old)
        status = obj.get("status") or {}
        freed = _allocated(old.get("status") or {}) - _allocated(status)
        devices = status.get("devices")
        if devices and freed:
            left = [device for device in devices if _identity(device) not in freed]
            if left:
                status["devices"] = left
            else:
                del status["devices"]

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """As any status, and whoever writes it may write these parts."""
        status, before = obj.get("status") or {}, old.get("status") or {}
        found = _admin_granted(ctx, obj, status, before) + _binding_right(ctx, status, before)
        if status.get("allocation") is not None:
            found += _driver_rights(ctx, status, before)
        return found + super().validate_update(ctx, obj, old)


# -- admin access --------------------------------------------------------------------------------------


def _admin_wanted(ctx: Context, obj: Obj, spec: Obj) -> list[FieldError]:
    requests = (spec.get("devices") or {}).get("requests") or []
    at = Path("spec").child("devices", "requests")
    for place, request in enumerate(requests):
        if (request.get("exactly") or {}).get("adminAccess"):
            return _admin_problem(ctx, obj, at.index(place).child("adminAccess"))
    return []


def _admin_granted(ctx: Context, obj: Obj, status: Obj, before: Obj) -> list[FieldError]:
    if any(one.get("adminAccess") for one in _results(before)):
        return []  # what is allocated cannot change
    at = STATUS.child("allocation", "devices", "results")
    for place, result in enumerate(_results(status)):
        if result.get("adminAccess"):
            return _admin_problem(ctx, obj, at.index(place).child("adminAccess"))
    return []


def _admin_problem(ctx: Context, obj: Obj, path: Path) -> list[FieldError]:
    name = obj["metadata"].get("namespace", "")
    namespace = ctx.server.store("", "namespaces").find("", name)
    if namespace is None:
        text = f'could not retrieve namespace to verify admin access: namespaces "{name}" not found'
        return [internal(path, text)]
    if (namespace["metadata"].get("labels") or {}).get(ADMIN_LABEL) == "true":
        return []
    text = f"admin access to devices requires the `{ADMIN_LABEL}: true` label on the containing namespace"
    return [forbidden(path, text)]


# -- rights to parts of the status ---------------------------------------------------------------------


def _binding_right(ctx: Context, status: Obj, before: Obj) -> list[FieldError]:
    """Allocating a claim, and saying for whom."""
    if all(status.get(field) == before.get(field) for field in ("allocation", "reservedFor")):
        return []
    asked = attributes_of(ctx.user, ctx.info)
    asked = asked._replace(subresource="binding", namespace="", name="")
    refusal = _refusal(ctx, asked)
    if not refusal:
        return []
    text = (
        'changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", '
        f'verb="{asked.verb}" permission: {refusal}'
    )
    return [forbidden(STATUS.child("allocation"), text)]


def _driver_rights(ctx: Context, status: Obj, before: Obj) -> list[FieldError]:
    """Saying something of a device: a right for each driver whose devices something else is said of."""
    known = {_identity(device): device for device in before.get("devices") or ()}
    drivers: set[str] = set()
    for device in status.get("devices") or ():
        if known.pop(_identity(device), None) != device:
            drivers.add(device.get("driver", ""))
    drivers |= {device.get("driver", "") for device in known.values()}
    asked = attributes_of(ctx.user, ctx.info)
    verbs = [f"arbitrary-node:{asked.verb}"]
    if _is_on(ctx, _only_node(status.get("allocation") or {})):
        verbs.insert(0, f"associated-node:{asked.verb}")
    found = []
    for driver in sorted(drivers):
        refusals = [
            _refusal(ctx, asked._replace(verb=verb, subresource="driver", name=driver)) for verb in verbs
        ]
        if all(refusals):
            text = (
                'changing status.devices requires resource="resourceclaims/driver", '
                f'verb="[{" ".join(verbs)}]" permission: {refusals[0]}'
            )
            found.append(forbidden(STATUS.child("devices"), text))
    return found


def _refusal(ctx: Context, asked: Attributes) -> str:
    """Why something may not be done; "" when it may."""
    decision = ctx.server.authorization.decide(asked)
    if decision.allowed:
        return ""
    # Nothing is looked up here: the text is the whole use of the error.
    return str(
        errors.forbidden(
            f"{asked.resource}.{asked.group}", asked.name, forbidden_message(asked, decision.reason)
        )
    )


def _only_node(allocation: Obj) -> str:
    """The one node whose devices are allocated; "" when they are anywhere else."""
    terms = (allocation.get("nodeSelector") or {}).get("nodeSelectorTerms") or []
    if len(terms) != 1 or terms[0].get("matchExpressions") or len(terms[0].get("matchFields") or ()) != 1:
        return ""
    need = terms[0]["matchFields"][0]
    values = need.get("values") or []
    if need.get("key") != "metadata.name" or need.get("operator") != "In" or len(values) != 1:
        return ""
    return str(values[0])


def _is_on(ctx: Context, node: str) -> bool:
    """Whether a service account asks from this node."""
    names = list((ctx.user.extra or {}).get(NODE_NAME) or ())
    if not node or not ctx.user.name.startswith(ACCOUNT) or len(names) != 1:
        return False
    return names[0] == node and not formats.dns1123_subdomain(node)


def _results(status: Obj) -> list[Obj]:
    allocation = status.get("allocation") or {}
    return list((allocation.get("devices") or {}).get("results") or ())


def _identity(device: Obj) -> tuple[str, ...]:
    return tuple(device.get(field) or "" for field in ("driver", "pool", "device", "shareID"))


def _allocated(status: Obj) -> set[tuple[str, ...]]:
    return {_identity(one) for one in _results(status)}
