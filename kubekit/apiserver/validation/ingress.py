"""Validation of Ingresses.

Called through the registry. Source: pkg/apis/networking/validation (ValidateIngressSpec).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import dns1123_subdomain
from kubekit.apiserver.validation.object_meta import (
    label_name,
    path_segment_name,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import legacy_ip, parse_sloppy

SPEC = Path("spec")
_CLASS = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def _host(host: str, path: Path) -> list[FieldError]:
    check = formats.wildcard_subdomain if "*" in host else formats.dns1123_subdomain
    return [invalid(path, host, text) for text in check(host)]


def reference(found: Obj, path: Path) -> list[FieldError]:
    """Group, kind and name of another object."""
    errors: list[FieldError] = []
    if found.get("apiGroup") is not None:
        errors += dns1123_subdomain(found["apiGroup"], path.child("apiGroup"))
    for field in ("kind", "name"):
        value = found.get(field, "")
        if not value:
            errors.append(required(path.child(field)))
        else:
            errors += [invalid(path.child(field), value, text) for text in path_segment_name(value)]
    return errors


def _backend(backend: Obj, path: Path) -> list[FieldError]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return reference(resource, path.child("resource"))
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    errors: list[FieldError] = []
    at, name = path.child("service", "name"), service.get("name", "")
    if not name:
        errors.append(required(at))
    else:
        errors += [invalid(at, name, text) for text in label_name(name)]
    port = service.get("port") or {}
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        at = path.child("service", "port", "name")
        errors += [invalid(at, port["name"], text) for text in formats.port_name(port["name"])]
    elif port.get("number"):
        at = path.child("service", "port", "number")
        errors += [invalid(at, port["number"], text) for text in formats.port_number(port["number"])]
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _http_path(one: Obj, path: Path) -> list[FieldError]:
    kind, text = one.get("pathType"), one.get("path", "")
    if kind is None:
        return [required(path.child("pathType"), "pathType must be specified")]
    errors: list[FieldError] = []
    at = path.child("path")
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(invalid(at, text, "must be an absolute path"))
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                errors.append(invalid(at, text, f"must not contain '{part}'"))
        for end in ("/..", "/."):
            if text.endswith(end):
                errors.append(invalid(at, text, f"cannot end with '{end}'"))
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid(at, text, "must be an absolute path"))
    else:
        errors.append(not_supported(path.child("pathType"), kind, _PATH_TYPES))
    return errors + _backend(one.get("backend") or {}, path.child("backend"))


def _rules(rules: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, rule in enumerate(rules):
        at, host = path.index(position), rule.get("host", "")
        if host:
            if parse_sloppy(host) is not None:
                errors.append(invalid(at.child("host"), host, "must be a DNS name, not an IP address"))
            errors += _host(host, at.child("host"))
        http = rule.get("http")
        if http is not None:
            paths = http.get("paths") or []
            if not paths:
                errors.append(required(at.child("http", "paths")))
            for number, one in enumerate(paths):
                errors += _http_path(one, at.child("http", "paths").index(number))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        shown = spec.get("rules")
        errors.append(invalid(SPEC, shown, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend(backend, SPEC.child("defaultBackend"))
    errors += _rules(rules, SPEC.child("rules"))
    for position, tls in enumerate(spec.get("tls") or ()):
        at = SPEC.child("tls").index(position)
        for number, host in enumerate(tls.get("hosts") or ()):
            errors += _host(host, at.child("hosts").index(number))
        if secret := tls.get("secretName"):
            errors += [invalid(at.child("secretName"), secret, text) for text in subdomain_name(secret)]
    name = spec.get("ingressClassName")
    if name is not None:
        errors += [invalid(SPEC.child("ingressClassName"), name, text) for text in subdomain_name(name)]
    return errors


def _ingress(obj: Obj) -> list[FieldError]:
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new Ingress."""
    errors = _ingress(obj)
    given = (obj["metadata"].get("annotations") or {}).get(_CLASS)
    name = (obj.get("spec") or {}).get("ingressClassName")
    if given is not None and name is not None and given != name:
        text = "must match `ingressClassName` when both are specified"
        errors.append(invalid(Path("annotations").child(_CLASS), given, text))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed Ingress."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource != "status":
        return errors + _ingress(obj)
    for position, one in enumerate(
        ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    ):
        at = Path("status").child("loadBalancer", "ingress").index(position)
        if one.get("ip"):
            errors += legacy_ip(one["ip"], at.child("ip"))
        if host := one.get("hostname"):
            errors += dns1123_subdomain(host, at.child("hostname"))
            if parse_sloppy(host) is not None:
                text = "must be a DNS name, not an IP address"
                errors.append(invalid(at.child("hostname"), host, text))
    return errors
