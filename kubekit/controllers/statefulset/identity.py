"""Who a StatefulSet's pods are: names, labels, host names and volume claims.

Source: pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re

from kubekit.api.meta import Obj, controller_reference
from kubekit.controllers.pod_control import pod_from_template
from kubekit.controllers.pods import is_available

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"
_NAME = re.compile(r"(.*)-([0-9]+)$")


def parent_and_ordinal(pod: Obj) -> tuple[str, int]:
    """The set's name and the number in a pod's name; ("", -1) when it has none."""
    found = _NAME.match(pod["metadata"]["name"])
    return (found[1], int(found[2])) if found else ("", -1)


def ordinal_of(pod: Obj) -> int:
    """The number in the pod's name."""
    return parent_and_ordinal(pod)[1]


def first_ordinal(owner: Obj) -> int:
    """The first pod's number."""
    start: int = (owner["spec"].get("ordinals") or {}).get("start", 0)
    return start


def in_range(pod: Obj, owner: Obj) -> bool:
    """Whether the pod's number is one that the set wants."""
    first = first_ordinal(owner)
    return first <= ordinal_of(pod) < first + int(owner["spec"].get("replicas", 1))


def revision_of(pod: Obj) -> str:
    """The name of the revision that the pod was made from."""
    name: str = (pod["metadata"].get("labels") or {}).get(REVISION, "")
    return name


def is_created(pod: Obj) -> bool:
    """Whether it exists on the server."""
    return bool((pod.get("status") or {}).get("phase"))


def is_unavailable(pod: Obj, owner: Obj, now: float) -> bool:
    """Not ready for long enough, or on its way out."""
    minimum = owner["spec"].get("minReadySeconds", 0)
    return not is_available(pod, minimum, now) or bool(pod["metadata"].get("deletionTimestamp"))


def claim_name(template: Obj, owner: Obj, ordinal: int) -> str:
    """The name of a pod's claim: data-db-0."""
    return f"{template['metadata']['name']}-{owner['metadata']['name']}-{ordinal}"


def claims_of(owner: Obj, pod: Obj) -> list[Obj]:
    """The claims that a pod should have."""
    found = []
    selected = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        meta = template.get("metadata") or {}
        metadata = {
            **meta,
            "name": claim_name(template, owner, ordinal_of(pod)),
            "namespace": owner["metadata"]["namespace"],
            "labels": {**(meta.get("labels") or {}), **selected},
        }
        claim = {**template, "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        claim.pop("status", None)
        found.append(claim)
    return found


def volumes_of(owner: Obj, pod: Obj) -> list[Obj]:
    """The pod's volumes with those of the claims in front."""
    templates = owner["spec"].get("volumeClaimTemplates") or ()
    names = {template["metadata"]["name"] for template in templates}
    claims = [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(template, owner, ordinal_of(pod))},
        }
        for template in templates
    ]
    return claims + [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in names]


def identity_matches(owner: Obj, pod: Obj) -> bool:
    """Whether the pod bears the set's name and its own label."""
    parent, ordinal = parent_and_ordinal(pod)
    meta = pod["metadata"]
    return (
        ordinal >= 0
        and parent == owner["metadata"]["name"]
        and (meta.get("labels") or {}).get(POD_NAME) == meta["name"]
    )


def storage_matches(owner: Obj, pod: Obj) -> bool:
    """Whether the pod uses its own claims."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        volume = volumes.get(template["metadata"]["name"]) or {}
        wanted = claim_name(template, owner, ordinal_of(pod))
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") != wanted:
            return False
    return True


def with_identity(owner: Obj, pod: Obj) -> Obj:
    """The pod with the labels and volumes that it should have."""
    meta = pod["metadata"]
    labels = {
        **(meta.get("labels") or {}),
        POD_NAME: meta["name"],
        POD_INDEX: str(ordinal_of(pod)),
    }
    spec = pod["spec"]
    if owner["spec"].get("volumeClaimTemplates"):
        spec = {**spec, "volumes": volumes_of(owner, pod)}
    return {**pod, "metadata": {**meta, "labels": labels}, "spec": spec}


def new_pod(owner: Obj, template: Obj, revision: str, ordinal: int) -> Obj:
    """The pod for an ordinal, from the template of a revision."""
    pod = pod_from_template(template, owner, controller_reference(owner))
    name = f"{owner['metadata']['name']}-{ordinal}"
    meta = pod["metadata"]
    meta["name"] = name
    meta["namespace"] = owner["metadata"]["namespace"]
    meta["labels"] = {**(meta.get("labels") or {}), REVISION: revision}
    pod["spec"] = {**pod["spec"], "hostname": name}
    if owner["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = owner["spec"]["serviceName"]
    return with_identity(owner, pod)
