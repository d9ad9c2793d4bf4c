"""Validation of admission webhook configurations, both kinds.

Called through the registry. Source: pkg/apis/admissionregistration/validation, apiserver/pkg/util/webhook.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, invalid, not_supported, required, too_many
from kubekit.api.meta import Obj
from kubekit.apiserver.admission.policy_programs import Problems, condition_problems
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import subdomain_name, validate_object_meta
from kubekit.apiserver.validation.selectors import label_selector

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_URL = "desired format: https://host[/path]"


def _hook_name(name: str, path: Path) -> list[FieldError]:
    if not name:
        return [required(path)]
    if wrong := formats.dns1123_subdomain(name):
        return [invalid(path, name, ",".join(wrong))]
    if name.count(".") < 2:
        return [invalid(path, name, "should be a domain with at least three segments separated by dots")]
    return []


def _resources(resources: list[str], path: Path) -> list[FieldError]:
    errors = [] if resources else [required(path)]
    whole: set[str] = set()
    below: set[str] = set()
    plain = False
    for position, one in enumerate(resources):
        at = path.index(position)
        if not one:
            errors.append(required(at))
            continue
        name, slash, sub = one.partition("/")
        if not slash:
            plain = one != "*"
            continue
        if name in whole:
            errors.append(invalid(at, one, f"if '{name}/*' is present, must not specify {one}"))
        if sub in below:
            errors.append(invalid(at, one, f"if '*/{sub}' is present, must not specify {one}"))
        if sub == "*":
            whole.add(name)
        if name == "*":
            below.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        text = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, resources, text))
    return errors


def validate_rule(rule: Obj, path: Path) -> list[FieldError]:
    """Operations, groups, versions, resources and scope of one rule."""
    errors: list[FieldError] = []
    operations, at = rule.get("operations") or [], path.child("operations")
    if not operations:
        errors.append(required(at))
    if len(operations) > 1 and "*" in operations:
        errors.append(invalid(at, operations, "if '*' is present, must not specify other operations"))
    for position, one in enumerate(operations):
        if one not in _OPERATIONS:
            errors.append(not_supported(at.index(position), one, _OPERATIONS))
    for field, words in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(field) or []
        if not values:
            errors.append(required(path.child(field)))
        if len(values) > 1 and "*" in values:
            errors.append(
                invalid(path.child(field), values, f"if '*' is present, must not specify other {words}")
            )
    for position, one in enumerate(rule.get("apiVersions") or ()):
        if not one:
            errors.append(required(path.child("apiVersions").index(position)))
    errors += _resources(rule.get("resources") or [], path.child("resources"))
    scope = rule.get("scope")
    if scope is not None and scope not in ("*", "Cluster", "Namespaced"):
        errors.append(not_supported(path.child("scope"), scope, ("*", "Cluster", "Namespaced")))
    return errors


def webhook_url(url: str, path: Path) -> list[FieldError]:
    """An https URL without user, query and fragment."""
    parts = urlsplit(url)
    errors: list[FieldError] = []
    if parts.scheme != "https":
        text = f"'https' is the only allowed URL scheme; {_URL}"
        errors.append(invalid(path, parts.scheme, text))
    if not parts.netloc:
        errors.append(invalid(path, "", f"host must be specified; {_URL}"))
    if parts.username is not None:
        errors.append(
            invalid(path, parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
        )
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _service(service: Obj, path: Path) -> list[FieldError]:
    # The original takes name and namespace for each other here, and names the wrong one of them.
    errors = [
        required(path.child(shown))
        for field, shown in (("namespace", "name"), ("name", "namespace"))
        if not service.get(field)
    ]
    port = service.get("port", 443)
    errors += [
        invalid(path.child("port"), port, "port is not valid: " + text) for text in formats.port_number(port)
    ]
    return errors + _service_path(service.get("path") or "/", path.child("path"))


def _service_path(target: str, path: Path) -> list[FieldError]:
    """Segments that are DNS subdomains, each after a slash."""
    if target == "/":
        return []
    if target == "//":
        return [invalid(path, target, "segment[0] may not be empty")]
    errors = [] if target.startswith("/") else [invalid(path, target, "must start with a '/'")]
    for position, step in enumerate(target[1:].removesuffix("/").split("/")):
        wrong = formats.dns1123_subdomain(step) if step else []
        errors += [invalid(path, target, f"segment[{position}]: {text}") for text in wrong]
        if not step:
            errors.append(invalid(path, target, f"segment[{position}] may not be empty"))
    return errors


def _hook(hook: Obj, mutating: bool, keep_conditions: bool, path: Path) -> list[FieldError]:
    errors = _hook_name(hook.get("name", ""), path.child("name"))
    for position, rule in enumerate(hook.get("rules") or ()):
        errors += validate_rule(rule, path.child("rules").index(position))
    effects = hook.get("sideEffects")
    choices = (("failurePolicy", ("Fail", "Ignore")), ("matchPolicy", ("Equivalent", "Exact")))
    for field, values in choices:
        value = hook.get(field)
        if value is not None and value not in values:
            errors.append(not_supported(path.child(field), value, values))
    if effects is None:
        errors.append(required(path.child("sideEffects"), "must specify one of None, NoneOnDryRun"))
    elif effects not in ("None", "NoneOnDryRun"):
        errors.append(not_supported(path.child("sideEffects"), effects, ("None", "NoneOnDryRun")))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(path.child("timeoutSeconds"), seconds, text))
    for field in ("namespaceSelector", "objectSelector"):
        errors += label_selector(hook.get(field), path.child(field))
    again = hook.get("reinvocationPolicy")
    if mutating and again is not None and again not in ("IfNeeded", "Never"):
        errors.append(not_supported(path.child("reinvocationPolicy"), again, ("IfNeeded", "Never")))
    errors += client_config(hook.get("clientConfig") or {}, path.child("clientConfig"))
    if not keep_conditions:
        at = path.child("matchConditions")
        conditions = hook.get("matchConditions") or []
        errors += match_conditions(conditions, condition_problems(conditions, False, at), at)
    return errors


def match_conditions(conditions: list[Obj], wrong: Problems, path: Path) -> list[FieldError]:
    """Match conditions: named, each name once, with an expression that compiles."""
    errors = [too_many(path, len(conditions), 64)] if len(conditions) > 64 else []
    names: list[str] = []
    for position, one in enumerate(conditions):
        at, name = path.index(position), one.get("name", "")
        if not one.get("expression", "").strip():
            errors.append(required(at.child("expression")))
        errors += wrong.get(str(at.child("expression")), [])
        errors += qualified_name(name, at.child("name")) if name else [required(at.child("name"))]
        if name and name in names:
            errors.append(duplicate(at.child("name"), name))
        names.append(name)
    return errors


def client_config(config: Obj, path: Path) -> list[FieldError]:
    """Where a webhook is called: one of URL and service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return webhook_url(url, path.child("url"))
    return _service(service or {}, path.child("service"))


def _versions(versions: list[str], path: Path) -> list[FieldError]:
    if not versions:
        return [required(path, "must specify one of v1, v1beta1")]
    errors: list[FieldError] = []
    for position, one in enumerate(versions):
        if one in versions[:position]:
            errors.append(invalid(path.index(position), one, "duplicate version"))
            continue
        errors += [invalid(path.index(position), one, text) for text in formats.dns1035_label(one)]
    if not any(one in ("v1", "v1beta1") for one in versions):
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors


def _configuration(obj: Obj, keep_conditions: bool) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], False, subdomain_name, kube_finalizers=False)
    names: set[str] = set()
    mutating = obj.get("kind") == "MutatingWebhookConfiguration"
    for position, hook in enumerate(obj.get("webhooks") or ()):
        at = Path("webhooks").index(position)
        errors += _hook(hook, mutating, keep_conditions, at)
        errors += _versions(hook.get("admissionReviewVersions") or [], at.child("admissionReviewVersions"))
        name = hook.get("name", "")
        if name and name in names:
            errors.append(duplicate(at.child("name"), name))
        names.add(name)
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new configuration."""
    return _configuration(obj, False)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed configuration. Match conditions that stayed are not compiled again."""
    new, was = ([one.get("matchConditions") for one in it.get("webhooks") or ()] for it in (obj, old))
    return _configuration(obj, new == was)
