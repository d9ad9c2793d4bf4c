"""Eviction: delete a pod, if its PodDisruptionBudget has a disruption to spare.

POST of an Eviction to pods/<name>/eviction. A pod that is not running may always go; otherwise the budget
is asked and counted down, with the usual condition on its revision. The pod gets the condition
DisruptionTarget and is then deleted. Upstream: pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.meta import find_condition, is_true, set_condition
from kubekit.api.selectors import SelectorError, from_object
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_as, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import answer, form_of
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry.deletion import check_preconditions, delete
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
CAUSE = "DisruptionBudget"
MAX_DISRUPTED = 2000
SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
POLICY = "policy"


def evict(ctx: Context, scope: Scope) -> Response:
    """Answer a POST to pods/<name>/eviction."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    eviction = decode_as(ctx, scope, body, options.field_validation, "policy/v1", "Eviction")
    name, namespace = ctx.info.name, ctx.info.namespace
    scope.store.check_namespace(ctx, eviction)
    if eviction["metadata"].get("name", "") != name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    delete_options: Obj = dict(eviction.get("deleteOptions") or {})
    given = delete_options.get("dryRun") or []
    if given and ctx.dry_run and given != ["All"]:
        text = f"Non-matching dry-run options in request and content: [All] and {given}"
        raise errors.StatusError(errors.status(500, "", text))
    ctx.dry_run = ctx.dry_run or bool(given)
    write.admit(ctx, scope, name, eviction, None)
    write.validating(ctx, scope, name)(eviction, None)
    ctx.body_obj = eviction
    pod = scope.store.get(namespace, name)
    if not _may_ignore(pod):
        refused = _ask_budget(ctx, pod)
        if refused is not None:
            return answer(500, refused, form)
    _mark(ctx, scope, pod, delete_options)
    preconditions = delete_options.get("preconditions")
    if preconditions and preconditions.get("resourceVersion"):
        current = scope.store.get(namespace, name)
        preconditions = {**preconditions, "resourceVersion": current["metadata"]["resourceVersion"]}
        delete_options["preconditions"] = preconditions
    result = delete(scope.store, ctx, namespace, name, delete_options)
    ctx.object = result.obj
    return answer(201, SUCCESS, form)


def _may_ignore(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _ask_budget(ctx: Context, pod: Obj) -> Obj | None:
    """Count a budget down; a Status when there are several; raises TooManyRequests when there is nothing to
    spare."""
    namespace = pod["metadata"]["namespace"]
    budgets = []
    for budget in ctx.server.store(POLICY, "poddisruptionbudgets").cache.span(namespace):
        try:
            selector = from_object((budget.get("spec") or {}).get("selector"))
        except SelectorError:
            continue
        if selector.matches(pod["metadata"].get("labels") or {}):
            budgets.append(budget)
    if not budgets:
        ctx.note("PodDisruptionBudget", "no budget selects this pod")
        return None
    if len(budgets) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        return {**errors.status(500, "", text)}
    budget = budgets[0]
    status = budget.get("status") or {}
    if not is_true(pod, "Ready"):
        policy = (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy")
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        if policy == "AlwaysAllow" or (healthy >= desired and desired > 0):
            ctx.note("PodDisruptionBudget", "the pod is not ready: the budget does not count it")
            return None
    _count_down(ctx, pod["metadata"]["name"], budget)
    return None


def _refusal(ctx: Context, message: str, retry: int) -> errors.StatusError:
    ctx.refused("PodDisruptionBudget", message)
    error = errors.too_many_requests(REFUSED, retry)
    error.status.setdefault("details", {})["causes"] = [{"reason": CAUSE, "message": message}]
    return error


def _count_down(ctx: Context, pod_name: str, budget: Obj) -> None:
    store = ctx.server.store(POLICY, "poddisruptionbudgets")
    metadata, status = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        raise _refusal(ctx, f"The disruption budget {name} is still being processed by the server.", 10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudget.policy", name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > MAX_DISRUPTED:
        text = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("poddisruptionbudget.policy", name, text)
    if allowed == 0:
        raise _refusal(ctx, _why_not(budget), 0)
    changed: Obj = {**budget, "status": {**status, "disruptionsAllowed": allowed - 1}}
    now = rfc3339(ctx.server.loop.clock.now())
    if allowed == 1:
        condition = {
            "type": "DisruptionAllowed",
            "status": "False",
            "observedGeneration": metadata.get("generation", 0),
            "lastTransitionTime": now,
            "reason": "InsufficientPods",
            "message": "",
        }
        set_condition(changed, condition)
    if ctx.dry_run:
        return
    changed["status"]["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod_name: now}
    key = store.key(metadata["namespace"], name)
    stored = store.cache.storage.update(key, changed, int(metadata["resourceVersion"]))
    if stored is None:
        raise errors.timeout(f'couldn\'t update PodDisruptionBudget "{name}" due to conflicts', 10)
    ctx.passed("PodDisruptionBudget", f"{name} allowed {allowed}, now {allowed - 1}", {"key": key})


def _why_not(budget: Obj) -> str:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    condition = find_condition(budget, "DisruptionAllowed") or {}
    false = condition.get("status") == "False" and condition.get("message")
    head = f"The disruption budget {name}"
    if false and condition.get("reason") == "SyncFailed":
        return f"{head} does not allow evicting pods currently because it failed sync: {condition['message']}"
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if healthy <= desired:
        return f"{head} needs {desired} healthy pods and has {healthy} currently"
    if false:
        return (
            f"{head} does not allow evicting pods currently ({condition.get('reason', '')}):"
            f" {condition['message']}"
        )
    return f"{head} does not allow evicting pods currently"


def _mark(ctx: Context, scope: Scope, pod: Obj, options: Obj) -> None:
    """Say on the pod why it goes."""
    if ctx.dry_run:
        return
    name = pod["metadata"]["name"]
    check_preconditions(scope.store, pod, options)
    changed: Obj = {**pod, "status": dict(pod.get("status") or {})}
    condition: Obj = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(ctx.server.loop.clock.now()),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    set_condition(changed, condition)

    def change(existing: Obj | None) -> Obj:
        return {**changed, "metadata": dict(changed["metadata"])}

    dry, ctx.dry_run = ctx.dry_run, False
    try:
        scope.store.update(
            ctx, ctx.info.namespace, name, change, strategy=scope.strategy.subresource("status")
        )
    finally:
        ctx.dry_run = dry
