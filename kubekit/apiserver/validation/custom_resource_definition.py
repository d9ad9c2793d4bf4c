"""Validation of custom resource definitions.

Called through the registry. What all versions share is validated once, under `spec.validation` and its
neighbours: the original hoists it there when it reads a definition, and its paths show that. Rules in CEL
are checked for their form only. Source: apiextensions-apiserver (pkg/apis/apiextensions/validation,
v1/conversion.go).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj, is_true
from kubekit.apiserver.custom.rules import rule_problems
from kubekit.apiserver.custom.schema import has_defaults
from kubekit.apiserver.validation.definition_conversion import conversion_errors
from kubekit.apiserver.validation.definition_display import schema_shown, set_fields, versions_shown
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.schema_defaults import default_errors
from kubekit.apiserver.validation.selectable_fields import selectable_errors
from kubekit.apiserver.validation.structural_schema import structural_errors, unknown_part
from kubekit.apiserver.validation.supported_schema import supported_errors

_SPEC = Path("spec")
_STORED = Path("status").child("storedVersions")
_APPROVED = "api-approved.kubernetes.io"
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
_AT_THE_ROOT = " at the root of the schema if the status subresource is enabled"
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
    "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required",
    "Items", "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip


def _hoisted(versions: list[Obj]) -> tuple[Obj, list[Obj]]:
    """What all versions share, and the versions without it."""
    shared = {
        field: versions[0][field]
        for field in _SHARED
        if versions
        and versions[0].get(field)
        and all(one.get(field) == versions[0][field] for one in versions)
    }
    return shared, [{key: value for key, value in one.items() if key not in shared} for one in versions]


def _label(value: str, path: Path) -> list[FieldError]:
    wrong = formats.dns1035_label(value)
    return [invalid(path, value, ",".join(wrong))] if wrong else []


def names_errors(names: Obj, path: Path) -> list[FieldError]:
    """The forms of the names of a kind."""
    errors: list[FieldError] = []
    for field in ("plural", "singular"):
        if names.get(field):
            errors += _label(names[field], path.child(field))
    for field in ("kind", "listKind"):
        value = names.get(field, "")
        if value and (wrong := formats.dns1035_label(value.lower())):
            text = "may have mixed case, but should otherwise match: " + ",".join(wrong)
            errors.append(invalid(path.child(field), value, text))
    for position, one in enumerate(names.get("shortNames") or ()):
        errors += _label(one, path.child("shortNames").index(position))
    if names.get("kind") and names["kind"] == names.get("listKind"):
        errors.append(invalid(path.child("listKind"), names["kind"], "kind and listKind may not be the same"))
    for position, one in enumerate(names.get("categories") or ()):
        errors += _label(one, path.child("categories").index(position))
    return errors


def _json_path(text: str, path: Path) -> list[FieldError]:
    if not text.startswith("."):
        return [invalid(path, text, "must be a simple json path starting with .")]
    return []


def _subresources(found: Obj | None, path: Path) -> list[FieldError]:
    scale = (found or {}).get("scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for field, start in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        at, value = path.child(f"scale.{field}"), scale.get(field, "")
        if not value:
            errors.append(required(at))
        elif wrong := _json_path(value, at):
            errors += wrong
        elif not value.startswith(start):
            errors.append(invalid(at, value, f"should be a json path under {start[:-1]}"))
    value, at = scale.get("labelSelectorPath", ""), path.child("scale.labelSelectorPath")
    if value and (wrong := _json_path(value, at)):
        errors += wrong
    elif value and not value.startswith((".spec.", ".status.")):
        errors.append(invalid(at, value, "should be a json path under either .spec or .status"))
    return errors


def _column(column: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not column.get("name"):
        errors.append(required(path.child("name")))
    kind, form, text = column.get("type", ""), column.get("format", ""), "must be one of "
    if not kind:
        errors.append(required(path.child("type"), text + ",".join(_COLUMN_TYPES)))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(path.child("type"), kind, text + ",".join(_COLUMN_TYPES)))
    if form and form not in _COLUMN_FORMATS:
        errors.append(invalid(path.child("format"), form, text + ",".join(_COLUMN_FORMATS)))
    at = path.child("JSONPath")
    where = column.get("jsonPath", "")
    return errors + (_json_path(where, at) if where else [required(at)])


def _schema(found: Obj | None, status: bool, path: Path) -> list[FieldError]:
    schema: Obj | None = (found or {}).get("openAPIV3Schema")
    if schema is None:
        return []
    at = path.child("openAPIV3Schema")
    errors: list[FieldError] = []
    if status:
        for field in set_fields(schema):
            if field == "Type" and schema["type"] != "object":
                text = 'only "object" is allowed as the type' + _AT_THE_ROOT
                errors.append(invalid(path.child("openAPIV3Schema.type"), schema["type"], text))
                break
            if field not in _AT_ROOT:
                text = f"only [{' '.join(_AT_ROOT)}] fields are allowed" + _AT_THE_ROOT
                errors.append(invalid(at, schema_shown(schema), text))
                break
    if schema.get("nullable"):
        errors.append(
            forbidden(path.child("openAPIV3Schema.nullable"), "nullable cannot be true at the root")
        )
    # A schema with parts outside of what custom resources know is not asked for its structure.
    alien = unknown_part(schema)
    wrong = [] if alien else structural_errors(schema, at) or default_errors(schema, at)
    unsupported = supported_errors(schema, at)
    errors += wrong + unsupported
    if alien and not errors:
        errors.append(invalid(at, "", alien))
    if alien or wrong:
        return errors
    return errors + rule_problems(schema, at, skip=tuple(error.field for error in unsupported))


def _parts(holder: Obj, status: bool, path: Path, schema_field: str) -> list[FieldError]:
    """Schema, subresources, columns and selectable fields, of one version or of all."""
    errors = _schema(holder.get("schema"), status, path.child(schema_field))
    errors += _subresources(holder.get("subresources"), path.child("subresources"))
    for position, column in enumerate(holder.get("additionalPrinterColumns") or ()):
        errors += _column(column, path.child("additionalPrinterColumns").index(position))
    return errors


def _selectable(holder: Obj, path: Path, version: bool = False) -> list[FieldError]:
    """Selectable fields stand beside the schema they lead into: both in a version, or both shared."""
    schema = (holder.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        text = "may only be set when validations.schema is included"
        if version:
            text = "may only be set when `version.schema.openAPIV3Schema` is not included"
        return [invalid(path, "", text)]
    return selectable_errors(holder["selectableFields"], schema, path)


def _warning(version: Obj, path: Path) -> list[FieldError]:
    text: str = version["deprecationWarning"]
    if not version.get("deprecated"):
        return [invalid(path, text, "can only be set for deprecated versions")]
    size = len(text.encode())
    wrong = ["must be <= 256 characters long"] if size > 256 else []
    wrong += [] if size else ["must not be an empty string"]
    for position, char in enumerate(text):
        if not char.isprintable():
            at = len(text[:position].encode())
            rule = "must only contain printable UTF-8 characters"
            wrong.append(f"{rule}; non-printable character found at index {at}")
            break
    return [invalid(path, text, one) for one in wrong]


def _versions(spec: Obj) -> list[FieldError]:
    at = _SPEC.child("versions")
    listed: list[Obj] = spec.get("versions") or []
    shared, own = _hoisted(listed)
    errors: list[FieldError] = []
    for position, one in enumerate(listed):
        if not (one.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(required(at.index(position).child("schema", "openAPIV3Schema")))
    if spec.get("preserveUnknownFields") and any(has_defaults(one.get("schema")) for one in listed):
        text = "must be false in order to use defaults in the schema"
        errors.append(invalid(_SPEC.child("preserveUnknownFields"), True, text))
    for position, one in enumerate(own):
        errors += _label(one.get("name", ""), at.index(position).child("name"))
        if one.get("deprecationWarning") is not None:
            errors += _warning(one, at.index(position).child("deprecationWarning"))
        status = "status" in ((listed[position].get("subresources")) or {})
        errors += _parts(one, status, at.index(position), "schema")
        if one.get("selectableFields"):
            place = at.index(position).child("selectableFields")
            errors += _selectable(one, place, version=True)
    names = [one.get("name") for one in listed]
    shown = versions_shown(own if spec.get("versions") is not None else None)
    if len(set(names)) < len(names):
        errors.append(invalid(at, shown, "must contain unique version names"))
    if sum(1 for one in listed if one.get("storage")) != 1:
        errors.append(invalid(at, shown, "must have exactly one version marked as storage version"))
    if names and names[0]:
        # The first name is also the one of the old field for a single version.
        errors += _label(names[0], _SPEC.child("version"))
    names_at, kind_names = _SPEC.child("names"), spec.get("names") or {}
    for field in ("plural", "singular", "kind", "listKind"):
        if not kind_names.get(field):
            errors.append(required(names_at.child(field)))
    errors += names_errors(kind_names, names_at)
    status = any("status" in (one.get("subresources") or {}) for one in listed)
    errors += _parts(shared, status, _SPEC, "validation")
    if shared.get("selectableFields"):
        errors += _selectable(shared, _SPEC.child("selectableFields"))
    return errors


def _spec(obj: Obj, old: Obj | None = None) -> list[FieldError]:
    spec: Obj = obj.get("spec") or {}
    errors: list[FieldError] = []
    group, scope = spec.get("group", ""), spec.get("scope", "")
    if not group:
        errors.append(required(_SPEC.child("group")))
    elif wrong := formats.dns1123_subdomain(group):
        errors.append(invalid(_SPEC.child("group"), group, ",".join(wrong)))
    elif "." not in group:
        errors.append(invalid(_SPEC.child("group"), group, "should be a domain with at least one dot"))
    if not scope:
        errors.append(required(_SPEC.child("scope")))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(not_supported(_SPEC.child("scope"), scope, ("Cluster", "Namespaced")))
    return errors + _versions(spec) + conversion_errors(spec, old, _SPEC.child("conversion"))


def _status(obj: Obj) -> list[FieldError]:
    names = (obj.get("status") or {}).get("acceptedNames") or {}
    return names_errors(names, Path("status").child("acceptedNames"))


def _stored(obj: Obj) -> list[FieldError]:
    stored = (obj.get("status") or {}).get("storedVersions")
    if not stored:
        return [invalid(_STORED, stored, "must have at least one stored version")]
    versions = (obj.get("spec") or {}).get("versions") or []
    errors = [
        invalid(_STORED, stored, "must have the storage version " + one["name"])
        for one in versions
        if one.get("storage") and one.get("name") not in stored
    ]
    known = {one.get("name") for one in versions}
    for position, one in enumerate(stored):
        if one not in known:
            text = (
                f"missing from spec.versions; {one} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{one} and removes {one} from status.storedVersions"
            )
            errors.append(invalid(_STORED.index(position), one, text))
    return errors


def approval(obj: Obj) -> tuple[str, str]:
    """State of the approval of a kind in a protected group, and the reason."""
    value = (obj["metadata"].get("annotations") or {}).get(_APPROVED, "")
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    need = f'protected groups must have approval annotation "{_APPROVED}"'
    if not value:
        return "missing", f"{need}, {see}"
    if value.startswith("unapproved"):
        return "bypassed", f'not approved: "{value}"'
    parts = urlsplit(value)
    if parts.netloc and parts.scheme:
        return "approved", f"approved in {value}"
    return "invalid", f'{need} with either a URL or a reason starting with "unapproved", {see}'


def _approved(obj: Obj, old: Obj | None) -> list[FieldError]:
    group = (obj.get("spec") or {}).get("group", "")
    if group not in ("k8s.io", "kubernetes.io") and not group.endswith((".k8s.io", ".kubernetes.io")):
        return []
    state, reason = approval(obj)
    if old is not None and approval(old)[0] == state:
        return []
    at = METADATA.child("annotations").key(_APPROVED)
    if state == "missing":
        return [required(at, reason)]
    return [invalid(at, obj["metadata"]["annotations"][_APPROVED], reason)] if state == "invalid" else []


def _preserving(obj: Obj) -> list[FieldError]:
    if not (obj.get("spec") or {}).get("preserveUnknownFields"):
        return []
    text = (
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
        "spec.versions[*].schema instead"
    )
    return [invalid(_SPEC.child("preserveUnknownFields"), True, text)]


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new definition."""
    spec: Obj = obj.get("spec") or {}
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"

    def check(name: str, prefix: bool = False) -> list[str]:
        wrong = [] if name == wanted else ['must be spec.names.plural+"."+spec.group']
        return [*subdomain_name(name, prefix), *wrong]

    errors = validate_object_meta(obj["metadata"], False, check) + _spec(obj)
    return errors + _status(obj) + _stored(obj) + _approved(obj, None) + _preserving(obj)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed definition; once established, scope and kind stay."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors + _status(obj)
    errors += _spec(obj, old)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    names, names_before = spec.get("names") or {}, before.get("names") or {}
    if is_true(old, "Established"):
        errors += immutable(spec.get("scope"), before.get("scope"), _SPEC.child("scope"))
        errors += immutable(names.get("kind"), names_before.get("kind"), _SPEC.child("names", "kind"))
    errors += immutable(spec.get("group"), before.get("group"), _SPEC.child("group"))
    errors += immutable(names.get("plural"), names_before.get("plural"), _SPEC.child("names", "plural"))
    return errors + _status(obj) + _stored(obj) + _approved(obj, old) + _preserving(obj)
