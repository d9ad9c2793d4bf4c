"""What a structural schema does to an instance: unknown fields go, nulls go, defaults come.

`prune(value, schema)` gives a pruned copy and the paths of what was unknown; `default(value, schema)`
fills in, in place. Called when an instance comes in and when it is read from the store. Upstream:
apiextensions-apiserver (pkg/apiserver/schema/pruning, schema/defaulting).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import deep_copy

Obj = dict[str, Any]

META = ("apiVersion", "kind", "metadata")


def prune(value: Obj, schema: Obj) -> tuple[Obj, list[str]]:
    """A whole instance without unknown fields; type and metadata are always known."""
    unknown: list[str] = []
    found = _pruned(value, {**schema, "x-kubernetes-embedded-resource": True}, "", unknown)
    return found, sorted(unknown)


def pruned(value: Any, schema: Obj) -> Any:
    """Any value without what its schema does not know."""
    return _pruned(value, schema, "", [])


def _pruned(value: Any, schema: Obj | None, path: str, unknown: list[str]) -> Any:
    if isinstance(value, list):
        items = schema.get("items") if schema is not None else None
        return [_pruned(item, items, f"{path}[{place}]", unknown) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if schema is None:
        unknown += [_child(path, key) for key in value]
        return {}
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    found: Obj = {}
    for key, item in value.items():
        if embedded and key in META:
            found[key] = item
        elif key in properties:
            found[key] = _pruned(item, properties[key], _child(path, key), unknown)
        elif isinstance(extra, dict):
            found[key] = _pruned(item, extra, _child(path, key), unknown)
        elif extra is True or keeps:
            found[key] = item
        elif path or key not in META:
            unknown.append(_child(path, key))
    return found


def _child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def drop_nulls(value: Any, schema: Obj | None) -> None:
    """Remove nulls that may not be and have no default, in place."""
    if schema is None:
        return
    if isinstance(value, list):
        for item in value:
            drop_nulls(item, schema.get("items"))
    elif isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        for key in list(value):
            below = properties.get(key, extra if isinstance(extra, dict) else None)
            if below is None:
                continue
            if value[key] is None and not below.get("nullable") and below.get("default") is None:
                if key in properties:
                    del value[key]
            else:
                drop_nulls(value[key], below)


def default(value: Any, schema: Obj | None) -> None:
    """Fill in defaults, in place."""
    if schema is None:
        return
    if isinstance(value, list):
        items = schema.get("items")
        for place, item in enumerate(value):
            if _needs(item, items):
                value[place] = deep_copy(items["default"]) if items else None
            default(value[place], items)
        return
    if not isinstance(value, dict):
        return
    properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, part in properties.items():
        if part.get("default") is not None and (key not in value or _needs(value[key], part)):
            value[key] = deep_copy(part["default"])
    for key in value:
        below = properties.get(key, extra if isinstance(extra, dict) else None)
        if below is None:
            continue
        if key not in properties and _needs(value[key], below):
            value[key] = deep_copy(below["default"])
        default(value[key], below)


def _needs(value: Any, schema: Obj | None) -> bool:
    """Whether a null stands where the default belongs."""
    return (
        value is None
        and schema is not None
        and not schema.get("nullable")
        and schema.get("default") is not None
    )


def has_defaults(schema: Any) -> bool:
    """Whether a schema has any default at all."""
    if isinstance(schema, dict):
        return "default" in schema or any(has_defaults(part) for part in schema.values())
    return isinstance(schema, list) and any(has_defaults(part) for part in schema)


def has_rules(schema: Any) -> bool:
    """Whether a schema has rules in CEL."""
    if isinstance(schema, dict):
        return "x-kubernetes-validations" in schema or any(has_rules(part) for part in schema.values())
    return isinstance(schema, list) and any(has_rules(part) for part in schema)
