"""Defaults of what pods and all pod templates have in common.

Called by the kinds that hold a pod spec. `pod_spec` is what every template gets; what only a pod itself gets
(requests from limits, host ports) is in `core`.
Source: pkg/apis/core/v1/defaults.go (SetDefaults_PodSpec, _Container, _Volume, _Probe and neighbours).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.images import default_pull_policy
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse

_MODE = 0o644
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_VOLUME_FIELDS: dict[str, dict[str, Any]] = {
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "hostPath": {"type": ""},
    "secret": {"defaultMode": _MODE},
    "configMap": {"defaultMode": _MODE},
    "downwardAPI": {"defaultMode": _MODE},
    "projected": {"defaultMode": _MODE},
}


def resource_list(listed: dict[str, str] | None) -> None:
    """Amounts finer than a thousandth are rounded up."""
    if listed:
        for name, value in listed.items():
            if value[-1:] in "un" or not value.isalnum():
                listed[name] = str(parse(value).round_up_milli())


def field_ref(reference: Obj | None) -> None:
    """A fieldRef without version means v1."""
    if reference is not None:
        reference.setdefault("apiVersion", "v1")


def volume_source(source: Obj) -> None:
    """Fills the fields of whichever volume source is given."""
    for name, fields in _VOLUME_FIELDS.items():
        inner = source.get(name)
        if inner is not None:
            for key, value in fields.items():
                inner.setdefault(key, value)


def volume(one: Obj) -> None:
    """A volume of a pod; one without a source is an emptyDir."""
    if len(one) == 1 and "name" in one:
        one["emptyDir"] = {}
        return
    volume_source(one)
    if (image := one.get("image")) is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = default_pull_policy(image.get("reference", ""))
    if (downward := one.get("downwardAPI")) is not None:
        for item in downward.get("items") or ():
            field_ref(item.get("fieldRef"))
    if (projected := one.get("projected")) is not None:
        for source in projected.get("sources") or ():
            for item in (source.get("downwardAPI") or {}).get("items") or ():
                field_ref(item.get("fieldRef"))
            if (token := source.get("serviceAccountToken")) is not None:
                token.setdefault("expirationSeconds", 3600)
    if (ephemeral := one.get("ephemeral")) is not None and (template := ephemeral.get("volumeClaimTemplate")):
        claim_spec(template.get("spec") or {})


def claim_spec(spec: Obj) -> None:
    """The spec of a volume claim."""
    spec.setdefault("volumeMode", "Filesystem")
    resources = spec.get("resources") or {}
    resource_list(resources.get("limits"))
    resource_list(resources.get("requests"))


def http_get(action: Obj | None) -> None:
    """An HTTP action of a probe or a lifecycle hook."""
    if action is not None:
        action.setdefault("path", "/")
        action.setdefault("scheme", "HTTP")


def probe(one: Obj) -> None:
    """A probe: timeout 1 s, every 10 s, one success, three failures."""
    one.setdefault("timeoutSeconds", 1)
    one.setdefault("periodSeconds", 10)
    one.setdefault("successThreshold", 1)
    one.setdefault("failureThreshold", 3)
    http_get(one.get("httpGet"))
    if (grpc := one.get("grpc")) is not None:
        grpc["service"] = grpc.get("service") or ""


def container(one: Obj) -> None:
    """A container of any sort."""
    if not one.get("imagePullPolicy"):
        one["imagePullPolicy"] = default_pull_policy(one.get("image", ""))
    one.setdefault("terminationMessagePath", "/dev/termination-log")
    one.setdefault("terminationMessagePolicy", "File")
    for port in one.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in one.get("env") or ():
        if (source := variable.get("valueFrom")) is not None:
            field_ref(source.get("fieldRef"))
            if (key := source.get("fileKeyRef")) is not None:
                key.setdefault("optional", False)
    resources = one.get("resources")
    if resources:
        resource_list(resources.get("limits"))
        resource_list(resources.get("requests"))
    for name in _PROBES:
        if (found := one.get(name)) is not None:
            probe(found)
    for hook in (one.get("lifecycle") or {}).values():
        if type(hook) is dict:
            http_get(hook.get("httpGet"))


def pod_spec(spec: Obj) -> None:
    """A pod spec, be it of a pod or of a template."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    service_account(spec)
    for one in spec.get("volumes") or ():
        volume(one)
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for one in spec.get(group) or ():
            container(one)
    resource_list(spec.get("overhead"))
    if (resources := spec.get("resources")) is not None:
        resource_list(resources.get("limits"))
        resource_list(resources.get("requests"))


def service_account(spec: Obj) -> None:
    """The old name of serviceAccountName always says the same."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def template(one: Obj | None) -> None:
    """A pod template."""
    if one is not None:
        pod_spec(one.setdefault("spec", {}))
