"""`kubectl delete`: ask the server to delete, and wait until the objects are gone.

Deleting a pod is a request to end: the object stays, with a deletion timestamp, until the kubelet says that
the containers have stopped. That is what the waiting waits for.
Source: k8s.io/kubectl/pkg/cmd/delete.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, with_source
from kubekit.terminal.cli.flags import boolean, duration, number, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.manifests import Info, file_flags, kind_name, selector_flags

FOREVER = 7 * 24 * 3600.0
CASCADE = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan"}
_IMMEDIATE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. The"
    " resource"
    " may continue to run on the cluster indefinitely."
)


def options_of(call: Call) -> Obj:
    """The DeleteOptions that the flags ask for."""
    cascade = str(call.flags.get("cascade") or "background")
    if cascade in ("true", "false"):
        meant = "background" if cascade == "true" else "orphan"
        call.err(
            f"warning: --cascade={cascade} is deprecated (boolean value) and can be replaced with"
            f" --cascade={meant}."
        )
        call.flags["cascade"] = cascade = meant
    if cascade not in CASCADE:
        raise CommandError(
            f'invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"'
        )
    options: Obj = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": CASCADE[cascade]}
    grace = call.flags.get("grace-period", -1)
    if grace >= 0:
        options["gracePeriodSeconds"] = grace
    if call.dry_run() == "server":
        options["dryRun"] = ["All"]
    return options


def _check(call: Call) -> None:
    if call.flag("output") not in ("", "name"):
        raise CommandError(f"unexpected -o output mode: {call.flag('output')}. We only support '-o name'")
    grace, force = call.flag("grace-period"), call.flag("force")
    if call.flag("now"):
        if grace != -1:
            raise CommandError("--now and --grace-period cannot be specified together")
        call.flags["grace-period"] = 1
    elif grace == 0 and not force:
        # Without --force a period of 0 means: as soon as possible, but confirmed by the kubelet.
        call.flags["grace-period"] = 1
    elif force and grace < 0:
        call.flags["grace-period"] = 0
    if force and grace > 0:
        raise CommandError("--force and --grace-period greater than 0 cannot be specified together")
    if call.flags["grace-period"] == 0 and force:
        call.warn(_IMMEDIATE)


def run(call: Call) -> None:
    """`kubectl delete`."""
    options_of(call)
    if call.flag("raw"):
        _raw(call)
        return
    errors: list[Exception] = []
    unread: list[Exception] = []
    wanted = selection.targets(call, all_selects=True, errors=unread)
    _check(call)
    options = options_of(call)
    infos: list[Info] = []
    quiet_missing = call.flag("ignore-not-found")
    if "ignore-not-found" not in call.given:
        quiet_missing = any(call.flag(name) for name in ("all", "selector", "field-selector"))
    for target in wanted:
        if target.name:
            infos.append(Info(target.resource, target.namespace or "", target.name, None, target.source))
            continue
        try:
            infos += selection.fetch(call, target)
        except StatusError as error:
            errors.append(error)
    if call.flag("interactive") and not _confirmed(call, infos):
        return
    deleted: list[tuple[Info, str]] = []
    if (
        "namespace" in call.given
        and not call.all_namespaces
        and any(not i.resource.namespaced for i in infos)
    ):
        call.warn("deleting cluster-scoped resources, not scoped to the provided namespace")
    for info in infos:
        try:
            uid = _delete(call, info, options)
        except StatusError as error:
            if error.code == 404 and quiet_missing:
                continue
            errors.append(with_source("deleting", info.source, error) if info.source else error)
            continue
        deleted.append((info, uid))
    errors += unread
    if not infos and not errors:
        call.out("No resources found")
    if call.flag("wait") and call.dry_run() == "none":
        timeout = call.flag("timeout") or FOREVER
        wait_gone(call, deleted, timeout)
    call.fail_all(errors)


def _raw(call: Call) -> None:
    body = None
    for path in call.flag("filename") or []:
        if path != "-" and not call.files.exists(path):
            raise CommandError(f"open {path}: no such file or directory")
        body = manifests.text_of(call, path)[0].encode()
    call.out(call.connection.raw("DELETE", call.flag("raw"), body=body).encoded().decode(), end="")


def _confirmed(call: Call, infos: list[Info]) -> bool:
    """Asks whether to delete these; the answer is the first word of the input."""
    if not infos:
        call.out("No resources found")
        return False
    call.out(f"You are about to delete the following {len(infos)} resource(s):")
    for info in infos:
        call.out(info.label)
    call.out("Do you want to continue? (y/n): ", end="")
    words = call.stdin.split()
    if words and words[0].lower() in ("y", "yes"):
        return True
    call.out("deletion is cancelled")
    return False


def _delete(call: Call, info: Info, options: Obj) -> str:
    """Sends the request; the uid of what is being deleted."""
    uid = ""
    if call.dry_run() != "client":
        answer = call.connection.delete(info.resource, info.scope, info.name, options)
        uid = str((answer.get("details") or {}).get("uid") or meta(answer).get("uid") or "")
    report(call, info)
    return uid


def report(call: Call, info: Info) -> None:
    """`pod "web" deleted from shop namespace`."""
    if call.flags.get("output") == "name":
        call.out(info.label)
        return
    done = "force deleted" if call.flags.get("grace-period") == 0 else "deleted"
    where = f" from {info.namespace} namespace" if info.resource.namespaced and info.namespace else ""
    dry = {"client": " (dry run)", "server": " (server dry run)"}.get(call.dry_run(), "")
    call.out(f'{kind_name(info.resource)} "{info.name}" {done}{where}{dry}')


def wait_gone(call: Call, deleted: list[tuple[Info, str]], timeout: float) -> None:
    """Lets time pass until the objects (of these uids) are gone. CommandError on a timeout."""
    start = call.now
    for info, uid in deleted:

        def gone(info: Info = info, uid: str = uid) -> bool:
            try:
                found = call.connection.find(info.resource, info.scope, info.name)
            except StatusError as error:
                # Who may delete but not read cannot wait; that is no failure.
                return error.code in (403, 405)
            return found is None or bool(uid and meta(found).get("uid") != uid)

        if not call.wait_until(gone, max(0.0, timeout - (call.now - start))):
            raise CommandError(f"timed out waiting for the condition on {info.resource.plural}/{info.name}")


COMMAND = Command(
    "delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)]) [options]",
    "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    run,
    [
        *file_flags("what to delete"),
        *selector_flags(),
        boolean("all", "Everything of these types in the namespace."),
        boolean("all-namespaces", "In all namespaces.", "A"),
        string("cascade", "background, foreground or orphan.", default="background", bare="background"),
        output.dry_run_flag(),
        boolean("force", "With --grace-period=0: do not wait for the node's word."),
        number("grace-period", "Seconds to end in; -1: as the object says.", default=-1),
        boolean("ignore-not-found", "No error when an object is not there."),
        boolean("interactive", "Ask first.", "i"),
        boolean("now", "The same as --grace-period=1."),
        string("output", "name prints type/name.", "o"),
        string("raw", "Send the request to this path."),
        duration("timeout", "How long to wait; 0: as the grace period says."),
        boolean("wait", "Wait until the objects are gone.", default=True),
    ],
    example="kubectl delete pod web\nkubectl delete deploy,svc -l app=web\nkubectl delete -f web.yaml",
)

__all__ = ["COMMAND", "manifests", "report", "run", "wait_gone"]
