"""What a Job's policies say: which pod failures count, and when enough has succeeded.

Sources: pkg/controller/job/pod_failure_policy.go and success_policy.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.controllers.job.indexes import parse
from kubekit.controllers.pods import phase_of


def is_suspended(job: Obj) -> bool:
    """Whether it should have no pods now."""
    return bool(job["spec"].get("suspend"))


def is_indexed(job: Obj) -> bool:
    """Whether each of its completions has a number."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def replaces_only_failed(job: Obj) -> bool:
    """Whether a pod that is being deleted is replaced only when it has ended."""
    return bool(job["spec"].get("podReplacementPolicy") == "Failed")


def is_failed(pod: Obj, job: Obj) -> bool:
    """Whether the pod counts as failed."""
    phase = phase_of(pod)
    if phase == "Failed":
        return True
    if replaces_only_failed(job):
        return False
    return bool(pod["metadata"].get("deletionTimestamp")) and phase != "Succeeded"


def match_failure(job: Obj, pod: Obj) -> tuple[str | None, bool, str | None]:
    """(message if the Job must fail, whether the failure counts, the action of the rule that matched)."""
    policy = job["spec"].get("podFailurePolicy")
    if policy is None:
        return None, True, None
    for number, rule in enumerate(policy.get("rules") or ()):
        why = _matches(rule, number, pod)
        if why is None:
            continue
        action = rule["action"]
        if action == "Ignore":
            return None, False, action
        if action == "FailIndex" and job["spec"].get("backoffLimitPerIndex") is None:
            continue
        return (why if action == "FailJob" else None), True, action
    return None, True, None


def _matches(rule: Obj, number: int, pod: Obj) -> str | None:
    meta, status = pod["metadata"], pod.get("status") or {}
    name = f"{meta['namespace']}/{meta['name']}"
    codes = rule.get("onExitCodes")
    if codes is not None:
        for field in ("containerStatuses", "initContainerStatuses"):
            for container in status.get(field) or ():
                if codes.get("containerName") not in (None, container["name"]):
                    continue
                ended = (container.get("state") or {}).get("terminated")
                if ended is None or ended.get("exitCode", 0) == 0:
                    continue
                code = ended["exitCode"]
                if (code in codes["values"]) is (codes["operator"] == "In"):
                    return (
                        f"Container {container['name']} for pod {name} failed with exit code {code} "
                        f"matching {rule['action']} rule at index {number}"
                    )
        return None
    for condition in status.get("conditions") or ():
        for pattern in rule.get("onPodConditions") or ():
            if condition["type"] == pattern["type"] and condition["status"] == pattern.get("status", "True"):
                return (
                    f"Pod {name} has condition {condition['type']} matching {rule['action']} rule at "
                    f"index {number}"
                )
    return None


def match_success(job: Obj, succeeded: set[int]) -> str | None:
    """The message of the first success rule that holds."""
    policy = job["spec"].get("successPolicy")
    if policy is None:
        return None
    for number, rule in enumerate(policy.get("rules") or ()):
        wanted_count = rule.get("succeededCount")
        text = rule.get("succeededIndexes")
        if text is not None:
            wanted = parse(text, job["spec"].get("completions") or 0)
            hit = len(wanted & succeeded)
            if (wanted_count is not None and hit >= wanted_count) or (wanted and hit == len(wanted)):
                return f"Matched rules at index {number}"
        elif wanted_count is not None and len(succeeded) >= wanted_count:
            return f"Matched rules at index {number}"
    return None


def past_backoff_limit_on_failure(job: Obj, pods: list[Obj]) -> bool:
    """Whether the restarts in place have used up the limit (restartPolicy OnFailure)."""
    if (job["spec"]["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    total = 0
    for pod in pods:
        if phase_of(pod) not in ("Running", "Pending"):
            continue
        status = pod.get("status") or {}
        for field in ("initContainerStatuses", "containerStatuses"):
            total += sum(one.get("restartCount", 0) for one in status.get(field) or ())
    limit = job["spec"].get("backoffLimit", 6)
    return total > 0 if limit == 0 else bool(total >= limit)
