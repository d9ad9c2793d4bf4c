"""`make screenshots`: the pictures of the README and the docs, taken in JupyterLab in headless Chromium.

Needs a Chromium on the machine. Each picture is one view after a short story, light and dark.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.lab import CHROMIUM_FLAGS, Lab, Notebook  # noqa: E402  (the path has to be set first)

IMAGES = ROOT / "docs" / "images"

STORY = """import kubekit
cluster = kubekit.up(workers=2, seed=7, name="demo")
%kubectl create deployment web --image=httpd:2.4-alpine --replicas=3
%kubectl expose deployment web --port=80
%kubectl run client --image=busybox:1.36 -- sleep infinity
cluster.settle()"""

BREAK = """cluster.scheduler.stop()
%kubectl scale deployment web --replicas=4
cluster.settle()"""

HISTORY = """%kubectl delete pod client
cluster.settle()
pods = cluster.view.revisions('/registry/pods/default/client')
changes = [stop['number'] for stop in pods.scene['records'] if stop['kind'] == 'put']
%kubectl run client --image=busybox:1.36 -- sleep infinity
cluster.settle()
_ = cluster.etcd.client().compact(changes[3])"""

MEMBERS = """five = kubekit.up(workers=1, etcd_members=5, seed=11, name="five")
old = five.etcd.leader.plan.name
friend, *others = [name for name in five.etcd.members if name != old]
five.etcd.partition([old, friend], others)
put = {"key": b"/lost", "value": b"never acknowledged"}
_ = five.etcd.member(old).submit("KV/Put", put, "", print)
five.advance("1.8s")"""

CROWD = """from kubekit.api.exchange import Request, UserInfo
tight = kubekit.up(workers=3, seed=7, name="tight")
def put(name, cpu, node="", rank="", app="batch", grace=30, **more):
    container = {"name": "c", "image": "busybox:1.36", "resources": {"requests": {"cpu": cpu}}}
    container["command"] = ["sh", "-c", "trap '' TERM; sleep infinity"]
    spec = {"containers": [container], "terminationGracePeriodSeconds": grace, **more}
    spec |= {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    spec |= {"priorityClassName": rank} if rank else {}
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    tight.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
for rank, value in (("low", 10), ("mid", 100), ("high", 1000)):
    made = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": rank}}
    tight.create({**made, "value": value})
budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db"}}
budget["metadata"]["namespace"] = "default"
tight.create({**budget, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}})
put("db-0", "2500m", "node01", "low", "db")
put("batch-1", "1500m", "node02", "low", grace=12)
put("batch-2", "1500m", "node02", "mid")
put("batch-3", "2500m", "node03", "mid", grace=5)
tight.settle()
put("boss", "2", rank="high")
tight.advance("20s")
put("held", "1", schedulingGates=[{"name": "example.com/wait"}])
put("huge", "90")
put("web", "500m")
tight.delete("pods", "batch-2", "default")
tight.advance("40s")
jane, kim = UserInfo("jane", "", ("dev", "system:authenticated")), UserInfo("kim", "", ("system:masters",))
root = "/api/v1/namespaces/default"
def ask(who, method, path, body=None):
    return tight.apiserver(Request(method, root + path, {}, {}, body, who)).body
role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "little", "namespace": "default"}}
rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
rules.append({"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]})
one = {"resourceNames": ["web"], "verbs": ["get"]}
rules.append({"apiGroups": ["apps"], "resources": ["deployments"], **one})
tight.create({**role, "kind": "Role", "rules": rules})
ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "little"}
subject = {"kind": "Group", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}
tight.create({**role, "kind": "RoleBinding", "subjects": [subject], "roleRef": ref})
first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"n": "0"}}
_ = ask(jane, "POST", "/configmaps", first)
mine, theirs = (ask(who, "GET", "/configmaps/settings") for who in (jane, kim))
_ = ask(jane, "PUT", "/configmaps/settings", {**mine, "data": {"n": "1"}})
_ = ask(kim, "PUT", "/configmaps/settings", {**theirs, "data": {"n": "2"}})
_ = ask(kim, "PUT", "/configmaps/settings", {**ask(kim, "GET", "/configmaps/settings"), "data": {"n": "2"}})
_ = ask(jane, "GET", "/secrets")
from kubekit.scheduler.changes import SetCordon"""

VIEWS = {
    "life_of_a_pod": "cluster.view.life_of('client')",
    "control_loop": "cluster.view.control_loop('rs/' + cluster.list('replicasets')[0]['metadata']['name'])",
    "packet_walk": "cluster.view.packet(cluster.send('default/client', 'web:80'))",
    "cluster_map": "cluster.view.map()",
    "check_card": "from kubekit.course import check\ncheck('00.2')",
    "revision_explorer": "cluster.view.revisions('/registry/pods/default/client', "
    "at=changes[-1], compare=changes[4])",
    "raft_theatre": "five.view.raft()",
    "inside_the_file": "cluster.view.file(next(iter(cluster.etcd.members.values())), revision=changes[-1])",
    "preemption": "tight.view.preemption('boss')",
    "queue_over_time": "tight.view.queue()",
    "scheduling_funnel": "tight.view.scheduling('web')",
    "what_if": "tight.view.what_if('web').change(SetCordon('node02', True)).suggest('node03')",
    "request_walk": "tight.view.request(-1)",
    "rights": "tight.view.rights('jane', groups=['dev'])",
    "race": "tight.view.race('configmap/settings')",
}


def main() -> int:
    """Take all pictures; returns the exit status."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium was found on PATH", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        try:
            shown = list(VIEWS.values())
            cells = [STORY, *shown[:3], BREAK, *shown[3:5], HISTORY, shown[5], MEMBERS, *shown[6:8]]
            cells += [CROWD, *shown[8:]]
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            notebook = Notebook(page, lab, lab.write("pictures.ipynb", cells))
            notebook.run_all()
            for dark in (False, True):
                notebook.dark(dark)
                page.wait_for_timeout(400)
                for name in VIEWS:
                    theme = "dark" if dark else "light"
                    notebook.view(name).screenshot(path=IMAGES / f"{name.replace('_', '-')}-{theme}.png")
        finally:
            browser.close()
            lab.close()
    print(f"{2 * len(VIEWS)} pictures are in {IMAGES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
