"""Serving definitions: names are accepted, versions get their paths, instances go before their definition.

`Definitions` follows the cache of CustomResourceDefinitions, whoever wrote them: serving follows each
event at once, the rest (conditions, clean-up) are turns of the API server of their own, as the controllers
inside the real one. Upstream: apiextensions-apiserver (pkg/controller/status, establish, finalizer;
pkg/apiserver/customresource_handler.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import Request, Response
from kubekit.apiserver.boot import LOOPBACK, api_service
from kubekit.apiserver.custom.definition import CLEANUP, condition_of, is_true, set_condition
from kubekit.apiserver.custom.kind import CustomKind, decode, resource_of
from kubekit.apiserver.custom.strategy import CustomStrategy
from kubekit.apiserver.discovery import version_order
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry.store import ResourceStore
from kubekit.apiserver.validation.definition_conversion import has_broken_bundle
from kubekit.apiserver.watch_cache import CacheEvent
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

GROUP = "apiextensions.k8s.io"
PLURAL = "customresourcedefinitions"
PATH = f"/apis/{GROUP}/v1/{PLURAL}"


class Definitions:
    """The custom kinds of one server."""

    def __init__(self, server: APIServer) -> None:
        self.server = server
        self._cache = server.store(GROUP, PLURAL).cache
        self._cache.changes.append(self._changed)
        self._served: dict[str, Obj] = {}
        """By name: the part of each served definition that serving depends on."""

    def start(self) -> None:
        """Serve what is stored."""
        self._served.clear()
        for definition in self._cache.span():
            self._serve(definition)
            self._later(definition)

    def _changed(self, event: CacheEvent) -> None:
        if event.new is None:
            if event.old is not None:
                self._withdraw(event.old)
            return
        self._serve(event.new)
        self._later(event.new)

    def _later(self, definition: Obj) -> None:
        name = definition["metadata"]["name"]
        self.server.loop.call_soon(self.server.name, self._sync, name, what=f"look at definition {name}")

    # -- serving ----------------------------------------------------------------------------------------

    def _serve(self, definition: Obj) -> None:
        name = definition["metadata"]["name"]
        if not (is_true(definition, "NamesAccepted") or is_true(definition, "Established")):
            return
        wanted = {
            "spec": definition["spec"],
            "names": (definition.get("status") or {}).get("acceptedNames"),
            "uid": definition["metadata"].get("uid"),
            "terminating": is_true(definition, "Terminating"),
        }
        before = self._served.get(name)
        if before == wanted:
            return
        if before is not None:
            self._remove(before)
        self._served[name] = wanted
        spec = definition["spec"]
        names = wanted["names"] or spec["names"]
        versions = [version for version in spec["versions"] if version.get("served")]
        stored = next(version for version in spec["versions"] if version.get("storage"))
        kinds = {f"{spec['group']}/{version['name']}": CustomKind(names, version) for version in versions}
        if not kinds:
            return
        home = resource_of(definition, stored)
        storage_version = f"{spec['group']}/{stored['name']}"
        store = self.server.new_custom_store(home, CustomStrategy(home, kinds))
        for version in sorted(versions, key=lambda one: version_order(one["name"])):
            api_version = f"{spec['group']}/{version['name']}"
            kinds[api_version].terminating = wanted["terminating"]
            scope = _scope(definition, version, kinds[api_version], store, storage_version)
            self.server.serve_custom(scope)

    def _withdraw(self, definition: Obj) -> None:
        before = self._served.pop(definition["metadata"]["name"], None)
        if before is not None:
            self._remove(before)
        spec = definition["spec"]
        for version in spec["versions"]:
            if not any(
                r.group == spec["group"] and r.version == version["name"] for r in self.server.resources()
            ):
                self._forget_api(f"{version['name']}.{spec['group']}")

    def _remove(self, served: Obj) -> None:
        self.server.withdraw_custom(
            served["spec"]["group"], (served["names"] or served["spec"]["names"])["plural"]
        )

    def _forget_api(self, name: str) -> None:
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"
        self.server.loop.call_soon(
            self.server.name, self._ask, "DELETE", path, None, what=f"APIService {name} goes"
        )

    # -- conditions -------------------------------------------------------------------------------------

    def _sync(self, name: str) -> None:
        """What the controllers for names, establishing and clean-up do."""
        definition = self._cache.objects.get(self._cache.prefix + name)
        if definition is None or self.server.state != "running":
            return
        if definition["metadata"].get("deletionTimestamp"):
            if CLEANUP in (definition["metadata"].get("finalizers") or ()):
                self._finish(name, definition)
            return
        status = definition.get("status") or {}
        if status.get("acceptedNames") != definition["spec"]["names"]:
            self._accept(name, definition)
        elif is_true(definition, "NamesAccepted") and not is_true(definition, "Established"):
            changed = _copy(definition)
            if has_broken_bundle(definition):
                text = "The conversion webhook CABundle is invalid"
                set_condition(changed, "Established", "False", "InvalidCABundle", text, self._now())
                if changed["status"] != status:
                    self._put_status(name, changed)
                return
            text = "the initial names have been accepted"
            set_condition(changed, "Established", "True", "InitialNamesAccepted", text, self._now())
            self._put_status(name, changed)
            self._announce(definition)

    def _accept(self, name: str, definition: Obj) -> None:
        """Accept the names that nobody else in the group has."""
        resources, kinds = self._taken(name, definition["spec"]["group"])
        wanted = definition["spec"]["names"]
        accepted = dict((definition.get("status") or {}).get("acceptedNames") or {})
        problem: tuple[str, str] | None = None
        for field, reason, taken in (
            ("plural", "PluralConflict", resources),
            ("singular", "SingularConflict", resources),
            ("shortNames", "ShortNamesConflict", resources),
            ("kind", "KindConflict", kinds),
            ("listKind", "ListKindConflict", kinds),
        ):
            asked = wanted.get(field)
            names = asked if isinstance(asked, list) else [asked or ""]
            used = [one for one in names if one in taken and one != accepted.get(field)]
            if used:
                texts = [f'"{one}" is already in use' for one in used]
                problem = reason, texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            elif asked:
                accepted[field] = asked
            else:
                accepted.pop(field, None)
        if wanted.get("categories"):
            accepted["categories"] = wanted["categories"]
        else:
            accepted.pop("categories", None)
        changed = _copy(definition)
        changed["status"]["acceptedNames"] = accepted
        now = self._now()
        if problem is not None:
            set_condition(changed, "NamesAccepted", "False", *problem, now)
            if condition_of(definition, "Established") is None:
                set_condition(
                    changed, "Established", "False", "NotAccepted", "not all names are accepted", now
                )
        else:
            set_condition(changed, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
            if not is_true(definition, "Established"):
                text = "the initial names have been accepted"
                set_condition(changed, "Established", "False", "Installing", text, now)
        if changed["status"] != definition.get("status"):
            self._put_status(name, changed)

    def _taken(self, name: str, group: str) -> tuple[set[str], set[str]]:
        resources: set[str] = set()
        kinds: set[str] = set()
        for other in self._cache.span():
            if other["metadata"]["name"] == name or other["spec"]["group"] != group:
                continue
            names = (other.get("status") or {}).get("acceptedNames") or {}
            resources |= {
                names.get("plural", ""),
                names.get("singular", ""),
                *(names.get("shortNames") or ()),
            }
            kinds |= {names.get("kind", ""), names.get("listKind", "")}
        return resources - {""}, kinds - {""}

    def _announce(self, definition: Obj) -> None:
        """An APIService for each served version."""
        group = definition["spec"]["group"]
        for version in definition["spec"]["versions"]:
            if not version.get("served"):
                continue
            name = f"{version['name']}.{group}"
            spec = {
                "group": group,
                "version": version["name"],
                "groupPriorityMinimum": 1000,
                "versionPriority": 100,
            }
            labels = {"kube-aggregator.kubernetes.io/automanaged": "true"}
            api_service(self.server, {"name": name, "labels": labels}, spec)

    def _finish(self, name: str, definition: Obj) -> None:
        """Delete the instances, then let the definition go."""
        now = self._now()
        changed = _copy(definition)
        text = "CustomResource deletion is in progress"
        left = 0
        if is_true(definition, "Established"):
            left = self._delete_instances(definition)
        elif condition_of(definition, "Established") is not None:
            text = "resource was never established"
        if left:
            set_condition(changed, "Terminating", "True", "InstanceDeletionInProgress", text, now)
            if changed["status"] != definition.get("status"):
                self._put_status(name, changed)
            self.server.loop.call_later(
                5.0, self.server.name, self._sync, name, what=f"instances of {name} go", background=True
            )
            return
        current = self._cache.objects.get(self._cache.prefix + name)
        if current is None:
            return
        changed = _copy(current)
        finalizers = [one for one in changed["metadata"].get("finalizers") or () if one != CLEANUP]
        changed["metadata"]["finalizers"] = finalizers
        text = "removed all instances"
        set_condition(changed, "Terminating", "False", "InstanceDeletionCompleted", text, now)
        self._put_status(name, changed)

    def _delete_instances(self, definition: Obj) -> int:
        spec = definition["spec"]
        version = next((v["name"] for v in spec["versions"] if v.get("served")), None)
        names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
        if version is None:
            return 0
        scope = self.server.scope(spec["group"], version, names["plural"])
        if scope is None:
            return 0
        for obj in list(scope.store.cache.span()):
            metadata = obj["metadata"]
            if not metadata.get("deletionTimestamp"):
                path = scope.resource.path(metadata.get("namespace"), metadata["name"])
                self._ask("DELETE", path, None)
        return scope.store.cache.count()

    def _put_status(self, name: str, definition: Obj) -> None:
        self._ask("PUT", f"{PATH}/{name}/status", definition)

    def _ask(self, method: str, path: str, body: Obj | None) -> Response:
        answer = self.server(Request(method, path, {}, {}, body, LOOPBACK, self.server.name))
        assert isinstance(answer, Response)
        return answer

    def _now(self) -> str:
        return rfc3339(self.server.loop.clock.now())


def _copy(definition: Obj) -> Obj:
    return {
        **definition,
        "metadata": dict(definition["metadata"]),
        "status": dict(definition.get("status") or {}),
    }


def _scope(
    definition: Obj, version: Obj, kind: CustomKind, store: ResourceStore, storage_version: str
) -> Scope:
    resource = resource_of(definition, version)
    api_version = resource.api_version

    def to_stored(obj: Obj) -> Obj:
        return obj if obj.get("apiVersion") == storage_version else {**obj, "apiVersion": storage_version}

    def to_served(obj: Obj) -> Obj:
        shown = kind.shown(obj)
        return shown if shown.get("apiVersion") == api_version else {**shown, "apiVersion": api_version}

    return Scope(resource, store, to_stored, to_served, decode, deprecation(definition, version), kind)


def deprecation(definition: Obj, version: Obj) -> str:
    """The Warning of a deprecated version; "" for others."""
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning"):
        return str(version["deprecationWarning"])
    spec = definition["spec"]
    kind, group = spec["names"]["kind"], spec["group"]
    text = f"{group}/{version['name']} {kind} is deprecated"
    better = [
        one["name"]
        for one in spec["versions"]
        if one.get("served")
        and not one.get("deprecated")
        and version_order(one["name"]) < version_order(version["name"])
    ]
    if better:
        text += f"; use {group}/{min(better, key=version_order)} {kind}"
    return text
