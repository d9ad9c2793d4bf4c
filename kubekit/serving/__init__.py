"""serving: the cluster's doors for real programs.

Inside a notebook nothing here is needed. `cluster.serve()` or `kubekit up` opens HTTPS on loopback, so that
the real kubectl and any client library can talk to the same API server that the notebook talks to.

Reading order: `certificates` (a cluster CA, a server and an admin certificate), `kubeconfig` (the file that
names them), `driver` (the wall clock moves the engine), `https` (sockets in, `Request` out),
`remote_command` (what a container printed, on channels of a WebSocket), `server` (all of it together, started
and stopped), `command` (the console program).

Left out against the original: HTTP/2 (clients fall back to HTTP/1.1), SPDY, port-forward, and typing into a
running exec.
"""

from kubekit.serving.server import Server, serve

__all__ = ["Server", "serve"]
