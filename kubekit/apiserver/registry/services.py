"""Services: they get addresses and node ports before they are stored, and give them back when they go.

`begin_create` and `begin_update` fill in families, cluster addresses and node ports; what they took is
returned when the write fails. Upstream: pkg/registry/core/service (strategy.go, storage/alloc.go,
storage/storage.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.resources import Resource
from kubekit.apiserver.registry import checks
from kubekit.apiserver.registry.node_ports import PortError, ports_of
from kubekit.apiserver.registry.service_ips import AllocationError, family_of
from kubekit.apiserver.registry.strategy import Strategy, Undo, keep
from kubekit.apiserver.registry.traits import Traits

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
NONE = "None"


class ServiceStrategy(Strategy):
    """See the module."""

    def __init__(self, resource: Resource, traits: Traits) -> None:
        super().__init__(resource, traits)

    def begin_create(self, ctx: Context, obj: Obj) -> Undo | None:
        """Families, addresses and ports of a new Service."""
        spec = obj["spec"]
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        _init_families(ctx, obj, None)
        taken = _allocate_addresses(ctx, obj)
        ports: set[int] = set()

        def undo() -> None:
            if not ctx.dry_run:
                ctx.server.service_ips.release(taken)
                ctx.server.node_ports.release(ports)

        try:
            _allocate_ports(ctx, obj, ports)
        except BaseException:
            undo()
            raise
        return undo

    def begin_update(self, ctx: Context, obj: Obj, old: Obj) -> Undo | None:
        """What changes when the type does."""
        spec, before = obj["spec"], old["spec"]
        _patch_allocated(spec, before)
        _normalise_addresses(spec, before)
        _init_families(ctx, obj, old)
        taken: list[str] = []
        if before.get("type") == "ExternalName" and spec.get("type") != "ExternalName":
            taken = _allocate_addresses(ctx, obj)
        ports: set[int] = set()

        def undo() -> None:
            if not ctx.dry_run:
                ctx.server.service_ips.release(taken)
                ctx.server.node_ports.release(ports)

        try:
            _update_ports(ctx, obj, old, ports)
        except BaseException:
            undo()
            raise
        return undo

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays; fields that the new type has no use for go."""
        keep(obj, old, "status")
        _drop_type_dependent(obj, old)

    def after_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Give back the addresses and ports that a Service does not need any more."""
        before = old["spec"].get("clusterIPs") or []
        now = obj["spec"].get("clusterIPs") or []
        ctx.server.service_ips.release([ip for ip in before if ip != NONE and ip not in now])
        ctx.server.node_ports.release(set(ports_of(old)) - set(ports_of(obj)))

    def after_delete(self, ctx: Context, obj: Obj) -> None:
        """Give back the addresses and ports, and take the Endpoints of the same name along."""
        from kubekit.apiserver.registry.deletion import delete

        metadata = obj["metadata"]
        store = ctx.server.store("", "endpoints")
        if store.find(metadata["namespace"], metadata["name"]) is not None:
            delete(store, ctx, metadata["namespace"], metadata["name"], {})
        spec = obj["spec"]
        if spec.get("type") != "ExternalName":
            ctx.server.service_ips.release([ip for ip in spec.get("clusterIPs") or () if ip != NONE])
        ctx.server.node_ports.release(ports_of(obj))

    def empty_fields(self) -> Obj:
        """A Service without content."""
        return {"spec": {}, "status": {"loadBalancer": {}}}


def _refuse(obj: Obj, problems: list[fields.FieldError]) -> None:
    if problems:
        raise errors.invalid("Service", "", obj["metadata"].get("name", ""), problems)


def _init_families(ctx: Context, obj: Obj, old: Obj | None) -> None:
    spec = obj["spec"]
    if spec.get("type") == "ExternalName":
        return
    before = (old or {}).get("spec") or {}
    selectorless = spec.get("clusterIP") == NONE and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or (
            "RequireDualStack" if selectorless else "SingleStack"
        )
    _refuse(obj, checks.cluster_ip_problems(obj, old))
    policy = spec["ipFamilyPolicy"]
    addresses: list[str] = spec.get("clusterIPs") or []
    families: list[str] = spec.get("ipFamilies") or []
    problems: list[fields.FieldError] = []
    if old is not None and policy == "SingleStack":
        if addresses == before.get("clusterIPs") and len(addresses) > 1:
            addresses = spec["clusterIPs"] = addresses[:1]
        if families == before.get("ipFamilies") and len(families) > 1:
            families = spec["ipFamilies"] = families[:1]
    elif old is not None:
        for field, word in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
            if spec.get(field) and len(spec[field]) < len(before.get(field) or ()):
                text = f"must be 'SingleStack' to release the secondary {word}"
                problems.append(fields.invalid("spec.ipFamilyPolicy", policy, text))
    if policy == "SingleStack":
        for count, word in ((len(addresses), "cluster IPs"), (len(families), "IP families")):
            if count == 2:
                text = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {word} are specified"
                problems.append(fields.invalid("spec.ipFamilyPolicy", policy, text))
    known = ctx.server.service_ips.families()
    families = list(families)
    for place, ip in enumerate(addresses):
        if ip == NONE:
            break
        if place >= len(families):
            if family_of(ip) in known:
                families.append(family_of(ip))
            else:
                text = f"{family_of(ip)} is not configured on this cluster"
                problems.append(fields.invalid(f"spec.clusterIPs[{place}]", addresses, text))
    _refuse(obj, problems)
    if selectorless:
        families = families or [known[0]]
        if len(families) < 2 and policy != "SingleStack":
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families
        return
    if policy == "RequireDualStack" and len(known) < 2:
        text = "this cluster is not configured for dual-stack services"
        problems.append(fields.invalid("spec.ipFamilyPolicy", policy, text))
    for place, family in enumerate(families):
        if family not in known:
            text = "not configured on this cluster"
            problems.append(fields.invalid(f"spec.ipFamilies[{place}]", family, text))
    _refuse(obj, problems)
    families = families or [known[0]]
    if policy != "SingleStack" and len(families) == 1 and len(known) == 2:
        families.append("IPv6" if families[0] == "IPv4" else "IPv4")
    spec["ipFamilies"] = families


def _allocate_addresses(ctx: Context, obj: Obj) -> list[str]:
    spec = obj["spec"]
    given: list[str] = list(spec.get("clusterIPs") or ())
    if spec.get("type") == "ExternalName" or (given and given[0] == NONE):
        return []
    allocator = ctx.server.service_ips
    taken: list[str] = []
    try:
        for place, family in enumerate(spec["ipFamilies"]):
            wanted = given[place] if place < len(given) else ""
            if wanted:
                address = allocator.take(obj, wanted, ctx.dry_run)
            else:
                address = allocator.take_any(obj, family, ctx.dry_run)
            taken.append(address)
            if place < len(given):
                given[place] = address
            else:
                given.append(address)
    except AllocationError as error:
        if not ctx.dry_run:
            allocator.release(taken)
        name = obj["metadata"].get("name", "")
        if error.full:
            text = f'failed to allocate a serviceIP for Service "{name}": {error}'
            raise errors.internal_error(text) from None
        detail = f"failed to allocate IP {wanted}: {error}" if wanted else f"failed to allocate IP: {error}"
        problem = fields.invalid("spec.clusterIPs", spec.get("clusterIPs") or [], detail)
        raise errors.invalid("Service", "", name, [problem]) from None
    spec["clusterIPs"] = given
    spec["clusterIP"] = given[0]
    return taken


def _wants_ports(spec: Obj) -> bool:
    if spec.get("type") == "NodePort":
        return True
    return spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True) is not False


def _needs_health_check(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _port_refused(obj: Obj, place: int, port: int, error: PortError) -> errors.StatusError:
    problem = fields.invalid(f"spec.ports[{place}].nodePort", port, str(error))
    return errors.invalid("Service", "", obj["metadata"].get("name", ""), [problem])


def _allocate_ports(ctx: Context, obj: Obj, mine: set[int]) -> None:
    spec = obj["spec"]
    allocator = ctx.server.node_ports
    given: dict[int, int] = {}
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        ports = spec.get("ports") or []
        for place, port in enumerate(ports):
            if not port.get("nodePort") and not _wants_ports(spec):
                continue
            number = port.get("port", 0)
            try:
                if number not in given:
                    # Ports of the same number (TCP and UDP) share a node port.
                    asked = next(
                        (p["nodePort"] for p in ports if p.get("port") == number and p.get("nodePort")), 0
                    )
                    given[number] = (
                        allocator.take(asked, mine, ctx.dry_run)
                        if asked
                        else allocator.take_any(mine, ctx.dry_run)
                    )
                    port["nodePort"] = given[number]
                elif not port.get("nodePort"):
                    port["nodePort"] = given[number]
                elif port["nodePort"] != given[number]:
                    allocator.take(port["nodePort"], mine, ctx.dry_run)
            except PortError as error:
                raise _port_refused(obj, place, port.get("nodePort") or asked, error) from None
    _allocate_health_check(ctx, obj, mine)


def _allocate_health_check(ctx: Context, obj: Obj, mine: set[int]) -> None:
    spec = obj["spec"]
    if not _needs_health_check(spec):
        return
    wanted = spec.get("healthCheckNodePort")
    try:
        spec["healthCheckNodePort"] = (
            ctx.server.node_ports.take(wanted, mine, ctx.dry_run)
            if wanted
            else ctx.server.node_ports.take_any(mine, ctx.dry_run)
        )
    except PortError as error:
        text = f"failed to allocate requested HealthCheck NodePort {wanted}: {error}"
        raise errors.internal_error(text) from None


def _update_ports(ctx: Context, obj: Obj, old: Obj, mine: set[int]) -> None:
    spec, before = obj["spec"], old["spec"]
    held = set(ports_of(old))
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        seen: list[tuple[Any, int]] = []
        for place, port in enumerate(spec.get("ports") or ()):
            if not port.get("nodePort") and not _wants_ports(spec):
                continue
            if not port.get("nodePort"):
                port["nodePort"] = ctx.server.node_ports.take_any(mine, ctx.dry_run, held)
            elif port["nodePort"] not in held and port["nodePort"] not in mine:
                try:
                    ctx.server.node_ports.take(port["nodePort"], mine, ctx.dry_run)
                except PortError as error:
                    raise _port_refused(obj, place, port["nodePort"], error) from None
            pair = (port.get("protocol"), port["nodePort"])
            if pair in seen:
                text = f"duplicate nodePort: {{{pair[0]} {pair[1]}}}"
                raise errors.StatusError(errors.status(500, "", text))
            seen.append(pair)
    if _needs_health_check(spec) and not _needs_health_check(before):
        _allocate_health_check(ctx, obj, mine)


def _patch_allocated(spec: Obj, before: Obj) -> None:
    """A client that leaves allocated values out means those that are there."""
    if before.get("type") != "ExternalName" and spec.get("type") != "ExternalName":
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and before.get("clusterIPs"):
            spec["clusterIPs"] = list(before["clusterIPs"])
    types = ("NodePort", "LoadBalancer")
    if before.get("type") in types and spec.get("type") in types:
        old_ports, new_ports = before.get("ports") or (), spec.get("ports") or ()
        both = {p.get("nodePort") for p in old_ports} & {p.get("nodePort") for p in new_ports}
        by_name = {p.get("name", ""): p.get("nodePort", 0) for p in old_ports}
        for port in new_ports:
            value = by_name.get(port.get("name", ""), 0)
            if not port.get("nodePort") and value and value not in both:
                port["nodePort"] = value
    if _needs_health_check(before) and _needs_health_check(spec) and not spec.get("healthCheckNodePort"):
        keep(spec, before, "healthCheckNodePort")


def _normalise_addresses(spec: Obj, before: Obj) -> None:
    """clusterIP and clusterIPs say the same, whichever of the two an old client changed."""
    old_one, new_one = before.get("clusterIP", ""), spec.get("clusterIP", "")
    old_all, new_all = before.get("clusterIPs") or [], spec.get("clusterIPs") or []
    if old_all and not new_all and old_one == new_one:
        spec["clusterIPs"] = list(old_all)
    if old_one != new_one and old_all == new_all:
        if old_one and not new_one:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [new_one]


def _drop_type_dependent(obj: Obj, old: Obj) -> None:
    spec, before = obj["spec"], old["spec"]
    kind, kind_before = spec.get("type"), before.get("type")
    if kind_before != "ExternalName" and kind == "ExternalName":
        if all(spec.get(f) == before.get(f) for f in ("clusterIP", "clusterIPs")):
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if spec.get(field) == before.get(field):
                spec.pop(field, None)
    types = ("NodePort", "LoadBalancer")
    if kind_before in types and kind not in types:
        held = {p["nodePort"] for p in before.get("ports") or () if p.get("nodePort")}
        if {p["nodePort"] for p in spec.get("ports") or () if p.get("nodePort")} <= held:
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
    lost = _needs_health_check(before) and not _needs_health_check(spec)
    if lost and spec.get("healthCheckNodePort") == before.get("healthCheckNodePort"):
        spec.pop("healthCheckNodePort", None)
    if kind_before == "LoadBalancer" and kind != "LoadBalancer":
        for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if spec.get(field) == before.get(field):
                spec.pop(field, None)
    if (
        _external(before)
        and not _external(spec)
        and spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy")
    ):
        spec.pop("externalTrafficPolicy", None)
    if kind != "LoadBalancer" and isinstance(obj.get("status"), dict):
        obj["status"] = {**obj["status"], "loadBalancer": {}}


def _external(spec: Obj) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )
