"""Each controller acts with an account of its own, and can do no more than that account may."""

from __future__ import annotations

import kubekit
from kubekit.api.status_error import StatusError
from kubekit.controllers.accounts import OTHERS, account_of, client_of
from kubekit.controllers.registry import CONTROLLERS


def test_every_account_has_its_role_and_exists() -> None:
    cluster = kubekit.up(workers=1)
    accounts = {one["metadata"]["name"] for one in cluster.list("serviceaccounts", namespace="kube-system")}
    roles = {one["metadata"]["name"] for one in cluster.list("clusterroles") + cluster.list("roles")}
    for controller in CONTROLLERS:
        account = account_of(controller.name)
        if account:
            assert account in accounts
            assert f"system:controller:{account}" in roles
    assert accounts >= set(OTHERS)


def test_a_controller_that_is_left_out_has_no_account() -> None:
    cluster = kubekit.up(workers=0, controllers=["*", "-job-controller"])
    accounts = {one["metadata"]["name"] for one in cluster.list("serviceaccounts", namespace="kube-system")}
    assert "job-controller" not in accounts and accounts >= {"cronjob-controller", *OTHERS}


def test_a_controller_may_what_its_role_says_and_no_more() -> None:
    cluster = kubekit.up(workers=1)
    client = client_of(cluster.controller_manager.client, "deployment-controller")
    assert client.user is not None
    assert client.user.name == "system:serviceaccount:kube-system:deployment-controller"
    assert client.list("replicasets.apps")["items"] == []
    try:
        client.list("secrets")
    except StatusError as error:
        assert error.code == 403 and 'cannot list resource "secrets"' in error.message
    else:
        raise AssertionError("the deployment controller reads secrets")


def test_a_working_cluster_is_refused_nothing() -> None:
    cluster = kubekit.up(workers=2)
    cluster.apply(
        """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: nginx}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sleep, "1"]}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: nginx}]}
"""
    )
    cluster.advance("3m")
    cluster.node("node02").crash()
    cluster.advance("10m")
    refused = [
        record.sentence
        for record in cluster.loop.trace.records
        if record.kind == "request"
        and isinstance(record.came_out, dict)
        and record.came_out.get("status") == 403
    ]
    assert refused == []
