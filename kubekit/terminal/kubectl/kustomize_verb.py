"""`kubectl kustomize`: print what a kustomization folder stands for.

Source: k8s.io/kubectl/pkg/cmd/kustomize.
"""

from __future__ import annotations

from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kustomize import KustomizeError, build


def run(call: Call) -> None:
    """`kubectl kustomize DIR`."""
    if len(call.args) > 1:
        raise CommandError("specify one path to kustomization.yaml")
    try:
        objects = build(call.files, call.args[0] if call.args else ".")
    except KustomizeError as error:
        raise CommandError(str(error)) from None
    text = "---\n".join(yaml_text.dump(obj) for obj in objects)
    if call.flag("output"):
        call.files.write(call.flag("output"), text)
    else:
        call.out(text, end="")


COMMAND = Command(
    "kustomize DIR [options]",
    "Build a kustomization target from a directory or URL",
    run,
    [string("output", "Write it to this file.", "o")],
    example="kubectl kustomize overlays/dev\nkubectl kustomize overlays/dev -o dev.yaml",
)
