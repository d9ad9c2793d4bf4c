"""Typical wrong answers of chapter 09; see `mistakes`."""

from __future__ import annotations

from tests.course.manifests import pod

SOUTH = "{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [south]}]}"
HDD = "{matchExpressions: [{key: disk, operator: In, values: [hdd]}]}"
REQUIRED, PREFERRED = (f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred"))


def by_nodes(required: str = "", preferred: str = "") -> str:
    """The line of a spec with node affinity; both in YAML's flow form, "" for none."""
    parts = [f"{REQUIRED}: {{nodeSelectorTerms: [{required}]}}"] if required else []
    parts += [f"{PREFERRED}: [{{weight: 10, preference: {preferred}}}]"] if preferred else []
    return f"affinity: {{nodeAffinity: {{{', '.join(parts)}}}}}"


def apart(selector: str, kind: str = "podAntiAffinity", place: str = "kubernetes.io/hostname") -> str:
    """The line of a spec with a required rule about other pods."""
    term = f"{{topologyKey: {place}, labelSelector: {{matchLabels: {selector}}}}}"
    return f"affinity: {{{kind}: {{{REQUIRED}: [{term}]}}}}"


def shop(constraint: str) -> str:
    """The Deployment with a constraint, and then room in the south."""
    return (
        "%%kubectl apply -f -\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n"
        "  replicas: 4\n  selector: {matchLabels: {app: shop}}\n  template:\n"
        "    metadata: {labels: {app: shop}}\n    spec:\n"
        f"      topologySpreadConstraints: [{constraint}]\n      containers:\n"
        '      - {name: c, image: "httpd:2.4-alpine", resources: {requests: {cpu: 500m}}}\n'
        "SPLIT\ncluster.settle()\n%kubectl delete pod ballast-3 ballast-4\ncluster.advance('10s')"
    )


def spread(skew: int = 1, key: str = "topology.kubernetes.io/zone", app: str = "shop", **other: str) -> str:
    """A constraint in YAML's flow form."""
    what = other.get("what", "DoNotSchedule")
    return (
        f"{{maxSkew: {skew}, topologyKey: {key}, whenUnsatisfiable: {what}, "
        f"labelSelector: {{matchLabels: {{app: {app}}}}}}}"
    )


GPU_PLACE = 'nodeSelector: {"kubernetes.io/hostname": node04}'
GPU_DOOR = "tolerations: [{{key: {}, operator: Equal, value: '{}', effect: NoSchedule}}]"
PDB = "%kubectl create pdb bank --selector=app={} --min-available={}\n"
CLASS = "%kubectl create priorityclass high --value=1000\ncluster.settle()\nSPLIT\n"
IMPORTANT = pod("important", "priorityClassName: high", requests='{cpu: "2"}')
PLUGIN = """class Curfew(Plugin):
    name = "Curfew"

    def filter(self, state, pod, node):
        {}

cluster.scheduler.add_plugin(Curfew)
%kubectl run owl --image=httpd:2.4-alpine"""
CONFIG = """cluster.scheduler.configure('''
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{}]
''')"""

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "one gate of two": (
        "09.1",
        "gated",
        """%kubectl patch pod gated --type=json -p '[{"op":"remove","path":"/spec/schedulingGates/0"}]'""",
        "example.com/licence",
        "every gate has to go",
    ),
    "gated was made anew": (
        "09.1",
        "gated",
        "%kubectl delete pod gated\n%kubectl run gated --image=httpd:2.4-alpine",
        "it was made anew",
        "gates can be taken from a pod that exists",
    ),
    "gated was deleted": (
        "09.1",
        "gated",
        "%kubectl delete pod gated",
        "no pod gated",
        "metadata.creationTimestamp",
    ),
    "both are demands": (
        "09.2",
        "disk",
        pod("archive", by_nodes(SOUTH.replace("]}]}", "]}, {key: disk, operator: In, values: [hdd]}]}"))),
        "it would find no node",
        "preferredDuringScheduling",
    ),
    "two terms are joined by or": (
        "09.2",
        "disk",
        "%kubectl cordon node03 node04\nSPLIT\n" + pod("archive", by_nodes(f"{SOUTH}, {HDD}")),
        "node01 north",
        "joined by or",
    ),
    "both are wishes": (
        "09.2",
        "disk",
        pod("archive", by_nodes("", SOUTH)),
        "it would go to node0",
        "a preference is only a score",
    ),
    "no wish": (
        "09.2",
        "disk",
        pod("archive", by_nodes(SOUTH)),
        "the same points for all",
        "a weight and a preference",
    ),
    "only the key": (
        "09.3",
        "taint",
        pod("gpu-job", GPU_DOOR.format("gpu", "yes")) + "SPLIT\n%kubectl get pods",
        "it would go to node0",
        "a toleration opens a door",
    ),
    "only the way": ("09.3", "taint", pod("gpu-job", GPU_PLACE), "no toleration", "spec.tolerations"),
    "a toleration that does not fit": (
        "09.3",
        "taint",
        pod("gpu-job", GPU_DOOR.format("gpu", "true") + "\n  " + GPU_PLACE),
        "gpu=true:NoSchedule",
        "key, value and effect",
    ),
    "went round the taint": (
        "09.3",
        "taint",
        pod("gpu-job", "nodeName: node04"),
        "nodeName at creation",
        "it goes round the taint",
    ),
    "spread over nodes": (
        "09.4",
        "ballast",
        shop(spread(key="kubernetes.io/hostname")),
        "kubernetes.io/hostname, DoNotSchedule",
        "topologyKey",
    ),
    "spread as a wish": (
        "09.4",
        "ballast",
        shop(spread(what="ScheduleAnyway")),
        "topology.kubernetes.io/zone, ScheduleAnyway",
        "whenUnsatisfiable",
    ),
    "three ahead": ("09.4", "ballast", shop(spread(skew=3)), "3", "maxSkew"),
    "others are counted": ("09.4", "ballast", shop(spread(app="web")), "app=web", "labelSelector"),
    "no budget": ("09.5", "loads", CLASS + IMPORTANT, "no budget of that name", "describe pdb bank"),
    "a budget for others": (
        "09.5",
        "loads",
        PDB.format("banks", 2) + CLASS + IMPORTANT,
        "app=banks, minAvailable 2",
        "describe pdb bank",
    ),
    "important has no class": (
        "09.5",
        "loads",
        PDB.format("bank", 2) + CLASS + pod("important", requests='{cpu: "2"}'),
        "no class, 0",
        "spec.priorityClassName",
    ),
    "the budget spares one only": (
        "09.5",
        "loads",
        PDB.format("bank", 1) + CLASS + IMPORTANT,
        "minAvailable 1",
        "describe pdb bank",
    ),
    "the bank paid": (
        "09.5",
        "loads",
        PDB.format("bank", 2) + CLASS + "%kubectl delete pod bank-3\nSPLIT\n" + IMPORTANT,
        "bank-4",
        "before you make important",
    ),
    "the wrong way round": (
        "09.6",
        "fewer-pods asleep",
        PLUGIN.format('return None if "asleep" in node.labels else unschedulable("node(s) were awake")'),
        "node02, node04",
        "None for a node that will do",
    ),
    "yes and no": (
        "09.6",
        "fewer-pods asleep",
        PLUGIN.format('return "asleep" not in node.labels'),
        "Curfew",
        "None for a node that will do",
    ),
    "a plugin of another name": (
        "09.6",
        "fewer-pods asleep",
        PLUGIN.replace('"Curfew"', '"Sleepers"').format(
            'return unschedulable("node(s) were asleep") if "asleep" in node.labels else None'
        ),
        "Sleepers",
        "the class's name",
    ),
    "a wish is not never": (
        "09.7",
        "task-1-given",
        pod(
            "standby",
            f"affinity: {{podAntiAffinity: {{{PREFERRED}: [{{weight: 100, podAffinityTerm: "
            "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: main}}}}]}}",
        ),
        "it would go to node0",
        "required",
    ),
    "a selector that fits nobody": (
        "09.7",
        "task-1-given",
        pod("standby", apart("{run: main}")),
        "it would go to node0",
        "--show-labels",
    ),
    "a node was named": (
        "09.7",
        "task-1-given",
        pod(
            "standby",
            by_nodes("{matchExpressions: [{key: 'kubernetes.io/hostname', operator: In, values: [node02]}]}"),
        ),
        "nodeAffinity",
        "the rule has to go with it",
    ),
    "together instead of apart": (
        "09.7",
        "task-1-given",
        pod("standby", apart("{app: main}", "podAffinity")),
        "it would go to node0",
        "podAntiAffinity",
    ),
    "the default profile is gone": (
        "09.8",
        "task-2-given",
        CONFIG.format("{schedulerName: night-shift}"),
        "night-shift",
        "it replaces the old one whole",
    ),
    "a profile of another name": (
        "09.8",
        "task-2-given",
        CONFIG.format("{schedulerName: default-scheduler}, {schedulerName: nightshift}"),
        "no node; the profiles are default-scheduler, nightshift",
        "letter by letter",
    ),
    "lost was made anew": (
        "09.8",
        "task-2-given",
        "%kubectl delete pod lost\n%kubectl run lost --image=httpd:2.4-alpine",
        "it was made anew",
        "it was to stay",
    ),
}
