"""The informer: a local, indexed, read-only copy of one resource, and handlers that hear of each change.

Components read from informers, never from the API server, when they decide what to do. One informer is shared
by all controllers of a component (`InformerFactory`). The store holds the very objects that the server sent:
nothing is copied, so nothing in it may be changed. Indexes answer "all pods of this owner" without a walk
over the list; add them before the factory starts or later, both work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kubekit.api.meta import Obj, key_of
from kubekit.api.resources import Resource
from kubekit.client.reflector import Reflector
from kubekit.client.rest_client import Client, resource_of
from kubekit.sim import Loop

Objects = list[Obj]
"""Inside the class `list` is a method."""

IndexFunction = Callable[[Obj], list[str]]


class Registration:
    """One set of handlers on an informer; `remove()` ends it."""

    __slots__ = ("informer", "on_add", "on_delete", "on_update")

    def __init__(
        self,
        informer: Informer,
        on_add: Callable[[Obj], Any] | None,
        on_update: Callable[[Obj, Obj], Any] | None,
        on_delete: Callable[[Obj], Any] | None,
    ) -> None:
        self.informer = informer
        self.on_add = on_add
        self.on_update = on_update
        self.on_delete = on_delete

    def remove(self) -> None:
        """Hear nothing more."""
        if self in self.informer.handlers:
            self.informer.handlers = [h for h in self.informer.handlers if h is not self]


class Index:
    """For each value that the function gives, the objects that have it, by key and in order of arrival."""

    __slots__ = ("function", "values")

    def __init__(self, function: IndexFunction) -> None:
        self.function = function
        self.values: dict[str, dict[str, Obj]] = {}

    def put(self, key: str, old: Obj | None, new: Obj) -> None:
        values = self.function(new)
        if old is not None and (before := self.function(old)) != values:
            for value in before:
                if value not in values:
                    self._drop(value, key)
        for value in values:
            found = self.values.get(value)
            if found is None:
                found = self.values[value] = {}
            found[key] = new

    def remove(self, key: str, old: Obj) -> None:
        for value in self.function(old):
            self._drop(value, key)

    def _drop(self, value: str, key: str) -> None:
        found = self.values.get(value)
        if found is not None:
            found.pop(key, None)
            if not found:
                del self.values[value]


def _namespace_index(obj: Obj) -> list[str]:
    return [obj["metadata"].get("namespace", "")]


class Informer:
    """The local copy of one resource (in one namespace, or of those that match the selectors)."""

    def __init__(
        self,
        client: Client,
        loop: Loop,
        owner: str,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        self.resource = resource
        self.has_synced = False
        self.handlers: list[Registration] = []
        self.reflector = Reflector(
            client,
            loop,
            owner,
            resource,
            self._replace,
            self._event,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
        )
        self._store: dict[str, Obj] = {}
        self._indexes: dict[str, Index] = {}
        self._on_synced: list[Callable[[], None]] = []
        self._started = False

    def __repr__(self) -> str:
        state = "synced" if self.has_synced else "not synced"
        return f"Informer({self.resource.qualified}, {len(self._store)} objects, {state})"

    def __len__(self) -> int:
        return len(self._store)

    # -- reading (what is returned is shared: never change it) -------------------------------------------

    def get(self, key: str) -> Obj | None:
        """The object at `namespace/name` (or `name`), or None."""
        return self._store.get(key)

    def list(self, namespace: str | None = None) -> Objects:
        """All objects, or those of one namespace, in order of arrival."""
        if namespace is None:
            return list(self._store.values())
        if "namespace" not in self._indexes:
            self.add_index("namespace", _namespace_index)
        return self.by_index("namespace", namespace)

    def keys(self) -> Iterable[str]:
        """The keys of all objects."""
        return self._store.keys()

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Index by the values that `function(obj)` gives; adding the same name again changes nothing."""
        if name in self._indexes:
            return
        index = self._indexes[name] = Index(function)
        for key, obj in self._store.items():
            index.put(key, None, obj)

    def by_index(self, name: str, value: str) -> Objects:
        """The objects for which the index has this value, in order of arrival."""
        found = self._indexes[name].values.get(value)
        return list(found.values()) if found else []

    # -- hearing ----------------------------------------------------------------------------------------

    def add_handler(
        self,
        on_add: Callable[[Obj], Any] | None = None,
        on_update: Callable[[Obj, Obj], Any] | None = None,
        on_delete: Callable[[Obj], Any] | None = None,
    ) -> Registration:
        """Call back on each change; objects that are here already are added to a late handler at once."""
        registration = Registration(self, on_add, on_update, on_delete)
        self.handlers = [*self.handlers, registration]
        if on_add is not None:
            for obj in list(self._store.values()):
                on_add(obj)
        return registration

    def when_synced(self, callback: Callable[[], None]) -> None:
        """Call back when the first list has arrived; at once when it has."""
        if self.has_synced:
            callback()
        else:
            self._on_synced.append(callback)

    def start(self) -> None:
        """Begin to list and watch; a started informer stays as it is."""
        if not self._started:
            self._started = True
            self.reflector.start()

    def stop(self) -> None:
        """Stop watching; what was heard can still be read."""
        self._started = False
        self.reflector.stop()

    # -- from the reflector -----------------------------------------------------------------------------

    def _event(self, kind: str, obj: Obj) -> None:
        if kind == "DELETED":
            self._remove(key_of(obj), obj)
        else:
            self._put(obj)

    def _put(self, obj: Obj) -> None:
        key = key_of(obj)
        old = self._store.get(key)
        self._store[key] = obj
        for index in self._indexes.values():
            index.put(key, old, obj)
        if old is None:
            for handler in self.handlers:
                if handler.on_add is not None:
                    handler.on_add(obj)
        else:
            for handler in self.handlers:
                if handler.on_update is not None:
                    handler.on_update(old, obj)

    def _remove(self, key: str, last: Obj) -> None:
        old = self._store.pop(key, None)
        if old is None:
            return
        for index in self._indexes.values():
            index.remove(key, old)
        for handler in self.handlers:
            if handler.on_delete is not None:
                handler.on_delete(last)

    def _replace(self, items: Objects) -> None:
        """The store becomes the list; only what really differs is told to the handlers."""
        keep = set()
        for obj in items:
            key = key_of(obj)
            keep.add(key)
            old = self._store.get(key)
            if old is not None:
                before, after = old["metadata"], obj["metadata"]
                if before.get("uid") != after.get("uid"):
                    self._remove(key, old)
                elif before.get("resourceVersion") == after.get("resourceVersion"):
                    continue
            self._put(obj)
        for key in [key for key in self._store if key not in keep]:
            self._remove(key, self._store[key])
        if not self.has_synced:
            self.has_synced = True
            waiting, self._on_synced = self._on_synced, []
            for callback in waiting:
                callback()


class InformerFactory:
    """The informers of one component, one for each distinct question, shared by all who ask it."""

    def __init__(self, client: Client, loop: Loop, owner: str) -> None:
        self.client = client
        self.loop = loop
        self.owner = owner
        self._informers: dict[tuple[str, str, str, str], Informer] = {}
        self._running = False

    def informer(
        self,
        resource: Resource | str,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
    ) -> Informer:
        """The shared informer for this resource and selection; started at once if the factory runs."""
        if isinstance(resource, str):
            resource = resource_of(resource)
        key = (resource.qualified, namespace or "", field_selector, label_selector)
        found = self._informers.get(key)
        if found is None:
            found = self._informers[key] = Informer(
                self.client,
                self.loop,
                self.owner,
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
            )
            if self._running:
                found.start()
        return found

    @property
    def informers(self) -> list[Informer]:
        """All informers that somebody asked for."""
        return list(self._informers.values())

    def start(self) -> None:
        """Start all informers, and from now on each new one as it is asked for."""
        self._running = True
        for informer in self._informers.values():
            informer.start()

    def stop(self) -> None:
        """Stop all informers."""
        self._running = False
        for informer in self._informers.values():
            informer.stop()

    def synced(self) -> bool:
        """Whether every informer has had its first list."""
        return all(informer.has_synced for informer in self._informers.values())
