"""`kubectl apply --prune`: what earlier applies made and the files no longer hold is deleted.

Source: k8s.io/kubectl/pkg/cmd/apply/prune.go, pkg/util/prune.
"""

from __future__ import annotations

from kubekit.api.resources import Resource
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.last_applied import last_applied
from kubekit.terminal.kubectl.manifests import Info

_DEPRECATED = (
    "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the"
    " --namespace flag in a future release. To preserve the current behaviour, list the resources you want to"
    " target explicitly in the --prune-allowlist flag."
)
_PRUNED = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "secrets",
    "services",
    "jobs.batch",
    "cronjobs.batch",
    "ingresses.networking.k8s.io",
    "daemonsets.apps",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
]


def _prunable(call: Call) -> list[Resource]:
    """What --prune may delete: the kinds of --prune-allowlist, or the usual ones."""
    if not call.flag("prune-allowlist"):
        call.log("W", "prune.go:71", _DEPRECATED)
        return [call.discovery.find(word) for word in _PRUNED]
    return [allowed(call, text) for text in call.flag("prune-allowlist")]


def allowed(call: Call, text: str) -> Resource:
    """A kind of --prune-allowlist. CommandError if it is none."""
    parts = text.split("/")
    if len(parts) != 3:
        raise CommandError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
    group, version, kind = parts
    return call.discovery.by_kind(version if group == "core" else f"{group}/{version}", kind)


def prune(call: Call, applied: list[Info]) -> None:
    """Deletes what earlier applies made, matches the selector, and is no longer in the files."""
    resources = _prunable(call)
    kept = {(info.resource.plural, info.namespace, info.name) for info in applied}
    namespaces = sorted({info.namespace for info in applied if info.namespace}) or [call.namespace]
    for resource in resources:
        for namespace in namespaces if resource.namespaced else [None]:
            for obj in call.connection.items(resource, namespace, labels=call.flag("selector")):
                name = meta(obj)["name"]
                if (resource.plural, namespace or "", name) in kept or last_applied(obj) is None:
                    continue
                if call.dry_run() == "none":
                    call.connection.delete(resource, namespace, name, {"propagationPolicy": "Background"})
                call.out(output.result(call, "pruned")(obj), end="")
