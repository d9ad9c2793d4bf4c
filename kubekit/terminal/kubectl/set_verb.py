"""`kubectl set`: image, env, resources, serviceaccount, selector, subject - changes to an object's pod
template.

Source: k8s.io/kubectl/pkg/cmd/set.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from kubekit.api import quantity
from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, boolean, listing, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.create_rbac import RBAC
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.three_way import three_way, type_for


def pod_spec(obj: Obj) -> Obj | None:
    """The pod spec inside an object (to be changed in place), None if it has none."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "Pod":
        return spec if isinstance(spec, dict) else None
    if obj.get("kind") == "CronJob":
        spec = ((spec.get("jobTemplate") or {}).get("spec")) or {}
    found = (spec.get("template") or {}).get("spec")
    return found if isinstance(found, dict) else None


def _split(call: Call) -> tuple[list[str], list[str]]:
    """(resources, changes): changes are `k=v` and `k-`."""
    at = next(
        (i for i, word in enumerate(call.args) if "=" in word or (word.endswith("-") and len(word) > 1)),
        len(call.args),
    )
    return call.args[:at], call.args[at:]


def _change(call: Call, resources: list[str], done: str, change: Callable[[Obj, Info], None]) -> None:
    """Changes copies of the objects and sends the differences."""
    if call.flag("local"):
        infos, errors = manifests.infos_and_errors(call)
    else:
        infos, errors = selection.objects(call, selection.targets(call, resources))
    for info in infos:
        before: Obj = info.obj or {}
        after: Obj = deep_copy(before)
        try:
            change(after, info)
            kind = type_for(info.resource.api_version, info.resource.kind)
            patch = three_way(before, after, before, kind)
            if call.flag("local") or call.dry_run() == "client":
                if patch or call.flag("output"):
                    call.out(output.result(call, done)(after), end="")
                continue
            if not patch:
                continue
            query = {"fieldManager": call.flag("field-manager") or "kubectl-set"}
            if call.dry_run() == "server":
                query["dryRun"] = "All"
            answer = call.connection.patch(info.resource, info.scope, info.name, patch, **query)
            call.out(output.result(call, done)(typed(answer, info.resource)), end="")
        except StatusError as error:
            errors.append(
                CommandError(f"failed to patch {done.split()[0]} update to pod template: {error.message}")
            )
        except CommandError as error:
            errors.append(error)
    call.fail_all(errors)


def kind_slash(info: Info) -> str:
    """`deployments/web`."""
    return f"{info.resource.plural}/{info.name}"


def _containers(spec: Obj, pattern: str) -> list[Obj]:
    from fnmatch import fnmatchcase

    return [one for one in spec.get("containers") or [] if fnmatchcase(str(one.get("name")), pattern)]


def image(call: Call) -> None:
    """`kubectl set image deploy/web nginx=nginx:1.29`."""
    resources, pairs = _split(call)
    if not resources and not selection.has_files(call):
        raise CommandError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    if not pairs:
        raise CommandError("at least one image update is required")
    wanted = dict(pair.partition("=")[::2] for pair in pairs)
    if len(wanted) > 1 and "*" in wanted:
        raise CommandError(
            "all containers are already specified by *, but saw more than one"
            " container_name=container_image pairs"
        )

    def change(obj: Obj, info: Info) -> None:
        spec = pod_spec(obj)
        if spec is None:
            raise CommandError(f"the {kind_slash(info)} is not a pod or does not have a pod spec")
        everything = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
        for name, value in wanted.items():
            found = [one for one in everything if name in ("*", one.get("name"))]
            if not found:
                raise CommandError(f'unable to find container named "{name}"')
            for one in found:
                one["image"] = value

    _change(call, resources, "image updated", change)


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
    resources, pairs = _split(call)
    if not resources and not selection.has_files(call):
        raise CommandError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    new = [
        {"name": key, "value": value}
        for pair in pairs
        if "=" in pair
        for key, _, value in [pair.partition("=")]
    ]
    remove = {pair[:-1] for pair in pairs if "=" not in pair}
    new += _env_of(call)
    pattern = call.flag("containers") or "*"
    if call.flag("list"):
        for info in selection.select(call, resources):
            spec = pod_spec(info.obj or {}) or {}
            for one in _containers(spec, pattern):
                call.out(f"# {info.resource.kind} {info.name}, container {one['name']}")
                for entry in one.get("env") or []:
                    call.out(_env_line(call, entry))
        return

    def change(obj: Obj, info: Info) -> None:
        spec = pod_spec(obj)
        if spec is None:
            raise CommandError(f"the {kind_slash(info)} is not a pod or does not have a pod spec")
        found = _containers(spec, pattern)
        if not found:
            call.warn(f'{kind_slash(info)} does not have any containers matching "{pattern}"')
        for one in found:
            names = {entry["name"]: entry for entry in new}
            kept = [names.pop(e["name"], e) for e in one.get("env") or [] if e["name"] not in remove]
            one["env"] = kept + list(names.values())
            if not one["env"]:
                one.pop("env")

    _change(call, resources, "env updated", change)


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


def _amounts(text: str) -> dict[str, str]:
    found = {}
    for pair in text.split(",") if text else []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        try:
            found[name] = quantity.canonical(value)
        except ValueError as error:
            raise CommandError(str(error)) from None
    return found


def resources_(call: Call) -> None:
    """`kubectl set resources deploy/web --limits=cpu=1 --requests=cpu=500m`."""
    limits, requests = _amounts(call.flag("limits")), _amounts(call.flag("requests"))
    if not call.args and not selection.has_files(call):
        raise CommandError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    if not limits and not requests:
        raise CommandError(
            "you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    pattern = call.flag("containers") or "*"

    def change(obj: Obj, info: Info) -> None:
        spec = pod_spec(obj)
        found = _containers(spec or {}, pattern)
        if not found:
            raise CommandError(f'unable to find container named "{pattern}"')
        for one in found:
            have: dict[str, Any] = dict(one.get("resources") or {})
            for key, amounts in (("limits", limits), ("requests", requests)):
                if amounts:
                    have[key] = {**(have.get(key) or {}), **amounts}
            one["resources"] = have

    _change(call, call.args, "resource requirements updated", change)


def service_account(call: Call) -> None:
    """`kubectl set serviceaccount deploy/web robot`."""
    if not call.args:
        raise CommandError("serviceaccount is required")
    name, rest = call.args[-1], call.args[:-1]

    def change(obj: Obj, info: Info) -> None:
        spec = pod_spec(obj)
        if spec is None:
            raise CommandError(f"the {kind_slash(info)} is not a pod or does not have a pod spec")
        spec["serviceAccountName"] = name
        spec["serviceAccount"] = name

    _change(call, rest, "serviceaccount updated", change)


def selector(call: Call) -> None:
    """`kubectl set selector service web app=web`."""
    from kubekit.terminal.kubectl.run import parse_labels

    resources, pairs = _split(call)
    wanted = parse_labels(",".join(pairs))

    def change(obj: Obj, info: Info) -> None:
        if info.resource.kind != "Service":
            raise CommandError(
                f"setting a selector is only supported for Services, not for {info.resource.kind}"
            )
        obj["spec"] = {**(obj.get("spec") or {}), "selector": wanted}

    _change(call, resources, "selector updated", change)


def subject(call: Call) -> None:
    """`kubectl set subject rolebinding admin --user=jane`."""
    new: list[Obj] = [{"apiGroup": RBAC, "kind": "User", "name": one} for one in call.flag("user") or []]
    new += [{"apiGroup": RBAC, "kind": "Group", "name": one} for one in call.flag("group") or []]
    for account in call.flag("serviceaccount") or []:
        namespace, colon, name = account.partition(":")
        if not colon:
            raise CommandError("serviceaccount must be <namespace>:<name>")
        new.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    if not new:
        raise CommandError("you must specify at least one value of user, group or serviceaccount")

    def change(obj: Obj, info: Info) -> None:
        have = list(obj.get("subjects") or [])
        obj["subjects"] = have + [one for one in new if one not in have]

    _change(call, call.args, "subjects updated", change)


def _flags(*more: Flag) -> list[Flag]:
    return [
        *file_flags("what to change"),
        *output.output_flags(),
        output.dry_run_flag(),
        boolean("all", "All objects of the types."),
        string(
            "field-manager", "The name under which the server notes who changed what.", default="kubectl-set"
        ),
        boolean("local", "Change the files' objects only."),
        string("selector", "Only objects with these labels.", "l"),
        *more,
    ]


COMMAND = Command(
    "set SUBCOMMAND",
    "Set specific features on objects",
    None,
    commands=[
        Command(
            "env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
            "Update environment variables on a pod template",
            env,
            _flags(
                string("containers", "Only containers of this name (* and ? allowed).", "c", "*"),
                listing("env", "Ignored: give KEY=value as arguments.", "e"),
                string("from", "A config map or secret to take variables from."),
                listing("keys", "With --from: only these keys."),
                boolean("list", "Show them."),
                boolean("overwrite", "Change what is set already.", default=True),
                string("prefix", "With --from: put this before the names."),
                boolean("resolve", "With --list: show the values behind references."),
            ),
        ),
        Command(
            "image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ..."
            " CONTAINER_NAME_N=CONTAINER_IMAGE_N"
            " [options]",
            "Update the image of a pod template",
            image,
            _flags(),
        ),
        Command(
            "resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS] [options]",
            "Update resource requests/limits on objects with pod templates",
            resources_,
            _flags(
                string("containers", "Only containers of this name (* and ? allowed).", "c", "*"),
                string("limits", "cpu=1,memory=1Gi."),
                string("requests", "cpu=500m,memory=512Mi."),
            ),
        ),
        Command(
            "selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version] [options]",
            "Set the selector on a resource",
            selector,
            _flags(string("resource-version", "Only if it is this version.")),
        ),
        Command(
            "serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
            "Update the service account of a resource",
            service_account,
            _flags(),
            aliases=("sa",),
        ),
        Command(
            "subject (-f FILENAME | TYPE NAME) [--user=username] [--group=groupname]"
            " [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none] [options]",
            "Update the user, group, or service account in a role binding or cluster role binding",
            subject,
            _flags(
                array("user", "A user."),
                array("group", "A group."),
                array("serviceaccount", "namespace:name."),
            ),
        ),
    ],
)
__all__ = ["COMMAND", "kind_slash", "meta", "pod_spec"]
with_examples(COMMAND)
