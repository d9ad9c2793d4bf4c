"""Tables of services, endpoints, ingresses, network policies and addresses.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector, format_labels
from kubekit.apiserver.printers.cells import age, join_some, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register


def load_balancer_addresses(obj: Obj) -> list[str]:
    """The addresses or host names that a load balancer reported, each once, sorted."""
    ingress = section(obj, "status", "loadBalancer").get("ingress") or []
    return sorted({i.get("ip") or i.get("hostname") for i in ingress if i.get("ip") or i.get("hostname")})


def service_external_ip(obj: Obj) -> str:
    """The EXTERNAL-IP cell."""
    spec = section(obj, "spec")
    external = spec.get("externalIPs") or []
    kind = spec.get("type", "")
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external) or "<none>"
    if kind == "LoadBalancer":
        return ",".join([*load_balancer_addresses(obj), *external]) or "<pending>"
    return str(spec.get("externalName", "")) if kind == "ExternalName" else "<unknown>"


def _ports(spec: Obj) -> str:
    shown = []
    for port in spec.get("ports") or []:
        outside = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port.get('port')}{outside}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or "<none>"


@register(
    "",
    "Service",
    NAME,
    Column("Type", doc="core_v1.ServiceSpec.type"),
    Column("Cluster-IP", doc="core_v1.ServiceSpec.clusterIP"),
    Column("External-IP", doc="core_v1.ServiceSpec.externalIPs"),
    Column("Port(s)", doc="core_v1.ServiceSpec.ports"),
    AGE,
    Column("Selector", doc="core_v1.ServiceSpec.selector", wide=True),
)
def service(obj: Obj, now: float) -> list[Any]:
    """A service's row."""
    spec = section(obj, "spec")
    addresses = spec.get("clusterIPs") or []
    return [
        name(obj),
        spec.get("type", ""),
        addresses[0] if addresses else "<none>",
        service_external_ip(obj),
        _ports(spec),
        age(obj, now),
        format_labels(spec.get("selector")),
    ]


def endpoints_text(obj: Obj, port_name: str | None = None, most: int = 3) -> str:
    """`10.244.1.2:80,10.244.2.3:80 + 2 more...` of an Endpoints object, of one port if named."""
    subsets = obj.get("subsets") or []
    if not subsets:
        return "<none>"
    found: list[str] = []
    for subset in subsets:
        addresses, ports = subset.get("addresses") or [], subset.get("ports") or []
        if not ports:
            # A headless service has addresses without ports.
            found += [a.get("ip", "") for a in addresses]
        for port in ports:
            if port_name is None or port.get("name", "") == port_name:
                found += [host_port(a.get("ip", ""), port.get("port")) for a in addresses]
    return join_some(found, most, empty="")


def host_port(host: str, port: Any) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@register("", "Endpoints", NAME, Column("Endpoints", doc="core_v1.Endpoints.subsets"), AGE)
def endpoints(obj: Obj, now: float) -> list[Any]:
    """An Endpoints object's row."""
    return [name(obj), endpoints_text(obj), age(obj, now)]


@register(
    "discovery.k8s.io",
    "EndpointSlice",
    NAME,
    Column("AddressType", doc="discovery_v1.EndpointSlice.addressType"),
    Column("Ports", doc="discovery_v1.EndpointSlice.ports"),
    Column("Endpoints", doc="discovery_v1.EndpointSlice.endpoints"),
    AGE,
)
def endpoint_slice(obj: Obj, now: float) -> list[Any]:
    """An endpoint slice's row."""
    ports = []
    for port in obj.get("ports") or []:
        number, label = port.get("port"), port.get("name")
        ports.append(str(number) if number is not None else label if label is not None else "*")
    addresses = [a for e in obj.get("endpoints") or [] for a in e.get("addresses") or []]
    return [name(obj), obj.get("addressType", ""), join_some(ports), join_some(addresses), age(obj, now)]


def ingress_hosts(obj: Obj) -> str:
    """The HOSTS cell: the first three hosts that rules name, `*` if none does."""
    rules = section(obj, "spec").get("rules") or []
    shown: list[str] = []
    more = False
    for rule in rules:
        if len(shown) == 3:
            more = True
        if not more and rule.get("host"):
            shown.append(rule["host"])
    if not shown:
        return "*"
    return ",".join(shown) + (f" + {len(rules) - 3} more..." if more else "")


@register(
    "networking.k8s.io",
    "Ingress",
    NAME,
    Column(
        "Class",
        text="The name of the IngressClass resource that should be used for additional configuration",
    ),
    Column("Hosts", text="Hosts that incoming requests are matched against before the ingress rule"),
    Column("Address", text="Address is a list containing ingress points for the load-balancer"),
    Column("Ports", text="Ports of TLS configurations that open"),
    AGE,
)
def ingress(obj: Obj, now: float) -> list[Any]:
    """An ingress' row."""
    spec = section(obj, "spec")
    return [
        name(obj),
        spec.get("ingressClassName") or "<none>",
        ingress_hosts(obj),
        ",".join(load_balancer_addresses(obj)),
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


@register(
    "networking.k8s.io",
    "IngressClass",
    NAME,
    Column("Controller", text="Controller that is responsible for handling this class"),
    Column("Parameters", text="A reference to a resource with additional parameters"),
    AGE,
)
def ingress_class(obj: Obj, now: float) -> list[Any]:
    """An ingress class' row; the default one is marked."""
    annotations = section(obj, "metadata").get("annotations") or {}
    shown = name(obj)
    if annotations.get("ingressclass.kubernetes.io/is-default-class") == "true":
        shown += " (default)"
    text = "<none>"
    if reference := section(obj, "spec").get("parameters"):
        group = f".{reference['apiGroup']}" if reference.get("apiGroup") is not None else ""
        text = f"{reference.get('kind', '')}{group}/{reference.get('name', '')}"
    return [shown, section(obj, "spec").get("controller", ""), text, age(obj, now)]


@register(
    "networking.k8s.io",
    "NetworkPolicy",
    NAME,
    Column("Pod-Selector", doc="networking_v1.NetworkPolicySpec.podSelector"),
    AGE,
)
def network_policy(obj: Obj, now: float) -> list[Any]:
    """A network policy's row."""
    return [name(obj), format_label_selector(section(obj, "spec").get("podSelector")), age(obj, now)]


@register(
    "networking.k8s.io",
    "ServiceCIDR",
    NAME,
    Column("CIDRs", doc="networking_v1.ServiceCIDRSpec.cidrs"),
    AGE,
)
def service_cidr(obj: Obj, now: float) -> list[Any]:
    """A service CIDR's row."""
    return [name(obj), ",".join(section(obj, "spec").get("cidrs") or []), age(obj, now)]


@register(
    "networking.k8s.io",
    "IPAddress",
    NAME,
    Column("ParentRef", doc="networking_v1.IPAddressSpec.parentRef"),
)
def ip_address(obj: Obj, now: float) -> list[Any]:
    """An address' row: whose it is; the age is a cell that upstream has no column for."""
    parent = "<none>"
    if reference := section(obj, "spec").get("parentRef"):
        group = f".{reference['group']}" if reference.get("group") else ""
        where = f"/{reference['namespace']}" if reference.get("namespace") else ""
        parent = f"{reference.get('resource', '')}{group}".lower() + f"{where}/{reference.get('name', '')}"
    return [name(obj), parent, age(obj, now)]
