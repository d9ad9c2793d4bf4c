"""Chapter 09, second half: preemption, a plugin, and the two tasks."""

from __future__ import annotations

from typing import Any

from kubekit.course.checks.chapter_07 import is_running
from kubekit.course.checks.chapter_08 import attempts, right_image, scheduler_placed
from kubekit.course.checks.chapter_09 import workers, would_go
from kubekit.course.exercise import Finding, Findings, Look, exercise
from kubekit.scheduler.changes import SetCordon


@exercise(
    "09.5",
    "Push aside, gently",
    hints=[
        "Who may be ended is a question of priority, who should be spared one of the budget.",
        "A budget selects pods by labels and says how many must stay; a class has to exist before its pod.",
        "`%kubectl create pdb bank --selector=... --min-available=...`, "
        "`%kubectl create priorityclass high --value=...`, and `priorityClassName` in the pod",
        "`%kubectl create pdb bank --selector=app=bank --min-available=2`, "
        "`%kubectl create priorityclass high --value=1000`, and `  priorityClassName: high` below `spec:`",
    ],
    waits_for=[
        "a budget `bank` that keeps 2 pods of app=bank",
        "a pod `important` of the class `high`, above zero",
        "it runs, and somebody was ended for it",
        "the pods of the bank still run",
    ],
)
def push_aside(look: Look) -> Findings:
    pod = look.find("pods", "important")
    budget = look.find("poddisruptionbudgets", "bank")
    if pod is None:
        there = [
            name
            for name, made in (
                ("the budget", budget),
                ("the class", look.find("priorityclasses", "high", None)),
            )
            if made
        ]
        also = f" There is {' and '.join(there)} already." if there else ""
        yield look.nothing_yet(f"There is no pod important yet.{also}")
        return
    spec = (budget or {}).get("spec", {})
    chosen = spec.get("selector", {}).get("matchLabels") or {}
    keeps = next(
        (f"{field} {spec[field]}" for field in ("minAvailable", "maxUnavailable") if field in spec), ""
    )
    says = ", ".join([*(f"{key}={value}" for key, value in chosen.items()), keeps])
    yield look.expect(
        "the budget bank keeps 2 pods of app=bank",
        expected="app=bank, minAvailable 2",
        observed=says if budget else "no budget of that name",
        holds=chosen == {"app": "bank"}
        and (spec.get("minAvailable") in (2, "100%") or spec.get("maxUnavailable") in (0, "0%")),
        where="`%kubectl describe pdb bank`",
    )
    yield look.expect(
        "important is of the class high, above zero",
        expected="high, above 0",
        observed=f"{pod['spec'].get('priorityClassName') or 'no class'}, {pod['spec'].get('priority', 0)}",
        holds=pod["spec"].get("priorityClassName") == "high" and pod["spec"].get("priority", 0) > 0,
        where="`spec.priorityClassName` of pod **important**; delete it and make it anew with the field",
    )
    yield look.expect(
        "it requests 2 CPUs",
        expected="2",
        observed=[
            one.get("resources", {}).get("requests", {}).get("cpu") for one in pod["spec"]["containers"]
        ],
        holds=any(
            str(one.get("resources", {}).get("requests", {}).get("cpu")) in ("2", "2000m")
            for one in pod["spec"]["containers"]
        ),
        where="`spec.containers[0].resources` of pod **important**",
    )
    yield is_running(look, pod)
    victims = [name for record in attempts(look, "important") for name in record.came_out.get("victims", ())]
    left = sorted(
        one["metadata"]["name"]
        for one in look.all("pods")
        if one["metadata"].get("labels", {}).get("app") == "bank"
        and "deletionTimestamp" not in one["metadata"]
    )
    yield look.expect(
        "the pods of the bank still run",
        expected="bank-3, bank-4",
        observed=f"{', '.join(left) or 'none'}; ended: {', '.join(victims) or 'nobody'}",
        holds=left == ["bank-3", "bank-4"],
        where="`%kubectl get pdb` before you make `important`; to try again, run the section's first cell",
        detail=f"ended for it: {', '.join(victims)}" if victims else "",
    )


@exercise(
    "09.6",
    "A filter of your own",
    hints=[
        "The method is asked for each node and looks at one thing: is the label there?",
        "`None` means that nothing speaks against the node; the Status of `unschedulable(...)` refuses it.",
        '`if "asleep" in node.labels:` ... and after the class `cluster.scheduler.add_plugin(Curfew)`. '
        "Then run the cell that makes `owl` again.",
        'class Curfew(Plugin): name = "Curfew"; def filter(self, state, pod, node): '
        'return unschedulable("node(s) were asleep") if "asleep" in node.labels else None',
    ],
    waits_for=[
        "a plugin `Curfew` took part in the last attempt for `owl`",
        "it refused node01 and node03, and no other node",
        "`owl` runs",
    ],
)
def curfew(look: Look) -> Findings:
    pod = look.find("pods", "owl")
    tried = attempts(look, "owl")
    if pod is None or not tried:
        yield look.nothing_yet(
            "There is no pod owl, or nobody has tried it yet.", "run the cell that makes it"
        )
        return
    record = tried[-1]
    asked = {step.asked: step for step in record.steps}
    step = asked.get("Filter Curfew")
    added = [plugin.name for plugin, _, _ in look.cluster.scheduler.added_plugins()]
    if step is None and not set(added) - {"FewerPods"}:
        yield look.nothing_yet("No plugin Curfew has taken part in an attempt for owl yet.")
        return
    yield look.expect(
        "a plugin Curfew took part as a filter",
        expected="Filter Curfew in the last attempt for owl",
        observed=[name for name in added if name != "FewerPods"] or "no plugin of yours",
        holds=step is not None,
        where="the class's `name` and its method `filter`; then add it, and make `owl` anew",
    )
    if step is not None:
        refused = sorted((step.figures or {}).get("refused", {}))
        message = record.came_out.get("message", "")
        yield look.expect(
            "it refused node01 and node03 and no other",
            expected=["node01", "node03"],
            observed=message if "Curfew" in message else refused,
            where="what `filter` returns: `None` for a node that will do, "
            "`unschedulable(...)` for one that will not",
        )
    yield is_running(look, pod)


@exercise(
    "09.7",
    "Never beside main",
    hints=[
        "It is a rule about another pod, and not about a node.",
        "Pod anti-affinity, of the required kind: a selector for `main`, and the node as the place.",
        "`affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        "[{topologyKey: ..., labelSelector: ...}]}}`",
        "`topologyKey: kubernetes.io/hostname` and `labelSelector: {matchLabels: {app: main}}`",
    ],
    waits_for=["a pod `standby` that names no node", "it would never go to the node of `main`", "it runs"],
)
def never_beside(look: Look) -> Findings:
    pod, main = look.find("pods", "standby"), look.find("pods", "main")
    if pod is None or main is None:
        yield look.nothing_yet("There is no pod standby yet." if main else "There is no pod main.")
        return
    yield right_image(look, pod)
    yield scheduler_placed(look, pod, "name no node")
    yield _names_no_node(look, pod)
    home = main["spec"].get("nodeName", "")
    alone = would_go(look, "standby", *(SetCordon(name, True) for name in workers(look) if name != home))
    if alone is not None:
        yield look.expect(
            "it never goes to the node of main",
            expected="no node, if there were only main's",
            observed=f"it would go to {alone}",
            holds=alone == "",
            where="`spec.affinity.podAntiAffinity` of pod **standby**: required, and its selector fits "
            "the labels of main (`%kubectl get pod main --show-labels`)",
        )
    else:
        seen = pod["spec"].get("nodeName") or "no node"
        yield look.expect("it is not beside main", expected="another node", observed=seen, holds=seen != home)
    yield is_running(look, pod)


def _names_no_node(look: Look, pod: dict[str, Any]) -> Finding:
    named = [field for field in ("nodeSelector",) if pod["spec"].get(field)]
    named += ["nodeAffinity"] if (pod["spec"].get("affinity") or {}).get("nodeAffinity") else []
    return look.expect(
        "it names no node",
        expected="no rule about nodes",
        observed=named,
        holds=not named,
        where="`spec` of pod **standby**: main may be elsewhere tomorrow, and the rule has to go with it",
    )


@exercise(
    "09.8",
    "Place the lost pod",
    hints=[
        "No node and no events: nobody schedules it. Whom does it ask? `%kubectl get pod lost -o yaml`",
        "kube-scheduler takes the pods that name one of its **profiles**, in `spec.schedulerName`.",
        "`cluster.scheduler.configure(...)` with two profiles: a configuration replaces the old one whole, "
        "so that `default-scheduler` has to be in it as well.",
        "Below `profiles:` two lines, `- schedulerName: default-scheduler` and "
        "`- schedulerName: night-shift`",
    ],
    waits_for=["`lost` was left as it is", "it has a node and runs", "`default-scheduler` still schedules"],
)
def lost(look: Look) -> Findings:
    pod = look.find("pods", "lost")
    past = look.history("pod/default/lost")
    profiles = sorted(getattr(look.cluster.scheduler, "frameworks", {}))
    same = pod is not None and len(past.creations) < 2 and not past.deleted_by_user
    if pod is None and not past.creations:
        yield look.nothing_yet("There is no pod lost.", "run the task's first cell")
        return
    changed = profiles not in (["default-scheduler"], ["default-scheduler", "packer"])
    if same and pod and not pod["spec"].get("nodeName") and not changed and not past.refused_writes:
        yield look.nothing_yet("The pod lost waits, as it did before.")
        return
    yield look.expect(
        "the pod was left as it is",
        expected="the pod of the task's first cell",
        observed="it was deleted" if pod is None else "it was made anew",
        holds=same,
        where="`metadata.creationTimestamp` of pod **lost**: it was to stay",
    )
    yield look.expect(
        "the other pods are still scheduled",
        expected="a profile default-scheduler",
        observed=profiles,
        holds="default-scheduler" in profiles,
        where="`profiles` of the configuration: it replaces the old one whole",
    )
    if pod is None:
        return
    yield look.expect(
        "somebody schedules it",
        expected="a node",
        observed=f"no node; the profiles are {', '.join(profiles)}",
        holds=bool(pod["spec"].get("nodeName")),
        where="`spec.schedulerName` of pod **lost**, letter by letter",
    )
    yield is_running(look, pod)
