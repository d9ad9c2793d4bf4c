"""The canonical form of an Endpoints object: addresses with equal ports stand together.

Every address is put under each of its ports, then ports with the same addresses become one subset. An
address that is named both as ready and as not ready is not ready. Source: pkg/api/v1/endpoints/util.go
(RepackSubsets).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from kubekit.api.meta import Obj
from kubekit.controllers.template_hash import port_hash

Entry = tuple[Obj | None, Obj, bool]
"""A port (None: without any), an address, whether it is ready."""


def entries_of(subsets: Iterable[Obj]) -> Iterable[Entry]:
    """What existing subsets say."""
    for subset in subsets:
        for port in subset.get("ports") or [None]:
            for field, ready in (("addresses", True), ("notReadyAddresses", False)):
                for address in subset.get(field) or ():
                    yield port, address, ready


def pack(entries: Iterable[Entry]) -> list[Obj]:
    """The subsets for these entries, everything in the canonical order (ports by their hashes)."""
    known: dict[tuple[str, str], Obj] = {}
    by_port: dict[str, tuple[Obj | None, dict[tuple[str, str], bool]]] = {}
    for port, address, ready in entries:
        key = _key(address)
        known.setdefault(key, address)
        states = by_port.setdefault(json.dumps(port, sort_keys=True), (port, {}))[1]
        states[key] = ready and states.get(key, True)
    groups: dict[str, tuple[dict[tuple[str, str], bool], list[Obj]]] = {}
    for port, states in by_port.values():
        group = groups.setdefault(json.dumps(sorted(states.items())), (states, []))
        if port is not None:
            group[1].append(port)
    subsets = []
    for states, ports in groups.values():
        subset: Obj = {}
        for field, state in (("addresses", True), ("notReadyAddresses", False)):
            some = [known[key] for key, ready in sorted(states.items()) if ready is state]
            if some:
                subset[field] = some
        if ports:
            subset["ports"] = (
                sorted(ports, key=lambda port: port_hash(port, "core.v1.EndpointPort"))
                if len(ports) > 1
                else ports
            )
        subsets.append(subset)
    return sorted(subsets, key=lambda subset: json.dumps(subset, sort_keys=True))


def _key(address: Obj) -> tuple[str, str]:
    return address["ip"], (address.get("targetRef") or {}).get("uid", "")
