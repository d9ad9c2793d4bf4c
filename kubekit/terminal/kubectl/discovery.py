"""Which resources the server has, asked from the server: what `po`, `deploy` and `all` mean here.

`Discovery` reads /api and /apis once and keeps the answer; when a word is not known it reads again, so that
custom resources are found as soon as they exist. Called by every verb through `Call.discovery`.
Source: client-go/discovery, restmapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubekit.api.exchange import Obj
from kubekit.api.resources import Catalog, Resource, Subresource
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.errors import CommandError, Unreachable
from kubekit.terminal.kubectl.connection import Connection
from kubekit.terminal.kubectl.naming import resolve


class Discovery:
    """The server's resources. One is kept over many command lines; `connection` is set for each."""

    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection
        self.complain: Callable[[str], None] | None = None
        """What to do with a server that cannot be reached."""
        self._catalog: Catalog | None = None
        self._versions: list[str] = []
        self._fresh = False

    def forget(self) -> None:
        """Ask again next time."""
        self._catalog = None

    def start(self, connection: Connection) -> None:
        """A new command line: what is known may be out of date."""
        self.connection = connection
        self._fresh = False

    @property
    def catalog(self) -> Catalog:
        """Everything served, preferred versions first."""
        if self._catalog is None:
            self._catalog = self._read()
            self._fresh = True
        return self._catalog

    @property
    def versions(self) -> list[str]:
        """Every group version served."""
        _ = self.catalog
        return self._versions

    def _json(self, path: str) -> Obj:
        if self.connection is None:
            raise CommandError("no server to ask")
        return self.connection.json("GET", path)

    def _first(self) -> Obj:
        """The first question. The original asks five times and complains in its log before it gives up."""
        try:
            return self._json("/api")
        except Unreachable as error:
            if self.complain is not None:
                for _ in range(5):
                    self.complain(error.server)
            raise

    def _read(self) -> Catalog:
        catalog = Catalog()
        self._versions = []
        places = [("", version) for version in self._first().get("versions") or []]
        for group in self._json("/apis").get("groups") or []:
            listed = [one["version"] for one in group.get("versions") or []]
            preferred = (group.get("preferredVersion") or {}).get("version")
            listed.sort(key=lambda version, first=preferred: version != first)  # type: ignore[misc]
            places += [(group["name"], version) for version in listed]
        for group_name, version in places:
            self._versions.append(f"{group_name}/{version}" if group_name else version)
            try:
                found = self._json(f"/apis/{group_name}/{version}" if group_name else f"/api/{version}")
            except StatusError:
                continue
            for resource in _resources(found.get("resources") or [], group_name, version):
                catalog.add(resource)
        return catalog

    def _again(self) -> bool:
        """Reads once more if what is known stems from an earlier command."""
        if self._fresh:
            return False
        self.forget()
        _ = self.catalog
        return True

    def find(self, word: str) -> Resource:
        """The resource a person means. CommandError with kubectl's words if there is none."""
        found = resolve(self.catalog, word)
        if found is None and self._again():
            found = resolve(self.catalog, word)
        if found is None:
            raise CommandError(f'the server doesn\'t have a resource type "{word.partition(".")[0]}"')
        self._also(word, found)
        return found

    def _also(self, word: str, found: Resource) -> None:
        """A short name that several groups use deserves a warning."""
        if word not in found.short_names or self.connection is None:
            return
        for other in self.catalog.find_all(word):
            if (other.group, other.plural) != (found.group, found.plural) and word in other.short_names:
                self.connection.warn(
                    f'short name "{word}" could also match lower priority resource {other.qualified}'
                )

    def by_kind(self, api_version: str, kind: str) -> Resource:
        """The resource of a manifest's kind."""
        found = self.catalog.by_kind(api_version, kind)
        if found is None and self._again():
            found = self.catalog.by_kind(api_version, kind)
        if found is None:
            raise NoMatch(api_version, kind)
        return found

    def category(self, word: str) -> list[Resource]:
        """The resources of a category such as `all`, one version of each."""
        seen: dict[tuple[str, str], Resource] = {}
        for resource in self.catalog.in_category(word):
            seen.setdefault((resource.group, resource.plural), resource)
        return list(seen.values())

    def preferred(self) -> list[Resource]:
        """One version of every resource."""
        seen: dict[tuple[str, str], Resource] = {}
        for resource in self.catalog:
            seen.setdefault((resource.group, resource.plural), resource)
        return list(seen.values())


class NoMatch(CommandError):
    """The server serves no such kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


def _resources(rows: Iterable[Obj], group: str, version: str) -> list[Resource]:
    parts: dict[str, dict[str, Subresource]] = {}
    found: list[Resource] = []
    for row in rows:
        plural, _, sub = row["name"].partition("/")
        inner = parts.setdefault(plural, {})
        verbs = tuple(row.get("verbs") or ())
        if sub:
            sub_group, sub_version = row.get("group", group), row.get("version", version)
            inner[sub] = Subresource(sub, row.get("kind", ""), sub_group, sub_version, verbs)
            continue
        found.append(
            Resource(
                group,
                version,
                plural,
                row.get("kind", ""),
                row.get("singularName") or row.get("kind", "").lower(),
                tuple(row.get("shortNames") or ()),
                tuple(row.get("categories") or ()),
                bool(row.get("namespaced")),
                verbs,
                inner,
            )
        )
    return found
