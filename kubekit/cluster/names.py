"""Names for packets: what a learner writes as a destination, as addresses and a port.

A pod ("shop/web"), a node, an address, or a Service by any of its DNS names ("web", "web.shop",
"web.shop.svc.cluster.local"), with ":port". A name that does not resolve is refused as a DNS client is.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.client import Client
from kubekit.cluster.errors import KubekitError, UnknownName

DEFAULT_PORT = 80


class Destination(NamedTuple):
    """Where a packet is to go: an address (or a pod's or node's name) and a port."""

    target: str
    port: int


def destination(client: Client, text: str, namespace: str, known: set[str]) -> Destination:
    """What `text` means for a sender in `namespace`; `known` are names that the network knows by itself."""
    target, _, port_text = text.rpartition(":") if ":" in text else (text, "", "")
    if port_text and not port_text.isdigit():
        raise KubekitError(f"{text!r} has no port number: write it like web.shop:80")
    port = int(port_text) if port_text else DEFAULT_PORT
    if target in known or target.replace(".", "").isdigit():
        return Destination(target, port)
    labels = target.removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc").split(".")
    if len(labels) > 2 or "/" in target:
        raise UnknownName(f"nothing is called {target}: it is no pod, no node and no Service's name")
    service = client.find("services", labels[0], labels[1] if len(labels) == 2 else namespace)
    if service is None:
        raise UnknownName(f"lookup {target}: no such host (there is no Service of that name)")
    address = service["spec"].get("clusterIP")
    if not address or address == "None":
        raise KubekitError(f"Service {target} is headless: it has no address of its own")
    return Destination(address, port)
