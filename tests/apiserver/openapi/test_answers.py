"""The pages: the list of documents, hashes, forms."""

from __future__ import annotations

import hashlib

import pytest

from tests.apiserver.openapi.conftest import Get


def test_the_list_has_every_document_under_its_hash(get: Get) -> None:
    answer = get("/openapi/v3")
    listed = answer.json()["paths"]
    # Nobody says of what type the list is, so Go takes it for text.
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "version", "openid/v1/jwks"} <= set(listed)
    assert list(listed) == sorted(listed)
    where = listed["apis/apps/v1"]["serverRelativeURL"]
    body = get("/openapi/v3/apis/apps/v1").encoded()
    assert where == f"/openapi/v3/apis/apps/v1?hash={hashlib.sha512(body).hexdigest().upper()}"


def test_under_its_hash_a_document_may_be_kept(get: Get) -> None:
    where = get("/openapi/v3").json()["paths"]["apis/batch/v1"]["serverRelativeURL"]
    answer = get(where)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, immutable"
    assert answer.headers["Expires"] == "Fri, 01 Jan 2027 00:00:00 UTC"
    assert answer.headers["Etag"] == f'"{where.partition("=")[2]}"'
    again = get("/openapi/v3/apis/batch/v1", if_none_match=answer.headers["Etag"])
    assert (again.status, again.body) == (304, None)


def test_an_old_hash_leads_to_the_new_one(get: Get) -> None:
    where = get("/openapi/v3").json()["paths"]["version"]["serverRelativeURL"]
    answer = get("/openapi/v3/version?hash=OLD")
    assert (answer.status, answer.headers["Location"]) == (301, where)


@pytest.mark.parametrize("path", ["/openapi/v3/", "/openapi/v3/apis/apps/v9", "/openapi/v3/api/v1/pods"])
def test_no_such_document(get: Get, path: str) -> None:
    answer = get(path)
    assert (answer.status, answer.encoded()) == (404, b"")


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/openapi/v3/version", "*/*", "application/json"),
        ("/openapi/v3/version", "application/json", "application/json"),
        ("/openapi/v3/version", "application/yaml", None),
        ("/openapi/v2", "application/json, */*", "application/json"),
        ("/openapi/v2", "application/yaml", None),
        (
            "/openapi/v2",
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
        ),
    ],
)
def test_forms(get: Get, path: str, accept: str, expected: str | None) -> None:
    answer = get(path, accept=accept)
    assert answer.status == (200 if expected else 406)
    assert answer.headers.get("Content-Type") == expected
