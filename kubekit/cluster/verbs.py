"""The learner's verbs on objects: apply, create, get, list, delete - as Python, by the one door.

Each verb is an ordinary request of the user kubernetes-admin, with a record like any other. Results are
readable copies. Errors are the server's own `StatusError`s.
"""

from __future__ import annotations

import importlib
from typing import Any

from kubekit.api.meta import Obj
from kubekit.api.resources import CATALOG, RESOURCES, Resource
from kubekit.client import APPLY, Client
from kubekit.cluster.errors import UnknownName
from kubekit.cluster.manifests import Source, objects_of
from kubekit.cluster.readable import Readable, ReadableList, readable, readable_list
from kubekit.sim import Loop

MANAGER = "kubekit"


class Verbs:
    """Verbs of one user in one cluster."""

    def __init__(self, client: Client, loop: Loop) -> None:
        self.client = client
        self._loop = loop

    def apply(self, source: Source, namespace: str | None = None) -> Any:
        """Make it so: server-side apply of one object (returns it) or several (returns a list).

        `source`: YAML text, a path to a file or folder, an object, or a list of these. Raises ManifestError
        for what cannot be read.
        """
        made = []
        for obj in objects_of(source):
            resource, place = self._place(obj, namespace)
            with self._loop.lock:
                made.append(
                    self.client.patch(
                        resource,
                        obj["metadata"]["name"],
                        obj,
                        place,
                        patch_type=APPLY,
                        fieldManager=MANAGER,
                        force="true",
                    )
                )
        return readable(made[0]) if len(made) == 1 else readable_list(made)

    def create(self, source: Source, namespace: str | None = None) -> Any:
        """Create one object (returns it) or several (returns a list); what exists already is an error."""
        made = []
        for obj in objects_of(source):
            resource, place = self._place(obj, namespace)
            with self._loop.lock:
                made.append(self.client.create(resource, obj, place))
        return readable(made[0]) if len(made) == 1 else readable_list(made)

    def get(self, kind: str, name: str, namespace: str = "default") -> Readable:
        """One object, e.g. ``get("pod", "web", namespace="shop")``."""
        resource = self.resource(kind)
        with self._loop.lock:
            found = self.client.get(resource, name, namespace if resource.namespaced else None)
        shown: Readable = readable(found)
        return shown

    def list(
        self, kind: str, namespace: str | None = None, *, selector: str = "", field_selector: str = ""
    ) -> ReadableList:
        """All objects of a kind, of one namespace or (without one) of all."""
        resource = self.resource(kind)
        with self._loop.lock:
            found = self.client.list(
                resource,
                namespace if resource.namespaced else None,
                label_selector=selector,
                field_selector=field_selector,
            )
        common = {"apiVersion": resource.api_version, "kind": resource.kind}
        return readable_list({**common, **item} for item in found["items"])

    def delete(
        self, kind: str, name: str, namespace: str = "default", *, grace_seconds: int | None = None
    ) -> None:
        """Ask for an object's deletion."""
        resource = self.resource(kind)
        with self._loop.lock:
            self.client.delete(
                resource,
                name,
                namespace if resource.namespaced else None,
                grace_seconds=grace_seconds,
                propagation="background",
            )

    def patch(self, kind: str, name: str, patch: Obj, namespace: str = "default") -> Readable:
        """Change a part of an object with a merge patch."""
        resource = self.resource(kind)
        with self._loop.lock:
            made = self.client.patch(
                resource,
                name,
                patch,
                namespace if resource.namespaced else None,
                patch_type="application/merge-patch+json",
            )
        shown: Readable = readable(made)
        return shown

    def resource(self, kind: str) -> Resource:
        """The resource of a kind, plural, short name or `plural.group`; raises UnknownName.

        Kinds that were added to the cluster (custom resources) are found by asking it.
        """
        found = CATALOG.find(kind)
        if found is None:
            found = self._custom(lambda names: kind.lower() in names)
        if found is None:
            known = ", ".join(sorted({resource.plural for resource in RESOURCES if resource.group == ""}))
            raise UnknownName(f"there is no kind {kind!r}; the core kinds are {known}")
        return found

    def etcdctl(self, line: str, stdin: str = "") -> Any:
        """Run a line of etcdctl that Python has put together, e.g. ``etcdctl(f"get colour --rev={before}")``.

        A cell shows the returned Result as what the program printed.
        """
        magics = importlib.import_module("kubekit.terminal.etcd_magics")
        return magics.run("etcdctl", line, stdin or None, self)

    def _place(self, obj: Obj, namespace: str | None) -> tuple[Resource, str | None]:
        resource = CATALOG.by_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            wanted = obj["kind"].lower()
            resource = self._custom(lambda names: wanted in names)
        if resource is None:
            raise UnknownName(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
        if not resource.namespaced:
            return resource, None
        return resource, obj.get("metadata", {}).get("namespace") or namespace or "default"

    def _custom(self, wanted: Any) -> Resource | None:
        with self._loop.lock:
            definitions = self.client.list("customresourcedefinitions.apiextensions.k8s.io")["items"]
        for definition in definitions:
            spec = definition["spec"]
            names = spec["names"]
            every = {
                names["plural"],
                names.get("singular", ""),
                names["kind"].lower(),
                f"{names['plural']}.{spec['group']}",
                *names.get("shortNames", ()),
            }
            if wanted(every):
                version = next(v["name"] for v in spec["versions"] if v.get("served"))
                return Resource(
                    group=spec["group"],
                    version=version,
                    plural=names["plural"],
                    kind=names["kind"],
                    singular=names.get("singular", names["kind"].lower()),
                    short_names=tuple(names.get("shortNames", ())),
                    categories=(),
                    namespaced=spec["scope"] == "Namespaced",
                    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
                    subresources={},
                )
        return None
