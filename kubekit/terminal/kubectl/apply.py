"""`kubectl apply`: make the cluster as the files say, and remember what they said.

What was applied last is kept in an annotation of the object, so that a field that disappears from the file
can be deleted (see `three_way`). With --server-side the server does the merging and knows who owns which
field.
Source: k8s.io/kubectl/pkg/cmd/apply.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, bare, with_source
from kubekit.terminal.cli.flags import array, boolean, duration, number, string
from kubekit.terminal.kubectl import apply_annotation, delete, manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.last_applied import last_applied, with_last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.prune import allowed, prune
from kubekit.terminal.kubectl.three_way import three_way, type_for
from kubekit.terminal.kubectl.writing import MERGE, STRATEGIC, write_flags, write_query

MISSING_ANNOTATION = (
    "resource {0} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is"
    " required by"
    " kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl"
    " create"
    " --save-config or kubectl apply. The missing annotation will be patched automatically."
)
_CONFLICT_ADVICE = """
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


def describe_info(info: Info) -> str:
    """How errors name an object: resource, kind, name and namespace."""
    one = info.resource
    return (
        f'Resource: "{one.group}/{one.version}, Resource={one.plural}", GroupVersionKind:'
        f' "{one.group}/{one.version}, Kind={one.kind}"\nName: "{info.name}", Namespace: "{info.namespace}"'
    )


def _reading(info: Info) -> str:
    return f"retrieving current configuration of:\n{describe_info(info)}\nfrom server for:"


def run(call: Call) -> None:
    """`kubectl apply`."""
    if call.args:
        raise CommandError(
            f"Unexpected args: {_go_list(call.args)}\nSee 'kubectl apply -h' for help and examples"
        )
    if not selection.has_files(call):
        raise CommandError("must specify one of -f and -k")
    if call.flag("force-conflicts") and not call.flag("server-side"):
        raise CommandError("--force-conflicts only works with --server-side")
    if call.flag("force") and call.flag("server-side"):
        raise CommandError("--force cannot be used with --server-side")
    if call.flag("force") and call.dry_run() == "server":
        raise CommandError("--dry-run=server cannot be used with --force")
    if call.flag("all") and call.flag("selector"):
        raise CommandError("cannot set --all and --selector at the same time")
    if call.flag("force") and call.flag("prune"):
        raise CommandError("--force cannot be used with --prune")
    if call.flag("subresource") and not call.flag("server-side"):
        raise CommandError("--subresource can only be specified for --server-side")
    if call.dry_run() == "client" and call.flag("server-side"):
        raise CommandError(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
        )
    if call.flag("prune") and not (call.flag("selector") or call.flag("all")):
        raise CommandError(
            "all resources selected for prune without explicitly passing --all. To prune all resources,"
            " pass the"
            " --all flag. If you did not mean to prune all resources, specify a label selector"
        )
    delete.options_of(call)
    for text in call.flag("prune-allowlist") or []:
        allowed(call, text)
    infos, errors = manifests.infos_and_errors(call)
    if not infos and not errors:
        raise CommandError("no objects passed to apply")
    done: list[Obj] = []
    for info in infos:
        try:
            done.append(_server_side(call, info) if call.flag("server-side") else _one(call, info))
        except (StatusError, CommandError) as error:
            errors.append(error)
    if call.flag("prune") and not errors:
        prune(call, infos)
    _print_objects(call, done)
    call.fail_all(errors)


def _go_list(words: list[str]) -> str:
    return "[" + " ".join(words) + "]"


def _print_objects(call: Call, done: list[Obj]) -> None:
    """With -o yaml and the like, what was applied comes in one piece at the end."""
    printer = output.printer_for(call, columns=False)
    if printer is None or output.split_format(call)[0] == "name" or not done:
        return
    if len(done) == 1:
        call.out(printer(done[0]), end="")
    else:
        call.out(printer({"apiVersion": "v1", "items": done, "kind": "List", "metadata": {}}), end="")


def _report(call: Call, obj: Obj, done: str) -> None:
    if output.printer_for(call, columns=False) is None or output.split_format(call)[0] == "name":
        call.out(output.result(call, done)(obj), end="")


def _one(call: Call, info: Info) -> Obj:
    obj, dry = info.obj or {}, call.dry_run()
    if not info.name:
        if meta(obj).get("generateName"):
            raise CommandError(f"from {meta(obj)['generateName']}: cannot use generate name with apply")
        raise with_source(_reading(info), info.source, CommandError("resource name may not be empty"))
    modified = with_last_applied(obj)
    try:
        current = call.connection.find(info.resource, info.scope, info.name)
    except StatusError as error:
        raise with_source(_reading(info), info.source, error) from None
    query = write_query(call, "kubectl-client-side-apply")
    if current is None:
        if dry == "client":
            _report(call, modified, "created")
            return modified
        try:
            made = call.connection.create(info.resource, info.scope, modified, **query)
        except StatusError as error:
            raise with_source("creating", info.source, error) from None
        _report(call, typed(made, info.resource), "created")
        return typed(made, info.resource)
    current = typed(current, info.resource)
    if last_applied(current) is None:
        name = f"{info.resource.plural}/{info.name}"
        if meta(current).get("deletionTimestamp"):
            call.warn(f"Detected changes to resource {name} which is currently being deleted.")
        else:
            call.warn(MISSING_ANNOTATION.format(name))
    kind = type_for(info.resource.api_version, info.resource.kind)
    patch = three_way(last_applied(current), modified, current, kind)
    if dry != "client" and not patch:
        _report(call, current, "unchanged")
        return current
    if dry == "client":
        _report(call, current, "configured")
        return current
    return _patch(call, info, current, patch, STRATEGIC if kind is not None else MERGE, query)


def _patch(call: Call, info: Info, current: Obj, patch: Obj, kind: str, query: dict[str, str]) -> Obj:
    try:
        changed = call.connection.patch(info.resource, info.scope, info.name, patch, kind, **query)
    except StatusError as error:
        if call.flag("force") and error.code in (409, 422):
            return _recreate(call, info, query)
        text = f"error when applying patch:\n{go_json(patch)}\nto:\n{describe_info(info)}\nfor: "
        raise StatusError(
            {
                **error.status,
                "message": f'{text}"{info.source}": error when patching "{info.source}": {error.message}',
            }
        ) from None
    changed = typed(changed, info.resource)
    _report(call, changed, "configured")
    return changed


def _recreate(call: Call, info: Info, query: dict[str, str]) -> Obj:
    connection = call.connection
    connection.delete(info.resource, info.scope, info.name, {"propagationPolicy": "Background"})
    gone = call.wait_until(lambda: connection.find(info.resource, info.scope, info.name) is None, 120.0)
    if not gone:
        raise CommandError("timed out waiting for the condition")
    made = connection.create(info.resource, info.scope, with_last_applied(info.obj or {}), **query)
    _report(call, typed(made, info.resource), "configured")
    return typed(made, info.resource)


def _server_side(call: Call, info: Info) -> Obj:
    query: dict[str, Any] = write_query(call, "kubectl")
    query["force"] = "true" if call.flag("force-conflicts") else "false"
    try:
        path = info.resource.path(info.scope, info.name)
        body = yaml_text.dump(info.obj or {}).encode()
        headers = {"content-type": "application/apply-patch+yaml"}
        done = call.connection.json("PATCH", path, body=body, query=query, headers=headers)
    except StatusError as error:
        if error.code == 409:
            raise CommandError(f"{bare(error)}{_CONFLICT_ADVICE}") from None
        raise
    _report(call, typed(done, info.resource), "serverside-applied")
    return typed(done, info.resource)


COMMAND = Command(
    "apply (-f FILENAME | -k DIRECTORY) [options]",
    "Apply a configuration to a resource by file name or stdin",
    run,
    [
        *file_flags("what to apply"),
        *write_flags(""),
        string("selector", "With --prune: only objects with these labels.", "l"),
        boolean("all", "With --prune: all objects."),
        boolean("force", "Delete and create again where a change is refused."),
        boolean("force-conflicts", "With --server-side: take fields over from others."),
        boolean("openapi-patch", "Ignored: the schema is always known.", default=True),
        boolean("overwrite", "Ignored: what the file says always wins.", default=True),
        boolean("prune", "Delete what was applied before and is no longer in the files."),
        array("prune-allowlist", "Ignored: the usual kinds are pruned."),
        boolean("server-side", "Let the server merge and keep track of owners."),
        string("cascade", "background, foreground or orphan.", default="background", bare="background"),
        number("grace-period", "Seconds to end in.", default=-1),
        duration("timeout", "How long to wait for a deletion."),
        boolean("wait", "Wait for deletions."),
        string("subresource", "Apply to a subresource."),
    ],
    commands=apply_annotation.COMMANDS,
    example="kubectl apply -f web.yaml\nkubectl apply -f folder/ -R\nkubectl apply -f - (the cell's body)",
)
with_examples(COMMAND)
