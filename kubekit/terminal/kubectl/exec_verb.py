"""`kubectl exec`: a program run inside a container, with the cell's body as its input.

    %kubectl exec web -- ls /
    %%kubectl exec -i web -- sh
    cd /tmp
    ls

A notebook is no terminal, so -t is told as the original tells it when its input is none; a shell without a
body reads nothing and ends at once, with a line that says how it is done here.
Source: k8s.io/kubectl/pkg/cmd/exec.
"""

from __future__ import annotations

from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit
from kubekit.terminal.cli.flags import Flag, boolean, duration, string
from kubekit.terminal.kubectl import remote_command, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.logs import pick_container, pods_of, pods_of_info

SHELLS = ("sh", "bash", "ash", "dash")


def exec_(call: Call) -> None:
    """`kubectl exec`."""
    before = call.args if call.dash_at < 0 else call.args[: call.dash_at]
    words = [] if call.dash_at < 0 else call.args[call.dash_at :]
    if not before and not call.flag("filename"):
        raise CommandError("pod, type/name or --filename must be specified")
    if call.dash_at < 0 and len(before) > 1:
        raise CommandError(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
            "See 'kubectl exec -h' for help and examples"
        )
    if not words:
        raise CommandError("you must specify at least one command for the container")
    pod = pods_of(call, before[0])[0] if before else pods_of_info(call, selection.select(call, [])[0])[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CommandError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    # A container that is named is looked for by the server.
    container = call.flag("container") or pick_container(call, pod, "", call.flag("quiet"))
    stdin = remote_command.given(call) if call.flag("stdin") else None
    no_terminal(call)
    name, namespace = meta(pod)["name"], meta(pod).get("namespace") or call.namespace
    ended = remote_command.run(
        call, namespace, name, "exec", {"container": container, "command": words}, stdin
    )
    call.out(remote_command.text(ended.stdout), end="")
    call.err(remote_command.text(ended.stderr), end="")
    if ended.status is None:
        call.err(remote_command.interrupted(words[0]))
        raise Quit(remote_command.INTERRUPTED)
    if ended.code:
        call.err(f"command terminated with exit code {ended.code}")
        raise Quit(ended.code)
    if waits_for_keys(words) and not stdin and (call.flag("stdin") or call.flag("tty")):
        call.err(f"{remote_command.NO_KEYS}, or give {words[0]} a command with -c")


def waits_for_keys(words: list[str]) -> bool:
    """Whether a command line is a shell that would read what is typed."""
    shell = words[0].rpartition("/")[2] in SHELLS
    return shell and all(word in ("-i", "-l", "-il", "--login") for word in words[1:])


def no_terminal(call: Call) -> None:
    """Say that there is no terminal, when one was asked for."""
    if call.flag("tty") and call.flag("stdin") and not call.flag("quiet"):
        call.err(remote_command.NOT_TERMINAL)


COMMAND = Command(
    "exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
    "Execute a command in a container",
    exec_,
    [
        string("container", "In this container.", "c"),
        Flag("filename", "list", None, "f", help="A file that names the pod."),
        duration("pod-running-timeout", "Ignored.", 60.0),
        boolean("quiet", "Say less.", "q"),
        boolean("stdin", "Give it the cell's body.", "i"),
        boolean("tty", "Told that a notebook is no terminal.", "t"),
    ],
    example="kubectl exec web -- ls /\nkubectl exec deploy/web -c nginx -- cat /etc/hosts",
)
