"""How a definition converts between its versions: by nothing, or by a webhook.

Called by `custom_resource_definition`. A bundle of certificates may be broken as long as the definition is
not in use, and where it was broken before. Source: apiextensions-apiserver
(pkg/apis/apiextensions/validation), apiserver (pkg/util/webhook/validation.go).
"""

from __future__ import annotations

import base64
import re

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj, is_true
from kubekit.apiserver.validation.webhook_configuration import client_config

_BLOCK = re.compile(rb"-----BEGIN ([^-]*)-----\s(.*?)-----END \1-----\s*", re.S)


def bundle_problem(bundle: str) -> str:
    """Why a bundle of certificates holds none; empty if it holds one."""
    from cryptography import x509

    text = base64.b64decode(bundle)
    blocks = list(_BLOCK.finditer(text))
    problem = ""
    for block in blocks:
        if block[1] != b"CERTIFICATE":
            continue
        try:
            x509.load_der_x509_certificate(base64.b64decode(block[2]))
        except ValueError:
            problem = problem or "failed to parse certificate: x509: malformed certificate"
        else:
            return ""
    rest = text[blocks[-1].end() :] if blocks else text
    if not problem:
        problem = "unable to parse bytes as PEM block" if rest else "no valid certificate authority data seen"
    return f"unable to load root certificates: {problem}"


def has_broken_bundle(definition: Obj) -> bool:
    """Whether the webhook of a definition has certificates that cannot be read."""
    hook = ((definition.get("spec") or {}).get("conversion") or {}).get("webhook") or {}
    bundle = (hook.get("clientConfig") or {}).get("caBundle")
    return bool(bundle and bundle_problem(bundle))


def _may_be_broken(old: Obj | None) -> bool:
    return old is None or not is_true(old, "Established") or has_broken_bundle(old)


def _review_versions(versions: list[str], path: Path) -> list[FieldError]:
    if not versions:
        return [required(path)]
    errors: list[FieldError] = []
    for position, one in enumerate(versions):
        if one in versions[:position]:
            errors.append(invalid(path.index(position), one, "duplicate version"))
        else:
            errors += [invalid(path.index(position), one, text) for text in formats.dns1035_label(one)]
    if not {"v1", "v1beta1"} & set(versions):
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors


def conversion_errors(spec: Obj, old: Obj | None, at: Path) -> list[FieldError]:
    """What is wrong with the conversion in the spec of a definition."""
    conversion = spec.get("conversion")
    if conversion is None:
        return []
    strategy, hook = conversion.get("strategy", ""), conversion.get("webhook") or {}
    errors: list[FieldError] = []
    if spec.get("preserveUnknownFields") and strategy != "None":
        text = "must be None if spec.preserveUnknownFields is true"
        errors.append(invalid(at.child("strategy"), strategy, text))
    if not strategy:
        errors.append(required(at.child("strategy")))
    elif strategy not in ("None", "Webhook"):
        errors.append(not_supported(at.child("strategy"), strategy, ("None", "Webhook")))
    config, versions = hook.get("clientConfig"), hook.get("conversionReviewVersions") or []
    place, versions_at = at.child("webhookClientConfig"), at.child("conversionReviewVersions")
    if strategy == "Webhook":
        if config is None:
            errors.append(required(place, "required when strategy is set to Webhook"))
        else:
            errors += client_config(config, place)
            bundle = config.get("caBundle")
            if bundle and not _may_be_broken(old) and (problem := bundle_problem(bundle)):
                errors.append(invalid(place.child("caBundle"), bundle, problem))
        return errors + _review_versions(versions, versions_at)
    text = "should not be set when strategy is not set to Webhook"
    errors += [forbidden(place, text)] if config is not None else []
    return errors + ([forbidden(versions_at, text)] if versions else [])
