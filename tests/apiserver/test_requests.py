"""What a path asks for, and what is answered to paths that nothing serves."""

from __future__ import annotations

import pytest

from kubekit.apiserver.pipeline import duration_problem
from kubekit.apiserver.request_info import BadPath, request_info
from tests.apiserver.conftest import CORE, Asker


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/namespaces/shop/pods/web/status", {}, ("get", "", "shop", "pods", "status", "web")),
        ("GET", "/api/v1/pods", {"watch": ["1"]}, ("watch", "", "", "pods", "", "")),
        ("GET", "/api/v1/namespaces/shop", {}, ("get", "", "shop", "namespaces", "", "shop")),
        ("DELETE", "/apis/apps/v1/namespaces/x/daemonsets", {},
         ("deletecollection", "apps", "x", "daemonsets", "", "")),
        ("GET", "/api/v1/nodes", {"fieldSelector": ["metadata.name=n"]}, ("list", "", "", "nodes", "", "n")),
        ("GET", "/api/v1/watch/pods", {}, ("watch", "", "", "pods", "", "")),
    ],
)  # fmt: skip
def test_request_info(method: str, path: str, query: dict[str, list[str]], expected: tuple[str, ...]) -> None:
    info = request_info(method, path, query)
    assert (info.verb, info.group, info.namespace, info.resource, info.subresource, info.name) == expected


def test_a_path_that_begins_like_a_resource_and_is_none() -> None:
    with pytest.raises(BadPath):
        request_info("GET", "/api/v1/watch", {})
    assert not request_info("GET", "/healthz", {}).is_resource


def test_unknown_paths_and_methods(api: Asker) -> None:
    assert api.ask("GET", "/apis/nope.io/v1/things").status == 404
    assert api.ask("POST", f"{CORE}/configmaps/x").status == 405
    assert api.ask("GET", "/nothing").body == "404 page not found\n"


def test_forms_of_answers(api: Asker) -> None:
    api.config("a", k="v")
    path = f"{CORE}/configmaps"
    table = api.ask("GET", path, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).json()
    assert table["kind"] == "Table" and table["rows"][0]["cells"][:2] == ["a", 1]
    partial = api.ask(
        "GET", f"{path}/a", headers={"accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
    )
    assert set(partial.json()) == {"kind", "apiVersion", "metadata"}
    text = api.ask("GET", f"{path}/a", headers={"accept": "application/yaml"})
    assert "kind: ConfigMap" in str(text.body)
    assert api.ask("GET", path, headers={"accept": "text/html"}).status == 406
    assert api.ask("POST", path, b"x", headers={"content-type": "text/plain"}).status == 415


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("", "PartialObjectMetadata", "is a list (*core.ConfigMapList)"),
        ("/a", "PartialObjectMetadataList", "is not a list (*core.ConfigMap)"),
    ],
)
def test_metadata_of_the_wrong_number(api: Asker, path: str, kind: str, text: str) -> None:
    api.config("a")
    accept = {"accept": f"application/json;as={kind};v=v1;g=meta.k8s.io"}
    refused = api.ask("GET", f"{CORE}/configmaps{path}", headers=accept)
    assert refused.status == 406
    assert refused.json()["message"] == f"you requested {kind}, but the requested object {text}"


def test_what_is_named_goes_before_what_is_starred(api: Asker) -> None:
    api.config("a")
    answer = api.ask("GET", f"{CORE}/configmaps/a", headers={"accept": "*/*, application/yaml"})
    assert answer.headers["Content-Type"] == "application/yaml"


def test_bodies_are_checked_like_the_real_ones(api: Asker) -> None:
    path = f"{CORE}/configmaps"
    wrong = api.ask(
        "POST",
        path,
        b'{"metadata":{"name":"a"},"data":{"k":1}}',
        headers={"content-type": "application/json"},
    )
    assert wrong.status == 400 and "cannot unmarshal number" in wrong.json()["message"]
    unknown = {"metadata": {"name": "a"}, "bogus": 1}
    assert api.ask("POST", path, unknown, fieldValidation="Strict").status == 400
    warned = api.ask("POST", path, unknown)
    assert warned.status == 201 and 'unknown field \\"bogus\\"' in warned.headers["Warning"]
    assert (
        "Warning"
        not in api.ask("POST", path, {**unknown, "metadata": {"name": "b"}}, fieldValidation="Ignore").headers
    )


def test_dry_run_writes_nothing(api: Asker) -> None:
    before = api.store.revision
    assert api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "a"}}, dryRun="All").status == 201
    assert api.store.revision == before
    assert api.ask("GET", f"{CORE}/configmaps/a").status == 404


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1m30s", ""),
        ("0", ""),
        (".5h", ""),
        ("5", 'time: missing unit in duration "5"'),
        ("abc", 'time: invalid duration "abc"'),
    ],
)
def test_durations(text: str, problem: str) -> None:
    assert duration_problem(text) == problem


def test_discovery_names_everything_that_is_served(api: Asker) -> None:
    groups = {group["name"] for group in api.ask("GET", "/apis").json()["groups"]}
    assert {"apps", "batch", "rbac.authorization.k8s.io", "networking.k8s.io"} <= groups
    names = {entry["name"] for entry in api.ask("GET", "/api/v1").json()["resources"]}
    assert {"pods", "pods/status", "pods/eviction", "services", "nodes"} <= names
    for path in ("/version", "/healthz", "/livez", "/readyz", "/metrics"):
        assert api.ask("GET", path).status == 200
