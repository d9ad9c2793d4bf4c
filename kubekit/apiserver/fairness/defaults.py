"""The flow schemas and priority levels that every cluster has: two of each are mandatory, the others
suggested.

`levels()` and `schemas()` give the manifests, the mandatory ones first or first and last. Upstream:
apiserver/pkg/apis/flowcontrol/bootstrap/default.go.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

API = "flowcontrol.apiserver.k8s.io/v1"
AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
_EVERYBODY = ("system:unauthenticated", "system:authenticated")


def _made(kind: str, name: str, spec: Obj) -> Obj:
    metadata = {"name": name, "annotations": {AUTOUPDATE: "true"}}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def _level(name: str, shares: int, lendable: int, queues: int = 0, hand: int = 0) -> Obj:
    response: Obj = {"type": "Reject"}
    if queues:
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
        response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return _made("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})


def _resources(
    verbs: list[str], groups: list[str], resources: list[str], cluster_scope: bool = True
) -> list[Obj]:
    rule: Obj = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    if cluster_scope:
        rule["clusterScope"] = True
    return [{**rule, "namespaces": ["*"]}]


_ALL = {
    "resourceRules": _resources(["*"], ["*"], ["*"]),
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


def _schema(name: str, level: str, precedence: int, by: str, subjects: list[Obj], rules: Obj) -> Obj:
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if by:
        spec["distinguisherMethod"] = {"type": by}
    spec["rules"] = [{"subjects": subjects, **rules}]
    return _made("FlowSchema", name, spec)


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Obj]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


_SYSTEM_ACCOUNTS: list[Obj] = [
    {"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}}
]


def levels() -> list[Obj]:
    """The priority levels."""
    exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
    return [
        _made("PriorityLevelConfiguration", "exempt", {"type": "Exempt", "exempt": exempt}),
        _level("catch-all", 5, 0),
        _level("system", 30, 33, 64, 6),
        _level("node-high", 40, 25, 64, 6),
        _level("leader-election", 10, 0, 16, 4),
        _level("workload-high", 40, 50, 128, 6),
        _level("workload-low", 100, 90, 128, 6),
        _level("global-default", 20, 50, 128, 6),
    ]


def schemas() -> list[Obj]:
    """The flow schemas, in the order in which they are tried."""
    manager, scheduler = "system:kube-controller-manager", "system:kube-scheduler"
    leases, core = ["coordination.k8s.io"], [""]
    nodes = _groups("system:nodes")
    leaders = _users(manager, scheduler) + _SYSTEM_ACCOUNTS
    probes = {"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}]}
    renewals = {"resourceRules": _resources(["get", "create", "update"], leases, ["leases"], False)}
    alive = {
        "resourceRules": _resources(["*"], core, ["nodes", "nodes/status"])
        + _resources(["*"], leases, ["leases"], False)
    }
    return [
        _schema("exempt", "exempt", 1, "", _groups("system:masters"), _ALL),
        _schema("probes", "exempt", 2, "", _groups(*_EVERYBODY), probes),
        _schema("system-leader-election", "leader-election", 100, "ByUser", leaders, renewals),
        _schema("system-node-high", "node-high", 400, "ByUser", nodes, alive),
        _schema("system-nodes", "system", 500, "ByUser", nodes, _ALL),
        _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", _users(manager), _ALL),
        _schema("kube-scheduler", "workload-high", 800, "ByNamespace", _users(scheduler), _ALL),
        _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _SYSTEM_ACCOUNTS, _ALL),
        _schema("service-accounts", "workload-low", 9000, "ByUser", _groups("system:serviceaccounts"), _ALL),
        _schema("global-default", "global-default", 9900, "ByUser", _groups(*_EVERYBODY), _ALL),
        _schema("catch-all", "catch-all", 10000, "ByUser", _groups(*_EVERYBODY), _ALL),
    ]
