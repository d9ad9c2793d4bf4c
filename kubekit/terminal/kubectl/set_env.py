"""`kubectl set env`: environment variables of a pod template - given, taken from elsewhere, shown.

Source: k8s.io/kubectl/pkg/cmd/set/set_env.go, env/.
"""

from __future__ import annotations

import base64
import re

from kubekit.api import formats
from kubekit.api.exchange import Obj
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.manifests import Info
from kubekit.terminal.kubectl.set_change import (
    change_all,
    containers_of,
    kind_slash,
    pod_spec,
    split_args,
    template_of,
)


def _env_of(call: Call) -> list[Obj]:
    source = call.flag("from")
    if not source:
        return []
    info = selection.select(call, [source])[0]
    data = (info.obj or {}).get("data") or {}
    key = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}.get(info.resource.kind)
    if key is None:
        raise CommandError(f"unsupported resource specified in --from: {info.resource.kind}")
    wanted = call.flag("keys") or []
    found = []
    for name in sorted(data):
        if wanted and name not in wanted:
            continue
        shown = re.sub(r"[^a-zA-Z0-9_]", "_", name).upper()
        if shown != name:
            call.warn(f"key {name} transferred to {shown}")
        source = {key: {"key": name, "name": info.name}}
        found.append({"name": call.flag("prefix") + shown, "valueFrom": source})
    return found


def env(call: Call) -> None:
    """`kubectl set env deploy/web KEY=value`; --list shows them."""
    resources, pairs = split_args(call)
    if "-" in resources:
        resources = [word for word in resources if word != "-"]
        lines = [line.partition("#")[0] for line in call.stdin.splitlines()]
        pairs += [line for line in lines if "=" in line]
    pairs += call.flag("env") or []
    if not resources and not selection.has_files(call):
        raise CommandError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    new = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals:
            problems = formats.env_name(key)
            if problems:
                raise CommandError(f'"{key}" is not a valid key name: {problems[0]}')
            new.append({"name": key, "value": value})
    remove = {pair[:-1] for pair in pairs if "=" not in pair}
    new += _env_of(call)
    pattern = call.flag("containers") or "*"
    if call.flag("list"):
        for info in selection.select(call, resources):
            spec = pod_spec(info.obj or {}) or {}
            for one in containers_of(spec, pattern):
                call.out(f"# {info.resource.kind} {info.name}, container {one['name']}")
                for entry in one.get("env") or []:
                    call.out(_env_line(call, entry))
        return

    def change(obj: Obj, info: Info) -> None:
        spec = template_of(obj, info)
        found = containers_of(spec, pattern)
        if not found:
            call.warn(f'{info.resource.kind}/{info.name} does not have any containers matching "{pattern}"')
        for one in found:
            if not call.flag("overwrite"):
                _refuse_change(info, one, new)
            names = {entry["name"]: entry for entry in new}
            kept = [names.pop(e["name"], e) for e in one.get("env") or [] if e["name"] not in remove]
            one["env"] = kept + list(names.values())
            if not one["env"]:
                one.pop("env")

    change_all(call, resources, "env updated", change, failure="failed to patch env update to pod template: ")


def _refuse_change(info: Info, container: Obj, new: list[Obj]) -> None:
    wanted = {entry["name"] for entry in new}
    for entry in container.get("env") or []:
        if entry["name"] in wanted:
            raise CommandError(
                f"error: {kind_slash(info)} '{entry['name']}' already has a value"
                f" ({entry.get('value', '')}), and --overwrite is false\n"
            )


def _env_line(call: Call, entry: Obj) -> str:
    source = entry.get("valueFrom")
    if source is None:
        return f"{entry['name']}={entry.get('value', '')}"
    if "fieldRef" in source:
        return f"# {entry['name']} from field path {source['fieldRef'].get('fieldPath')}"
    key, noun = (
        ("configMapKeyRef", "configmap") if "configMapKeyRef" in source else ("secretKeyRef", "secret")
    )
    one = source.get(key) or {}
    if call.flag("resolve"):
        found = call.connection.get(call.discovery.find(noun + "s"), call.namespace, one.get("name", ""))
        value = (found.get("data") or {}).get(one.get("key"), "")
        return f"{entry['name']}={base64.b64decode(value).decode() if noun == 'secret' else value}"
    return f"# {entry['name']} from {noun} {one.get('name')}, key {one.get('key')}"
