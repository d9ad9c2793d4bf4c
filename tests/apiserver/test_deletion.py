"""How objects go: at once, gracefully, or when the last finalizer is taken."""

from __future__ import annotations

from tests.apiserver.conftest import CORE, Asker


def test_a_pod_without_a_node_goes_at_once(api: Asker) -> None:
    api.pod("web")
    assert api.ask("DELETE", f"{CORE}/pods/web").status == 200
    assert api.ask("GET", f"{CORE}/pods/web").status == 404


def test_a_pod_on_a_node_gets_its_grace_period(api: Asker) -> None:
    api.pod("web", nodeName="n1", terminationGracePeriodSeconds=20)
    going = api.ask("DELETE", f"{CORE}/pods/web").json()
    assert going["metadata"]["deletionGracePeriodSeconds"] == 20
    assert going["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:20Z"
    sooner = api.ask("DELETE", f"{CORE}/pods/web", gracePeriodSeconds="5").json()
    assert sooner["metadata"]["deletionGracePeriodSeconds"] == 5
    later = api.ask("DELETE", f"{CORE}/pods/web", gracePeriodSeconds="60").json()
    assert later["metadata"]["deletionGracePeriodSeconds"] == 5, "never longer"
    assert api.ask("DELETE", f"{CORE}/pods/web", gracePeriodSeconds="0").status == 200
    assert api.ask("GET", f"{CORE}/pods/web").status == 404


def test_finalizers_hold_an_object(api: Asker) -> None:
    body = {"metadata": {"name": "a", "finalizers": ["x.io/hold"]}}
    api.make(f"{CORE}/configmaps", body)
    path = f"{CORE}/configmaps/a"
    held = api.ask("DELETE", path).json()
    assert held["metadata"]["deletionTimestamp"]
    added = api.ask("PATCH", path, {"metadata": {"finalizers": ["x.io/hold", "x.io/more"]}}, kind="merge")
    assert added.status == 422, "no new finalizers on what is going"
    api.ask("PATCH", path, {"metadata": {"finalizers": None}}, kind="merge")
    assert api.ask("GET", path).status == 404


def test_propagation_policies_leave_their_finalizers(api: Asker) -> None:
    for policy, finalizer in (("Orphan", "orphan"), ("Foreground", "foregroundDeletion")):
        name = policy.lower()
        api.config(name)
        gone = api.ask("DELETE", f"{CORE}/configmaps/{name}", propagationPolicy=policy).json()
        assert gone["metadata"]["finalizers"] == [finalizer]
    api.config("background")
    assert api.ask("DELETE", f"{CORE}/configmaps/background", propagationPolicy="Background").status == 200
    assert api.ask("GET", f"{CORE}/configmaps/background").status == 404


def test_preconditions(api: Asker) -> None:
    made = api.config("a")
    wrong = api.ask("DELETE", f"{CORE}/configmaps/a", {"preconditions": {"uid": "other"}})
    assert wrong.status == 409 and "precondition" in wrong.json()["message"]
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert api.ask("DELETE", f"{CORE}/configmaps/a", right).status == 200


def test_a_collection_goes_by_selector(api: Asker) -> None:
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
        api.make(f"{CORE}/configmaps", {"metadata": {"name": name, "labels": {"color": color}}})
    gone = api.ask("DELETE", f"{CORE}/configmaps", labelSelector="color=red").json()["items"]
    assert [item["metadata"]["name"] for item in gone] == ["a", "c"]
    left = api.ask("GET", f"{CORE}/configmaps").json()["items"]
    assert [item["metadata"]["name"] for item in left] == ["b"]
    gone = api.ask("DELETE", f"{CORE}/configmaps").json()["items"]
    assert [item["metadata"]["name"] for item in gone] == ["b"]


def test_a_namespace_waits_until_it_is_finalized(api: Asker) -> None:
    api.make("/api/v1/namespaces", {"metadata": {"name": "x"}})
    api.ask("DELETE", "/api/v1/namespaces/x")
    going = api.ask("GET", "/api/v1/namespaces/x").json()
    assert going["status"]["phase"] == "Terminating"
    refused = api.ask("POST", "/api/v1/namespaces/x/configmaps", {"metadata": {"name": "a"}})
    assert refused.status == 403 and "because it is being terminated" in refused.json()["message"]
    going["spec"]["finalizers"] = []
    assert api.ask("PUT", "/api/v1/namespaces/x/finalize", going).status == 200
    assert api.ask("GET", "/api/v1/namespaces/x").status == 404


def test_an_update_that_lets_an_object_go_answers_with_it(api: Asker) -> None:
    path = f"{CORE}/configmaps/a"
    api.make(f"{CORE}/configmaps", {"metadata": {"name": "a", "finalizers": ["a.io/b"]}})
    assert api.ask("DELETE", path).json()["metadata"]["finalizers"] == ["a.io/b"]
    last = api.ask("PATCH", path, {"metadata": {"finalizers": None}}, kind="merge").json()
    assert last["kind"] == "ConfigMap" and last["metadata"]["deletionTimestamp"]
    assert api.ask("GET", path).status == 404
