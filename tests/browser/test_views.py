"""Every view in a real JupyterLab: it draws, steps, keeps keys inside, acts, reads well in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

STORY = """import kubekit
from tests.views.conftest import DEPLOYMENT, pod
from tests.views.raft_story import mock_up
from tests.views.test_preemption import crowded
from tests.views.test_inside_the_file import snapshot
from kubekit.views.raft_theatre import RaftTheatre
cluster = kubekit.up(workers=2, seed=7, name='browser')
cluster.create(DEPLOYMENT)
cluster.create(pod('client'))
cluster.create({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web', 'namespace': 'default'},
                'spec': {'selector': {'app': 'web'}, 'ports': [{'port': 80}]}})
cluster.settle()
loop_of = 'replicaset/default/' + cluster.list('replicasets')[0]['metadata']['name']"""

CELLS = {
    "cluster_map": "cluster.view.map()",
    "life_of_a_pod": "cluster.view.life_of('pod/default/client')",
    "control_loop": "cluster.view.control_loop(loop_of)",
    "scheduling_funnel": "cluster.view.scheduling('pod/default/client')",
    "packet_walk": "cluster.view.packet(cluster.send('default/client', 'web:80'))",
    "graph": "cluster.view.owners('deployment/default/web')",
    "revision_explorer": "cluster.view.revisions('/registry/pods')",
    "raft_theatre": "story = mock_up()\n"
    "passes = lambda text: story.loop.advance(float(text[:-1]))\n"
    "RaftTheatre(story, lambda: list(story.loop.trace.records), [], 'story', advance=passes)",
    "inside_the_file": "cluster.view.file(snapshot(), revision=300)",
    "preemption": "tight = crowded()\ntight.view.preemption('boss')",
    "queue_over_time": "tight.view.queue()",
    "what_if": "cluster.view.what_if('client')",
    "request_walk": "from tests.views.test_request_walk import ask_as_jane\n"
    "from tests.views.conftest import pod\nfrom IPython.display import display\n"
    "ask_as_jane(cluster)\ndisplay(cluster.view.request(-1))\n"
    "made = cluster.create(pod('seen'))\ncluster.view.request('pod/default/seen')",
    "rights": "from tests.views.test_rights import grant\n"
    "grant(cluster)\ncluster.view.rights('jane', namespace='prod')",
    "race": "from tests.views.test_race import two_write\n"
    "two_write(cluster)\ncluster.view.race('configmap/x')",
}
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
STEPPED = [
    "cluster_map", "life_of_a_pod", "control_loop", "scheduling_funnel", "packet_walk", "raft_theatre",
    "preemption", "queue_over_time", "request_walk", "race",
]  # fmt: skip
COUNTED = {"revision_explorer": "revision", "inside_the_file": "step"}
"""Views whose stops are no records, with what they are."""


@pytest.fixture(scope="module")
def notebook(lab: Any, browser: Any) -> Iterator[Notebook]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    name = lab.write("views.ipynb", [STORY, *CELLS.values()])
    opened = Notebook(context.new_page(), lab, name)
    opened.problems = []
    opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.run_all()
    yield opened
    context.close()


@pytest.mark.parametrize("name", CELLS)
def test_it_draws(notebook: Notebook, name: str) -> None:
    view = notebook.view(name)
    # Not inner_text(): a cell that has just come into sight may not be laid out yet, and has none.
    assert view.get_by_role("heading").first.text_content()
    assert view.locator(".kk-stage").first.bounding_box()["height"] > 100
    assert view.bounding_box()["height"] <= 760
    assert view.get_attribute("data-lm-suppress-shortcuts") == "true"
    assert notebook.problems == [] and notebook.errors() == []


@pytest.mark.parametrize("name", STEPPED)
def test_it_steps_with_buttons_and_keys(notebook: Notebook, name: str) -> None:
    view: Any = notebook.view(name)
    track = view.locator("input[type=range]")
    say = view.locator("[role=status]")
    view.get_by_role("button", name="first record (Home)").click()
    first = track.get_attribute("aria-valuetext")
    assert first.startswith("record 1 of ")
    told = say.inner_text()
    track.focus()
    notebook.page.keyboard.press("ArrowRight")
    assert track.get_attribute("aria-valuetext").startswith("record 2 of ")
    notebook.page.keyboard.press("End")
    count = first.split(",")[0].split(" of ")[1]
    assert track.get_attribute("aria-valuetext").startswith(f"record {count} of {count}")
    assert say.inner_text() and told
    notebook.page.keyboard.press("Home")
    assert track.get_attribute("aria-valuetext") == first


@pytest.mark.parametrize("name", COUNTED)
def test_it_steps_by_what_it_counts(notebook: Notebook, name: str) -> None:
    view: Any = notebook.view(name)
    track = view.locator("input[type=range]")
    view.get_by_role("button", name="first record (Home)").click()
    first = track.get_attribute("aria-valuetext")
    assert first.startswith(f"{COUNTED[name]} ")
    track.focus()
    notebook.page.keyboard.press("ArrowRight")
    assert track.get_attribute("aria-valuetext") != first
    notebook.page.keyboard.press("End")
    assert view.locator("[role=status]").inner_text()
    notebook.page.keyboard.press("Home")
    assert track.get_attribute("aria-valuetext") == first
    notebook.page.keyboard.press("End")


@pytest.mark.parametrize("name", CELLS)
def test_typing_d_d_deletes_no_cell(notebook: Notebook, name: str) -> None:
    view: Any = notebook.view(name)
    before = notebook.cells()
    for target in (".kk-stage", "input[type=range]", ".kk-insp"):
        found = view.locator(target).first
        if found.count() and found.is_visible():
            found.focus()
            notebook.page.keyboard.press("d")
            notebook.page.keyboard.press("d")
    notebook.page.wait_for_timeout(200)
    assert notebook.cells() == before


def test_marks_are_reached_by_arrow_keys_and_fill_the_inspector(notebook: Notebook) -> None:
    view: Any = notebook.view("cluster_map")
    view.locator(".kk-stage").first.focus()
    seen = set()
    for _ in range(4):
        notebook.page.keyboard.press("ArrowDown")
        seen.add(view.locator(".kk-insp h3").inner_text())
    assert len(seen) == 4
    notebook.page.keyboard.press("Enter")
    pinned = view.locator(".kk-insp h3").inner_text()
    notebook.page.keyboard.press("ArrowDown")
    assert view.locator(".kk-insp h3").inner_text() == pinned
    notebook.page.keyboard.press("Escape")


def test_two_revisions_are_compared_and_let_go(notebook: Notebook) -> None:
    view: Any = notebook.view("revision_explorer")
    track, page = view.locator("input[type=range]"), notebook.page
    track.focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    assert view.locator(".kk-second").count() == 1
    assert view.locator(".kk-answers h3").first.inner_text().count(" at ") == 2
    page.keyboard.press("Escape")
    assert view.locator(".kk-second").count() == 0
    box = track.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.keyboard.up("Shift")
    assert view.locator(".kk-second").count() == 1
    assert view.locator(".kk-answers h3").first.inner_text().count(" at ") == 2
    assert "compared with" in view.locator(".kk-legend").inner_text()
    page.keyboard.press("Escape")
    assert view.locator(".kk-second").count() == 0
    track.focus()
    page.keyboard.press("End")
    view.get_by_role("button", name="compare from here").click()
    page.keyboard.press("Escape")


def test_views_of_one_cluster_share_the_cursor(notebook: Notebook) -> None:
    life: Any = notebook.view("life_of_a_pod")
    explorer: Any = notebook.view("revision_explorer")
    life.get_by_role("button", name="first record (Home)").click()
    life.get_by_role("button", name="last record (End)").click()
    before = life.locator("input[type=range]").get_attribute("aria-valuetext")
    explorer.get_by_role("button", name="first record (Home)").click()
    explorer.get_by_role("button", name="next record (right arrow)").click()
    assert life.locator("input[type=range]").get_attribute("aria-valuetext") != before
    at = "document.querySelector(\"[data-kk-view='revision_explorer'] input[type=range]\").ariaValueText"
    here = notebook.page.evaluate(at)
    life.get_by_role("button", name="last record (End)").click()
    assert notebook.page.evaluate(at) != here
    explorer.get_by_role("button", name="last record (End)").click()


def test_marks_of_the_explorer_keep_the_focus(notebook: Notebook) -> None:
    view: Any = notebook.view("revision_explorer")
    view.locator(".kk-stage").first.focus()
    page = notebook.page
    focused = "document.activeElement.dataset.mark"
    seen = set()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
        seen.add(page.evaluate(focused))
    assert len(seen) == 6 and None not in seen
    before = page.evaluate(focused)
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == before
    page.keyboard.press("End")


def test_the_theatre_acts_and_offers_its_code(notebook: Notebook) -> None:
    view: Any = notebook.view("raft_theatre")
    view.get_by_role("button", name="last record (End)").click()
    count = int(view.locator("input[type=range]").get_attribute("max"))
    view.get_by_role("button", name="etcd-3, follower, term 4").click(force=True)
    assert view.locator(".kk-insp .kk-code").inner_text() == 'cluster.etcd.member("etcd-3").crash()'
    view.locator(".kk-insp").get_by_role("button", name="crash", exact=True).click()
    view.get_by_role("button", name="etcd-3, crashed, term 4").wait_for(timeout=60_000)
    assert int(view.locator("input[type=range]").get_attribute("max")) == count + 1
    view.get_by_role("button", name="etcd-3, crashed, term 4").click(force=True)
    view.locator(".kk-insp").get_by_role("button", name="start", exact=True).click()
    view.get_by_role("button", name="etcd-3, follower, term 4").wait_for(timeout=60_000)


def test_members_are_cut_off_together(notebook: Notebook) -> None:
    view: Any = notebook.view("raft_theatre")
    view.get_by_role("button", name="last record (End)").click()
    for name in ("etcd-2", "etcd-5"):
        view.get_by_role("button", name=f"{name}, follower").click(force=True, modifiers=["Shift"])
    view.get_by_role("button", name="cut off etcd-2, etcd-5").click()
    told = view.locator("[role=status]")
    told.get_by_text("The network is cut: etcd-2, etcd-5 | etcd-1, etcd-3, etcd-4.").wait_for(timeout=60_000)
    view.get_by_role("button", name="heal all links").click()
    told.get_by_text("All links are whole again.").wait_for(timeout=60_000)


def test_a_walk_shows_what_each_plugin_changed_and_its_times(notebook: Notebook) -> None:
    notebook.view("request_walk")
    view: Any = notebook.page.locator("section.kk-view[data-kk-view='request_walk']").nth(1)
    view.scroll_into_view_if_needed()
    for name, line in (
        ("Defaulting, pass", '+ spec.restartPolicy: "Always"'),
        ("Admission, mutating, pass", '+ spec.serviceAccountName: "default"'),
    ):
        view.get_by_role("button", name=name).click(force=True)
        assert line in view.locator(".kk-insp .kk-changed div").all_inner_texts()
    assert "6 others had nothing to change" in view.locator(".kk-insp").inner_text()
    assert view.locator(".kk-took").count() == 0
    view.get_by_role("button", name="replay as a dry run").click()
    view.locator(".kk-walk .kk-took").first.wait_for(timeout=60_000)
    assert all(text.endswith("s") for text in view.locator(".kk-walk .kk-took").all_inner_texts())
    wide = "(one) => one.scrollWidth <= one.clientWidth"
    assert view.locator(".kk-insp").evaluate(wide) and view.locator(".kk-walk").evaluate(wide)


def test_what_if_is_asked_with_labelled_controls(notebook: Notebook) -> None:
    view: Any = notebook.view("what_if")
    page = notebook.page
    before = view.get_by_role("heading").first.text_content()
    view.get_by_label("if", exact=True).select_option("cordon")
    winner = before.split(" would go to ")[1].split()[0]
    view.get_by_label("node", exact=True).select_option(winner)
    view.get_by_role("button", name="see what then").click()
    view.get_by_role("heading", name=f"instead of {winner}").wait_for(timeout=60_000)
    assert f'SetCordon("{winner}", True)' in view.get_by_label("Changes").inner_text()
    view.get_by_label("if", exact=True).select_option("weight")
    view.get_by_label("weight", exact=True).fill("d d")
    page.keyboard.press("Enter")
    view.get_by_text("Refused: weight is a whole number").wait_for(timeout=60_000)
    view.get_by_role("button", name=f"What would make {winner} win?").click()
    view.get_by_role("group", name=f"What would make {winner} win?").wait_for(timeout=60_000)
    view.get_by_role("button", name="start over").click()
    view.get_by_role("heading", name=before).wait_for(timeout=60_000)


def test_another_revision_is_searched_for(notebook: Notebook) -> None:
    view: Any = notebook.view("inside_the_file")
    number = view.get_by_label("revision to search for")
    number.fill("77")
    number.press("Enter")
    view.get_by_role("heading", name="find revision 77").wait_for(timeout=60_000)
    view.locator(".kk-insp .kk-link").first.click()
    view.get_by_role("heading", name="find revision 77").wait_for(state="detached", timeout=60_000)


def test_where_motion_is_unwanted_messages_are_numbered(notebook: Notebook) -> None:
    page: Any = notebook.page
    view: Any = notebook.view("raft_theatre")
    page.emulate_media(reduced_motion="reduce")
    view.get_by_role("button", name="first record (Home)").click()
    for _ in range(3):
        view.get_by_role("button", name="next record (right arrow)").click()
    numbers = set(view.locator(".kk-stage text.kk-no").all_text_contents())
    assert {"1", "2"} <= numbers and view.locator(".kk-token").count() == 0
    page.emulate_media(reduced_motion="no-preference")


def test_folded_rows_can_be_shown(notebook: Notebook) -> None:
    view: Any = notebook.view("life_of_a_pod")
    before = view.locator(".kk-stage .kk-mark").count()
    view.get_by_role("button", name="Show them").click()
    assert view.locator(".kk-stage .kk-mark").count() > before
    view.get_by_role("button", name="Fold them away").click()
    assert view.locator(".kk-stage .kk-mark").count() == before


def test_text_is_readable_in_both_themes(notebook: Notebook) -> None:
    page: Any = notebook.page
    for dark in (False, True):
        notebook.dark(dark)
        page.wait_for_timeout(200)
        for name in CELLS:
            notebook.view(name)
            assert page.evaluate(CONTRAST, name) == [], (name, "dark" if dark else "light")
    notebook.dark(False)


def test_a_button_of_the_map_changes_the_cluster(notebook: Notebook) -> None:
    view: Any = notebook.view("cluster_map")
    view.get_by_role("button", name="last record (End)").click()
    view.get_by_role("button", name="kube-scheduler, running").click(force=True)
    view.locator(".kk-insp").get_by_role("button", name="stop", exact=True).click()
    view.get_by_role("heading", name="kube-scheduler is stopped").wait_for(timeout=60_000)
    view.get_by_role("button", name="kube-scheduler, stopped").click(force=True)
    view.locator(".kk-insp").get_by_role("button", name="start", exact=True).click()
    view.get_by_role("heading", name="3 nodes are Ready").wait_for(timeout=60_000)
