"""The volume binder: which volumes a pod would get on a node, and binding them once the node is chosen.

Bound claims must be usable on the node. Unbound claims whose class waits for the first consumer get the
smallest fitting free volume, or are provisioned: the scheduler then only writes the chosen node on the claim
and a provisioner does the rest. Between choosing and the API server's answer, bindings are *assumed* here, so
that the next pod does not take the same volume. Used by VolumeBinding; no plugin of its own.

Source: pkg/scheduler/framework/plugins/volumebinding/binder.go, passive_assume_cache.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.api.meta import deep_copy
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import Handle, Lister
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.resources import amounts_of
from kubekit.scheduler.framework.selector import Selector
from kubekit.scheduler.framework.status import PluginError
from kubekit.scheduler.plugins import volume_facts as facts

Obj = dict[str, Any]

BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NOT_ENOUGH_SPACE = "node(s) did not have enough free storage"
NO_SUCH_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class Claims(NamedTuple):
    """A pod's claims, sorted by what must be done about them."""

    bound: list[Obj]
    late: list[Obj]
    immediate: list[Obj]


class PodVolumes(NamedTuple):
    """What a node would do for the pod: (volume, claim) pairs to bind, claims to provision."""

    bindings: list[tuple[Obj, Obj]]
    provisions: list[Obj]


class AssumeCache:
    """An informer's objects, with our own versions on top until the informer has a newer one."""

    def __init__(self, lister: Lister) -> None:
        self._lister = lister
        self._assumed: dict[str, Obj] = {}

    def get(self, key: str) -> Obj | None:
        """The assumed version, or the informer's."""
        known = self._lister.get(key)
        assumed = self._assumed.get(key)
        if assumed is None:
            return known
        if known is None or _version(known) != _version(assumed):
            del self._assumed[key]
            return known
        return assumed

    def confirmed(self, key: str) -> Obj | None:
        """The informer's version."""
        return self._lister.get(key)

    def list(self) -> list[Obj]:
        """All objects, assumed versions where there are any."""
        if not self._assumed:
            return self._lister.list()
        return [self.get(_key(obj)) or obj for obj in self._lister.list()]

    def assume(self, obj: Obj) -> None:
        """Let `obj` stand for what the informer has now."""
        self._assumed[_key(obj)] = obj

    def restore(self, obj: Obj) -> None:
        """Go back to what the informer has."""
        self._assumed.pop(_key(obj), None)


class VolumeBinder:
    """The steps of binding a pod's volumes."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.claims = AssumeCache(handle.lister("persistentvolumeclaims"))
        self.volumes = AssumeCache(handle.lister("persistentvolumes"))

    def claims_of(self, pod: PodInfo) -> Claims:
        """Sort the pod's claims; raises PluginError when one is not as it should be."""
        found = Claims([], [], [])
        for volume in pod.spec.get("volumes") or ():
            named = facts.claim_of(pod, volume)
            if named is None:
                continue
            key = f"{pod.namespace}/{named[0]}"
            claim = self.claims.get(key)
            if claim is None:
                raise PluginError(f'error getting PVC "{key}": persistentvolumeclaim "{key}" not found')
            if named[1] and (wrong := facts.not_owned(pod, claim)):
                raise PluginError(wrong)
            if facts.is_fully_bound(claim):
                found.bound.append(claim)
            elif self._binds_late(claim) and not (claim.get("spec") or {}).get("volumeName"):
                found.late.append(claim)
            else:
                found.immediate.append(claim)
        return found

    def _binds_late(self, claim: Obj) -> bool:
        name = facts.class_of_claim(claim)
        storage_class = self.handle.lister("storageclasses.storage.k8s.io").get(name) if name else None
        if storage_class is None:
            return False
        mode = storage_class.get("volumeBindingMode")
        if mode is None:
            raise PluginError(f'VolumeBindingMode not set for StorageClass "{name}"')
        return bool(mode == "WaitForFirstConsumer")

    def find(self, claims: Claims, node: NodeInfo) -> tuple[PodVolumes, list[str]]:
        """(what the node would do, the reasons why it cannot)."""
        reasons: list[str] = []
        if claims.bound and (reason := self._check_bound(claims.bound, node)):
            reasons.append(reason)
        result = PodVolumes([], [])
        to_match: list[Obj] = []
        to_provision: list[Obj] = []
        for claim in claims.late:
            selected = (claim["metadata"].get("annotations") or {}).get(facts.SELECTED_NODE)
            if selected is None:
                to_match.append(claim)
            elif selected == node.name:
                to_provision.append(claim)
            else:
                return result, _in_order([*reasons, BIND_CONFLICT])
        result.bindings.extend(self._match(to_match, node, to_provision))
        if to_provision and (reason := self._provision(to_provision, node)):
            return result, _in_order([*reasons, reason])
        result.provisions.extend(to_provision)
        return result, reasons

    def _check_bound(self, claims: list[Obj], node: NodeInfo) -> str:
        for claim in claims:
            volume = self.volumes.get(claim["spec"]["volumeName"])
            if volume is None:
                return NO_SUCH_VOLUME
            if not facts.usable_on(volume, node.labels):
                return NODE_CONFLICT
        return ""

    def _match(self, claims: list[Obj], node: NodeInfo, unmatched: list[Obj]) -> list[tuple[Obj, Obj]]:
        """Give each claim the smallest volume that fits, smallest claim first."""
        chosen: set[str] = set()
        pairs: list[tuple[Obj, Obj]] = []
        for claim in sorted(claims, key=facts.storage_request):
            volume = self._smallest(claim, node, chosen)
            if volume is None:
                unmatched.append(claim)
            else:
                chosen.add(volume["metadata"]["name"])
                pairs.append((volume, claim))
        return pairs

    def _smallest(self, claim: Obj, node: NodeInfo, taken: set[str]) -> Obj | None:
        spec = claim.get("spec") or {}
        wanted = facts.storage_request(claim)
        class_name = facts.class_of_claim(claim)
        selector = Selector.of(spec["selector"]) if spec.get("selector") is not None else None
        best: Obj | None = None
        for volume in self.volumes.list():
            meta, theirs = volume["metadata"], volume.get("spec") or {}
            mine = facts.is_bound_to(volume, claim)
            if (
                facts.class_of_volume(volume) != class_name
                or meta["name"] in taken
                or (theirs.get("claimRef") is not None and not mine)
                or facts.storage_capacity(volume) < wanted
                or (spec.get("volumeMode") or "Filesystem") != (theirs.get("volumeMode") or "Filesystem")
                or (spec.get("volumeAttributesClassName") or "")
                != (theirs.get("volumeAttributesClassName") or "")
                or meta.get("deletionTimestamp") is not None
            ):
                continue
            usable = facts.usable_on(volume, node.labels)
            if mine:
                return volume if usable else None
            if (
                (volume.get("status") or {}).get("phase") != "Available"
                or (selector is not None and not selector.matches(meta.get("labels") or {}))
                or not usable
                or not set(spec.get("accessModes") or ()) <= set(theirs.get("accessModes") or ())
            ):
                continue
            if best is None or facts.storage_capacity(best) > facts.storage_capacity(volume):
                best = volume
        return best

    def _provision(self, claims: list[Obj], node: NodeInfo) -> str:
        """Why the claims cannot be provisioned for this node; "" if they can."""
        for claim in claims:
            key = _key(claim)
            name = facts.class_of_claim(claim)
            if not name:
                raise PluginError(f'no class for claim "{key}"')
            storage_class = self.handle.lister("storageclasses.storage.k8s.io").get(name)
            if storage_class is None:
                raise PluginError(f'failed to find storage class "{name}"')
            provisioner = storage_class.get("provisioner") or ""
            if provisioner in ("", facts.NO_PROVISIONER):
                return BIND_CONFLICT
            if not _topology_allows(storage_class.get("allowedTopologies") or [], node.labels):
                return BIND_CONFLICT
            if not self._has_capacity(provisioner, claim, name, node):
                return NOT_ENOUGH_SPACE
        return ""

    def _has_capacity(self, provisioner: str, claim: Obj, class_name: str, node: NodeInfo) -> bool:
        """Whether a driver that publishes its free capacity has enough that this node can reach."""
        driver = self.handle.lister("csidrivers.storage.k8s.io").get(provisioner)
        wanted = facts.storage_request(claim)
        if not wanted or driver is None or not (driver.get("spec") or {}).get("storageCapacity"):
            return True
        for capacity in self.handle.lister("csistoragecapacities.storage.k8s.io").list():
            topology = capacity.get("nodeTopology")
            free = capacity.get("maximumVolumeSize", capacity.get("capacity"))
            if (
                capacity.get("storageClassName") == class_name
                and free is not None
                and amounts_of({"storage": free})["storage"] >= wanted
                and topology is not None
                and Selector.of(topology).matches(node.labels)
            ):
                return True
        return False

    # -- after the node was chosen -----------------------------------------------------------------

    def assume(self, plan: PodVolumes, node: str) -> PodVolumes:
        """Assume what will be written: volumes that name their claim, claims that name the node."""
        bindings: list[tuple[Obj, Obj]] = []
        for volume, claim in plan.bindings:
            if (volume.get("spec") or {}).get("claimRef", {}).get("uid") == claim["metadata"].get("uid", ""):
                bindings.append((volume, claim))
                continue
            new: Obj = deep_copy(volume)
            if not facts.is_bound_to(volume, claim):
                new["metadata"].setdefault("annotations", {})[facts.BOUND_BY_CONTROLLER] = "yes"
            new["spec"]["claimRef"] = _reference(claim)
            self.volumes.assume(new)
            bindings.append((new, claim))
        provisions: list[Obj] = []
        for claim in plan.provisions:
            new = deep_copy(claim)
            new["metadata"].setdefault("annotations", {})[facts.SELECTED_NODE] = node
            self.claims.assume(new)
            provisions.append(new)
        return PodVolumes(bindings, provisions)

    def revert(self, plan: PodVolumes) -> None:
        """Take back what was assumed."""
        for volume, _ in plan.bindings:
            self.volumes.restore(volume)
        for claim in plan.provisions:
            self.claims.restore(claim)

    def write(self, plan: PodVolumes) -> None:
        """Tell the API server; what it answers other than success is raised."""
        for volume, _ in plan.bindings:
            self.handle.client.update("persistentvolumes", volume)
        for claim in plan.provisions:
            self.handle.client.update("persistentvolumeclaims", claim)

    def is_done(self, plan: PodVolumes, node: str) -> bool:
        """Whether controllers have bound everything; raises PluginError when they went another way."""
        for volume, claim in plan.bindings:
            known = self.volumes.confirmed(volume["metadata"]["name"])
            bound = self.claims.confirmed(_key(claim))
            if known is None or bound is None:
                raise PluginError("failed to check binding: the volume or its claim was deleted")
            if not (known["spec"].get("claimRef") or {}).get("uid"):
                raise PluginError(f'ClaimRef got reset for pv "{known["metadata"]["name"]}"')
            if not facts.is_fully_bound(bound):
                return False
        for claim in plan.provisions:
            found = self.claims.confirmed(_key(claim))
            if found is None:
                raise PluginError(
                    f'failed to check provisioning pvc: persistentvolumeclaim "{_key(claim)}" not found'
                )
            annotations = found["metadata"].get("annotations")
            if not annotations:
                raise PluginError(f'selectedNode annotation reset for PVC "{found["metadata"]["name"]}"')
            if annotations.get(facts.SELECTED_NODE) != node:
                raise PluginError(f'provisioning failed for PVC "{found["metadata"]["name"]}"')
            if not facts.is_fully_bound(found):
                return False
        return True


def _in_order(reasons: list[str]) -> list[str]:
    order = (NODE_CONFLICT, BIND_CONFLICT, NOT_ENOUGH_SPACE, NO_SUCH_VOLUME)
    return sorted(reasons, key=order.index)


def _key(obj: Obj) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def _version(obj: Obj) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))


def _reference(claim: Obj) -> Obj:
    metadata = claim["metadata"]
    reference: Obj = {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": "v1",
        "resourceVersion": _version(claim),
    }
    return {name: value for name, value in reference.items() if value}


def _topology_allows(terms: list[Obj], labels: dict[str, str]) -> bool:
    """Whether a class may provision for a node with these labels; no terms at all: anywhere."""
    if not terms:
        return True
    return any(
        bool(expressions := term.get("matchLabelExpressions") or ())
        and all(labels.get(e.get("key", "")) in (e.get("values") or ()) for e in expressions)
        for term in terms
    )
