"""Admission webhooks: programs outside the server that may change or refuse what is written.

Every webhook whose rules and selectors match is asked with an AdmissionReview; mutating ones one after the
other in the order of their configurations' names, each seeing what the one before made. A webhook that
does not answer refuses or lets pass, as its failurePolicy says. `server.call_webhook` does the asking;
until somebody sets it nothing listens. Upstream: apiserver/pkg/admission/plugin/webhook.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from kubekit.api import status_error as errors
from kubekit.api.meta import deep_copy
from kubekit.api.selectors import from_object
from kubekit.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.admission.reading_back import read_again
from kubekit.apiserver.patching import json_patch

Obj = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
EXEMPT = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)
"""Resources that no webhook is asked about: else a wrong one could never be removed."""


class Webhooks(AdmissionPlugin):
    """What both sorts of webhooks share."""

    operations = frozenset({CREATE, UPDATE, DELETE})
    plural = ""

    def matching(self, a: Attributes) -> Iterator[tuple[Obj, Obj]]:
        """(configuration, webhook) in the order in which they are asked."""
        cache = a.ctx.server.store(GROUP, self.plural).cache
        if not cache.objects or (a.resource.group == GROUP and a.resource.plural in EXEMPT):
            return
        for configuration in cache.span():
            for webhook in configuration.get("webhooks") or ():
                if matches(a, webhook) and conditions_met(a, webhook):
                    yield configuration, webhook

    def call(self, a: Attributes, webhook: Obj) -> Obj | None:
        """The webhook's response; None when it failed and may be ignored; raises otherwise."""
        name = webhook["name"]
        if a.dry_run and webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise errors.bad_request(f'admission webhook "{name}" does not support dry run')
        config = webhook.get("clientConfig") or {}
        try:
            if not _trust_readable(config):
                raise BadTrust
            if config.get("service"):
                find_service(a, config["service"])
            ask = a.ctx.server.call_webhook
            if ask is None:
                raise ConnectionRefusedError(f"dial tcp {address(config)}: connect: connection refused")
            answer = ask(config, review(a, a.ctx.server.loop.rng.uuid()))
        except (OSError, BadTrust) as error:
            what = f'failed to call webhook: Post "{url(config, webhook)}": {error}'
            if isinstance(error, BadTrust):
                what = "could not get REST client: unable to load root certificates: unable to parse bytes"
                what += " as PEM block"
            text = f'failed calling webhook "{name}": {what}'
            if webhook.get("failurePolicy") == "Ignore":
                a.ctx.note(f"Webhook {name}", text)
                return None
            raise errors.internal_error(text) from None
        response: Obj = answer.get("response") or {}
        for text in response.get("warnings") or ():
            a.ctx.warn(text)
        if not response.get("allowed"):
            raise refusal(name, response.get("status") or {})
        return response


class BadTrust(Exception):
    """A webhook whose caBundle holds no certificate."""


def _trust_readable(config: Obj) -> bool:
    bundle = config.get("caBundle")
    return not bundle or b"-----BEGIN" in base64.b64decode(bundle)


def find_service(a: Attributes, config: Obj) -> None:
    """Look up the service behind a webhook; raises OSError with the original's text."""
    service = a.ctx.server.store("", "services").find(config["namespace"], config["name"])
    if service is None:
        raise OSError(f'service "{config["name"]}" not found')
    spec, port = service.get("spec") or {}, config.get("port", 443)
    if spec.get("type") == "ExternalName":
        return
    if all(one.get("port") != port for one in spec.get("ports") or ()):
        raise OSError(f'no service port {port} found for service "{config["name"]}"')


class MutatingAdmissionWebhook(Webhooks):
    """Webhooks that change objects."""

    name = "MutatingAdmissionWebhook"
    plural = "mutatingwebhookconfigurations"
    acts_on = (GROUP, plural)

    def admit(self, a: Attributes) -> None:
        """Ask each in turn and lay its patch over the object."""
        for _, webhook in self.matching(a):
            response = self.call(a, webhook)
            if response is None or not response.get("patch") or a.obj is None:
                continue
            operations = json.loads(base64.b64decode(response["patch"]))
            changed = read_again(a, json_patch.apply(deep_copy(a.obj), operations), strict=False)
            a.reinvoke = a.reinvoke or changed != a.obj
            a.obj.clear()
            a.obj.update(changed)
            made = f"{len(operations)} change{'' if len(operations) == 1 else 's'}"
            a.ctx.note(f"Webhook {webhook['name']}", made, {"patch": operations})


class ValidatingAdmissionWebhook(Webhooks):
    """Webhooks that only say yes or no."""

    name = "ValidatingAdmissionWebhook"
    plural = "validatingwebhookconfigurations"
    acts_on = (GROUP, plural)

    def validate(self, a: Attributes) -> None:
        """Ask each; the first no counts."""
        for _, webhook in self.matching(a):
            self.call(a, webhook)


def conditions_met(a: Attributes, webhook: Obj) -> bool:
    """Whether the webhook's conditions in CEL hold; raises when one fails and failurePolicy is Fail."""
    conditions = webhook.get("matchConditions") or ()
    if not conditions:
        return True
    from kubekit.apiserver.admission.policy_expressions import Scene
    from kubekit.apiserver.admission.policy_matching import conditions_hold
    from kubekit.apiserver.admission.policy_programs import condition_programs

    policy = webhook.get("failurePolicy", "Fail")
    hold, wrong = conditions_hold(condition_programs(conditions), Scene(a), policy)
    if wrong:
        raise a.forbidden(wrong)
    return hold


def matches(a: Attributes, webhook: Obj) -> bool:
    """Whether a webhook wants to see this request."""
    return any(rule_matches(a, rule) for rule in webhook.get("rules") or ()) and selectors_match(a, webhook)


def selectors_match(a: Attributes, wanted: Obj) -> bool:
    """Whether the namespace's and the object's labels are such as are wanted."""
    if not _namespace_matches(a, wanted.get("namespaceSelector") or {}):
        return False
    selector = wanted.get("objectSelector") or {}
    if not selector:
        return True
    labelled = from_object(selector)
    objects = [obj for obj in (a.obj, a.old) if obj is not None]
    return any(labelled.matches((obj.get("metadata") or {}).get("labels") or {}) for obj in objects)


def _namespace_matches(a: Attributes, selector: Obj) -> bool:
    if not selector:
        return True
    if a.resource.plural == "namespaces" and not a.resource.group:
        obj = a.obj or a.old or {}
        labels = (obj.get("metadata") or {}).get("labels") or {}
    elif not a.resource.namespaced:
        return True
    else:
        namespace = a.ctx.server.store("", "namespaces").find("", a.namespace)
        labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    return from_object(selector).matches(labels)


def rule_matches(a: Attributes, rule: Obj) -> bool:
    """Whether a rule covers the operation, the resource and its scope."""
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != a.resource.namespaced:
        return False
    return (
        _in(rule.get("operations"), a.operation)
        and _in(rule.get("apiGroups"), a.resource.group)
        and _in(rule.get("apiVersions"), a.resource.version)
        and any(_names(a, resource) for resource in rule.get("resources") or ())
    )


def _in(listed: list[str] | None, value: str) -> bool:
    return bool(listed) and ("*" in (listed or ()) or value in (listed or ()))


def _names(a: Attributes, text: str) -> bool:
    resource, _, part = text.partition("/")
    return resource in ("*", a.resource.plural) and (part in ("*", a.subresource))


def address(config: Obj) -> str:
    """Host and port of a webhook."""
    service = config.get("service")
    if service:
        return f"{service['name']}.{service['namespace']}.svc:{service.get('port', 443)}"
    parts = urlsplit(config.get("url", ""))
    return f"{parts.hostname}:{parts.port or 443}"


def url(config: Obj, webhook: Obj) -> str:
    """The address as error texts have it."""
    service = config.get("service")
    if service:
        base = f"https://{address(config)}{service.get('path', '/')}"
    else:
        parts = urlsplit(config.get("url", ""))
        base = parts._replace(path=quote(parts.path or "/"), query="").geturl()
    return f"{base}?timeout={webhook.get('timeoutSeconds', 10)}s"


def review(a: Attributes, uid: str) -> Obj:
    """The AdmissionReview that asks about a request."""
    resource = a.resource
    kind = {"group": resource.group, "version": resource.version, "kind": a.kind or resource.kind}
    named = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    user: Obj = {"username": a.user.name, "groups": list(a.user.groups)}
    if a.user.uid:
        user["uid"] = a.user.uid
    request: Obj = {
        "uid": uid,
        "kind": kind,
        "resource": named,
        "requestKind": kind,
        "requestResource": named,
        "operation": a.operation,
        "userInfo": user,
        "object": a.obj,
        "oldObject": a.old,
        "dryRun": a.dry_run,
    }
    if a.name:
        request["name"] = a.name
    if a.namespace:
        request["namespace"] = a.namespace
    if a.subresource:
        request["subResource"] = request["requestSubResource"] = a.subresource
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def refusal(name: str, status: Obj) -> errors.StatusError:
    """What a webhook's no becomes."""
    message, reason = status.get("message") or "", status.get("reason") or ""
    text = f'admission webhook "{name}" denied the request'
    if message:
        text += f": {message}"
    elif reason:
        text += f": {reason}"
    else:
        text += " without explanation"
    code = max(status.get("code") or 0, 400)
    return errors.StatusError(errors.status(code, reason, text, status.get("details")))
