"""One object on its way through a build: what it is now, and what it was called when it came in.

Source: sigs.k8s.io/kustomize/api/resource.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kubekit.api.exchange import Obj

CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    ]
)
"""Built-in kinds that are in no namespace."""


class KustomizeError(Exception):
    """A build that cannot be done; the text is the original's."""


@dataclass
class Resource:
    """An object. `names` are those that it had, the first one first; `hashed`: its name will get a hash."""

    obj: Obj
    names: list[str] = field(default_factory=list)
    hashed: bool = False

    def __post_init__(self) -> None:
        self.names = self.names or [self.name]
        self.namespaces = [self.namespace]

    @property
    def kind(self) -> str:
        """The kind."""
        return str(self.obj.get("kind", ""))

    @property
    def name(self) -> str:
        """The name now."""
        return str(self.obj["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        """The namespace now; empty when none is said."""
        return str(self.obj["metadata"].get("namespace") or "")

    @property
    def namespaced(self) -> bool:
        """Whether its kind is in namespaces."""
        return self.kind not in CLUSTER_SCOPED

    def rename(self, name: str) -> None:
        """Call it so from now on."""
        self.obj["metadata"]["name"] = name
        if name not in self.names:
            self.names.append(name)

    def __str__(self) -> str:
        group, _, version = str(self.obj.get("apiVersion", "")).rpartition("/")
        return f"{self.kind}.{version}.{group or '[noGrp]'}/{self.name}.{self.namespace or '[noNs]'}"
