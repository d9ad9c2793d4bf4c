"""serving: the cluster's doors for real programs.

Inside a notebook nothing here is needed. `cluster.serve()` or `kubekit up` opens HTTPS on loopback, so that
the real kubectl and any client library can talk to the same API server that the notebook talks to.

Reading order: `certificates` (a cluster CA, a server and an admin certificate), `kubeconfig` (the file that
names them), `driver` (the wall clock moves the engine), `https` (sockets in, `Request` out),
`listening` (ports), `server` (all of
it together, started and stopped), `command` (the console program), `planning` with `planning_command` (where
would these pods go: `kubekit explain-pod`, `kubekit simulate`).

Streams into pods (exec, attach, port-forward): `spdy` (a protocol that only Kubernetes still speaks),
`stream_pipe` (bytes after an upgrade), `stream_channels` (stdin and its like on the wire), `remote_command`,
`stream_ports`. docs/decisions/0009-streams.md says why SPDY is written here.

etcd has doors too, one for each member, on which the real etcdctl works (`cluster.serve_etcd()`):
`etcd_front` (who speaks: gRPC or HTTP/1.1), `etcd_grpc` and `etcd_http` (what is asked), `etcd_watch` (slow
clients), `etcd_engine` (asking a member from a thread), `etcd_metrics`, `etcd_door` (one member's port),
`etcd_pki` and `etcd_server` (all of them), `etcd_thread` (where they live), `quiet_grpc`.

And an API server can stand on a real etcd, alone or with others: `etcd_channels` (calls, over any endpoint),
`etcd_follower` (a thread that hears of every change), `remote_etcd` (the store as the API server sees it).
docs/decisions/0007-etcd-wire.md says why it is so.

Left out against the originals: HTTP/2 for the API server and the gateway (clients fall back to HTTP/1.1),
etcd's v3lock and v3election services, CORS.
"""

from kubekit.serving.server import Server, serve

__all__ = ["Server", "serve"]
