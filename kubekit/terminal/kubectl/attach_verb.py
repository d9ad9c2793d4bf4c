"""`kubectl attach`, and what `run` and `debug` do with it: the process of a container, seen from now on.

Nobody types in a notebook: the process is given the cell's body as its whole input (`%%kubectl attach -i`).
Without one it is watched for a while of the cluster's time, because a cell has to end.
Source: k8s.io/kubectl/pkg/cmd/attach.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, duration, string
from kubekit.terminal.kubectl import remote_command
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.exec_verb import waits_for_keys
from kubekit.terminal.kubectl.logs import pick_container, pods_of

WATCHED = 10.0
"""Seconds of the cluster's time for which a process without input is watched."""
RECORDED = (
    "All commands and output from this session will be recorded in container logs, including credentials and"
    " sensitive information passed through the command prompt."
)
PRESS_ENTER = "If you don't see a command prompt, try pressing enter."


def attach(call: Call) -> None:
    """`kubectl attach`."""
    if not call.args:
        raise CommandError("at least 1 argument is required for attach")
    if len(call.args) > 2:
        said = f"saw {len(call.args)}: [{' '.join(call.args)}]"
        raise CommandError(f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) {said}")
    if call.flag("pod-running-timeout") <= 0:
        raise CommandError("--pod-running-timeout must be higher than zero")
    pod = pods_of(call, "/".join(call.args))[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CommandError(f"cannot attach a container in a completed pod; current phase is {phase}")
    to_container(call, pod, call.flag("container"))


def to_container(call: Call, pod: Obj, wanted: str, seconds: float = WATCHED) -> None:
    """Attach to a container of a running pod, and print what it writes until it ends or the time is up.

    Reads the flags stdin, tty and quiet. Raises StatusError and CommandError when there is no stream.
    """
    try:
        container = pick_container(call, pod, wanted, call.flag("quiet"))
    except CommandError as error:
        raise CommandError(f"cannot attach to the container: {error.message}") from None
    spec = container_of(pod, container)
    if call.flag("tty") and not spec.get("tty"):
        if not call.flag("quiet"):
            call.err(f"error: Unable to use a TTY - container {container} did not allocate one")
    elif call.flag("stdin") and spec.get("tty") and not call.flag("quiet"):
        call.err(remote_command.NOT_TERMINAL)
    if not call.flag("quiet"):
        call.err(RECORDED)
        call.err(PRESS_ENTER)
    about = meta(pod)
    stdin = remote_command.given(call) if call.flag("stdin") else None
    patience = remote_command.PATIENCE if stdin else seconds
    ended = remote_command.run(
        call, about.get("namespace") or call.namespace, about["name"], "attach", {"container": container},
        stdin, patience,
    )  # fmt: skip
    call.out(remote_command.text(ended.stdout), end="")
    call.err(remote_command.text(ended.stderr), end="")
    if ended.status is None:
        call.err(
            f"detached after {patience:.0f}s of the cluster's time, because a cell has to end; {container}"
            f" goes on: kubectl logs {about['name']} -c {container} has all it wrote"
        )
    elif stdin == b"" and not ended.stdout and _waits(spec):
        call.err(remote_command.NO_KEYS)
    elif ended.code:
        raise CommandError(f"command terminated with exit code {ended.code}")


def _waits(spec: Obj) -> bool:
    """Whether a container's process would read what is typed."""
    words = [*(spec.get("command") or []), *(spec.get("args") or [])]
    return not words or waits_for_keys(words)


def container_of(pod: Obj, name: str) -> Obj:
    """The spec of a pod's container of any kind."""
    spec = pod.get("spec") or {}
    groups = ("containers", "initContainers", "ephemeralContainers")
    found: Obj = next((one for group in groups for one in spec.get(group) or [] if one["name"] == name), {})
    return found


COMMAND = Command(
    "attach (POD | TYPE/NAME) -c CONTAINER [options]",
    "Attach to a running container",
    attach,
    [
        string("container", "This container.", "c"),
        string("detach-keys", "Ignored: nobody presses keys.", default="ctrl-p,ctrl-q"),
        boolean("stdin", "Give it the cell's body.", "i"),
        boolean("tty", "Told that a notebook is no terminal.", "t"),
        boolean("quiet", "Say less.", "q"),
        duration("pod-running-timeout", "How long to wait until a pod runs.", 60.0),
    ],
    example="kubectl attach web\nkubectl attach box -c ticker",
)
