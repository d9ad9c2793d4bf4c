"""Build: a kustomization folder with its bases, to the objects that it stands for.

Source: sigs.k8s.io/kustomize/api/internal/target/kusttarget.go, krusty.
"""

from __future__ import annotations

import posixpath
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.files import Files
from kubekit.terminal.kustomize import generators, patches, references, transformers
from kubekit.terminal.kustomize.resource import KustomizeError, Resource

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KNOWN = frozenset(
    [
        "apiVersion",
        "kind",
        "metadata",
        "resources",
        "bases",
        "components",
        "namespace",
        "namePrefix",
        "nameSuffix",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "images",
        "replicas",
        "configMapGenerator",
        "secretGenerator",
        "generatorOptions",
        "buildMetadata",
        "sortOptions",
    ]
)
LEFT_OUT = frozenset(
    [
        "helmCharts",
        "helmGlobals",
        "generators",
        "transformers",
        "validators",
        "replacements",
        "vars",
        "crds",
        "openapi",
        "configurations",
    ]
)
FIRST = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
]
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
DEEPEST = 50
"""Bases of bases before it is a mistake."""


def build(files: Files, folder: str) -> list[Obj]:
    """The objects of a kustomization folder, in the order in which they are best created."""
    if "://" in folder or folder.startswith("git@"):
        raise KustomizeError(f"this notebook's kustomize reads folders only, not {folder}")
    if not files.is_folder(folder):
        why = "no such file or directory" if not files.exists(folder) else "not a directory"
        raise KustomizeError(
            f"must build at directory: not a valid directory: evalsymlink failure on '{folder}' : lstat"
            f" {files.absolute(folder)}: {why}"
        )
    resources = _accumulate(files, posixpath.normpath(folder), [])
    for one in resources:
        if one.hashed:
            one.rename(f"{one.name}-{generators.suffix(one)}")
    references.follow(resources)
    return [one.obj for one in sorted(resources, key=_place)]


def _place(one: Resource) -> tuple[int, str, str, str, str, str]:
    """Where an object stands in the output; what is empty comes last, as `~` does."""
    place = 100 if one.kind in LAST else FIRST.index(one.kind) if one.kind in FIRST else 50
    group, _, version = str(one.obj.get("apiVersion", "")).rpartition("/")
    return place, group or "~", version, one.kind, one.namespace or "~", one.name


def _kustomization(files: Files, folder: str) -> Obj:
    found = [name for name in NAMES if files.exists(posixpath.join(folder, name))]
    if not found:
        listed = "', '".join(NAMES[:-1])
        raise KustomizeError(
            f"unable to find one of '{listed}' or '{NAMES[-1]}' in directory '{files.absolute(folder)}'"
        )
    if len(found) > 1:
        raise KustomizeError(f"Found multiple kustomization files under: {folder}")
    path = posixpath.join(folder, found[0])
    try:
        value = yaml_load.load(files.read(path))
    except yaml_load.ManifestError as error:
        raise KustomizeError(f"invalid Kustomization: {error}") from None
    if not value:
        raise KustomizeError("kustomization.yaml is empty")
    if not isinstance(value, dict):
        raise KustomizeError("invalid Kustomization: it is no object")
    for key in value:
        if key in LEFT_OUT:
            raise KustomizeError(f"{key} is not known to this notebook's kustomize")
        if key not in KNOWN:
            raise KustomizeError(f'invalid Kustomization: json: unknown field "{key}"')
    _texts(value)
    return value


def _accumulate(files: Files, folder: str, around: list[str]) -> list[Resource]:
    """The objects of one folder, its bases included; `around` are the folders that this one is a base of."""
    if folder in around or len(around) > DEEPEST:
        raise KustomizeError(f"cycle detected: candidate root '{folder}' contains visited root '{folder}'")
    own = _kustomization(files, folder)
    resources: list[Resource] = []
    for path in [*(own.get("resources") or []), *(own.get("bases") or [])]:
        for one in _loaded(files, folder, str(path), [*around, folder]):
            _add(resources, one)
    _generate(files, folder, own, resources)
    for path in own.get("components") or []:
        _component(files, posixpath.normpath(posixpath.join(folder, str(path))), resources)
    _transform(files, folder, own, resources)
    return resources


def _component(files: Files, folder: str, resources: list[Resource]) -> None:
    """A component works on what is there already."""
    own = _kustomization(files, folder)
    for path in own.get("resources") or []:
        for one in _loaded(files, folder, str(path), [folder]):
            _add(resources, one)
    _generate(files, folder, own, resources)
    _transform(files, folder, own, resources)


def _loaded(files: Files, folder: str, path: str, around: list[str]) -> list[Resource]:
    if "://" in path or path.startswith("git@"):
        raise KustomizeError(f"this notebook's kustomize reads files and folders only, not {path}")
    place = posixpath.normpath(posixpath.join(folder, path))
    if files.is_folder(place):
        return _accumulate(files, place, around)
    if not files.exists(place):
        raise KustomizeError(
            f"accumulating resources: accumulation err='accumulating resources from '{path}': evalsymlink"
            f" failure on '{place}' : lstat {place}: no such file or directory'"
        )
    try:
        parts = list(yaml_load.documents(files.read(place)))
    except yaml_load.ManifestError as error:
        raise KustomizeError(f"accumulating resources from '{path}': {error}") from None
    found = []
    for part in parts:
        if not part:
            continue
        inside = part.get("items") if isinstance(part, dict) and str(part.get("kind")) == "List" else [part]
        for obj in inside or []:
            _check(obj, path)
            found.append(Resource(deep_copy(obj)))
    return found


def _check(obj: Any, path: str) -> None:
    if not isinstance(obj, dict) or not obj.get("kind"):
        raise KustomizeError(f"accumulating resources from '{path}': missing Resource metadata")
    about = obj.get("metadata")
    if not isinstance(about, dict) or not (about.get("name") or about.get("generateName")):
        raise KustomizeError(
            f"accumulating resources from '{path}': missing metadata.name in object {{{obj.get('kind')}}}"
        )


def _add(resources: list[Resource], one: Resource) -> None:
    same = (one.kind, one.obj.get("apiVersion"), one.name, one.namespace)
    if any((old.kind, old.obj.get("apiVersion"), old.name, old.namespace) == same for old in resources):
        raise KustomizeError(f"may not add resource with an already registered id: {one}")
    resources.append(one)


def _generate(files: Files, folder: str, own: Obj, resources: list[Resource]) -> None:
    options = own.get("generatorOptions") or {}
    for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for entry in own.get(field) or []:
            made = generators.generate(files, folder, kind, entry, options)
            behavior = entry.get("behavior") or "create"
            old = next((one for one in resources if one.kind == kind and made.name in one.names), None)
            if behavior == "create":
                if old is not None:
                    raise KustomizeError(f"may not add resource with an already registered id: {made}")
                resources.append(made)
            elif old is None:
                raise KustomizeError(
                    f"merging from generator: id {made} does not exist; cannot merge or replace"
                )
            else:
                generators.merged(old, made, behavior)


def _texts(own: Obj) -> None:
    """Labels and annotations are texts: what YAML reads as a number or a truth is refused."""
    options = own.get("generatorOptions") or {}
    for field, pairs in (
        ("Kustomization.commonLabels", own.get("commonLabels")),
        ("Kustomization.commonAnnotations", own.get("commonAnnotations")),
        ("GeneratorOptions.generatorOptions.labels", options.get("labels")),
        ("GeneratorOptions.generatorOptions.annotations", options.get("annotations")),
        *(("Label.labels.pairs", one.get("pairs")) for one in own.get("labels") or []),
    ):
        for value in (pairs or {}).values():
            if not isinstance(value, str):
                kind = "bool" if isinstance(value, bool) else "number"
                raise KustomizeError(
                    f"invalid Kustomization: json: cannot unmarshal {kind} into Go struct field {field} of"
                    " type string"
                )


def _transform(files: Files, folder: str, own: Obj, resources: list[Resource]) -> None:
    for text in own.get("patchesStrategicMerge") or []:
        inline = "\n" in str(text)
        patches.apply(files, folder, resources, {"patch" if inline else "path": text})
    for entry in own.get("patches") or []:
        patches.apply(files, folder, resources, entry)
    if own.get("namespace"):
        transformers.set_namespace(resources, str(own["namespace"]))
    transformers.add_to_names(resources, str(own.get("namePrefix") or ""), str(own.get("nameSuffix") or ""))
    for entry in own.get("labels") or []:
        selectors = bool(entry.get("includeSelectors"))
        templates = bool(entry.get("includeTemplates"))
        transformers.add_labels(resources, entry.get("pairs") or {}, selectors, templates)
    if own.get("commonLabels"):
        transformers.add_labels(resources, own["commonLabels"], True, True)
    if own.get("commonAnnotations"):
        transformers.add_annotations(resources, own["commonAnnotations"])
    for entry in own.get("patchesJson6902") or []:
        patches.apply(files, folder, resources, entry)
    for entry in own.get("replicas") or []:
        transformers.set_replicas(resources, entry)
    for entry in own.get("images") or []:
        transformers.set_image(resources, entry)
    references.follow(resources)
