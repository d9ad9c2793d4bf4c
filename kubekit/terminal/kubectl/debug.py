"""`kubectl debug`: a container beside the one that is in trouble, a copy of its pod, or a pod on a node.

    %kubectl debug web -it --image=busybox --target=nginx -- sh
    %kubectl debug web --copy-to=web-debug --set-image=*=httpd
    %%kubectl debug node/worker1 -i --image=busybox -- sh

Which rights the container gets is in `debug_profiles`. With -i it is attached to, with the cell's body as its
input: the container's process waits for the next `attach` when the body is over.
Source: k8s.io/kubectl/pkg/cmd/debug/debug.go.
"""

from __future__ import annotations

import copy
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit, bare
from kubekit.terminal.cli.flags import Flag, boolean, string
from kubekit.terminal.kubectl import debug_profiles as profiles
from kubekit.terminal.kubectl import remote_command, selection
from kubekit.terminal.kubectl.attach_verb import to_container
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.logs import print_logs
from kubekit.terminal.kubectl.run import IMAGE, merge_patch

NON_ROOT = (
    "Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile"
    ' may not work. Please consider using "--custom" with a custom profile that specifies'
    ' "securityContext.runAsUser: 0".'
)
NOT_CUSTOM = ("name", "command", "image", "lifecycle", "volumeDevices")


class Debugging:
    """One call of the verb."""

    def __init__(self, call: Call) -> None:
        self.call = call
        dash = call.dash_at
        self.targets = call.args if dash < 0 else call.args[:dash]
        self.words = [] if dash < 0 else call.args[dash:]
        self.image: str = call.flag("image")
        self.images: dict[str, str] = call.flag("set-image") or {}
        self.copy_to: str = call.flag("copy-to")
        self.attaches = call.flag("attach") or (call.flag("stdin") and "attach" not in call.given)
        if call.flag("profile") not in profiles.PROFILES:
            raise CommandError(f"unknown profile: {call.flag('profile')}")
        self.profile = profiles.PROFILES[call.flag("profile")]
        self.keep = profiles.Keep(
            call.flag("keep-labels"),
            call.flag("keep-annotations"),
            call.flag("keep-liveness"),
            call.flag("keep-readiness"),
            call.flag("keep-startup"),
            call.flag("keep-init-containers"),
        )
        self.custom = self._custom()

    def _custom(self) -> Obj | None:
        path = self.call.flag("custom")
        if not path:
            return None
        try:
            text = self.call.files.read(path)
        except OSError:
            why = f"open {path}: no such file or directory"
            raise CommandError(f"must pass a container spec json file for custom profile: {why}") from None
        try:
            found = yaml_load.load(text)
        except yaml_load.ManifestError as error:
            raise CommandError(f"{path} does not contain a valid container spec: {error}") from None
        if not isinstance(found, dict):
            raise CommandError(f"{path} does not contain a valid container spec: it is no object")
        return found

    # -- what is asked for ------------------------------------------------------------------------------

    def validate(self) -> None:
        """Raises CommandError with the original's words."""
        flag = self.call.flag
        if self.attaches and "attach" in self.call.given and not self.image and not flag("container"):
            raise CommandError(
                "you must specify --container or create a new container using --image in order to attach."
            )
        if self.copy_to:
            if not self.image and not self.images and not self.words:
                raise CommandError("you must specify --image, --set-image or command arguments.")
            if self.words and not flag("container") and not self.image:
                raise CommandError(
                    "you must specify an existing container or a new image when specifying args."
                )
        else:
            for name in ("replace", "same-node", "set-image"):
                if flag(name):
                    raise CommandError(f"--{name} may only be used with --copy-to.")
            if not self.image:
                raise CommandError("you must specify --image when not using --copy-to.")
        if self.image and not IMAGE.match(self.image):
            raise CommandError(f'invalid image name "{self.image}": invalid reference format')
        if not self.targets and not flag("filename"):
            raise CommandError("NAME or filename is required for debug")
        if flag("image-pull-policy") not in ("", "Always", "IfNotPresent", "Never"):
            raise CommandError(f"invalid image pull policy: {flag('image-pull-policy')}")
        for name, image in self.images.items():
            if not IMAGE.match(image):
                raise CommandError(
                    f'invalid image name "{image}" for container "{name}": invalid reference format'
                )
        if flag("target"):
            if self.copy_to:
                raise CommandError("--target is incompatible with --copy-to. Use --share-processes instead.")
            self._tell(
                f'Targeting container "{flag("target")}". If you don\'t see processes from this container it'
                " may be because the container runtime doesn't support this feature."
            )
        if flag("tty") and not flag("stdin"):
            raise CommandError("-i/--stdin is required for containers with -t/--tty=true")
        if self.custom is not None and any(self.custom.get(name) for name in NOT_CUSTOM):
            raise CommandError(
                "name, command, image, lifecycle and volume devices are not modifiable via custom profile"
            )
        if flag("profile") == "legacy":
            self.call.err(
                "--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to"
                ' specify other profile, for example "--profile=general".'
            )

    def _tell(self, text: str) -> None:
        if not self.call.flag("quiet"):
            self.call.out(text)

    # -- what is made -----------------------------------------------------------------------------------

    def target(self, obj: Obj) -> None:
        """Debug one object, and attach."""
        kind = obj.get("kind")
        if kind == "Node":
            made, name = self._on_node(obj)
        elif kind == "Pod":
            made, name = self._copy(obj) if self.copy_to else self._ephemeral(obj)
        else:
            group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
            raise CommandError(f'"{group}/{version}, Kind={kind}" not supported by debug')
        if self.attaches and name:
            self._attach(made, name)

    def _container(self, name: str) -> Obj:
        """The container as the flags say it."""
        flag = self.call.flag
        found: Obj = {"name": name, "image": self.image, "resources": {}, "terminationMessagePolicy": "File"}
        if self.words:
            found["args" if flag("arguments-only") else "command"] = self.words
        if flag("env"):
            found["env"] = self._env()
        if flag("image-pull-policy"):
            found["imagePullPolicy"] = flag("image-pull-policy")
        for one in ("stdin", "tty"):
            if flag(one):
                found[one] = True
        return found

    def _env(self) -> list[Obj]:
        return [{"name": key, "value": value} for key, value in self.call.flag("env").items()]

    def _ephemeral(self, pod: Obj) -> tuple[Obj, str]:
        call, name = self.call, self._name(pod)
        made = self._container(name)
        if call.flag("target"):
            made["targetContainerName"] = call.flag("target")
        changed = copy.deepcopy(pod)
        changed["spec"].setdefault("ephemeralContainers", []).append(made)
        self._apply(changed, name, profiles.EPHEMERAL)
        self._warn(profiles.find(changed, name), changed)
        listed = changed["spec"]["ephemeralContainers"]
        patch = {
            "spec": {
                "$setElementOrder/ephemeralContainers": [{"name": one["name"]} for one in listed],
                "ephemeralContainers": listed[-1:],
            }
        }
        where = meta(pod).get("namespace") or call.namespace
        pods = call.discovery.find("pods")
        return call.connection.patch(
            pods, where, meta(pod)["name"], patch, subresource="ephemeralcontainers"
        ), name

    def _on_node(self, node: Obj) -> tuple[Obj, str]:
        call, name = self.call, self.call.flag("container") or "debugger"
        called = f"node-debugger-{meta(node)['name']}-{call.program.chance.suffix()}"
        self._tell(f"Creating debugging pod {called} with container {name} on node {meta(node)['name']}.")
        pod: Obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": called, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}},
            "spec": {
                "containers": [self._container(name)],
                "nodeName": meta(node)["name"],
                "restartPolicy": "Never",
                "tolerations": [{"operator": "Exists"}],
            },
        }
        self._apply(pod, name, profiles.NODE)
        return call.connection.create(call.discovery.find("pods"), call.namespace, pod), name

    def _copy(self, pod: Obj) -> tuple[Obj, str]:
        call = self.call
        about = {key: meta(pod)[key] for key in ("namespace", "annotations", "labels") if meta(pod).get(key)}
        made: Obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.copy_to, **copy.deepcopy(about)},
            "spec": copy.deepcopy(pod["spec"]),
        }
        spec = made["spec"]
        spec.pop("ephemeralContainers", None)
        if "share-processes" in call.given:
            spec["shareProcessNamespace"] = call.flag("share-processes")
        if not call.flag("same-node"):
            spec.pop("nodeName", None)
        for one in spec["containers"]:
            one["image"] = self.images.get(one["name"]) or self.images.get("*") or one["image"]
        name = self._changed(made)
        pods, where = call.discovery.find("pods"), meta(pod).get("namespace") or call.namespace
        if name:
            self._apply(made, name, profiles.COPY)
            self._warn(profiles.find(made, name, ("containers",)), made)
        created = call.connection.create(pods, where, made)
        if call.flag("replace"):
            call.connection.delete(pods, where, meta(pod)["name"], {"gracePeriodSeconds": 0})
        return created, name

    def _changed(self, made: Obj) -> str:
        """The container of a copy that is debugged, new or changed; empty when only images changed."""
        call, name = self.call, self.call.flag("container")
        container = profiles.find(made, name) if name else None
        if container is None:
            if not self.image:
                if self.images:
                    return ""
                raise CommandError("you must specify image when creating new container")
            name = name or self._name(made)
            made["spec"]["containers"].append(self._container(name))
            return str(name)
        if self.words:
            container.pop("args", None)
            container["args" if call.flag("arguments-only") else "command"] = self.words
        if call.flag("env"):
            container["env"] = self._env()
        if self.image:
            container["image"] = self.image
        if call.flag("image-pull-policy"):
            container["imagePullPolicy"] = call.flag("image-pull-policy")
        container |= {"stdin": bool(call.flag("stdin")), "tty": bool(call.flag("tty"))}
        return str(name)

    def _name(self, pod: Obj) -> str:
        name: str = self.call.flag("container")
        if name:
            return name
        while not name or profiles.find(pod, name) is not None:
            name = f"debugger-{self.call.program.chance.suffix()}"
        self._tell(f"Defaulting debug container name to {name}.")
        return name

    def _apply(self, pod: Obj, name: str, style: str) -> None:
        self.profile(pod, name, style, self.keep)
        container = profiles.find(pod, name)
        if self.custom is not None and container is not None:
            merged = merge_patch(container, {key: one for key, one in self.custom.items() if key != "env"})
            rows = {one["name"]: one for one in container.get("env") or []}
            rows |= {one["name"]: one for one in self.custom.get("env") or []}
            container |= {**merged, **({"env": list(rows.values())} if rows else {})}

    def _warn(self, container: Obj | None, pod: Obj) -> None:
        """Say when the pod's user takes away what the profile gives."""
        security: dict[str, Any] = (container or {}).get("securityContext") or {}
        user = (pod["spec"].get("securityContext") or {}).get("runAsUser")
        gives = security.get("privileged") or (security.get("capabilities") or {}).get("add")
        if user and security.get("runAsUser") != 0 and gives:
            self.call.warn(NON_ROOT)

    # -- attaching --------------------------------------------------------------------------------------

    def _attach(self, made: Obj, name: str) -> None:
        call, pods = self.call, self.call.discovery.find("pods")
        where, pod_name = meta(made)["namespace"], meta(made)["name"]
        said: set[str] = set()
        found: Obj = {}

        def begun() -> bool:
            nonlocal found
            found = call.connection.get(pods, where, pod_name)
            state = _state(found, name)
            text = (state.get("waiting") or {}).get("message", "")
            if text and text not in said and not call.flag("quiet"):
                said.add(text)
                call.warn(f"container {name}: {text}")
            return "running" in state or "terminated" in state

        if not call.wait_until(begun, remote_command.PATIENCE):
            call.err(remote_command.interrupted(f"waiting for container {name}", verb="goes on"))
            raise Quit(remote_command.INTERRUPTED)
        # A brief command has written already, and attaching shows only what comes from now on.
        print_logs(call, pod_name, name, namespace=where)
        if "terminated" in _state(found, name):
            return
        try:
            to_container(call, found, name)
        except (CommandError, StatusError) as error:
            said_why = f"couldn't attach to pod/{pod_name}, falling back to streaming logs: {bare(error)}"
            call.err(f"warning: {said_why}")
            print_logs(call, pod_name, name, namespace=where)


def _state(pod: Obj, name: str) -> Obj:
    status = pod.get("status") or {}
    groups = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    rows = [one for group in groups for one in status.get(group) or [] if one["name"] == name]
    return (rows[0].get("state") or {}) if rows else {}


def debug(call: Call) -> None:
    """`kubectl debug`."""
    debugging = Debugging(call)
    debugging.validate()
    names = [one if "/" in one else f"pods/{one}" for one in debugging.targets]
    for info in selection.select(call, names):
        if info.obj is not None:
            debugging.target(info.obj)


COMMAND = Command(
    "debug (POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]",
    "Create debugging sessions for troubleshooting workloads and nodes",
    debug,
    [
        Flag("filename", "list", None, "f", help="A file that names what to debug."),
        boolean("arguments-only", "The words after -- are arguments, not the command."),
        boolean("attach", "Attach to the container; so with -i."),
        string("container", "The container's name.", "c"),
        string("copy-to", "Debug a copy of the pod, with this name."),
        string("custom", "A file with parts of a container that change the profile."),
        Flag("env", "map", None, help="Variables, key=value."),
        string("image", "The image of the container."),
        string("image-pull-policy", "Always, IfNotPresent or Never."),
        boolean("keep-annotations", "The copy keeps the annotations."),
        boolean("keep-init-containers", "The copy runs the init containers.", default=True),
        boolean("keep-labels", "The copy keeps the labels."),
        boolean("keep-liveness", "The copy keeps the liveness probes."),
        boolean("keep-readiness", "The copy keeps the readiness probes."),
        boolean("keep-startup", "The copy keeps the startup probes."),
        string("profile", "general, baseline, restricted, netadmin or sysadmin.", default="general"),
        boolean("quiet", "Say less.", "q"),
        boolean("replace", "Delete the pod that was copied."),
        boolean("same-node", "Put the copy on the same node."),
        Flag("set-image", "map", None, help="Images of the copy's containers, name=image."),
        boolean("share-processes", "The copy's containers see each other's processes.", default=True),
        boolean("stdin", "Give it the cell's body.", "i"),
        string("target", "See the processes of this container."),
        boolean("tty", "Give it a terminal.", "t"),
    ],
    example="kubectl debug web -it --image=busybox --target=nginx -- sh\n"
    "kubectl debug web --copy-to=web-debug --set-image=*=httpd\nkubectl debug node/worker1 --image=busybox",
)
