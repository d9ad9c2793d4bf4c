"""`kubectl auth`: may I (can-i), who am I (whoami), and roles brought up to date (reconcile).

Source: k8s.io/kubectl/pkg/cmd/auth, component-helpers/auth/rbac/reconciliation.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli import tabwriter
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Quit
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import manifests, output, rbac_rules, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.examples import with_examples
from kubekit.terminal.kubectl.manifests import Info, file_flags, kind_name

_VERBS = {
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
    "*",
    "approve",
    "sign",
    "proxy",
    "post",
    "put",
    "head",
    "options",
}
_REVIEWS = "/apis/authorization.k8s.io/v1"


def can_i(call: Call) -> None:
    """`kubectl auth can-i VERB TYPE`."""
    if call.flag("list"):
        if call.args:
            raise CommandError("list option must be specified with no arguments")
        if call.flag("quiet") or call.all_namespaces or call.flag("subresource"):
            raise CommandError(
                "list option can't be specified with neither quiet, all-namespaces nor subresource options"
            )
        _list(call)
        return
    if len(call.args) != 2:
        raise CommandError(
            "you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubectl auth can-i -h' for help and examples."
        )
    verb, word = call.args
    review: Obj = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    if word.startswith("/"):
        if call.flag("subresource"):
            raise CommandError("--subresource can not be used with NonResourceURL")
        review["spec"] = {"nonResourceAttributes": {"path": word, "verb": verb}}
    else:
        review["spec"] = {"resourceAttributes": _attributes(call, verb, word)}
    if call.flag("no-headers"):
        raise CommandError("--no-headers cannot be set without --list specified")
    answer = call.connection.json("POST", f"{_REVIEWS}/selfsubjectaccessreviews", body=review)
    status = answer.get("status") or {}
    if not call.flag("quiet"):
        text = "yes" if status.get("allowed") else "no"
        if not status.get("allowed"):
            text += f" - {status['reason']}" if status.get("reason") else ""
            text += f" - {status['evaluationError']}" if status.get("evaluationError") else ""
        call.out(text)
    if not status.get("allowed"):
        raise Quit(1)


def _attributes(call: Call, verb: str, word: str) -> Obj:
    word, _, name = word.partition("/")
    group = version = ""
    namespaced = True
    if word == "*":
        plural = "*"
    else:
        try:
            resource = call.discovery.find(word)
            plural, group, version, namespaced = (
                resource.plural,
                resource.group,
                resource.version,
                resource.namespaced,
            )
        except CommandError:
            plural, _, group = word.partition(".")
            if not call.flag("quiet"):
                group_text = f" in group '{group}'" if group else ""
                call.err(f"Warning: the server doesn't have a resource type '{plural}'{group_text}\n")
    if verb not in _VERBS and not call.flag("quiet"):
        call.err(f"Warning: verb '{verb}' is not a known verb\n")
    if not namespaced and not call.all_namespaces and not call.flag("quiet"):
        where = f" in group '{group}'" if group else ""
        call.err(f"Warning: resource '{plural}' is not namespace scoped{where}\n")
    attributes: Obj = {"verb": verb, "resource": plural}
    if not call.all_namespaces:
        attributes["namespace"] = call.namespace
    for key, value in (
        ("group", group),
        ("version", version),
        ("name", name),
        ("subresource", call.flag("subresource")),
    ):
        if value:
            attributes[key] = value
    return attributes


def _list(call: Call) -> None:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": call.namespace},
    }
    answer = call.connection.json("POST", f"{_REVIEWS}/selfsubjectrulesreviews", body=body)
    status = answer.get("status") or {}
    rules = rbac_rules.compact(
        [*(status.get("resourceRules") or []), *(status.get("nonResourceRules") or [])]
    )
    rows = [] if call.flag("no-headers") else [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
    call.out(tabwriter.table(rows + rbac_rules.rows(rules)), end="")
    if status.get("incomplete"):
        call.err(f"Warning: the list may be incomplete: {status.get('evaluationError', '')}")


def whoami(call: Call) -> None:
    """`kubectl auth whoami`."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = call.connection.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body)
    printer = output.printer_for(call, typed=True, columns=False)
    if printer is not None:
        call.out(printer(_ordered(answer)), end="")
        return
    info = (answer.get("status") or {}).get("userInfo") or {}
    rows = [["ATTRIBUTE", "VALUE"]]
    if info.get("username"):
        rows.append(["Username", info["username"]])
    if info.get("uid"):
        rows.append(["UID", info["uid"]])
    if info.get("groups"):
        rows.append(["Groups", f"[{' '.join(info['groups'])}]"])
    for key in sorted(info.get("extra") or {}):
        rows.append([f"Extra: {key}", f"[{' '.join(info['extra'][key])}]"])
    call.out(tabwriter.table(rows), end="")


def _ordered(answer: Obj) -> Obj:
    info = (answer.get("status") or {}).get("userInfo") or {}
    ordered = {key: info[key] for key in ("username", "uid", "groups", "extra") if info.get(key)}
    return {**answer, "status": {**(answer.get("status") or {}), "userInfo": ordered}}


# -- reconcile ------------------------------------------------------------------------------------------


def _covers(rules: list[Obj], wanted: Obj) -> bool:
    """Whether one of the rules allows everything that `wanted` allows."""

    def holds(have: list[str] | None, want: list[str] | None) -> bool:
        have, want = have or [], want or []
        return "*" in have or set(want) <= set(have)

    for rule in rules:
        names = not rule.get("resourceNames") or set(wanted.get("resourceNames") or ["\0"]) <= set(
            rule["resourceNames"]
        )
        if names and all(
            holds(rule.get(key), wanted.get(key))
            for key in ("verbs", "apiGroups", "resources", "nonResourceURLs")
        ):
            return True
    return False


def _rule_text(rule: Obj) -> str:
    def listed(key: str) -> str:
        return "[" + " ".join(rule.get(key) or []) + "]"

    return (
        f"{{Verbs:{listed('verbs')} APIGroups:{listed('apiGroups')} Resources:{listed('resources')}"
        f" ResourceNames:{listed('resourceNames')} NonResourceURLs:{listed('nonResourceURLs')}}}"
    )


def reconcile(call: Call) -> None:
    """`kubectl auth reconcile -f FILE`: add what is missing, remove what is too much where asked."""
    if not selection.has_files(call):
        raise CommandError("must specify one of -f and -k")
    if call.dry_run() == "server":
        raise CommandError("--dry-run=server for command reconcile is not supported yet")
    errors: list[Exception] = []
    for document in manifests.documents(call, errors):
        try:
            own = meta(document.obj).get("namespace")
            info = manifests.to_info(call, document)
            if info.resource.group != "rbac.authorization.k8s.io":
                continue
            # The namespace of a role is made if it is missing, and is asked for by the name in the file.
            if info.resource.namespaced and not own and call.dry_run() != "client":
                raise CommandError("resource name may not be empty")
            _reconcile_one(call, info)
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)


def _reconcile_one(call: Call, info: Info) -> None:
    obj = info.obj or {}
    kind = info.resource.kind
    key = "rules" if kind in ("Role", "ClusterRole") else "subjects"
    current = call.connection.find(info.resource, info.scope, info.name)
    have, want = (current or {}).get(key) or [], obj.get(key) or []
    missing = [one for one in want if (one not in have if key == "subjects" else not _covers(have, one))]
    extra = [one for one in have if (one not in want if key == "subjects" else not _covers(want, one))]
    remove = extra and call.flag(f"remove-extra-{'permissions' if key == 'rules' else 'subjects'}")
    operation = "create" if current is None else "update" if missing or remove else ""
    if call.dry_run() != "client":
        if current is None:
            call.connection.create(info.resource, info.scope, obj)
        elif operation:
            kept = [one for one in have if one not in extra] if remove else have
            call.connection.replace(info.resource, info.scope, {**current, key: kept + missing})
    dry = {"client": " (dry run)", "server": " (server dry run)"}.get(call.dry_run(), "")
    call.out(f"{kind_name(info.resource)}/{meta(obj).get('name', '')} reconciled{dry}")
    if operation:
        call.err(f"\treconciliation required {operation}")
    if missing and key == "rules":
        call.err("\tmissing rules added:")
        for one in missing:
            call.err(f"\t\t{_rule_text(one)}")
    elif missing:
        call.err("\tmissing subjects added:")
        for one in missing:
            call.err(
                f"\t\t{{Kind:{one.get('kind')} APIGroup:{one.get('apiGroup', '')} Name:{one.get('name')}"
                f" Namespace:{one.get('namespace', '')}}}"
            )


COMMAND = Command(
    "auth [flags]",
    "Inspect authorization",
    None,
    commands=[
        Command(
            "can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
            "Check whether an action is allowed",
            can_i,
            [
                boolean("all-namespaces", "In all namespaces.", "A"),
                boolean("list", "Show everything that is allowed."),
                boolean("no-headers", "With --list: without the first line."),
                boolean("quiet", "Only the exit status.", "q"),
                string("subresource", "Of a subresource such as log."),
            ],
            example="kubectl auth can-i create pods\nkubectl auth can-i --list --as=jane",
        ),
        Command(
            "reconcile -f FILENAME [options]",
            "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
            reconcile,
            [
                *file_flags("the roles"),
                *output.output_flags(),
                output.dry_run_flag(),
                boolean("remove-extra-permissions", "Remove what the file does not allow."),
                boolean("remove-extra-subjects", "Remove who is not in the file."),
            ],
        ),
        Command(
            "whoami [options]",
            "Experimental: Check self subject attributes",
            whoami,
            output.output_flags(),
        ),
    ],
)
with_examples(COMMAND)
