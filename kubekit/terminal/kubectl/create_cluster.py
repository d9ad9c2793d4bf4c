"""`kubectl create namespace | serviceaccount | quota | priorityclass | poddisruptionbudget | token`.

Source: k8s.io/kubectl/pkg/cmd/create.
"""

from __future__ import annotations

import re

from kubekit.api import quantity, selectors
from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, bare
from kubekit.terminal.cli.flags import Flag, array, boolean, duration, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.generate import create_flags, metadata, one_name, submit

_BOUND = {"Node": "v1", "Pod": "v1", "Secret": "v1"}


def namespace(call: Call) -> None:
    """`kubectl create namespace NAME`."""
    name = one_name(call)
    submit(call, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def service_account(call: Call) -> None:
    """`kubectl create serviceaccount NAME`."""
    obj: Obj = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(call, one_name(call))}
    submit(call, obj, failure="failed to create serviceaccount: ")


def _hard(text: str) -> Obj:
    found: Obj = {}
    for pair in text.split(",") if text else []:
        key, equals, value = pair.partition("=")
        if not equals or "=" in value:
            raise CommandError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        try:
            found[key] = quantity.canonical(value)
        except ValueError as error:
            raise CommandError(str(error)) from None
    return found


def quota(call: Call) -> None:
    """`kubectl create quota NAME --hard=cpu=1,pods=2`."""
    name = one_name(call)
    spec: Obj = {}
    if call.flag("hard"):
        spec["hard"] = _hard(call.flag("hard"))
    if call.flag("scopes"):
        scopes = call.flag("scopes").split(",")
        if "" in scopes:
            raise CommandError('invalid resource quota scope ""')
        spec["scopes"] = scopes
    obj: Obj = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata(call, name), "spec": spec}
    submit(call, obj, failure="failed to create quota: ")


def priority_class(call: Call) -> None:
    """`kubectl create priorityclass NAME --value=1000`."""
    obj: Obj = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": one_name(call)},
        "value": call.flag("value"),
        "preemptionPolicy": call.flag("preemption-policy"),
    }
    if call.flag("description"):
        obj["description"] = call.flag("description")
    if call.flag("global-default"):
        obj["globalDefault"] = True
    submit(call, obj, failure="failed to create priorityclass: ")


def label_selector(text: str) -> Obj:
    """A LabelSelector object from `app=web,tier in (a,b)`. CommandError if it is none."""
    try:
        parsed = selectors.parse_label_selector(text)
    except ValueError as error:
        raise CommandError(f'couldn\'t parse the selector string "{text}": {error}') from None
    found: Obj = {}
    for need in parsed.requirements:
        values = list(need.values)
        if need.operator in ("=", "==") or (need.operator == "in" and len(values) == 1):
            found.setdefault("matchLabels", {})[need.key] = values[0]
            continue
        words = {"in": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
        entry: Obj = {"key": need.key, "operator": words.get(need.operator, need.operator)}
        found.setdefault("matchExpressions", []).append({**entry, **({"values": values} if values else {})})
    return found


def disruption_budget(call: Call) -> None:
    """`kubectl create poddisruptionbudget NAME --selector=app=web --min-available=1`."""
    name = one_name(call)
    least, most = call.flag("min-available"), call.flag("max-unavailable")
    if not call.flag("selector"):
        raise CommandError("a selector must be specified")
    if not least and not most:
        raise CommandError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise CommandError("min-available and max-unavailable cannot be both specified")
    if not re.fullmatch(r"\d+%?", least or most):
        which = "min-available" if least else "max-unavailable"
        raise CommandError(f"invalid format specified for {which}")
    bound: str | int = least or most
    spec: Obj = {
        ("minAvailable" if least else "maxUnavailable"): int(bound) if str(bound).isdigit() else bound
    }
    spec["selector"] = label_selector(call.flag("selector"))
    obj: Obj = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(call, name),
        "spec": spec,
    }
    submit(call, obj, failure="failed to create poddisruptionbudgets: ")


def token(call: Call) -> None:
    """`kubectl create token SERVICE_ACCOUNT`."""
    name = one_name(call)
    seconds, kind = call.flag("duration"), call.flag("bound-object-kind")
    if seconds < 0:
        raise CommandError("--duration must be greater than or equal to 0")
    if seconds != int(seconds):
        raise CommandError("--duration cannot be expressed in units less than seconds")
    if not kind:
        for word in ("name", "uid"):
            if call.flag(f"bound-object-{word}"):
                raise CommandError(
                    f"--bound-object-{word} can only be set if --bound-object-kind is provided"
                )
    elif kind not in _BOUND:
        raise CommandError(f"supported --bound-object-kind values are {', '.join(sorted(_BOUND))}")
    elif not call.flag("bound-object-name"):
        raise CommandError("--bound-object-name is required if --bound-object-kind is provided")
    spec: Obj = {"audiences": call.flag("audience") or None}
    if seconds:
        spec["expirationSeconds"] = int(seconds)
    if kind:
        spec["boundObjectRef"] = {
            "kind": kind,
            "apiVersion": _BOUND[kind],
            "name": call.flag("bound-object-name"),
        }
        if call.flag("bound-object-uid"):
            spec["boundObjectRef"]["uid"] = call.flag("bound-object-uid")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = call.discovery.find("serviceaccounts").path(call.namespace, name, "token")
    try:
        answer = call.connection.json("POST", path, body=body)
    except StatusError as error:
        raise CommandError(f"failed to create token: {bare(error)}") from None
    printer = output.printer_for(call, typed=True, columns=False)
    # No line break after the bare token, so that it can be piped.
    call.out(printer(answer) if printer else answer["status"]["token"], end="")


COMMANDS = [
    Command(
        "namespace NAME [--dry-run=server|client|none]",
        "Create a namespace with the specified name",
        namespace,
        create_flags(),
        aliases=("ns",),
    ),
    Command(
        "serviceaccount NAME [--dry-run=server|client|none]",
        "Create a service account with the specified name",
        service_account,
        create_flags(),
        aliases=("sa",),
    ),
    Command(
        "quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]",
        "Create a quota with the specified name",
        quota,
        [
            *create_flags(),
            string("hard", "What is allowed, key=value,..."),
            string("scopes", "Which objects count."),
        ],
        aliases=("resourcequota",),
    ),
    Command(
        "priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
        "Create a priority class with the specified name",
        priority_class,
        [
            *create_flags(),
            Flag("value", "int32", 0, help="The priority."),
            boolean("global-default", "For pods that name no class."),
            string("description", "What it is for."),
            string("preemption-policy", "PreemptLowerPriority or Never.", default="PreemptLowerPriority"),
        ],
        aliases=("pc",),
    ),
    Command(
        "poddisruptionbudget NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
        "Create a pod disruption budget with the specified name",
        disruption_budget,
        [
            *create_flags(),
            string("selector", "Which pods."),
            string("min-available", "How many must stay, a number or a percentage."),
            string("max-unavailable", "How many may be missing, a number or a percentage."),
        ],
        aliases=("pdb",),
    ),
    Command(
        "token SERVICE_ACCOUNT_NAME",
        "Request a service account token",
        token,
        [
            *output.output_flags(),
            array("audience", "Who the token is for."),
            duration("duration", "How long it is valid."),
            string("bound-object-kind", "Bound to the life of an object of this kind: Node, Pod or Secret."),
            string("bound-object-name", "The object's name."),
            string("bound-object-uid", "The object's UID."),
        ],
    ),
]
