"""`kubectl describe` of services, endpoints, endpoint slices, ingresses, ingress classes, network policies.

Source: k8s.io/kubectl/pkg/describe.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector, format_labels
from kubekit.api.status_error import StatusError
from kubekit.apiserver.printers.networking import host_port, load_balancer_addresses
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.writer import Writer

_SHOWN = 3


def endpoints_of_slices(slices: list[Obj], port_name: str | None) -> str:
    """`10.244.1.2:80,... + 2 more...`: the ready endpoints behind a port."""
    if not slices:
        return "<none>"
    found: list[str] = []
    for one in slices:
        ready = [
            e for e in one.get("endpoints") or [] if (e.get("conditions") or {}).get("ready") is not False
        ]
        ports = one.get("ports") or []
        if not ports:
            found += [endpoint["addresses"][0] for endpoint in ready]
        for port in ports:
            if port_name is None or (port.get("name") or "") == port_name:
                found += [host_port(endpoint["addresses"][0], port.get("port")) for endpoint in ready]
    text = ",".join(found[:_SHOWN])
    return f"{text} + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else text


def _slices(call: Call, namespace: str, service: str) -> list[Obj]:
    resource = call.discovery.find("endpointslices.discovery.k8s.io")
    return call.connection.items(resource, namespace, labels=f"kubernetes.io/service-name={service}")


def service(call: Call, writer: Writer, obj: Obj) -> None:
    """A service, with the endpoints of each port."""
    spec, about = obj.get("spec") or {}, meta(obj)
    slices = _slices(call, about.get("namespace", ""), about.get("name", ""))
    writer.heading(obj)
    writer.pair("Selector", format_labels(spec.get("selector")))
    writer.pair("Type", spec.get("type", ""))
    if spec.get("ipFamilyPolicy") is not None:
        writer.pair("IP Family Policy", spec["ipFamilyPolicy"])
    writer.pair("IP Families", ",".join(spec.get("ipFamilies") or []) or "<none>")
    writer.pair("IP", spec.get("clusterIP", ""))
    writer.pair("IPs", ",".join(spec.get("clusterIPs") or []) or "<none>")
    if spec.get("externalIPs"):
        writer.pair("External IPs", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        writer.pair("Desired LoadBalancer IP", spec["loadBalancerIP"])
    if spec.get("externalName"):
        writer.pair("External Name", spec["externalName"])
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress:
        writer.pair("LoadBalancer Ingress", ", ".join(_ingress_text(one) for one in ingress))
    for port in spec.get("ports") or []:
        _service_port(writer, port, slices)
    writer.pair("Session Affinity", spec.get("sessionAffinity", ""))
    for key, label in (
        ("externalTrafficPolicy", "External Traffic Policy"),
        ("internalTrafficPolicy", "Internal Traffic Policy"),
        ("healthCheckNodePort", "HealthCheck NodePort"),
    ):
        if spec.get(key):
            writer.pair(label, spec[key])
    if spec.get("loadBalancerSourceRanges"):
        writer.pair("LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"]))
    if spec.get("trafficDistribution"):
        writer.pair("Traffic Distribution", spec["trafficDistribution"])
    events_of(call, writer, obj)


def _ingress_text(one: Obj) -> str:
    if not one.get("ip"):
        return str(one.get("hostname", ""))
    return f"{one['ip']} ({one['ipMode']})" if one.get("ipMode") else str(one["ip"])


def _service_port(writer: Writer, port: Obj, slices: list[Obj]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    writer.line(0, f"Port:\t{name}\t{port.get('port')}/{protocol}")
    writer.pair("TargetPort", f"{port.get('targetPort')}/{protocol}")
    if port.get("appProtocol") is not None:
        writer.pair("AppProtocol", port["appProtocol"])
    if port.get("nodePort"):
        writer.line(0, f"NodePort:\t{name}\t{port['nodePort']}/{protocol}")
    writer.pair("Endpoints", endpoints_of_slices(slices, port.get("name") or ""))


def endpoints(call: Call, writer: Writer, obj: Obj) -> None:
    """An Endpoints object."""
    writer.heading(obj)
    writer.line(0, "Subsets:")
    for subset in obj.get("subsets") or []:
        for key, label in (("addresses", "Addresses"), ("notReadyAddresses", "NotReadyAddresses")):
            writer.pair(label, ",".join(a.get("ip", "") for a in subset.get(key) or []) or "<none>", 1)
        if subset.get("ports"):
            writer.line(1, "Ports:")
            rows = [
                [p.get("name") or "<unset>", p.get("port"), p.get("protocol", "TCP")] for p in subset["ports"]
            ]
            writer.table(2, ["Name", "Port", "Protocol"], rows)
        writer.line(0, "")
    events_of(call, writer, obj)


def endpoint_slice(call: Call, writer: Writer, obj: Obj) -> None:
    """An endpoint slice."""
    writer.heading(obj)
    writer.pair("AddressType", obj.get("addressType", ""))
    ports = obj.get("ports") or []
    if not ports:
        writer.line(0, "Ports: <unset>")
    else:
        writer.line(0, "Ports:")
        rows = [
            [
                p.get("name") or "<unset>",
                "<unset>" if p.get("port") is None else p["port"],
                p.get("protocol", "TCP"),
            ]
            for p in ports
        ]
        writer.table(1, ["Name", "Port", "Protocol"], rows)
    found = obj.get("endpoints") or []
    writer.line(0, "Endpoints:" if found else "Endpoints: <none>")
    for one in found:
        writer.line(1, f"- Addresses:\t{', '.join(one.get('addresses') or []) or '<none>'}")
        writer.line(2, "Conditions:")
        ready = (one.get("conditions") or {}).get("ready")
        writer.pair("Ready", "<unset>" if ready is None else str(bool(ready)).lower(), 3)
        writer.pair("Hostname", one.get("hostname") or "<unset>", 2)
        if one.get("targetRef"):
            writer.pair("TargetRef", f"{one['targetRef'].get('kind')}/{one['targetRef'].get('name')}", 2)
        writer.pair("NodeName", one.get("nodeName") or "<unset>", 2)
        writer.pair("Zone", one.get("zone") or "<unset>", 2)
    events_of(call, writer, obj)


def _backend(call: Call, namespace: str, backend: Obj) -> str:
    target = backend.get("service")
    if not target:
        one = backend.get("resource") or {}
        return (
            f"APIGroup: {one.get('apiGroup') or '<none>'}, Kind: {one.get('kind')}, Name: {one.get('name')}"
            if one
            else ""
        )
    port = target.get("port") or {}
    shown = f"{target.get('name')}:{port.get('name') or port.get('number')}"
    try:
        slices = _slices(call, namespace, target.get("name", ""))
        found = call.connection.get(call.discovery.find("services"), namespace, target.get("name", ""))
    except StatusError as error:
        return f"{shown} (<error: {error.message}>)"
    name = ""
    for one in (found.get("spec") or {}).get("ports") or []:
        if (port.get("number") and one.get("port") == port["number"]) or (
            port.get("name") and one.get("name") == port["name"]
        ):
            name = one.get("name") or ""
    return f"{shown} ({endpoints_of_slices(slices, name)})"


def ingress(call: Call, writer: Writer, obj: Obj) -> None:
    """An ingress, with the endpoints behind each path."""
    spec, about = obj.get("spec") or {}, meta(obj)
    namespace = about.get("namespace", "")
    writer.pair("Name", about.get("name", ""))
    writer.labels("Labels", about.get("labels"))
    writer.pair("Namespace", namespace)
    writer.pair("Address", ",".join(load_balancer_addresses(obj)))
    writer.pair("Ingress Class", spec.get("ingressClassName") or "<none>")
    default = _backend(call, namespace, spec["defaultBackend"]) if spec.get("defaultBackend") else "<default>"
    writer.pair("Default backend", default)
    if spec.get("tls"):
        writer.line(0, "TLS:")
        for one in spec["tls"]:
            hosts = ",".join(one.get("hosts") or [])
            secret = one.get("secretName")
            writer.line(1, f"{secret} terminates {hosts}" if secret else f"SNI routes {hosts}")
    writer.line(0, "Rules:")
    writer.table(1, ["Host", "Path", "Backends"], [])
    count = 0
    for rule in spec.get("rules") or []:
        if not rule.get("http"):
            continue
        count += 1
        writer.line(1, f"{rule.get('host') or '*'}\t")
        for path in rule["http"].get("paths") or []:
            writer.line(
                2, f"\t{path.get('path', '')} \t{_backend(call, namespace, path.get('backend') or {})}"
            )
    if not count:
        writer.line(1, f"*\t*\t{default}")
    writer.annotations("Annotations", about.get("annotations"))
    events_of(call, writer, obj)


def ingress_class(call: Call, writer: Writer, obj: Obj) -> None:
    """An ingress class."""
    writer.heading(obj, namespaced=False)
    writer.pair("Controller", (obj.get("spec") or {}).get("controller", ""))
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters:
        writer.line(0, "Parameters:")
        if parameters.get("apiGroup") is not None:
            writer.pair("APIGroup", parameters["apiGroup"], 1)
        writer.pair("Kind", parameters.get("kind", ""), 1)
        writer.pair("Name", parameters.get("name", ""), 1)
    events_of(call, writer, obj)


_TO, _FROM = "traffic not restricted by destination", "traffic not restricted by source"


def _policy_rules(
    writer: Writer, rules: list[Obj], peers_key: str, word: str, isolated: str, anyone: str
) -> None:
    indent = "    "
    if not rules:
        writer.put(f"{indent}<none> (Selected pods are isolated for {isolated} connectivity)\n")
        return
    for index, rule in enumerate(rules):
        if not rule.get("ports"):
            writer.put(f"{indent}To Port: <any> (traffic allowed to all ports)\n")
        for port in rule.get("ports") or []:
            number: Any = "<nil>" if port.get("port") is None else port["port"]
            protocol = port.get("protocol", "TCP")
            if port.get("endPort") is None:
                writer.put(f"{indent}To Port: {number}/{protocol}\n")
            else:
                writer.put(f"{indent}To Port Range: {number}-{port['endPort']}/{protocol}\n")
        if not rule.get(peers_key):
            writer.put(f"{indent}{word}: <any> ({anyone})\n")
        for peer in rule.get(peers_key) or []:
            writer.put(f"{indent}{word}:\n")
            for key, label in (("namespaceSelector", "NamespaceSelector"), ("podSelector", "PodSelector")):
                if peer.get(key) is not None:
                    writer.put(f"  {indent}{label}: {format_label_selector(peer[key])}\n")
            if peer.get("ipBlock"):
                block = peer["ipBlock"]
                writer.put(f"  {indent}IPBlock:\n    {indent}CIDR: {block.get('cidr')}\n")
                writer.put(f"    {indent}Except: {', '.join(block.get('except') or [])}\n")
        if index != len(rules) - 1:
            writer.put(f"{indent}----------\n")


def network_policy(call: Call, writer: Writer, obj: Obj) -> None:
    """A network policy in words."""
    about, spec = meta(obj), obj.get("spec") or {}
    writer.pair("Name", about.get("name", ""))
    writer.pair("Namespace", about.get("namespace", ""))
    created = str(about.get("creationTimestamp", "")).replace("T", " ").removesuffix("Z")
    writer.pair("Created on", f"{created} +0000 UTC")
    writer.labels("Labels", about.get("labels"))
    writer.annotations("Annotations", about.get("annotations"))
    writer.line(0, "Spec:")
    selector = spec.get("podSelector") or {}
    if selector.get("matchLabels") or selector.get("matchExpressions"):
        shown = format_label_selector(selector)
    else:
        shown = "<none> (Allowing the specific traffic to all pods in this namespace)"
    # The original indents the value once more than the label: five blanks in between.
    writer.line(1, f"PodSelector:     {shown}")
    types = spec.get("policyTypes") or []
    if "Ingress" in types:
        writer.line(1, "Allowing ingress traffic:")
        _policy_rules(writer, spec.get("ingress") or [], "from", "From", "ingress", _FROM)
    else:
        writer.line(1, "Not affecting ingress traffic")
    if "Egress" in types:
        writer.line(1, "Allowing egress traffic:")
        _policy_rules(writer, spec.get("egress") or [], "to", "To", "egress", _TO)
    else:
        writer.line(1, "Not affecting egress traffic")
    writer.line(1, f"Policy Types: {', '.join(types) or '<none>'}")
