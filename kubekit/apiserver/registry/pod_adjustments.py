"""What the server writes into a new pod's spec: selectors that follow its labels, AppArmor fields.

`matchLabelKeys` and `mismatchLabelKeys` become requirements of the selector beside them, so that the
scheduler need not know the pod they came from. The old AppArmor annotations become fields, with a warning.
Called when a pod is created, never later. Upstream: pkg/registry/core/pod/strategy.go (mutatePodAffinity,
mutateTopologySpreadConstraints, applyAppArmorVersionSkew).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.app_armor import APP_ARMOR, APP_ARMOR_FIELD, profile_of

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

_MAX_PROFILE = 4095
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def adjust(ctx: Context, obj: Obj) -> None:
    """Complete a new pod."""
    spec = obj.get("spec") or {}
    labels = obj["metadata"].get("labels") or {}
    for constraint in spec.get("topologySpreadConstraints") or ():
        _follow(constraint, (("matchLabelKeys", "In"),), labels)
    affinity = spec.get("affinity")
    if affinity:
        for kind in ("podAffinity", "podAntiAffinity"):
            terms = affinity.get(kind) or {}
            for term in terms.get(_PREFERRED) or ():
                _follow(term.get("podAffinityTerm") or {}, _BOTH, labels)
            for term in terms.get(_REQUIRED) or ():
                _follow(term, _BOTH, labels)
    annotations = obj["metadata"].get("annotations")
    if annotations and any(key.startswith(APP_ARMOR) for key in annotations):
        _app_armor(ctx, spec, annotations)


def may_adjust(obj: Obj) -> bool:
    """Whether `adjust` could do something to another pod of the same spec and annotations."""
    spec = obj.get("spec") or {}
    affinity = spec.get("affinity") or {}
    terms: list[Obj] = list(spec.get("topologySpreadConstraints") or ())
    for kind in ("podAffinity", "podAntiAffinity"):
        listed = affinity.get(kind) or {}
        terms += [term.get("podAffinityTerm") or {} for term in listed.get(_PREFERRED) or ()]
        terms += listed.get(_REQUIRED) or ()
    return any(term.get(field) for term in terms for field, _ in _BOTH) or any(
        key.startswith(APP_ARMOR) for key in obj["metadata"].get("annotations") or ()
    )


_BOTH = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def _follow(term: Obj, kinds: tuple[tuple[str, str], ...], labels: dict[str, str]) -> None:
    selector = term.get("labelSelector")
    if selector is None:
        # No selector selects nothing, and shall go on doing so.
        return
    added = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for field, operator in kinds
        for key in term.get(field) or ()
        if key in labels
    ]
    if added:
        selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]


def _app_armor(ctx: Context, spec: Obj, annotations: dict[str, str]) -> None:
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for group in _CONTAINERS:
        for container in spec.get(group) or ():
            key = APP_ARMOR + container.get("name", "")
            context = container.get("securityContext") or {}
            if key not in annotations or context.get("appArmorProfile") is not None:
                continue
            profile = profile_of(annotations[key])
            if profile is not None:
                local = profile.get("localhostProfile", "x")
                if local != local.strip() or len(local.encode()) > _MAX_PROFILE:
                    profile = None
            if profile is not None and profile != of_pod:
                container["securityContext"] = {**context, "appArmorProfile": profile}
            elif profile is not None:
                continue
            ctx.warn(f"metadata.annotations[{key}]: {APP_ARMOR_FIELD}")
