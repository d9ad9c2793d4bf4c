"""Defaults of NetworkPolicy, IngressClass and EndpointSlice.

Called through `apply_defaults`; each function completes one kind in place.
Source: pkg/apis/networking/v1/defaults.go, pkg/apis/discovery/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def network_policy(obj: Obj) -> None:
    """Ports are TCP; a policy without types is about ingress, and about egress if it has egress rules."""
    spec = obj.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rules in ("ingress", "egress"):
        for rule in spec.get(rules) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


def ingress_class(obj: Obj) -> None:
    """Parameters are cluster-scoped unless said otherwise."""
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None and not parameters.get("scope"):
        parameters["scope"] = "Cluster"


def endpoint_slice(obj: Obj) -> None:
    """Ports are TCP and have a name, even if it is empty."""
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


DEFAULTS = {"NetworkPolicy": network_policy, "IngressClass": ingress_class, "EndpointSlice": endpoint_slice}
