"""Chapter 12, Services and kube-proxy NAT: a port for the outside, and a selector that finds nobody."""

from __future__ import annotations

from kubekit.course.exercise import Findings, Look, exercise


@exercise(
    "12.1",
    "Open web to the outside on port 30080",
    hints=[
        "The kind of Service that opens a port on every node has a name of its own.",
        "`spec.type: NodePort`, and in `spec.ports` the field `nodePort` says which.",
        '`%kubectl patch service web -p \'{"spec": {"type": ..., "ports": [...]}}\'`',
        "`%kubectl patch service web -p "
        '\'{"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":30080}]}}\'`',
    ],
    waits_for=[
        "the Service `web` is of type NodePort",
        "its node port is 30080",
        "a packet from outside arrives",
    ],
)
def from_outside(look: Look) -> Findings:
    service = look.find("services", "web")
    if service is None:
        yield look.nothing_yet("There is no Service web.", "run the cells above first")
        return
    kind = service["spec"]["type"]
    if kind == "ClusterIP":
        yield look.nothing_yet("The Service web is of type ClusterIP, as it was made.")
        return
    yield look.expect(
        "the Service is of type NodePort",
        expected="NodePort",
        observed=kind,
        where="`spec.type` of Service **web**",
    )
    ports = [port.get("nodePort") for port in service["spec"]["ports"]]
    yield look.expect(
        "its node port is 30080",
        expected=[30080],
        observed=ports,
        where="`spec.ports[0].nodePort`; left out, the API server picks one from 30000 to 32767",
    )
    node = look.find("nodes", "node01", None)
    address = next(a["address"] for a in (node or {})["status"]["addresses"] if a["type"] == "InternalIP")
    journey = look.cluster.send("outside", f"{address}:30080")
    yield look.expect(
        "a packet from outside arrives",
        expected="connected",
        observed=journey.came_out["status"],
        where=f"`cluster.send('outside', '{address}:30080')`, and whether kube-proxy runs on the nodes",
        detail=journey.sentence,
    )


def ready_endpoints(look: Look, service: str) -> list[str]:
    """The addresses of a Service's ready endpoints."""
    return [
        endpoint["addresses"][0]
        for piece in look.all("endpointslices")
        if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
        for endpoint in piece.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready")
    ]


@exercise(
    "12.2",
    "Find the wrong selector of shop",
    hints=[
        "A Service without endpoints refuses. `%kubectl describe service shop` says how many it has.",
        "The Service looks for pods by labels. Compare its selector with `%kubectl get pods --show-labels`.",
        '`%kubectl patch service shop -p \'{"spec": {"selector": {...}}}\'`',
        '`%kubectl patch service shop -p \'{"spec":{"selector":{"app":"store"}}}\'`',
    ],
    waits_for=["the Service `shop` selects the pods of `store`", "it has two endpoints", "a packet arrives"],
)
def wrong_selector(look: Look) -> Findings:
    service = look.find("services", "shop")
    if service is None:
        yield look.nothing_yet("There is no Service shop.", "run the section's first cell")
        return
    selector = service["spec"].get("selector", {})
    ready = ready_endpoints(look, "shop")
    if selector == {"app": "shop"} and not ready:
        yield look.nothing_yet("The Service shop still selects app=shop, and no pod carries that label.")
        return
    yield look.expect(
        "it selects the pods of store",
        expected="app=store",
        observed=",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        where="`spec.selector` of Service **shop**, beside `%kubectl get pods --show-labels`",
    )
    yield look.expect(
        "it has two endpoints",
        expected="2 endpoints",
        observed=f"{len(ready)} endpoints",
        where="`%kubectl get endpointslices -l kubernetes.io/service-name=shop`",
        detail=", ".join(ready),
    )
    if look.find("pods", "client") is None:
        yield look.nothing_yet("There is no pod client to send from.", "run the chapter's first cells")
        return
    journey = look.cluster.send("default/client", "shop:80")
    yield look.expect(
        "a packet arrives",
        expected="connected",
        observed=journey.came_out["status"],
        where="let kube-proxy catch up with `cluster.settle()`",
        detail=journey.sentence,
    )
