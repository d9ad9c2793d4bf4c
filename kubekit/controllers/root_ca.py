"""The root CA publisher: every namespace has a ConfigMap `kube-root-ca.crt` by which pods trust the API
server.

Source: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, annotations_of, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_control import namespace_is_terminating

CONFIG_MAP = "kube-root-ca.crt"
DESCRIPTION_KEY = "kubernetes.io/description"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
    "as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions "
    "of Kubernetes clusters."
)


class RootCaPublisher(Controller):
    """Keeps `kube-root-ca.crt` in each namespace."""

    name: ClassVar[str] = "root-ca-certificate-publisher-controller"
    kind: ClassVar[str] = "Namespace"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.namespaces: Informer
        self.maps: Informer

    def set_up(self) -> None:
        self.namespaces = self.informer("namespaces")
        self.maps = self.informer("configmaps")
        self.watch(
            self.namespaces,
            lambda obj: self.enqueue(name_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(name_of(new), "MODIFIED", new),
        )
        self.watch(
            self.maps,
            on_update=lambda old, new: self._map_changed("MODIFIED", new),
            on_delete=lambda obj: self._map_changed("DELETED", obj),
        )

    def _map_changed(self, event: str, obj: Obj) -> None:
        if name_of(obj) == CONFIG_MAP:
            self.enqueue(obj["metadata"]["namespace"], event, obj)

    def reconcile(self, key: str) -> None:
        namespace = self.namespaces.get(key)
        if namespace is None or (namespace.get("status") or {}).get("phase", "Active") != "Active":
            return
        data = {"ca.crt": self.options.root_ca}
        current = self.maps.get(f"{key}/{CONFIG_MAP}")
        if current is None:
            metadata = {
                "name": CONFIG_MAP,
                "namespace": key,
                "annotations": {DESCRIPTION_KEY: DESCRIPTION},
            }
            wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            try:
                self.client.create("configmaps", wanted)
            except StatusError as error:
                if error.reason != "AlreadyExists" and not namespace_is_terminating(error):
                    raise
            return
        annotations = annotations_of(current)
        if current.get("data") == data and annotations.get(DESCRIPTION_KEY):
            return
        if not annotations.get(DESCRIPTION_KEY):
            annotations = {**annotations, DESCRIPTION_KEY: DESCRIPTION}
        metadata = {**current["metadata"], "annotations": annotations}
        self.client.update("configmaps", {**current, "metadata": metadata, "data": data})
