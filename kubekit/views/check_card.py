"""The check card: what an exercise's check expected, what it saw, and where to look.

Drawn from the record that `course.checking.examine` makes. Four states, told by word and glyph as well as by
hue; a fault of the kit is slate, never red. Hints open one by one; those used stay shown.
"""

from __future__ import annotations

from typing import Any

from kubekit.views.view import Table, View

GLYPH = {"holds": "pass", "does not hold": "refuse", "not attempted": "todo"}
MARK = {"holds": "[ok]", "does not hold": "[x]", "not attempted": "[-]"}
STATE_MARK = {"passed": "[ok]", "partly done": "[part]", "not attempted": "[-]", "kit error": "[kit]"}


class CheckCard(View):
    """One exercise's card. `record` is kept as given."""

    name = "check_card"

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        super().__init__(_scene(record), _text(record), _table(record))

    @property
    def state(self) -> str:
        """passed, partly done, not attempted, or kit error."""
        return str(self.record["state"])

    @property
    def passed(self) -> bool:
        """Whether every sub-check holds."""
        return self.state == "passed"


def _scene(record: dict[str, Any]) -> dict[str, Any]:
    progress = record["progress"]
    return {
        "title": _title(record),
        "meta": [
            [f"chapter {record['chapter']} ·", f"{progress['passed']} of {progress['of']} exercises passed"]
        ],
        "legend": [{"glyph": GLYPH[state], "text": state} for state in GLYPH if state in _states(record)],
        "inspector": False,
        "sentence": record["sentence"],
        "exercise": record,
    }


def _states(record: dict[str, Any]) -> set[str]:
    return {check["state"] for check in record["checks"]}


def _title(record: dict[str, Any]) -> str:
    name, state = f"Exercise {record['exercise']}", record["state"]
    if state == "passed":
        return f"{name} is passed: {record['title']}"
    if state == "kit error":
        return f"{name} could not be checked: a fault of kubekit"
    if state == "not attempted":
        return f"{name} waits for you: {record['title']}"
    failing = record["of"] - record["holding"]
    verb = "does" if failing == 1 else "do"
    return f"{name}: {record['holding']} of {record['of']} checks hold, {failing} {verb} not"


def _text(record: dict[str, Any]) -> str:
    lines = [
        record["sentence"],
        f"{STATE_MARK[record['state']]} {record['exercise']} {record['title']}: {record['state']}",
    ]
    for check in record["checks"]:
        lines.append(f"  {MARK[check['state']]} {check['title']}")
        if check["state"] == "does not hold":
            lines.append(f"      expected: {check.get('expected', '')}")
            lines.append(f"      observed: {check.get('observed', '')}")
        elif "detail" in check:
            lines.append(f"      {check['detail']}")
        if "where" in check and check["state"] != "holds":
            lines.append(f"      look at:  {check['where']}")
    lines += [
        f"  will be checked: {text}" for text in record["waits_for"] if record["state"] == "not attempted"
    ]
    if "report" in record:
        report = record["report"]
        lines.append(f"  to report: check {report['check']}, seed {report['seed']}, {report['error']}")
    hints = record["hints"]
    lines += [f"  hint {n}: {text}" for n, text in enumerate(hints["texts"], 1)]
    return "\n".join(lines)


def _table(record: dict[str, Any]) -> Table:
    rows = [
        [
            check["title"],
            check["state"],
            check.get("expected", ""),
            check.get("observed", ""),
            check.get("where", ""),
        ]
        for check in record["checks"]
    ]
    if not rows:
        rows = [[record["title"], record["state"], "", record.get("report", {}).get("error", ""), ""]]
    return Table(record["sentence"], ["check", "verdict", "expected", "observed", "where to look"], rows)
