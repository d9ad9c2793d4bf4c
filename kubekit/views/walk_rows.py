"""The rows of a request walk: a request's steps, each phase of admission as one, and what each changed.

Called by `request_walk`. `rows_of(record, laps)` gives a row a filter: its verdict, why, what it saw, its own
steps, the lines of what it changed. Plugins that changed nothing are one line. `laps` are the microseconds
of a timed request, by the step of the record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kubekit.apiserver.patching.difference import dotted
from kubekit.apiserver.stopwatch import Stopwatch
from kubekit.sim import Record, Step
from kubekit.views import cards, wire_form

Obj = dict[str, Any]

DEFAULTING = "Defaulting"
MUTATING, VALIDATING = "Admission, mutating", "Admission, validating"
WAY = (
    "Request info",
    "Authentication",
    "Authorization",
    DEFAULTING,
    MUTATING,
    "Validation",
    VALIDATING,
    "etcd",
)
"""What a write passes, in order; a read passes the first three."""
WRITES_ONLY = (DEFAULTING, MUTATING, "Validation", VALIDATING, "etcd")
READS = ("get", "list", "watch")
LONGEST_LINE = 120
"""Characters of a value on one line; a longer one is told part by part."""
DELETES = ("delete", "deletecollection")


def rows_of(record: Record, watch: Stopwatch | None = None) -> list[Obj]:
    """The steps of a request, and the refusal of whoever left no step; with a stopwatch also their times."""
    rows: list[Obj] = []
    laps = laps_of(record, watch)
    for place, step in enumerate(record.steps):
        name = _phase(record.steps, place)
        if not rows or rows[-1]["name"] != name or name not in (MUTATING, VALIDATING):
            rows.append(_row(name, step.verdict, step.reason))
        row = rows[-1]
        row["ns"] += laps[place]
        if name in (MUTATING, VALIDATING):
            _add_plugin(row, step, laps[place])
        else:
            row["saw"], row["steps"], row["steps_name"] = _seen(record, step)
            row["lines"] = lines_of(step)
    for row in rows:
        if row["name"] in (MUTATING, VALIDATING):
            _fold(row)
    status, refusal = int(record.came_out["status"]), record.came_out.get("refusal")
    if status >= 400 and not any(row["verdict"] == "refuse" for row in rows):
        said = refusal.get("message", "") if isinstance(refusal, dict) else ""
        names = [row["name"] for row in rows]
        who = "Storage" if status in (404, 409, 410) else "Endpoint"
        who = who if "Authorization" in names else "Request"
        rows.append(_row(who, "refuse", said))
    for row in rows:
        row["took"] = took(row.pop("ns"))
        del row["quiet"]
    return rows


def _row(name: str, verdict: str, why: str) -> Obj:
    row: Obj = {"name": name, "verdict": verdict, "why": why, "saw": [], "steps": [], "steps_name": "asked"}
    return {**row, "lines": [], "quiet": [], "ns": 0}


def not_reached(record: Record, rows: list[Obj]) -> list[tuple[str, str]]:
    """The filters that said nothing: (name, why)."""
    names = [row["name"] for row in rows]
    refused = any(row["verdict"] == "refuse" for row in rows)
    verb = record.came_in["verb"]
    found = [] if "Impersonation" in names else [("Impersonation", "does not apply")]
    for name in WAY:
        if name in names:
            continue
        if verb in READS and name in WRITES_ONLY:
            why = "writes only"
        elif name == DEFAULTING and verb in DELETES:
            why = "does not apply"
        else:
            why = "not reached" if refused else "not asked"
        found.append((name, why))
    return found


def laps_of(record: Record, watch: Stopwatch | None) -> list[int]:
    """The nanoseconds of each of the record's steps; zeros without a stopwatch."""
    if watch is None:
        return [0] * len(record.steps)
    noted = iter(watch.laps)
    # Defaulting is in the record, but was not noted on the way: the stopwatch has it apart.
    return [watch.decoding if step.asked == DEFAULTING else next(noted, 0) for step in record.steps]


def lines_of(step: Step) -> list[Obj]:
    """What a step changed, one line ({sign, text}) an operation of its patch."""
    figures = step.figures
    patch = figures.get("patch") if isinstance(figures, dict) else None
    return [line for one in patch or () for line in _lines(one)]


def _lines(operation: Obj) -> list[Obj]:
    kind, path = operation.get("op"), dotted(str(operation.get("path", "")))
    if kind == "remove":
        return [{"sign": "-", "text": path}]
    if kind in ("add", "replace", "test"):
        sign = {"add": "+", "replace": "~"}.get(str(kind), "=")
        return [{"sign": sign, "text": text} for text in _told(path, operation.get("value"))]
    return [{"sign": "~", "text": f"{path}: {kind} of {dotted(str(operation.get('from', '')))}"}]


def _told(path: str, value: Any) -> list[str]:
    """A value on one line, or, where that would be cut, its parts."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST_LINE:
        return [f"{path}: {text}"]
    if isinstance(value, dict):
        return [line for name, one in value.items() for line in _told(f"{path}.{name}", one)]
    if isinstance(value, list):
        return [line for place, one in enumerate(value) for line in _told(f"{path}[{place}]", one)]
    return [f"{path}: {wire_form.short(value)}"]


def text_of(row: Obj, word: str) -> list[str]:
    """A row in the view's text: itself, then a line for each field that was changed."""
    first = f"{row['name']}  {word}  {row['why']}".rstrip()
    lines = [f"    {line['by']}  " if line.get("by") else "    " for line in row["lines"]]
    return [first + (f"  [{row['took']}]" if row["took"] else "")] + [
        f"{start}{line['sign']} {line['text']}" for start, line in zip(lines, row["lines"], strict=True)
    ]


def cells_of(row: Obj, word: str) -> list[list[str]]:
    """A row in the view's table: itself, then one for each that changed something."""
    cells = [[row["name"], word, row["why"] + (f" [{row['took']}]" if row["took"] else "")]]
    by: dict[str, list[str]] = {}
    for line in row["lines"]:
        by.setdefault(line.get("by", row["name"]), []).append(f"{line['sign']} {line['text']}")
    return cells + [[name, "changed it", "; ".join(lines)] for name, lines in by.items()]


def took(ns: int) -> str:
    """A measured time as it is shown; "" for none."""
    if not ns:
        return ""
    return f"{ns / 1e6:.2f} ms" if ns >= 1_000_000 else f"{ns / 1000:.1f} µs"


def _phase(steps: Sequence[Step], place: int) -> str:
    """The row of a step: plugins, and what their webhooks and policies remark, by the phase."""
    step = steps[place]
    if step.asked.startswith(("Webhook ", "Policy ")):
        # Remarked while a plugin was asked, which left its own step afterwards.
        step = next((one for one in steps[place:] if one.asked.startswith("Admission ")), step)
        if not step.asked.startswith("Admission "):
            return MUTATING
    if not step.asked.startswith("Admission "):
        return step.asked
    phase = step.figures.get("phase") if isinstance(step.figures, dict) else None
    return VALIDATING if "validating" in (phase, step.reason) else MUTATING


def _add_plugin(row: Obj, step: Step, ns: int) -> None:
    plugin = step.asked.removeprefix("Admission ")
    remark = plugin.startswith(("Webhook ", "Policy "))
    if step.verdict == "pass" and step.reason in cards.QUIET:
        row["quiet"].append((plugin, ns))
        return
    lines = lines_of(step)
    # The lines say it better than the reason that names the fields.
    reason = "" if lines and not remark else step.reason
    row["steps"].append({"asked": plugin, "verdict": step.verdict, "reason": reason, "lines": lines})
    row["steps"][-1]["took"] = took(ns)
    row["lines"] += [{**line, "by": plugin} for line in lines]
    if step.verdict == "refuse":
        row["verdict"], row["why"] = "refuse", f"{plugin}: {step.reason}"


def _fold(row: Obj) -> None:
    """One line for the plugins that changed nothing, and the row's summary."""
    quiet = row["quiet"]
    changed = [one["asked"] for one in row["steps"] if one["lines"]]
    row["steps_name"] = "plugins, in order" if row["name"] == VALIDATING else "what each changed"
    count = len(quiet)
    if row["name"] == MUTATING:
        told = f"{count}{' others' if row['steps'] else ''} had nothing to change"
    else:
        told = f"{count}{' others' if row['steps'] else ''} let it pass"
    told = told.replace("1 others", "1 other") if count == 1 else told
    if quiet:
        names = ", ".join(name for name, _ in quiet)
        fold = {"asked": told, "verdict": "pass", "reason": names, "lines": []}
        row["steps"].append({**fold, "took": took(sum(ns for _, ns in quiet))})
    if row["verdict"] == "refuse":
        return
    row["verdict"] = "pass"
    row["why"] = f"{_listed(changed)} changed it; {told}" if changed else told
    if changed and not quiet:
        row["why"] = f"{_listed(changed)} changed it"
    if row["name"] == VALIDATING:
        row["why"] = f"{count} plugin{'' if count == 1 else 's'} let it pass"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _seen(record: Record, step: Step) -> tuple[list[list[str]], list[Obj], str]:
    """What a step looked at: facts, and steps of its own under a name."""
    asked, figures = record.came_in, step.figures or {}
    if step.asked == "Request info":
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        return [[name, str(asked[name])] for name in names if asked[name]], [], "asked"
    if step.asked == "Authentication" and figures:
        groups = ", ".join(figures["groups"])
        return [["method", figures["method"]], ["user", step.reason], ["groups", groups]], [], "asked"
    if step.asked == "Authorization" and "bindings" in figures:
        return [], [_binding(one) for one in figures["bindings"] or ()], f"bindings that name {asked['user']}"
    if step.asked == "etcd" and "key" in figures:
        return [["key", figures["key"]], ["revision", str(figures["rev"])]], [], "asked"
    if step.asked == "Validation" and step.verdict == "refuse":
        refusal = record.came_out.get("refusal") or {}
        causes = (refusal.get("details") or {}).get("causes") or ()
        told = [
            {"asked": f"`{one.get('field', '')}`", "verdict": "refuse", "reason": one.get("message", "")}
            for one in causes
        ]
        return [], told, "fields"
    return [], [], "asked"


def _binding(one: Obj) -> Obj:
    rules = "; ".join(_rule_text(rule) for rule in one["rules"]) or "no such role, or no rules"
    return {
        "asked": f"`{one['binding']}` through {one['subject']}",
        "verdict": "skip",
        "reason": f"does not match: {rules}",
    }


def _rule_text(rule: Obj) -> str:
    verbs = ", ".join(rule.get("verbs") or ())
    what = rule.get("nonResourceURLs") or rule.get("resources") or ()
    told = ", ".join(what) if len(what) < 5 else f"{', '.join(what[:4])} and {len(what) - 4} more"
    return f"{verbs} {told}"
