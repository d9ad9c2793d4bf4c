"""`kubectl patch`: change a part of an object - strategic, merge or JSON patch, sent as it was typed.

Source: k8s.io/kubectl/pkg/cmd/patch.
"""

from __future__ import annotations

import json

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.apiserver.patching import json_patch, merge_patch, strategic_merge
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.three_way import type_for

TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


def _body(text: str) -> bytes:
    """YAML becomes JSON; what looks like a JSON object goes to the server as it is."""
    if text.lstrip().startswith("{"):
        return text.encode()
    try:
        return go_json(yaml_load.load(text)).encode()
    except yaml_load.ManifestError as error:
        raise CommandError(f'unable to parse "{text}": {error}') from None


def run(call: Call) -> None:
    """`kubectl patch`."""
    kind = call.flag("type")
    if kind not in TYPES:
        raise CommandError(f'--type must be one of [json merge strategic], not "{kind}"')
    text, path = call.flag("patch"), call.flag("patch-file")
    if text and path:
        raise CommandError("cannot specify --patch and --patch-file together")
    if not text and not path:
        raise CommandError("must specify --patch or --patch-file containing the contents of the patch")
    if call.flag("local") and call.args:
        raise CommandError("cannot specify --local and server resources")
    if path:
        if not call.files.exists(path):
            raise CommandError(f"unable to read patch file: open {path}: no such file or directory")
        text = call.files.read(path)
    body = _body(text)
    infos, errors = (
        manifests.local_infos(call)
        if call.flag("local")
        else selection.objects(call, selection.targets(call))
    )
    if not infos and not errors:
        raise CommandError("no objects passed to patch")
    for info in infos:
        try:
            _one(call, info, body, TYPES[kind])
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)


def _one(call: Call, info: Info, body: bytes, kind: str) -> None:
    if call.flag("local") or call.dry_run() == "client":
        before = info.obj or {}
        after = _patched(info, body, kind)
        call.flags["dry-run"] = "none"
        call.out(output.result(call, "patched" if after != before else "patched (no change)")(after), end="")
        return
    query = {"fieldManager": call.flag("field-manager") or "kubectl-patch"}
    if call.dry_run() == "server":
        query["dryRun"] = "All"
    sub = call.flag("subresource") or None
    try:
        answer = call.connection.patch(info.resource, info.scope, info.name, body, kind, sub, **query)
    except StatusError as error:
        if error.code == 415:
            shown = f"{info.resource.api_version}, Kind={info.resource.kind}"
            raise CommandError(f"{kind} is not supported by {shown}: {error.message}") from None
        raise
    after = answer if sub else typed(answer, info.resource)
    same = not sub and after == typed(info.obj or {}, info.resource)
    done = "patched (no change)" if same else "patched"
    # The original does not mention a dry run here.
    call.flags["dry-run"] = "none"
    call.out(output.result(call, done)(after), end="")


def _patched(info: Info, body: bytes, kind: str) -> Obj:
    """The object with the patch applied here, not by the server."""
    before, patch = deep_copy(info.obj or {}), json.loads(body)
    try:
        if kind == TYPES["json"]:
            return json_patch.apply(before, patch)
        if kind == TYPES["merge"]:
            return merge_patch.merge(before, patch)
        known = type_for(info.resource.api_version, info.resource.kind)
        if known is None:
            shown = f"{info.resource.api_version}, Kind={info.resource.kind}"
            raise CommandError(
                f"strategic merge patch is not supported for {shown} locally, try --type merge"
            )
        return strategic_merge.merge(before, patch, known)
    except (json_patch.PatchError, strategic_merge.StrategicError, TypeError, AttributeError) as error:
        raise CommandError(str(error)) from None


COMMAND = Command(
    "patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]",
    "Update fields of a resource",
    run,
    [
        *file_flags("what to patch"),
        *output.output_flags(),
        output.dry_run_flag(),
        string(
            "field-manager",
            "The name under which the server notes who changed what.",
            default="kubectl-patch",
        ),
        boolean("local", "Change the file's object only."),
        string("patch", "The patch, JSON or YAML.", "p"),
        string("patch-file", "A file with the patch."),
        string("subresource", "Patch a subresource."),
        string("type", "json, merge or strategic.", default="strategic"),
    ],
    example='kubectl patch deploy web -p \'{"spec":{"replicas":3}}\'',
)
