"""`kubectl replace`: put the file's object in the place of the server's, whole; with --force by deleting it
first.

Source: k8s.io/kubectl/pkg/cmd/replace.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, with_source
from kubekit.terminal.cli.flags import boolean, duration, number, string
from kubekit.terminal.kubectl import delete, manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.last_applied import LAST_APPLIED, with_last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.writing import write_flags, write_query


def run(call: Call) -> None:
    """`kubectl replace`."""
    if not selection.has_files(call):
        raise CommandError("must specify one of -f and -k")
    if call.flag("grace-period") >= 0 and not call.flag("force"):
        raise CommandError("--grace-period must have --force specified")
    if call.flag("timeout") and not call.flag("force"):
        raise CommandError("--timeout must have --force specified")
    if call.flag("force") and call.dry_run() != "none":
        raise CommandError("--dry-run can not be used when --force is set")
    if call.flag("raw"):
        _raw(call)
        return
    if call.flag("force") and call.flag("grace-period") == 0:
        call.flags["grace-period"] = 1
    infos = manifests.infos(call)
    if not infos:
        raise CommandError("no objects passed to replace")
    if call.flag("force"):
        _again(call, infos)
        return
    errors: list[Exception] = []
    for info in infos:
        try:
            _one(call, info)
        except (StatusError, CommandError) as error:
            errors.append(with_source("replacing", info.source, error))
    call.fail_all(errors)


def _raw(call: Call) -> None:
    if call.flag("output"):
        raise CommandError("--raw and --output are mutually exclusive")
    text, _ = manifests.text_of(call, manifests.paths_of(call)[0])
    answer = call.connection.raw("PUT", call.flag("raw"), body=text.encode())
    call.out(answer.encoded().decode(), end="")


def _prepared(call: Call, info: Info, current: Obj | None) -> Obj:
    obj: Obj = deep_copy(info.obj or {})
    noted = LAST_APPLIED in (meta(obj).get("annotations") or {})
    if call.flag("save-config") or noted or LAST_APPLIED in (meta(current or {}).get("annotations") or {}):
        return with_last_applied(obj)
    return obj


def _one(call: Call, info: Info) -> None:
    if call.dry_run() == "client":
        call.out(output.result(call, "replaced")(info.obj or {}), end="")
        return
    if not info.name:
        raise CommandError("resource name may not be empty")
    obj = _prepared(call, info, None)
    # A replacement without a version means: whatever is there now.
    if not meta(obj).get("resourceVersion"):
        current = call.connection.get(info.resource, info.scope, info.name)
        obj["metadata"]["resourceVersion"] = meta(current).get("resourceVersion", "")
        if info.resource.kind == "Service":
            _keep_address(obj, current)
    done = call.connection.replace(
        info.resource,
        info.scope,
        obj,
        call.flag("subresource") or None,
        **write_query(call, "kubectl-replace"),
    )
    call.out(output.result(call, "replaced")(typed(done, info.resource)), end="")


def _keep_address(obj: Obj, current: Obj) -> None:
    """A service keeps its address when the replacement names none."""
    spec, old = obj.setdefault("spec", {}), current.get("spec") or {}
    if spec.get("type") != "ExternalName" and not spec.get("clusterIP") and old.get("clusterIP"):
        spec["clusterIP"] = old["clusterIP"]
        spec.setdefault("clusterIPs", old.get("clusterIPs"))


def _again(call: Call, infos: list[Info]) -> None:
    options = delete.options_of(call)
    deleted: list[tuple[Info, str]] = []
    for info in infos:
        try:
            answer = call.connection.delete(info.resource, info.scope, info.name, options)
        except StatusError as error:
            if error.code == 404:
                continue
            raise
        uid = str((answer.get("details") or {}).get("uid") or meta(answer).get("uid") or "")
        delete.report(call, info)
        deleted.append((info, uid))
    delete.wait_gone(call, deleted, call.flag("timeout") or 300.0)
    for info in infos:
        obj = _prepared(call, info, None)
        obj["metadata"].pop("resourceVersion", None)
        done = call.connection.create(info.resource, info.scope, obj, **write_query(call, "kubectl-replace"))
        call.out(output.result(call, "replaced")(typed(done, info.resource)), end="")


COMMAND = Command(
    "replace -f FILENAME [options]",
    "Replace a resource by file name or stdin",
    run,
    [
        *file_flags("what to put there"),
        *write_flags("kubectl-replace"),
        string("cascade", "background, foreground or orphan.", default="background", bare="background"),
        boolean("force", "Delete first, then create."),
        number("grace-period", "With --force: seconds to end in.", default=-1),
        string("raw", "Send the request to this path."),
        boolean("save-config", "Note the object in its annotation, for apply."),
        string("subresource", "Replace a subresource."),
        duration("timeout", "With --force: how long to wait for the deletion."),
        boolean("wait", "Wait for the deletion."),
    ],
    example="kubectl replace -f pod.yaml\nkubectl replace --force -f pod.yaml",
)
