"""Chapter 02, The front door: requests of one's own, refusals, what was missed, lost races, a webhook."""

from __future__ import annotations

import json
from typing import Any

import yaml

from kubekit.course.exercise import Finding, Findings, Look, exercise

GATE = "/api/v1/namespaces/gate/configmaps"
APPS = "/opt/apps.json"
SAVED = "/opt/api.yaml"


@exercise(
    "02.1",
    "Create a ConfigMap with a bare request",
    hints=[
        "Creating is a verb of HTTP, and it goes to the collection, not to the object.",
        "The verb is POST; the path is that of the resource in its namespace, without the object's name.",
        '`cluster.client.request("POST", "/api/v1/namespaces/default/configmaps", body=body)`',
        'Set `body["data"] = {"text": "hello"}` first, then send that request.',
    ],
    waits_for=["a ConfigMap `greeting` in `default`", "its key `text` says hello", "kubectl was not used"],
)
def bare_request(look: Look) -> Findings:
    config = look.find("configmaps", "greeting")
    elsewhere = places(look, "greeting")
    if not elsewhere:
        yield look.nothing_yet("There is no ConfigMap greeting yet.")
        return
    yield look.expect(
        "the ConfigMap is in default",
        expected="namespace default",
        observed=[f"namespace {name}" for name in elsewhere],
        holds=config is not None,
        where="the namespace in the path: `/api/v1/namespaces/default/configmaps`",
    )
    if config is None:
        return
    data = config.get("data", {})
    yield look.expect(
        "its key `text` says hello",
        expected="text: hello",
        observed=", ".join(f"{key}: {value}" for key, value in sorted(data.items())),
        holds=data == {"text": "hello"},
        where="`data` of the body that was sent; delete the ConfigMap before you POST it again",
    )
    makers = look.history("configmap/default/greeting").creations[-1:]
    yield look.expect(
        "kubectl was not used",
        expected="a request of your own",
        observed=[f"a request of {maker}" for maker in makers],
        holds="kubectl" not in makers,
        where="delete it and create it again with `cluster.client.request`",
    )


def places(look: Look, name: str) -> list[str]:
    """The namespaces that have a ConfigMap of this name."""
    found = (item["metadata"] for item in look.all("configmaps", None))
    return sorted(meta["namespace"] for meta in found if meta["name"] == name)


REFUSALS = {
    401: ("nobody vouches for the credentials", "a token that nobody issued, in `-H 'Authorization: ...'`"),
    403: ("known, but not allowed", "the same request without certificate and without token"),
    409: (
        "well formed, but against what is stored",
        "a POST of `taken`, with `$ME` and the header content-type:application/json",
    ),
    422: (
        "understood, and not valid",
        "a POST with `$ME`, that header, and a name that no object may have, e.g. `No_Good`",
    ),
}
"""Status: what it means, and how to get it."""


@exercise(
    "02.2",
    "Four refusals",
    hints=[
        "Each number is another gate. Which gate is the first, and what does it look at?",
        "401: bad credentials. 403: none at all. 409: create what exists. 422: create what cannot be.",
        "`curl -s --cacert ca.crt -H 'Authorization: Bearer abc' $API/api/v1/namespaces/gate/configmaps` is "
        "the first; leave the header out for the second",
        "The other two are `curl -s $ME -H content-type:application/json $API" + GATE + " -d ...` with "
        '`{"metadata":{"name":"taken"}}` and with `{"metadata":{"name":"No_Good"}}`.',
    ],
    waits_for=[f"a refusal with {code}: {meaning}" for code, (meaning, _) in REFUSALS.items()],
)
def four_refusals(look: Look) -> Findings:
    seen = [
        record.came_out["status"]
        for record in look.cluster.records.kind("request")
        if record.came_in["path"].startswith(GATE) and record.came_out["status"] >= 400
    ]
    if not seen:
        yield look.nothing_yet("The door has refused nothing about the ConfigMaps of gate.")
        return
    for code, (meaning, how) in REFUSALS.items():
        yield look.expect(
            f"a refusal with {code}: {meaning}",
            expected=str(code),
            observed=sorted(set(seen)),
            holds=code in seen,
            where=f"{how}; and the path: it begins with `{GATE}`",
        )


@exercise(
    "02.3",
    "What was missed",
    hints=[
        "The events of a watch carry the whole object, as it was then.",
        "`$AWAY` is the version at which tick was one; the watch begins after it. Where does an event "
        "have the data?",
        'curl -s $ME "$API/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$AWAY" '
        '| grep -o \'"tick":"[a-z]*"\'',
        "`kubectl create configmap missed --from-literal=ticks=two,three,five`",
    ],
    waits_for=["a ConfigMap `missed` in `default`", "its `ticks` are the values after `one`, in order"],
)
def what_was_missed(look: Look) -> Findings:
    all_values = look.history("configmap/default/ticker").values("data", "tick")
    if "one" not in all_values:
        yield look.nothing_yet("There has been no ConfigMap ticker.", "run the section's cells first")
        return
    last_one = len(all_values) - 1 - all_values[::-1].index("one")
    wanted = ",".join(all_values[last_one + 1 :])
    found = look.find("configmaps", "missed")
    elsewhere = places(look, "missed")
    if not elsewhere:
        yield look.nothing_yet("There is no ConfigMap missed yet.")
        return
    yield look.expect(
        "the ConfigMap is in default",
        expected="namespace default",
        observed=[f"namespace {name}" for name in elsewhere],
        holds=found is not None,
        where="`-n`, or its absence",
    )
    if found is None:
        return
    data = found.get("data") or {}
    ticks = data.get("ticks")
    hint = {
        "five": "the deletion carries the last value too, but the changes before it are events of their own",
        f"one,{wanted}": "`one` is what was known at `$AWAY`: a watch tells what came after",
        f"{wanted},five": "the last event is `DELETED`: it carries the last value once more, nothing new",
    }.get(str(ticks), "the events of the watch from `$AWAY` on, from the top; no spaces between the values")
    yield look.expect(
        "its ticks are the values after one, in order",
        expected=wanted,
        observed=ticks if "ticks" in data else f"the keys {', '.join(sorted(data)) or 'none'}",
        holds=ticks == wanted,
        where=hint if "ticks" in data else "the key: `--from-literal=ticks=...`",
    )


@exercise(
    "02.4",
    "Write after a conflict",
    hints=[
        "Ben's copy is stale. Where does he get a fresh one?",
        "Read again: the fresh object has the latest `resourceVersion`. Change that one and write it.",
        'Read with `cluster.client.request("GET", path).json()`, change its `data`, then PUT it to `path`.',
        '`again = cluster.client.request("GET", path).json()`, then '
        '`again = {**again, "data": {"by": "ben", "before": "anna"}}`, then '
        '`cluster.client.request("PUT", path, body=again).status`',
    ],
    waits_for=["`shared` says `by: ben`", "and `before: anna`"],
)
def be_ben(look: Look) -> Findings:
    config = look.find("configmaps", "shared")
    if config is None:
        yield look.nothing_yet("There is no ConfigMap shared.", "run the cells above first")
        return
    data = config.get("data", {})
    if data in ({"by": "nobody"}, {"by": "anna"}):
        yield look.nothing_yet(f"The ConfigMap still says by: {data['by']}.")
        return
    version = config["metadata"]["resourceVersion"]
    yield look.expect(
        "it says `by: ben`",
        expected="by: ben",
        observed=f"by: {data.get('by', 'nothing')}",
        where=f"`data` of ConfigMap **shared**, now at resourceVersion {version}",
    )
    yield look.expect(
        "Anna's mark is kept as `before: anna`",
        expected="before: anna",
        observed=f"before: {data.get('before', 'nothing')}",
        where="`data` of ConfigMap **shared**: a PUT replaces all of it, so both keys have to be sent",
    )


WEBHOOKS = "validatingwebhookconfigurations"


@exercise(
    "02.5",
    "A gate that somebody else runs",
    hints=[
        "The rule is not wrong; only nobody is there to answer. What shall happen then?",
        "`failurePolicy` of a webhook is `Fail` unless it is told otherwise; the other value is `Ignore`.",
        "`%kubectl edit validatingwebhookconfiguration guard` shows the file, which goes back below "
        "`%%kubectl edit` in a cell; shorter is `%kubectl patch validatingwebhookconfiguration guard "
        "--type=json -p '[...]'`. The path is `/webhooks/0/failurePolicy`.",
        '`-p \'[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]\'`, and then '
        "`%kubectl create configmap menu -n shop --from-literal=soup=leek`",
    ],
    waits_for=[
        "the ConfigMap `menu` is in `shop`",
        "`guard` is still there, with its rules",
        "it lets pass when nobody answers",
    ],
)
def let_them_in(look: Look) -> Findings:
    if look.find("namespaces", "shop", None) is None:
        yield look.nothing_yet("There is no namespace shop.", "run the section's cells first")
        return
    guard = look.find(WEBHOOKS, "guard", None)
    hook = (guard["webhooks"][0] if guard else None) or {}
    menus = places(look, "menu")
    if not menus and untouched(hook):
        yield look.nothing_yet("The webhook guards the door as before, and there is no menu.")
        return
    yield look.expect(
        "the ConfigMap menu is in shop",
        expected="namespace shop",
        observed=[f"namespace {name}" for name in menus] or "no menu",
        holds="shop" in menus,
        where="`%kubectl create configmap menu -n shop --from-literal=soup=leek`, and what it answers",
    )
    yield look.expect(
        "guard is still there, with its rules",
        expected="asked about each new ConfigMap of shop",
        observed="guard is gone" if guard is None else "guard is asked about other requests",
        holds=asks_as_before(hook),
        where="`%kubectl get validatingwebhookconfiguration guard -o yaml`: rules and namespaceSelector were "
        "to be kept",
    )
    if guard is not None:
        yield look.expect(
            "it lets pass when nobody answers",
            expected="failurePolicy: Ignore",
            observed=f"failurePolicy: {hook.get('failurePolicy')}",
            where="`webhooks[0].failurePolicy` of guard",
        )


def asks_as_before(hook: dict[str, Any]) -> bool:
    """Whether a webhook is asked about new ConfigMaps of the namespace shop."""
    rules = hook.get("rules") or []
    selector = (hook.get("namespaceSelector") or {}).get("matchLabels") or {}
    return (
        any("CREATE" in rule["operations"] and "configmaps" in rule["resources"] for rule in rules)
        and selector == {"kubernetes.io/metadata.name": "shop"}
        and not hook.get("matchConditions")
    )


def untouched(hook: dict[str, Any]) -> bool:
    """Whether the webhook is as the scenario made it."""
    return asks_as_before(hook) and hook.get("failurePolicy") == "Fail" and hook.get("timeoutSeconds") == 10


@exercise(
    "02.6",
    "Discovery, saved",
    hints=[
        "It is a path of discovery, and whoever asks has to show a certificate.",
        "A group that is not the core group lives under /apis, and so does what it says of its resources.",
        "`curl -s --cacert ... --cert ... --key ... https://controlplane:6443/apis/apps/v1 "
        "-o /opt/apps.json`",
        "In `%%ssh controlplane`, in /etc/kubernetes/pki, with ca.crt, apiserver-kubelet-client.crt and "
        "apiserver-kubelet-client.key.",
    ],
    waits_for=["there is a file /opt/apps.json on controlplane", "it lists the resources of `apps/v1`"],
)
def discovery_saved(look: Look) -> Findings:
    files = next(iter(look.cluster.nodes.values())).files
    if not files.exists(APPS):
        strays = [f"/{folder}/apps.json" for folder in ("root", "tmp", "etc/kubernetes/pki")]
        found = [path for path in strays if files.exists(path)]
        if not found:
            yield look.nothing_yet("There is no file /opt/apps.json on controlplane.")
            return
        yield look.expect(
            "there is a file /opt/apps.json",
            expected=APPS,
            observed=found,
            where="the path behind `-o` or `>`: a relative one begins where `cd` went",
        )
        return
    yield Finding("there is a file /opt/apps.json", "holds")
    try:
        content = json.loads(files.text(APPS))
    except ValueError:
        content = None
    observed, where = described(content)
    yield look.expect(
        "it lists the resources of apps/v1",
        expected="APIResourceList of apps/v1",
        observed=observed,
        where=where,
    )


def described(content: Any) -> tuple[str, str]:
    """What a saved answer is, and where to look if it is not the right one."""
    if not isinstance(content, dict):
        return (
            "no JSON",
            "`cat /opt/apps.json`: an empty file is what a refused connection leaves; try without `-s`",
        )
    if content.get("kind") == "Status":
        return (
            f"a refusal: {content.get('message')}",
            "who asks: without `--cert` and `--key` it is system:anonymous; and the path",
        )
    of = content.get("groupVersion") or content.get("name") or content.get("apiVersion", "")
    return (
        f"{content.get('kind')} of {of}",
        "the path: group and version, `/apis/apps/v1`, and nothing behind it",
    )


@exercise(
    "02.7",
    "A stale file",
    hints=[
        "The file holds the version that was read. What was said of Ben holds for files too.",
        "`kubectl replace` sends the file's `resourceVersion` with the rest of it. A fresh file has a fresh "
        "one, and the label.",
        "`kubectl get deployment api -o yaml > /opt/api.yaml`, change it again, `kubectl replace -f` again",
        "`sed -i 's/replicas: 1/replicas: 3/' /opt/api.yaml` between the two; `kubectl scale deployment api "
        "--replicas=3` does it as well, for it is a PATCH of one field.",
    ],
    waits_for=["`api` asks for 3 replicas", "it has its label `team=blue`", "it was not made anew"],
)
def stale_file(look: Look) -> Findings:
    api = look.find("deployments", "api")
    if api is None:
        yield look.nothing_yet("There is no Deployment api.", "run the task's first cell")
        return
    replicas = api["spec"].get("replicas")
    team = (api["metadata"].get("labels") or {}).get("team")
    same = same_object(look, api)
    if replicas == 1 and team == "blue" and same:
        yield look.nothing_yet("The Deployment asks for 1 replica, as before.")
        return
    yield look.expect(
        "it asks for 3 replicas",
        expected=3,
        observed=replicas,
        where="`spec.replicas`: `kubectl get deployment api`",
    )
    yield look.expect(
        "it has its label team=blue",
        expected="team=blue",
        observed=f"team={team}" if team else "no label team",
        where="a replace sends the whole object: begin with a fresh `kubectl get -o yaml`, not with the old "
        "file; taking `resourceVersion` out of it only switches the warning off",
    )
    yield look.expect(
        "it was not made anew",
        expected="the Deployment that was there",
        observed="another one of the same name",
        holds=same,
        where="`kubectl replace --force` and `kubectl delete`: they end the pods that were running",
    )


def same_object(look: Look, api: dict[str, Any]) -> bool:
    """Whether the Deployment is the one that the colleague saved."""
    files = next(iter(look.cluster.nodes.values())).files
    if not files.exists(SAVED):
        return True
    try:
        saved = yaml.safe_load(files.text(SAVED))
        return bool(saved["metadata"]["uid"] == api["metadata"]["uid"])
    except (yaml.YAMLError, KeyError, TypeError):
        return True
