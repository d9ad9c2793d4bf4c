"""`kubectl apply`: make the cluster as the files say, and remember what they said.

What was applied last is kept in an annotation of the object, so that a field that disappears from the file
can be deleted (see `three_way`). With --server-side the server does the merging and knows who owns which
field.
Source: k8s.io/kubectl/pkg/cmd/apply.
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, bare, with_source
from kubekit.terminal.cli.flags import Flag, array, boolean, duration, number, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.three_way import three_way, type_for

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
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


def with_last_applied(obj: Obj) -> Obj:
    """A copy of the object whose annotation holds the object itself."""
    out: Obj = deep_copy(obj)
    annotations = out.setdefault("metadata", {}).get("annotations") or {}
    out["metadata"]["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    text = go_json(out) + "\n"
    out["metadata"]["annotations"][LAST_APPLIED] = text
    return out


def last_applied(obj: Obj) -> Obj | None:
    """What the annotation holds."""
    text = (meta(obj).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def describe_info(info: Info) -> str:
    """How errors name an object: resource, kind, name and namespace."""
    one = info.resource
    return (
        f'Resource: "{one.group}/{one.version}, Resource={one.plural}", GroupVersionKind:'
        f' "{one.group}/{one.version}, Kind={one.kind}"\nName: "{info.name}", Namespace: "{info.namespace}"'
    )


def _reading(info: Info) -> str:
    return f"retrieving current configuration of:\n{describe_info(info)}\nfrom server for:"


def write_query(call: Call, manager: str) -> dict[str, str]:
    """dryRun, fieldManager and fieldValidation of a writing request."""
    query = {"fieldManager": call.flags.get("field-manager") or manager}
    if call.dry_run() == "server":
        query["dryRun"] = "All"
    validate = str(call.flags.get("validate", "strict"))
    levels = {
        "strict": "Strict",
        "true": "Strict",
        "": "Strict",
        "warn": "Warn",
        "ignore": "Ignore",
        "false": "Ignore",
    }
    if validate not in levels:
        raise CommandError(f"invalid - validate option {validate!r}".replace("'", '"'))
    return {**query, "fieldValidation": levels[validate]}


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
        _prune(call, infos)
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
    if not patch:
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


def _prune(call: Call, applied: list[Info]) -> None:
    """Deletes what earlier applies made, matches the selector, and is no longer in the files."""
    kept = {(info.resource.plural, info.namespace, info.name) for info in applied}
    namespaces = sorted({info.namespace for info in applied if info.namespace}) or [call.namespace]
    words = [
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "secrets",
        "services",
        "jobs.batch",
        "cronjobs.batch",
        "ingresses.networking.k8s.io",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
    ]
    for word in words:
        resource = call.discovery.find(word)
        for namespace in namespaces:
            for obj in call.connection.items(resource, namespace, labels=call.flag("selector")):
                name = meta(obj)["name"]
                if (resource.plural, namespace, name) in kept or last_applied(obj) is None:
                    continue
                if call.dry_run() == "none":
                    call.connection.delete(resource, namespace, name, {"propagationPolicy": "Background"})
                call.out(output.result(call, "pruned")(obj), end="")


def _view(call: Call) -> None:
    for info in selection.select(call):
        found = last_applied(info.obj or {})
        if found is None:
            raise CommandError(f"no last-applied-configuration annotation found on resource: {info.name}")
        text = go_json(found) if call.flag("output") == "json" else yaml_text.dump(found)
        call.out(
            json.dumps(found, indent=2, sort_keys=True) if call.flag("output") == "json" else text, end=""
        )


def _set(call: Call) -> None:
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
            call.connection.patch(info.resource, info.scope, info.name, patch, MERGE, **query)
        call.out(output.result(call, "configured")(current), end="")


def _edit(call: Call) -> None:
    selection.targets(call)
    raise CommandError(
        'unable to launch the editor "vi": a notebook has no editor: use `apply set-last-applied -f FILE`'
    )


def write_flags(manager: str) -> list[Flag]:
    """Flags of verbs that write objects from files or generators."""
    return [
        *output.output_flags(),
        output.dry_run_flag(),
        string("field-manager", "The name under which the server notes who changed what.", default=manager),
        string(
            "validate", "strict (refuse unknown fields), warn or ignore.", default="strict", bare="strict"
        ),
    ]


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
    commands=[
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
    ],
    example="kubectl apply -f web.yaml\nkubectl apply -f folder/ -R\nkubectl apply -f - (the cell's body)",
)
with_examples(COMMAND)
