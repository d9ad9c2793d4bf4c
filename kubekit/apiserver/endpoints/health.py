"""Health: /healthz, /livez and /readyz, as a whole and check by check.

Every check but etcd's is content when the server runs: what they check elsewhere (hooks after the start)
has happened before the first request here. Upstream: apiserver/pkg/server/healthz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.exchange import Response

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}

_HOOKS = [
    f"poststarthook/{name}"
    for name in (
        "start-apiserver-admission-initializer",
        "generic-apiserver-start-informers",
        "priority-and-fairness-config-consumer",
        "priority-and-fairness-filter",
        "storage-object-count-tracker-hook",
        "start-apiextensions-informers",
        "start-apiextensions-controllers",
        "crd-informer-synced",
        "start-system-namespaces-controller",
        "peer-endpoint-reconciler-controller",
        "start-cluster-authentication-info-controller",
        "start-kube-apiserver-identity-lease-controller",
        "start-kube-apiserver-identity-lease-garbage-collector",
        "storage-readiness",
        "start-legacy-token-tracking-controller",
        "start-service-ip-repair-controllers",
        "rbac/bootstrap-roles",
        "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer",
        "bootstrap-controller",
        "start-kubernetes-service-cidr-controller",
        "start-kube-aggregator-informers",
        "apiservice-status-local-available-controller",
        "apiservice-status-remote-available-controller",
        "apiservice-registration-controller",
        "apiservice-wait-for-first-sync",
        "apiservice-discovery-controller",
        "kube-apiserver-autoregistration",
    )
]
_END = [
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
]

_PROXY = "poststarthook/aggregator-reload-proxy-client-cert"
_BEFORE = "poststarthook/start-kube-aggregator-informers"

CHECKS: dict[str, list[str]] = {
    "healthz": ["ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS, *_END],
    "livez": ["ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS, *_END],
    "readyz": ["ping", "log", "informer-sync", *_HOOKS, *_END, "shutdown"],
}
"""The checks of each root, in the order in which they are shown."""

UNSHOWN = {"readyz": ["etcd", "etcd-readiness"]}
"""Checks that a root makes but lists only when they fail."""


def checks_of(server: APIServer, root: str) -> list[str]:
    """The checks of a root of this server: a hook is there only where it has something to do."""
    found = CHECKS[root]
    if not server.proxy_client:
        return found
    place = found.index(_BEFORE)
    return [*found[:place], _PROXY, *found[place:]]


def health(ctx: Context) -> Response:
    """Answer for one root or one check."""
    root, _, only = ctx.info.path.strip("/").partition("/")
    checks, failed = checks_of(ctx.server, root), _failed(ctx)
    unshown = UNSHOWN.get(root, [])
    if only and only not in (*checks, *unshown):
        return Response(404, "404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
    if only:
        if only in failed:
            return Response(500, f"internal server error: {only} failed: etcd does not answer\n", dict(TEXT))
        return Response(200, "ok", dict(TEXT))
    excluded = set(ctx.request.query.get("exclude", ()))
    lines = []
    bad = False
    for name in [*checks, *(name for name in unshown if name in failed)]:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif name in failed:
            lines.append(f"[-]{name} failed: reason withheld")
            bad = True
        else:
            lines.append(f"[+]{name} ok")
    unknown = sorted(excluded - set(checks))
    if unknown:
        lines.append(
            f"warn: some health checks cannot be excluded: no matches for {', '.join(map(repr, unknown))}"
        )
    if bad:
        return Response(500, "\n".join([*lines, f"{root} check failed"]) + "\n", dict(TEXT))
    if "verbose" not in ctx.request.query:
        return Response(200, "ok", dict(TEXT))
    return Response(200, "\n".join([*lines, f"{root} check passed"]) + "\n", dict(TEXT))


def _failed(ctx: Context) -> set[str]:
    return set() if ctx.server.storage_ok() else {"etcd", "etcd-readiness"}
