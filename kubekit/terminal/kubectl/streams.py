"""`kubectl port-forward` and `proxy`: what would stay open, in a notebook that cannot.

What is asked for is looked up and refused as the original refuses it; when all is well, the answer is that a
notebook does not wait for keys or connections, and what to do instead. Served clusters have the real thing.
Source: k8s.io/kubectl/pkg/cmd/{portforward,proxy}.
"""

from __future__ import annotations

import re

from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import duration, number, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.logs import pods_of

OPEN = "needs a terminal that stays open, which a notebook does not have"
_PORTS = re.compile(r"(?:\d{0,5}:)?(?:\d{1,5}|[a-z][a-z0-9-]*)")


def port_forward(call: Call) -> None:
    """`kubectl port-forward`."""
    if len(call.args) < 2:
        raise call.usage("TYPE/NAME and list of ports are required for port-forward")
    for text in call.args[1:]:
        if not _PORTS.fullmatch(text):
            raise CommandError(f"invalid port format '{text}'")
    pod = pods_of(call, call.args[0])[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CommandError(f"unable to forward port because pod is not running. Current status={phase}")
    raise CommandError(
        f"port-forward {OPEN}: send packets with cluster.send(...), or cluster.serve() for the real kubectl"
    )


def proxy(call: Call) -> None:
    """`kubectl proxy`."""
    raise CommandError(f"proxy {OPEN}: see kubectl get --raw, or cluster.serve()")


COMMANDS = [
    Command(
        "port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT",
        "Forward one or more local ports to a pod",
        port_forward,
        [string("address", "Ignored."), duration("pod-running-timeout", "Ignored.", 60.0)],
    ),
    Command(
        "proxy [--port=PORT] [options]",
        "Run a proxy to the Kubernetes API server",
        proxy,
        [number("port", "Ignored.", default=8001), string("address", "Ignored.", default="127.0.0.1")],
    ),
]
