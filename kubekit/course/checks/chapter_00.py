"""Chapter 00, Start here: a Deployment of five, a pod that waited, and two first tasks against the clock."""

from __future__ import annotations

from typing import Any

from kubekit.course.exercise import Findings, Look, exercise


def pods_of(look: Look, app: str, namespace: str = "default") -> list[dict[str, Any]]:
    """The pods labelled app=<app> that are not being deleted, by name."""
    return [
        pod
        for pod in look.all("pods", namespace)
        if pod["metadata"].get("labels", {}).get("app") == app and "deletionTimestamp" not in pod["metadata"]
    ]


def phases(pods: list[dict[str, Any]]) -> str:
    """How many pods are in which phase, in words."""
    counts: dict[str, int] = {}
    for pod in pods:
        phase = pod.get("status", {}).get("phase", "Unknown")
        counts[phase] = counts.get(phase, 0) + 1
    return ", ".join(f"{count} {phase}" for phase, count in sorted(counts.items())) or "no pods"


@exercise(
    "00.1",
    "Make web run five pods",
    hints=[
        "The number of copies is a field of the Deployment, not of the pods.",
        "Changing `spec.replicas` is called scaling. kubectl has a verb of that name.",
        "`%kubectl scale deployment web --replicas=...`",
        "`%kubectl scale deployment web --replicas=5`",
    ],
    waits_for=["the Deployment `web` asks for five replicas", "five pods of it run"],
)
def five_copies(look: Look) -> Findings:
    deployment = look.find("deployments", "web")
    if deployment is None:
        yield look.nothing_yet("There is no Deployment web.", "run the cells above first")
        return
    wanted = deployment["spec"]["replicas"]
    if wanted == 3:
        yield look.nothing_yet("The Deployment web still asks for 3 replicas.")
        return
    # The next section scales to six; who comes back to this check later has not become wrong.
    later = wanted == 6 and 5 in look.history("deployment/default/web").values("spec", "replicas")
    yield look.expect(
        "the Deployment `web` asks for five replicas",
        expected=5,
        observed=wanted,
        holds=wanted == 5 or later,
        where="`spec.replicas` of Deployment **web**: `%kubectl get deployment web`",
        detail=f"spec.replicas is {wanted}",
    )
    pods = pods_of(look, "web")
    yield look.expect(
        "five pods of it run",
        expected="5 Running",
        observed=phases(pods),
        holds=phases(pods) == "5 Running" or later,
        where="`%kubectl get pods -l app=web`; if some are Pending, let time pass with `cluster.settle()`",
        detail=phases(pods),
    )


@exercise(
    "00.2",
    "Let the waiting pod run",
    hints=[
        "The pod waits for a decision. Who makes it?",
        "Without `kube-scheduler` nobody writes `spec.nodeName`.",
        "A component that was stopped has a verb to begin again: `cluster.scheduler....`",
        "`cluster.scheduler.start()`",
    ],
    waits_for=["`web` still asks for six replicas", "no pod of it is without a node", "six pods run"],
)
def let_it_go_on(look: Look) -> Findings:
    deployment = look.find("deployments", "web")
    if deployment is None or deployment["spec"]["replicas"] in (3, 5):
        yield look.nothing_yet(
            "The Deployment web has not been scaled to six.", "run the section's cells first"
        )
        return
    pods = pods_of(look, "web")
    homeless = [pod["metadata"]["name"] for pod in pods if not pod["spec"].get("nodeName")]
    scheduler = look.cluster.scheduler.state
    if deployment["spec"]["replicas"] == 6 and homeless and scheduler == "stopped":
        yield look.nothing_yet(f"{len(homeless)} pod waits for a node, and the scheduler is still stopped.")
        return
    yield look.expect(
        "`web` still asks for six replicas",
        expected=6,
        observed=deployment["spec"]["replicas"],
        where="`spec.replicas` of Deployment **web**: the number was not to be changed",
    )
    yield look.expect(
        "no pod of it is without a node",
        expected="none",
        observed=homeless,
        holds=not homeless,
        where=f"kube-scheduler, which is {scheduler}",
    )
    running = sum(pod["status"].get("phase") == "Running" for pod in pods)
    yield look.expect(
        "six pods run",
        expected="6 Running",
        observed=phases(pods),
        holds=running >= 6,
        where="`%kubectl get pods -l app=web`",
        detail=phases(pods),
    )


@exercise(
    "00.3",
    "Two copies of api in shop",
    hints=[
        "Two objects: the namespace first, then what lives in it.",
        "`-n NAME` says in which namespace a command works; without it that is `default`.",
        "`%kubectl create namespace ...`, then `%kubectl create deployment ... -n ...`",
        "`%kubectl create namespace shop` and "
        "`%kubectl create deployment api --image=nginx:1.27 --replicas=2 -n shop`",
    ],
    waits_for=[
        "the namespace `shop`",
        "Deployment `api` in it, image nginx:1.27, two replicas",
        "both pods run",
    ],
)
def api_in_shop(look: Look) -> Findings:
    if look.find("namespaces", "shop", None) is None:
        yield look.nothing_yet("There is no namespace shop.")
        return
    yield look.expect("the namespace `shop` exists", expected=True, observed=True)
    deployment = look.find("deployments", "api", "shop")
    elsewhere = look.find("deployments", "api")
    yield look.expect(
        "the Deployment `api` is in it",
        expected="Deployment api in namespace shop",
        observed="Deployment api in namespace default" if elsewhere else "no such Deployment",
        holds=deployment is not None,
        where="`-n shop` on the command that creates it",
    )
    if deployment is None:
        return
    images = [container["image"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    yield look.expect("its image is nginx:1.27", expected=["nginx:1.27"], observed=images, where="`--image`")
    pods = pods_of(look, "api", "shop")
    yield look.expect(
        "two pods of it run",
        expected="2 Running",
        observed=phases(pods),
        where="`%kubectl get pods -n shop`; let time pass with `cluster.settle()`",
    )


@exercise(
    "00.4",
    "Say where api runs",
    hints=[
        "Two steps: read where the pods run, then write it down as an object.",
        "`-o wide` adds the column NODE. A ConfigMap keeps texts under keys.",
        "`%kubectl get pods -n shop -o wide`, then "
        "`%kubectl create configmap answer -n shop --from-literal=nodes=...`",
        "With the pods on node01 and node02: "
        "`%kubectl create configmap answer -n shop --from-literal=nodes=node01,node02`",
    ],
    waits_for=["a ConfigMap `answer` in `shop`", "its key `nodes` names the nodes on which `api` runs"],
)
def where_api_runs(look: Look) -> Findings:
    answer = look.find("configmaps", "answer", "shop")
    elsewhere = look.find("configmaps", "answer")
    if answer is None and elsewhere is None:
        yield look.nothing_yet("There is no ConfigMap answer in shop.")
        return
    yield look.expect(
        "the ConfigMap `answer` is in shop",
        expected="namespace shop",
        observed="namespace default",
        holds=answer is not None,
        where="`-n shop` on the command that creates it",
    )
    data = ((answer or elsewhere) or {}).get("data", {})
    yield look.expect(
        "it has the key `nodes`",
        expected="nodes",
        observed=sorted(data),
        holds="nodes" in data,
        where="`--from-literal=nodes=...`: the key stands before the equals sign",
    )
    said = sorted({word.strip() for word in data.get("nodes", "").split(",") if word.strip()})
    true = sorted(
        {pod["spec"]["nodeName"] for pod in pods_of(look, "api", "shop") if pod["spec"].get("nodeName")}
    )
    yield look.expect(
        "it names the nodes on which `api` runs",
        expected=f"{len(true)} name(s), as the pods have them",
        observed=said,
        holds=bool(true) and said == true,
        where="the column NODE of `%kubectl get pods -n shop -o wide`",
        detail=", ".join(said),
    )
