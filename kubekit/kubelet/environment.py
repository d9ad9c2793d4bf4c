"""The environment of a container: plain values, fields of the pod, keys of ConfigMaps and Secrets.

Worked out when the container is created, in the order of the spec, so that `$(NAME)` may refer to what came
before. A reference that leads nowhere raises `Missing` with the real text, which becomes
`CreateContainerConfigError`. Source: `makeEnvironmentVariables` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.kubelet.objects import Missing, ObjectCache
from kubekit.kubelet.script import expand


def environment_of(
    pod: Obj, container: Obj, objects: ObjectCache, *, pod_ip: str, host_ip: str, node: Obj | None
) -> dict[str, str]:
    """All variables of one container; raises `Missing`."""
    out: dict[str, str] = {}
    if not container.get("env") and not container.get("envFrom"):
        return out
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        kind = "configmap" if "configMapRef" in source else "secret"
        reference = source.get("configMapRef") or source.get("secretRef") or {}
        try:
            data = objects.data(kind, namespace, reference.get("name", ""))
        except Missing:
            if reference.get("optional"):
                continue
            raise
        out |= {source.get("prefix", "") + key: value for key, value in data.items()}
    for entry in container.get("env") or ():
        if "valueFrom" not in entry:
            out[entry["name"]] = expand(entry.get("value", ""), out)
            continue
        value = _value_from(entry["valueFrom"], pod, container, objects, pod_ip, host_ip, node)
        if value is not None:
            out[entry["name"]] = value
    return out


def _value_from(
    source: Obj, pod: Obj, container: Obj, objects: ObjectCache, pod_ip: str, host_ip: str, node: Obj | None
) -> str | None:
    if "fieldRef" in source:
        return _field(source["fieldRef"]["fieldPath"], pod, pod_ip, host_ip)
    if "resourceFieldRef" in source:
        return _resource(source["resourceFieldRef"], pod, container, node)
    kind, word = ("configmap", "ConfigMap") if "configMapKeyRef" in source else ("secret", "Secret")
    reference = source.get("configMapKeyRef") or source.get("secretKeyRef") or {}
    namespace, name, key = pod["metadata"]["namespace"], reference.get("name", ""), reference.get("key", "")
    try:
        data = objects.data(kind, namespace, name)
    except Missing:
        if reference.get("optional"):
            return None
        raise
    if key not in data:
        if reference.get("optional"):
            return None
        raise Missing(f"couldn't find key {key} in {word} {namespace}/{name}")
    return data[key]


def _field(path: str, pod: Obj, pod_ip: str, host_ip: str) -> str:
    spec, meta = pod["spec"], pod["metadata"]
    if path.endswith("']") and "['" in path:
        where, _, key = path[:-2].partition("['")
        return str((meta.get(where.removeprefix("metadata.")) or {}).get(key, ""))
    known = {
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
        "status.hostIP": host_ip,
        "status.hostIPs": host_ip,
    }
    if path in known:
        return str(known[path])
    return str(meta.get(path.removeprefix("metadata."), ""))


def _resource(reference: Obj, pod: Obj, container: Obj, node: Obj | None) -> str:
    name = reference.get("containerName")
    if name:
        lists = (pod["spec"].get("initContainers") or []) + pod["spec"]["containers"]
        container = next((c for c in lists if c["name"] == name), container)
    field, _, resource = reference["resource"].partition(".")
    text = ((container.get("resources") or {}).get(field) or {}).get(resource)
    if text is None and field == "limits" and node is not None:
        text = (node.get("status") or {}).get("allocatable", {}).get(resource)
    if text is None:
        return "0"
    divisor = parse(reference.get("divisor") or "1")
    unit = divisor.milli_value() or 1000
    return str(-(-parse(text).milli_value() // unit))
