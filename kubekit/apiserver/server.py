"""The API server: a component that is also a Handler.

`APIServer(loop, store)` is started like any component; called with a `Request` it answers with a
`Response` or a `WatchStream`. It owns the scopes (what is served), the caches, the pipeline, and makes one
record of each request. While it does not run it refuses connections. Nothing else in this room keeps state
between requests. Upstream: cmd/kube-apiserver, pkg/controlplane, apiserver/pkg/server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter_ns
from typing import Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import ConnectionRefused, Request, Response, UserInfo, WatchStream
from kubekit.api.resources import RESOURCES, Resource
from kubekit.apiserver import boot, metrics, records
from kubekit.apiserver.admission.chain import AdmissionChain
from kubekit.apiserver.audit.log import AuditLog
from kubekit.apiserver.audit.policy import load as load_audit_policy
from kubekit.apiserver.authentication import Authentication
from kubekit.apiserver.authorization import Authorization
from kubekit.apiserver.backend import StoreBackend
from kubekit.apiserver.bootstrap_tokens import BootstrapTokens
from kubekit.apiserver.compactor import Compactor
from kubekit.apiserver.configuration_file import Source
from kubekit.apiserver.context import Context
from kubekit.apiserver.custom.definitions import Definitions
from kubekit.apiserver.encryption.configuration import load as load_encryption
from kubekit.apiserver.endpoints import reviews
from kubekit.apiserver.endpoints.binding import create_binding
from kubekit.apiserver.endpoints.dispatch import dispatch
from kubekit.apiserver.endpoints.scope import Scope, same
from kubekit.apiserver.endpoints.watch import send_bookmarks
from kubekit.apiserver.fairness.flow_control import FlowControl
from kubekit.apiserver.known_requests import KnownRequests
from kubekit.apiserver.node_authorizer import NodeAuthorizer
from kubekit.apiserver.pipeline import Next
from kubekit.apiserver.rbac import RBAC
from kubekit.apiserver.registry.builtin import (
    CONVERTERS,
    DEPRECATED,
    PREFIXES,
    ROUTES,
    VIRTUAL,
    prefix_of,
    stored_as,
    strategy_of,
)
from kubekit.apiserver.registry.node_ports import NodePorts
from kubekit.apiserver.registry.port_table import REPAIR_SECONDS, PortTable
from kubekit.apiserver.registry.service_ips import ServiceIPs
from kubekit.apiserver.registry.store import ResourceStore
from kubekit.apiserver.registry.strategy import Strategy
from kubekit.apiserver.request_info import RequestInfo
from kubekit.apiserver.role_source import CachedRoles
from kubekit.apiserver.service_account_tokens import TokenIssuer
from kubekit.apiserver.shared_lease import SharedLease
from kubekit.apiserver.storage import PREFIX, Storage, StoreUnavailable
from kubekit.apiserver.watch_cache import WatchCache
from kubekit.sim import Component, Loop

Obj = dict[str, Any]
Answer = Response | WatchStream


class APIServer(Component):
    """One API server over a store that it may share with others."""

    def __init__(
        self,
        loop: Loop,
        store: Any,
        name: str = "kube-apiserver",
        *,
        address: str = "192.168.0.10:6443",
        service_cidr: str = "10.96.0.0/12",
        node_port_range: tuple[int, int] = (30000, 32767),
        tokens: dict[str, UserInfo] | None = None,
        anonymous: bool = True,
        authorization_mode: str = "RBAC",
        disabled_admission: tuple[str, ...] = (),
        enabled_admission: tuple[str, ...] = (),
        issuer: str = "https://kubernetes.default.svc.cluster.local",
        encryption_config: Source | None = None,
        audit_policy: Source | None = None,
        audit_log: str = "",
        etcd_compaction_interval: float = 300.0,
        event_ttl: int = 3600,
        proxy_client: bool = False,
    ) -> None:
        """`etcd_compaction_interval` and `event_ttl` are seconds; 0: never compact, keep Events for ever.
        `proxy_client`: it has a certificate for servers behind it (--proxy-client-cert-file)."""
        super().__init__(loop, name)
        self.address = address
        self.service_cidr = service_cidr
        self.node_port_range = node_port_range
        self.issuer, self.proxy_client = issuer, proxy_client
        backend = StoreBackend(store)
        self.storage = Storage(backend)
        self._compactor = Compactor(loop, name, store, etcd_compaction_interval)
        self._event_lease = SharedLease(loop.clock, backend.grant, event_ttl)
        if encryption_config is not None:
            self.encrypt_with(encryption_config)
        self.audit: AuditLog | None = None
        if audit_policy is not None:
            self.audit_with(audit_policy, audit_log)
        self._shared = backend.shared
        self._missed = False
        if backend.shared:
            store.on_lost = self._lose_track
        self.authentication = Authentication(tokens, anonymous)
        modes = authorization_mode.split(",")
        self.authorization = Authorization(RBAC(CachedRoles(self)), "AlwaysAllow" in modes)
        self.admission = AdmissionChain(disabled_admission, enabled_admission)
        self.counts: dict[metrics.Counted, int] = {}
        self.impersonation_modes: dict[str, str] = {}
        """Which mode of impersonation last served a user."""
        self.connect: Callable[[Context, Scope], Answer] | None = None
        """Answers pods/exec, log, portforward and the proxies: set by whoever knows the kubelets."""
        self.probe: Callable[[str], bool] | None = None
        """Says whether a component of that name is healthy, for ComponentStatus: set by the cluster."""
        self.call_webhook: Callable[[Obj, Obj], Obj] | None = None
        """Asks an admission webhook: (configuration, review) -> review; OSError when nobody answers."""
        self.tokens = TokenIssuer(self)
        self.authentication.token_authenticators += [
            ("service account token", self.tokens.authenticate),
            ("bootstrap token", BootstrapTokens(self).authenticate),
        ]
        self._stores: dict[tuple[str, str], ResourceStore] = {}
        self._scopes: dict[tuple[str, str, str], Scope] = {}
        self._kinds: dict[tuple[str, str], Scope] = {}
        self.pipeline: Next = KnownRequests(self, dispatch)
        self._subjects: dict[tuple[str, str], str] = {}
        for resource in RESOURCES:
            if "alpha" not in resource.version and "beta" not in resource.version:
                self._serve_builtin(resource)
        self.definitions = Definitions(self)
        self.flow_control = FlowControl(self)
        if "Node" in modes:
            self.authorization.node = NodeAuthorizer(self)
        self.service_ips = ServiceIPs(self)
        self.node_ports = NodePorts(
            self.store("", "services").cache,
            node_port_range,
            loop.rng.child(name + "/ports"),
            PortTable(self.storage, *node_port_range) if backend.shared else None,
        )

    def encrypt_with(self, source: Source | None) -> None:
        """Encrypt at rest as an EncryptionConfiguration says (None: not at all), from now on.

        What was written before is read as it says too, all of it anew, as after a restart. Raises
        ConfigurationError.
        """
        random = self.loop.rng.child(f"{self.name}/encryption@{self.loop.clock.now()}")
        self.storage.encrypt_with(None if source is None else load_encryption(source, random.bytes))
        if self.state == "running":
            self._missed = True
            self._hear_of_others(None)

    def audit_with(self, policy: Source | None, path: str = "") -> None:
        """Keep an audit log as a Policy says (None: no longer), and append it to a file if one is given.

        Raises ConfigurationError.
        """
        rng = self.loop.rng.child(f"{self.name}/audit")
        self.audit = None if policy is None else AuditLog(load_audit_policy(policy), rng, path)

    # -- life -------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Fill the caches from the store, and make what a new cluster needs."""
        for cache in self.caches():
            cache.start()
        if self.authorization.node is not None:
            self.authorization.node.relations.restart()
        self.definitions.start()
        self.node_ports.forget()
        if self._shared:
            self.node_ports.repair()
            self.loop.every(REPAIR_SECONDS, self.name, self._repair, what="look for leaked node ports")
        self._event_lease.forget()
        boot.run(self)
        self.flow_control.start()
        self._compactor.start()
        self.loop.every(60.0, self.name, partial(send_bookmarks, self), what="bookmarks for quiet watches")

    def _repair(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            self.node_ports.repair()

    def _lose_track(self) -> None:
        """Changes by others were missed for good: nobody is told anything more until all is read anew."""
        self._missed = True
        for cache in self.caches():
            cache.stop()
        self.loop.call_soon(self.name, self._catch_up, what="read everything anew")

    def _catch_up(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            self._hear_of_others(None)

    def _hear_of_others(self, request: Request | None) -> None:
        """Be as new as the store was when the request came. Raises StoreUnavailable."""
        if not self._missed and request is not None and request.query.get("resourceVersion") != ["0"]:
            self.storage.backend.refresh()
        if self._missed:
            for cache in self.caches():
                cache.stop()
                cache.start()
            if self.authorization.node is not None:
                self.authorization.node.relations.restart()
            self.definitions.start()
            self.node_ports.forget()
            self.flow_control.forget()
            self._missed = False

    def on_stop(self) -> None:
        """Connections break: every watch ends; memory is lost."""
        for cache in self.caches():
            cache.stop()

    on_crash = on_stop

    def __call__(self, request: Request) -> Answer:
        """Answer a request; raises ConnectionRefused while the server does not run."""
        if self.state != "running":
            raise ConnectionRefused(f"dial tcp {self.address}: connect: connection refused")
        # A served cluster has two threads that ask: the notebook's and the door's.
        with self.loop.lock:
            return self._answer(request)

    def _answer(self, request: Request) -> Answer:
        """One request through the pipeline, and its record."""
        begun = 0 if request.method == "GET" else perf_counter_ns()  # a read is too short to be measured
        trace = self.loop.trace
        ctx = Context(self, request)
        before = trace.cause
        ctx.record = trace.reserve()
        trace.cause = ctx.record
        try:
            try:
                if self._shared:
                    self._hear_of_others(request)
                answer = self.pipeline(ctx)
            except errors.StatusError as error:
                answer = records.refusal(ctx, error)
            except StoreUnavailable as error:
                answer = records.refusal(ctx, errors.StatusError(errors.status(500, "", str(error))))
        finally:
            trace.cause = before
        if ctx.flow is not None:
            answer.headers = {**answer.headers, **ctx.flow.headers}
        if ctx.warnings and isinstance(answer, Response):
            records.add_warnings(ctx, answer)
        records.keep(ctx, answer, before, perf_counter_ns() - begun if begun else 0)
        return answer

    # -- what is served ---------------------------------------------------------------------------------

    def _serve_builtin(self, resource: Resource) -> None:
        if resource.plural in VIRTUAL:
            scope = Scope(resource, self._virtual(resource), deprecation=DEPRECATED.get(resource.plural, ""))
            self._scopes[resource.group, resource.version, resource.plural] = scope
            return
        home = (resource.group, resource.plural)
        store = self._stores.get(home)
        if store is None:
            store = self._stores[home] = self._new_store(stored_as(resource))
        warning = DEPRECATED.get(resource.plural, "")
        stored, served = CONVERTERS.get((resource.group, resource.version, resource.plural), (same, same))
        self._scopes[resource.group, resource.version, resource.plural] = Scope(
            resource, store, stored, served, deprecation=warning
        )

    def _new_store(self, resource: Resource) -> ResourceStore:
        home = (resource.group, resource.plural)
        prefix = f"{PREFIX}/{prefix_of(resource)}/"
        self.storage.place(prefix, *home)
        recorder = records.watch_recorder(self, resource)
        # Events are served by two groups, from one cache.
        cache = next((store.cache for store in self.stores() if store.cache.prefix == prefix), None)
        if cache is None:
            cache = WatchCache(self.storage, prefix, recorder, routes=ROUTES.get(home, ()))
        lease = self._event_lease if resource.plural == "events" else None
        return ResourceStore(resource, strategy_of(resource), cache, lease)

    # -- custom resources -------------------------------------------------------------------------------

    def new_custom_store(self, resource: Resource, strategy: Strategy) -> ResourceStore:
        """A store for the instances of a definition, filled from etcd."""
        prefix = f"{PREFIX}/{resource.group}/{resource.plural}/"
        self.storage.place(prefix, resource.group, resource.plural)
        store = ResourceStore(
            resource, strategy, WatchCache(self.storage, prefix, records.watch_recorder(self, resource))
        )
        self._stores[resource.group, resource.plural] = store
        store.cache.start()
        return store

    def serve_custom(self, scope: Scope) -> None:
        """Serve a version of a definition."""
        resource = scope.resource
        self._scopes[resource.group, resource.version, resource.plural] = scope
        self._kinds.clear()

    def withdraw_custom(self, group: str, plural: str) -> None:
        """Serve a definition no longer; its watches end."""
        store = self._stores.pop((group, plural), None)
        if store is not None:
            store.cache.stop()
        for key in [key for key in self._scopes if (key[0], key[2]) == (group, plural)]:
            del self._scopes[key]
        self._kinds.clear()

    def _virtual(self, resource: Resource) -> ResourceStore:
        return ResourceStore(
            resource, strategy_of(resource), WatchCache(self.storage, f"/virtual/{resource.plural}/")
        )

    def scope(self, group: str, version: str, plural: str) -> Scope | None:
        """What is served at a path, or None."""
        return self._scopes.get((group, version, plural))

    def scope_of_kind(self, api_version: str, kind: str) -> Scope | None:
        """What serves objects of a kind, or None."""
        if not self._kinds:
            self._kinds = {(s.resource.api_version, s.resource.kind): s for s in self._scopes.values()}
        return self._kinds.get((api_version, kind))

    def store(self, group: str, plural: str) -> ResourceStore:
        """The objects of a resource; raises KeyError."""
        return self._stores[group, plural]

    def scopes(self) -> Iterator[Scope]:
        """Every scope."""
        return iter(self._scopes.values())

    def stores(self) -> Iterator[ResourceStore]:
        """Every store."""
        return iter(self._stores.values())

    def caches(self) -> list[WatchCache]:
        """Every watch cache once."""
        return list(dict.fromkeys(store.cache for store in self._stores.values()))

    def resources(self) -> Iterator[Resource]:
        """Everything that is served."""
        return (scope.resource for scope in self._scopes.values())

    def is_custom(self, resource: Resource) -> bool:
        """Whether a resource comes from a CustomResourceDefinition."""
        scope = self._scopes.get((resource.group, resource.version, resource.plural))
        return scope is not None and scope.custom is not None

    def special(self, resource: Resource) -> Callable[[Context, Scope], Answer] | None:
        """What answers a resource that is stored nowhere; None for one that is."""
        if resource.plural not in VIRTUAL:
            return None
        if resource.plural == "bindings":
            return create_binding
        return reviews.component_statuses if resource.plural == "componentstatuses" else reviews.review

    def knows_kind(self, api_version: str, kind: str) -> bool:
        """Whether the decoder knows this kind (also lists and options)."""
        if kind in ("List", "Status", "DeleteOptions") and api_version == "v1":
            return True
        found = self.scope_of_kind(api_version, kind.removesuffix("List")) or self.scope_of_kind(
            api_version, kind
        )
        return found is not None and found.custom is None

    def knew_version(self, api_version: str, kind: str) -> bool:
        """Whether this version of a group existed once and the decoder still reads it."""
        return (api_version, kind) in records.RETIRED

    def subject(self, resource: Resource, info: RequestInfo) -> str:
        """How records name the object of a request: ``pod/shop/web``."""
        singular = resource.singular or resource.kind.lower()
        if resource.namespaced and info.namespace:
            return f"{singular}/{info.namespace}/{info.name}"
        return f"{singular}/{info.name}"

    # -- for views and pages ----------------------------------------------------------------------------

    def storage_ok(self) -> bool:
        """Whether the store answers."""
        try:
            self.storage.backend.get("/registry/health")
        except StoreUnavailable:
            return False
        return True


__all__ = ["PREFIXES", "APIServer"]
