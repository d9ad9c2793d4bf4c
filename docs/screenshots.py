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
            cells = [STORY, *shown[:3], BREAK, *shown[3:5], HISTORY, shown[5], MEMBERS, *shown[6:]]
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
