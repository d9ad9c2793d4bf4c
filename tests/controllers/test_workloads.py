"""Jobs, CronJobs, StatefulSets, DaemonSets and Services: what each of them makes, in which order."""

from __future__ import annotations

from typing import Any

from tests.controllers.world import Obj, World, template, workload


def job_spec(**spec: Any) -> Obj:
    made = {"spec": {"containers": [{"name": "c", "image": "busybox:1.37"}], "restartPolicy": "Never"}}
    return {"template": made, **spec}


def job_pods(world: World, name: str) -> list[Obj]:
    return [
        pod
        for pod in world.list("pods")
        if pod["metadata"]["labels"].get("job-name") == name
        and pod["status"]["phase"] in ("Pending", "Running")
    ]


def finish(world: World, pod: Obj, phase: str = "Succeeded") -> None:
    world.set_status(pod, phase, ready=False)
    world.loop.advance(3.0)


def true_conditions(world: World, resource: str, name: str) -> dict[str, str]:
    conditions = world.get(resource, name)["status"].get("conditions") or ()
    return {c["type"]: c.get("reason", "") for c in conditions if c["status"] == "True"}


def test_a_job_runs_as_many_as_it_may_until_enough_have_succeeded() -> None:
    world = World(["job"])
    world.create("jobs", "sum", spec=job_spec(completions=3, parallelism=2))
    world.loop.advance(2.0)
    assert len(job_pods(world, "sum")) == 2
    for _ in range(3):
        finish(world, job_pods(world, "sum")[0])
    assert true_conditions(world, "jobs", "sum") == {
        "SuccessCriteriaMet": "CompletionsReached",
        "Complete": "CompletionsReached",
    }
    status = world.get("jobs", "sum")["status"]
    assert status["succeeded"] == 3 and "completionTime" in status
    assert world.events("Completed") == ["Job completed"]
    assert all("finalizers" not in pod["metadata"] for pod in world.list("pods"))


def test_an_indexed_job_gives_each_pod_its_number() -> None:
    world = World(["job"])
    spec = job_spec(completions=3, parallelism=3, completionMode="Indexed")
    world.create("jobs", "sum", spec=spec)
    world.loop.advance(2.0)
    by_index = {
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: pod
        for pod in job_pods(world, "sum")
    }
    assert sorted(by_index) == ["0", "1", "2"]
    assert by_index["1"]["metadata"]["name"].startswith("sum-1-")
    finish(world, by_index["0"])
    finish(world, by_index["2"])
    assert world.get("jobs", "sum")["status"]["completedIndexes"] == "0,2"


def test_a_job_that_fails_too_often_is_failed() -> None:
    world = World(["job"])
    world.create("jobs", "sum", spec=job_spec(backoffLimit=1))
    world.loop.advance(2.0)
    finish(world, job_pods(world, "sum")[0], "Failed")
    assert job_pods(world, "sum") == [], "the next try waits"
    world.loop.advance(15.0)
    finish(world, job_pods(world, "sum")[0], "Failed")
    world.loop.advance(30.0)
    assert true_conditions(world, "jobs", "sum")["Failed"] == "BackoffLimitExceeded"
    assert job_pods(world, "sum") == [] and world.get("jobs", "sum")["status"]["failed"] == 2


def test_a_suspended_job_has_no_pods() -> None:
    world = World(["job"])
    world.create("jobs", "sum", spec=job_spec(suspend=True))
    world.loop.advance(2.0)
    assert job_pods(world, "sum") == []
    assert true_conditions(world, "jobs", "sum") == {"Suspended": "JobSuspended"}
    world.change("jobs", "sum", {"spec": {"suspend": False}})
    world.loop.advance(2.0)
    assert len(job_pods(world, "sum")) == 1 and world.events("Resumed") == ["Job resumed"]


def test_a_cron_job_makes_a_job_each_time_and_keeps_a_few() -> None:
    world = World(["cronjob", "job", "garbage-collector"])
    spec = {
        "schedule": "*/5 * * * *",
        "jobTemplate": {"spec": job_spec()},
        "successfulJobsHistoryLimit": 2,
        "concurrencyPolicy": "Forbid",
    }
    world.create("cronjobs", "tick", spec=spec)
    world.loop.advance(300.0)
    assert len(world.names("jobs")) == 1
    world.loop.advance(600.0)
    assert len(world.names("jobs")) == 1, "the first one still runs"
    for _ in range(4):
        for name in world.names("jobs"):
            for pod in job_pods(world, name):
                finish(world, pod)
        world.loop.advance(300.0)
    finished = [j for j in world.list("jobs") if j["status"].get("succeeded")]
    assert len(finished) == 2


def test_a_stateful_set_goes_one_by_one_and_back_from_the_end() -> None:
    world = World(["statefulset"])
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    world.create("statefulsets", "db", spec=workload(3, "db", serviceName="db", volumeClaimTemplates=[claim]))
    assert world.names("pods") == ["db-0"], "the next one waits until this one is ready"
    world.all_ready("db")
    assert world.names("pods") == ["db-0", "db-1", "db-2"]
    assert world.names("persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    pod = world.get("pods", "db-1")
    assert pod["spec"]["hostname"] == "db-1" and pod["spec"]["subdomain"] == "db"
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    world.change("statefulsets", "db", {"spec": {"replicas": 1}})
    world.loop.run_until_quiet()
    leaving = [p["metadata"]["name"] for p in world.list("pods") if p["metadata"].get("deletionTimestamp")]
    assert leaving in (["db-2"], []) and "db-0" in world.names("pods")
    assert len(world.names("persistentvolumeclaims")) == 3, "claims stay"


def test_a_daemon_set_puts_one_on_each_node_that_it_tolerates() -> None:
    world = World(["daemonset", "node-lifecycle"])
    for name in ("a", "b"):
        world.create("nodes", name, None, status={"conditions": [{"type": "Ready", "status": "True"}]})
    taints = [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]
    world.create("nodes", "c", None, spec={"taints": taints})
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent")}
    world.create("daemonsets", "agent", spec=spec)

    def wanted() -> list[str]:
        return sorted(
            p["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
                "nodeSelectorTerms"
            ][0]["matchFields"][0]["values"][0]
            for p in world.pods("agent")
        )

    assert wanted() == ["a", "b"]
    assert world.get("daemonsets", "agent")["status"]["desiredNumberScheduled"] == 2
    world.client.patch("nodes", "c", {"spec": {"taints": None}})
    world.loop.run_ready()
    assert wanted() == ["a", "b", "c"]


def test_slices_hold_the_pods_of_a_service_with_their_state() -> None:
    world = World(["replicaset", "endpointslice", "endpoints"])
    world.create("nodes", "n1", None, status={"conditions": [{"type": "Ready", "status": "True"}]})
    spec = {**workload(2), "template": template(nodeName="n1")}
    world.create("replicasets", "web", spec=spec)
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    world.create("services", "web", spec=service)
    world.loop.advance(2.0)
    one, two = world.pods()
    world.set_status(one, "Running", podIP="10.244.1.2", podIPs=[{"ip": "10.244.1.2"}])
    world.set_status(two, "Running", ready=False, podIP="10.244.1.3", podIPs=[{"ip": "10.244.1.3"}])
    world.loop.advance(2.0)
    (found,) = [s for s in world.list("endpointslices") if s["metadata"]["name"].startswith("web-")]
    assert found["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    ready = {e["addresses"][0]: e["conditions"]["ready"] for e in found["endpoints"]}
    assert ready == {"10.244.1.2": True, "10.244.1.3": False}
    (subset,) = world.get("endpoints", "web")["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == ["10.244.1.2"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.244.1.3"]


def test_a_job_takes_in_a_pod_that_comes_later() -> None:
    world = World(["job"])
    spec = job_spec(parallelism=1, manualSelector=True, selector={"matchLabels": {"app": "sum"}})
    spec["template"]["metadata"] = {"labels": {"app": "sum"}}
    world.create("jobs", "sum", spec=spec)
    world.loop.advance(2.0)
    bare = spec["template"]["spec"]
    world.create("pods", "bare", metadata={"labels": {"app": "sum"}}, spec=bare)
    world.loop.advance(2.0)
    adopted = [pod for pod in world.list("pods") if pod["metadata"].get("ownerReferences")]
    assert len(world.events("SuccessfulDelete")) == 1, "one of two is too many"
    assert {pod["metadata"]["ownerReferences"][0]["name"] for pod in adopted} == {"sum"}


def test_a_finalizer_of_somebody_elses_pod_stays() -> None:
    world = World(["job", "replicaset"])
    made = template("web")
    made["metadata"]["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    selector = {"matchLabels": {"app": "web"}}
    world.create("replicasets", "web", spec={"replicas": 1, "selector": selector, "template": made})
    world.loop.advance(2.0)
    (pod,) = world.pods()
    assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]


def test_a_toleration_for_some_seconds_gives_way_to_the_one_of_daemon_pods() -> None:
    world = World(["daemonset"])
    world.create("nodes", "a", None)
    key = "node.kubernetes.io/not-ready"
    spec = template("agent")
    spec["spec"]["tolerations"] = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5},
        {"key": key, "operator": "Exists", "effect": "NoSchedule"},
    ]
    selector = {"matchLabels": {"app": "agent"}}
    world.create("daemonsets", "agent", spec={"selector": selector, "template": spec})
    (pod,) = world.pods("agent")
    mine = [t for t in pod["spec"]["tolerations"] if t["key"] == key and t["effect"] == "NoExecute"]
    assert mine == [{"key": key, "operator": "Exists", "effect": "NoExecute"}]


def test_a_daemon_sets_revision_comes_back() -> None:
    world = World(["daemonset"])
    world.create("nodes", "a", None)
    selector = {"matchLabels": {"app": "agent"}}
    world.create("daemonsets", "agent", spec={"selector": selector, "template": template("agent")})
    (name,) = world.names("controllerrevisions")
    world.delete("controllerrevisions", name)
    assert world.names("controllerrevisions") == [name]
