"""Validation of what may not change in a service's addresses and families, and of its status.

Called by `service`. Source: pkg/apis/core/validation (validateUpgradeDowngradeClusterIPs and neighbours,
ValidateLoadBalancerStatus).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import dns1123_subdomain
from kubekit.apiserver.validation.paths import legacy_ip, parse_sloppy

SPEC = Path("spec")
_ONCE = "may not change once set"


def _released(new: list[str], old: list[str], spec: Obj, field: str, word: str) -> list[FieldError]:
    """Fewer values than before: only the secondary may go, and the policy must say so."""
    errors: list[FieldError] = []
    at = SPEC.child(field).index(0)
    # The original looks at the addresses and shows them here, whichever of the two fields it is about.
    addresses = spec.get("clusterIPs") or None
    if not addresses:
        errors.append(invalid(at, new or None, f"primary {word} can not be unset"))
    if new and new[0] != old[0]:
        errors.append(invalid(at, addresses, _ONCE))
    if len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        text = f"must be set to 'SingleStack' when releasing the secondary {word}"
        errors.append(invalid(SPEC.child("ipFamilyPolicy"), spec.get("ipFamilyPolicy"), text))
    return errors


def changed_addresses(spec: Obj, before: Obj) -> list[FieldError]:
    """Primary address and family stay; a secondary one may come and go."""
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return []
    headless, was = spec.get("clusterIPs") == ["None"], before.get("clusterIPs") == ["None"]
    errors: list[FieldError] = []
    if not (headless and was):
        new, old = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
        if len(new) == len(old):
            for position, ip in enumerate(old):
                if ip != new[position]:
                    errors.append(invalid(SPEC.child("clusterIPs").index(position), new, _ONCE))
        elif len(new) < len(old):
            errors += _released(new, old, spec, "clusterIPs", "clusterIP")
        elif old and new[0] != old[0]:
            errors.append(invalid(SPEC.child("clusterIPs").index(0), new, _ONCE))
    if headless or was:
        return errors
    new, old = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
    at = SPEC.child("ipFamilies").index(0)
    if len(new) == len(old):
        errors += [invalid(at, new, _ONCE) for one, other in zip(new, old) if one != other]
    elif len(new) < len(old):
        errors += _released(new, old, spec, "ipFamilies", "ipFamily")
    elif old and new[0] != old[0]:
        errors.append(invalid(at, spec.get("clusterIPs"), _ONCE))
    return errors


def load_balancer_status(obj: Obj) -> list[FieldError]:
    """The addresses a load balancer reports."""
    path = Path("status").child("loadBalancer", "ingress")
    listed = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if (obj.get("spec") or {}).get("type") != "LoadBalancer":
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")] if listed else []
    errors: list[FieldError] = []
    for position, ingress in enumerate(listed):
        at = path.index(position)
        ip, mode, host = ingress.get("ip"), ingress.get("ipMode"), ingress.get("hostname")
        if ip:
            errors += legacy_ip(ip, at.child("ip"))
        if mode is None:
            if ip:
                errors.append(required(at.child("ipMode"), "must be specified when `ip` is set"))
        elif not ip:
            errors.append(forbidden(at.child("ipMode"), "may not be specified when `ip` is not set"))
        elif mode not in ("Proxy", "VIP"):
            errors.append(not_supported(at.child("ipMode"), mode, ("Proxy", "VIP")))
        if host:
            errors += dns1123_subdomain(host, at.child("hostname"))
            if parse_sloppy(host) is not None:
                text = "must be a DNS name, not an IP address"
                errors.append(invalid(at.child("hostname"), host, text))
    return errors
