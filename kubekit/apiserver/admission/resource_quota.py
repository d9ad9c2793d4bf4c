"""ResourceQuota: a namespace may not hold more than its quotas say; what is granted is counted before the
write.

Every quota that covers the object must have room; then their `status.used` is written, with the usual
condition on its revision. The quota controller later counts what there really is. Upstream:
apiserver/pkg/admission/plugin/resourcequota/controller.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.quantity import Quantity, parse
from kubekit.api.quota_usage import Evaluator, add, covers, evaluator_of, increase
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
Amounts = dict[str, Quantity]

IGNORED = frozenset(
    {
        ("", "bindings"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
    }
)
"""What quotas do not count: questions and events."""
RETRIES = 3


class ResourceQuotaAdmission(AdmissionPlugin):
    """See the module."""

    name = "ResourceQuota"
    operations = frozenset({CREATE, UPDATE})
    acts_on = ("", "resourcequotas")

    def validate(self, a: Attributes) -> None:
        """Grant or refuse."""
        if a.obj is None or not a.namespace or (a.resource.group, a.resource.plural) in IGNORED:
            return
        if a.resource.plural == "namespaces" and not a.resource.group:
            return
        quotas = a.ctx.server.store("", "resourcequotas").cache.span(a.namespace)
        if not quotas:
            return
        evaluator = evaluator_of(a.resource.group, a.resource.plural)
        if not _handles(evaluator, a):
            return
        for _ in range(RETRIES):
            quotas = a.ctx.server.store("", "resourcequotas").cache.span(a.namespace)
            granted = _check(a, evaluator, quotas)
            if a.dry_run or all(_book(a, quota, used) for quota, used in granted):
                return
        raise a.forbidden("the quota was changed by others too often; try again")


def _handles(evaluator: Evaluator, a: Attributes) -> bool:
    if a.resource.plural == "pods" and not a.resource.group:
        if a.subresource == "resize":
            return a.operation == UPDATE
        if a.subresource:
            return False
        if a.operation == UPDATE:
            deadline = [
                ((o or {}).get("spec") or {}).get("activeDeadlineSeconds") is not None for o in (a.obj, a.old)
            ]
            return deadline[0] != deadline[1]
        return True
    if a.subresource:
        return False
    return a.operation == CREATE or evaluator.updates


def _check(a: Attributes, evaluator: Evaluator, quotas: list[Obj]) -> list[tuple[Obj, Amounts]]:
    """(quota, its new usage) for each quota whose usage grows; raises Forbidden."""
    assert a.obj is not None
    now = a.ctx.server.loop.clock.now()
    interesting: list[Obj] = []
    for quota in quotas:
        hard = (quota.get("status") or {}).get("hard") or {}
        names = evaluator.concerned(hard)
        if not names or not covers(quota, evaluator, a.obj):
            continue
        name = quota["metadata"]["name"]
        missing = evaluator.missing(names, a.obj)
        if missing:
            raise a.forbidden(f"failed quota: {name}: {missing}")
        used = (quota.get("status") or {}).get("used") or {}
        if any(entry not in used for entry in hard if entry in names):
            raise a.forbidden(f"status unknown for quota: {name}, resources: {','.join(sorted(names))}")
        interesting.append(quota)
    if not interesting:
        return []
    usage = evaluator.usage(a.obj, now)
    negative = sorted(name for name, value in usage.items() if value.sign() < 0)
    if negative:
        raise a.forbidden(f"quota usage is negative for resource(s): {','.join(negative)}")
    before = evaluator.usage(a.old, now) if a.operation == UPDATE and a.old is not None else None
    granted: list[tuple[Obj, Amounts]] = []
    for quota in interesting:
        delta = usage
        if before is not None and a.old is not None and covers(quota, evaluator, a.old):
            delta = increase(usage, before)
        delta = {name: value for name, value in delta.items() if not value.is_zero()}
        hard = {name: parse(value) for name, value in quota["status"]["hard"].items()}
        asked = {name: value for name, value in delta.items() if name in hard}
        if not asked:
            continue
        used = {name: parse(value) for name, value in ((quota["status"].get("used")) or {}).items()}
        total = add(used, asked)
        exceeded = sorted(name for name in asked if name in hard and total[name] > hard[name])
        if exceeded:
            raise a.forbidden(
                f"exceeded quota: {quota['metadata']['name']}, requested: {_listed(asked, exceeded)}, "
                f"used: {_listed(used, exceeded)}, limited: {_listed(hard, exceeded)}"
            )
        granted.append((quota, total))
    return granted


def _listed(found: Amounts, names: list[str]) -> str:
    return ",".join(f"{name}={found[name]}" for name in names if name in found)


def _book(a: Attributes, quota: Obj, used: Amounts) -> bool:
    """Write a quota's new usage; False when somebody else wrote first."""
    store = a.ctx.server.store("", "resourcequotas")
    metadata = quota["metadata"]
    status = {**quota["status"], "used": {name: str(value) for name, value in used.items()}}
    key = store.key(metadata["namespace"], metadata["name"])
    stored = store.cache.storage.update(key, {**quota, "status": status}, int(metadata["resourceVersion"]))
    if stored is None:
        return False
    a.ctx.note(
        "etcd",
        f"quota {metadata['name']} counts it",
        {"key": key, "rev": stored["metadata"]["resourceVersion"]},
    )
    return True
