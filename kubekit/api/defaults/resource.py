"""Defaults of dynamic resource allocation: how many devices a request means.

Called through `apply_defaults`. Source: pkg/apis/resource/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def _exact(request: Obj) -> None:
    if request.setdefault("allocationMode", "ExactCount") == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in request.get("tolerations") or ():
        toleration.setdefault("operator", "Equal")


def _spec(spec: Obj) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        if (exactly := request.get("exactly")) is not None:
            _exact(exactly)
        for sub in request.get("firstAvailable") or ():
            _exact(sub)


def claim(obj: Obj) -> None:
    """ResourceClaim."""
    _spec(obj.get("spec") or {})


def claim_template(obj: Obj) -> None:
    """ResourceClaimTemplate."""
    _spec((obj.get("spec") or {}).get("spec") or {})


DEFAULTS = {"ResourceClaim": claim, "ResourceClaimTemplate": claim_template}
