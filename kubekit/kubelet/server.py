"""The kubelet's own HTTP server on port 10250: logs, exec, attach, port-forward, its pods, its health.

The API server hands those parts of a pod on to this handler; a kubelet that does not run refuses the
connection. Paths are the real ones (``/containerLogs/<namespace>/<pod>/<container>``); refusals have the real
texts. Streams are answered by an `Upgrade`. Source: `pkg/kubelet/server/server.go`,
`validateContainerLogStatus` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.exchange import ConnectionRefused, Request, Response, WatchStream
from kubekit.api.meta import Obj
from kubekit.api.streams import Command, Translated, Upgrade
from kubekit.kubelet.attach_session import attach
from kubekit.kubelet.exec_command import NotFound, Result
from kubekit.kubelet.exec_session import ExecSession
from kubekit.kubelet.log_stream import LogStream
from kubekit.kubelet.logs import Line, lines_of
from kubekit.kubelet.port_forward import PodPorts
from kubekit.kubelet.runtime import Container, PodBox
from kubekit.sim import parse_rfc3339, rfc3339_micro

if TYPE_CHECKING:
    from kubekit.kubelet.kubelet import Kubelet

PORT = 10250
TRANSLATED = "v5.channel.k8s.io"
"""The WebSocket protocol that the kubelet translates; see `streams.Translated`."""

WAITING = {
    "ImagePullBackOff": "image can't be pulled",
    "ErrImagePull": "trying and failing to pull image",
}
"""What a container is said to wait for when its image does not come; otherwise it is the reason itself."""


class LogError(Exception):
    """There is no such log; the text is the kubelet's."""


class KubeletServer:
    """A `Handler` over one kubelet."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    def __call__(self, request: Request) -> Response | WatchStream:
        """Answer a request; raises ConnectionRefused while the kubelet does not run."""
        kubelet = self._kubelet
        if kubelet.state != "running":
            raise ConnectionRefused(f"dial tcp {kubelet.node_ip}:{PORT}: connect: connection refused")
        parts = request.path.strip("/").split("/")
        if parts == ["healthz"]:
            return Response(200, "ok")
        if parts == ["pods"]:
            items = [worker.pod for worker in kubelet.workers.values()]
            return Response(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
        if len(parts) == 4 and parts[0] == "containerLogs":
            try:
                return self.logs(parts[1], parts[2], parts[3], request)
            except LogError as error:
                return Response(400, str(error))
        if len(parts) == 4 and parts[0] in ("exec", "attach", "run"):
            return self._command(parts[0], parts[1], parts[2], parts[3], request)
        if len(parts) == 3 and parts[0] == "portForward":
            box = self._box(parts[1], parts[2])
            if box is None:
                return Response(404, "pod does not exist")
            return Upgrade(101, ports=PodPorts(kubelet.loop, box))
        return Response(404, "404 page not found\n")

    def _box(self, namespace: str, name: str) -> PodBox | None:
        pod = self._kubelet.pod_of(namespace, name)
        return self._kubelet.runtime.pods.get(pod["metadata"]["uid"]) if pod is not None else None

    def _command(self, what: str, namespace: str, pod_name: str, name: str, request: Request) -> Response:
        """A command with streams, or (`run`) one whose output is awaited."""
        kubelet = self._kubelet
        pod = kubelet.pod_of(namespace, pod_name)
        if pod is None:
            return Response(404, "pod does not exist")
        if what != "run" and not any(_true(request, key) for key in ("stdin", "stdout", "stderr")):
            return Response(400, "you must specify at least 1 of stdin, stdout, stderr")
        container = kubelet.runtime.find(namespace, pod_name, name)
        if container is None or not container.running:
            return Response(500, f'container not found ("{name}")')
        argv = request.query.get("command", [])
        stdin, tty = _true(request, "stdin"), _true(request, "tty")
        command: Command
        if what == "attach":
            spec = _spec_of(pod, name)
            command = attach(kubelet.loop, kubelet.runtime, container, spec, stdin=stdin, tty=tty)
        elif what == "exec":
            if not argv:
                return Response(400, "you must specify at least one command for the container")
            session = ExecSession(kubelet.loop, container, argv, stdin=stdin, tty=tty)
            # A command may change what a probe looks at: when it has ended the prober looks again.
            session.after = lambda: kubelet.prober.wake(container.pod.uid)
            command = session
        else:
            return self._run(namespace, pod_name, name, argv)
        if TRANSLATED in request.headers.get("sec-websocket-protocol", ""):
            command = Translated(command)
        return Upgrade(101, command=command)

    def _run(self, namespace: str, pod_name: str, name: str, argv: list[str]) -> Response:
        try:
            status, out, err = self.exec(namespace, pod_name, name, argv)
        except LogError as error:
            return Response(400, str(error))
        return Response(200, {"exitCode": status, "stdout": out, "stderr": err})

    # -- logs -------------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod_name: str, name: str, request: Request) -> Response | WatchStream:
        """A container's log, cut as the query asks; with `follow` it goes on. Raises LogError."""
        kubelet = self._kubelet
        pod = kubelet.pod_of(namespace, pod_name)
        if pod is None:
            raise LogError(f'pod "{pod_name}" not found')
        previous = _true(request, "previous")
        container = self._logged(pod, name, previous)
        now = kubelet.loop.clock.now()
        lines = list(lines_of(container, now)) if container is not None else []
        text = _cut(lines, request, now)
        if _true(request, "follow") and not previous:
            limit = int(request.param("limitBytes")) if request.param("limitBytes") else None
            return LogStream(kubelet.loop, container, text, _true(request, "timestamps"), limit)
        return Response(200, text, {"Content-Type": "text/plain"})

    def _logged(self, pod: Obj, name: str, previous: bool) -> Container | None:
        kubelet = self._kubelet
        pod_name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        box = kubelet.runtime.pods.get(uid)
        runs = [c for c in box.containers if c.status.name == name] if box is not None else []
        if previous:
            ended = [c for c in runs if c.status.state == "exited"]
            if runs and runs[0] in ended:
                ended = ended[1:] or (ended if runs[0].status.attempt else [])
            if not ended:
                raise LogError(f'previous terminated container "{name}" in pod "{pod_name}" not found')
            return ended[0]
        if runs:
            return runs[0]
        status = kubelet.statuses.get(pod)
        for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for entry in status.get(field) or ():
                if entry["name"] != name:
                    continue
                reason = (entry["state"].get("waiting") or {}).get("reason", "")
                why = f": {WAITING.get(reason, reason)}" if reason else " - no logs yet"
                raise LogError(f'container "{name}" in pod "{pod_name}" is waiting to start{why}')
        raise LogError(f'container "{name}" in pod "{pod_name}" is not available')

    # -- exec -------------------------------------------------------------------------------------------

    def exec(self, namespace: str, pod_name: str, name: str, argv: list[str]) -> Result:
        """Run a command in a running container; raises LogError when it does not run."""
        kubelet = self._kubelet
        container = kubelet.runtime.find(namespace, pod_name, name)
        if container is None or not container.running:
            raise LogError(f'container not found ("{name}")')
        try:
            result = kubelet.cri.exec_sync(container, argv, strict=True)
        except NotFound as error:
            raise LogError(f"error executing command in container: {error}") from None
        kubelet.prober.wake(container.pod.uid)
        return result


def _cut(lines: list[Line], request: Request, now: float) -> str:
    since = 0.0
    if request.param("sinceSeconds"):
        since = now - float(request.param("sinceSeconds"))
    elif request.param("sinceTime"):
        since = parse_rfc3339(request.param("sinceTime"))
    chosen = [line for line in lines if line.at >= since]
    tail = request.param("tailLines")
    if tail:
        chosen = chosen[len(chosen) - min(int(tail), len(chosen)) :]
    stamped = _true(request, "timestamps")
    text = "".join(f"{rfc3339_micro(at)} {words}\n" if stamped else f"{words}\n" for at, words in chosen)
    limit = request.param("limitBytes")
    return text.encode()[: int(limit)].decode(errors="ignore") if limit else text


def _true(request: Request, name: str) -> bool:
    return request.param(name).lower() in ("1", "true")


def _spec_of(pod: Obj, name: str) -> Obj:
    lists = ("containers", "initContainers", "ephemeralContainers")
    found: Obj = next(one for group in lists for one in pod["spec"].get(group) or () if one["name"] == name)
    return found
