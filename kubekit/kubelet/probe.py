"""One probe, carried out once: exec, httpGet, tcpSocket or grpc against a simulated container.

The outcome has the very texts that the real kubelet puts into its `Unhealthy` events. Thresholds, periods and
what follows from a result are the business of `prober`. Source: `pkg/probe`, `pkg/kubelet/prober/prober.go`.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.api.meta import Obj
from kubekit.kubelet import answers, exec_command
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.script import expand


class Outcome(NamedTuple):
    """Whether the probe succeeded, what it said, and until when (Unix seconds) it will say the same.

    `until` is None when the answer will not change by itself; `errored` marks a probe that could not be made.
    """

    success: bool
    output: str = ""
    until: float | None = None
    errored: bool = False


def carry_out(spec: Obj, container_spec: Obj, container: Container, pod_ip: str, now: float) -> Outcome:
    """Probe a running container at `now`."""
    if "exec" in spec:
        environment = {e["name"]: e.get("value", "") for e in container_spec.get("env") or ()}
        argv = [expand(word, environment) for word in spec["exec"].get("command") or ()]
        try:
            limit = float(spec.get("timeoutSeconds") or 1)
            status, out, err = exec_command.run_in(container, argv, now, limit=limit)
        except exec_command.TimedOut as late:
            return Outcome(False, str(late), exec_command.stable_until(container, argv, now))
        except exec_command.NotFound as error:
            failed = f'failed to exec in container: failed to start exec "{container.status.id}": {error}'
            return Outcome(False, f"rpc error: code = Unknown desc = {failed}: unknown", errored=True)
        return Outcome(status == 0, out + err, exec_command.stable_until(container, argv, now))
    if "httpGet" in spec:
        return _http(spec["httpGet"], container_spec, container, pod_ip, now)
    if "tcpSocket" in spec or "grpc" in spec:
        action = spec.get("tcpSocket") or spec["grpc"]
        port = port_number(action["port"], container_spec)
        if port is None:
            return Outcome(False, f"couldn't find port: {action['port']} in container", errored=True)
        host = action.get("host") or pod_ip
        if answers.listens(container, port):
            return Outcome(True, "", answers.stable_until(container))
        if "grpc" in spec:
            return Outcome(
                False,
                f'timeout: failed to connect service "{host}:{port}" within '
                f"{spec.get('timeoutSeconds', 1)}s: context deadline exceeded",
            )
        return Outcome(False, f"dial tcp {host}:{port}: connect: connection refused")
    return Outcome(False, f"missing probe handler for {container.status.name}", errored=True)


def port_number(port: int | str, container_spec: Obj) -> int | None:
    """The number of a port given by number or by name, or None."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for entry in container_spec.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    return None


def _http(action: Obj, container_spec: Obj, container: Container, pod_ip: str, now: float) -> Outcome:
    port = port_number(action["port"], container_spec)
    if port is None:
        return Outcome(False, f'strconv.Atoi: parsing "{action["port"]}": invalid syntax', errored=True)
    host = action.get("host") or pod_ip
    path = action.get("path") or "/"
    path = path if path.startswith("/") else f"/{path}"
    scheme = (action.get("scheme") or "HTTP").lower()
    if not answers.listens(container, port):
        url = f"{scheme}://{host}:{port}{path}"
        return Outcome(False, f'Get "{url}": dial tcp {host}:{port}: connect: connection refused')
    answer = answers.respond(container, path, now)
    until = answers.stable_until(container)
    if 200 <= answer.status < 400:
        return Outcome(True, answer.text, until)
    return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}", until)
