"""Traits: the yes-or-no questions about each resource, as one table.

generation   metadata.generation counts the changes of the spec
status       has a status that only its subresource may change
uncond       a PUT without resourceVersion is accepted (else 422)
on_update    a PUT of an absent object creates it
gc           what happens to dependents when a DELETE names no policy: background, orphan or unsupported
Upstream: the AllowUnconditionalUpdate, AllowCreateOnUpdate, PrepareForCreate of pkg/registry/*/*/strategy.go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """How one resource behaves (see the module)."""

    generation: bool = False
    status: bool = False
    unconditional_update: bool = True
    create_on_update: bool = False
    garbage_collection: str = "background"
    returns_deleted: bool = False
    status_keeps_metadata: bool = False


_COLUMNS = {
    "g": "generation",
    "s": "status",
    "c": "create_on_update",
    "r": "returns_deleted",
    "m": "status_keeps_metadata",
}

# Letters: g generation, s status, c create on update, r DELETE answers with the object, m what comes in
# through the status changes no metadata; "!" means that a PUT needs a resourceVersion.
_TABLE = """
admissionregistration.k8s.io mutatingadmissionpolicies g!
admissionregistration.k8s.io mutatingadmissionpolicybindings g!
admissionregistration.k8s.io mutatingwebhookconfigurations g!
admissionregistration.k8s.io validatingadmissionpolicies gsm!
admissionregistration.k8s.io validatingadmissionpolicybindings g!
admissionregistration.k8s.io validatingwebhookconfigurations g!
apiextensions.k8s.io customresourcedefinitions gs!
apiregistration.k8s.io apiservices sm!
apps daemonsets gs
apps deployments gs
apps replicasets gs
apps statefulsets gs
autoscaling horizontalpodautoscalers s
batch cronjobs gs
batch jobs gs
certificates.k8s.io certificatesigningrequests s
certificates.k8s.io clustertrustbundles !
certificates.k8s.io podcertificaterequests sm!
coordination.k8s.io leases c!
coordination.k8s.io leasecandidates c!
- endpoints c
- events c
events.k8s.io events c
- limitranges c
- namespaces sr
- nodes s
- persistentvolumeclaims sr
- persistentvolumes sr
- pods gsr
- podtemplates gr
- replicationcontrollers gs
- resourcequotas sr
- serviceaccounts r
- services csr
discovery.k8s.io endpointslices g
flowcontrol.apiserver.k8s.io flowschemas gsm
flowcontrol.apiserver.k8s.io prioritylevelconfigurations gsm
internal.apiserver.k8s.io storageversions sm!
networking.k8s.io ingresses gs
networking.k8s.io ingressclasses g
networking.k8s.io networkpolicies g
networking.k8s.io servicecidrs sm
node.k8s.io runtimeclasses c!
policy poddisruptionbudgets gs!
rbac.authorization.k8s.io clusterroles c
rbac.authorization.k8s.io clusterrolebindings c
rbac.authorization.k8s.io roles c
rbac.authorization.k8s.io rolebindings c
resource.k8s.io deviceclasses gr
resource.k8s.io devicetaintrules gsrm
resource.k8s.io resourceclaims srm
resource.k8s.io resourceclaimtemplates r
resource.k8s.io resourcepoolstatusrequests srm!
resource.k8s.io resourceslices gr
scheduling.k8s.io podgroups sm
scheduling.k8s.io priorityclasses g
storage.k8s.io csidrivers r!
storage.k8s.io csinodes r!
storage.k8s.io csistoragecapacities !
storage.k8s.io storageclasses r
storage.k8s.io volumeattachments srm!
storage.k8s.io volumeattributesclasses r
storagemigration.k8s.io storageversionmigrations sm!
"""


def _read() -> dict[tuple[str, str], Traits]:
    table: dict[tuple[str, str], Traits] = {}
    for line in _TABLE.strip().splitlines():
        group, plural, letters = line.split()
        chosen = {name: letter in letters for letter, name in _COLUMNS.items()}
        table["" if group == "-" else group, plural] = Traits(
            unconditional_update="!" not in letters,
            garbage_collection=_GARBAGE_COLLECTION.get((group, plural), "background"),
            **chosen,
        )
    return table


_GARBAGE_COLLECTION = {
    ("-", "events"): "unsupported",
    ("events.k8s.io", "events"): "unsupported",
    ("-", "replicationcontrollers"): "orphan",
    ("batch", "jobs"): "orphan",
}

_TRAITS = _read()
_PLAIN = Traits()


def traits_of(group: str, plural: str) -> Traits:
    """The traits of a resource."""
    return _TRAITS.get((group, plural), _PLAIN)
