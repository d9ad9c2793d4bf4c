"""A cluster with a story: a Deployment that runs, a stopped scheduler, a pod that waits, a packet."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "c", "image": "httpd:2.4-alpine", "ports": [{"containerPort": 80}]}]
            },
        },
    },
}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "httpd:2.4-alpine"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [container], **spec},
    }


@pytest.fixture(scope="module")
def cluster() -> Any:
    made = kubekit.up(workers=2, seed=7, name="story")
    made.create(DEPLOYMENT)
    made.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        }
    )
    made.create(pod("client"))
    made.settle()
    made.scheduler.stop()
    made.create(pod("late"))
    made.settle()
    return made
