"""`kubectl create`: objects from files (refused when they exist), and the tree of generators below it.

Source: k8s.io/kubectl/pkg/cmd/create/create.go.
"""

from __future__ import annotations

from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, with_source
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import (
    create_cluster,
    create_config,
    create_network,
    create_rbac,
    create_workload,
    manifests,
    output,
    selection,
)
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.generate import create_flags
from kubekit.terminal.kubectl.last_applied import with_last_applied
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.writing import write_query


def run(call: Call) -> None:
    """`kubectl create -f FILE`."""
    if not selection.has_files(call):
        if call.args:
            raise call.usage(f"Unexpected args: [{' '.join(call.args)}]")
        raise CommandError("must specify one of -f and -k")
    if call.args:
        raise call.usage(f"Unexpected args: [{' '.join(call.args)}]")
    if call.flag("edit"):
        raise CommandError("a notebook has no editor: change the file or the cell and create again")
    if call.flag("raw"):
        if call.flag("output"):
            raise CommandError("--raw and --output are mutually exclusive")
        text, _ = manifests.text_of(call, manifests.paths_of(call)[0])
        answer = call.connection.raw("POST", call.flag("raw"), body=text.encode())
        call.out(answer.encoded().decode(), end="")
        return
    infos, errors = manifests.infos_and_errors(call)
    count = 0
    refused: list[Exception] = []
    for info in infos:
        try:
            _one(call, info)
            count += 1
        except StatusError as error:
            refused.append(with_source("creating", info.source, error))
    call.fail_all([*refused, *errors])
    if not count:
        raise CommandError("no objects passed to create")


def _one(call: Call, info: Info) -> None:
    obj = with_last_applied(info.obj or {}) if call.flag("save-config") else info.obj or {}
    if call.dry_run() != "client":
        obj = call.connection.create(info.resource, info.scope, obj, **write_query(call, "kubectl-create"))
    call.out(output.result(call, "created")(typed(obj, info.resource)), end="")


COMMAND = Command(
    "create -f FILENAME [options]",
    "Create a resource from a file or from stdin",
    run,
    [
        *file_flags("what to create"),
        *create_flags(),
        boolean("edit", "Change it in an editor first."),
        string("raw", "Send the request to this path."),
        string("selector", "Only objects with these labels.", "l"),
        boolean("windows-line-endings", "Ignored."),
    ],
    commands=sorted(
        [
            *create_workload.COMMANDS,
            *create_config.COMMANDS,
            *create_cluster.COMMANDS,
            *create_rbac.COMMANDS,
            *create_network.COMMANDS,
        ],
        key=lambda command: command.name,
    ),
    example="kubectl create -f web.yaml\nkubectl create deployment web --image=nginx --replicas=3",
)
with_examples(COMMAND)
