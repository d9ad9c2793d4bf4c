"""`kubectl rollout`: status, history, undo, restart, pause and resume of deployments, daemon sets, stateful
sets.

A deployment's history is its replica sets, that of the others their controller revisions. `status` waits and
says on the way what it waits for.
Source: k8s.io/kubectl/pkg/cmd/rollout, polymorphichelpers (rollout_status.go, history.go, rollback.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import selector_string
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import tabwriter
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, boolean, duration, number, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.pod_template import pod_template
from kubekit.terminal.kubectl.describe.writer import Writer
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.generate import typed_form
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.rollout_status import infos_of, shown, status

REVISION = "deployment.kubernetes.io/revision"
CAUSE = "kubernetes.io/change-cause"
STRATEGIC = "application/strategic-merge-patch+json"


# -- history --------------------------------------------------------------------------------------------


def _owned(call: Call, info: Info, plural: str) -> list[Obj]:
    obj = info.obj or {}
    selector = selector_string((obj.get("spec") or {}).get("selector"))
    listed = call.connection.items(call.discovery.find(plural), info.scope, labels=selector)
    uid = meta(obj).get("uid")
    return [
        one
        for one in listed
        if any(
            ref.get("controller") and ref.get("uid") == uid for ref in meta(one).get("ownerReferences") or []
        )
    ]


def revisions(call: Call, info: Info) -> dict[int, Obj]:
    """Revision -> what carries it (a replica set or a controller revision)."""
    kind = info.resource.kind
    found: dict[int, Obj] = {}
    if kind == "Deployment":
        for one in _owned(call, info, "replicasets.apps"):
            number_text = (meta(one).get("annotations") or {}).get(REVISION, "")
            if number_text.isdigit():
                found[int(number_text)] = one
    elif kind in ("DaemonSet", "StatefulSet"):
        found = {int(one["revision"]): one for one in _owned(call, info, "controllerrevisions.apps")}
    elif kind in ("Job", "CronJob", "Pod", "ReplicaSet", "ReplicationController"):
        raise CommandError(f'no history viewer has been implemented for "{shown(info.resource)}"')
    else:
        raise CommandError(
            f'error retrieving history for "{shown(info.resource)}", no visitor method exists for'
            f" {{{info.resource.group} {kind}}}"
        )
    return dict(sorted(found.items()))


def _template_of(info: Info, carrier: Obj) -> Obj:
    if info.resource.kind == "Deployment":
        template = deep_copy(carrier["spec"]["template"])
        cause = (meta(carrier).get("annotations") or {}).get(CAUSE)
        if cause:
            template.setdefault("metadata", {}).setdefault("annotations", {})[CAUSE] = cause
        found: Obj = template
        return found
    data = ((carrier.get("data") or {}).get("spec") or {}).get("template") or {}
    return {key: value for key, value in data.items() if key != "$patch"}


def history(call: Call) -> None:
    """`kubectl rollout history`."""
    wanted = call.flag("revision")
    if wanted < 0:
        raise CommandError(f"revision must be a positive integer: {wanted}")
    for info in infos_of(call):
        found = revisions(call, info)
        if wanted and wanted not in found:
            raise CommandError("unable to find the specified revision")
        printer = output.printer_for(call, typed=True, columns=False)
        if printer is not None:
            for number_, carrier in found.items():
                if wanted in (0, number_):
                    call.out(printer(typed_form(carrier)), end="")
            continue
        title = f"with revision #{wanted}" if wanted else ""
        if wanted:
            writer = Writer()
            pod_template(writer, _template_of(info, found[wanted]))
            # The original does not align this one.
            text = writer.bare()
        elif not found:
            text = "No rollout history found."
        else:
            rows = [["REVISION", "CHANGE-CAUSE"]]
            for number_, carrier in found.items():
                rows.append([str(number_), (meta(carrier).get("annotations") or {}).get(CAUSE) or "<none>"])
            text = tabwriter.table(rows, 0, 2)
        call.out(f"{info.label} {title}\n{text}")


# -- undo -----------------------------------------------------------------------------------------------

_MANAGED = (
    "resource {0} was previously managed with 'kubectl apply'. Rolling back will not update the"
    " kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on"
    " future"
    " 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file"
    " instead."
)


def undo(call: Call) -> None:
    """`kubectl rollout undo`."""
    wanted = call.flag("to-revision")
    if wanted < 0:
        raise CommandError(f"revision must be a positive integer: {wanted}")
    infos = infos_of(call)
    if not infos:
        call.err(f"No resources found in {call.namespace} namespace.")
    for info in infos:
        if info.resource.kind not in ("Deployment", "DaemonSet", "StatefulSet"):
            raise CommandError(f'no rollbacker has been implemented for "{shown(info.resource)}"')
        if "kubectl.kubernetes.io/last-applied-configuration" in (
            meta(info.obj or {}).get("annotations") or {}
        ):
            call.warn(_MANAGED.format(f"{info.resource.plural}/{info.name}"))
        done = _roll_back(call, info, wanted)
        call.out(output.result(call, done)(info.obj or {}), end="")


def _plain(template: Obj) -> Obj:
    """A template without the hash that only replica sets carry."""
    out: Obj = deep_copy(template)
    labels = (out.get("metadata") or {}).get("labels")
    if labels:
        labels.pop("pod-template-hash", None)
    return out


def _roll_back(call: Call, info: Info, wanted: int) -> str:
    obj = info.obj or {}
    found = revisions(call, info)
    deployment = info.resource.kind == "Deployment"
    if wanted:
        if wanted not in found:
            raise CommandError(f"unable to find specified revision {wanted} in history")
        number_ = wanted
    else:
        if len(found) < 2:
            raise CommandError(
                f'no rollout history found for deployment "{info.name}"'
                if deployment
                else "no last revision to roll back to"
            )
        number_ = sorted(found)[-2]
    carrier = found[number_]
    if call.dry_run() == "client":
        writer = Writer()
        pod_template(writer, carrier["spec"]["template"] if deployment else _template_of(info, carrier))
        return writer.bare()
    if deployment and (obj.get("spec") or {}).get("paused"):
        raise CommandError(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try"
            " again"
        )
    if deployment:
        template = _plain(carrier["spec"]["template"])
        if template == _plain(obj["spec"]["template"]):
            return f"skipped rollback (current template already matches revision {wanted})"
        annotations = {
            key: value
            for key, value in (meta(carrier).get("annotations") or {}).items()
            if key not in _OWN_ANNOTATIONS
        }
        kept = {
            key: value
            for key, value in (meta(obj).get("annotations") or {}).items()
            if key in _OWN_ANNOTATIONS
        }
        patch: Any = [
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": {**annotations, **kept}},
        ]
        kind = "application/json-patch+json"
    else:
        patch, kind = carrier.get("data") or {}, STRATEGIC
        if _template_of(info, carrier) == (obj.get("spec") or {}).get("template"):
            return f"skipped rollback (current template already matches revision {wanted})"
    query = {"dryRun": "All"} if call.dry_run() == "server" else {}
    try:
        call.connection.patch(info.resource, info.scope, info.name, patch, kind, **query)
    except StatusError as error:
        raise CommandError(f"failed restoring revision {wanted}: {error.message}") from None
    return "rolled back"


_OWN_ANNOTATIONS = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
}


# -- restart, pause, resume -----------------------------------------------------------------------------


def restart(call: Call) -> None:
    """`kubectl rollout restart`: a new annotation on the pod template is a new revision."""
    from kubekit.sim import rfc3339

    infos = infos_of(call)
    if not infos:
        call.err(f"No resources found in {call.namespace} namespace.")
    errors: list[Exception] = []
    for info in infos:
        kind = info.resource.kind
        if kind not in ("Deployment", "DaemonSet", "StatefulSet"):
            errors.append(
                CommandError(f'{info.resource.qualified} "{info.name}" restarting is not supported')
            )
            continue
        if kind == "Deployment" and ((info.obj or {}).get("spec") or {}).get("paused"):
            errors.append(
                CommandError(
                    f'{info.resource.qualified} "{info.name}" can\'t restart paused deployment (run rollout'
                    f" resume first)"
                )
            )
            continue
        stamp = {"kubectl.kubernetes.io/restartedAt": rfc3339(call.now)}
        old = (((info.obj or {}).get("spec") or {}).get("template") or {}).get("metadata") or {}
        if (old.get("annotations") or {}).get("kubectl.kubernetes.io/restartedAt") == rfc3339(call.now):
            errors.append(
                CommandError(
                    f"failed to create patch for {info.name}: if restart has already been triggered within"
                    f" the past second,"
                    " please wait before attempting to trigger another"
                )
            )
            continue
        patch = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        _change(call, info, patch, "restarted")
    call.fail_all(errors)


def _change(call: Call, info: Info, patch: Obj, done: str) -> None:
    call.connection.patch(
        info.resource, info.scope, info.name, patch, STRATEGIC, fieldManager="kubectl-rollout"
    )
    call.out(output.result(call, done)(info.obj or {}), end="")


def _pausing(call: Call, pause_: bool) -> None:
    errors: list[Exception] = []
    infos = infos_of(call)
    if not infos:
        call.err(f"No resources found in {call.namespace} namespace.")
    for info in infos:
        name = f'{info.resource.qualified} "{info.name}"'
        if info.resource.kind != "Deployment":
            errors.append(CommandError(f"{name} {'pausing' if pause_ else 'resuming'} is not supported"))
        elif bool(((info.obj or {}).get("spec") or {}).get("paused")) == pause_:
            errors.append(CommandError(f"{name} is {'already paused' if pause_ else 'not paused'}"))
        else:
            _change(
                call, info, {"spec": {"paused": True if pause_ else None}}, "paused" if pause_ else "resumed"
            )
    call.fail_all(errors)


def pause(call: Call) -> None:
    """`kubectl rollout pause`."""
    _pausing(call, True)


def resume(call: Call) -> None:
    """`kubectl rollout resume`."""
    _pausing(call, False)


def _flags(*more: Flag, printed: bool = True, writes: bool = False) -> list[Flag]:
    flags = [*file_flags("what it is about"), string("selector", "Only objects with these labels.", "l")]
    if printed:
        flags += output.output_flags()
    if writes:
        about = "The name under which the server notes who changed what."
        flags.append(string("field-manager", about, default="kubectl-rollout"))
    return [*flags, *more]


COMMAND = Command(
    "rollout",
    "Manage the rollout of a resource",
    None,
    bare="out",
    example="kubectl rollout status deploy/web\nkubectl rollout undo deploy/web --to-revision=2",
    commands=[
        Command(
            "history (TYPE NAME | TYPE/NAME) [flags] [options]",
            "View rollout history",
            history,
            _flags(number("revision", "Show this revision's pod template.")),
        ),
        Command(
            "pause RESOURCE [options]", "Mark the provided resource as paused", pause, _flags(writes=True)
        ),
        Command("restart RESOURCE [options]", "Restart a resource", restart, _flags(writes=True)),
        Command("resume RESOURCE [options]", "Resume a paused resource", resume, _flags(writes=True)),
        Command(
            "status (TYPE NAME | TYPE/NAME) [flags] [options]",
            "Show the status of the rollout",
            status,
            _flags(
                number("revision", "Only if it is this revision."),
                duration("timeout", "Give up after this time; 0: never."),
                boolean("watch", "Wait until it is done.", "w", True),
                printed=False,
            ),
        ),
        Command(
            "undo (TYPE NAME | TYPE/NAME) [flags] [options]",
            "Undo a previous rollout",
            undo,
            _flags(
                output.dry_run_flag(),
                number("to-revision", "The revision to go back to; 0: the one before."),
            ),
        ),
    ],
)
with_examples(COMMAND)
