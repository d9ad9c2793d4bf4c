"""`kubectl events`: the events of a namespace, of one object (--for), of some types.

Source: k8s.io/kubectl/pkg/cmd/events.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.etcd.pdqsort import sort_by_less
from kubekit.terminal.cli import tabwriter
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, listing, number, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import interval, last_seen
from kubekit.terminal.kubectl.generate import typed_form


def run(call: Call) -> None:
    """`kubectl events`."""
    types = call.flag("types") or []
    for one in types:
        if one.lower() not in ("normal", "warning"):
            raise CommandError("valid --types are Normal or Warning")
    fields = []
    target = call.flag("for")
    if target:
        word, slash, name = target.partition("/")
        if not slash:
            raise CommandError("--for must be in resource/name form")
        if "/" in name:
            raise CommandError("arguments in resource/name form may not have more than one slash")
        try:
            resource = call.discovery.find(word.lower())
        except CommandError as error:
            raise CommandError(error.message, prefix=False) from None
        fields = [
            f"involvedObject.kind={resource.kind}",
            f"involvedObject.apiVersion={resource.api_version}",
            f"involvedObject.name={name}",
        ]
    found = call.connection.items(call.discovery.find("events"), call.scope, fields=",".join(fields))
    wanted = [
        event
        for event in found
        if not types or str(event.get("type", "")).lower() in [t.lower() for t in types]
    ]
    printer = output.printer_for(call, typed=True, columns=False)
    if printer is not None and wanted and output.split_format(call)[0] == "name":
        return  # the original cannot print names of lists, and does not say so
    if printer is not None and wanted:
        wanted = sort_by_less(wanted, lambda left, right: last_seen(left) < last_seen(right))
        items = [typed_form(event) for event in wanted]
        call.out(printer({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": items}), end="")
        return
    if not wanted:
        where = (
            "No events found." if call.all_namespaces else f"No events found in {call.namespace} namespace."
        )
        call.err(where)
        return
    wanted = sort_by_less(wanted, lambda left, right: last_seen(left) < last_seen(right))
    header = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    rows = [] if call.flag("no-headers") else [(["NAMESPACE"] if call.all_namespaces else []) + header]
    rows += [_row(call, event) for event in wanted]
    call.out(tabwriter.table(rows), end="")


def _row(call: Call, event: Obj) -> list[str]:
    about = event.get("involvedObject") or {}
    row = [
        interval(call, event),
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '')}/{about.get('name', '')}",
        str(event.get("message") or "").strip(),
    ]
    return ([meta(event).get("namespace", "")] if call.all_namespaces else []) + row


COMMAND = Command(
    f"events [(-o|--output=){output.USAGE}] [--for TYPE/NAME] [--watch] [--types=Normal,Warning] [options]",
    "List events",
    run,
    [
        *output.output_flags(),
        boolean("all-namespaces", "In all namespaces.", "A"),
        number("chunk-size", "Ask for lists in pieces of this size.", default=500),
        string("for", "Only about this object, TYPE/NAME."),
        boolean("no-headers", "Without the first line."),
        listing("types", "Normal, Warning."),
        boolean("watch", "Show what is there; a notebook does not wait for more.", "w"),
    ],
    example="kubectl events --for pod/web\nkubectl events --types=Warning -A",
)
