"""`kubectl port-forward`: a port of this machine that leads into a pod, open in the background.

    %kubectl port-forward svc/web 8080:80
    !curl -s localhost:8080

Services' ports are translated to those of a pod's containers, names to numbers.
Source: k8s.io/kubectl/pkg/cmd/portforward.
"""

from __future__ import annotations

import re

from kubekit.api.exchange import Obj, WatchStream
from kubekit.api.streams import Upgrade
from kubekit.client.rest_client import failure_of
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import duration, listing
from kubekit.terminal.forwarding import HOST, Forwarding
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.logs import pods_of_info

_PORTS = re.compile(r"(?:\d{0,5}:)?(?:\d{1,5}|[a-z][a-z0-9-]*)")
HEADERS = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io",
}
LOCAL = ("localhost", "127.0.0.1", "::1")


def run(call: Call) -> None:
    """`kubectl port-forward`."""
    if len(call.args) < 2:
        raise call.usage("TYPE/NAME and list of ports are required for port-forward")
    for text in call.args[1:]:
        if not _PORTS.fullmatch(text):
            raise CommandError(f"invalid port format '{text}'")
    elsewhere = [one for one in call.flag("address") or [] if one not in LOCAL]
    if elsewhere:
        raise CommandError(f"this notebook's kubectl listens on {HOST} only, not on {elsewhere[0]}")
    word = call.args[0]
    info = selection.select(call, [word if "/" in word else f"pods/{word}"])[0]
    pod = pods_of_info(call, info)[0]
    wanted = [_pair(text, info.obj or {}, info.resource.kind, pod) for text in call.args[1:]]
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CommandError(f"unable to forward port because pod is not running. Current status={phase}")
    made: list[Forwarding] = []
    for local, remote in wanted:
        try:
            made.append(_open(call, pod, local, remote))
        except OSError:
            call.err(
                f"Unable to listen on port {local}: Listeners failed to create with the following errors:"
                f" [unable to create listener: Error listen tcp4 {HOST}:{local}: bind: address already"
                " in use]"
            )
    if not made:
        shown = " ".join(f"{{{local} {remote}}}" for local, remote in wanted)
        raise CommandError(f"unable to listen on any of the requested ports: [{shown}]")
    for one in made:
        call.out(f"Forwarding from {HOST}:{one.local} -> {one.remote}")
    call.err(
        "the cell has ended but the forwarding goes on: until the pod ends, the port is forwarded anew, or"
        " the notebook is restarted"
    )


def _open(call: Call, pod: Obj, local: int, remote: int) -> Forwarding:
    path = call.discovery.find("pods").path(
        meta(pod).get("namespace") or call.namespace, meta(pod)["name"], "portforward"
    )
    answer = call.connection.send("GET", path, query={"ports": remote}, headers=HEADERS)
    if isinstance(answer, WatchStream):
        answer.close()
        raise CommandError("error upgrading connection: the answer is no stream of ports")
    if not isinstance(answer, Upgrade) or answer.ports is None:
        raise failure_of(answer)
    pump = call.program.pump
    pump.share()
    return Forwarding(local, remote, answer.ports, lambda: pump.lock)


# -- ports ----------------------------------------------------------------------------------------------


def _pair(text: str, obj: Obj, kind: str, pod: Obj) -> tuple[int, int]:
    """(local, remote) of `8080:80`, `:http`, `80`."""
    local, colon, remote = text.partition(":")
    if not colon:
        remote = local
    if kind == "Service":
        number, target = _of_service(remote, obj, pod)
    else:
        number = target = int(remote) if remote.isdigit() else _of_pod(remote, pod)
    if _is_udp_only(target, pod):
        raise CommandError(f"UDP protocol is not supported for {remote}")
    if not 0 < target < 65536:
        why = f'strconv.ParseUint: parsing "{remote}": value out of range'
        raise CommandError(f"error parsing remote port: {why}")
    return (number if not colon else int(local or "0")), target


def _of_service(word: str, service: Obj, pod: Obj) -> tuple[int, int]:
    """(the service's port, the container's port)."""
    name = meta(service).get("name", "")
    for port in (service.get("spec") or {}).get("ports") or []:
        if word not in (port.get("name"), str(port["port"])):
            continue
        target = port.get("targetPort", port["port"])
        if isinstance(target, str) and not target.isdigit():
            return int(port["port"]), _of_pod(target, pod)
        return int(port["port"]), int(target) or int(port["port"])
    if word.isdigit():
        raise CommandError(f"Service {name} does not have a service port {word}")
    raise CommandError(f"Service '{name}' does not have a named port '{word}'")


def _of_pod(name: str, pod: Obj) -> int:
    for container in (pod.get("spec") or {}).get("containers") or []:
        for port in container.get("ports") or []:
            if port.get("name") == name:
                return int(port["containerPort"])
    raise CommandError(f"Pod '{meta(pod).get('name', '')}' does not have a named port '{name}'")


def _is_udp_only(number: int, pod: Obj) -> bool:
    containers = (pod.get("spec") or {}).get("containers") or []
    found = {
        port.get("protocol", "TCP")
        for container in containers
        for port in container.get("ports") or []
        if port.get("containerPort") == number
    }
    return found == {"UDP"}


COMMAND = Command(
    "port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    "Forward one or more local ports to a pod",
    run,
    [
        listing("address", "Only localhost: nothing here listens elsewhere."),
        duration("pod-running-timeout", "How long to wait until a pod runs.", 60.0),
    ],
    example="kubectl port-forward pod/web 8080:80\nkubectl port-forward svc/web :80",
)
