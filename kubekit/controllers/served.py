"""What the server serves: the kinds that the garbage collector and the namespace controller must look after.

Built-in kinds come from the table of resources, custom ones from the CustomResourceDefinitions that are
established. Each kind once, in its preferred version. The original asks the server's discovery documents.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.resources import RESOURCES, Resource
from kubekit.client import Informer

CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def built_in(*verbs: str) -> list[Resource]:
    """The built-in resources that have all these verbs, each in its first stable version.

    Alpha and beta versions are not served unless somebody switches them on.
    """
    found: dict[str, Resource] = {}
    for resource in RESOURCES:
        if "alpha" in resource.version or "beta" in resource.version:
            continue
        if all(verb in resource.verbs for verb in verbs):
            found.setdefault(resource.qualified, resource)
    found.pop("events.events.k8s.io", None)
    return list(found.values())


def custom(crds: Informer) -> list[Resource]:
    """The resources of the established CustomResourceDefinitions."""
    return [resource for crd in crds.list() if (resource := resource_of_crd(crd)) is not None]


def resource_of_crd(crd: Obj) -> Resource | None:
    """The resource that a definition defines, or None while it is not established."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return None
    spec = crd["spec"]
    names = spec["names"]
    versions = [version["name"] for version in spec["versions"] if version.get("served")]
    if not versions:
        return None
    return Resource(
        group=spec["group"],
        version=versions[0],
        plural=names["plural"],
        kind=names["kind"],
        singular=names.get("singular", names["kind"].lower()),
        namespaced=spec.get("scope") == "Namespaced",
        verbs=("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),
    )
