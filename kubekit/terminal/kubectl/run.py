"""`kubectl run`: one pod from an image, now.

Source: k8s.io/kubectl/pkg/cmd/run/run.go.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.apiserver.patching import json_patch
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit, bare
from kubekit.terminal.cli.flags import Flag, array, boolean, duration, number, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.attach_verb import WATCHED, to_container
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.generate import create_flags, metadata, required, submit, typed_form
from kubekit.terminal.kubectl.logs import print_logs
from kubekit.terminal.kubectl.remote_command import PATIENCE
from kubekit.terminal.kubectl.wait import phase_of

IMAGE = re.compile(
    r"^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$"
)

ENDED = ("Succeeded", "Failed")


def parse_labels(text: str) -> dict[str, str]:
    """`a=1,b=2` as a map. CommandError with the original's words."""
    found = {}
    for pair in text.split(",") if text else []:
        key, equals, value = pair.partition("=")
        if not equals or "=" in value or not key:
            raise CommandError(f"unexpected label spec: {pair}")
        found[key] = value
    return found


def _env(call: Call) -> list[Obj]:
    found = []
    for text in call.flag("env") or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise CommandError(f"invalid env: {text}")
        found.append({"name": key, "value": value})
    return found


def run(call: Call) -> None:
    """`kubectl run NAME --image=IMAGE`."""
    required(call, "image")
    args = call.args
    words = args[call.dash_at :] if call.dash_at >= 0 else args[1:]
    head = args[: call.dash_at] if call.dash_at >= 0 else args[:1]
    if len(head) != 1:
        if head or call.dash_at >= 0:
            raise call.usage(f"exactly one NAME is required, got {len(head)}")
        raise call.usage("NAME is required for run")
    name, image = head[0], call.flag("image")
    attach = bool(call.flag("attach") or (call.flag("stdin") and "attach" not in call.given))
    if call.flag("rm") and not attach:
        raise call.usage("--rm should only be used for attached containers")
    if call.flag("tty") and not call.flag("stdin"):
        raise call.usage("-i/--stdin is required for containers with -t/--tty=true")
    if attach and call.dry_run() != "none":
        raise call.usage(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin,"
            " or --tty)"
        )
    if not image:
        raise CommandError("--image is required")
    if not IMAGE.match(image):
        raise CommandError(f'Invalid image name "{image}": invalid reference format')
    policy = call.flag("image-pull-policy")
    if policy not in ("", "Always", "IfNotPresent", "Never"):
        raise call.usage(f"invalid image pull policy: {policy}")
    restart = call.flag("restart")
    if restart not in ("Always", "OnFailure", "Never"):
        raise call.usage(f"invalid restart policy: {restart}")
    if call.flag("expose") and not call.flag("port"):
        raise call.usage("--port must be set when exposing a service")
    labels = parse_labels(call.flag("labels")) or {"run": name}
    pod = _pod(call, name, image, words, labels, restart)
    pod = _overridden(call, pod)
    if call.flag("expose"):
        _expose(call, name, labels)
    made = submit(call, pod, manager="kubectl-run", quiet=attach)
    if attach:
        _attach(call, meta(made), restart)


def _pod(call: Call, name: str, image: str, words: list[str], labels: dict[str, str], restart: str) -> Obj:
    container: Obj = {"name": name, "image": image, "resources": {}}
    if words:
        container["command" if call.flag("command") else "args"] = words
    if env := _env(call):
        container["env"] = env
    if call.flag("port"):
        try:
            container["ports"] = [{"containerPort": int(call.flag("port"))}]
        except ValueError:
            raise CommandError(f'strconv.Atoi: parsing "{call.flag("port")}": invalid syntax') from None
    if call.flag("image-pull-policy"):
        container["imagePullPolicy"] = call.flag("image-pull-policy")
    if call.flag("privileged"):
        container["securityContext"] = {"privileged": True}
    for flag in ("stdin", "tty"):
        if call.flag(flag):
            container[flag] = True
    if call.flag("stdin") and not call.flag("leave-stdin-open"):
        container["stdinOnce"] = True
    about = metadata(call, name, labels=labels)
    if call.flag("annotations"):
        about["annotations"] = dict(text.partition("=")[::2] for text in call.flag("annotations"))
    spec = {"containers": [container], "restartPolicy": restart, "dnsPolicy": "ClusterFirst"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": about, "spec": spec}


def merge_patch(obj: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), value)
    return out


def _overridden(call: Call, obj: Obj) -> Obj:
    text = call.flag("overrides")
    if not text:
        return obj
    try:
        patch = json.loads(text)
    except ValueError:
        try:
            patch = yaml_load.load(text)
        except yaml_load.ManifestError as error:
            raise CommandError(str(error)) from None
    kind = call.flag("override-type")
    if kind not in ("merge", "strategic", "json"):
        raise CommandError(f"invalid override type: {kind}")
    if kind == "json":
        try:
            return typed_form(json_patch.apply(obj, patch))
        except (json_patch.PatchError, TypeError, AttributeError) as error:
            raise CommandError(str(error)) from None
    if not isinstance(patch, dict):
        raise CommandError("Invalid JSON Patch")
    merged: Obj = merge_patch(obj, patch) if kind == "merge" else _strategic(obj, patch)
    return typed_form(merged)


def _strategic(obj: Obj, patch: Obj) -> Obj:
    """Containers are merged by name, everything else as a merge patch."""
    containers = (patch.get("spec") or {}).get("containers")
    merged: Obj = merge_patch(obj, patch)
    if containers:
        rows = {one["name"]: one for one in obj["spec"]["containers"]}
        for one in containers:
            rows[one.get("name", "")] = merge_patch(rows.get(one.get("name", ""), {}), one)
        merged["spec"]["containers"] = list(rows.values())
    return merged


def _expose(call: Call, name: str, labels: dict[str, str]) -> None:
    port = int(call.flag("port"))
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(call, name),
        "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": labels},
    }
    submit(call, obj, manager="kubectl-run")
    if output.split_format(call)[0] == "yaml":
        # One separator is the verb's, the other the printer's before its second object.
        call.out("---\n---")


def _attach(call: Call, about: Obj, restart: str) -> None:
    """Show what the pod writes, give it the cell's body, and leave with its exit status."""
    try:
        _talk(call, about["name"])
        code = 0 if restart == "Always" or call.flag("leave-stdin-open") else _exit_code(call, about, restart)
    finally:
        if call.flag("rm"):
            _remove(call, about["name"])
    if code:
        raise Quit(code)


def _talk(call: Call, name: str) -> None:
    def begun() -> bool:
        pod = call.connection.find(call.discovery.find("pods"), call.namespace, name)
        status = (pod or {}).get("status") or {}
        ready = any(
            one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or []
        )
        return pod is None or status.get("phase") in ENDED or (status.get("phase") == "Running" and ready)

    if not call.wait_until(begun, call.flag("pod-running-timeout")):
        raise CommandError("timed out waiting for the condition")
    pod = call.connection.get(call.discovery.find("pods"), call.namespace, name)
    # What was written before somebody attached comes from the log.
    print_logs(call, name, "", quiet=True)
    if (pod.get("status") or {}).get("phase") in ENDED:
        return
    seconds = WATCHED if pod["spec"].get("restartPolicy") == "Always" else PATIENCE
    try:
        to_container(call, pod, "", seconds)
    except (CommandError, StatusError) as error:
        said = f"couldn't attach to pod/{name}, falling back to streaming logs: {bare(error)}"
        call.err(f"warning: {said}")
        print_logs(call, name, "", quiet=True)


def _exit_code(call: Call, about: Obj, restart: str) -> int:
    name = about["name"]
    wanted = ("Succeeded",) if restart == "OnFailure" else ENDED
    if not call.wait_until(lambda: phase_of(call, name) in wanted, call.flag("pod-running-timeout")):
        raise CommandError("timed out waiting for the condition")
    pod = call.connection.get(call.discovery.find("pods"), call.namespace, name)
    if pod["status"]["phase"] == "Succeeded":
        return 0
    statuses = pod["status"].get("containerStatuses") or [{}]
    ended = (statuses[0].get("state") or {}).get("terminated") or {}
    where = f"pod {pod['metadata']['namespace']}/{name}"
    if not ended.get("exitCode"):
        raise CommandError(f"{where} failed with unknown exit code")
    call.err(f"{where} terminated ({ended.get('reason', '')})\n{ended.get('message', '')}".rstrip("\n"))
    return int(ended["exitCode"])


def _remove(call: Call, name: str) -> None:
    pods = call.discovery.find("pods")
    if call.connection.find(pods, call.namespace, name) is None:
        return
    call.connection.delete(pods, call.namespace, name, {"propagationPolicy": "Background"})
    if not call.flag("quiet"):
        call.out(f'pod "{name}" deleted from {call.namespace} namespace')


COMMAND = Command(
    'run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client]'
    " [--overrides=inline-json]"
    " [--command] -- [COMMAND] [args...]",
    "Run a particular image on the cluster",
    run,
    [
        *create_flags("kubectl-run"),
        array("annotations", "key=value."),
        boolean("attach", "Wait for the pod and show what it writes."),
        string("cascade", "background, foreground or orphan.", default="background", bare="background"),
        boolean("command", "The words after -- are the command, not its arguments."),
        array("env", "key=value."),
        boolean("expose", "Make a service for it; needs --port."),
        Flag("filename", "list", None, "f", help="Ignored."),
        boolean("force", "Ignored."),
        number("grace-period", "Ignored.", default=-1),
        string("image", "The image to run."),
        string("image-pull-policy", "Always, IfNotPresent or Never."),
        string("labels", "a=1,b=2 instead of run=NAME.", "l"),
        boolean("leave-stdin-open", "Its input stays open after the first session."),
        string("override-type", "merge or strategic.", default="merge"),
        string("overrides", "JSON that is merged into the pod."),
        duration("pod-running-timeout", "How long to wait when attaching.", 60.0),
        string("port", "The port that the container exposes."),
        boolean("privileged", "Run as privileged."),
        boolean("quiet", "Say less.", "q"),
        string("restart", "Always, OnFailure or Never.", default="Always"),
        boolean("rm", "Delete the pod when it has ended; needs -i."),
        boolean("stdin", "Keep stdin open.", "i"),
        duration("timeout", "Ignored."),
        boolean("tty", "Give it a terminal.", "t"),
        boolean("wait", "Ignored."),
    ],
    interspersed=True,
    example="kubectl run web --image=nginx\nkubectl run -it box --image=busybox --restart=Never -- sh -c"
    " 'echo hi'",
)
