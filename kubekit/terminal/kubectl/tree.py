"""The tree of kubectl's commands: one line a verb. To add a verb, copy a neighbour's file and name it here.

Built once, when the first command line is run.
Source: k8s.io/kubectl/pkg/cmd/cmd.go.
"""

from __future__ import annotations

from kubekit.terminal.cli.command import Command
from kubekit.terminal.kubectl import (
    apply,
    auth,
    certificate,
    config_verb,
    create,
    delete,
    describe_verb,
    diff,
    discovery_verbs,
    drain,
    events_verb,
    explain,
    expose,
    get,
    label,
    logs,
    other_verbs,
    patch,
    replace,
    rollout,
    run,
    scale,
    set_verb,
    taint,
    wait,
)

ROOT = Command(
    "kubectl",
    "kubectl controls the Kubernetes cluster manager.",
    None,
    commands=[
        create.COMMAND,
        expose.COMMAND,
        run.COMMAND,
        set_verb.COMMAND,
        explain.COMMAND,
        get.COMMAND,
        delete.COMMAND,
        rollout.COMMAND,
        scale.COMMAND,
        scale.AUTOSCALE,
        certificate.COMMAND,
        drain.CORDON,
        drain.UNCORDON,
        drain.DRAIN,
        taint.COMMAND,
        describe_verb.COMMAND,
        logs.LOGS,
        logs.EXEC,
        auth.COMMAND,
        events_verb.COMMAND,
        diff.COMMAND,
        apply.COMMAND,
        patch.COMMAND,
        replace.COMMAND,
        wait.COMMAND,
        label.LABEL,
        label.ANNOTATE,
        config_verb.COMMAND,
        *discovery_verbs.COMMANDS,
        *other_verbs.COMMANDS,
    ],
)
