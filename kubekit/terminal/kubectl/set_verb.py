"""`kubectl set`: image, env, resources, serviceaccount, selector, subject - changes to an object's pod
template.

Source: k8s.io/kubectl/pkg/cmd/set.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import quantity
from kubekit.api.exchange import Obj
from kubekit.api.selectors import SelectorError, parse_label_selector
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, boolean, listing, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.create_rbac import RBAC
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.manifests import Info, file_flags
from kubekit.terminal.kubectl.set_change import (
    change_all,
    containers_of,
    kind_slash,
    need_resources,
    split_args,
    template_of,
)
from kubekit.terminal.kubectl.set_env import env

_OPERATORS = {"in": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}


def image(call: Call) -> None:
    """`kubectl set image deploy/web nginx=nginx:1.29`."""
    resources, pairs = split_args(call)
    need_resources(call, resources)
    if not pairs:
        selection.targets(call, resources)
        raise CommandError("at least one image update is required")
    wanted = dict(pair.partition("=")[::2] for pair in pairs)
    if len(wanted) > 1 and "*" in wanted:
        raise CommandError(
            "all containers are already specified by *, but saw more than one"
            " container_name=container_image pairs"
        )

    def change(obj: Obj, info: Info) -> None:
        spec = template_of(obj, info)
        everything = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
        for name, value in wanted.items():
            found = [one for one in everything if name in ("*", one.get("name"))]
            if not found:
                raise CommandError(f'unable to find container named "{name}"')
            for one in found:
                one["image"] = value

    change_all(
        call, resources, "image updated", change, failure="failed to patch image update to pod template: "
    )


def _amounts(text: str) -> dict[str, str]:
    found = {}
    for pair in text.split(",") if text else []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        try:
            found[name] = quantity.canonical(value)
        except ValueError as error:
            raise CommandError(str(error)) from None
    return found


def resources_(call: Call) -> None:
    """`kubectl set resources deploy/web --limits=cpu=1 --requests=cpu=500m`."""
    limits, requests = _amounts(call.flag("limits")), _amounts(call.flag("requests"))
    need_resources(call, call.args)
    if not limits and not requests:
        raise CommandError(
            "you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    pattern = call.flag("containers") or "*"

    def change(obj: Obj, info: Info) -> None:
        found = containers_of(template_of(obj, info), pattern)
        if not found:
            raise CommandError(f"error: unable to find container named {pattern}")
        for one in found:
            have: dict[str, Any] = dict(one.get("resources") or {})
            for key, amounts in (("limits", limits), ("requests", requests)):
                if amounts:
                    have[key] = {**(have.get(key) or {}), **amounts}
            one["resources"] = have

    failure = "failed to patch resources update to pod template "
    change_all(call, call.args, "resource requirements updated", change, failure=failure)


def service_account(call: Call) -> None:
    """`kubectl set serviceaccount deploy/web robot`."""
    if not call.args:
        raise CommandError("serviceaccount is required")
    name, rest = call.args[-1], call.args[:-1]

    def change(obj: Obj, info: Info) -> None:
        spec = template_of(obj, info)
        # The old field is left to the server, which keeps both alike.
        spec["serviceAccountName"] = name

    change_all(
        call,
        rest,
        "serviceaccount updated",
        change,
        failure="failed to patch ServiceAccountName ",
        always=True,
    )


def selector(call: Call) -> None:
    """`kubectl set selector service web app=web`."""
    if not call.args:
        raise CommandError("one selector is required")
    resources, wanted = call.args[:-1], {}
    try:
        parsed = parse_label_selector(call.args[-1])
    except SelectorError as error:
        raise CommandError(f'couldn\'t parse the selector string "{call.args[-1]}": {error}') from None
    more = []
    for need in parsed.requirements:
        if need.operator in ("=", "=="):
            wanted[need.key] = need.values[0]
        else:
            operator = _OPERATORS.get(need.operator, need.operator)
            more.append(f"{{{need.key} {operator} [{' '.join(need.values)}]}}")

    def change(obj: Obj, info: Info) -> None:
        if info.resource.kind != "Service":
            raise CommandError("setting a selector is only supported for Services")
        if more:
            raise CommandError(f"match expression [{' '.join(more)}] not supported on this object")
        obj["spec"] = {**(obj.get("spec") or {}), "selector": wanted}
        if call.flag("resource-version"):
            obj["metadata"]["resourceVersion"] = call.flag("resource-version")

    change_all(call, resources, "selector updated", change, failure="", always=True)


def subject(call: Call) -> None:
    """`kubectl set subject rolebinding admin --user=jane`."""
    new: list[Obj] = [{"apiGroup": RBAC, "kind": "User", "name": one} for one in call.flag("user") or []]
    new += [{"apiGroup": RBAC, "kind": "Group", "name": one} for one in call.flag("group") or []]
    for account in call.flag("serviceaccount") or []:
        namespace, colon, name = account.partition(":")
        if not colon:
            raise CommandError("serviceaccount must be <namespace>:<name>")
        new.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    if not new:
        raise CommandError("you must specify at least one value of user, group or serviceaccount")

    def change(obj: Obj, info: Info) -> None:
        if info.resource.kind not in ("RoleBinding", "ClusterRoleBinding"):
            raise CommandError(
                f"error: {kind_slash(info)} setting subjects is only supported for"
                " RoleBinding/ClusterRoleBinding\n"
            )
        have = list(obj.get("subjects") or [])
        obj["subjects"] = have + [one for one in new if one not in have]

    failure = "failed to patch subjects to rolebinding: "
    change_all(call, call.args, "subjects updated", change, failure=failure)


def _flags(*more: Flag) -> list[Flag]:
    return [
        *file_flags("what to change"),
        *output.output_flags(),
        output.dry_run_flag(),
        boolean("all", "All objects of the types."),
        string(
            "field-manager", "The name under which the server notes who changed what.", default="kubectl-set"
        ),
        boolean("local", "Change the files' objects only."),
        string("selector", "Only objects with these labels.", "l"),
        *more,
    ]


COMMAND = Command(
    "set SUBCOMMAND",
    "Set specific features on objects",
    None,
    commands=[
        Command(
            "env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
            "Update environment variables on a pod template",
            env,
            _flags(
                string("containers", "Only containers of this name (* and ? allowed).", "c", "*"),
                listing("env", "Ignored: give KEY=value as arguments.", "e"),
                string("from", "A config map or secret to take variables from."),
                listing("keys", "With --from: only these keys."),
                boolean("list", "Show them."),
                boolean("overwrite", "Change what is set already.", default=True),
                string("prefix", "With --from: put this before the names."),
                boolean("resolve", "With --list: show the values behind references."),
            ),
        ),
        Command(
            "image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ..."
            " CONTAINER_NAME_N=CONTAINER_IMAGE_N"
            " [options]",
            "Update the image of a pod template",
            image,
            _flags(),
        ),
        Command(
            "resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS] [options]",
            "Update resource requests/limits on objects with pod templates",
            resources_,
            _flags(
                string("containers", "Only containers of this name (* and ? allowed).", "c", "*"),
                string("limits", "cpu=1,memory=1Gi."),
                string("requests", "cpu=500m,memory=512Mi."),
            ),
        ),
        Command(
            "selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version] [options]",
            "Set the selector on a resource",
            selector,
            _flags(string("resource-version", "Only if it is this version.")),
        ),
        Command(
            "serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
            "Update the service account of a resource",
            service_account,
            _flags(),
            aliases=("sa",),
        ),
        Command(
            "subject (-f FILENAME | TYPE NAME) [--user=username] [--group=groupname]"
            " [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none] [options]",
            "Update the user, group, or service account in a role binding or cluster role binding",
            subject,
            _flags(
                array("user", "A user."),
                array("group", "A group."),
                array("serviceaccount", "namespace:name."),
            ),
        ),
    ],
)
with_examples(COMMAND)
