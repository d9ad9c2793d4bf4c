"""`kubectl edit`: an object changed as a file, by an editor that needs no terminal.

    %%kubectl edit deployment/web           the cell's body is the file as an editor would have saved it
    %env KUBE_EDITOR=sed -i s/1.27/1.28/    then every `%kubectl edit` is saved by this command

The command in KUBE_EDITOR runs in this kit's own small shell, on the one file. Without either, the file is
printed as an editor would show it, to be copied into a cell. The difference goes to the server as a patch.
Source: k8s.io/kubectl/pkg/cmd/edit, util/editor/editoptions.go.
"""

from __future__ import annotations

import re

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.etcd.disk import MemoryDisk
from kubekit.terminal.cli import json_text, yaml_load, yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.last_applied import with_last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.patch import TYPES
from kubekit.terminal.kubectl.three_way import three_way, type_for
from kubekit.terminal.node_shell import Shell

HEADER = """# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""
NO_EDITOR = (
    'unable to launch the editor "vi": a notebook has no terminal. Copy the file above below %%kubectl edit'
    " {} in a cell and change it there, or name a command that changes files:"
    " %env KUBE_EDITOR=sed -i s/old/new/"
)
NO_PROGRAM = "a notebook knows no programs that draw on a terminal, but commands such as sed -i s/old/new/"


def edit(call: Call) -> None:
    """`kubectl edit`."""
    infos = selection.select(call)
    if not infos:
        raise CommandError("edit cancelled, no objects found")
    originals = [_without_managed_fields(info.obj or {}) for info in infos]
    shown = originals[0] if len(originals) == 1 else _list_of(originals)
    json = call.flag("output") == "json"
    text = json_text.dump(shown) if json else HEADER + yaml_text.dump(shown)
    edited = _edited(call, text, infos)
    if _without_comments(edited) == _without_comments(text):
        call.err("Edit cancelled, no changes made.")
        return
    if not _without_comments(edited).strip():
        call.err("Edit cancelled, saved file was empty.")
        return
    try:
        read = [obj for obj in yaml_load.documents(edited) if obj]
    except yaml_load.ManifestError as error:
        raise CommandError(f"The edited file had a syntax error: {error}") from None
    found = [one for obj in read for one in (obj.get("items") or [obj] if isinstance(obj, dict) else [obj])]
    failed = False
    for obj in found:
        info, original = _original(obj, infos, originals)
        failed = not _save(call, info, original, obj) or failed
    if failed:
        raise Quit(1)


# -- the file -------------------------------------------------------------------------------------------


def _edited(call: Call, text: str, infos: list[Info]) -> str:
    """The file as it was saved. CommandError when nobody can edit it here."""
    if call.stdin:
        return call.stdin
    editor = call.program.environment.get("KUBE_EDITOR", "")
    if not editor:
        call.out(text, end="")
        raise CommandError(NO_EDITOR.format(" ".join(f"{one.label}" for one in infos)))
    disk = MemoryDisk()
    disk.mkdir("/tmp")
    path = f"/tmp/kubectl-edit-{call.program.chance.suffix(9)}.{'json' if text[:1] == '{' else 'yaml'}"
    disk.write(path, text.encode())
    ended = Shell(disk, cwd="/tmp", now=call.program.clock.now).run(f"{editor} {path}")
    if ended.exit:
        name = editor.split()[0]
        if ended.exit == 127:
            why = f'exec: "{name}": executable file not found in $PATH'
            raise CommandError(f'unable to launch the editor "{name}": {why}; {NO_PROGRAM}')
        call.err(ended.stderr, end="")
        raise CommandError(f'there was a problem with the editor "{name}"')
    return disk.read(path).decode(errors="replace")


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).rstrip()


def _without_managed_fields(obj: Obj) -> Obj:
    found: Obj = deep_copy(obj)
    found.get("metadata", {}).pop("managedFields", None)
    return found


def _list_of(items: list[Obj]) -> Obj:
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}


# -- what was changed -----------------------------------------------------------------------------------


def _original(obj: object, infos: list[Info], originals: list[Obj]) -> tuple[Info, Obj]:
    """What an edited object was before: the one of the same uid."""
    if not isinstance(obj, dict):
        raise CommandError("The edited file failed validation: it is no object")
    about = meta(obj)
    for info, original in zip(infos, originals, strict=True):
        mine = meta(original)
        if about.get("uid") == mine.get("uid") or (
            "uid" not in about and (obj.get("kind"), about.get("name")) == (original["kind"], mine["name"])
        ):
            return info, original
    raise CommandError(f"no original object found for {obj.get('kind')} {about.get('name')}")


def _save(call: Call, info: Info, original: Obj, edited: Obj) -> bool:
    """Send the difference; whether the server took it."""
    if call.flag("save-config"):
        edited = with_last_applied(edited)
    if edited == original:
        call.out(output.result(call, "skipped")(typed(original, info.resource)), end="")
        return True
    same = [edited.get("apiVersion"), edited.get("kind"), meta(edited).get("name")]
    if same != [original.get("apiVersion"), original.get("kind"), meta(original).get("name")]:
        raise CommandError("At least one of apiVersion, kind and name was changed")
    kind = type_for(info.resource.api_version, info.resource.kind)
    patch = three_way(original, edited, original, kind)
    if call.flag("output-patch"):
        call.out(f"Patch: {go_json(patch)}")
    sort = TYPES["strategic" if kind is not None else "merge"]
    query = {"fieldManager": call.flag("field-manager") or "kubectl-edit"}
    sub = call.flag("subresource") or None
    try:
        done = call.connection.patch(info.resource, info.scope, info.name, patch, sort, sub, **query)
    except StatusError as error:
        _tell(call, info, error)
        return False
    call.out(output.result(call, "edited")(typed(done, info.resource)), end="")
    return True


def _tell(call: Call, info: Info, error: StatusError) -> None:
    """What the original says, and what it would write at the head of the file that it opens again."""
    name = f'{info.resource.qualified} "{info.name}"'
    if error.reason == "Invalid":
        call.err(f"error: {name} is invalid")
        call.err(f"# {name} was not valid:")
        for cause in (error.status.get("details") or {}).get("causes") or []:
            text = re.sub(r"\n(?!#)", "\n# ", f"{cause.get('field', '')}: {cause.get('message', '')}")
            call.err(f"# * {text}")
        call.err("error: Edit cancelled, no valid changes were saved.")
    elif error.reason == "NotFound":
        call.err(f"error: {name} could not be found on the server")
    else:
        call.err(f"error: {name} could not be patched: {error.message}")


COMMAND = Command(
    "edit (RESOURCE/NAME | -f FILENAME) [options]",
    "Edit a resource on the server",
    edit,
    [
        *file_flags("what to edit"),
        *output.output_flags(),
        string(
            "field-manager", "The name under which the server notes who changed what.", default="kubectl-edit"
        ),
        boolean("output-patch", "Print the patch that is sent."),
        boolean("save-config", "Note the object in its annotation, for apply."),
        string("subresource", "Edit a subresource."),
        string("validate", "strict, warn or ignore.", default="strict", bare="strict"),
        boolean("windows-line-endings", "Ignored."),
    ],
    example="kubectl edit deployment/web\nkubectl edit svc web -o json",
)
