"""`kubectl certificate approve | deny`: decide about a certificate signing request.

Source: k8s.io/kubectl/pkg/cmd/certificates.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.sim import rfc3339
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, boolean
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.manifests import file_flags


def _decide(call: Call, kind: str, reason: str, verb: str, done: str) -> None:
    if not call.args and not selection.has_files(call):
        raise CommandError("one or more CSRs must be specified as <name> or -f <filename>")
    # Names may be written with their type, too.
    args = [word if "/" in word else f"certificatesigningrequests/{word}" for word in call.args]
    opposite = {"Approved": "Denied", "Denied": "Approved"}[kind]
    for info in selection.select(call, args):
        obj: Obj = deep_copy(info.obj or {})
        conditions = obj.setdefault("status", {}).setdefault("conditions", [])
        types = [one.get("type") for one in conditions]
        if opposite in types:
            raise CommandError(f'certificate signing request "{info.name}" is already {opposite}')
        if kind not in types or call.flag("force"):
            now = rfc3339(call.now)
            conditions.append(
                {
                    "type": kind,
                    "status": "True",
                    "reason": reason,
                    "message": f"This CSR was {verb} by kubectl certificate"
                    f" {'approve' if kind == 'Approved' else 'deny'}.",
                    "lastUpdateTime": now,
                }
            )
            path = info.resource.path(None, info.name, "approval")
            obj = typed(call.connection.json("PUT", path, body=obj), info.resource)
        call.out(output.result(call, done)(obj), end="")


def approve(call: Call) -> None:
    """`kubectl certificate approve NAME`."""
    _decide(call, "Approved", "KubectlApprove", "approved", "approved")


def deny(call: Call) -> None:
    """`kubectl certificate deny NAME`."""
    _decide(call, "Denied", "KubectlDeny", "denied", "denied")


def _flags() -> list[Flag]:
    return [
        *file_flags("the requests"),
        *output.output_flags(),
        boolean("force", "Even if it was done before."),
    ]


COMMAND = Command(
    "certificate SUBCOMMAND",
    "Modify certificate resources.",
    None,
    bare="ok",
    commands=[
        Command("approve (-f FILENAME | NAME)", "Approve a certificate signing request", approve, _flags()),
        Command("deny (-f FILENAME | NAME)", "Deny a certificate signing request", deny, _flags()),
    ],
)
with_examples(COMMAND)
