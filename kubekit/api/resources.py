"""The table of everything the API serves: which kind lives at which path, in which scope, with which verbs.

Called by whoever turns a kind, a plural, a short name or an object into a REST path and back. The table is
read once from `data/resources.jsonl` (one line a resource or subresource). Custom resources are not here: the
API server makes `Resource` values of its own for them, and `Catalog` joins both.
Source: the discovery documents of the reference release; meta.RESTMapper.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubekit.api.meta import Obj, key_of

_DATA = Path(__file__).parent / "data" / "resources.jsonl"


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object with its own path, e.g. `pods/binding`; `kind` is what goes in and out there."""

    name: str
    kind: str
    group: str
    version: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource. `plural` is the path segment, `kind` what objects of it call themselves."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = ()
    subresources: dict[str, Subresource] = field(default_factory=dict, hash=False, compare=False)
    api_version: str = field(init=False, repr=False, hash=False, compare=False)
    """What objects carry as `apiVersion`: `v1`, `apps/v1`. Asked for all the time, so it is made once."""
    root: str = field(init=False, repr=False, hash=False, compare=False)
    """The path of the group version: `/api/v1`, `/apis/apps/v1`."""

    def __post_init__(self) -> None:
        version = f"{self.group}/{self.version}" if self.group else self.version
        object.__setattr__(self, "api_version", version)
        object.__setattr__(self, "root", f"/apis/{version}" if self.group else f"/api/{version}")

    @property
    def group_version(self) -> str:
        """The same as `api_version`."""
        return self.api_version

    @property
    def qualified(self) -> str:
        """The resource with its group: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return self.kind + "List"

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The REST path of the collection, of one object, or of one of its subresources."""
        path = self.root
        if namespace and self.namespaced:
            path += f"/namespaces/{namespace}"
        path += f"/{self.plural}"
        if name:
            path += f"/{name}"
        return f"{path}/{subresource}" if subresource else path

    def __str__(self) -> str:
        return self.qualified


class Catalog:
    """Resources that can be found by plural, singular, short name or kind; first come, first preferred."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._all: list[Resource] = []
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_word: dict[str, list[Resource]] = {}
        for resource in resources:
            self.add(resource)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, resource: Resource) -> None:
        """Makes one more resource known; one with the same group, version and plural is replaced."""
        self.remove(resource)
        self._all.append(resource)
        self._by_kind[(resource.api_version, resource.kind)] = resource
        self._by_path[(resource.group, resource.version, resource.plural)] = resource
        words = dict.fromkeys(
            (
                resource.plural,
                resource.singular or resource.kind.lower(),
                resource.kind.lower(),
                *resource.short_names,
            )
        )
        for word in words:
            self._by_word.setdefault(word, []).append(resource)

    def remove(self, resource: Resource) -> None:
        """Forgets a resource (a custom resource definition was deleted)."""
        old = self._by_path.pop((resource.group, resource.version, resource.plural), None)
        if old is None:
            return
        self._all.remove(old)
        self._by_kind.pop((old.api_version, old.kind), None)
        for found in self._by_word.values():
            if old in found:
                found.remove(old)

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource whose objects carry this `apiVersion` and `kind`."""
        return self._by_kind.get((api_version, kind))

    def at(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource served at a path."""
        return self._by_path.get((group, version, plural))

    def find(self, word: str) -> Resource | None:
        """What a person means by `deploy`, `Deployment`, `deployments.apps` or `deployments.v1.apps`.

        Plurals go before singulars, kinds and short names; upper case does not matter, as in kubectl.
        """
        found = self.find_all(word)
        return found[0] if found else None

    def find_all(self, word: str) -> list[Resource]:
        """Every resource a word may mean, the preferred one first."""
        head, _, rest = word.lower().partition(".")
        candidates = self._by_word.get(head, [])
        if rest:
            version, _, group = rest.partition(".")
            candidates = [
                one
                for one in candidates
                if one.group == rest
                or (one.version == version and one.group == group)
                or one.group.startswith(rest + ".")
            ]
        return sorted(candidates, key=lambda one: (one.plural != head, _version_rank(one.version)))

    def in_category(self, category: str) -> list[Resource]:
        """The resources of a category such as `all`."""
        return [one for one in self._all if category in one.categories]

    def groups(self) -> dict[str, list[str]]:
        """Group -> its versions, in the order of the table."""
        found: dict[str, list[str]] = {}
        for one in self._all:
            versions = found.setdefault(one.group, [])
            if one.version not in versions:
                versions.append(one.version)
        return found


def _version_rank(version: str) -> tuple[int, int, int]:
    """Sorts v2 before v1 before v1beta2 before v1beta1 before v1alpha1."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return (3, 0, 0)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0))


def _load() -> list[Resource]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in _DATA.read_text(encoding="utf-8").splitlines()]
    parts: dict[tuple[str, str, str], dict[str, Subresource]] = {}
    found: list[Resource] = []
    for row in rows:
        plural, _, sub = row["resource"].partition("/")
        inner = parts.setdefault((row["group"], row["version"], plural), {})
        verbs = tuple(row["verbs"])
        if sub:
            group, version = row.get("kindGroup", row["group"]), row.get("kindVersion", row["version"])
            inner[sub] = Subresource(sub, row["kind"], group, version, verbs)
            continue
        short, categories = tuple(row.get("shortNames", ())), tuple(row.get("categories", ()))
        found.append(
            Resource(
                row["group"],
                row["version"],
                plural,
                row["kind"],
                row["singular"],
                short,
                categories,
                row["namespaced"],
                verbs,
                inner,
            )
        )
    return found


CATALOG = Catalog(_load())
"""The built-in resources. Never add to it: a server with custom resources makes a Catalog of its own."""

RESOURCES: list[Resource] = list(CATALOG)
"""Every built-in resource, in the order of the table."""


def by_plural(word: str) -> Resource:
    """The built-in resource meant by `deployments`, `deploy`, `Deployment`, `deployments.apps`,
    `deployments.v1.apps`.

    KeyError if there is none.
    """
    found = CATALOG.find(word)
    if found is None:
        raise KeyError(word)
    return found


def by_kind(api_version: str, kind: str) -> Resource:
    """The built-in resource of objects with this apiVersion and kind. KeyError if there is none."""
    found = CATALOG.by_kind(api_version, kind)
    if found is None:
        raise KeyError(f"{api_version}, Kind={kind}")
    return found


def subject_of(obj: Obj) -> str:
    """How records name an object: `pod/shop/web`, `node/node01`."""
    return f"{str(obj.get('kind', '')).lower()}/{key_of(obj)}"
