"""`kubectl describe`: which objects, and their descriptions with blank lines between.

A name that is not found is tried as the beginning of names, as the original does. Events are shown of one
object only, unless they are asked for.
Source: k8s.io/kubectl/pkg/cmd/describe.
"""

from __future__ import annotations

from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, ManyErrors
from kubekit.terminal.cli.flags import boolean, number
from kubekit.terminal.kubectl import describe, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info, file_flags, selector_flags
from kubekit.terminal.kubectl.selection import Target


def run(call: Call) -> None:
    """`kubectl describe`."""
    if not call.args and not selection.has_files(call):
        raise CommandError(
            'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete'
            " list of"
            " supported resources."
        )
    errors: list[Exception] = []
    wanted = selection.targets(call, default_all=True, errors=errors)
    infos: list[Info] = []
    for target in wanted:
        try:
            infos += selection.fetch(call, target)
        except StatusError as error:
            if error.code == 404 and len(call.args) == 2 and target.name:
                _by_prefix(call, target, error)
                return
            errors.append(error)
    if (errors or len(infos) > 1) and "show-events" not in call.given:
        call.flags["show-events"] = False
    texts: list[str] = []
    for info in infos:
        try:
            texts.append(_text(call, info))
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.out("\n\n".join(texts), end="")
    if not infos and not errors:
        where = "" if call.all_namespaces else f" in {call.namespace} namespace."
        call.err(f"No resources found{where}")
    if errors:
        raise ManyErrors(errors)


def _text(call: Call, info: Info) -> str:
    obj = info.obj or {}
    if not target_is_fresh(info):
        obj = typed(call.connection.get(info.resource, info.scope, info.name), info.resource)
    return describe.text_of(call, info.resource.group, info.resource.kind, obj)


def target_is_fresh(info: Info) -> bool:
    """Whether the object was just read from the server, not from a file."""
    return bool(info.obj) and "resourceVersion" in ((info.obj or {}).get("metadata") or {})


def _by_prefix(call: Call, target: Target, missing: StatusError) -> None:
    """Describes what is called like the second argument in the beginning; raises `missing` if nothing is."""
    if "show-events" not in call.given:
        call.flags["show-events"] = False
    prefix, found = call.args[1], False
    for info in selection.fetch(call, Target(target.resource, target.namespace)):
        if info.name.startswith(prefix):
            found = True
            call.out(_text(call, info))
    if not found:
        raise missing


COMMAND = Command(
    "describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    "Show details of a specific resource or group of resources",
    run,
    [
        *file_flags("what to describe"),
        selector_flags()[0],
        boolean("all-namespaces", "In all namespaces.", "A"),
        number("chunk-size", "Ask for lists in pieces of this size.", default=500),
        boolean("show-events", "With the events about it.", default=True),
    ],
    example="kubectl describe pod web\nkubectl describe nodes\nkubectl describe deploy -l app=web",
)
