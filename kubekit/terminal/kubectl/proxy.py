"""`kubectl proxy`: the API server on a port of this machine, without certificates, open in the background.

    %kubectl proxy --port=8001
    !curl -s localhost:8001/api/v1/namespaces/default/pods

Source: k8s.io/kubectl/pkg/cmd/proxy.
"""

from __future__ import annotations

from kubekit.api.exchange import Response, WatchStream
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import number, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import Connection
from kubekit.terminal.proxying import HOST, Proxying

REJECTED = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach"
LOCAL = ("localhost", "127.0.0.1")


def run(call: Call) -> None:
    """`kubectl proxy`."""
    if call.flag("address") not in LOCAL:
        raise CommandError(f"this notebook's kubectl listens on {HOST} only, not on {call.flag('address')}")
    pump, prefix = call.program.pump, call.flag("api-prefix").rstrip("/")
    pump.share()
    # A connection of its own: warnings of its answers belong to no later command line.
    own = call.connection
    connection = Connection(own.handler, user=own.user, server=own.server)
    connection.headers = dict(own.headers)

    def ask(
        method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes | None
    ) -> Response | WatchStream:
        inner = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
        with pump.lock:
            return connection.send(method, inner, query=query, body=body, headers=headers)

    patterns = [
        [one for one in call.flag(name).split(",") if one] for name in ("accept-paths", "reject-paths")
    ]
    port: int = call.flag("port")
    try:
        made = Proxying(port, ask, *patterns)
    except OSError:
        raise CommandError(f"listen tcp {HOST}:{port}: bind: address already in use") from None
    call.out(f"Starting to serve on {HOST}:{made.port}")
    call.err(
        "the cell has ended but the proxy goes on: until one is started on the same port, or the notebook is"
        " restarted"
    )


COMMAND = Command(
    "proxy [--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix] [options]",
    "Run a proxy to the Kubernetes API server",
    run,
    [
        string("accept-paths", "Patterns of paths that are passed on.", default="^.*"),
        string("address", "Only this one: nothing here listens elsewhere.", default=HOST),
        string("api-prefix", "Where the API begins in the paths.", default="/"),
        number("port", "The port to listen on; 0 takes a free one.", "p", default=8001),
        string("reject-paths", "Patterns of paths that are not passed on.", default=REJECTED),
    ],
    example="kubectl proxy --port=8080\nkubectl proxy --port=0 --api-prefix=/k8s",
)
