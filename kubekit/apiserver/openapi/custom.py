"""Custom resources in the documents: their own schema, completed by what every object has.

`served(server)` finds the definitions of each group version, `schemas_of` turns one of them into the schemas
of its kind and its list. Upstream: apiextensions-apiserver/pkg/controller/openapi and openapiv3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubekit.api.resources import Resource
from kubekit.apiserver.openapi import schemas
from kubekit.apiserver.openapi.schemas import META, SCHEMAS

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_JUNCTORS = ("allOf", "oneOf", "anyOf", "not")


@dataclass(frozen=True, slots=True)
class Served:
    """One version of a definition that is served."""

    resource: Resource
    structure: str
    """The public name of its schema: ``com.example.stable.v1.CronTab``."""
    schema: Obj
    subresources: tuple[str, ...]
    selectable: tuple[str, ...]
    stamp: tuple[str, str]
    """The definition's uid and resourceVersion: what is made of it holds as long as they do."""

    @property
    def listing(self) -> str:
        """The public name of the list's schema."""
        return self.structure.removesuffix(self.resource.kind) + self.resource.list_kind


def served(server: APIServer) -> dict[tuple[str, str], list[Served]]:
    """The custom resources of each group version, by name of their definition."""
    found: dict[tuple[str, str], list[Served]] = {}
    for definition in server.store("apiextensions.k8s.io", "customresourcedefinitions").cache.span(""):
        conditions = (definition.get("status") or {}).get("conditions") or ()
        if not any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
            continue
        for version in definition["spec"]["versions"]:
            if version.get("served"):
                one = _served(definition, version)
                found.setdefault((one.resource.group, one.resource.version), []).append(one)
    return found


def _served(definition: Obj, version: Obj) -> Served:
    spec, metadata = definition["spec"], definition["metadata"]
    names, group = spec["names"], spec["group"]
    resource = Resource(
        group, version["name"], names["plural"], names["kind"], namespaced=spec["scope"] == "Namespaced"
    )
    return Served(
        resource,
        ".".join([*reversed(group.split(".")), version["name"], names["kind"]]),
        (version.get("schema") or {}).get("openAPIV3Schema") or {},
        tuple(name for name in ("status", "scale") if name in (version.get("subresources") or {})),
        tuple(one["jsonPath"].removeprefix(".") for one in version.get("selectableFields") or ()),
        (metadata.get("uid", ""), metadata.get("resourceVersion", "")),
    )


def schemas_of(one: Served) -> Obj:
    """The schemas of a custom resource and of its list, by public name."""
    resource = one.resource
    whole = _embedded(one.schema)
    whole["type"] = "object"
    whole["properties"] = {**whole.get("properties", {}), **_common("core.v1.Pod", "ObjectMeta")}
    whole["x-kubernetes-group-version-kind"] = [_kind(resource, resource.kind)]
    items = {
        "description": f"List of {resource.plural}. More info: {_CONVENTIONS}",
        "items": {"$ref": SCHEMAS + one.structure},
        "type": "array",
    }
    listing: Obj = {
        "description": f"{resource.list_kind} is a list of {resource.kind}",
        "properties": {"items": items, **_common("core.v1.PodList", "ListMeta")},
        "required": ["items"],
        "type": "object",
        "x-kubernetes-group-version-kind": [_kind(resource, resource.list_kind)],
    }
    if one.selectable:
        selectable = [{"fieldPath": path} for path in one.selectable]
        whole["x-kubernetes-selectable-fields"] = listing["x-kubernetes-selectable-fields"] = selectable
    return {one.structure: whole, one.listing: listing}


def _kind(resource: Resource, kind: str) -> Obj:
    return {"group": resource.group, "kind": kind, "version": resource.version}


def _common(kind: str, metadata: str) -> Obj:
    """apiVersion, kind and metadata; the last described as `kind` does."""
    api_version, kind_ = schemas.type_meta()
    text = schemas.metadata_text(kind)
    reference = {"$ref": f"{SCHEMAS}{META}{metadata}"}
    described: Obj = {"allOf": [reference], "description": text} if text else reference
    return {"apiVersion": api_version, "kind": kind_, "metadata": described}


def _embedded(schema: Obj) -> Obj:
    """A copy in which objects within the object have their common fields, too."""
    copy = dict(schema)
    if "properties" in copy:
        copy["properties"] = {name: _embedded(inner) for name, inner in copy["properties"].items()}
    for place in ("items", "additionalProperties"):
        if isinstance(copy.get(place), dict):
            copy[place] = _embedded(copy[place])
    if copy.get("x-kubernetes-embedded-resource"):
        copy["properties"] = {**copy.get("properties", {}), **_common("core.v1.Pod", "ObjectMeta")}
        copy["required"] = [*dict.fromkeys([*copy.get("required", ()), "kind", "apiVersion"])]
    return copy


def as_v2(schema: Obj) -> Obj:
    """A custom schema as OpenAPI v2 can say it: what its clients would misread is left out.

    Values that may be null, and objects with unknown fields, have no type there, since kubectl would refuse
    them.
    """
    copy = {key: value for key, value in schema.items() if key not in _JUNCTORS}
    unknown = copy.get("x-kubernetes-preserve-unknown-fields")
    nullable = copy.pop("nullable", False)
    if nullable or unknown:
        for key in ("items", "properties"):
            copy.pop(key, None)
    if nullable or (unknown and copy.get("type") == "object"):
        copy.pop("type", None)
    if copy.get("type") == "array" and "items" not in copy:
        del copy["type"]
    if "properties" in copy:
        null = {name for name, inner in copy["properties"].items() if inner.get("nullable")}
        copy["properties"] = {name: as_v2(inner) for name, inner in copy["properties"].items()}
        _keep_required(copy, lambda name: name not in null)
    for place in ("items", "additionalProperties"):
        if isinstance(copy.get(place), dict):
            copy[place] = as_v2(copy[place])
    return copy


def _keep_required(schema: Obj, wanted: Any) -> None:
    left = [name for name in schema.get("required", ()) if wanted(name)]
    if left:
        schema["required"] = left
    else:
        schema.pop("required", None)


def names(found: Iterable[Served]) -> list[str]:
    """The built-in structures that custom resources refer to."""
    wanted = ["meta.v1.ObjectMeta", "meta.v1.ListMeta", "meta.v1.DeleteOptions", "meta.v1.Status"]
    if any("scale" in one.subresources for one in found):
        wanted.append("autoscaling.v1.Scale")
    return [*wanted, f"{META}Patch"]
