"""The kubelet's own HTTP server on port 10250: logs, exec, the list of its pods, its health.

The API server hands `pods/log` and `pods/exec` on to this handler; a kubelet that does not run refuses the
connection. Paths are the real ones (``/containerLogs/<namespace>/<pod>/<container>``); refusals have the real
texts. Source: `pkg/kubelet/server/server.go`, `validateContainerLogStatus` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.exchange import ConnectionRefused, Request, Response
from kubekit.api.meta import Obj
from kubekit.kubelet.exec_command import Result
from kubekit.kubelet.logs import Line, lines_of
from kubekit.kubelet.runtime import Container
from kubekit.sim import parse_rfc3339, rfc3339_micro

if TYPE_CHECKING:
    from kubekit.kubelet.kubelet import Kubelet

PORT = 10250

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

    def __call__(self, request: Request) -> Response:
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
                text = self.logs(parts[1], parts[2], parts[3], request)
            except LogError as error:
                return Response(400, str(error))
            return Response(200, text, {"Content-Type": "text/plain"})
        if len(parts) == 4 and parts[0] in ("exec", "run"):
            try:
                status, out, err = self.exec(parts[1], parts[2], parts[3], request.query.get("command", []))
            except LogError as error:
                return Response(400, str(error))
            return Response(200, {"exitCode": status, "stdout": out, "stderr": err})
        return Response(404, "404 page not found\n")

    # -- logs -------------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod_name: str, name: str, request: Request) -> str:
        """The text of a container's log, cut as the query asks; raises LogError."""
        kubelet = self._kubelet
        pod = kubelet.pod_of(namespace, pod_name)
        if pod is None:
            raise LogError(f'pod "{pod_name}" not found')
        previous = request.param("previous") == "true"
        container = self._logged(pod, name, previous)
        now = kubelet.loop.clock.now()
        lines = list(lines_of(container, now)) if container is not None else []
        return _cut(lines, request, now)

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
        result = kubelet.cri.exec_sync(container, argv)
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
    stamped = request.param("timestamps") == "true"
    text = "".join(f"{rfc3339_micro(at)} {words}\n" if stamped else f"{words}\n" for at, words in chosen)
    limit = request.param("limitBytes")
    return text[: int(limit)] if limit else text
