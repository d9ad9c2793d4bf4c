"""Chapter 10, Controllers: back to the image of before, and a quota that keeps a difference open."""

from __future__ import annotations

from typing import Any

from kubekit.api.quantity import parse
from kubekit.course.checks.chapter_00 import phases, pods_of
from kubekit.course.exercise import Findings, Look, exercise


@exercise(
    "10.1",
    "Roll web back",
    hints=[
        "The old ReplicaSet is still there. There is a verb that makes it the current one again.",
        "A rollout has a history, and history can be undone.",
        "`%kubectl rollout --help` lists the verbs; one of them is the opposite of a rollout.",
        "`%kubectl rollout undo deployment/web`",
    ],
    waits_for=[
        "the image of `web` is httpd:2.4-alpine again",
        "the old ReplicaSet was used again",
        "three pods run",
    ],
)
def roll_back(look: Look) -> Findings:
    deployment = look.find("deployments", "web")
    if deployment is None:
        yield look.nothing_yet("There is no Deployment web.", "run the cells above first")
        return
    images = [container["image"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    past = look.history("deployment/default/web")
    if len(past.creations) < 2 and "httpd:2.4.66-alpine" not in _images_over_time(
        past.values("spec", "template")
    ):
        yield look.nothing_yet(
            "The Deployment web has had one image so far.", "run the section's cells first"
        )
        return
    if images == ["httpd:2.4.66-alpine"]:
        yield look.nothing_yet("The Deployment web still has the image httpd:2.4.66-alpine.")
        return
    yield look.expect(
        "the image is httpd:2.4-alpine again",
        expected=["httpd:2.4-alpine"],
        observed=images,
        where="`spec.template` of Deployment **web**, and `%kubectl rollout history deployment/web`",
    )
    sets = [
        item["metadata"]["name"]
        for item in look.all("replicasets")
        if any(owner["name"] == "web" for owner in item["metadata"].get("ownerReferences", []))
    ]
    yield look.expect(
        "the old ReplicaSet was used again",
        expected="2 ReplicaSets, as before",
        observed=f"{len(sets)} ReplicaSet(s)"
        + (", of a Deployment made anew" if len(past.creations) > 1 else ""),
        holds=len(sets) == 2 and len(past.creations) < 2,
        where="`%kubectl get replicasets`: the same template is the same ReplicaSet",
    )
    pods = pods_of(look, "web")
    yield look.expect(
        "three pods run",
        expected="3 Running",
        observed=phases(pods),
        where="let time pass with `cluster.settle()`",
    )


def _images_over_time(templates: list[Any]) -> set[str]:
    """Every image that a pod template had, over its writes."""
    return {container["image"] for template in templates for container in template["spec"]["containers"]}


@exercise(
    "10.2",
    "Let crowd have its four pods",
    hints=[
        "The refusal names who refuses: read the events of the ReplicaSet in the namespace small.",
        "The quota `two` allows two pods. A quota is an object, and objects can be changed.",
        "`%kubectl patch quota two -n small -p '...'`, or edit and apply it; then give the loop time.",
        '`%kubectl patch quota two -n small -p \'{"spec":{"hard":{"pods":"4"}}}\'`, then '
        "`cluster.advance('20m')`: after many failures the controller waits long between two tries.",
    ],
    waits_for=["`crowd` still asks for four", "the quota allows four, or is gone", "four pods run"],
)
def let_it_get_there(look: Look) -> Findings:
    deployment = look.find("deployments", "crowd", "small")
    if deployment is None:
        yield look.nothing_yet("There is no Deployment crowd in small.", "run the section's first cell")
        return
    quota = look.find("resourcequotas", "two", "small")
    hard = quota["spec"]["hard"].get("pods") if quota else None
    if hard == "2" and deployment["spec"]["replicas"] == 4:
        yield look.nothing_yet("The quota still allows 2 pods.")
        return
    yield look.expect(
        "`crowd` still asks for four",
        expected=4,
        observed=deployment["spec"]["replicas"],
        where="`spec.replicas` of Deployment **crowd**: it was not to be touched",
    )
    yield look.expect(
        "the quota allows four pods",
        expected="4 or more, or no quota",
        observed=hard or "no quota",
        holds=hard is None or parse(hard).value() >= 4,
        where="`spec.hard` of ResourceQuota **two**: `%kubectl describe quota two -n small`",
    )
    pods = pods_of(look, "crowd", "small")
    yield look.expect(
        "four pods run",
        expected="4 Running",
        observed=phases(pods),
        where="the controller tries again by itself, later and later: `cluster.advance('20m')`",
    )
