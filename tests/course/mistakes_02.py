"""Typical wrong answers of chapter 02; see `mistakes`."""

from __future__ import annotations

ON_NODE = "%%ssh controlplane\n"
SHOP = "shop broken"
PATCH = "%kubectl patch validatingwebhookconfiguration guard --type=json -p '[{}]'"
MENU = "%kubectl create configmap menu -n shop --from-literal=soup=leek\n"
MISSED = "%kubectl create configmap missed --from-literal={}"

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "an empty ConfigMap": ("02.1", "", "%kubectl create configmap greeting", "nothing", "data"),
    "with kubectl": (
        "02.1",
        "",
        "%kubectl create configmap greeting --from-literal=text=hello",
        "a request of kubectl",
        "cluster.client.request",
    ),
    "posted to another namespace": (
        "02.1",
        "ex-1-body",
        'cluster.client.request("POST", "/api/v1/namespaces/kube-public/configmaps", body=body)',
        "namespace kube-public",
        "the namespace in the path",
    ),
    "the header is missing": (
        "02.2",
        "curl gate",
        ON_NODE + """curl -s $ME $API/api/v1/namespaces/gate/configmaps -d '{"metadata":{"name":"taken"}}'""",
        "415",
        "content-type:application/json",
    ),
    "read what is not there": (
        "02.2",
        "curl gate",
        ON_NODE + "curl -s $ME $API/api/v1/namespaces/gate/configmaps/none",
        "404",
        "without certificate and without token",
    ),
    "only without credentials": (
        "02.2",
        "curl gate",
        ON_NODE + "curl -s --cacert ca.crt $API/api/v1/namespaces/gate/configmaps",
        "403",
        "a token that nobody issued",
    ),
    "what was known already": (
        "02.3",
        "curl ticker",
        MISSED.format("ticks=one,two,three,five"),
        "one,",
        "after",
    ),
    "only the last value": (
        "02.3",
        "curl ticker",
        MISSED.format("ticks=five"),
        "five",
        "events of their own",
    ),
    "the deletion counted": (
        "02.3",
        "curl ticker",
        MISSED.format("ticks=two,three,five,five"),
        "five,five",
        "DELETED",
    ),
    "ticks under another key": (
        "02.3",
        "curl ticker",
        MISSED.format("tick=two,three,five"),
        "the keys tick",
        "--from-literal=ticks",
    ),
    "ticks elsewhere": (
        "02.3",
        "curl ticker",
        MISSED.format("ticks=two,three,five -n kube-public"),
        "namespace kube-public",
        "-n",
    ),
    "Anna's mark is lost": (
        "02.4",
        "two-readers anna-writes",
        'now = cluster.client.request("GET", path).json()\n'
        'cluster.client.request("PUT", path, body={**now, "data": {"by": "ben"}}).status',
        "before: nothing",
        "both keys",
    ),
    "Ben's name is missing": (
        "02.4",
        "two-readers anna-writes",
        """%kubectl patch configmap shared -p '{"data":{"before":"anna"}}'""",
        "by: anna",
        "resourceVersion",
    ),
    "Anna's mark is Ben's": (
        "02.4",
        "two-readers anna-writes",
        """%kubectl patch configmap shared -p '{"data":{"by":"ben","before":"ben"}}'""",
        "before: ben",
        "both keys",
    ),
    "the guard is dismissed": (
        "02.5",
        SHOP,
        "%kubectl delete validatingwebhookconfiguration guard\n" + MENU,
        "guard is gone",
        "were to be kept",
    ),
    "the guard looks elsewhere": (
        "02.5",
        SHOP,
        PATCH.format('{"op":"replace","path":"/webhooks/0/rules/0/operations","value":["UPDATE"]}')
        + "\n"
        + MENU,
        "asked about other requests",
        "rules and namespaceSelector",
    ),
    "the guard has less time": (
        "02.5",
        SHOP,
        PATCH.format('{"op":"replace","path":"/webhooks/0/timeoutSeconds","value":1}') + "\n" + MENU,
        "failurePolicy: Fail",
        "webhooks[0].failurePolicy",
    ),
    "the menu is elsewhere": (
        "02.5",
        SHOP,
        "%kubectl create configmap menu --from-literal=soup=leek",
        "namespace default",
        "-n shop",
    ),
    "saved as nobody": (
        "02.6",
        "",
        ON_NODE + "curl -sk https://controlplane:6443/apis/apps/v1 -o /opt/apps.json",
        "a refusal: forbidden",
        "system:anonymous",
    ),
    "the group without its version": (
        "02.6",
        "curl",
        ON_NODE + "curl -s $ME $API/apis/apps > /opt/apps.json",
        "APIGroup of apps",
        "group and version",
    ),
    "a list of Deployments": (
        "02.6",
        "curl",
        ON_NODE + "curl -s $ME $API/apis/apps/v1/deployments > /opt/apps.json",
        "DeploymentList of apps/v1",
        "nothing behind it",
    ),
    "saved where cd went": (
        "02.6",
        "curl",
        ON_NODE + "curl -s $ME $API/apis/apps/v1 -o apps.json",
        "/etc/kubernetes/pki/apps.json",
        "a relative one",
    ),
    "replaced by force": (
        "02.7",
        "task-2-begin",
        ON_NODE + "kubectl replace --force -f /opt/api.yaml",
        "another one of the same name",
        "--force",
    ),
    "without its version": (
        "02.7",
        "task-2-begin",
        ON_NODE + "sed -i '/resourceVersion/d' /opt/api.yaml\nkubectl replace -f /opt/api.yaml",
        "no label team",
        "only switches the warning off",
    ),
    "another number": (
        "02.7",
        "task-2-begin",
        "%kubectl scale deployment api --replicas=2",
        "2",
        "spec.replicas",
    ),
}
