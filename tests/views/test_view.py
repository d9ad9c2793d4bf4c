"""What every view must do without a browser: text, table, cursor, and a module that holds together."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kubekit.views.question import Question
from kubekit.views.view import STATIC, Table, View, plain, script, style

VIEWS = sorted(path.stem for path in STATIC.glob("*.js") if path.stem != "base")


class Sample(View):
    name = "question"


def sample(**scene: Any) -> Sample:
    return Sample(
        {"title": "A title", **scene}, "Some `text`", Table("a **caption**", ["a", "b"], [["1", "<2>"]])
    )


def test_text_and_table_stand_alone() -> None:
    view = sample(sentence="It is so.")
    bundle = view._repr_mimebundle_()
    assert bundle["text/plain"] == "Some text" == repr(view)
    assert "<caption>a caption</caption>" in bundle["text/html"]
    assert '<th scope="col">a</th>' in bundle["text/html"] and "<td>&lt;2&gt;</td>" in bundle["text/html"]
    assert view.table.text() == "A  B\n1  <2>"
    assert plain("`a` **b**") == "a b"


def test_the_cursor_starts_at_the_last_record_and_names_the_sentence() -> None:
    records = [{"id": n, "t": 0.0, "sentence": f"step {n}"} for n in range(3)]
    assert (sample(records=records).cursor, sample(records=records).sentence) == (2, "step 2")
    assert sample(records=records, cursor=0).sentence == "step 0"
    assert sample().cursor == 0 and sample(sentence="alone").sentence == "alone"


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_one_module_that_parses(name: str, tmp_path: Path) -> None:
    text = script(name)
    assert text.count("\nexport default") == 1
    assert ".kk-view" in style(name) and "--kk-ask" in style(name)
    node = shutil.which("node")
    if node is not None:
        module = tmp_path / "view.mjs"
        module.write_text(text)
        subprocess.run([node, "--check", str(module)], check=True)


@pytest.mark.parametrize("name", ["base", *VIEWS])
def test_no_view_reaches_out_or_writes_markup(name: str) -> None:
    text = (STATIC / f"{name}.js").read_text()
    for word in ("innerHTML", "fetch(", "eval(", "document.write", "https://", "requestAnimationFrame"):
        assert word not in text, word
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["base", *VIEWS])
def test_colours_come_from_the_tokens(name: str) -> None:
    import re

    for ending in ("js", "css"):
        path = STATIC / f"{name}.{ending}"
        if path.exists():
            text = path.read_text().replace("var(--g,#fff)", "")
            assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", text) == [], path.name


def test_a_question_keeps_its_answer() -> None:
    kept: list[int] = []
    question = Question("x", "Which?", ["a", "b"], None, kept.append)
    assert "1. a" in repr(question) and "Choose one" in question.sentence
    question.answer(2)
    assert kept == [2] and "Your guess is kept: **b**" in question.scene["sentence"]
    question.answer(7)
    assert kept == [2]


def test_a_quiz_says_why() -> None:
    quiz = Question("x", "Which?", ["a", "b"], None, lambda n: None, right=1, because="Because of a.")
    quiz.handle({"action": "answer", "arguments": {"number": 2}})
    assert quiz.scene["refused"] and repr(quiz).endswith("Not so. Because of a.")
    quiz.answer(1)
    assert not quiz.scene["refused"] and repr(quiz).endswith("That is so. Because of a.")


def test_what_the_cluster_refuses_stands_in_the_sentence() -> None:
    from kubekit.etcd import EtcdError

    def refuse() -> None:
        raise EtcdError("etcdserver: no leader")

    def fail() -> None:
        raise ZeroDivisionError("by chance")

    view = sample(sentence="It is so.")
    view._actions = {"refuse": refuse, "fail": fail}
    view.handle({"action": "unknown"})
    assert "notice" not in view.scene
    view.handle({"action": "refuse"})
    assert view.scene["notice"] == {"text": "Refused: etcdserver: no leader", "hue": "refuse"}
    with pytest.raises(ZeroDivisionError):
        view.handle({"action": "fail"})
    assert view.scene["notice"]["text"].startswith("This is a fault of kubekit, not of your work")
