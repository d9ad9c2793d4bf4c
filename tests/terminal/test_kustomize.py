"""kustomize: overlays over bases, hashes and references, `apply -k`, and what is said of mistakes.

That the output is the real program's, word for word, is shown in tests/clients.
"""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.kustomize import KustomizeError, build
from kubekit.terminal.notebook import kubectl_of
from tests.terminal.kustomize_tree import TREE

APP = TREE["base/app.yaml"]


def built(folder: str, **files: str) -> dict[str, Any]:
    more = {path.replace("__", "/").replace("_", "."): text for path, text in files.items()}
    objects = build(MemoryFiles({**TREE, **more}), folder)
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in objects}


def test_an_overlay() -> None:
    found = built("over")
    deployment = found["Deployment/dev-web-x"]
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["replicas"] == 3 and deployment["metadata"]["namespace"] == "shop"
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "web", "env": "dev"}
    assert [one["image"] for one in pod["spec"]["containers"]] == ["registry/nginx:1.29", "busybox"]
    assert pod["metadata"]["annotations"] == {"note": "hi"}
    name = pod["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert found[f"ConfigMap/{name}"]["data"]["A"] == "z" and name == "dev-settings-x-bkttkmk4g4"
    assert found["Service/dev-web-x"]["spec"]["type"] == "NodePort"
    subjects = found["RoleBinding/dev-rb-x"]["subjects"]
    assert [(one["name"], one["namespace"]) for one in subjects] == [
        ("dev-robot-x", "shop"),
        ("default", "shop"),
    ]
    assert next(iter(found)) == "Namespace/shop"


def test_a_changed_content_is_a_new_name() -> None:
    before = next(name for name in built("base") if name.startswith("ConfigMap/"))
    after = next(name for name in built("base", base__conf_txt="other\n") if name.startswith("ConfigMap/"))
    assert before != after and before == "ConfigMap/settings-f6g9fh87k2"


@pytest.mark.parametrize(
    ("kustomization", "text"),
    [
        ("", "kustomization.yaml is empty"),
        ("resources: [nope.yaml]", "accumulating resources from 'nope.yaml'"),
        ("resources: [../x]", "cycle detected: candidate root 'x' contains visited root 'x'"),
        ("resources: ['https://example.com/a']", "reads files and folders only, not https://example.com/a"),
        ("resorces: []", 'invalid Kustomization: json: unknown field "resorces"'),
        ("helmCharts: []", "helmCharts is not known to this notebook's kustomize"),
        ("resources: [../base, ../base]", "may not add resource with an already registered id: Service.v1."),
        ("resources: [../base]\nreplicas: [{name: nn, count: 1}]", "resource with name nn does not match"),
        ("commonLabels: {a: 1}", "cannot unmarshal number into Go struct field"),
        (
            "resources: [../base]\npatches: [{path: none.yaml}]",
            "failed to get the patch file from path(none.yaml)",
        ),
        (
            "resources: [../base]\npatches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}}'}]",
            "no matches for Id Pod.v1.[noGrp]/p.[noNs]",
        ),
        ("configMapGenerator: [{name: a, files: [none]}]", "file sources: [none]: no such file"),
        ("configMapGenerator: [{name: a, literals: [x]}]", "invalid literal source x, expected key=value"),
        ("configMapGenerator: [{name: a, behavior: merge}]", "cannot merge or replace"),
        ("a: b: c", "invalid Kustomization: "),
    ],
)
def test_mistakes(kustomization: str, text: str) -> None:
    with pytest.raises(KustomizeError) as said:
        build(MemoryFiles({**TREE, "x/kustomization.yaml": kustomization}), "x")
    assert text in str(said.value)


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    files = {**TREE, "app/kustomization.yaml": "namespace: shop\nresources: [../base, ns.yaml]\n"}
    files["app/ns.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    cluster = kubekit.up(workers=1, seed=3)
    return kubectl_of(cluster, MemoryFiles(files))


def test_apply_and_delete(kubectl: Kubectl) -> None:
    made = kubectl.run(["apply", "-k", "app"])
    assert made.exit == 0 and "configmap/settings-f6g9fh87k2 created\n" in made.stdout, made
    assert made.stdout.startswith("namespace/shop created\nserviceaccount/robot created\n")
    assert "deployment.apps/web unchanged\n" in kubectl.run(["apply", "-k", "app"]).stdout
    assert kubectl.run(["get", "-k", "app", "-o", "name"]).stdout.splitlines()[0] == "namespace/shop"
    assert 'deployment.apps "web" deleted' in kubectl.run(["delete", "-k", "app"]).stdout


def test_the_command(kubectl: Kubectl) -> None:
    assert kubectl.run(["kustomize", "base"]).stdout.startswith("apiVersion: v1\nkind: ServiceAccount\n")
    assert kubectl.run(["kustomize", "base", "-o", "out.yaml"]).stdout == ""
    assert kubectl.files.read("out.yaml") == kubectl.run(["kustomize", "base"]).stdout
    refused = kubectl.run(["kustomize", "nope"])
    assert refused.exit == 1 and "error: must build at directory: not a valid directory: " in refused.stderr
    empty = kubectl.run(["apply", "-k", "."])
    assert (
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization'" in empty.stderr
    )
