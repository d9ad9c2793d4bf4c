"""What all generators (`create deployment`, `run`, `expose`, `autoscale`, ...) do with the object they made.

`typed_form` gives it the shape of a Go struct (`status: {}`, `resources: {}`), as `--dry-run=client -o yaml`
shows; `submit` sends it, prints the result, and words the failure as the generator does.
Source: k8s.io/kubectl/pkg/cmd/create/create.go.
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.api import schema
from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.api.schema import DecodeError
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import json_text
from kubekit.terminal.cli.errors import CommandError, bare
from kubekit.terminal.cli.flags import Flag, boolean, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.last_applied import LAST_APPLIED
from kubekit.terminal.kubectl.writing import write_query


def create_flags(manager: str = "kubectl-create") -> list[Flag]:
    """The flags of every generator."""
    return [
        *output.output_flags(),
        output.dry_run_flag(),
        string("field-manager", "The name under which the server notes who changed what.", default=manager),
        boolean("save-config", "Note the object in its annotation, for apply."),
        string(
            "validate", "strict (refuse unknown fields), warn or ignore.", default="strict", bare="strict"
        ),
    ]


def typed_form(obj: Obj) -> Obj:
    """The object as a Go struct would be written: zero values that are not left out appear."""
    try:
        found, _ = schema.for_kind(str(obj["apiVersion"]), str(obj["kind"])).decode(obj, "Ignore")
    except (KeyError, DecodeError):
        return obj
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **found}


def noted(obj: Obj) -> Obj:
    """A new object with the annotation that holds it, written as Go writes the struct."""
    text = json.dumps(json_text.typed_order(obj), separators=(",", ":"), ensure_ascii=False)
    about = meta(obj)
    annotations = {**(about.get("annotations") or {}), LAST_APPLIED: text + "\n"}
    return {**obj, "metadata": {**about, "annotations": annotations}}


def required(call: Call, *names: str) -> None:
    """CommandError for flags that were not given."""
    missing = [name for name in names if name not in call.given]
    if missing:
        listed = ", ".join(f'"{name}"' for name in missing)
        raise CommandError(f"required flag(s) {listed} not set")


def one_name(call: Call, *, command: bool = False) -> str:
    """The only argument; with `command`, words after `--` belong to the container."""
    args = call.args
    if command and call.dash_at >= 0:
        args = args[: call.dash_at]
    if len(args) != 1:
        return _wrong(call, len(args))
    return args[0]


def _wrong(call: Call, count: int) -> str:
    raise call.usage(f"exactly one NAME is required, got {count}")


def metadata(call: Call, name: str, *, namespaced: bool = True, **more: Any) -> Obj:
    """Metadata of a new object; the namespace only when -n was given."""
    found: Obj = {"name": name, **{key: value for key, value in more.items() if value}}
    if namespaced and "namespace" in call.given:
        found["namespace"] = call.namespace
    return found


def submit(
    call: Call,
    obj: Obj,
    *,
    failure: str = "",
    done: str = "created",
    manager: str = "kubectl-create",
    quiet: bool = False,
) -> Obj:
    """Prints (client dry run) or creates the object. `failure`: words before the server's own ("" = none);
    `quiet`: do not say that it was made."""
    dry = call.dry_run()
    query = write_query(call, manager)
    if call.flags.get("save-config"):
        obj = noted(typed_form(obj))
    if dry == "client":
        shown = typed_form(obj)
        call.out(output.result(call, done, typed=True)(shown), end="")
        return shown
    resource = call.discovery.by_kind(str(obj["apiVersion"]), str(obj["kind"]))
    try:
        made = call.connection.create(resource, scope_of(call, obj, resource), obj, **query)
    except StatusError as error:
        if failure:
            raise CommandError(f"{failure}{bare(error)}") from None
        raise
    made = typed(made, resource)
    if quiet:
        return made
    call.out(output.result(call, done, typed=True)(made), end="")
    return made


def scope_of(call: Call, obj: Obj, resource: Resource) -> str | None:
    """The namespace to create in."""
    return (meta(obj).get("namespace") or call.namespace) if resource.namespaced else None
