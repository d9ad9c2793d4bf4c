"""Selection: which objects a list or a watch is about - by labels, by fields, by name.

Few fields of few kinds can be selected by; `FIELDS` is the whole table. A predicate is made once for each
request and shared by all objects it is asked about. Upstream: the AddFieldLabelConversionFunc calls of
pkg/apis/*/v1, the SelectableFields of pkg/registry/*, apiserver/pkg/storage/selection_predicate.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.selectors import (
    FieldSelector,
    Selector,
    SelectorError,
    parse_field_selector,
    parse_label_selector,
)
from kubekit.apiserver.endpoints.options import ListOptions
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry.event_forms import core_form

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
Getter = Callable[[Obj], str]


def _path(*steps: str, default: str = "") -> Getter:
    def get(obj: Obj) -> str:
        value: Any = obj
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return default
        return (
            value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        )

    return get


def _pod_ip(obj: Obj) -> str:
    ips = (obj.get("status") or {}).get("podIPs") or ()
    return str(ips[0].get("ip", "")) if ips else str((obj.get("status") or {}).get("podIP", ""))


def _nothing(obj: Obj) -> str:
    """A field that may be named but that no object has."""
    return ""


def _event_source(obj: Obj) -> str:
    event = core_form(obj)
    source = (event.get("source") or {}).get("component") or ""
    return str(source or event.get("reportingComponent") or "")


def _of_event(*steps: str) -> Getter:
    """A field of an event by its name in core/v1, whichever spelling is stored."""
    get = _path(*steps)
    return lambda obj: get(core_form(obj))


_EVENT: dict[str, Getter] = {
    **{
        f"involvedObject.{field}": _of_event("involvedObject", field)
        for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
    "reason": _path("reason"),
    "reportingComponent": _of_event("reportingComponent"),
    "source": _event_source,
    "type": _path("type"),
}

FIELDS: dict[tuple[str, str], tuple[str, dict[str, Getter]]] = {
    ("", "pods"): (
        "field label not supported: {}",
        {
            "spec.nodeName": _path("spec", "nodeName"),
            "spec.host": _path("spec", "nodeName"),
            "spec.restartPolicy": _path("spec", "restartPolicy"),
            "spec.schedulerName": _path("spec", "schedulerName"),
            "spec.serviceAccountName": _path("spec", "serviceAccountName"),
            "spec.hostNetwork": _path("spec", "hostNetwork", default="false"),
            "status.phase": _path("status", "phase"),
            "status.podIP": _pod_ip,
            "status.podIPs": _nothing,
            "status.nominatedNodeName": _path("status", "nominatedNodeName"),
        },
    ),
    ("", "nodes"): (
        "field label not supported: {}",
        {"spec.unschedulable": _path("spec", "unschedulable", default="false")},
    ),
    ("", "replicationcontrollers"): (
        "field label not supported: {}",
        {"status.replicas": _path("status", "replicas", default="0")},
    ),
    ("", "events"): ("field label not supported: {}", _EVENT),
    ("events.k8s.io", "events"): (
        "field label not supported: {}",
        {
            **{
                name.replace("involvedObject", "regarding"): get
                for name, get in _EVENT.items()
                if "." in name
            },
            "reason": _EVENT["reason"],
            "reportingController": _EVENT["reportingComponent"],
            "type": _EVENT["type"],
        },
    ),
    ("", "namespaces"): ("field label not supported: {}", {"status.phase": _path("status", "phase")}),
    ("", "secrets"): ("field label not supported: {}", {"type": _path("type")}),
    ("", "services"): (
        "field label not supported: {}",
        {"spec.clusterIP": _path("spec", "clusterIP"), "spec.type": _path("spec", "type")},
    ),
    ("batch", "jobs"): (
        'field label "{}" not supported for Job',
        {"status.successful": _path("status", "succeeded", default="0")},
    ),
    ("certificates.k8s.io", "certificatesigningrequests"): (
        "field label not supported: {}",
        {"spec.signerName": _path("spec", "signerName")},
    ),
    ("certificates.k8s.io", "clustertrustbundles"): (
        "field label not supported: {}",
        {"spec.signerName": _path("spec", "signerName")},
    ),
    ("certificates.k8s.io", "podcertificaterequests"): (
        "field label not supported: {}",
        {
            "spec.signerName": _path("spec", "signerName"),
            "spec.podName": _path("spec", "podName"),
            "spec.nodeName": _path("spec", "nodeName"),
        },
    ),
    ("resource.k8s.io", "resourceslices"): (
        "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
        {"spec.nodeName": _path("spec", "nodeName"), "spec.driver": _path("spec", "driver")},
    ),
}
"""(group, plural) -> the refusal of an unknown field, and how to read each known one."""

_META: dict[str, Getter] = {
    "metadata.name": _path("metadata", "name"),
    "metadata.namespace": _path("metadata", "namespace"),
}
_CLUSTER_ONLY_NAME = frozenset({"nodes", "namespaces", "certificatesigningrequests", "resourceslices"})


class Selection:
    """What a list or watch chooses."""

    __slots__ = ("fields", "getters", "labels", "name")

    def __init__(
        self, labels: Selector | None, fields: FieldSelector | None, getters: dict[str, Getter]
    ) -> None:
        self.labels = labels
        self.fields = fields
        self.getters = getters
        self.name = fields.exact("metadata.name") if fields is not None else None
        """The one name that is asked for, if it is only one."""

    @classmethod
    def of(cls, ctx: Context, scope: Scope, options: ListOptions) -> Selection:
        """Parse a request's selectors; raises BadRequest."""
        try:
            labels = parse_label_selector(options.label_selector) if options.label_selector else None
            fields = parse_field_selector(options.field_selector) if options.field_selector else None
        except SelectorError as error:
            raise errors.bad_request(str(error)) from None
        if fields is not None and fields.empty:
            fields = None
        getters: dict[str, Getter] = {}
        if fields is not None:
            getters = _getters(scope, fields)
        name = ctx.info.parts[1] if ctx.info.verb_in_path and len(ctx.info.parts) > 1 else ""
        if name:
            # The old /watch/ paths name one object.
            fields = parse_field_selector(f"metadata.name={name}")
            getters = {"metadata.name": _META["metadata.name"]}
        return cls(labels if labels is not None and not labels.empty else None, fields, getters)

    @property
    def only_name(self) -> bool:
        """Whether nothing but one name is asked for."""
        return self.labels is None and self.fields is not None and len(self.fields.requirements) == 1

    @property
    def empty(self) -> bool:
        """Whether everything is chosen."""
        return self.labels is None and self.fields is None

    def exact(self, field: str) -> str | None:
        """The one value that a field must have."""
        return self.fields.exact(field) if self.fields is not None else None

    def predicate(self) -> Callable[[Obj], bool] | None:
        """The test of one stored object; None when everything passes."""
        labels, fields, getters = self.labels, self.fields, self.getters
        if labels is None and fields is None:
            return None
        if fields is None:
            assert labels is not None
            match = labels.matches
            return lambda obj: match(obj["metadata"].get("labels") or {})
        needs = [(getters[need.field], need.value, need.equal) for need in fields.requirements]
        if labels is None and len(needs) == 1:
            get, wanted, equal = needs[0]
            return (lambda obj: get(obj) == wanted) if equal else (lambda obj: get(obj) != wanted)

        def matches(obj: Obj) -> bool:
            for get, wanted, equal in needs:
                if (get(obj) == wanted) is not equal:
                    return False
            return labels is None or labels.matches(obj["metadata"].get("labels") or {})

        return matches


def _getters(scope: Scope, fields: FieldSelector) -> dict[str, Getter]:
    resource = scope.resource
    refusal, known = FIELDS.get((resource.group, resource.plural), ("", {}))
    found: dict[str, Getter] = {}
    if scope.custom is not None:
        known = scope.custom.selectable
    for need in fields.requirements:
        get = known.get(need.field) or _META.get(need.field)
        if (
            need.field == "metadata.namespace"
            and resource.plural in _CLUSTER_ONLY_NAME
            and not resource.namespaced
        ):
            get = None
        if get is None:
            if refusal:
                raise errors.bad_request(refusal.format(need.field))
            names = ["metadata.name", "metadata.namespace", *known]
            text = ", ".join(f'"{name}"' for name in names)
            raise errors.bad_request(f'"{need.field}" is not a known field selector: only {text}')
        found[need.field] = get
    return found
