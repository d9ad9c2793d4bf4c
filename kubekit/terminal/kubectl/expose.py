"""`kubectl expose`: a service for what is there already - a deployment, a replica set, a pod, another
service.

Source: k8s.io/kubectl/pkg/cmd/expose, polymorphichelpers.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import string
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.generate import create_flags, metadata, submit
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.run import merge_patch, parse_labels

_EXPOSABLE = {
    ("", "ReplicationController"),
    ("", "Service"),
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("extensions", "Deployment"),
    ("extensions", "ReplicaSet"),
}


def run(call: Call) -> None:
    """`kubectl expose`."""
    # --selector says which pods the service is for; here it selects nothing.
    chosen = call.flags.pop("selector")
    wanted = selection.targets(call)
    call.flags["selector"] = chosen
    errors: list[Exception] = []
    for target in wanted:
        try:
            for info in selection.fetch(call, target):
                _one(call, info)
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)


def _selector(call: Call, info: Info) -> dict[str, str]:
    if call.flag("selector"):
        return parse_labels(call.flag("selector"))
    obj = info.obj or {}
    spec = obj.get("spec") or {}
    kind = info.resource.kind
    if kind == "Pod":
        labels = meta(obj).get("labels") or {}
        if not labels:
            raise CommandError(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels"
                " and cannot be"
                " exposed"
            )
        return dict(labels)
    if kind in ("Service", "ReplicationController"):
        if not spec.get("selector"):
            raise CommandError(
                "couldn't retrieve selectors via --selector flag or introspection: the service has no pod"
                " selector set"
            )
        return dict(spec["selector"])
    selector = spec.get("selector") or {}
    if selector.get("matchExpressions"):
        raise CommandError(
            "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions -"
            f' "{selector["matchExpressions"]}" to map-based selector format'
        )
    return dict(selector.get("matchLabels") or {})


def _found_ports(info: Info) -> list[tuple[int, str]]:
    """(port, protocol) of every port that the object itself names."""
    spec = (info.obj or {}).get("spec") or {}
    if info.resource.kind == "Service":
        return [(port["port"], port.get("protocol", "TCP")) for port in spec.get("ports") or []]
    pod = spec if info.resource.kind == "Pod" else ((spec.get("template") or {}).get("spec") or {})
    return [
        (port["containerPort"], port.get("protocol", "TCP"))
        for container in pod.get("containers") or []
        for port in container.get("ports") or []
    ]


def _one(call: Call, info: Info) -> None:
    resource = info.resource
    if (resource.group, resource.kind) not in _EXPOSABLE:
        kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        raise CommandError(f"cannot expose a {kind}")
    selector = _selector(call, info)
    found = _found_ports(info)
    protocols = dict(found)
    if call.flag("port"):
        ports = [_number(text) for text in call.flag("port").split(",")]
    else:
        ports = list(dict.fromkeys(port for port, _ in found))
    if not ports and call.flag("cluster-ip") != "None":
        raise CommandError("couldn't find port via --port flag or introspection")
    target = call.flag("target-port")
    rows: list[Obj] = []
    for index, port in enumerate(ports):
        protocol = call.flag("protocol") or protocols.get(port) or "TCP"
        row: Obj = {"name": f"port-{index + 1}"} if len(ports) > 1 else {}
        wanted: Any = (int(target) if target.isdigit() else target) if target else port
        rows.append({**row, "port": port, "protocol": protocol, "targetPort": wanted})
    labels = (
        parse_labels(call.flag("labels")) if call.flag("labels") else meta(info.obj or {}).get("labels") or {}
    )
    about = metadata(call, call.flag("name") or info.name[:63], labels=dict(labels))
    spec: Obj = {"ports": rows, "selector": selector}
    if call.flag("type"):
        spec["type"] = call.flag("type")
    elif call.flag("external-ip"):
        spec["externalIPs"] = [call.flag("external-ip")]
    if call.flag("external-ip"):
        spec["externalIPs"] = [call.flag("external-ip")]
    if call.flag("session-affinity"):
        spec["sessionAffinity"] = call.flag("session-affinity")
    if call.flag("cluster-ip"):
        spec["clusterIP"] = call.flag("cluster-ip")
    if call.flag("load-balancer-ip") and spec.get("type") == "LoadBalancer":
        spec["loadBalancerIP"] = call.flag("load-balancer-ip")
    obj: Obj = {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}
    if call.flag("overrides"):
        from kubekit.terminal.cli import yaml_load

        try:
            patch = yaml_load.load(call.flag("overrides"))
        except yaml_load.ManifestError as error:
            raise CommandError(str(error)) from None
        if not isinstance(patch, dict):
            raise CommandError("Invalid JSON Patch")
        obj = merge_patch(obj, patch)
    submit(call, obj, done="exposed", manager="kubectl-expose")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CommandError(f'strconv.Atoi: parsing "{text}": invalid syntax') from None


COMMAND = Command(
    "expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name]"
    " [--name=name] [--external-ip=external-ip-of-service] [--type=type] [options]",
    "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
    run,
    [
        *file_flags("what to expose"),
        *create_flags("kubectl-expose"),
        string("cluster-ip", "The service's address; None for a headless service."),
        string("external-ip", "A further address to answer on."),
        string("labels", "Labels of the service, instead of the object's.", "l"),
        string("load-balancer-ip", "The load balancer's address."),
        string("name", "The service's name, instead of the object's."),
        string("override-type", "merge.", default="merge"),
        string("overrides", "JSON that is merged into the service."),
        string("port", "The service's port, instead of the containers'."),
        string("protocol", "TCP, UDP or SCTP."),
        string("selector", "Which pods, instead of the object's selector."),
        string("session-affinity", "None or ClientIP."),
        string("target-port", "The pods' port, a number or a name."),
        string("type", "ClusterIP, NodePort, LoadBalancer or ExternalName."),
    ],
    aliases=(),
    example="kubectl expose deployment web --port=80 --target-port=8080",
)
