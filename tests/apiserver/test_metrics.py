"""The figures of /metrics, and who may read them."""

from __future__ import annotations

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import CORE, Asker

EVE = UserInfo("eve", groups=("system:authenticated",))


def figures(api: Asker) -> dict[str, float]:
    answer = api.ask("GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert isinstance(answer.body, str)
    lines = [line for line in answer.body.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def one(verb: str, scope: str, resource: str, subresource: str = "", version: str = "v1") -> str:
    return (
        f'component="apiserver",dry_run="",group="",resource="{resource}",scope="{scope}",'
        f'subresource="{subresource}",verb="{verb}",version="{version}"'
    )


def test_requests_are_counted_once_and_by_what_they_are(api: Asker) -> None:
    api.config("a", k="1")
    api.config("b", k="1")
    api.ask("GET", f"{CORE}/configmaps/none")
    api.ask("GET", f"{CORE}/configmaps")
    api.ask("GET", "/api/v1/configmaps")
    api.watch(f"{CORE}/configmaps")
    api.ask("GET", "/version")
    found = figures(api)
    total = "apiserver_request_total"
    assert found[f'{total}{{code="201",{one("POST", "resource", "configmaps")}}}'] == 2
    assert found[f'{total}{{code="404",{one("GET", "resource", "configmaps")}}}'] == 1
    assert found[f'{total}{{code="200",{one("LIST", "namespace", "configmaps")}}}'] == 1
    assert found[f'{total}{{code="200",{one("LIST", "cluster", "configmaps")}}}'] == 1
    assert found[f'{total}{{code="200",{one("WATCH", "namespace", "configmaps")}}}'] == 1
    assert found[f'{total}{{code="200",{one("GET", "", "", "/version", "")}}}'] == 1
    labels = one("POST", "resource", "configmaps")
    duration = "apiserver_request_duration_seconds"
    assert found[f'{duration}_bucket{{{labels},le="0.005"}}'] == found[f"{duration}_count{{{labels}}}"] == 2


def test_what_is_there_now(api: Asker) -> None:
    stream = api.watch(f"{CORE}/pods")
    api.pod("p")
    found = figures(api)
    watches = 'apiserver_longrunning_requests{group="",resource="pods",verb="WATCH",version="v1"}'
    assert found[watches] == 1
    assert found['apiserver_storage_objects{resource="pods"}'] == 1
    assert found['apiserver_storage_objects{resource="flowschemas.flowcontrol.apiserver.k8s.io"}'] == 11
    assert found['apiserver_current_inflight_requests{request_kind="readOnly"}'] == 1, "this one"
    assert (
        found['apiserver_flowcontrol_current_executing_seats{flow_schema="exempt",priority_level="exempt"}']
        == 1
    )
    assert found['apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"}'] == 245
    stream.close()
    assert watches not in figures(api)


def test_who_may_read_them(api: Asker) -> None:
    assert api.ask("GET", "/metrics", user=EVE).status == 403
    monitor = UserInfo("prometheus", groups=("system:monitoring", "system:authenticated"))
    assert api.ask("GET", "/metrics", user=monitor).status == 200


def test_names_that_nothing_serves_are_counted_together(api: Asker) -> None:
    for number in range(5):
        api.ask("GET", f"/x{number}")
        api.ask("GET", f"{CORE}/things{number}")
        api.ask("GET", f"/y{number}", user=EVE)
    found = figures(api)
    assert not any("things" in name or "/x" in name or "/y" in name for name in found)
    labels = 'dry_run="",group="",resource="",scope="",subresource="",verb="",version=""'
    assert found[f'apiserver_request_total{{code="404",component="apiserver",{labels}}}'] == 10
