"""Chapter 03, Who may do what, second part: admission - quota, policies, Pod Security.

Whether an object would be let in is asked with a dry run, which stores nothing.
"""

from __future__ import annotations

from typing import Any

from kubekit.course.exercise import Finding, Findings, Look, exercise

IMAGE = "httpd:2.4-alpine"


def refusal(look: Look, path: str, body: dict[str, Any]) -> str:
    """What a dry run is refused with; "" when it would be let in."""
    answer = look.cluster.client.request("POST", path, query={"dryRun": ["All"]}, body=body)
    return str(answer.json().get("message", "refused")) if answer.status >= 400 else ""


@exercise(
    "03.3",
    "Pods that do not say what they need",
    hints=[
        "The pods were refused when they were to be created. Who was told?",
        "A quota on requests.cpu wants every pod to say its request. Who could fill that in?",
        "A LimitRange in the namespace gives containers a `defaultRequest`.",
        "Apply a LimitRange in `small` with `limits: [{type: Container, defaultRequest: {cpu: 200m}}]`, and "
        "let 20 minutes pass.",
    ],
    waits_for=["both pods of `crowd` run", "the quota is as it was", "the Deployment is as it was"],
)
def pods_under_a_quota(look: Look) -> Findings:
    crowd = look.find("deployments", "crowd", "small")
    if crowd is None:
        quota_only = look.find("namespaces", "small", None) is not None
        yield look.nothing_yet(
            "There is no Deployment crowd in small." if quota_only else "There is no namespace small.",
            "run the section's first cell",
        )
        return
    quota = look.find("resourcequotas", "cpu", "small")
    hard = ((quota or {}).get("spec") or {}).get("hard")
    container = crowd["spec"]["template"]["spec"]["containers"][0]
    as_it_was = crowd["spec"]["replicas"] == 2 and not container.get("resources")
    phases = [pod["status"].get("phase") for pod in look.all("pods", "small")]
    running = phases.count("Running")
    ranges = look.all("limitranges", "small")
    if not phases and not ranges and as_it_was and hard == {"requests.cpu": "1"}:
        yield look.nothing_yet("The Deployment asks for 2 pods, and there are none.")
        return
    defaults = [str(one.get("defaultRequest", {}).get("cpu")) for r in ranges for one in r["spec"]["limits"]]
    yield look.expect(
        "both pods of crowd run",
        expected="2 Running",
        observed=f"{running} Running; default request: {', '.join(defaults) or 'none'}",
        holds=running == 2,
        where="`%kubectl get events -n small`: two default requests have to fit into one CPU; and give the "
        "controller its time, `cluster.advance('20m')`",
    )
    yield look.expect(
        "the quota is as it was",
        expected="requests.cpu: 1",
        observed=", ".join(f"{key}: {value}" for key, value in sorted((hard or {}).items())) or "no quota",
        holds=hard == {"requests.cpu": "1"},
        where="ResourceQuota cpu in small: it was not to be touched",
    )
    yield look.expect(
        "the Deployment is as it was",
        expected="2 replicas, no requests",
        observed=f"{crowd['spec']['replicas']} replicas, requests {container.get('resources') or 'none'}",
        holds=as_it_was,
        where="`spec` of Deployment crowd: it was not to be touched; what fills in pods is a LimitRange",
    )


POLICIES = "validatingadmissionpolicies"


@exercise(
    "03.4",
    "A policy in one expression",
    hints=[
        "The policy `few` is the pattern. What has to be different: the expression, and where it holds?",
        "`object.metadata.labels` may be missing altogether, so ask `has(...)` first. Where a policy holds "
        "can be narrowed with a `namespaceSelector` under `matchConstraints`.",
        "expression: `has(object.metadata.labels) && 'team' in object.metadata.labels`; namespaceSelector: "
        "`{matchLabels: {kubernetes.io/metadata.name: shop}}`",
        "Apply a ValidatingAdmissionPolicy `team` with these two and a binding `team` with "
        "`{policyName: team, validationActions: [Deny]}`.",
    ],
    waits_for=[
        "without a label `team` a Deployment is refused in `shop`",
        "with one it is let in",
        "in `default` nothing is asked",
    ],
)
def policy_of_teams(look: Look) -> Findings:
    policy = look.find(POLICIES, "team", None)
    others = [one["metadata"]["name"] for one in look.all(POLICIES, None)]
    others = [name for name in others if name not in ("few", "team")]
    if policy is None and not others:
        yield look.nothing_yet("There is no ValidatingAdmissionPolicy team.")
        return
    bindings = look.all("validatingadmissionpolicybindings", None)
    mine = [one["spec"] for one in bindings if one["spec"]["policyName"] in ("team", *others)]
    actions = sorted({action for spec in mine for action in spec["validationActions"]})
    without, with_team = deployment("probe"), deployment("probe", team="blue")
    refused = refusal(look, "/apis/apps/v1/namespaces/shop/deployments", without)
    yield look.expect(
        "without a label team a Deployment is refused in shop",
        expected="refused",
        observed=f"let in; {'actions: ' + ', '.join(actions) if mine else 'no binding of the policy'}",
        holds=bool(refused),
        where="the binding (`policyName: team`, `validationActions: [Deny]`), and whether the expression "
        "asks for the label `team`",
    )
    against = refusal(look, "/apis/apps/v1/namespaces/shop/deployments", with_team)
    yield look.expect(
        "with one it is let in",
        expected="let in",
        observed=against,
        holds=not against,
        where="the expression: it is true for what shall pass, and any value of `team` will do",
    )
    elsewhere = refusal(look, "/apis/apps/v1/namespaces/default/deployments", without)
    yield look.expect(
        "in default nothing is asked",
        expected="let in",
        observed=elsewhere,
        holds=not elsewhere,
        where="`matchConstraints.namespaceSelector` of the policy",
    )


def deployment(name: str, **labels: str) -> dict[str, Any]:
    """A Deployment for a dry run."""
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": IMAGE}]},
        },
    }
    metadata = {"name": name, "labels": {"app": name, **labels}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


LEVELS = "pod-security.kubernetes.io/"


@exercise(
    "03.7",
    "Pod Security for a namespace",
    hints=[
        "Pod Security is switched on by labels of the namespace. There is one for each of its three modes.",
        "`enforce` refuses, `warn` only says so; each takes a level: privileged, baseline, restricted.",
        "`%kubectl label namespace vault pod-security.kubernetes.io/MODE=LEVEL`, twice",
        "enforce=baseline and warn=restricted",
    ],
    waits_for=["a namespace `vault`", "`baseline` is enforced there", "`restricted` only warns"],
)
def security_of_the_vault(look: Look) -> Findings:
    vault = look.find("namespaces", "vault", None)
    if vault is None:
        strays = [
            one["metadata"]["name"]
            for one in look.all("namespaces", None)
            if any(key.startswith(LEVELS) for key in one["metadata"].get("labels") or {})
        ]
        if strays in ([], ["strict"]):
            yield look.nothing_yet("There is no namespace vault.")
            return
        yield look.expect(
            "there is a namespace vault",
            expected="vault",
            observed=[name for name in strays if name != "strict"],
            where="the namespace that was labelled",
        )
        return
    labels = vault["metadata"].get("labels") or {}
    levels = {key.removeprefix(LEVELS): value for key, value in labels.items() if key.startswith(LEVELS)}
    seen = ", ".join(f"{mode}={level}" for mode, level in sorted(levels.items())) or "no such label"
    if not levels:
        yield look.nothing_yet("The namespace vault has no label of Pod Security yet.")
        return
    yield Finding("there is a namespace vault", "holds")
    yield look.expect(
        "baseline is enforced there",
        expected="enforce=baseline",
        observed=seen,
        holds=levels.get("enforce") == "baseline",
        where=f"the label `{LEVELS}enforce` of the namespace: `restricted` would refuse ordinary pods",
    )
    yield look.expect(
        "restricted only warns",
        expected="warn=restricted",
        observed=seen,
        holds=levels.get("warn") == "restricted",
        where=f"the label `{LEVELS}warn` of the namespace",
    )
