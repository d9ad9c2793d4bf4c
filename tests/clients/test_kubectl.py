"""The real kubectl on a served cluster: what a user of any cluster does in the first hour."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.clients.served import ServedCluster
from tests.programs import need_program

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kubectl")]

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: colours, namespace: shop}
data: {sky: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.28
        ports: [{containerPort: 80, name: http}]
        resources:
          requests: {cpu: 100m, memory: 64Mi}
          limits: {memory: 128Mi}
        readinessProbe: {httpGet: {path: /, port: http}}
        livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 20}
        envFrom: [{configMapRef: {name: colours}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: 30080}]
"""


@pytest.fixture(scope="module")
def shop(served: ServedCluster) -> ServedCluster:
    created = served.ok("apply", "-f", "-", stdin=SHOP).stdout.splitlines()
    assert created == [
        "namespace/shop created",
        "configmap/colours created",
        "deployment.apps/web created",
        "service/web created",
    ]
    served.ok("-n", "shop", "rollout", "status", "deployment/web", "--timeout=60s")
    return served


def test_nodes(served: ServedCluster) -> None:
    rows = served.ok("get", "nodes", "-o", "wide").lines
    assert rows[0][:5] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row[0] for row in rows[1:]] == ["controlplane", "node01", "node02"]
    assert {row[1] for row in rows[1:]} == {"Ready"}
    assert [row[5] for row in rows[1:]] == ["192.168.0.10", "192.168.0.11", "192.168.0.12"]


def test_the_same_manifest_again_changes_nothing(shop: ServedCluster) -> None:
    again = shop.ok("apply", "-f", "-", stdin=SHOP).stdout.splitlines()
    assert again == [
        "namespace/shop unchanged",
        "configmap/colours unchanged",
        "deployment.apps/web unchanged",
        "service/web unchanged",
    ]
    assert shop.ok("diff", "-f", "-", stdin=SHOP).stdout == ""


def test_server_side_apply(shop: ServedCluster) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa, namespace: shop}\ndata: {a: '1'}\n"
    applied = shop.ok("apply", "--server-side", "-f", "-", stdin=manifest)
    assert applied.stdout == "configmap/ssa serverside-applied\n"
    theirs = manifest.replace("'1'", "'2'")
    refused = shop.kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=theirs)
    assert refused.exit == 1 and 'conflict with "kubectl": .data.a' in refused.stderr


def test_scale_and_watch(shop: ServedCluster) -> None:
    watching = subprocess.Popen(
        [need_program("kubectl"), "-n", "shop", "get", "pods", "-l", "app=web", "--watch-only"],
        env=shop.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    try:
        time.sleep(1.0)
        assert shop.ok("-n", "shop", "scale", "deploy/web", "--replicas=3").stdout == (
            "deployment.apps/web scaled\n"
        )
        rows: list[list[str]] = []
        while not any(row[1:3] == ["1/1", "Running"] for row in rows):
            line = watching.stdout.readline()
            assert line, rows
            rows.append(line.split())
        assert {row[0] for row in rows[1:]} == {rows[1][0]}, "one new pod, as it changes"
        assert ["0/1", "Pending"] in [row[1:3] for row in rows]
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
    shop.ok("-n", "shop", "rollout", "status", "deploy/web", "--timeout=60s")
    assert shop.ok("-n", "shop", "get", "deploy", "web").lines[1][1] == "3/3"


def test_describe(shop: ServedCluster) -> None:
    pod = shop.ok("-n", "shop", "describe", "pod", "-l", "app=web").stdout
    for text in ("Status:           Running", "tcp-socket :80 delay=0s", "QoS Class:", "Scheduled",
                 "default-scheduler", 'Started  '):  # fmt: skip
        assert text in pod
    node = shop.ok("describe", "node", "node01").stdout
    assert "KubeletReady" in node and "Allocated resources:" in node and "PodCIDR:" in node
    deployment = shop.ok("-n", "shop", "describe", "deployment", "web").stdout
    assert "NewReplicaSet:   web-" in deployment and "ScalingReplicaSet" in deployment
    service = shop.ok("-n", "shop", "describe", "service", "web").stdout
    assert "NodePort:                 <unset>  30080/TCP" in service
    endpoints = next(line for line in service.splitlines() if line.startswith("Endpoints:"))
    assert ":80" in endpoints


def test_rollout_and_back(shop: ServedCluster) -> None:
    namespace = ("-n", "shop")
    shop.ok(*namespace, "set", "image", "deploy/web", "nginx=nginx:1.29")
    shop.ok(*namespace, "rollout", "status", "deploy/web", "--timeout=90s")
    image = ("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert shop.ok(*namespace, *image).stdout == "nginx:1.29"
    history = shop.ok(*namespace, "rollout", "history", "deploy/web").stdout
    assert history.splitlines()[:2] == ["deployment.apps/web ", "REVISION  CHANGE-CAUSE"]
    assert shop.ok(*namespace, "rollout", "undo", "deploy/web").stdout == "deployment.apps/web rolled back\n"
    shop.ok(*namespace, "rollout", "status", "deploy/web", "--timeout=90s")
    assert shop.ok(*namespace, *image).stdout == "nginx:1.28"


def test_create_expose_label_annotate_patch(served: ServedCluster) -> None:
    assert served.ok("create", "deployment", "api", "--image=httpd", "--port=80").stdout == (
        "deployment.apps/api created\n"
    )
    assert served.ok("expose", "deployment", "api", "--port=8080", "--target-port=80").stdout == (
        "service/api exposed\n"
    )
    assert served.ok("label", "deployment", "api", "tier=back").stdout == "deployment.apps/api labeled\n"
    assert served.ok("annotate", "deployment", "api", "who=me").stdout == "deployment.apps/api annotated\n"
    patch = '{"spec":{"replicas":2}}'
    assert served.ok("patch", "deployment", "api", "-p", patch).stdout == "deployment.apps/api patched\n"
    served.ok("wait", "--for=condition=Available", "deployment/api", "--timeout=60s")
    rows = served.ok("get", "deploy", "-l", "tier=back", "-o", "wide").lines
    assert rows[1][0] == "api" and rows[1][7] == "app=api"
    for argv in (
        ("secret", "generic", "s", "--from-literal=k=v"),
        ("configmap", "c", "--from-literal=k=v"),
        ("serviceaccount", "robot"),
        ("role", "reader", "--verb=get,list", "--resource=pods"),
        ("rolebinding", "readers", "--role=reader", "--serviceaccount=default:robot"),
        ("job", "once", "--image=busybox", "--", "true"),
        ("cronjob", "often", "--image=busybox", "--schedule=*/5 * * * *", "--", "true"),
        ("ingress", "in", "--rule=a.example/*=api:8080"),
        ("poddisruptionbudget", "p", "--selector=app=api", "--min-available=1"),
        ("quota", "q", "--hard=pods=50"),
        ("priorityclass", "high", "--value=1000"),
    ):
        served.ok("create", *argv)
    assert served.ok("auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:robot").stdout == (
        "yes\n"
    )
    assert served.kubectl("auth", "can-i", "delete", "pods", "--as=jane").stdout == "no\n"
    served.ok("wait", "--for=condition=Complete", "job/once", "--timeout=60s")
    token = served.ok("create", "token", "robot").stdout.strip()
    whoami = served.ok("auth", "whoami", "--token", token, "-o", "jsonpath={.status.userInfo.username}")
    assert token.count(".") == 2 and whoami.stdout


def test_run_logs_delete(served: ServedCluster) -> None:
    served.ok(
        "run", "hello", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo hello; sleep 3600"
    )
    served.ok("wait", "--for=condition=Ready", "pod/hello", "--timeout=60s")
    assert served.ok("logs", "hello").stdout == "hello\n"
    assert served.ok("exec", "hello", "--", "echo", "from inside").stdout == "from inside\n"
    failed = served.kubectl("exec", "hello", "--", "sh", "-c", "echo out; exit 3")
    assert (failed.exit, failed.stdout) == (3, "out\n")
    assert failed.stderr == "command terminated with exit code 3\n"
    deleted = served.ok("delete", "pod", "hello", "--now")
    assert deleted.stdout.startswith('pod "hello" deleted')
    gone = served.kubectl("get", "pod", "hello")
    assert gone.exit == 1 and gone.stderr == 'Error from server (NotFound): pods "hello" not found\n'


def test_what_there_is(served: ServedCluster) -> None:
    explained = served.ok("explain", "pod.spec.containers").stdout
    assert explained.startswith("KIND:       Pod\nVERSION:    v1\n\nFIELD: containers <[]Container>")
    assert "-required-" in explained
    rows = served.ok("api-resources").lines
    assert ["pods", "po", "v1", "true", "Pod"] in rows
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in rows
    versions = served.ok("api-versions").stdout.split()
    assert {"v1", "apps/v1", "rbac.authorization.k8s.io/v1"} <= set(versions)
    assert served.ok("auth", "can-i", "*", "*").stdout == "yes\n"
    assert "Kubernetes control plane" in served.ok("cluster-info").stdout
    metrics = served.kubectl("top", "nodes")
    assert (metrics.exit, metrics.stderr) == (1, "error: Metrics API not available\n")


def test_taint_cordon_drain(shop: ServedCluster) -> None:
    assert shop.ok("taint", "node", "node02", "a=b:NoSchedule").stdout == "node/node02 tainted\n"
    assert shop.ok("taint", "node", "node02", "a-").stdout == "node/node02 untainted\n"
    assert shop.ok("cordon", "node02").stdout == "node/node02 cordoned\n"
    assert "SchedulingDisabled" in shop.ok("get", "node", "node02").stdout
    drained = shop.ok("drain", "node02", "--ignore-daemonsets", "--force", "--timeout=90s")
    assert drained.stdout.endswith("node/node02 drained\n")
    left = shop.ok("get", "pods", "-A", "--field-selector=spec.nodeName=node02", "-o", "name").stdout
    assert left == ""
    assert shop.ok("uncordon", "node02").stdout == "node/node02 uncordoned\n"
    shop.ok("-n", "shop", "rollout", "status", "deploy/web", "--timeout=60s")
    events = shop.ok("events", "-n", "shop", "--types=Normal").stdout
    assert "Killing" in events
