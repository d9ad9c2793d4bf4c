"""Random nodes and pods that use everything a plugin looks at, and random changes to them."""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.cache import Cache
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng

Obj = dict[str, Any]

ZONES, RACKS, APPS = ["a", "b", "c", ""], ["r1", "r2", "r3", "r4", "r5"], ["web", "db", "cache"]
NAMESPACES = ["shop", "bank"]
EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
SPEC_PARTS = ["containers", "tolerations", "topologySpreadConstraints"]
MIB = 1024 * 1024


class Lister:
    """Objects by key."""

    def __init__(self, objects: list[Obj]) -> None:
        self.objects = {
            f"{o['metadata']['namespace']}/{o['metadata']['name']}"
            if "namespace" in o["metadata"]
            else o["metadata"]["name"]: o
            for o in objects
        }

    def get(self, key: str) -> Obj | None:
        return self.objects.get(key)

    def list(self) -> list[Obj]:
        return list(self.objects.values())

    def by_index(self, name: str, value: str) -> list[Obj]:
        return [o for o in self.objects.values() if o["metadata"].get("namespace") == value]


class FakeHandle:
    """What plugins see of a random world."""

    client = None

    def __init__(self, snapshot: Snapshot, chance: Randomness) -> None:
        self.snapshot = snapshot
        self._nominated: dict[str, list[PodInfo]] = {}
        services = [
            {"metadata": {"name": app, "namespace": "shop"}, "spec": {"selector": {"app": app}}}
            for app in APPS[:2]
        ]
        namespaces = [{"metadata": {"name": ns, "labels": {"team": ns[0]}}} for ns in NAMESPACES]
        self._listers = {"services": Lister(services), "namespaces": Lister(namespaces)}

    def lister(self, resource: str) -> Lister:
        return self._listers.get(resource) or Lister([])

    def nominate(self, chance: Randomness, pod: PodInfo) -> None:
        """Promise some nodes to other pods, now and then."""
        self._nominated = {}
        if chance.often(0.15):
            for node in chance.some(list(self.snapshot.by_name), 2):
                other = PodInfo(chance.pod(f"hopes-for-{node}"))
                self._nominated.setdefault(node, []).append(other)

    def serve(self, chance: Randomness) -> None:
        """Services appear and disappear."""
        self._listers["services"] = Lister(
            [
                {"metadata": {"name": app, "namespace": namespace}, "spec": {"selector": {"app": app}}}
                for app in APPS
                for namespace in NAMESPACES
                if chance.often(0.3)
            ]
        )

    def nominated_pods(self, node: str) -> list[PodInfo]:
        return self._nominated.get(node, [])

    def nominated_nodes(self) -> list[str]:
        return list(self._nominated)

    def now(self) -> float:
        return 0.0

    def choose(self, items: list[str]) -> str:
        return items[0]

    def preempt(self, *args: Any) -> None:
        raise AssertionError("nobody preempts here")

    def preempting(self, pod: PodInfo) -> bool:
        return False


class Randomness:
    """One world's chance."""

    def __init__(self, seed: int) -> None:
        self.rng = Rng(seed).child("world")
        self.size = self.rng.choice([3, 8, 15, 40, 130 if seed % 10 == 0 else 20])
        self.rich = self.rng.random()
        """How much of everything this world has."""
        self.pictures = 1.0
        """Of how many nodes images are known."""
        self.pods = 0

    # -- chance ------------------------------------------------------------------------------------

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def one(self, items: list[Any]) -> Any:
        return self.rng.choice(items)

    def some(self, items: list[Any], most: int) -> list[Any]:
        return [self.rng.choice(items) for _ in range(self.rng.randint(0, most))] if items else []

    # -- nodes -------------------------------------------------------------------------------------

    def node(self, name: str) -> Obj:
        labels = {"kubernetes.io/hostname": name}
        if self.often(0.9):
            labels["zone"] = self.one(ZONES)
            labels["topology.kubernetes.io/zone"] = labels["zone"]
        if self.often(0.8):
            labels["rack"] = self.one(RACKS)
        if self.often(0.5):
            labels["disk"] = self.one(["ssd", "hdd"])
        if self.often(0.6):
            labels["gen"] = self.one(["1", "2", "9", "x"])
        allocatable = {
            "cpu": self.one(["0", "2", "4", "7500m", "16"]) if self.often(0.5) else "8",
            "memory": self.one(["2Gi", "8Gi", "15Gi", "32Gi", "9Ei"]) if self.often(0.5) else "16Gi",
            "pods": self.one(["3", "110"]),
            "ephemeral-storage": "20Gi",
        }
        if self.often(0.3):
            allocatable["example.com/gpu"] = self.one(["1", "4"])
        spec: Obj = {}
        if self.often(0.2 * self.rich):
            spec["unschedulable"] = True
        if self.often(0.4 * self.rich):
            spec["taints"] = [
                {"key": self.one(["x", "y"]), "value": self.one(["1", ""]), "effect": self.one(EFFECTS)}
                for _ in range(self.rng.randint(1, 2))
            ]
        images = [
            {
                "names": [f"image{self.rng.randint(0, 3)}:latest"],
                "sizeBytes": self.one([5, 90, 700, 3000]) * MIB,
            }
            for _ in range(self.rng.randint(0, 2) if self.often(self.pictures) else 0)
        ]
        status = {"allocatable": allocatable, "images": images}
        return {"metadata": {"name": name, "uid": name, "labels": labels}, "spec": spec, "status": status}

    # -- pods --------------------------------------------------------------------------------------

    def selector(self) -> Obj | None:
        kind = self.rng.randint(0, 9)
        if kind == 0:
            return None
        if kind == 1:
            return {}
        if kind == 2:
            return {"matchExpressions": [{"key": "app", "operator": "In", "values": APPS[:2]}]}
        if kind == 3:
            return {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}
        return {"matchLabels": {"app": self.one(APPS)}}

    def term(self) -> Obj:
        term: Obj = {"topologyKey": self.one(["zone", "rack", "kubernetes.io/hostname", "nowhere"])}
        if (selector := self.selector()) is not None:
            term["labelSelector"] = selector
        if self.often(0.2):
            term["namespaces"] = [self.one(NAMESPACES)]
        if self.often(0.2):
            term["namespaceSelector"] = self.one([{}, {"matchLabels": {"team": "b"}}])
        return term

    def expression(self) -> Obj:
        key = self.one(["zone", "rack", "disk", "gen", "kubernetes.io/hostname"])
        operator = self.one(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
        if operator in ("Exists", "DoesNotExist"):
            return {"key": key, "operator": operator}
        if operator in ("Gt", "Lt"):
            return {"key": "gen", "operator": operator, "values": [self.one(["1", "2", "5"])]}
        values = {"zone": ZONES, "rack": RACKS, "disk": ["ssd", "hdd"], "gen": ["1", "2"]}.get(
            key, ["n1", "n2"]
        )
        return {"key": key, "operator": operator, "values": sorted({self.one(values), self.one(values)})}

    def affinity(self) -> Obj:
        found: Obj = {}
        if self.often(0.3):
            node: Obj = {}
            if self.often(0.6):
                terms = [{"matchExpressions": [self.expression() for _ in range(self.rng.randint(1, 2))]}]
                if self.often(0.4):
                    terms.append({"matchExpressions": [self.expression()]})
                if self.often(0.1):
                    field = {"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}
                    terms.append({"matchFields": [field]})
                node["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
            if self.often(0.6):
                node["preferredDuringSchedulingIgnoredDuringExecution"] = [
                    {
                        "weight": self.rng.randint(1, 100),
                        "preference": {"matchExpressions": [self.expression()]},
                    }
                    for _ in range(self.rng.randint(1, 3))
                ]
            found["nodeAffinity"] = node
        for kind in ("podAffinity", "podAntiAffinity"):
            if self.often(0.35 * self.rich):
                one: Obj = {}
                if self.often(0.5):
                    one["requiredDuringSchedulingIgnoredDuringExecution"] = [
                        self.term() for _ in range(self.rng.randint(1, 2))
                    ]
                if self.often(0.7):
                    one["preferredDuringSchedulingIgnoredDuringExecution"] = [
                        {"weight": self.rng.randint(1, 100), "podAffinityTerm": self.term()}
                        for _ in range(self.rng.randint(1, 2))
                    ]
                found[kind] = one
        return found

    def spread(self) -> list[Obj]:
        constraints = []
        for key in {self.one(["zone", "rack", "kubernetes.io/hostname"]) for _ in range(2)}:
            constraint: Obj = {
                "maxSkew": self.rng.randint(1, 3),
                "topologyKey": key,
                "whenUnsatisfiable": self.one(["DoNotSchedule", "ScheduleAnyway"]),
            }
            if (selector := self.selector()) is not None:
                constraint["labelSelector"] = selector
            if self.often(0.2) and constraint["whenUnsatisfiable"] == "DoNotSchedule":
                constraint["minDomains"] = self.rng.randint(1, 5)
            if self.often(0.3):
                constraint["nodeAffinityPolicy"] = self.one(["Ignore", "Honor"])
            if self.often(0.3):
                constraint["nodeTaintsPolicy"] = self.one(["Ignore", "Honor"])
            constraints.append(constraint)
        return sorted(constraints, key=lambda c: str(c["topologyKey"]))

    def pod(self, name: str, on: str = "") -> Obj:
        requests: Obj = {}
        if self.often(0.8):
            requests["cpu"] = self.one(["100m", "250m", "1", "3"])
        if self.often(0.7):
            requests["memory"] = self.one(["64Mi", "1Gi", "3Gi"])
        if self.often(0.1):
            requests["ephemeral-storage"] = self.one(["1Gi", "30Gi"])
        if self.often(0.1):
            requests["example.com/gpu"] = "1"
        container: Obj = {
            "name": "c",
            "image": f"image{self.rng.randint(0, 3)}",
            "resources": {"requests": requests},
        }
        if self.often(0.12):
            container["ports"] = [{"containerPort": 1, "hostPort": self.one([80, 81])}]
        spec: Obj = {"containers": [container], "priority": self.rng.randint(0, 3)}
        if self.often(0.3):
            spec["affinity"] = self.affinity()
        if self.often(0.3):
            spec["topologySpreadConstraints"] = self.spread()
        if self.often(0.2):
            spec["nodeSelector"] = {"disk": self.one(["ssd", "hdd"])}
        if self.often(0.4):
            spec["tolerations"] = [
                {"key": self.one(["x", "y"]), "operator": "Exists", "effect": self.one([*EFFECTS, ""])}
                for _ in range(self.rng.randint(1, 2))
            ]
        if on:
            spec["nodeName"] = on
        self.pods += 1
        labels = {"app": self.one(APPS)}
        if self.often(0.3):
            labels["tier"] = "front"
        metadata: Obj = {
            "name": name,
            "namespace": self.one(NAMESPACES),
            "uid": f"{name}-{self.pods}",
            "labels": labels,
        }
        if on and self.often(0.1):
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        status = {"phase": "Pending"}
        if not on and self.often(0.03):
            status["nominatedNodeName"] = "n1"
        return {"metadata": metadata, "spec": spec, "status": status}

    def templates(self) -> list[Obj]:
        """A pod, and others that differ from it in one thing."""
        first = self.pod("template")
        found = [first]
        for what in self.some(["labels", "namespace", *SPEC_PARTS], 3):
            other = self.pod("template")
            if what in SPEC_PARTS:
                spec = {key: value for key, value in first["spec"].items() if key != what}
                found.append({**first, "spec": {**spec, what: other["spec"].get(what, [])}})
            else:
                metadata = {**first["metadata"], what: other["metadata"][what]}
                found.append({**first, "metadata": metadata})
        return found

    # -- a world -----------------------------------------------------------------------------------

    def populate(self, cache: Cache) -> None:
        """Nodes, and pods on them."""
        for number in range(self.size):
            cache.add_node(self.node(f"n{number}"))
        for number in range(int(self.size * 3 * self.rng.random())):
            cache.add_pod(self.pod(f"old{number}", on=f"n{self.rng.randint(0, self.size - 1)}"))

    def change(self, cache: Cache) -> None:
        """A few things happen."""
        for _ in range(self.rng.randint(0, 3)):
            what, name = self.rng.random(), f"n{self.rng.randint(0, self.size - 1)}"
            if what < 0.35:
                cache.add_pod(self.pod(f"more{self.pods}", on=name))
            elif what < 0.6 and cache.pods:
                cache.remove_pod(self.one(list(cache.pods)))
            elif what < 0.75 and cache.pods:
                uid = self.one(list(cache.pods))
                old = cache.pods[uid]
                changed = self.pod(old.name, on=old.node_name)
                changed["metadata"].update(uid=uid, namespace=old.namespace)
                cache.add_pod(changed)
            elif what < 0.9:
                known = cache.nodes.get(name)
                cache.update_node(known.node if known else None, self.node(name))
            elif len(cache.nodes) > 2 and name in cache.nodes:
                cache.remove_node({"metadata": {"name": name}})
