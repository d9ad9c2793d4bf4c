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
from kubekit.terminal.cli.flags import Flag, array, boolean, duration
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info, selector_flags

Test = Callable[[Obj], bool]
A_WEEK = 7 * 24 * 3600.0


def phase_of(call: Call, name: str) -> str:
    """A pod's phase; empty if there is no such pod."""
    found = call.connection.find(call.discovery.find("pods"), call.namespace, name)
    return str(((found or {}).get("status") or {}).get("phase", ""))


def _condition(text: str) -> Test:
    name, equals, value = text.partition("=")
    wanted = (value if equals else "true").casefold()

    def holds(obj: Obj) -> bool:
        status, generation = obj.get("status") or {}, meta(obj).get("generation")
        for one in status.get("conditions") or []:
            if str(one.get("type", "")).casefold() != name.casefold() or "status" not in one:
                continue
            observed = one.get("observedGeneration", status.get("observedGeneration"))
            if generation is not None and observed is not None and int(observed) < int(generation):
                return False
            return bool(str(one["status"]).casefold() == wanted)
        return False

    return holds


def _split(text: str) -> list[str]:
    """The parts between single equal signs; double ones belong to a filter."""
    return [part.replace("\0", "==") for part in text.replace("==", "\0").split("=")]


def _path(text: str) -> Test:
    parts = _split(text)
    if len(parts) > 2:
        raise CommandError(
            "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or"
            " --for=jsonpath='{.status.readyReplicas}'"
        )
    path, value = output.relaxed(parts[0]), parts[1].strip("'\"") if len(parts) == 2 else None
    if value == "":
        raise CommandError(
            "jsonpath wait has to have a value after equal sign, like"
            " --for=jsonpath='{.status.readyReplicas}'=3"
        )
    if not path:
        raise CommandError("jsonpath expression cannot be empty")
    nodes = jsonpath.parse(path)

    def holds(obj: Obj) -> bool:
        lists = jsonpath.find_all(nodes, obj, allow_missing=True)
        if not lists or not lists[0]:
            return False
        if len(lists) > 1:
            raise CommandError("given jsonpath expression matches more than one list")
        if len(lists[0]) > 1:
            raise CommandError("given jsonpath expression matches more than one value")
        if value is None:
            return True
        if isinstance(lists[0][0], dict | list):
            raise CommandError("jsonpath leads to a nested object or list which is not supported")
        return jsonpath.text_of(lists[0][0]).strip() == value.strip()

    return holds


def _test(text: str) -> Test | str:
    """What one --for asks: `create`, `delete`, or a test of the object."""
    if text.lower() in ("create", "delete"):
        return text.lower()
    if text.startswith("condition="):
        return _condition(text.removeprefix("condition="))
    if text.startswith("jsonpath="):
        return _path(text.removeprefix("jsonpath="))
    raise CommandError(f'unrecognized condition: "{text}"')


def run(call: Call) -> None:
    """`kubectl wait`: all that --for asks, one after the other, for each object."""
    tests = [_test(text) for text in call.flag("for") or []]
    if not tests:
        raise CommandError("unrecognized condition: []")
    timeout = call.flag("timeout")
    if timeout < 0:
        timeout = A_WEEK
    deadline = call.now + timeout
    wanted = selection.targets(call)
    if "create" in tests and not call.wait_until(lambda: _is_there(call, wanted), timeout):
        raise CommandError("timed out waiting for the condition")
    infos, errors = selection.objects(call, wanted)
    if "delete" in tests:
        errors = [one for one in errors if not (isinstance(one, StatusError) and one.code == 404)]
    for info in infos:
        try:
            for test in tests:
                _one(call, info, test, deadline, once=timeout == 0)
        except (CommandError, StatusError) as error:
            errors.append(error)
    call.fail_all(errors)
    if not infos and "delete" not in tests:
        raise CommandError("no matching resources found")


def _is_there(call: Call, wanted: list[selection.Target]) -> bool:
    """Whether something of what is waited for exists by now."""
    infos, errors = selection.objects(call, wanted)
    for error in errors:
        if not (isinstance(error, StatusError) and error.code == 404):
            raise error
    return bool(infos) and not errors


def _one(call: Call, info: Info, test: Test | str, deadline: float, *, once: bool) -> None:
    """One test of one object. `once`: look, do not wait."""
    last: list[Obj] = [info.obj or {}]

    def holds() -> bool:
        found = call.connection.find(info.resource, info.scope, info.name)
        if found is not None:
            last[0] = typed(found, info.resource)
        if not callable(test):
            # Somebody else of the same name is not who was waited for.
            gone = found is None or meta(found).get("uid") != meta(info.obj or {}).get("uid")
            return test == "create" or gone
        return found is not None and test(last[0])

    left = deadline - call.now
    named = f"{info.resource.plural}/{info.name}"
    if once:
        if not holds():
            raise CommandError(f"condition not met for {named}")
    elif left <= 0 or not call.wait_until(holds, left):
        raise CommandError(f"timed out waiting for the condition on {named}")
    call.out(output.result(call, "condition met")(last[0]), end="")


COMMAND = Command(
    "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)])"
    " [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]] [options]",
    "Wait for a specific condition on one or many resources",
    run,
    [
        Flag("filename", "list", None, "f", help="Files, folders or `-`: what to wait for."),
        boolean("recursive", "Look into folders below, too.", "R", True),
        *selector_flags(),
        *output.output_flags(),
        boolean("all", "All objects of the types."),
        boolean("all-namespaces", "In all namespaces.", "A"),
        array("for", "create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]; all of several."),
        boolean("local", "Look at the files' objects only."),
        duration("timeout", "Give up after this time; negative: after a week.", 30.0),
    ],
    example="kubectl wait --for=condition=Ready pod/web\nkubectl wait --for=delete pod/web --timeout=60s",
)
