"""The strategy of custom resources: what their definition's schema and subresources say.

One strategy serves all versions of a definition; it looks up the version of the object that it is asked
about. Upstream: apiextensions-apiserver/pkg/registry/customresource (strategy.go, status_strategy.go,
validator.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.field_path import FieldError, Path, invalid
from kubekit.api.resources import Resource
from kubekit.apiserver.custom.embedded import embedded_errors
from kubekit.apiserver.custom.kind import CustomKind
from kubekit.apiserver.custom.rules import rule_errors
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy, keep, keep_metadata
from kubekit.apiserver.registry.traits import Traits
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    kube_finalizer,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.schema_values import NEW, duplicates, value_errors

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

ROOT = Path("")
BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to"
    " complete validation"
)
MAX_INT32 = 2**31 - 1


class CustomStrategy(Strategy):
    """Instances of one definition; `kinds` holds its served versions by apiVersion."""

    def __init__(self, resource: Resource, kinds: dict[str, CustomKind]) -> None:
        has_status = any(kind.status for kind in kinds.values())
        traits = Traits(
            generation=True, status=has_status, unconditional_update=False, status_keeps_metadata=True
        )
        super().__init__(resource, traits)
        self.kinds = kinds

    def kind_of(self, ctx: Context) -> CustomKind:
        """The version that the request speaks of."""
        version = f"{ctx.info.group}/{ctx.info.version}"
        found = self.kinds.get(version)
        return found if found is not None else next(iter(self.kinds.values()))

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """The first generation; a status only where it has no subresource."""
        if self.kind_of(ctx).status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays; anything but metadata that changed is a new generation."""
        if self.kind_of(ctx).status:
            keep(obj, old, "status")
        before = old["metadata"].get("generation", 0)
        changed = any(obj.get(field) != old.get(field) for field in {**obj, **old} if field != "metadata")
        if before or changed:
            obj["metadata"]["generation"] = before + 1 if changed else before

    def validate(self, ctx: Context, obj: Obj) -> list[FieldError]:
        """Everything about a new instance."""
        if problems := self._type_problems(ctx, obj):
            return problems
        kind = self.kind_of(ctx)
        found = validate_object_meta(
            obj["metadata"], self.resource.namespaced, subdomain_name, kube_finalizers=False
        )
        found += value_errors(obj, kind.schema, ROOT)
        found += scale_problems(kind, obj, True)
        found += embedded_errors(obj, kind.schema) if kind.embeds else []
        found += duplicates(obj, kind.schema, ROOT)
        return found + self._rules(ctx, kind, obj, None, found)

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """Everything about a changed instance."""
        if problems := self._type_problems(ctx, obj):
            return problems
        kind = self.kind_of(ctx)
        found = validate_object_meta_update(obj["metadata"], old["metadata"], kube_finalizers=False)
        found += value_errors(obj, kind.schema, ROOT, old=old)
        found += scale_problems(kind, obj, True)
        found += embedded_errors(obj, kind.schema) if kind.embeds else []
        if not duplicates(old, kind.schema, ROOT):
            found += duplicates(obj, kind.schema, ROOT)
        return found + self._rules(ctx, kind, obj, old, found)

    def _type_problems(self, ctx: Context, obj: Obj) -> list[FieldError]:
        kind = self.resource.kind
        if obj.get("kind") != kind:
            return [invalid("kind", obj.get("kind", ""), f"must be {kind}")]
        return []

    def _rules(
        self, ctx: Context, kind: CustomKind, obj: Obj, old: Obj | None, found: list[FieldError]
    ) -> list[FieldError]:
        """The rules in CEL; they are not asked about an object that is wrong already."""
        if not kind.rules:
            return []
        if any(problem.reason in BLOCKING for problem in found):
            return [FieldError("FieldValueInvalid", "<nil>", None, UNCHECKED)]
        let_pass: list[FieldError] = []
        found = rule_errors(obj, old, kind.schema, ROOT, let_pass=let_pass)
        for problem in let_pass:
            ctx.warn(str(problem))
        return found

    def warnings_on_create(self, ctx: Context, obj: Obj) -> list[str]:
        """Finalizers without a domain."""
        return self.warnings_on_update(ctx, obj, {"metadata": {}})

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Finalizers without a domain that are new."""
        known = old["metadata"].get("finalizers") or ()
        added = sorted(name for name in obj["metadata"].get("finalizers") or () if name not in known)
        texts = []
        for name in added:
            if kube_finalizer(name, METADATA.child("finalizers")):
                texts.append(
                    f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name including a'
                    " path (/) to avoid accidental conflicts with other finalizer writers"
                )
        return texts

    def subresource(self, name: str) -> Strategy | None:
        """status, when any version has it."""
        return CustomStatusStrategy(self) if name == "status" and self.traits.status else None


class CustomStatusStrategy(StatusStrategy):
    """The status subresource: nothing but the status changes."""

    parent: CustomStrategy

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Everything else is as it was."""
        status, given = obj.get("status"), "status" in obj
        keep_metadata(obj, old)
        for field in {**obj, **old}:
            if field not in ("metadata", "status", "kind", "apiVersion"):
                keep(obj, old, field)
        if given:
            obj["status"] = status
        if "generation" in old["metadata"]:
            obj["metadata"]["generation"] = old["metadata"]["generation"]

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The status against its part of the schema."""
        parent = self.parent
        kind = parent.kind_of(ctx)
        found = validate_object_meta_update(obj["metadata"], old["metadata"], kube_finalizers=False)
        part = (kind.schema.get("properties") or {}).get("status")
        if "status" in obj and part is not None:
            found += value_errors(obj["status"], part, Path("status"), old=old.get("status", NEW))
        found += scale_problems(kind, obj, False)
        if not duplicates(old, kind.schema, ROOT):
            found += duplicates(obj, kind.schema, ROOT)
        return found + parent._rules(ctx, kind, obj, old, found)


def scale_problems(kind: CustomKind, obj: Obj, with_spec: bool) -> list[FieldError]:
    """What the scale subresource's paths find wrong."""
    scale = kind.scale
    if scale is None:
        return []
    found: list[FieldError] = []
    fields = ("specReplicasPath", "statusReplicasPath") if with_spec else ("statusReplicasPath",)
    for field in fields:
        path = scale[field]
        value, problem = nested(obj, path, int)
        if problem:
            found.append(invalid(path, 0, problem))
        elif value is not None and value < 0:
            found.append(invalid(path, value, "should be a non-negative integer"))
        elif value is not None and value > MAX_INT32:
            found.append(invalid(path, value, f"should be less than or equal to {MAX_INT32}"))
    if scale.get("labelSelectorPath"):
        _, problem = nested(obj, scale["labelSelectorPath"], str)
        if problem:
            found.append(invalid(scale["labelSelectorPath"], "", problem))
    return found


_GO = {
    bool: "bool",
    str: "string",
    int: "int64",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


def nested(obj: Obj, path: str, wanted: type) -> tuple[Any, str]:
    """The value at a path (None: absent) and why it cannot be read, in the words of the accessor."""
    steps = path.lstrip(".").split(".")
    value: Any = obj
    for place, step in enumerate(steps):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            where = "." + ".".join(steps[: place + 1])
            return (
                None,
                (
                    f"{where} accessor error: {value} is of the type {_go(value)}, expected"
                    " map[string]interface{}"
                ),
            )
        if step not in value:
            return None, ""
        value = value[step]
    if value is None or not isinstance(value, wanted) or isinstance(value, bool):
        where = "." + ".".join(steps)
        return (
            None,
            f"{where} accessor error: {_text(value)} is of the type {_go(value)}, expected {_GO[wanted]}",
        )
    return value, ""


def _go(value: Any) -> str:
    return "<nil>" if value is None else _GO[next(kind for kind in _GO if isinstance(value, kind))]


def _text(value: Any) -> str:
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
