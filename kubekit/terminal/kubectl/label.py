"""`kubectl label` and `kubectl annotate`: set, change (--overwrite) or remove (`key-`) labels and
annotations.

Source: k8s.io/kubectl/pkg/cmd/label, annotate.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, boolean, string
from kubekit.terminal.kubectl import manifests, output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.connection import typed
from kubekit.terminal.kubectl.manifests import Info, file_flags, selector_flags

MERGE = "application/merge-patch+json"


def split_args(args: list[str], noun: str) -> tuple[list[str], list[str]]:
    """(resources, pairs): pairs are `k=v` and `k-`; resources stand before them."""
    resources: list[str] = []
    pairs: list[str] = []
    for word in args:
        is_pair = "=" in word[1:] or (word.endswith("-") and len(word) > 1)
        if is_pair:
            pairs.append(word)
        elif pairs:
            raise CommandError(f"all resources must be specified before {noun} changes: {word}")
        else:
            resources.append(word)
    return resources, pairs


def parse_pairs(pairs: list[str], noun: str) -> tuple[dict[str, str], list[str]]:
    """(what to set, what to remove). CommandError for what is no label or annotation."""
    new: dict[str, str] = {}
    remove: list[str] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals:
            if noun == "label" and "=" in value:
                raise CommandError(f"invalid label spec: {pair}")
            problems = formats.label_value(value) if noun == "label" else []
            if problems:
                raise CommandError(f'invalid label value: "{pair}": {";".join(problems)}')
            new[key] = value
        else:
            remove.append(pair[:-1])
    for key in new:
        if key in remove:
            raise CommandError(
                f"can not both modify and remove {'a label' if noun == 'label' else 'an annotation'} in the"
                f" same command"
            )
    return new, remove


def _run(call: Call, noun: str) -> None:
    field = "labels" if noun == "label" else "annotations"
    resources, pairs = split_args(call.args, noun)
    new, remove = parse_pairs(pairs, noun)
    if call.flag("list") and call.flag("output"):
        raise CommandError("--list and --output may not be specified together")
    for other in ("selector", "field-selector"):
        if call.flag("all") and call.flag(other):
            raise CommandError(f"cannot set --all and --{other} at the same time")
    if not resources and not selection.has_files(call):
        raise CommandError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    if not pairs and not call.flag("list"):
        raise CommandError(f"at least one {noun} update is required")
    infos, errors = _objects(call, resources)
    if call.flag("resource-version") and len(infos) > 1:
        raise CommandError("--resource-version may only be used with a single resource")
    if call.flag("list"):
        for info in infos:
            if len(infos) > 1:
                call.out(f"Listing {field} for {info.resource.kind}.{info.resource.group}/{info.name}:")
            for key, value in sorted((meta(info.obj or {}).get(field) or {}).items()):
                call.out(f"{' ' if len(infos) > 1 else ''}{key}={value}")
        call.fail_all(errors)
        return
    for info in infos:
        try:
            _one(call, info, noun, field, new, remove)
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)


def _objects(call: Call, resources: list[str]) -> tuple[list[Info], list[Exception]]:
    if call.flag("local"):
        return manifests.local_infos(call)
    return selection.objects(call, selection.targets(call, resources))


def _one(call: Call, info: Info, noun: str, field: str, new: dict[str, str], remove: list[str]) -> None:
    obj: Obj = deep_copy(info.obj or {})
    have: dict[str, str] = dict(meta(obj).get(field) or {})
    before = dict(have)
    if not call.flag("overwrite"):
        clash = [key for key in new if key in have and (noun != "label" or have[key] != new[key])]
        if noun == "annotation":
            # Why something changed may always be said anew.
            clash = [key for key in clash if have[key] != new[key] and key != "kubernetes.io/change-cause"]
            if clash:
                raise CommandError(
                    "--overwrite is false but found the following declared annotation(s): "
                    + "; ".join(f"'{key}' already has a value ({have[key]})" for key in clash)
                )
        elif clash:
            key = clash[0]
            raise CommandError(f"'{key}' already has a value ({have[key]}), and --overwrite is false")
    for key in remove:
        if key not in have and noun == "label":
            call.out(f'label "{key}" not found.')
        have.pop(key, None)
    have |= new
    done = "annotated" if noun == "annotation" else _done(before, have)
    obj["metadata"] = {**meta(obj), field: have}
    if call.dry_run() != "client" and not call.flag("local") and have != before:
        patch: Obj = {
            "metadata": {
                field: {key: have.get(key) for key in [*new, *remove] if have.get(key) != before.get(key)}
            }
        }
        version = call.flag("resource-version")
        if version:
            patch["metadata"]["resourceVersion"] = version
        query = {
            "fieldManager": call.flag("field-manager")
            or f"kubectl-{'label' if noun == 'label' else 'annotate'}"
        }
        if call.dry_run() == "server":
            query["dryRun"] = "All"
        answer = call.connection.patch(info.resource, info.scope, info.name, patch, MERGE, **query)
        obj = typed(answer, info.resource)
    call.out(output.result(call, done)(obj), end="")


def _done(before: dict[str, str], after: dict[str, str]) -> str:
    """What was done to the labels."""
    added = any(before.get(key) != value for key, value in after.items())
    removed = any(key not in after for key in before)
    if added and removed:
        return "modified"
    return "labeled" if added else "unlabeled" if removed else "not labeled"


def label(call: Call) -> None:
    """`kubectl label`."""
    _run(call, "label")


def annotate(call: Call) -> None:
    """`kubectl annotate`."""
    _run(call, "annotation")


def _flags(what: str, manager: str) -> list[Flag]:
    return [
        *file_flags(what),
        *selector_flags(),
        *output.output_flags(),
        output.dry_run_flag(),
        boolean("all", "All objects of the types."),
        boolean("all-namespaces", "In all namespaces.", "A"),
        string("field-manager", "The name under which the server notes who changed what.", default=manager),
        boolean("list", "Show them."),
        boolean("local", "Change the files' objects only; do not ask the server."),
        boolean("overwrite", "Change what is set already."),
        string("resource-version", "Only if it is this version."),
    ]


LABEL = Command(
    "label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]"
    " [options]",
    "Update the labels on a resource",
    label,
    _flags("what to label", "kubectl-label"),
    example="kubectl label node node01 disk=ssd\nkubectl label pod web tier-",
)
ANNOTATE = Command(
    "annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N"
    " [--resource-version=version] [options]",
    "Update the annotations on a resource",
    annotate,
    _flags("what to annotate", "kubectl-annotate"),
    example="kubectl annotate deploy web team=a",
)
