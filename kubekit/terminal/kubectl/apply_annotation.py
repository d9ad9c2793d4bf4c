"""`kubectl apply view-last-applied`, `set-last-applied` and `edit-last-applied`: the annotation itself.

Source: k8s.io/kubectl/pkg/cmd/apply (apply_view_last_applied.go, apply_set_last_applied.go).
"""

from __future__ import annotations

import json

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.last_applied import LAST_APPLIED, last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.writing import MERGE, write_flags, write_query


def _view(call: Call) -> None:
    for info in selection.select(call, all_selects=True):
        found = last_applied(info.obj or {})
        if found is None:
            continue  # the original means to complain, but loses the complaint
        if call.flag("output") == "json":
            call.out(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False))
        elif call.flag("output") == "yaml":
            call.out(yaml_text.dump(found), end="")
        else:
            raise call.usage(
                f"Unexpected -o output mode: {call.flag('output')}, the flag 'output' must be one of"
                " yaml|json"
            )


def _set(call: Call) -> None:
    if not selection.has_files(call):
        raise CommandError(selection.MISSING)
    # All are looked at before the first is changed.
    waiting: list[tuple[Info, Obj, str]] = []
    for info in manifests.infos(call):
        current = typed(call.connection.get(info.resource, info.scope, info.name), info.resource)
        if last_applied(current) is None and not call.flag("create-annotation"):
            raise CommandError(
                f"no last-applied-configuration annotation found on resource: {info.name}, to create the"
                f" annotation,"
                " run the command with --create-annotation"
            )
        text = go_json(info.obj or {}) + "\n"
        if text == (meta(current).get("annotations") or {}).get(LAST_APPLIED):
            call.out(f"set-last-applied {info.name}: no changes required.")
        else:
            waiting.append((info, current, text))
    for info, current, text in waiting:
        patch = {"metadata": {"annotations": {LAST_APPLIED: text}}}
        if call.dry_run() != "client":
            query = write_query(call, "kubectl")
            query.pop("fieldValidation")
            answer = call.connection.patch(info.resource, info.scope, info.name, patch, MERGE, **query)
            current = typed(answer, info.resource)
        call.out(output.result(call, "configured")(current), end="")


def _edit(call: Call) -> None:
    if not any(last_applied(info.obj or {}) for info in selection.select(call)):
        raise CommandError(
            "no last-applied-configuration annotation found on resources, to create the annotation, use"
            " command `kubectl apply set-last-applied --create-annotation`"
        )
    raise CommandError(
        'unable to launch the editor "vi": a notebook has no editor: use `apply set-last-applied -f FILE`'
    )


COMMANDS = [
    Command(
        "edit-last-applied (RESOURCE/NAME | -f FILENAME) [options]",
        "Edit latest last-applied-configuration annotations of a resource/object",
        _edit,
        [*file_flags("whose annotation")],
    ),
    Command(
        "set-last-applied -f FILENAME [options]",
        "Set the last-applied-configuration annotation on a live object to match the contents of a file",
        _set,
        [
            *file_flags("what to note"),
            *write_flags(""),
            boolean("create-annotation", "Make the annotation if it is missing."),
        ],
    ),
    Command(
        "view-last-applied (TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
        "View the latest last-applied-configuration annotations of a resource/object",
        _view,
        [
            *file_flags("whose annotation"),
            string("selector", "", "l"),
            boolean("all", ""),
            string("output", "", "o", "yaml"),
        ],
    ),
]
