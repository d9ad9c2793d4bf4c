"""Validation of a container's environment: env, envFrom, and what they refer to.

Called by `pod_containers`; the field references are shared with downward API volumes.
Source: pkg/apis/core/validation (ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.numbers import dns1123_label, qualified_name
from kubekit.apiserver.validation.object_meta import subdomain_name
from kubekit.apiserver.validation.paths import no_backsteps

_ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_CONVERTIBLE = frozenset(
    (*_ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host")
)
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {
    "cpu": (("1m", "1"), "cpu"),
    "memory": (_SIZES, "memory"),
    "ephemeral-storage": (_SIZES, "local ephemeral storage"),
}


def field_selector(reference: Obj, allowed: tuple[str, ...], path: Path) -> list[FieldError]:
    """A fieldRef to a field of the pod, possibly with a subscript (`metadata.labels['app']`)."""
    if not reference.get("apiVersion"):
        return [required(path.child("apiVersion"))]
    field = reference.get("fieldPath", "")
    if not field:
        return [required(path.child("fieldPath"))]
    version = reference["apiVersion"]
    base, bracket, rest = field.partition("['")
    subscripted = field.endswith("']") and bool(bracket) and bool(base)
    problem = ""
    if version != "v1":
        problem = f"unsupported pod version: {version}"
    elif subscripted and base not in ("metadata.annotations", "metadata.labels"):
        problem = f"field label does not support subscript: {field}"
    elif not subscripted and field not in _CONVERTIBLE:
        problem = f"field label not supported: {field}"
    if problem:
        return [invalid(path.child("fieldPath"), field, f"error converting fieldPath: {problem}")]
    if subscripted:
        key = rest.removesuffix("']")
        return qualified_name(key.lower() if base == "metadata.annotations" else key, path)
    name = "spec.nodeName" if field == "spec.host" else field
    return [] if name in allowed else [not_supported(path.child("fieldPath"), name, sorted(allowed))]


def resource_selector(reference: Obj, path: Path, volume: bool) -> list[FieldError]:
    """A resourceFieldRef to an amount of a container."""
    errors: list[FieldError] = []
    name = reference.get("resource", "")
    huge = name.startswith(("requests.hugepages-", "limits.hugepages-"))
    if volume and not reference.get("containerName"):
        errors.append(required(path.child("containerName")))
    elif not name:
        errors.append(required(path.child("resource")))
    elif name not in _RESOURCES and not huge:
        errors.append(not_supported(path.child("resource"), name, _RESOURCES))
    divisor = parse(reference.get("divisor"))
    if divisor.nanos:
        values, word = (_SIZES, "hugepages") if huge else _DIVISORS.get(name.partition(".")[2], ((), ""))
        if word and str(divisor) not in values:
            shown = "1m and 1" if word == "cpu" else ", ".join(values)
            text = f"only divisor's values {shown} are supported with the {word} resource"
            errors.append(invalid(path.child("divisor"), name, text))
    return errors


def _key_reference(reference: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, key = reference.get("name", ""), reference.get("key", "")
    errors += [invalid(path.child("name"), name, text) for text in subdomain_name(name)]
    if not key:
        errors.append(required(path.child("key")))
    else:
        errors += [invalid(path.child("key"), key, text) for text in formats.config_key(key)]
    return errors


def _file_reference(reference: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    key, volume, file = (reference.get(name, "") for name in ("key", "volumeName", "path"))
    if not key:
        errors.append(required(path.child("key")))
    else:
        errors += [invalid(path.child("key"), key, text) for text in formats.relaxed_env_name(key)]
    errors += (
        dns1123_label(volume, path.child("volumeName")) if volume else [required(path.child("volumeName"))]
    )
    errors += no_backsteps(file, path.child("path")) if file else [required(path.child("path"))]
    return errors


def _value_from(variable: Obj, path: Path) -> list[FieldError]:
    source = variable["valueFrom"]
    errors: list[FieldError] = []
    count = 0
    if (found := source.get("fieldRef")) is not None:
        count += 1
        errors += field_selector(found, _ENV_FIELDS, path.child("fieldRef"))
    if (found := source.get("resourceFieldRef")) is not None:
        count += 1
        errors += resource_selector(found, path.child("resourceFieldRef"), False)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (found := source.get(kind)) is not None:
            count += 1
            errors += _key_reference(found, path.child(kind))
    if (found := source.get("fileKeyRef")) is not None:
        count += 1
        errors += _file_reference(found, path.child("fileKeyRef"))
    if not count:
        text = (
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
            "`secretKeyRef` or `fileKeyRef`"
        )
        errors.append(invalid(path, "", text))
    elif variable.get("value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def validate_env(variables: list[Obj], path: Path) -> list[FieldError]:
    """The env list."""
    errors: list[FieldError] = []
    for position, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            errors.append(required(path.index(position).child("name")))
        elif not (name.isascii() and name.isprintable() and "=" not in name):
            at = path.index(position).child("name")
            errors += [invalid(at, name, text) for text in formats.relaxed_env_name(name)]
        if variable.get("valueFrom") is not None:
            errors += _value_from(variable, path.index(position).child("valueFrom"))
    return errors


def validate_env_from(sources: list[Obj], path: Path) -> list[FieldError]:
    """The envFrom list."""
    errors: list[FieldError] = []
    for position, source in enumerate(sources):
        at = path.index(position)
        if prefix := source.get("prefix"):
            errors += [invalid(at.child("prefix"), prefix, text) for text in formats.relaxed_env_name(prefix)]
        count = 0
        for kind in ("configMapRef", "secretRef"):
            if (found := source.get(kind)) is not None:
                count += 1
                name = found.get("name", "")
                if not name:
                    errors.append(required(at.child(kind, "name")))
                else:
                    errors += [
                        invalid(at.child(kind, "name"), name, text) for text in subdomain_name(name, True)
                    ]
        if not count:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif count > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors
