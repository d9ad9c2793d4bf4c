"""Whole objects inside of custom resources: `x-kubernetes-embedded-resource`.

`coerce` brings their metadata into the form of metadata when an instance comes in, `embedded_errors` judges
it. The metadata of the instance itself is somebody else's matter. Source: apiextensions-apiserver
(pkg/apiserver/schema/objectmeta).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.schema import CompiledType, DecodeError, struct_of
from kubekit.apiserver.validation.object_meta import path_segment_name, validate_object_meta

Obj = dict[str, Any]

METADATA = CompiledType("v1", "ObjectMeta", struct_of("meta.v1.ObjectMeta"))


class BadEmbedded(Exception):
    """Metadata that is none; the text is a field error."""


def embeds(schema: Any) -> bool:
    """Whether a schema has such objects anywhere."""
    if isinstance(schema, dict):
        return bool(schema.get("x-kubernetes-embedded-resource")) or any(map(embeds, schema.values()))
    return isinstance(schema, list) and any(map(embeds, schema))


def _embedded(value: Any, schema: Any, path: Path) -> Iterator[tuple[Obj, Path]]:
    """Every such object, outer ones first."""
    if not isinstance(schema, dict):
        return
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _embedded(item, schema.get("items"), path.index(position))
    elif isinstance(value, dict):
        if schema.get("x-kubernetes-embedded-resource"):
            yield value, path
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, item in value.items():
            if key in properties:
                yield from _embedded(item, properties[key], path.child(key))
            else:
                yield from _embedded(item, extra, path.key(key))


def coerce(value: Obj, schema: Obj) -> list[str]:
    """Decode the metadata inside, in place; gives the paths of unknown fields. Raises BadEmbedded."""
    unknown: list[str] = []
    for found, path in _embedded(value, schema, Path()):
        for field in ("apiVersion", "kind"):
            if field in found and not isinstance(found[field], str):
                raise BadEmbedded(str(invalid(path.child(field), found[field], "must be a string")))
        if "metadata" not in found:
            continue
        at = path.child("metadata")
        try:
            metadata, problems = METADATA.decode(found["metadata"] or {}, "Warn")
        except DecodeError as error:
            raise BadEmbedded(str(invalid(at, found["metadata"], str(error)))) from None
        found["metadata"] = dict(metadata)
        if found["metadata"].get("creationTimestamp") is None:
            found["metadata"].pop("creationTimestamp", None)
        unknown += [f"{at}.{text.partition(' field ')[2][1:-1]}" for text in problems]
    return unknown


def embedded_errors(value: Obj, schema: Obj) -> list[FieldError]:
    """What is wrong with type and metadata of the objects inside."""
    errors: list[FieldError] = []
    for found, path in _embedded(value, schema, Path()):
        errors += [required(path.child(field)) for field in ("apiVersion", "kind") if field not in found]
        for field, check in (("apiVersion", _version_problem), ("kind", _kind_problem)):
            text = found.get(field, "x")
            if not text:
                errors.append(invalid(path.child(field), text, "must not be empty"))
            elif problem := check(text):
                errors.append(invalid(path.child(field), text, problem))
        if "metadata" in found:
            metadata = {**found["metadata"], "name": found["metadata"].get("name") or "fakename"}
            errors += validate_object_meta(
                metadata,
                bool(metadata.get("namespace")),
                path_segment_name,
                path.child("metadata"),
                kube_finalizers=False,
            )
    return errors


def _version_problem(text: str) -> str:
    return f"unexpected GroupVersion string: {text}" if text.count("/") > 1 else ""


def _kind_problem(text: str) -> str:
    wrong = formats.dns1035_label(text.lower())
    return "may have mixed case, but should otherwise match: " + ",".join(wrong) if wrong else ""
