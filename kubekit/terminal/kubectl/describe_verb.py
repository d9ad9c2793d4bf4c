"""`kubectl describe`: which objects, and their descriptions with blank lines between.

A name that is not found is tried as the beginning of names, as the original does.
Source: k8s.io/kubectl/pkg/cmd/describe.
"""

from __future__ import annotations

from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
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
    wanted = selection.targets(call, default_all=True)
    infos: list[Info] = []
    errors: list[Exception] = []
    prefixed = False
    for target in wanted:
        try:
            infos += selection.fetch(call, target)
        except StatusError as error:
            found = (
                _by_prefix(call, target) if error.code == 404 and len(call.args) == 2 and target.name else []
            )
            if not found:
                errors.append(error)
            prefixed = prefixed or bool(found)
            infos += found
    texts: list[str] = []
    for info in infos:
        obj = info.obj or {}
        try:
            if not target_is_fresh(info):
                obj = typed(call.connection.get(info.resource, info.scope, info.name), info.resource)
            texts.append(describe.text_of(call, info.resource.group, info.resource.kind, obj))
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.out("\n\n".join(texts), end="")
    if not texts and not errors:
        namespaced = any(target.resource.namespaced for target in wanted)
        where = f" in {call.namespace} namespace." if namespaced and not call.all_namespaces else ""
        call.err(f"No resources found{where}")
    call.fail_all(errors)


def target_is_fresh(info: Info) -> bool:
    """Whether the object was just read from the server, not from a file."""
    return bool(info.obj) and "resourceVersion" in ((info.obj or {}).get("metadata") or {})


def _by_prefix(call: Call, target: Target) -> list[Info]:
    everything = Target(target.resource, target.namespace)
    return [info for info in selection.fetch(call, everything) if info.name.startswith(target.name)]


COMMAND = Command(
    "describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    "Show details of a specific resource or group of resources",
    run,
    [
        *file_flags("what to describe"),
        *selector_flags(),
        boolean("all-namespaces", "In all namespaces.", "A"),
        number("chunk-size", "Ask for lists in pieces of this size.", default=500),
        boolean("show-events", "With the events about it.", default=True),
    ],
    example="kubectl describe pod web\nkubectl describe nodes\nkubectl describe deploy -l app=web",
)
