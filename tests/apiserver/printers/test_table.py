"""The recorded Tables of the reference server against the printers (columns, descriptions, cells)."""

from __future__ import annotations

from dataclasses import dataclass

from kubekit.api import jsonpath
from kubekit.api.duration import go_duration, human_duration, parse_go_duration
from kubekit.api.field_docs import field_doc
from kubekit.apiserver import printers

NOW = 1_767_225_600.0


@dataclass(frozen=True)
class Shown:
    group: str
    kind: str


def cells(group: str, kind: str, obj: dict, **options: object) -> list:
    return printers.table(Shown(group, kind), [obj], now=NOW, **options)["rows"][0]["cells"]  # type: ignore[arg-type]


def pod(**status: object) -> dict:
    return {
        "metadata": {"name": "web", "creationTimestamp": "2025-12-31T23:59:00Z"},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
        "status": status,
    }


def test_pod_status_is_worked_out() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3}
    waiting["lastState"] = {"terminated": {"finishedAt": "2025-12-31T23:59:50Z"}}
    running = {"state": {"running": {}}, "ready": True, "restartCount": 0}
    assert cells("", "Pod", pod(phase="Running", containerStatuses=[waiting, running]))[:5] == [
        "web",
        "1/2",
        "CrashLoopBackOff",
        "3 (10s ago)",
        "60s",
    ]


def test_init_container_that_failed_is_shown_first() -> None:
    obj = pod(
        phase="Pending", initContainerStatuses=[{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]
    )
    obj["spec"]["initContainers"] = [{"name": "i"}]
    assert cells("", "Pod", obj)[2] == "Init:Error"


def test_deleted_pod_is_terminating() -> None:
    obj = pod(phase="Running")
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert cells("", "Pod", obj)[2] == "Terminating"


def test_metadata_only_unless_asked() -> None:
    table = printers.table(Shown("", "Pod"), [pod(phase="Running")], now=NOW)
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert "spec" not in table["rows"][0]["object"]
    assert [c["priority"] for c in table["columnDefinitions"]] == [0] * 5 + [1] * 4


def test_descriptions_come_from_the_field_docs() -> None:
    columns = printers.table(Shown("", "Pod"), [], now=NOW)["columnDefinitions"]
    assert columns[0]["description"].startswith("Name must be unique within a namespace.")
    assert "\n\nPopulated by the system." in columns[4]["description"]


def test_custom_columns_keep_their_types() -> None:
    wanted = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Wrong", "type": "integer", "jsonPath": ".spec.name"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    obj = {
        "metadata": {"name": "w", "creationTimestamp": "2025-12-31T23:50:00Z"},
        "spec": {"size": 3, "name": "x"},
    }
    assert cells("e.com", "Widget", obj, printer_columns=wanted) == ["w", 3, None, "10m"]


def test_human_durations() -> None:
    table = {
        0: "0s",
        119: "119s",
        120: "2m",
        185: "3m5s",
        7200: "120m",
        10800: "3h",
        86400 * 3: "3d",
        -1.5: "0s",
    }
    table[86400 * 800] = "2y70d"
    assert {seconds: human_duration(seconds) for seconds in table} == table


def test_go_durations() -> None:
    assert [go_duration(s) for s in (0, 0.2, 1.5, 90, 3600)] == ["0s", "200ms", "1.5s", "1m30s", "1h0m0s"]
    assert parse_go_duration("1h30m") == 5400


def test_jsonpath() -> None:
    data = {"items": [{"n": "a", "l": {"x.y": 1}}, {"n": "b", "l": {}}]}
    table = {
        "{.items[*].n}": "a b",
        '{range .items[*]}{.n}{"\\n"}{end}done': "a\nb\ndone",
        '{.items[?(@.n=="b")].n}': "b",
        "{.items[0].l.x\\.y}": "1",
        "{.items[-1:].n}": "b",
        "{.items[0]['n','l']}": 'a {"x.y":1}',
        "{..n}": "a b",
    }
    assert {path: jsonpath.render(jsonpath.parse(path), data) for path in table} == table


def test_texts_have_the_paragraphs_that_folding_hid() -> None:
    text = field_doc("certificates_v1", "CertificateSigningRequestSpec", "expirationSeconds")
    assert ":\n\n  1. Old signer" in text
    assert "set to true.\n\nThe check" in field_doc("storage_v1", "CSIDriverSpec", "storageCapacity")
    definitions = printers.table(Shown("rbac.authorization.k8s.io", "RoleBinding"), [], now=NOW)
    assert definitions["columnDefinitions"][1]["description"].endswith("return an error.")


def test_an_address_has_a_cell_without_a_column() -> None:
    shown = printers.table(Shown("networking.k8s.io", "IPAddress"), [{"metadata": {"name": "a"}}], now=NOW)
    assert (len(shown["columnDefinitions"]), len(shown["rows"][0]["cells"])) == (2, 3)
