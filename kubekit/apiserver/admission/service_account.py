"""ServiceAccount: a pod runs as a ServiceAccount of its namespace and gets that account's token as a volume.

The volume `kube-api-access-xxxxx` holds the token, the cluster's CA and the namespace, and is mounted into
every container that has nothing at that path. Upstream: plugin/pkg/admission/serviceaccount/admission.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import status_error as errors
from kubekit.apiserver.admission.mountable_secrets import limit_problem, secret_references
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
MIRROR = "kubernetes.io/config.mirror"
_REFERENCES = ("serviceAccountName", "automountServiceAccountToken")


class ServiceAccountAdmission(AdmissionPlugin):
    """See the module."""

    name = "ServiceAccount"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods"), ("", "pods/ephemeralcontainers")})

    def admit(self, a: Attributes) -> None:
        """Fill in the account, its image pull secrets and the token volume."""
        pod = a.obj
        if pod is None or a.operation != CREATE or a.subresource:
            return
        spec = a.part("spec")
        if MIRROR in ((pod.get("metadata") or {}).get("annotations") or {}):
            self.validate(a)
            return
        if not spec.get("serviceAccountName"):
            a.change("/spec", spec, "serviceAccountName", "default")
            a.change("/spec", spec, "serviceAccount", "default")
        account = self._account(a, spec["serviceAccountName"])
        if self._mounts_token(account, spec):
            self._mount(a, spec)
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            secrets = [dict(secret) for secret in account["imagePullSecrets"]]
            a.change("/spec", spec, "imagePullSecrets", secrets)
        if problem := limit_problem(account, spec):
            raise a.forbidden(problem)

    def validate(self, a: Attributes) -> None:
        """The account must exist; mirror pods may not use one."""
        pod = a.obj
        if pod is not None and a.subresource == "ephemeralcontainers" and a.operation == UPDATE:
            self._limit_ephemeral(a, pod.get("spec") or {})
        if pod is None or a.operation != CREATE or a.subresource:
            return
        spec = pod.get("spec") or {}
        if MIRROR in ((pod.get("metadata") or {}).get("annotations") or {}):
            if spec.get("serviceAccountName"):
                raise a.forbidden("a mirror pod may not reference service accounts")
            if next(secret_references(spec), None) is not None:
                raise a.forbidden("a mirror pod may not reference secrets")
            for volume in spec.get("volumes") or ():
                for source in (volume.get("projected") or {}).get("sources") or ():
                    if "serviceAccountToken" in source:
                        raise a.forbidden("a mirror pod may not use ServiceAccountToken volume projections")
            return
        if spec.get("serviceAccountName"):
            account = self._account(a, spec["serviceAccountName"])
            if problem := limit_problem(account, spec):
                raise a.forbidden(problem)

    def _limit_ephemeral(self, a: Attributes, spec: Obj) -> None:
        """Ephemeral containers may use no other secrets than the rest of the pod."""
        if not spec.get("serviceAccountName"):
            raise a.forbidden(f"no service account specified for pod {a.namespace}/{a.name}")
        account = self._account(a, spec["serviceAccountName"])
        if problem := limit_problem(account, spec, ephemeral=True):
            # The original forgets to wrap this one, which makes it an error of the server.
            raise errors.StatusError(errors.status(500, "", problem))

    @staticmethod
    def _account(a: Attributes, name: str) -> Obj:
        accounts = a.ctx.server.store("", "serviceaccounts")
        account = accounts.find(a.namespace, name)
        if account is None:
            missing = errors.not_found(accounts.resource, name)
            raise a.forbidden(
                f"error looking up service account {a.namespace}/{name}:"
                f" {missing.message.replace('serviceaccounts ', 'serviceaccount ', 1)}"
            )
        return account

    @staticmethod
    def _mounts_token(account: Obj, spec: Obj) -> bool:
        for owner in (spec, account):
            wanted = owner.get("automountServiceAccountToken")
            if wanted is not None:
                return bool(wanted)
        return True

    @staticmethod
    def _mount(a: Attributes, spec: Obj) -> None:
        volumes: list[Obj] = spec.get("volumes") or []
        name = ""
        for volume in volumes:
            if str(volume.get("name", "")).startswith("kube-api-access-"):
                name = volume["name"]
                break
        known = bool(name)
        if not known:
            # No other volume's name begins so: it cannot be taken.
            name = "kube-api-access-" + a.ctx.server.loop.rng.suffix()
        used = False
        for field in ("initContainers", "containers"):
            for place, container in enumerate(spec.get(field) or ()):
                mounts: list[Obj] = container.get("volumeMounts") or []
                if mounts and any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
                    continue
                mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
                a.change(f"/spec/{field}/{place}", container, "volumeMounts", [*mounts, mount])
                used = True
        if used and not known:
            a.change("/spec", spec, "volumes", [*volumes, {"name": name, "projected": _TOKEN_SOURCES}])


_TOKEN_SOURCES: Obj = {
    "defaultMode": 0o644,
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                ]
            }
        },
    ],
}
