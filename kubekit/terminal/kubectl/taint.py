"""`kubectl taint`: keep pods off nodes - `key=value:Effect`, `key:Effect-`, `key-`.

Source: k8s.io/kubectl/pkg/cmd/taint.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _check_effect(call: Call, effect: str) -> None:
    if effect not in _EFFECTS:
        raise call.usage(f"invalid taint effect: {effect}, unsupported taint effect")


def _parse(call: Call, words: list[str]) -> tuple[list[Obj], list[Obj]]:
    """(to add, to remove)."""
    add: list[Obj] = []
    remove: list[Obj] = []
    for word in words:
        removing = word.endswith("-")
        text = word[:-1] if removing else word
        pair, colon, effect = text.partition(":")
        key, equals, value = pair.partition("=")
        if ":" in effect or "=" in value:
            raise call.usage(f"invalid taint spec: {word}")
        if not removing and not colon:
            raise call.usage(f"invalid taint spec: {word}")
        if effect:
            _check_effect(call, effect)
        elif not removing:
            raise call.usage(f"invalid taint effect: {effect}, unsupported taint effect")
        if problems := formats.label_key(key):
            raise call.usage(f"invalid taint spec: {word}, {'; '.join(problems)}")
        if equals and (problems := formats.label_value(value)):
            raise call.usage(f"invalid taint spec: {word}, {'; '.join(problems)}")
        taint: Obj = {"effect": effect, "key": key, **({"value": value} if value else {})}
        if removing:
            remove.append(taint)
            continue
        if any(one["key"] == key and one["effect"] == effect for one in add):
            shown = f"{{{key} {value} {effect} <nil>}}"
            raise call.usage(f"duplicated taints with the same key and effect: {shown}")
        add.append(taint)
    return add, remove


def run(call: Call) -> None:
    """`kubectl taint`."""
    args = call.args
    at = next(
        (i for i, word in enumerate(args) if "=" in word or ":" in word or (word.endswith("-") and i)),
        len(args),
    )
    resources, words = args[:at], args[at:]
    for word in words:
        if not ("=" in word or ":" in word or word.endswith("-")):
            raise CommandError(f"all resources must be specified before taint changes: {word}")
    if not resources:
        raise CommandError("one or more resources must be specified as <resource> <name>")
    if not words:
        raise CommandError("at least one taint update is required")
    if call.discovery.find(resources[0].split("/")[0]).kind != "Node":
        raise CommandError(f"invalid resource type {resources[0]}, only node types are supported")
    add, remove = _parse(call, words)
    clash = [
        f"{other['key']}={other['effect']}"
        for one in add
        for other in remove
        if one["key"] == other["key"] and other["effect"] in ("", one["effect"])
    ]
    if clash:
        raise CommandError(
            f"can not both modify and remove the following taint(s) in the same command: {', '.join(clash)}"
        )
    infos, errors = selection.objects(call, selection.targets(call, resources))
    for info in infos:
        try:
            _one(call, info, add, remove)
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)


def _shown(taint: Obj) -> str:
    text = str(taint["key"])
    if taint.get("value"):
        text += f"={taint['value']}"
    return text + (f":{taint['effect']}" if taint.get("effect") else "")


def _same(left: Obj, right: Obj) -> bool:
    return bool(left["key"] == right["key"] and left["effect"] == right["effect"])


def _one(call: Call, info: Info, add: list[Obj], remove: list[Obj]) -> None:
    obj: Obj = deep_copy(info.obj or {})
    taints: list[Obj] = list((obj.get("spec") or {}).get("taints") or [])
    clash = sorted({one["key"] for one in add if any(_same(one, old) for old in taints)})
    if clash and not call.flag("overwrite"):
        raise CommandError(
            f"node {info.name} already has {', '.join(clash)} taint(s) with same effect(s) and --overwrite"
            f" is false"
        )
    errors: list[Exception] = []
    for one in remove:
        kept = [
            old for old in taints if not (old["key"] == one["key"] and one["effect"] in ("", old["effect"]))
        ]
        if len(kept) == len(taints):
            errors.append(CommandError(f'taint "{_shown({**one, "value": ""})}" not found'))
        taints = kept
    call.fail_all(errors)
    fresh = [one for one in add if not any(_same(one, old) for old in taints)]
    taints = add + [old for old in taints if not any(_same(one, old) for one in add)]
    done = "untainted" if not add else "modified" if not fresh and not remove else "tainted"
    if add and (clash or remove):
        done = "modified"
    obj["spec"] = {**(obj.get("spec") or {}), "taints": taints}
    if call.dry_run() != "client":
        patch = {"spec": {"taints": taints or None}}
        query = {"fieldManager": "kubectl-taint", **({"dryRun": "All"} if call.dry_run() == "server" else {})}
        kind = "application/merge-patch+json"
        obj = typed(
            call.connection.patch(info.resource, None, info.name, patch, kind, **query), info.resource
        )
    # The original says nothing of a dry run here.
    call.flags["dry-run"] = "none"
    call.out(output.result(call, done)(obj), end="")


COMMAND = Command(
    "taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
    "Update the taints on one or more nodes",
    run,
    [
        *output.output_flags(),
        output.dry_run_flag(),
        boolean("all", "All nodes."),
        string(
            "field-manager",
            "The name under which the server notes who changed what.",
            default="kubectl-taint",
        ),
        boolean("overwrite", "Change what is set already."),
        string("selector", "Only nodes with these labels.", "l"),
        string("validate", "strict, warn or ignore.", default="strict", bare="strict"),
    ],
    example="kubectl taint nodes node01 dedicated=gpu:NoSchedule\nkubectl taint nodes node01 dedicated-",
)
