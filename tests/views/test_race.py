"""The conflict race: which version each writer read, whose write was stale, what the retry was made from."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import kubekit
from kubekit.api.exchange import Request, UserInfo

PATH = "/api/v1/namespaces/default/configmaps"
MASTERS = ("system:masters", "system:authenticated")
JANE, KIM = UserInfo("jane", "", MASTERS), UserInfo("kim", "", MASTERS)


def ask(cluster: Any, who: UserInfo, method: str, body: Any = None, kind: str = "") -> Any:
    path = PATH if method == "POST" else f"{PATH}/x"
    headers = {"content-type": kind} if kind else {}
    return cluster.apiserver(Request(method, path, {}, headers, body, who, "kubectl"))


def two_write(cluster: Any, again: bool = True) -> None:
    """jane and kim read the same version; kim writes too late, reads again and writes."""
    first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}}
    ask(cluster, JANE, "POST", {**first, "data": {"n": "0"}})
    mine, hers = (copy.deepcopy(ask(cluster, who, "GET").body) for who in (JANE, KIM))
    mine["data"]["n"], hers["data"]["n"] = "1", "2"
    assert ask(cluster, JANE, "PUT", mine).status == 200
    assert ask(cluster, KIM, "PUT", hers).status == 409
    if again:
        hers = copy.deepcopy(ask(cluster, KIM, "GET").body)
        hers["data"]["n"] = "2"
        assert ask(cluster, KIM, "PUT", hers).status == 200


@pytest.fixture
def cluster() -> Any:
    return kubekit.up(workers=0, seed=7, name="race")


def test_read_stale_write_conflict_retry(cluster: Any) -> None:
    two_write(cluster)
    view = cluster.view.race("configmap/x")
    rows = view.scene["rows"]
    assert view.scene["writers"] == ["jane", "kim"]
    assert [(row["writer"], row["kind"]) for row in rows] == [
        (0, "write"), (0, "read"), (1, "read"), (0, "write"), (1, "stale"), (1, "read"), (1, "retry"),
    ]  # fmt: skip
    made, read, also, second, stale, fresh, last = rows
    assert read["at"] == also["at"] == made["now"] and second["at"] == made["now"]
    assert (
        stale["at"] == made["now"] and stale["stored"] == second["now"] and stale["answer"] == "409 Conflict"
    )
    assert fresh["at"] == second["now"] and last["at"] == second["now"] and int(last["now"]) > int(last["at"])
    assert view.scene["title"] == (
        f"kim wrote configmap/default/x from an old version: 409, then again from {last['at']}"
    )
    assert view.sentence == (
        f"kim's PUT was made from version {stale['at']}, but {stale['stored']} is stored: 409 Conflict. "
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert f"kim  PUT  409 Conflict: made from {stale['at']}, stored is {stale['stored']}" in repr(view)
    assert "<td>kim</td><td>PUT</td>" in view.table.html()


def test_who_does_not_try_again(cluster: Any) -> None:
    two_write(cluster, again=False)
    assert cluster.view.race("configmap/x").scene["title"].endswith("409, and has not tried again")


def test_patches_and_preconditions_name_a_version_too(cluster: Any) -> None:
    two_write(cluster)
    patch = b'{"metadata":{"resourceVersion":"3"},"data":{"z":"1"}}'
    assert ask(cluster, KIM, "PATCH", patch, "application/merge-patch+json").status == 409
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"resourceVersion": "2"}}
    assert ask(cluster, JANE, "DELETE", options).status == 409
    patched, deleted = cluster.view.race("configmap/x").scene["rows"][-2:]
    assert (patched["verb"], patched["kind"], patched["at"]) == ("PATCH", "stale", "3")
    assert (deleted["verb"], deleted["kind"], deleted["at"]) == ("DELETE", "stale", "2")


def test_no_conflict_and_nothing_at_all(cluster: Any) -> None:
    empty = cluster.view.race("configmap/x")
    assert (
        "Nobody has written configmap/default/x yet" in repr(empty) and "kubectl edit" in empty.scene["empty"]
    )
    ask(cluster, JANE, "POST", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    ask(cluster, KIM, "PATCH", b'{"data":{"a":"b"}}', "application/merge-patch+json")
    view = cluster.view.race("configmap/x")
    assert view.scene["title"].startswith("2 writers, no conflict")
    assert view.scene["rows"][1]["at"] == view.scene["rows"][0]["now"], "the version that the patch replaced"


def test_a_long_history_is_a_window(cluster: Any) -> None:
    two_write(cluster)
    for number in range(80):
        body = f'{{"data":{{"n":"{number}"}}}}'.encode()
        ask(cluster, JANE, "PATCH", body, "application/merge-patch+json")
    view = cluster.view.race("configmap/x")
    assert len(view.scene["rows"]) == 60
    assert view.scene["fold"]["text"] == "Folded away: 27 earlier or other requests."
