"""Defaults of FlowSchema and PriorityLevelConfiguration.

Called through `apply_defaults`. Source: pkg/apis/flowcontrol/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def flow_schema(obj: Obj) -> None:
    """The middle precedence."""
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def priority_level(obj: Obj) -> None:
    """Shares, lending and queues."""
    spec = obj.setdefault("spec", {})
    exempt, limited = spec.get("exempt"), spec.get("limited")
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if limited is not None:
        # The field is there, and null, when nobody has set it.
        if limited.get("nominalConcurrencyShares") is None:
            limited["nominalConcurrencyShares"] = 30
        limited.setdefault("lendablePercent", 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for key, value in (("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)):
                if not queuing.get(key):
                    queuing[key] = value


DEFAULTS = {"FlowSchema": flow_schema, "PriorityLevelConfiguration": priority_level}
