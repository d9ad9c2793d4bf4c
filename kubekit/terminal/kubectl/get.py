"""`kubectl get`: tables worked out by the server, or the objects themselves with -o.

Without -o the request asks for a Table; `--sort-by`, `-L` and `--show-labels` work on the rows' objects. With
-o the objects are fetched as they are and printed by `output`.
Source: k8s.io/kubectl/pkg/cmd/get/get.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj, WatchEvent
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import tabwriter
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, ManyErrors
from kubekit.terminal.cli.flags import boolean, listing, number, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import TABLE, typed
from kubekit.terminal.kubectl.manifests import file_flags, selector_flags
from kubekit.terminal.kubectl.selection import Target
from kubekit.terminal.kubectl.sort_by import sort_by
from kubekit.terminal.kubectl.tables import TablePrinter, own_table

WATCH_SECONDS = 600.0
"""How long `get -w` lets virtual time pass at most: it ends when nothing is left to happen."""


def run(call: Call) -> None:
    """`kubectl get`."""
    watching = call.flag("watch") or call.flag("watch-only")
    if call.flag("raw"):
        if watching or call.flag("selector"):
            raise CommandError(
                "--raw may not be specified with other flags that filter the server request or alter the"
                " output"
            )
        if call.flag("output"):
            raise CommandError("--raw and --output are mutually exclusive")
        _raw(call)
        return
    if not watching and not call.args and not selection.has_files(call):
        call.err(
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of'
            " supported resources.\n"
        )
        raise call.usage(
            'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description'
            " of that"
            " resource (e.g. kubectl explain pods)."
        )
    name, _ = output.split_format(call)
    if call.flag("show-labels") and call.flag("output") not in ("", "wide"):
        raise CommandError(f"--show-labels option cannot be used with {call.flag('output')} printer")
    if call.flag("output-watch-events") and not watching:
        raise CommandError("--output-watch-events option can only be used with --watch or --watch-only")
    printer = output.printer_for(call)
    errors: list[Exception] = []
    wanted = selection.targets(call, default_all=True, errors=errors)
    if call.flag("subresource") and not all(target.name for target in wanted):
        raise CommandError("subresource cannot be used when bulk resources are specified")
    if watching:
        call.fail_all(errors)
        _watch(call, wanted, printer)
    elif printer is None:
        _tables(call, wanted, name == "wide", errors)
    else:
        _generic(call, wanted, printer, errors)


def _raw(call: Call) -> None:
    if call.args:
        raise CommandError("arguments may not be passed when --raw is specified")
    if not call.flag("raw").startswith("/"):
        raise CommandError(
            f'--raw must be a valid URL path: parse "{call.flag("raw")}": invalid URI for request'
        )
    path, _, query = call.flag("raw").partition("?")
    parsed: dict[str, list[str]] = {}
    for pair in query.split("&") if query else []:
        key, _, value = pair.partition("=")
        parsed.setdefault(key, []).append(value)
    answer = call.connection.raw("GET", path, query=parsed)
    call.out(answer.encoded().decode(), end="")


def _printer(call: Call, wide: bool, kind: bool) -> TablePrinter:
    return TablePrinter(
        wide=wide,
        headers=not call.flag("no-headers"),
        namespace=call.all_namespaces,
        kind=kind or bool(call.flag("show-kind")),
        labels=call.flag("label-columns") or [],
        show_labels=bool(call.flag("show-labels")),
    )


def _fetch_table(call: Call, target: Target) -> Obj:
    query: dict[str, Any] = dict(target.query(call))
    if call.flag("sort-by"):
        query["includeObject"] = "Object"
    elif not target.name and call.flag("chunk-size"):
        query["limit"] = call.flag("chunk-size")
    if not call.flag("server-print"):
        return own_table([info.obj or {} for info in selection.fetch(call, target)], call.age)
    path = target.resource.path(target.namespace, target.name or None, call.flag("subresource") or None)
    if target.name:
        table = call.connection.json("GET", path, query=query, headers={"accept": TABLE})
    else:
        table = call.connection.listing(target.resource, target.namespace, query, {"accept": TABLE})
    rows = list(table.get("rows") or [])
    while meta(table).get("continue") and not target.name:
        more = {**query, "continue": table["metadata"]["continue"]}
        following = call.connection.json("GET", path, query=more, headers={"accept": TABLE})
        rows += following.get("rows") or []
        table = {**table, "metadata": following.get("metadata") or {}}
    return {**table, "rows": rows}


def _tables(call: Call, wanted: list[Target], wide: bool, errors: list[Exception]) -> None:
    fetched: list[tuple[Target, Obj]] = []
    for target in wanted:
        try:
            fetched.append((target, _fetch_table(call, target)))
        except StatusError as error:
            if not (error.code == 404 and call.flag("ignore-not-found")):
                errors.append(error)
    kinds = {(target.resource.group, target.resource.kind) for target, _ in fetched}
    printer = _printer(call, wide, len(kinds) > 1)
    last: Resource | None = None
    rows: list[list[str]] = []
    written = False
    for target, table in fetched:
        if call.flag("sort-by"):
            table = {**table, "rows": _sorted_rows(call, table.get("rows") or [])}
        with_namespace = call.all_namespaces and target.resource.namespaced
        if target.resource is not last:
            written = _flush(call, rows, written, printer.headers)
            rows, last = [], target.resource
        lines = printer.lines(table, target.resource, with_namespace)
        if lines and not rows and printer.headers:
            rows.append(printer.header(table, with_namespace))
        rows += lines
    written = _flush(call, rows, written, printer.headers)
    if not written and not errors and not call.flag("ignore-not-found"):
        namespaced = all(target.resource.namespaced for target, _ in fetched)
        where = f" in {call.namespace} namespace." if namespaced and not call.all_namespaces else ""
        call.err(f"No resources found{where}")
    if errors:
        raise ManyErrors(errors)


def _sorted_rows(call: Call, rows: list[Obj]) -> list[Obj]:
    try:
        return sort_by(rows, lambda row: row.get("object") or {}, call.flag("sort-by"))
    except CommandError:
        return []  # the original prints no row then, and says that nothing was found


def _flush(call: Call, rows: list[list[str]], written: bool, headers: bool) -> bool:
    if not rows:
        return written
    if written and headers:
        call.out()
    call.out(tabwriter.table(rows), end="")
    return True


def _generic(call: Call, wanted: list[Target], printer: output.Printer, errors: list[Exception]) -> None:
    objects: list[Obj] = []
    single = len(wanted) == 1 and bool(wanted[0].name)
    for target in wanted:
        try:
            if target.name:
                path = target.resource.path(target.namespace, target.name, call.flag("subresource") or None)
                objects.append(typed(call.connection.json("GET", path), target.resource))
            else:
                objects += [info.obj for info in selection.fetch(call, target) if info.obj is not None]
        except StatusError as error:
            if not (error.code == 404 and call.flag("ignore-not-found")):
                errors.append(error)
    if single and errors:
        raise errors[0]
    if not objects and call.flag("ignore-not-found"):
        call.fail_all(errors)
        return
    if call.flag("sort-by") and not single:
        objects = sort_by(objects, lambda obj: obj, call.flag("sort-by"))
    if single and objects:
        call.out(printer(objects[0]), end="")
    elif not single:
        listed: Obj = {
            "apiVersion": "v1",
            "items": objects,
            "kind": "List",
            "metadata": {"resourceVersion": ""},
        }
        call.out(printer(listed), end="")
    call.fail_all(errors)


def _watch(call: Call, wanted: list[Target], printer: output.Printer | None) -> None:
    if len(wanted) != 1:
        raise CommandError("you may only specify a single resource type")
    target = wanted[0]
    headers = {"accept": TABLE} if printer is None else None
    shown = _printer(call, call.flag("output") == "wide", False)
    with_namespace = call.all_namespaces and target.resource.namespaced
    head: list[str] = []
    columns: list[Obj] = []

    def show(obj: Obj) -> None:
        if printer is not None:
            call.out(printer(typed(obj, target.resource)), end="")
            return
        # Only the first table of a watch says what its columns are.
        columns.extend(obj.get("columnDefinitions") or [] if not columns else [])
        obj = {**obj, "columnDefinitions": columns}
        rows = shown.lines(obj, target.resource, with_namespace)
        if not rows:
            return
        if not head and shown.headers:
            head.extend(shown.header(obj, with_namespace))
            rows.insert(0, head)
        # Columns keep the width they once had, so that later rows stand under the first ones.
        for row in rows:
            for index, cell in enumerate(row[:-1]):
                widths[index] = max(widths.get(index, 6), len(cell) + 3)
        text = "".join(
            "".join(cell.ljust(widths[i]) for i, cell in enumerate(row[:-1])) + row[-1] + "\n" for row in rows
        )
        call.out(text, end="")

    widths: dict[int, int] = {}
    path = target.resource.path(target.namespace, target.name or None)
    if target.name:
        first = call.connection.json("GET", path, headers=headers)
    else:
        first = call.connection.listing(target.resource, target.namespace, target.query(call), headers)
    if not call.flag("watch-only"):
        if printer is None or target.name:
            show(first)
        else:
            for item in first.get("items") or []:
                show(item)
    query: dict[str, Any] = {**target.query(call), "resourceVersion": meta(first).get("resourceVersion", "")}
    if target.name:
        query["fieldSelector"] = f"metadata.name={target.name}"
    stream = call.connection.watch(target.resource.path(target.namespace), query, headers)
    pending: list[WatchEvent] = []
    stream.on_event(pending.append)
    call.program.pump.quiet(WATCH_SECONDS)
    stream.close()
    for event in pending:
        if event.type in ("ADDED", "MODIFIED", "DELETED"):
            show(event.object)


COMMAND = Command(
    f"get [(-o|--output=){output.USAGE}|custom-columns|custom-columns-file|wide]"
    " (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
    "Display one or many resources",
    run,
    [
        *file_flags("show what they describe"),
        *selector_flags(),
        *output.output_flags(),
        boolean("all-namespaces", "In all namespaces.", "A"),
        number("chunk-size", "Ask for lists in pieces of this size.", default=500),
        boolean("ignore-not-found", "No error when an object is not there."),
        listing("label-columns", "Show these labels as columns.", "L"),
        boolean("no-headers", "Without the first line."),
        boolean("output-watch-events", "With -w: show the events."),
        string("raw", "Ask for this path as it is."),
        boolean("server-print", "Let the server work out the columns.", default=True),
        boolean("show-kind", "Show the kind before the name."),
        boolean("show-labels", "Show all labels in the last column."),
        string("sort-by", "Order by this field, e.g. .metadata.name."),
        string("subresource", "Ask for a subresource: status, scale or resize."),
        boolean("watch", "Show what changes until nothing is left to happen.", "w"),
        boolean("watch-only", "As -w, without what is there already."),
    ],
    example="kubectl get pods -A\nkubectl get deploy/web -o yaml\nkubectl get pods -l app=web"
    " --sort-by=.spec.nodeName",
)
