"""ManifestFolder: /etc/kubernetes/manifests of one node, and its kubelet's look into it.

The kubelet looks every 20 seconds. What lies there and was not there before is started, what is gone is
stopped, what has changed is stopped and started again; a file that cannot be read is as good as gone. Every
file counts, whatever its name ends in, unless the name begins with a dot. etcd's own manifest moves the
member that stands on this node; all others become static pods (`kubekit.kubelet.ManifestDirectory`).

A container whose process ends is started again after 10 s, 20 s, 40 s ... up to five minutes.
Source: pkg/kubelet/config/file.go, pkg/kubelet/kuberuntime (back-off).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Protocol

import yaml

from kubekit.api.meta import Obj
from kubekit.cluster.etcd_command import (
    CONTAINER,
    FILES,
    CommandError,
    host_path,
    options_of,
    plan_of,
    read_command,
)
from kubekit.cluster.etcd_disk import DATA_DIR, DataDirectory
from kubekit.cluster.node_files import NodeFiles
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.datadir import StorageError
from kubekit.etcd.storage import MemberStorage
from kubekit.sim import rfc3339

FOLDER = "/etc/kubernetes/manifests"
LOGS = "/var/log/containers"
LOOK_SECONDS = 20.0
START_SECONDS = 1.0
"""From the decision to run a container to its process."""

BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0


class Machine(Protocol):
    """A machine with a kubelet that looks at its manifests: a node, or a host of etcd alone."""

    @property
    def name(self) -> str: ...

    @property
    def files(self) -> NodeFiles: ...

    @property
    def kubelet(self) -> Any: ...

    @property
    def manifests(self) -> Any: ...


class ManifestFolder:
    """The folder of one machine; `find` gives the etcd member that its manifests run, if any."""

    def __init__(self, node: Machine, find: Callable[[], Any] = lambda: None) -> None:
        self.node, self._find = node, find
        member = find()
        self.loop = node.kubelet.loop
        self.pod: Obj | None = self._etcd(self._pods())
        """etcd's manifest, as the kubelet has read it last."""
        self.flags: dict[str, str] = self._flags(self.pod)
        """With what etcd was started."""
        disk = getattr(member, "disk", None)
        self._outside: MemberStorage | None = None if isinstance(disk, DataDirectory) else disk
        self._copied: set[str] = set()
        self._looking = False
        self._failures = 0
        self._start: Any = None
        node.files.on_change(FOLDER, self._changed)

    @property
    def member(self) -> Any:
        """The member; a lost one that was added anew under its name is another object."""
        return self._find()

    # -- looking ----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something was written: the next look will see it."""
        if not self._looking:
            self._looking = True
            self._look_at_the_next_time()

    def _look_at_the_next_time(self) -> None:
        kubelet = self.node.kubelet
        passed = (self.loop.clock.elapsed() - kubelet.since) % LOOK_SECONDS
        self.loop.call_later(
            LOOK_SECONDS - passed,
            f"files/{self.node.name}",
            self._look,
            what="the kubelet's look at its manifests",
            background=not kubelet.running,
        )

    def _look(self) -> None:
        if not self.node.kubelet.running:
            self._look_at_the_next_time()
            return
        self._looking = False
        pods = self._pods()
        etcd = self._etcd(pods)
        self._copy({name: text for name, (text, pod) in pods.items() if pod is not etcd or etcd is None})
        if self.member is not None and etcd != self.pod:
            self.pod = etcd
            self._replace()

    def _pods(self) -> dict[str, tuple[str, Obj]]:
        """The pods that the files describe, with the files' text."""
        files = self.node.files
        found: dict[str, tuple[str, Obj]] = {}
        for name in files.list(FOLDER) if files.exists(FOLDER) else []:
            path = f"{FOLDER}/{name}"
            if name.startswith(".") or files.is_folder(path):
                continue
            text = files.text(path)
            try:
                pod = yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            if _is_pod(pod):
                found[name] = (text, pod)
        return found

    def _etcd(self, pods: dict[str, tuple[str, Obj]]) -> Obj | None:
        if self.member is None:
            return None
        ours = (pod for _, pod in pods.values() if pod["metadata"].get("name") == "etcd")
        return next(ours, None)

    def _copy(self, texts: dict[str, str]) -> None:
        """Hand the other manifests to the kubelet."""
        manifests = self.node.manifests
        for name in self._copied - set(texts):
            if name in manifests.names():
                manifests.remove(name)
        for name, text in texts.items():
            if name not in manifests.names() or manifests.read(name) != text:
                manifests.write(name, text)
        self._copied = set(texts)

    # -- running ----------------------------------------------------------------------------------------

    @staticmethod
    def _flags(pod: Obj | None) -> dict[str, str]:
        if pod is None:
            return {}
        container = pod["spec"]["containers"][0]
        words = [str(word) for word in (*(container.get("command") or []), *(container.get("args") or []))]
        try:
            return read_command(words[1:])
        except CommandError:
            return {}

    def _replace(self) -> None:
        """Stop what runs; start what is there now."""
        if self._start is not None:
            self._start.cancel()
            self._start = None
        self._failures = 0
        if self.member.state in ("running", "paused"):
            self._say("stops etcd: its manifest is gone or has changed")
            self.member.stop()
        if self.pod is not None:
            self._start_after(START_SECONDS)

    def restart(self) -> None:
        """The process has ended by itself: the kubelet starts it again after a while."""
        if self.pod is not None and self._start is None:
            self._start_after(BACK_OFF)

    def _start_after(self, seconds: float) -> None:
        self._start = self.loop.call_later(
            seconds, f"files/{self.node.name}", self._run, what="etcd's container starts"
        )

    def _run(self) -> None:
        """Start etcd's process; when it ends at once, try again later."""
        self._start = None
        if not self.node.kubelet.running:
            self._start_after(LOOK_SECONDS)
            return
        assert self.pod is not None
        try:
            self._start_member(self.pod)
        except (CommandError, BootstrapError, StorageError, OSError) as error:
            self.member.exit_error = _text(error)
            self._say(f"has started etcd, and it has ended: {self.member.exit_error}")
            self._log(*_last_words(error), self.member.exit_error)
            back_off = min(BACK_OFF * 2**self._failures, LONGEST_BACK_OFF)
            self._failures += 1
            if back_off < LONGEST_BACK_OFF:
                self._start_after(back_off)
            return
        self._failures = 0
        self._say("has started etcd")

    def _start_member(self, pod: Obj) -> None:
        """Raises CommandError, BootstrapError, StorageError or OSError when etcd does not come up."""
        files, member = self.node.files, self.member
        if files.exists(CONTAINER):
            files.remove(CONTAINER)
        for volume in pod["spec"].get("volumes") or []:
            self._check_volume(volume.get("hostPath") or {})
        container = pod["spec"]["containers"][0]
        words = [str(word) for word in (*(container.get("command") or []), *(container.get("args") or []))]
        if not words or words[0].rpartition("/")[2] != "etcd":
            name = words[0] if words else ""
            raise CommandError(f'exec: "{name}": executable file not found in $PATH: unknown')
        flags = read_command(words[1:])
        for flag in FILES:
            path = flags.get(flag, "")
            if path and not files.exists(host_path(pod, path)):
                raise CommandError(f"open {path}: no such file or directory")
        plan = plan_of(flags, member.plan.component)
        options = options_of(flags, member.options)
        folder = host_path(pod, flags.get("data-dir") or f"{plan.name}.etcd")
        member.disk = self._disk(folder)
        member.plan, member.options, self.flags = plan, options, flags
        member.start()

    def _disk(self, folder: str) -> MemberStorage:
        """The disk of a data directory. A member whose data was outside from the beginning finds it again."""
        now = self.member.disk
        if isinstance(now, DataDirectory):
            now.close()
        if folder == DATA_DIR and self._outside is not None:
            return self._outside
        return DataDirectory(self.node.files, folder)

    def _check_volume(self, source: Obj) -> None:
        path, kind = source.get("path", ""), source.get("type", "")
        files = self.node.files
        if not path:
            return
        if kind == "DirectoryOrCreate" or (not kind and not files.exists(path)):
            files.mkdir(path)
        elif kind == "Directory" and not files.is_folder(path):
            raise CommandError(f"hostPath type check failed: {path} is not a directory")
        elif kind == "File" and (not files.exists(path) or files.is_folder(path)):
            raise CommandError(f"hostPath type check failed: {path} is not a file")

    def _log(self, level: str, caller: str, message: str, error: str) -> None:
        """A line of the container's log, as the container runtime writes it to the node's disk."""
        now = self.loop.clock.now()
        line = {"level": level, "ts": rfc3339(now), "caller": caller, "msg": message, "error": error}
        text = json.dumps(line, separators=(",", ":"))
        path = f"{LOGS}/etcd-{self.node.name}_{self.pod_id}.log"
        self.node.files.mkdir(LOGS)
        if not self.node.files.exists(path):
            self.node.files.write(path, b"")
        self.node.files.append(path, f"{rfc3339(now)} stderr F {text}\n".encode())

    @property
    def pod_id(self) -> str:
        """Namespace and container, as the log's file is called."""
        return f"kube-system_etcd-{hashlib.sha256(self.node.name.encode()).hexdigest()}"

    def _say(self, what: str) -> None:
        name = self.node.name
        sentence = f"The kubelet on {name} {what}."
        self.loop.trace.emit("kubelet", f"kubelet/{name}", "component/etcd", sentence)


def _last_words(error: Exception) -> tuple[str, str, str]:
    """How loudly etcd ends, where in its code, and with which words."""
    if isinstance(error, StorageError):
        return "fatal", "etcdserver/bootstrap.go:631", "failed to read WAL, cannot be repaired"
    if isinstance(error, CommandError):
        return "warn", "etcdmain/etcd.go:66", "failed to verify flags"
    return "fatal", "etcdmain/etcd.go:183", "discovery failed"


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"open {error.filename}: {(error.strerror or '').lower()}"
    return str(error)


def _is_pod(obj: Any) -> bool:
    """Whether it can be run at all."""
    if not isinstance(obj, dict) or obj.get("kind") != "Pod" or not isinstance(obj.get("metadata"), dict):
        return False
    spec = obj.get("spec")
    return isinstance(spec, dict) and isinstance(spec.get("containers"), list) and bool(spec["containers"])
