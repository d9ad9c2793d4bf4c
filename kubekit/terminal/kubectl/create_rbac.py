"""`kubectl create role | clusterrole | rolebinding | clusterrolebinding`.

Source: k8s.io/kubectl/pkg/cmd/create (create_role.go, create_clusterrole.go, create_rolebinding.go, ...).
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, listing, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.generate import create_flags, metadata, one_name, required, submit

RBAC = "rbac.authorization.k8s.io"
_VERBS = (
    "get", "delete", "list", "create", "update", "patch", "watch", "proxy", "deletecollection", "use", "bind",
    "impersonate", "escalate", "approve", "sign", "*",
)  # fmt: skip
_URL_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "*")
_SPECIAL_VERBS = {
    "use": (
        ("policy", "podsecuritypolicies"),
        ("extensions", "podsecuritypolicies"),
    ),
    "bind": ((RBAC, "roles"), (RBAC, "clusterroles")),
    "escalate": ((RBAC, "roles"), (RBAC, "clusterroles")),
    "impersonate": (
        ("", "users"),
        ("", "serviceaccounts"),
        ("", "groups"),
        ("authentication.k8s.io", "userextras"),
        ("authentication.k8s.io", "uids"),
    ),
    "approve": (("certificates.k8s.io", "signers"),),
    "sign": (("certificates.k8s.io", "signers"),),
}


def _verbs(call: Call) -> list[str]:
    words = list(dict.fromkeys(call.flag("verb") or []))
    return ["*"] if "*" in words else words


def _resources(call: Call, verbs: list[str]) -> list[tuple[str, str]]:
    """(group, resource or resource/subresource) of each --resource, as the server calls them."""
    found: list[tuple[str, str]] = []
    for word in call.flag("resource") or []:
        head, _, sub = word.partition("/")
        name, _, group = head.partition(".")
        if not name and ("/" in word or group):
            raise CommandError("resource must be specified if apiGroup/subresource specified")
        if name == "*" and not sub and not group:
            return [("", "*")]
        if name == "*":
            found.append((group, "*" + (f"/{sub}" if sub else "")))
            continue
        try:
            resource = call.discovery.find(head)
        except CommandError:
            if (verb_special(verbs, group, name)) or not name:
                found.append((group, name))
                continue
            raise CommandError(_no_resource(name, group), prefix=False) from None
        _check_special(verbs, resource.group, resource.plural)
        found.append((resource.group, resource.plural + (f"/{sub}" if sub else "")))
    return found


def _check_special(verbs: list[str], group: str, name: str) -> None:
    """Verbs such as `use` go with few resources."""
    for verb in verbs:
        if verb in _SPECIAL_VERBS and (group, name) not in _SPECIAL_VERBS[verb]:
            raise CommandError(f"can not perform '{verb}' on '{name}' in group '{group}'")


def verb_special(verbs: list[str], group: str, name: str) -> bool:
    """Whether a pseudo-resource such as `users` goes with one of these verbs."""
    return any((group, name) in _SPECIAL_VERBS.get(verb, ()) for verb in verbs)


def _no_resource(name: str, group: str) -> str:
    if group:
        return f'the server doesn\'t have a resource type "{name}" in group "{group}"'
    return f'the server doesn\'t have a resource type "{name}"'


def _rules(call: Call, verbs: list[str], resources: list[tuple[str, str]]) -> list[Obj]:
    groups: dict[str, list[str]] = {}
    for group, name in resources:
        groups.setdefault(group, [])
        if name not in groups[group]:
            groups[group].append(name)
    names = list(dict.fromkeys(call.flag("resource-name") or []))
    rules: list[Obj] = []
    for group in sorted(groups):
        rule: Obj = {"apiGroups": [group], "resources": groups[group], "verbs": verbs}
        rules.append({**rule, **({"resourceNames": names} if names else {})})
    return rules


def _check_verbs(call: Call, verbs: list[str]) -> None:
    for verb in verbs:
        if verb not in _VERBS:
            call.warn(f"'{verb}' is not a standard resource verb")


def role(call: Call) -> None:
    """`kubectl create role NAME --verb=get --resource=pods`."""
    name, verbs = one_name(call), _verbs(call)
    if not verbs:
        raise CommandError("at least one verb must be specified")
    _check_verbs(call, verbs)
    if not call.flag("resource"):
        raise CommandError("at least one resource must be specified")
    rules = _rules(call, verbs, _resources(call, verbs))
    obj: Obj = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata(call, name), "rules": rules}
    submit(call, obj)


def cluster_role(call: Call) -> None:
    """`kubectl create clusterrole NAME --verb=get --resource=nodes`."""
    name, verbs = one_name(call), _verbs(call)
    urls, aggregation = call.flag("non-resource-url") or [], call.flag("aggregation-rule") or {}
    obj: Obj = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    if aggregation:
        if urls or verbs or call.flag("resource") or call.flag("resource-name"):
            raise CommandError(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or"
                " resourceNames"
            )
        obj |= {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": aggregation}]}, "rules": None}
        submit(call, obj)
        return
    if not verbs:
        raise CommandError("at least one verb must be specified")
    if not call.flag("resource") and not urls:
        raise CommandError("one of resource or nonResourceURL must be specified")
    if call.flag("resource"):
        _check_verbs(call, verbs)
    for url in urls:
        for verb in verbs:
            if verb not in _URL_VERBS:
                raise CommandError(f"invalid verb: '{verb}' for nonResourceURL")
        if not url.startswith("/") and url != "*":
            raise CommandError("nonResourceURL should start with /")
        if "*" in url[:-1]:
            raise CommandError("nonResourceURL only supports wildcard matches when '*' is at the end")
    rules = _rules(call, verbs, _resources(call, verbs))
    if urls:
        rules.append({"nonResourceURLs": urls, "verbs": verbs})
    submit(call, {**obj, "rules": rules})


def _subjects(call: Call) -> list[Obj]:
    found: list[Obj] = [{"apiGroup": RBAC, "kind": "User", "name": name} for name in call.flag("user") or []]
    found += [{"apiGroup": RBAC, "kind": "Group", "name": name} for name in call.flag("group") or []]
    for account in call.flag("serviceaccount") or []:
        namespace, colon, name = account.partition(":")
        if not colon or not name or not namespace or ":" in name:
            raise CommandError("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return found


def role_binding(call: Call) -> None:
    """`kubectl create rolebinding NAME --role=r --user=u`."""
    name = one_name(call)
    if bool(call.flag("clusterrole")) == bool(call.flag("role")):
        raise CommandError("exactly one of clusterrole or role must be specified")
    kind = "Role" if call.flag("role") else "ClusterRole"
    reference = {"apiGroup": RBAC, "kind": kind, "name": call.flag("role") or call.flag("clusterrole")}
    obj: Obj = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(call, name),
        "roleRef": reference,
    }
    if subjects := _subjects(call):
        obj["subjects"] = subjects
    submit(call, obj, failure="failed to create rolebinding: ")


def cluster_role_binding(call: Call) -> None:
    """`kubectl create clusterrolebinding NAME --clusterrole=r --user=u`."""
    required(call, "clusterrole")
    name = one_name(call)
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": call.flag("clusterrole")}
    obj: Obj = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": reference,
    }
    if subjects := _subjects(call):
        obj["subjects"] = subjects
    submit(call, obj, failure="failed to create clusterrolebinding: ")


def _role_flags() -> list[Flag]:
    return [
        *create_flags(),
        listing("verb", "What may be done."),
        listing("resource", "With what, e.g. pods,deployments.apps,pods/log."),
        array("resource-name", "Only with objects of this name."),
    ]


def _subject_flags() -> list[Flag]:
    return [
        *create_flags(),
        string("clusterrole", "The cluster role to bind."),
        array("group", "A group to bind it to."),
        array("serviceaccount", "A service account to bind it to, namespace:name."),
        array("user", "A user to bind it to."),
    ]


COMMANDS = [
    Command(
        "role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename]"
        " [--dry-run=server|client|none]",
        "Create a role with single rule",
        role,
        _role_flags(),
    ),
    Command(
        "clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename]"
        " [--dry-run=server|client|none]",
        "Create a cluster role",
        cluster_role,
        [
            *_role_flags(),
            listing("non-resource-url", "Paths that are no resources."),
            Flag("aggregation-rule", "pairs", "", help="Labels of the roles to gather rules from."),
        ],
    ),
    Command(
        "rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname]"
        " [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        "Create a role binding for a particular role or cluster role",
        role_binding,
        [*_subject_flags(), string("role", "The role to bind.")],
    ),
    Command(
        "clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname]"
        " [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        "Create a cluster role binding for a particular cluster role",
        cluster_role_binding,
        _subject_flags(),
    ),
]
