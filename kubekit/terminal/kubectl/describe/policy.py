"""`kubectl describe` of roles and bindings, autoscalers, disruption budgets, certificate signing requests.

Source: k8s.io/kubectl/pkg/describe, pkg/util/rbac.
"""

from __future__ import annotations

import base64
from typing import Any

from kubekit.api.duration import human_duration
from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector, format_labels
from kubekit.apiserver.printers.policies import csr_status
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import rbac_rules
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.writer import Writer, rfc1123


def role(call: Call, writer: Writer, obj: Obj) -> None:
    """A role or a cluster role."""
    writer.heading(obj, namespaced=False)
    writer.line(0, "PolicyRule:")
    rows = rbac_rules.rows(rbac_rules.compact(obj.get("rules") or []))
    writer.table(1, ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"], rows)


def binding(call: Call, writer: Writer, obj: Obj) -> None:
    """A role binding or a cluster role binding."""
    writer.heading(obj, namespaced=False)
    reference = obj.get("roleRef") or {}
    writer.line(0, "Role:")
    writer.pair("Kind", reference.get("kind", ""), 1)
    writer.pair("Name", reference.get("name", ""), 1)
    writer.line(0, "Subjects:")
    rows = [[s.get("kind", ""), s.get("name", ""), s.get("namespace", "")] for s in obj.get("subjects") or []]
    writer.table(1, ["Kind", "Name", "Namespace"], rows)


_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "External": "external",
}


def _metric(metric: Obj, current: Obj) -> str:
    kind = metric.get("type", "")
    key = _SOURCES.get(kind, "object")
    source, now = metric.get(key) or {}, (current.get(key) or {}).get("current") or {}
    target = source.get("target") or {}
    name = source.get("name") or (source.get("metric") or {}).get("name", "")
    have_average = now.get("averageValue", "<unknown>")
    if key in ("resource", "containerResource"):
        where = f' of container "{source.get("container")}"' if key == "containerResource" else ""
        head = f"resource {name}{where} on pods"
        if target.get("averageValue") is not None:
            return f"{head}:\t{have_average} / {target['averageValue']}"
        used = now.get("averageUtilization")
        left = "<unknown>" if used is None else f"{used}% ({now.get('averageValue')})"
        wanted = target.get("averageUtilization")
        return (
            f"{head}  (as a percentage of request):\t{left} / {'<auto>' if wanted is None else f'{wanted}%'}"
        )
    if key == "pods":
        return f'"{name}" on pods:\t{have_average} / {target.get("averageValue")}'
    head = f'"{name}"'
    if key == "object":
        about = source.get("describedObject") or {}
        head = f'"{name}" on {about.get("kind")}/{about.get("name")}'
    if target.get("averageValue") is not None:
        return f"{head} (target average value):\t{have_average} / {target['averageValue']}"
    return f"{head} (target value):\t{now.get('value', '<unknown>')} / {target.get('value')}"


def autoscaler(call: Call, writer: Writer, obj: Obj) -> None:
    """A horizontal pod autoscaler."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    writer.heading(obj)
    writer.pair("CreationTimestamp", rfc1123(meta(obj).get("creationTimestamp")))
    writer.pair("Reference", f"{target.get('kind')}/{target.get('name')}")
    writer.pair("Metrics", "( current / target )")
    current = status.get("currentMetrics") or []
    for index, metric in enumerate(spec.get("metrics") or []):
        writer.line(1, _metric(metric, (current[index] or {}) if index < len(current) else {}))
    writer.pair("Min replicas", "<unset>" if spec.get("minReplicas") is None else spec["minReplicas"])
    writer.pair("Max replicas", spec.get("maxReplicas", 0))
    behavior = spec.get("behavior")
    if behavior is not None:
        writer.line(0, "Behavior:")
        _direction(writer, "Scale Up", behavior.get("scaleUp"))
        _direction(writer, "Scale Down", behavior.get("scaleDown"))
    counts = f"{status.get('currentReplicas') or 0} current / {status.get('desiredReplicas') or 0} desired"
    writer.pair(f"{target.get('kind')} pods", counts)
    if status.get("conditions"):
        writer.line(0, "Conditions:")
        rows = [
            [c.get("type"), c.get("status"), c.get("reason"), c.get("message")] for c in status["conditions"]
        ]
        writer.table(1, ["Type", "Status", "Reason", "Message"], rows)
    events_of(call, writer, obj)


def _direction(writer: Writer, title: str, rules: Obj | None) -> None:
    if rules is None:
        return
    writer.line(1, f"{title}:")
    if rules.get("stabilizationWindowSeconds") is not None:
        writer.line(2, f"Stabilization Window: {rules['stabilizationWindowSeconds']} seconds")
    if rules.get("policies"):
        writer.line(2, f"Select Policy: {rules.get('selectPolicy') or 'Max'}")
        writer.line(2, "Policies:")
        for one in rules["policies"]:
            text = (
                f"- Type: {one.get('type')}\tValue: {one.get('value')}\tPeriod:"
                f" {one.get('periodSeconds')} seconds"
            )
            writer.line(3, text)


def disruption_budget(call: Call, writer: Writer, obj: Obj) -> None:
    """A pod disruption budget."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    writer.heading(obj, labels=False)
    if spec.get("minAvailable") is not None:
        writer.pair("Min available", spec["minAvailable"])
    elif spec.get("maxUnavailable") is not None:
        writer.pair("Max unavailable", spec["maxUnavailable"])
    selector = spec.get("selector")
    writer.pair("Selector", "<unset>" if selector is None else format_label_selector(selector))
    writer.line(0, "Status:")
    for key, label in (
        ("disruptionsAllowed", "Allowed disruptions"),
        ("currentHealthy", "Current"),
        ("desiredHealthy", "Desired"),
        ("expectedPods", "Total"),
    ):
        writer.pair(label, status.get(key) or 0, 2)
    events_of(call, writer, obj)


def _subject(request: str) -> list[tuple[str, list[str]]]:
    """(label, values) of the subject and the alternative names of a PEM request."""
    try:
        from cryptography import x509
        from cryptography.x509.oid import ExtensionOID, NameOID
    except ImportError:
        return [("Common Name", ["(install kubekit[serve] to read certificates)"])]
    try:
        parsed = x509.load_pem_x509_csr(base64.b64decode(request))
    except ValueError as error:
        raise CommandError(f"Error parsing CSR: {error}") from None

    def values(oid: x509.ObjectIdentifier) -> list[str]:
        return [str(attribute.value) for attribute in parsed.subject.get_attributes_for_oid(oid)]

    found = [("Common Name", values(NameOID.COMMON_NAME)[:1] or [""])]
    found.append(("Serial Number", values(NameOID.SERIAL_NUMBER)[:1] or [""]))
    for label, oid in (
        ("Organization", NameOID.ORGANIZATION_NAME),
        ("Organizational Unit", NameOID.ORGANIZATIONAL_UNIT_NAME),
        ("Country", NameOID.COUNTRY_NAME),
        ("Locality", NameOID.LOCALITY_NAME),
        ("Province", NameOID.STATE_OR_PROVINCE_NAME),
        ("StreetAddress", NameOID.STREET_ADDRESS),
        ("PostalCode", NameOID.POSTAL_CODE),
    ):
        found.append((label, values(oid)))
    try:
        names: Any = parsed.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return found
    found.append(("", []))
    for label, kind in (
        ("DNS Names", x509.DNSName),
        ("Email Addresses", x509.RFC822Name),
        ("URIs", x509.UniformResourceIdentifier),
        ("IP Addresses", x509.IPAddress),
    ):
        found.append((label, [str(value) for value in names.get_values_for_type(kind)]))
    return found


def signing_request(call: Call, writer: Writer, obj: Obj) -> None:
    """A certificate signing request."""
    spec, about = obj.get("spec") or {}, meta(obj)
    writer.pair("Name", about.get("name", ""))
    writer.pair("Labels", format_labels(about.get("labels")))
    writer.pair("Annotations", format_labels(about.get("annotations")))
    writer.pair("CreationTimestamp", rfc1123(about.get("creationTimestamp")))
    writer.pair("Requesting User", spec.get("username", ""))
    if spec.get("signerName"):
        writer.pair("Signer", spec["signerName"])
    if spec.get("expirationSeconds") is not None:
        writer.pair("Requested Duration", human_duration(spec["expirationSeconds"]))
    writer.pair("Status", csr_status(obj))
    writer.line(0, "Subject:")
    for label, values in _subject(spec.get("request", "")):
        if not label:
            writer.line(0, "Subject Alternative Names:")
        elif values:
            writer.line(0, f"\t{label}:\t" + "\n\t\t".join(values))
    events_of(call, writer, obj)
