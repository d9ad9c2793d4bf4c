"""Defaults of the kinds that extend the API: custom resource definitions, aggregated APIs, token requests.

Called through `apply_defaults`. Source: apiextensions-apiserver and kube-aggregator v1 defaults.go,
pkg/apis/authentication/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def custom_resource_definition(obj: Obj) -> None:
    """Singular and list kind from the kind; no conversion; the storage version counts as stored."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if not names.get("singular"):
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = kind + "List"
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    status = obj.setdefault("status", {})
    if not status.get("storedVersions"):
        stored = next((one["name"] for one in spec.get("versions") or () if one.get("storage")), None)
        if stored:
            status["storedVersions"] = [stored]


def api_service(obj: Obj) -> None:
    """An aggregated API listens on 443."""
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def token_request(obj: Obj) -> None:
    """A token lives an hour."""
    spec = obj.setdefault("spec", {})
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = 3600


DEFAULTS = {
    "CustomResourceDefinition": custom_resource_definition,
    "APIService": api_service,
    "TokenRequest": token_request,
}
