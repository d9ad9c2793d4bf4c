"""`kubectl wait`: until a condition holds, a field has a value, an object exists, or is gone.

Source: k8s.io/kubectl/pkg/cmd/wait.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api import jsonpath
from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import array, boolean, duration
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info, file_flags, selector_flags

Test = Callable[[Obj | None], bool]


def phase_of(call: Call, name: str) -> str:
    """A pod's phase; empty if there is no such pod."""
    found = call.connection.find(call.discovery.find("pods"), call.namespace, name)
    return str(((found or {}).get("status") or {}).get("phase", ""))


def _condition(text: str) -> Test:
    name, _, value = text.partition("=")
    wanted = (value or "true").lower()

    def holds(obj: Obj | None) -> bool:
        if obj is None:
            return False
        generation = meta(obj).get("generation")
        for one in (obj.get("status") or {}).get("conditions") or []:
            if str(one.get("type", "")).lower() == name.lower():
                observed = one.get("observedGeneration") or (obj.get("status") or {}).get(
                    "observedGeneration"
                )
                if generation is not None and observed is not None and int(observed) < int(generation):
                    return False
                return bool(str(one.get("status", "")).lower() == wanted)
        return False

    return holds


def _path(text: str) -> Test:
    # The value stands after the last brace; without one, being there is enough.
    head, brace, tail = text.rpartition("}")
    if brace:
        path, equals, value = head + brace, tail[:1], tail[1:]
    else:
        path, equals, value = text.partition("=")
    if equals and not value:
        raise CommandError(
            "jsonpath wait has to have a value after equal sign, like"
            " --for=jsonpath='{.status.readyReplicas}'=3"
        )
    nodes = jsonpath.parse(output.relaxed(path))

    def holds(obj: Obj | None) -> bool:
        if obj is None:
            return False
        found = jsonpath.find(nodes, obj, allow_missing=True)
        if len(found) > 1 and equals:
            raise CommandError("given jsonpath expression matches more than one value")
        if not found:
            return False
        if isinstance(found[0], dict | list) and equals:
            raise CommandError("jsonpath leads to a nested object or list which is not supported")
        return jsonpath.text_of(found[0]).strip() == value.strip("\"'") if equals else found[0] is not None

    return holds


def _test(words: list[str]) -> tuple[str, Test]:
    if not words:
        raise CommandError("unrecognized condition: []")
    text = words[-1]
    lowered = text.lower()
    if lowered == "delete":
        return "delete", lambda obj: obj is None
    if lowered == "create":
        return "create", lambda obj: obj is not None
    if lowered.startswith("condition="):
        return "condition", _condition(text[len("condition=") :])
    if lowered.startswith("jsonpath="):
        return "jsonpath", _path(text[len("jsonpath=") :])
    raise CommandError(f'unrecognized condition: "{text}"')


def run(call: Call) -> None:
    """`kubectl wait`."""
    kind, test = _test(call.flag("for") or [])
    timeout = call.flag("timeout")
    if timeout < 0:
        timeout = 7 * 24 * 3600.0
    wanted = selection.targets(call)
    infos: list[Info] = []
    for target in wanted:
        if kind in ("create", "delete") and target.name:
            found = call.connection.find(target.resource, target.namespace, target.name)
            if found is not None or kind == "create":
                infos.append(Info(target.resource, target.namespace or "", target.name, found))
            continue
        infos += selection.fetch(call, target)
    if not infos:
        if kind == "delete":
            return
        raise CommandError("no matching resources found")
    start = call.now
    errors: list[Exception] = []
    for info in infos:
        try:
            _one(call, info, kind, test, max(0.0, timeout - (call.now - start)))
        except (CommandError, StatusError) as error:
            errors.append(error)
    call.fail_all(errors)


def _one(call: Call, info: Info, kind: str, test: Test, timeout: float) -> None:
    last: list[Obj | None] = [info.obj]
    uid = meta(info.obj or {}).get("uid")

    def holds() -> bool:
        found = call.connection.find(info.resource, info.scope, info.name)
        if found is not None and kind == "delete" and meta(found).get("uid") != uid:
            return True
        if found is None and kind not in ("delete", "create"):
            raise CommandError(f'{info.resource.plural} "{info.name}" not found')
        if found is not None:
            last[0] = typed(found, info.resource)
        return test(found)

    if not call.wait_until(holds, timeout):
        raise CommandError(f"timed out waiting for the condition on {info.resource.plural}/{info.name}")
    shown = last[0] or {
        "apiVersion": info.resource.api_version,
        "kind": info.resource.kind,
        "metadata": {"name": info.name},
    }
    call.out(output.result(call, "condition met")(shown), end="")


COMMAND = Command(
    "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)])"
    " [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]] [options]",
    "Wait for a specific condition on one or many resources",
    run,
    [
        *file_flags("what to wait for"),
        *selector_flags(),
        *output.output_flags(),
        boolean("all", "All objects of the types."),
        boolean("all-namespaces", "In all namespaces.", "A"),
        array("for", "create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]."),
        boolean("local", "Look at the files' objects only."),
        duration("timeout", "Give up after this time; negative: after a week.", 30.0),
    ],
    example="kubectl wait --for=condition=Ready pod/web\nkubectl wait --for=delete pod/web --timeout=60s",
)
