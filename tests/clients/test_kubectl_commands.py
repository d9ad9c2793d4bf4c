"""More than sixty different commands of the real kubectl, each with what it must print; one cluster for all.

Order matters only where a row says so: every row works on objects of its own or only reads.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.clients.served import ServedCluster
from tests.programs import need_program

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kubectl-commands")]

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
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
      - {name: nginx, image: "nginx:1.28", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: shop}
spec:
  containers:
  - {name: one, image: busybox, command: [sh, -c, "while true; do echo tick; sleep 1; done"]}
  - {name: other, image: busybox, command: [sleep, "3600"]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cakes.bakery.example}
spec:
  group: bakery.example
  scope: Namespaced
  names: {plural: cakes, singular: cake, kind: Cake, shortNames: [ck]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              layers: {type: integer, minimum: 1, description: How high it is.}
    additionalPrinterColumns: [{name: Layers, type: integer, jsonPath: .spec.layers}]
"""
CAKE = (
    "apiVersion: bakery.example/v1\nkind: Cake\nmetadata: {name: torte, namespace: shop}\nspec: {layers: 3}\n"
)
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: colours, namespace: shop}\ndata: {sky: blue}\n"

# What is typed after `kubectl`, and a pattern that standard output must hold ("" = must be empty).
COMMANDS: list[tuple[str, str]] = [
    ("get nodes -o wide", r"node01 +Ready +<none> .* 192\.168\.0\.11 "),
    ("get pods -o wide", r"two +2/2 +Running .* 10\.244\."),
    ("get pods -A", r"NAMESPACE .*\nshop +two"),
    ("get all", r"deployment\.apps/web +2/2"),
    ("get deploy,svc -l app=web", r"deployment\.apps/web"),
    ("get pods --show-labels", r"app=web,pod-template-hash="),
    ("get pods -L app", r"APP\n"),
    ("get pod two -o yaml", r"\nkind: Pod\nmetadata:"),
    ("get pod two -o json", r'"phase": "Running"'),
    ("get pod two -o name", r"^pod/two\n$"),
    ("get pods -o custom-columns=N:.metadata.name,NODE:.spec.nodeName", r"two +node0"),
    ("get pods -o jsonpath={.items[*].metadata.name}", r"two web-\w+-\w+ web-"),
    ("get pods -o go-template={{len(.items)}}", r"^$"),
    ("get pods --sort-by=.metadata.creationTimestamp", r"two"),
    ("get pods --field-selector=status.phase=Running -o name", r"pod/two"),
    ("get pods --chunk-size=1", r"two "),
    ("get pod two --show-managed-fields -o yaml", r"managedFields:\n.*kubelet"),
    ("get --raw /healthz", r"^ok$"),
    ("get --raw /readyz?verbose", r"readyz check passed"),
    ("get --raw /api/v1/namespaces/shop/services/web/proxy/", r"Welcome to nginx!"),
    ("get cakes", r"NAME +LAYERS\ntorte +3"),
    ("get ck torte -o jsonpath={.spec.layers}", r"^3$"),
    ("events --for pod/two", r"Started"),
    ("get endpointslices", r"web-\w+ +IPv4 +80 +10\.244"),
    ("get componentstatuses", r"etcd-0 +Healthy"),
    ("describe pod two", r"Containers:\n +one:"),
    ("describe node node01", r"Allocated resources:"),
    ("describe deploy web", r"NewReplicaSet: +web-"),
    ("describe svc web", r"Endpoints: +10\.244"),
    ("describe cake torte", r"Layers: +3"),
    ("explain pod.spec.containers --recursive", r"\n  livenessProbe\t<Probe>\n    exec\t<ExecAction>\n"),
    ("explain deployment.spec.strategy", r"ENUM:|type\t<string>"),
    ("explain cake.spec.layers", r"How high it is\."),
    ("api-resources", r"cakes +ck +bakery\.example/v1 +true +Cake"),
    ("api-resources --namespaced=false --verbs=list -o name", r"nodes\n"),
    ("api-versions", r"bakery\.example/v1\n"),
    ("cluster-info", r"Kubernetes control plane"),
    ("version", r"Server Version: v1\.36"),
    ("auth can-i --list", r"\*\.\* +\[\] +\[\] +\[\*\]"),
    ("auth can-i create pods/exec --as=jane", None),  # exits with 1: see below
    ("auth whoami", r"system:masters|kubeadm:cluster-admins"),
    ("diff -f shop.yaml", r"^$"),
    ("apply -f shop.yaml", r"deployment\.apps/web (unchanged|configured)"),
    ("apply --server-side -f config.yaml", r"configmap/colours serverside-applied"),
    ("apply --dry-run=server -f cake.yaml", r"/torte (unchanged|configured) \(server dry run\)"),
    ("create deployment api --image=httpd --dry-run=client -o yaml", r"kind: Deployment"),
    ("create configmap fromfile --from-file=config.yaml", r"configmap/fromfile created"),
    ("create secret generic s --from-literal=k=v", r"secret/s created"),
    ("create token default --duration=1h", r"^\S+\.\S+\.\S+$"),
    ("create quota q --hard=services=50", r"resourcequota/q created"),
    ("create role reader --verb=get --resource=pods", r"role\..* created"),
    ("create clusterrolebinding see --clusterrole=view --user=jane", r"created"),
    ("auth can-i list pods --as=jane", r"^yes\n$"),
    ("auth reconcile -f role.yaml", r"reconciled"),
    ("create cronjob often --image=busybox --schedule=*/5_*_*_*_* -- true", r"cronjob\.batch/often created"),
    ("create job now --from=cronjob/often", r"job\.batch/now created"),
    ("wait --for=condition=Complete job/now --timeout=30s", r"condition met"),
    ("wait --for=jsonpath={.status.phase}=Running pod/two", r"pod/two condition met"),
    ("label pod two tier=back", r"labeled"),
    ("annotate pod two note=hello", r"annotated"),
    ("patch svc web -p {\"metadata\":{\"labels\":{\"a\":\"b\"}}}", r"service/web patched"),
    ("patch deploy web --subresource=scale --type=merge -p {\"spec\":{\"replicas\":2}}", r"web patched"),
    ("set env deploy/web MODE=dark --dry-run=server", r"env updated \(server dry run\)"),
    ("set image deploy/web nginx=nginx:1.29", r"image updated"),
    ("rollout status deploy/web --timeout=60s", r"successfully rolled out"),
    ("rollout history deploy/web", r"REVISION"),
    ("rollout undo deploy/web", r"rolled back"),
    ("rollout pause deploy/web", r"paused"),
    ("rollout resume deploy/web", r"resumed"),
    ("rollout restart deploy/web", r"restarted"),
    ("autoscale deploy web --min=2 --max=3", r"autoscaled"),
    ("expose deploy web --name=web2 --port=81 --target-port=80", r"service/web2 exposed"),
    ("run once --image=busybox --restart=Never --labels=a=b -- echo done", r"pod/once created"),
    ("wait --for=jsonpath={.status.phase}=Succeeded pod/once --timeout=30s", r"met"),
    ("logs once", r"^done\n$"),
    ("logs two -c one --tail=1", r"^tick\n$"),
    ("logs two -c one --tail=1 --timestamps", r"^\d{4}-\d\d-\d\dT\S+Z tick\n$"),
    ("logs two --all-containers --prefix --tail=1", r"^\[pod/two/one\] tick\n$"),
    ("logs -l app=web --prefix --tail=1", r"\[pod/web-\S+/nginx\] .*start worker processes"),
    ("logs deploy/web --since=1h --limit-bytes=20", r"^/docker-entrypoint\.s$"),
    ("exec two -c one -- hostname", r"^two\n$"),
    ("exec deploy/web -- cat /usr/share/nginx/html/index.html", r"Welcome to nginx!"),
    ("cp two:/etc/hosts hosts -c one", r"^tar: removing leading '/' from member names$"),
    ("cp hosts two:/tmp/hosts -c one", r"^$"),
    ("exec two -c one -- cat /tmp/hosts", r"Kubernetes-managed hosts file"),
    ("debug two --image=busybox -c dbg --profile=general -- sleep 100", r"^$"),
    ("get pod two -o jsonpath={.spec.ephemeralContainers[*].name}", r"^dbg$"),
    ("cordon node02", r"node/node02 cordoned"),
    ("drain node02 --ignore-daemonsets --force --timeout=60s", r"node/node02 drained\n$"),
    ("uncordon node02", r"node/node02 uncordoned"),
    ("taint node node02 a=b:NoSchedule", r"tainted"),
    ("taint node node02 a-", r"untainted"),
    ("certificate approve nobody", None),
    ("replace -f config.yaml", r"configmap/colours replaced"),
    ("scale deploy/web --replicas=1", r"scaled"),
    ("events --types=Normal", r"Scheduled"),
    ("config view --minify", r"current-context"),
    ("config get-contexts -o name", r"@"),
    ("cluster-info dump --namespaces=shop", r'"kind": "PodList"'),
    ("completion bash", r"kubectl"),
    ("delete cronjob often", r"deleted"),
    ("delete -f cake.yaml", r"deleted"),
    ("delete pods --all --now", r'pod "(once|two|web-[a-z0-9-]+)" deleted'),
]  # fmt: skip
REFUSED = {
    "auth can-i create pods/exec --as=jane": "no\n",
    "certificate approve nobody": "",
}
"""Commands that must fail, and what they print on standard output."""
KEEP_GOING = {"get pods -o go-template={{len(.items)}}"}


@pytest.fixture(scope="module")
def shop(served: ServedCluster) -> ServedCluster:
    home = served.home
    (home / "shop.yaml").write_text(SHOP)
    (home / "cake.yaml").write_text(CAKE)
    (home / "config.yaml").write_text(CONFIG)
    (home / "role.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\n"
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n"
    )
    served.ok("apply", "-f", "shop.yaml")
    served.ok("wait", "--for=condition=Established", "crd/cakes.bakery.example", "--timeout=30s")
    served.ok("apply", "-f", "cake.yaml")
    served.ok("-n", "shop", "rollout", "status", "deploy/web", "--timeout=60s")
    served.ok("-n", "shop", "wait", "--for=condition=Ready", "pod/two", "--timeout=60s")
    served.ok("config", "set-context", "--current", "--namespace=shop")
    return served


@pytest.mark.parametrize(("line", "pattern"), COMMANDS, ids=[one[0] for one in COMMANDS])
def test_a_command(shop: ServedCluster, line: str, pattern: str | None) -> None:
    argv = [word.replace("_", " ") if word.startswith("--schedule") else word for word in line.split(" ")]
    if line in KEEP_GOING:
        argv = ["get", "pods", "-o", "go-template={{len .items}}"]
        assert int(shop.ok(*argv).stdout) >= 3
        return
    answer = shop.kubectl(*argv)
    if pattern is None:
        assert (answer.exit, answer.stdout) == (1, REFUSED[line]), answer
        return
    assert answer.exit == 0, answer
    if pattern == r"^$":
        assert answer.stdout == ""
    else:
        assert re.search(pattern, answer.stdout, re.MULTILINE | re.DOTALL), answer


def test_sixty_different_ones() -> None:
    assert len({one[0] for one in COMMANDS}) == len(COMMANDS) >= 60
    verbs = {one[0].split(" ")[0] for one in COMMANDS}
    assert len(verbs) >= 30, sorted(verbs)


def test_a_watch_shows_each_change(shop: ServedCluster) -> None:
    watching = subprocess.Popen(
        [need_program("kubectl"), "get", "configmap", "seen", "-w", "-o", "jsonpath={.data.n}{'\\n'}"],
        env=shop.environment, cwd=shop.home, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    watching.wait()  # it is not there yet: an error
    assert watching.stdout is not None
    watching.stdout.close()
    assert watching.returncode == 1
    shop.ok("create", "configmap", "seen", "--from-literal=n=1")
    watching = subprocess.Popen(
        [need_program("kubectl"), "get", "configmap", "seen", "-w", "-o", "jsonpath={.data.n}{'\\n'}"],
        env=shop.environment, cwd=shop.home, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    try:
        assert watching.stdout.readline() == "1\n"
        shop.ok("patch", "configmap", "seen", "-p", json.dumps({"data": {"n": "2"}}))
        assert watching.stdout.readline() == "2\n"
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()


def test_an_editor(shop: ServedCluster, tmp_path: Path) -> None:
    shop.ok("create", "configmap", "edited", "--from-literal=a=1")
    environment = {**shop.environment, "KUBE_EDITOR": "sed -i /a:/s/1/2/"}
    done = subprocess.run(
        [need_program("kubectl"), "edit", "configmap", "edited"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "configmap/edited edited\n"), done
    assert shop.ok("get", "configmap", "edited", "-o", "jsonpath={.data.a}").stdout == "2"


def test_a_proxy_on_this_machine(shop: ServedCluster) -> None:
    import urllib.request

    proxy = subprocess.Popen(
        [need_program("kubectl"), "proxy", "--port=0"],
        env=shop.environment, cwd=shop.home, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert proxy.stdout is not None
    try:
        address = proxy.stdout.readline().split()[-1]
        deadline = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/api/v1/namespaces/shop") as answer:
                    assert json.load(answer)["metadata"]["name"] == "shop"
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        proxy.kill()
        proxy.wait()
        proxy.stdout.close()
