"""`kubectl create service | ingress`, and the service that `expose` and `run --expose` make.

Source: k8s.io/kubectl/pkg/cmd/create (create_service.go, create_ingress.go).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api import formats
from kubekit.api.exchange import Obj
from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, listing, number, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.generate import create_flags, metadata, one_name, submit


def _port(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise CommandError(f"strconv.ParseUint: parsing {go_quote(text)}: invalid syntax")
    if int(text) > 65535:
        raise CommandError(f"strconv.ParseUint: parsing {go_quote(text)}: value out of range")
    return int(text)


def _ports(texts: list[str]) -> list[Obj]:
    found: list[Obj] = []
    for text in texts:
        first, *rest = text.split(":")
        port = _port(first)
        target: Any = port
        if rest:
            number_given = re.fullmatch(r"[+-]?\d+", rest[0])
            problems = formats.port_number(int(rest[0])) if number_given else formats.port_name(rest[0])
            if problems:
                raise CommandError(",".join(problems))
            target = int(rest[0]) if number_given else rest[0]
        name = text.replace(":", "-")
        found.append({"name": name, "port": port, "protocol": "TCP", "targetPort": target})
    return found


def _service(call: Call, kind: str) -> None:
    name = one_name(call)
    texts, cluster_ip = call.flag("tcp") or [], call.flags.get("clusterip") or ""
    if cluster_ip == "None" and kind != "ClusterIP":
        raise CommandError("ClusterIP=None can only be used with ClusterIP service type")
    if cluster_ip != "None" and not texts and kind != "ExternalName":
        raise CommandError("at least one tcp port specifier must be provided")
    spec: Obj = {"type": kind, "selector": {"app": name}}
    if kind == "ExternalName":
        if formats.dns1123_subdomain(call.flag("external-name")):
            raise CommandError(f"invalid service external name {call.flag('external-name')}")
        spec["externalName"] = call.flag("external-name")
    if ports := _ports(texts):
        spec["ports"] = ports
        for port in ports if kind in ("NodePort", "LoadBalancer") else []:
            if call.flags.get("node-port"):
                port["nodePort"] = call.flag("node-port")
    if cluster_ip:
        spec["clusterIP"] = cluster_ip
    about = metadata(call, name, labels={"app": name})
    submit(
        call,
        {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec},
        failure=f"failed to create {kind} service: ",
    )


def cluster_ip(call: Call) -> None:
    """`kubectl create service clusterip NAME --tcp=80:8080`."""
    _service(call, "ClusterIP")


def node_port(call: Call) -> None:
    """`kubectl create service nodeport NAME --tcp=80`."""
    _service(call, "NodePort")


def load_balancer(call: Call) -> None:
    """`kubectl create service loadbalancer NAME --tcp=80`."""
    _service(call, "LoadBalancer")


def external_name(call: Call) -> None:
    """`kubectl create service externalname NAME --external-name=db.example.com`."""
    if "external-name" not in call.given:
        raise CommandError('required flag(s) "external-name" not set')
    _service(call, "ExternalName")


_RULE = re.compile(
    r"^[\w*\-.]*/.*=[\w\-]+:[\w\-]+"  # what follows (`,tls=secret`) is not looked at
)


def _backend(service: str) -> Obj:
    name, _, port = service.partition(":")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def _path(text: str) -> Obj:
    path, _, service = text.partition("=")
    path, kind = "/" + path, "Exact"
    if path.endswith("*"):
        path, kind = path[:-1], "Prefix"
    return {"path": path, "pathType": kind, "backend": _backend(service)}


def _rules(texts: list[str]) -> list[Obj]:
    rules: list[Obj] = []
    for text in texts:
        host, _, rest = text.split(",")[0].partition("/")
        for rule in rules:
            if rule.get("host", "") == host:
                rule["http"]["paths"].append(_path(rest))
                break
        else:
            rules.append({**({"host": host} if host else {}), "http": {"paths": [_path(rest)]}})
    return rules


def _tls(texts: list[str]) -> list[Obj]:
    found: list[Obj] = []
    hosts: set[str] = set()
    for text in texts:
        parts = text.split(",")
        host = text.partition("/")[0]
        if len(parts) != 2 or host in hosts:
            continue
        hosts.add(host)
        secret = parts[1].partition("=")[2]
        same = next((one for one in found if secret and one.get("secretName") == secret), None)
        if same is not None:
            same.setdefault("hosts", []).append(host)
        elif host or secret:
            found.append(
                {**({"hosts": [host]} if host else {}), **({"secretName": secret} if secret else {})}
            )
    return found


def ingress(call: Call) -> None:
    """`kubectl create ingress NAME --rule=host/path=service:port[,tls[=secret]]`."""
    name = one_name(call)
    rules, default = call.flag("rule") or [], call.flag("default-backend")
    if not default and not rules:
        raise CommandError(
            "not enough information provided: every ingress has to either specify a default-backend (which"
            " catches"
            " all traffic) or a list of rules (which catch specific paths)"
        )
    for rule in rules:
        if not _RULE.match(rule):
            raise CommandError(
                f"rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            )
    annotations = {}
    for text in call.flag("annotation") or []:
        key, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"annotation {text} is invalid and should be in format key=[value]")
        annotations[key] = value
    if default and default.count(":") != 1:
        raise CommandError("default-backend should be in format servicename:serviceport")
    spec: Obj = {}
    if call.flag("class"):
        spec["ingressClassName"] = call.flag("class")
    if default:
        spec["defaultBackend"] = _backend(default)
    if found := _tls(rules):
        spec["tls"] = found
    if rules:
        spec["rules"] = _rules(rules)
    about = metadata(call, name, annotations=annotations)
    submit(
        call,
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": about, "spec": spec},
        failure="failed to create ingress: ",
    )


def _service_flags(*more: Flag) -> list[Flag]:
    return [*create_flags(), listing("tcp", "port or port:target, comma-separated."), *more]


COMMANDS = [
    Command(
        "service [flags]",
        "Create a service using a specified subcommand",
        None,
        aliases=("svc",),
        commands=[
            Command(
                "clusterip NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]",
                "Create a ClusterIP service",
                cluster_ip,
                _service_flags(string("clusterip", "Its address, or None for a headless service.")),
            ),
            Command(
                "externalname NAME --external-name external.name [--dry-run=server|client|none]",
                "Create an ExternalName service",
                external_name,
                _service_flags(string("external-name", "The name to answer with.")),
            ),
            Command(
                "loadbalancer NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
                "Create a LoadBalancer service",
                load_balancer,
                _service_flags(),
            ),
            Command(
                "nodeport NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
                "Create a NodePort service",
                node_port,
                _service_flags(number("node-port", "The port on every node.")),
            ),
        ],
    ),
    Command(
        "ingress NAME --rule=host/path=service:port[,tls[=secret]] ",
        "Create an ingress with the specified name",
        ingress,
        [
            *create_flags(),
            string("class", "The ingress class."),
            array("rule", "host/path=service:port[,tls[=secret]]."),
            string("default-backend", "service:port for everything else."),
            array("annotation", "key=value."),
        ],
        aliases=("ing",),
    ),
]
