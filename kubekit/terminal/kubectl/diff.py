"""`kubectl diff`: what applying the files would change, as a unified diff; exit status 1 when something
would.

The server is asked with a dry run, so defaults and admission are in the answer.
Source: k8s.io/kubectl/pkg/cmd/diff.
"""

from __future__ import annotations

import difflib

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit
from kubekit.terminal.cli.flags import boolean, number, string
from kubekit.terminal.kubectl import manifests, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.last_applied import LAST_APPLIED, last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.output import without_managed
from kubekit.terminal.kubectl.three_way import three_way, type_for
from kubekit.terminal.kubectl.writing import MERGE, STRATEGIC


def _merged(call: Call, info: Info, current: Obj | None) -> Obj:
    query = {"dryRun": "All", "fieldManager": call.flag("field-manager") or "kubectl-client-side-apply"}
    connection = call.connection
    if call.flag("server-side"):
        query |= {
            "fieldManager": call.flag("field-manager") or "kubectl",
            "force": str(call.flag("force-conflicts")).lower(),
        }
        path = info.resource.path(info.scope, info.name)
        headers = {"content-type": "application/apply-patch+yaml"}
        return connection.json(
            "PATCH", path, body=yaml_text.dump(info.obj).encode(), query=query, headers=headers
        )
    modified: Obj = deep_copy(info.obj or {})
    if current is None:
        return connection.create(info.resource, info.scope, modified, **query)
    # The note of what was applied last stays as it is: a comparison applies nothing.
    annotations = modified["metadata"].get("annotations") or {}
    modified["metadata"]["annotations"] = {
        key: annotations[key] for key in annotations if key != LAST_APPLIED
    }
    kind = type_for(info.resource.api_version, info.resource.kind)
    patch = three_way(last_applied(current), modified, current, kind)
    if not patch:
        return current
    return connection.patch(
        info.resource, info.scope, info.name, patch, STRATEGIC if kind else MERGE, **query
    )


def _masked(info: Info, live: Obj | None, merged: Obj) -> tuple[Obj | None, Obj]:
    """Secrets' data is not shown; only that it differs."""
    if info.resource.kind != "Secret" or info.resource.group:
        return live, merged
    before, after = deep_copy(live), deep_copy(merged)
    old, new = (before or {}).get("data") or {}, after.get("data") or {}
    for key in sorted({*old, *new}):
        if key in old and key in new:
            same = old[key] == new[key]
            old[key], new[key] = ("***", "***") if same else ("*** (before)", "*** (after)")
        elif key in old:
            old[key] = "***"
        else:
            new[key] = "***"
    return before, after


def _named(info: Info) -> str:
    one = info.resource
    version = f"{one.group}.{one.version}" if one.group else one.version
    return f"{version}.{one.kind}.{info.namespace}.{info.name}"


def run(call: Call) -> None:
    """`kubectl diff`: status 1 says that something differs, a failure is 2."""
    try:
        _run(call)
    except CommandError as error:
        error.code = max(error.code, 2)
        raise


def _run(call: Call) -> None:
    if call.args:
        raise call.usage(f"Unexpected args: [{' '.join(call.args)}]")
    if not selection.has_files(call):
        raise CommandError("must specify one of -f and -k")
    different = False
    stamp = _stamp(call)
    for info in manifests.infos(call):
        try:
            found = call.connection.find(info.resource, info.scope, info.name)
            live = typed(found, info.resource) if found is not None else None
            merged = typed(_merged(call, info, live), info.resource)
        except StatusError as error:
            raise CommandError(_status_line(error), code=2, prefix=False) from None
        if not call.flag("show-managed-fields"):
            live = without_managed(live) if live is not None else None
            merged = without_managed(merged)
        live, merged = _masked(info, live, merged)
        # What masks secrets writes a missing one, too.
        missing = "null\n" if info.resource.kind == "Secret" and not info.resource.group else ""
        before = yaml_text.dump(live) if live is not None else missing
        after = yaml_text.dump(merged)
        if before == after:
            continue
        different = True
        old, new = f"/tmp/LIVE-{_number(call)}/{_named(info)}", f"/tmp/MERGED-{_number(call)}/{_named(info)}"
        call.out(f"diff -u -N {old} {new}")
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), old, new, stamp, stamp
        )
        call.out("".join(lines), end="")
    if different:
        raise Quit(1)


def _status_line(error: StatusError) -> str:
    from kubekit.terminal.cli.errors import status_text

    return status_text(error.status)


def _number(call: Call) -> int:
    return int(call.now * 1000) % 10**9


def _stamp(call: Call) -> str:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(call.now), UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{int(call.now % 1 * 10**9):09d} +0000"


COMMAND = Command(
    "diff -f FILENAME [options]",
    "Diff the live version against a would-be applied version",
    run,
    [
        *file_flags("what to compare"),
        number("concurrency", "Ignored.", default=1),
        string("field-manager", "The name under which the server would note the change."),
        boolean("force-conflicts", "With --server-side: take fields over from others."),
        boolean("prune", "Ignored."),
        string("selector", "Only objects with these labels.", "l"),
        boolean("server-side", "Let the server merge."),
        boolean("show-managed-fields", "With managedFields."),
    ],
    example="kubectl diff -f web.yaml",
)
