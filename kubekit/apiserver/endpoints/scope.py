"""Scope: one endpoint's surroundings - which resource in which version, its store, its converter.

`APIServer` keeps a `Scope` for each served resource (and makes one for each custom resource); the verbs
take `(ctx, scope)`. Versions of one resource share a store: `to_stored` and `to_served` convert between
the version of the endpoint and the one that is stored. Upstream: apiserver/pkg/endpoints/handlers/rest.go
(RequestScope).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubekit.api.resources import Resource
from kubekit.apiserver.registry.store import ResourceStore
from kubekit.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def same(obj: Obj) -> Obj:
    """The converter between a version and itself."""
    return obj


@dataclass(slots=True)
class Scope:
    """One resource in one version, as the verbs see it."""

    resource: Resource
    store: ResourceStore
    to_stored: Callable[[Obj], Obj] = same
    to_served: Callable[[Obj], Obj] = same
    decode: Callable[[Context, Scope, Obj, str], Obj] | None = None
    """How a body becomes an object of this kind; None: by the built-in schema."""
    deprecation: str = ""
    """The Warning that every request to this resource gets."""
    custom: Any = field(default=None)
    """The CustomResourceDefinition version behind it, for custom resources."""
    tracking: dict[str, Any] = field(default_factory=dict)
    """Rules of field ownership by subresource, made when first needed (`managed_fields`)."""

    @property
    def strategy(self) -> Strategy:
        """The strategy of the resource."""
        return self.store.strategy

    def served(self, obj: Obj) -> Obj:
        """A stored object in this endpoint's version."""
        return obj if self.to_served is same else self.to_served(obj)
