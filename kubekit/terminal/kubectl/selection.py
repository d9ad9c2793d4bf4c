"""Which objects a command line means: `pod web`, `deploy/web svc/web`, `pods,svc -l app=web`, `all --all`,
`-f`.

`targets` gives what is to be asked for (a name, or a whole collection); `objects` asks for it. The order and
the error texts are those of the original's resource builder.
Source: cli-runtime/pkg/resource/builder.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import manifests
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info

MISSING = (
    "You must provide one or more resources by argument or filename.\nExample resource specifications"
    " include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
)


@dataclass(slots=True)
class Target:
    """One request to make: a named object, or (without a name) a collection."""

    resource: Resource
    namespace: str | None
    name: str = ""
    source: str = ""
    obj: Obj | None = None

    def query(self, call: Call) -> dict[str, str]:
        """The selectors, for a collection."""
        if self.name:
            return {}
        return {
            "labelSelector": call.flags.get("selector") or "",
            "fieldSelector": call.flags.get("field-selector") or "",
        }


def resources_of(call: Call, words: str) -> list[Resource]:
    """The resources that `pods,svc` or `all` stand for."""
    found: list[Resource] = []
    for word in words.split(","):
        if not word:
            continue
        inside = [] if "." in word else call.discovery.category(word)
        for resource in inside or [call.discovery.find(word)]:
            if resource not in found:
                found.append(resource)
    return found


def has_files(call: Call) -> bool:
    """Whether -f or -k was given."""
    return bool(call.flags.get("filename") or call.flags.get("kustomize"))


def targets(
    call: Call,
    args: list[str] | None = None,
    *,
    default_all: bool = False,
    all_selects: bool = False,
    errors: list[Exception] | None = None,
) -> list[Target]:
    """What the arguments stand for. Of files, those that cannot be read go to `errors`, if it is given.

    `default_all`: a type without a name means all of that type (get, describe); other verbs need -l, --all
    or a name. `all_selects`: --all counts as a selector, which goes with no name and no other selector.
    """
    args = call.args if args is None else args
    selector = call.flags.get("selector") or ""
    fields = call.flags.get("field-selector") or ""
    everything = bool(call.flags.get("all")) or default_all
    if has_files(call):
        return _of_files(call, args, errors)
    selecting = all_selects and bool(call.flags.get("all"))
    if selecting and (selector or fields):
        raise CommandError("setting 'all' parameter but found a non empty selector. ")
    if not args and (selector or fields or selecting):
        raise CommandError("at least one resource must be specified to use a selector")
    if not args:
        raise CommandError(MISSING)
    if any("/" in word for word in args):
        return _pairs(call, args, selector, fields)
    resources = resources_of(call, args[0])
    names = args[1:]
    if not names:
        if not (selector or fields or everything):
            raise CommandError("resource(s) were provided, but no name was specified")
        return [Target(one, call.scope if one.namespaced else None) for one in resources]
    if selector or fields or selecting:
        raise CommandError("name cannot be provided when a selector is specified")
    if call.all_namespaces and any(one.namespaced for one in resources):
        raise CommandError("a resource cannot be retrieved by name across all namespaces")
    return [
        Target(one, call.namespace if one.namespaced else None, name)
        for one in resources
        for name in names
        if name
    ]


def _of_files(call: Call, args: list[str], errors: list[Exception] | None) -> list[Target]:
    manifests.paths_of(call)  # files that are not there are told before arguments that should not be
    if args:
        what = (
            "resource/name arguments cannot be provided when a path is specified"
            if all("/" in word for word in args)
            else "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as"
            " well"
        )
        raise CommandError(what)
    infos, wrong = manifests.infos_and_errors(call)
    if errors is not None:
        errors += wrong
    else:
        call.fail_all(wrong)
    return [Target(i.resource, i.scope, i.name, i.source, i.obj) for i in infos]


def _pairs(call: Call, args: list[str], selector: str, fields: str) -> list[Target]:
    if not all("/" in word for word in args):
        raise CommandError(
            "there is no need to specify a resource type as a separate argument when passing arguments in"
            " resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get"
            " resource"
            " resource/<resource_name>'"
        )
    if selector or fields or call.flags.get("all"):
        raise CommandError("selectors and the all flag cannot be used when passing resource/name arguments")
    found: list[Target] = []
    for word in args:
        parts = word.split("/")
        if len(parts) != 2:
            raise CommandError("arguments in resource/name form may not have more than one slash")
        if not parts[0] or not parts[1] or "," in parts[0] or "," in parts[1]:
            raise CommandError("arguments in resource/name form must have a single resource and name")
        resource = call.discovery.find(parts[0])
        if call.all_namespaces and resource.namespaced:
            raise CommandError("a resource cannot be retrieved by name across all namespaces")
        found.append(Target(resource, call.namespace if resource.namespaced else None, parts[1]))
    return found


def fetch(call: Call, target: Target) -> list[Info]:
    """The objects behind one target."""
    connection = call.connection
    if target.name:
        found = connection.get(target.resource, target.namespace, target.name)
        return [
            Info(
                target.resource,
                target.namespace or "",
                target.name,
                typed(found, target.resource),
                target.source,
            )
        ]
    query = target.query(call)
    listed = connection.listing(target.resource, target.namespace, query)
    return [
        Info(
            target.resource,
            meta(item).get("namespace") or "",
            meta(item)["name"],
            typed(item, target.resource),
        )
        for item in listed.get("items") or []
    ]


def objects(call: Call, wanted: list[Target]) -> tuple[list[Info], list[Exception]]:
    """Everything that the targets stand for, and what could not be read."""
    found: list[Info] = []
    errors: list[Exception] = []
    for target in wanted:
        try:
            found += fetch(call, target)
        except StatusError as error:
            errors.append(error)
    return found, errors


def select(
    call: Call, args: list[str] | None = None, *, default_all: bool = False, all_selects: bool = False
) -> list[Info]:
    """`targets` and `objects` in one; the first failure is raised once all was asked."""
    wanted = targets(call, args, default_all=default_all, all_selects=all_selects)
    found, errors = objects(call, wanted)
    call.fail_all(errors)
    return found
