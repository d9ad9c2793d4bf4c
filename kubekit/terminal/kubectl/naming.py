"""What `po`, `deploy.apps`, `deployments.v1.apps` and `Pod` mean, given the server's resources.

A word with two dots may be `resource.version.group`; any word with a dot may be `resource.group`, and a
group may be cut short. Short names are found as they are written and forget the version; other names may be
in capitals.
Source: cli-runtime/pkg/resource/builder.go (mappingFor), client-go/restmapper/shortcut.go,
apimachinery/pkg/api/meta/restmapper.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api.resources import Resource


def resolve(known: Iterable[Resource], word: str) -> Resource | None:
    """The resource that a word means, the preferred one if several fit. `known`: preferred ones first."""
    resources = list(known)
    head, _, rest = word.partition(".")
    readings = [(head, "", rest)]
    if word.count(".") >= 2:
        version, _, group = rest.partition(".")
        readings.insert(0, (head, version, group))
    for name, version, group in readings:
        found = _by_name(resources, *_expanded(resources, name, version, group))
        if found is not None:
            return found
    for name, version, group in readings:
        for one in resources:
            if one.group == group and name in (one.kind, one.kind.lower()) and version in ("", one.version):
                return one
    return None


def _expanded(resources: list[Resource], name: str, version: str, group: str) -> tuple[str, str, str]:
    """The long form of a short name; anything else as it is."""
    inside = [one for one in resources if not group or one.group == group]
    if any(name in (one.plural, one.singular) for one in inside):
        return name, version, group
    for one in inside:
        if name in one.short_names:
            return one.plural, "", one.group
    if group:
        for one in resources:
            if one.group.startswith(group) and name in one.short_names:
                return one.plural, version, one.group
    return name, version, group


def _by_name(resources: list[Resource], name: str, version: str, group: str) -> Resource | None:
    name = name.lower()
    named = [
        one
        for one in resources
        if name in (one.plural, one.singular or one.kind.lower()) and version in ("", one.version)
    ]
    fitting = [one for one in named if not group or one.group == group]
    if not fitting and not version:
        fitting = [one for one in named if one.group.startswith(group)]
    return fitting[0] if fitting else None
