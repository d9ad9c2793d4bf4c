"""`kubectl api-resources`, `api-versions`, `version`, `cluster-info`: what the server is and has.

Source: k8s.io/kubectl/pkg/cmd/apiresources, version, clusterinfo.
"""

from __future__ import annotations

import json

from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.terminal.cli import json_text, tabwriter, yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, listing, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call, meta

VERSION = "v1.36.2"
KUSTOMIZE = "v5.7.1"


def _row(one: Resource, wide: bool) -> list[str]:
    row = [one.plural, ",".join(one.short_names), one.api_version, str(one.namespaced).lower(), one.kind]
    return [*row, ",".join(one.verbs), ",".join(one.categories)] if wide else row


def api_resources(call: Call) -> None:
    """`kubectl api-resources`."""
    if call.args:
        raise call.usage(f"unexpected arguments: [{' '.join(call.args)}]")
    order = call.flag("sort-by")
    if order not in ("", "name", "kind"):
        raise CommandError("--sort-by accepts only name or kind")
    if not call.flag("cached"):
        call.discovery.forget()
    found = [one for one in call.discovery.preferred() if one.verbs]
    if "api-group" in call.given:
        found = [one for one in found if one.group == call.flag("api-group")]
    if "namespaced" in call.given:
        found = [one for one in found if one.namespaced == call.flag("namespaced")]
    found = [one for one in found if set(call.flag("verbs") or []) <= set(one.verbs)]
    found = [one for one in found if set(call.flag("categories") or []) <= set(one.categories)]
    if order == "name":
        found.sort(key=lambda one: one.plural)
    elif order == "kind":
        found.sort(key=lambda one: one.kind)
    else:
        found.sort(key=lambda one: (one.group, one.plural))
    name = call.flag("output")
    if name == "name":
        call.out("".join(f"{one.qualified}\n" for one in found), end="")
    elif name in ("json", "yaml"):
        listed = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": "",
            "resources": [_entry(one) for one in found],
        }
        call.out(json_text.dump(listed, sort=False) if name == "json" else yaml_text.dump(listed), end="")
    elif name in ("", "wide"):
        header = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
        header += ["VERBS", "CATEGORIES"] if name == "wide" else []
        rows = [] if call.flag("no-headers") else [header]
        call.out(tabwriter.table(rows + [_row(one, name == "wide") for one in found]), end="")
    else:
        raise CommandError(
            f'unable to match a printer suitable for the output format "{name}", allowed formats are:'
            f" json,name,wide,yaml"
        )


def _entry(one: Resource) -> Obj:
    entry: Obj = {"name": one.plural, "singularName": one.singular, "namespaced": one.namespaced}
    if one.group:
        entry["group"] = one.group
    entry |= {"version": one.version, "kind": one.kind, "verbs": list(one.verbs)}
    if one.short_names:
        entry["shortNames"] = list(one.short_names)
    if one.categories:
        entry["categories"] = list(one.categories)
    return entry


def api_versions(call: Call) -> None:
    """`kubectl api-versions`."""
    if call.args:
        raise call.usage(f"unexpected arguments: [{' '.join(call.args)}]")
    call.discovery.forget()
    call.out("".join(f"{version}\n" for version in sorted(call.discovery.versions)), end="")


def version(call: Call) -> None:
    """`kubectl version`."""
    if call.args:
        raise CommandError(f"extra arguments: [{' '.join(call.args)}]")
    if call.flag("output") not in ("", "json", "yaml"):
        raise CommandError("--output must be 'yaml' or 'json'")
    client: Obj = {"major": "1", "minor": "36", "gitVersion": VERSION}
    server = None if call.flag("client") else call.connection.json("GET", "/version")
    found: Obj = {"clientVersion": client, "kustomizeVersion": KUSTOMIZE}
    if server is not None:
        found["serverVersion"] = server
    if call.flag("output") == "json":
        call.out(json.dumps(found, indent=2))
    elif call.flag("output") == "yaml":
        call.out(yaml_text.dump(found), end="")
    else:
        call.out(f"Client Version: {VERSION}\nKustomize Version: {KUSTOMIZE}")
        if server is not None:
            call.out(f"Server Version: {server.get('gitVersion', '')}")


def cluster_info(call: Call) -> None:
    """`kubectl cluster-info`."""
    server = call.program.server
    call.out(f"Kubernetes control plane is running at {server}")
    services = call.discovery.find("services")
    for one in call.connection.items(services, "kube-system", labels="kubernetes.io/cluster-service=true"):
        labels = meta(one).get("labels") or {}
        name = labels.get("kubernetes.io/name") or meta(one)["name"]
        path = f"{server}/api/v1/namespaces/kube-system/services/{meta(one)['name']}"
        ports = (one.get("spec") or {}).get("ports") or []
        port = f":{ports[0]['name']}" if ports and ports[0].get("name") else ""
        call.out(f"{name} is running at {path}{port}/proxy")
    call.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")


COMMANDS = [
    Command(
        "api-resources [flags]",
        "Print the supported API resources on the server",
        api_resources,
        [
            string("api-group", "Only of this group."),
            boolean("cached", "Use what an earlier command has read."),
            listing("categories", "Only of these categories."),
            boolean("namespaced", "Only those in namespaces, or (=false) only the others.", default=True),
            boolean("no-headers", "Without the first line."),
            string("output", "wide, name, json or yaml.", "o"),
            boolean("show-managed-fields", "Ignored."),
            string("sort-by", "name or kind."),
            listing("verbs", "Only those with these verbs."),
        ],
        example="kubectl api-resources\nkubectl api-resources --namespaced=false -o wide",
    ),
    Command(
        "api-versions",
        'Print the supported API versions on the server, in the form of "group/version"',
        api_versions,
        example="kubectl api-versions",
    ),
    Command(
        "version [flags]",
        "Print the client and server version information",
        version,
        [boolean("client", "Only the client's."), string("output", "yaml or json.", "o")],
        example="kubectl version\nkubectl version -o yaml",
    ),
    Command(
        "cluster-info [flags]",
        "Display cluster information",
        cluster_info,
        example="kubectl cluster-info",
    ),
]
__all__ = ["COMMANDS", "output"]
