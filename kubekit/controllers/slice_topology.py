"""Topology-aware hints: endpoints shared out between zones as their nodes' CPUs are.

Asked for with the annotation `service.kubernetes.io/topology-mode: Auto`. Each endpoint is for its own zone
first; zones with more endpoints than their share of CPUs then give some to zones with less. When that cannot
be done well, nobody gets hints and an event says why. Source: k8s.io/endpointslice/topologycache.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kubekit.api import quantity
from kubekit.api.meta import Obj, annotations_of, labels_of
from kubekit.client import Informer
from kubekit.controllers.slice_hints import add_hints

ANNOTATIONS = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
ZONE = "topology.kubernetes.io/zone"
EXCLUDED = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
OVERLOAD = 0.2
"""By how much the endpoints of a zone may have more to do than their share."""

NO_NODES = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
TOO_FEW = "Insufficient number of endpoints"
TOO_UNEVEN = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
NO_ZONE = "One or more endpoints do not have a zone specified"
NO_HINTS = "No hints allocated for zones"
WARNING, DISABLED = "Warning", "TopologyAwareHintsDisabled"

Said = tuple[str, str, str]
"""Type, reason and message of an event."""


@dataclass(frozen=True)
class Share:
    """How many endpoints a zone should have."""

    least: int
    wanted: float
    most: int


class Refused(Exception):
    """No hints can be given; the text says why."""


def is_asked(service: Obj) -> bool:
    """Whether the Service wants these hints."""
    annotations = annotations_of(service)
    found = next((annotations[name] for name in ANNOTATIONS if name in annotations), "")
    return found in ("Auto", "auto")


class Topology:
    """Remembers which Services have hints, and how many for each zone."""

    def __init__(self) -> None:
        self._zones: dict[str, dict[str, dict[str, int]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._zones.clear()

    def hints(
        self,
        key: str,
        service: Obj,
        family: str,
        slices: tuple[list[Obj], list[Obj], list[Obj]],
        nodes: Informer,
    ) -> tuple[list[Obj], list[Said]]:
        """Put hints on the slices (to create, to update, unchanged).

        Returns further slices to update, and the events to tell about it.
        """
        create, update, unchanged = slices
        had = key in self._zones
        if not is_asked(service):
            self._forget(key, family)
            said = _disabled("Topology Aware Hints has been disabled", family) if had else []
            return add_hints(service, create, update, unchanged, nodes), said
        try:
            more, given = _share_out(create, update, unchanged, cpus_by_zone(nodes.list()))
        except Refused as why:
            self._forget(key, family)
            return add_hints({"spec": {}}, create, update, unchanged, nodes), _disabled(str(why), family)
        self._zones.setdefault(key, {})[family] = given
        text = f"Topology Aware Hints has been enabled, addressType: {family}"
        return more, [] if had else [("Normal", "TopologyAwareHintsEnabled", text)]

    def overloaded(self, nodes: Iterable[Obj]) -> list[str]:
        """The Services whose hints no longer go with the nodes."""
        if not self._zones:
            return []
        cpus = cpus_by_zone(nodes)
        return [
            key
            for key, families in self._zones.items()
            if any(_is_overloaded(given, cpus) for given in families.values())
        ]

    def _forget(self, key: str, family: str) -> None:
        families = self._zones.get(key)
        if families is not None:
            families.pop(family, None)
            if not families:
                del self._zones[key]


def _disabled(why: str, family: str) -> list[Said]:
    return [(WARNING, DISABLED, f"{why}, addressType: {family}")]


def node_is_ready(node: Obj) -> bool:
    """Whether its Ready condition is true."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def cpus_by_zone(nodes: Iterable[Obj]) -> dict[str, int]:
    """Thousandths of CPUs that are ready in each zone; empty when that is not known well enough."""
    found: dict[str, int] = {}
    for node in nodes:
        labels, status = labels_of(node), node.get("status") or {}
        if not node_is_ready(node) or any(label in labels for label in EXCLUDED):
            continue
        cpu = quantity.parse((status.get("allocatable") or {}).get("cpu", "0")).milli_value()
        if not labels.get(ZONE) or not cpu:
            return {}
        found[labels[ZONE]] = found.get(labels[ZONE], 0) + cpu
    return found if len(found) > 1 else {}


def _is_ready(endpoint: Obj) -> bool:
    return bool(endpoint["conditions"].get("ready"))


def _shares(cpus: dict[str, int], count: int) -> dict[str, Share]:
    if not cpus:
        raise Refused(NO_NODES)
    figures = f"({count} endpoints, {len(cpus)} zones)"
    if len(cpus) > count:
        raise Refused(f"{TOO_FEW} {figures}")
    total = sum(cpus.values())
    wanted = {zone: cpu / total * count for zone, cpu in cpus.items()}
    least = {zone: math.ceil(number / (1 + OVERLOAD)) for zone, number in wanted.items()}
    spare = count - sum(least.values())
    if spare < 0:
        raise Refused(f"{TOO_UNEVEN} {figures}")
    return {
        zone: Share(least[zone], max(wanted[zone], float(least[zone])), least[zone] + spare) for zone in cpus
    }


def _share_out(
    create: list[Obj], update: list[Obj], unchanged: list[Obj], cpus: dict[str, int]
) -> tuple[list[Obj], dict[str, int]]:
    """(further slices to update, endpoints for each zone); raises Refused."""
    everything = [endpoint for one in (*create, *update, *unchanged) for endpoint in one["endpoints"] or ()]
    shares = _shares(cpus, sum(map(_is_ready, everything)))
    given: dict[str, int] = {}
    more: list[Obj] = []
    for one in unchanged:
        hinted = _hinted_zones(one, given, shares)
        if hinted is None:
            more.append({**one, "endpoints": list(one["endpoints"] or ())})
            continue
        for zone, number in hinted.items():
            given[zone] = given.get(zone, 0) + number
    open_slices = [one for one in (*create, *update, *more) if one["endpoints"]]
    for one in open_slices:
        for endpoint in one["endpoints"]:
            if _is_ready(endpoint) and not endpoint.get("zone"):
                raise Refused(NO_ZONE)
    gives, takes = _exchange(shares, open_slices, given)
    for one in open_slices:
        one["endpoints"] = [_placed(endpoint, gives, takes, given) for endpoint in one["endpoints"]]
    if not given:
        raise Refused(NO_HINTS)
    return more, given


def _hinted_zones(one: Obj, given: dict[str, int], shares: dict[str, Share]) -> dict[str, int] | None:
    """The zones that a slice's hints name; None when they cannot stay as they are."""
    found: dict[str, int] = {}
    for endpoint in one["endpoints"] or ():
        if not _is_ready(endpoint):
            continue
        zones = [hint["name"] for hint in (endpoint.get("hints") or {}).get("forZones") or ()]
        if not zones or any(zone not in shares for zone in zones):
            return None
        for zone in zones:
            found[zone] = found.get(zone, 0) + 1
    if any(number + given.get(zone, 0) > shares[zone].most for zone, number in found.items()):
        return None
    return found


def _exchange(
    shares: dict[str, Share], slices: list[Obj], given: dict[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Counts each endpoint for its own zone, and says how many each zone should give or take."""
    for one in slices:
        for endpoint in filter(_is_ready, one["endpoints"]):
            given[endpoint["zone"]] = given.get(endpoint["zone"], 0) + 1
    over = {zone: given.get(zone, 0) - share.wanted for zone, share in shares.items()}
    rich = {zone: number for zone, number in over.items() if number > 0}
    poor = {zone: -number for zone, number in over.items() if number < 0}
    gives: dict[str, int] = {}
    takes: dict[str, int] = {}
    while rich and poor:
        giver, taker = max(rich, key=lambda zone: rich[zone]), max(poor, key=lambda zone: poor[zone])
        most, need = rich[giver], poor[taker]
        if (most < 1 and need < 1) or most < 0.5 or need < 0.5:
            break
        gives[giver] = gives.get(giver, 0) + 1
        takes[taker] = takes.get(taker, 0) + 1
        rich[giver] -= 1
        poor[taker] -= 1
    return gives, takes


def _placed(endpoint: Obj, gives: dict[str, int], takes: dict[str, int], given: dict[str, int]) -> Obj:
    """The endpoint with the hint for its own zone, or for one that needs it more."""
    plain = {key: value for key, value in endpoint.items() if key != "hints"}
    if not _is_ready(endpoint):
        return plain
    zone: str = endpoint["zone"]
    if gives.get(zone):
        needy = next((other for other, number in takes.items() if number), None)
        if needy is not None:
            gives[zone] -= 1
            takes[needy] -= 1
            given[zone] -= 1
            given[needy] = given.get(needy, 0) + 1
            zone = needy
    return {**plain, "hints": {"forZones": [{"name": zone}]}}


def _is_overloaded(given: dict[str, int], cpus: dict[str, int]) -> bool:
    if not given:
        return False
    if not cpus:
        return True
    total, everything = sum(cpus.values()), sum(given.values())
    return any(
        zone not in given or given[zone] < math.ceil(everything * cpu / total / (1 + OVERLOAD))
        for zone, cpu in cpus.items()
    )
