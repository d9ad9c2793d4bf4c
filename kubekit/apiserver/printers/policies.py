"""Tables of RBAC, certificates, leases, admission, flow control, priority classes, API services.

Source: pkg/printers/internalversion/printers.go; kube-aggregator for APIService.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import human_duration
from kubekit.api.exchange import Obj
from kubekit.api.label_text import selector_string
from kubekit.apiserver.printers.cells import age, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register

_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_CREATED_AT = Column("Created At", type="date", doc="meta_v1.ObjectMeta.creationTimestamp")


@register(_RBAC, "Role", NAME, _CREATED_AT)
@register(_RBAC, "ClusterRole", NAME, _CREATED_AT)
@register("apiextensions.k8s.io", "CustomResourceDefinition", NAME, _CREATED_AT)
def name_and_creation(obj: Obj, now: float) -> list[Any]:
    """A row of kinds without a printer of their own: name and the time of creation."""
    return [name(obj), section(obj, "metadata").get("creationTimestamp") or "<unknown>"]


def _binding_columns(kind: str, noun: str) -> tuple[Column, ...]:
    return (
        NAME,
        # The printer takes the text of v1beta1, which does not say yet that the field is immutable.
        Column("Role", doc=f"rbac_v1.{kind}.roleRef", less=" This field is immutable."),
        AGE,
        Column("Users", text=f"Users in the {noun}", wide=True),
        Column("Groups", text=f"Groups in the {noun}", wide=True),
        Column("ServiceAccounts", text=f"ServiceAccounts in the {noun}", wide=True),
    )


@register(_RBAC, "RoleBinding", *_binding_columns("RoleBinding", "roleBinding"))
@register(_RBAC, "ClusterRoleBinding", *_binding_columns("ClusterRoleBinding", "clusterRoleBinding"))
def role_binding(obj: Obj, now: float) -> list[Any]:
    """A binding's row."""
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or []:
        kind, who = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            who = f"{subject.get('namespace', '')}/{who}"
        if kind in subjects:
            subjects[kind].append(who)
    reference = section(obj, "roleRef")
    role = f"{reference.get('kind', '')}/{reference.get('name', '')}"
    return [name(obj), role, age(obj, now), *(", ".join(found) for found in subjects.values())]


def csr_status(obj: Obj) -> str:
    """`Pending`, `Approved,Issued`, `Denied`... of a certificate signing request."""
    status = section(obj, "status")
    found = {c.get("type") for c in status.get("conditions") or []}
    text = "Denied" if "Denied" in found else "Approved" if "Approved" in found else "Pending"
    text += ",Failed" if "Failed" in found else ""
    return text + (",Issued" if status.get("certificate") else "")


@register(
    "certificates.k8s.io",
    "CertificateSigningRequest",
    NAME,
    AGE,
    Column(
        "SignerName",
        text="Requested signer for the request. It is a qualified name in the form:"
        " `scope-hostname.io/name`. If empty, it will be defaulted:\n"
        " 1. If it's a kubelet client certificate, it is assigned\n"
        '    "kubernetes.io/kube-apiserver-client-kubelet".\n'
        " 2. If it's a kubelet serving certificate, it is assigned\n"
        '    "kubernetes.io/kubelet-serving".\n'
        ' 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".\n'
        "Distribution of trust for signers happens out of band. You can select on this field using"
        " `spec.signerName`.",
    ),
    Column("Requestor", text="Base64-encoded PKCS#10 CSR data"),
    Column("RequestedDuration", doc="certificates_v1.CertificateSigningRequestSpec.expirationSeconds"),
    Column("Condition", text="Conditions applied to the request, such as approval or denial."),
)
def certificate_signing_request(obj: Obj, now: float) -> list[Any]:
    """A signing request's row."""
    spec = section(obj, "spec")
    wanted = spec.get("expirationSeconds")
    return [
        name(obj),
        age(obj, now),
        spec.get("signerName") or "<none>",
        spec.get("username", ""),
        "<none>" if wanted is None else human_duration(wanted),
        csr_status(obj),
    ]


@register(
    "certificates.k8s.io",
    "ClusterTrustBundle",
    NAME,
    Column("SignerName", doc="certificates_v1beta1.ClusterTrustBundleSpec.signerName"),
)
def cluster_trust_bundle(obj: Obj, now: float) -> list[Any]:
    """A trust bundle's row."""
    return [name(obj), section(obj, "spec").get("signerName") or "<none>"]


@register(
    "coordination.k8s.io",
    "Lease",
    NAME,
    Column("Holder", doc="coordination_v1.LeaseSpec.holderIdentity"),
    AGE,
)
def lease(obj: Obj, now: float) -> list[Any]:
    """A lease's row."""
    return [name(obj), section(obj, "spec").get("holderIdentity") or "", age(obj, now)]


@register(
    "coordination.k8s.io",
    "LeaseCandidate",
    NAME,
    Column("LeaseName", doc="coordination_v1alpha2.LeaseCandidateSpec.leaseName"),
    Column("BinaryVersion"),
    Column("EmulationVersion"),
    AGE,
)
def lease_candidate(obj: Obj, now: float) -> list[Any]:
    """A lease candidate's row."""
    spec = section(obj, "spec")
    shown = [spec.get(key, "") for key in ("leaseName", "binaryVersion", "emulationVersion")]
    return [name(obj), *shown, age(obj, now)]


_WEBHOOKS = Column(
    "Webhooks",
    type="integer",
    text="Webhooks indicates the number of webhooks registered in this configuration",
)


@register(_ADMISSION, "MutatingWebhookConfiguration", NAME, _WEBHOOKS, AGE)
@register(_ADMISSION, "ValidatingWebhookConfiguration", NAME, _WEBHOOKS, AGE)
def webhook_configuration(obj: Obj, now: float) -> list[Any]:
    """A webhook configuration's row."""
    return [name(obj), len(obj.get("webhooks") or []), age(obj, now)]


_PARAM_KIND = Column(
    "ParamKind", text="ParamKind specifies the kind of resources used to parameterize this policy"
)


@register(
    _ADMISSION,
    "ValidatingAdmissionPolicy",
    NAME,
    Column(
        "Validations",
        type="integer",
        text="Validations indicates the number of validation rules defined in this configuration",
    ),
    _PARAM_KIND,
    AGE,
)
@register(
    _ADMISSION,
    "MutatingAdmissionPolicy",
    NAME,
    Column(
        "Mutations",
        type="integer",
        text="Mutation indicates the number of mutations rules defined in this configuration",
    ),
    _PARAM_KIND,
    AGE,
)
def admission_policy(obj: Obj, now: float) -> list[Any]:
    """An admission policy's row."""
    spec = section(obj, "spec")
    kind = spec.get("paramKind")
    text = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"
    rules = spec.get("validations") or spec.get("mutations") or []
    return [name(obj), len(rules), text, age(obj, now)]


_BINDING = (
    NAME,
    Column(
        "PolicyName", text="PolicyName indicates the policy definition which the policy binding binded to"
    ),
    Column("ParamRef", text="ParamRef indicates the param resource which sets the configuration param"),
    AGE,
)


@register(_ADMISSION, "ValidatingAdmissionPolicyBinding", *_BINDING)
@register(_ADMISSION, "MutatingAdmissionPolicyBinding", *_BINDING)
def admission_policy_binding(obj: Obj, now: float) -> list[Any]:
    """A policy binding's row."""
    spec = section(obj, "spec")
    reference, text = spec.get("paramRef"), "<unset>"
    if reference and reference.get("name"):
        text = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference and reference.get("selector") is not None:
        text = selector_string(reference["selector"])
    return [name(obj), spec.get("policyName", ""), text, age(obj, now)]


@register(
    "flowcontrol.apiserver.k8s.io",
    "FlowSchema",
    NAME,
    Column("PriorityLevel", doc="flowcontrol_v1.PriorityLevelConfigurationReference.name"),
    Column("MatchingPrecedence", doc="flowcontrol_v1.FlowSchemaSpec.matchingPrecedence"),
    Column("DistinguisherMethod", doc="flowcontrol_v1.FlowSchemaSpec.distinguisherMethod"),
    AGE,
    Column("MissingPL", text="references a broken or non-existent PriorityLevelConfiguration"),
    order=lambda schema: (section(schema, "spec").get("matchingPrecedence") or 0, name(schema)),
)
def flow_schema(obj: Obj, now: float) -> list[Any]:
    """A flow schema's row."""
    spec = section(obj, "spec")
    missing = "?"
    for condition in section(obj, "status").get("conditions") or []:
        if condition.get("type") == "Dangling":
            missing = condition.get("status", "")
            break
    return [
        name(obj),
        section(spec, "priorityLevelConfiguration").get("name", ""),
        int(spec.get("matchingPrecedence") or 0),
        section(spec, "distinguisherMethod").get("type") or "<none>",
        age(obj, now),
        missing,
    ]


@register(
    "flowcontrol.apiserver.k8s.io",
    "PriorityLevelConfiguration",
    NAME,
    Column("Type", doc="flowcontrol_v1.PriorityLevelConfigurationSpec.type"),
    Column(
        "NominalConcurrencyShares",
        doc="flowcontrol_v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares",
    ),
    Column("Queues", doc="flowcontrol_v1.QueuingConfiguration.queues"),
    Column("HandSize", doc="flowcontrol_v1.QueuingConfiguration.handSize"),
    Column("QueueLengthLimit", doc="flowcontrol_v1.QueuingConfiguration.queueLengthLimit"),
    AGE,
)
def priority_level(obj: Obj, now: float) -> list[Any]:
    """A priority level's row."""
    spec = section(obj, "spec")
    limited = section(spec, "limited")
    queuing = section(limited, "limitResponse", "queuing")
    none = "<none>"
    return [
        name(obj),
        spec.get("type", ""),
        limited.get("nominalConcurrencyShares", none),
        *(queuing.get(key, none) for key in ("queues", "handSize", "queueLengthLimit")),
        age(obj, now),
    ]


@register(
    "scheduling.k8s.io",
    "PriorityClass",
    NAME,
    Column("Value", type="integer", doc="scheduling_v1.PriorityClass.value"),
    Column("Global-Default", type="boolean", doc="scheduling_v1.PriorityClass.globalDefault"),
    AGE,
    Column("PreemptionPolicy", doc="scheduling_v1.PriorityClass.preemptionPolicy"),
)
def priority_class(obj: Obj, now: float) -> list[Any]:
    """A priority class' row."""
    default = bool(obj.get("globalDefault"))
    return [name(obj), int(obj.get("value") or 0), default, age(obj, now), obj.get("preemptionPolicy") or ""]


@register("node.k8s.io", "RuntimeClass", NAME, Column("Handler"), AGE)
def runtime_class(obj: Obj, now: float) -> list[Any]:
    """A runtime class' row."""
    return [name(obj), obj.get("handler", ""), age(obj, now)]


@register(
    "apiregistration.k8s.io",
    "APIService",
    NAME,
    Column("Service", text="The reference to the service that hosts this API endpoint."),
    Column("Available", text="Whether this service is available."),
    AGE,
)
def api_service(obj: Obj, now: float) -> list[Any]:
    """An API service's row."""
    where = section(obj, "spec").get("service")
    service = f"{where.get('namespace', '')}/{where.get('name', '')}" if where else "Local"
    status = "Unknown"
    for condition in section(obj, "status").get("conditions") or []:
        if condition.get("type") == "Available":
            status = condition.get("status", "")
            if status != "True" and condition.get("reason"):
                status = f"{status} ({condition['reason']})"
            break
    return [name(obj), service, status, age(obj, now)]


@register(
    "storagemigration.k8s.io",
    "StorageVersionMigration",
    Column("Name", doc="meta_v1.ObjectMeta.name"),
    Column("Resource", text="GroupResource to migrate"),
    Column("Status", text="Status of the migration"),
)
def storage_version_migration(obj: Obj, now: float) -> list[Any]:
    """A storage version migration's row."""
    resource = section(obj, "spec", "resource")
    group = f".{resource['group']}" if resource.get("group") else ""
    state = "Unknown"
    for condition in section(obj, "status").get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Running", "Failed", "Succeeded"):
            state = condition["type"]
    return [name(obj), f"{resource.get('resource', '')}{group}", state]


@register(
    "",
    "Status",
    Column("Status", doc="meta_v1.Status.status"),
    Column("Reason", doc="meta_v1.Status.reason"),
    Column("Message"),
)
def status(obj: Obj, now: float) -> list[Any]:
    """A Status' row (what a delete answers)."""
    return [obj.get("status", ""), obj.get("reason", ""), obj.get("message", "")]
