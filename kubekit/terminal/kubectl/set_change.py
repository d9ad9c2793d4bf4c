"""How `kubectl set` changes objects: which ones, what is sent, what is said.

Source: k8s.io/kubectl/pkg/cmd/set/helper.go.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.generate import typed_form
from kubekit.terminal.kubectl.manifests import Info
from kubekit.terminal.kubectl.selection import MISSING
from kubekit.terminal.kubectl.three_way import three_way, type_for

NO_TEMPLATE = "the object is not a pod or does not have a pod template"
LOCAL_NAMES = (
    "error: you must specify resources by --filename when --local is set.\nExample resource specifications"
    " include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'"
)


def pod_spec(obj: Obj) -> Obj | None:
    """The pod spec inside an object (to be changed in place), None if it has none."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "Pod":
        return spec if isinstance(spec, dict) else None
    if obj.get("kind") == "CronJob":
        spec = ((spec.get("jobTemplate") or {}).get("spec")) or {}
    found = (spec.get("template") or {}).get("spec")
    return found if isinstance(found, dict) else None


def split_args(call: Call) -> tuple[list[str], list[str]]:
    """(resources, changes): changes are `k=v` and `k-`."""
    at = next(
        (i for i, word in enumerate(call.args) if "=" in word or (word.endswith("-") and len(word) > 1)),
        len(call.args),
    )
    return call.args[:at], call.args[at:]


def template_of(obj: Obj, info: Info) -> Obj:
    """The pod spec to change; CommandError if there is none."""
    spec = pod_spec(obj)
    if spec is None:
        raise CommandError(
            f"error: {kind_slash(info)} {NO_TEMPLATE}: *{info.resource.version}.{info.resource.kind}\n"
        )
    return spec


def _local(call: Call, resources: list[str]) -> tuple[list[Info], list[Exception]]:
    """The objects of the files, as they are: nobody is asked which namespace would be theirs."""
    if not selection.has_files(call):
        raise CommandError(MISSING)
    if resources:
        raise CommandError(LOCAL_NAMES)
    return manifests.local_infos(call)


def change_all(
    call: Call,
    resources: list[str],
    done: str,
    change: Callable[[Obj, Info], None],
    *,
    failure: str,
    always: bool = False,
) -> None:
    """Changes copies of the objects and sends the differences; with `always`, even if there are none.

    `failure`: words before the server's own when it refuses.
    """
    if call.flag("local"):
        infos, errors = _local(call, resources)
    else:
        infos, errors = selection.objects(call, selection.targets(call, resources))
    call.fail_all(errors)
    for info in infos:
        before: Obj = info.obj or {}
        after: Obj = deep_copy(before)
        try:
            change(after, info)
            kind = type_for(info.resource.api_version, info.resource.kind)
            patch = three_way(before, after, before, kind)
            if not patch and not always:
                continue
            if call.flag("local") or call.dry_run() == "client":
                call.out(output.result(call, done)(typed_form(after)), end="")
                continue
            query = {"fieldManager": call.flag("field-manager") or "kubectl-set"}
            if call.dry_run() == "server":
                query["dryRun"] = "All"
            answer = call.connection.patch(info.resource, info.scope, info.name, patch, **query)
            call.out(output.result(call, done)(typed(answer, info.resource)), end="")
        except StatusError as error:
            errors.append(CommandError(f"{failure}{error.message}") if failure else error)
        except CommandError as error:
            errors.append(error)
    call.fail_all(errors)


def kind_slash(info: Info) -> str:
    """`deployments/web`."""
    return f"{info.resource.plural}/{info.name}"


def need_resources(call: Call, resources: list[str]) -> None:
    """CommandError if nothing says which objects."""
    if not resources and not selection.has_files(call):
        raise CommandError(MISSING)


def containers_of(spec: Obj, pattern: str) -> list[Obj]:
    """The containers with such a name (* and ? allowed)."""
    return [one for one in spec.get("containers") or [] if fnmatchcase(str(one.get("name")), pattern)]
