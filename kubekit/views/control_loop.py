"""The control loop: one object's reconciles side by side, each from what was heard to what was done.

A column is one record of kind "reconcile": the events since the last one, what should be, what the cache
showed, the difference, the requests and their answers. Columns keep their order in time; runs that found
nothing to do are folded away, but for the last one.
"""

from __future__ import annotations

from typing import Any

from kubekit.sim import Record, Step
from kubekit.views import cards
from kubekit.views.view import Table, View

MOST_COLUMNS = 6
"""Columns that fit side by side; the stepper moves the window."""

MOST_RECORDS = 60
MOST_MARKS = 8
"""Marks drawn for a count; larger counts are a number."""

Column = dict[str, Any]


class ControlLoop(View):
    """The reconciles of one object by one controller."""

    name = "control_loop"

    def __init__(
        self,
        subject: str,
        records: list[Record],
        meta: list[list[str]],
        cluster_id: str = "",
        kind: str = "",
    ) -> None:
        self.subject = subject
        told = [record for record in records if record.kind == "reconcile"]
        busy = [record for record in told if _tells(record) or record is told[-1]]
        columns = [_column(record) for record in busy[-MOST_RECORDS:]]
        idle, cut = len(told) - len(busy), max(0, len(busy) - MOST_RECORDS)
        name = subject.partition("/")[2]
        title = _title(kind or subject.partition("/")[0], subject, columns)
        text = "\n".join([title, *(_line(column) for column in columns)])
        scene: dict[str, Any] = {
            "title": title,
            "meta": meta,
            "inspector": False,
            "unit": "reconcile",
            "legend": _legend(columns),
            "records": [_stop(column) for column in columns],
            "columns": columns,
            "cursor": _interesting(columns),
            "window": MOST_COLUMNS,
            "marks": MOST_MARKS,
            "cluster": cluster_id,
        }
        folded = []
        if idle:
            folded.append(f"{idle} reconcile{'s' if idle != 1 else ''} that found nothing to do")
        if cut:
            folded.append(f"{cut} earlier ones")
        if folded:
            scene["fold"] = {"text": f"Folded away: {', '.join(folded)}.", "toggle": False}
        if not columns:
            scene["empty"] = (
                f"No reconcile of {subject} yet. Change it, for example: `%kubectl scale ... {name}`"
            )
        rows = [
            [f"{c['t']:.3f}", c["heard"], c["desired"], c["observed"], c["difference"], ", ".join(c["done"])]
            for c in columns
        ]
        heads = ["t", "event", "desired", "observed", "difference", "action"]
        super().__init__(scene, text, Table(title, heads, rows))


def _tells(record: Record) -> bool:
    """Whether a reconcile acted, failed, or saw a difference: the others only confirm."""
    return bool(record.steps or _failed(record) or record.came_in["difference"])


def _failed(record: Record) -> bool:
    return "error" in (record.came_out or {})


def _column(record: Record) -> Column:
    came_in, out = record.came_in, record.came_out
    actions = [_action(step) for step in record.steps]
    queue = came_in["queue"]
    return {
        "id": record.id,
        "t": round(record.at, 3),
        "controller": came_in["controller"],
        "key": came_in["key"],
        "heard": _heard(came_in["heard"]),
        "desired": _plain(came_in["desired"]),
        "observed": _plain(came_in["observed"]),
        "difference": _signed(came_in["difference"]),
        "counts": [
            value if isinstance(value, int) else None
            for value in (came_in["desired"], came_in["observed"], came_in["difference"])
        ],
        "actions": actions,
        "done": [action["text"] for action in actions] or ["nothing to do"],
        "refused": bool(out["refused"]) or _failed(record),
        "queue": {
            "waiting": queue["waiting"],
            "failures": queue["failures"],
            "retry": out.get("retry_in"),
            "expectations": came_in["expectations"],
        },
        "events": out["events"],
        "error": out.get("error", ""),
        "sentence": record.sentence,
        "card": cards.of_any(record, "reconcile"),
    }


def _action(step: Step) -> dict[str, str]:
    method, _, path = step.asked.partition(" ")
    figures = step.figures or {}
    status = figures.get("status", "")
    parts = path.strip("/").split("/")
    what = figures.get("name") or (parts[-1] if parts[-1] != "status" else "status")
    short = what.rsplit("-", 1)[-1] if method == "POST" and "-" in what else what
    text = f"{method} {status} {short}" if step.verdict == "pass" else f"{method} {status}"
    return {
        "text": text,
        "full": f"{step.asked}: {cards.status_line(int(status or 0))}",
        "verdict": step.verdict,
        "reason": step.reason,
    }


def _heard(heard: list[dict[str, str]]) -> str:
    if not heard:
        return "none: its own timer"
    counts: dict[str, int] = {}
    for event in heard:
        who = event["object"].rsplit("-", 1)[-1]
        key = f"{event['type']} {who}"
        counts[key] = counts.get(key, 0) + 1
    told = [key if count == 1 else f"{key} x{count}" for key, count in counts.items()]
    return ", ".join(told[:2]) + (f" and {len(told) - 2} more" if len(told) > 2 else "")


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value)


def _signed(value: Any) -> str:
    if isinstance(value, int) and value > 0:
        return f"+{value}"
    return _plain(value)


def _title(kind: str, subject: str, columns: list[Column]) -> str:
    name = subject.partition("/")[2]
    if not columns:
        return f"Nobody has looked at {kind} {name} yet"
    last = columns[-1]
    desired, observed, difference = last["counts"]
    short = name.rpartition("/")[2]
    if last["refused"]:
        why = "a refusal keeps the difference open"
        if desired is not None:
            return f"{kind} {short} wants {desired} and has {observed}: {why}"
        return f"{kind} {short}: {why}"
    if desired is not None and difference == 0:
        return f"{kind} {short} wants {desired} and has {observed}: nothing is left to do"
    if desired is not None:
        return f"{kind} {short} wants {desired} and had {observed}: the loop acts"
    return f"{last['controller']} looked at {kind} {short} {len(columns)} times"


def _legend(columns: list[Column]) -> list[dict[str, str]]:
    items = []
    counted = [column["counts"] for column in columns if column["counts"][0] is not None]
    if counted:
        items += [{"glyph": "want", "text": "one that should be"}, {"glyph": "run", "text": "one that is"}]
    if any((counts[2] or 0) > 0 for counts in counted):
        items.append({"glyph": "missing", "text": "missing"})
    if any((counts[2] or 0) < 0 for counts in counted):
        items.append({"glyph": "surplus", "text": "too many"})
    verdicts = {action["verdict"] for column in columns for action in column["actions"]}
    if "pass" in verdicts:
        items.append({"glyph": "pass", "text": "done"})
    if "refuse" in verdicts:
        items.append({"glyph": "refuse", "text": "refused by the API server"})
    return items


def _stop(column: Column) -> dict[str, Any]:
    hue = "refuse" if column["refused"] else "ask" if column["actions"] else "good"
    return {
        "id": column["id"],
        "t": column["t"],
        "kind": "reconcile",
        "tick": {"hue": hue, "shape": "diamond" if column["refused"] else "square"},
        "sentence": column["sentence"],
        "halt": "refused" if column["refused"] else "",
        "card": column["card"],
    }


def _interesting(columns: list[Column]) -> int:
    """The view opens at the last reconcile that did something, else at the last."""
    for at in range(len(columns) - 1, -1, -1):
        if columns[at]["actions"]:
            return at
    return max(0, len(columns) - 1)


def _line(column: Column) -> str:
    return (
        f"{column['t']:.3f}  {column['heard']}  desired {column['desired'] or '-'}  "
        f"observed {column['observed'] or '-'}  difference {column['difference'] or '-'}  "
        f"{', '.join(column['done'])}"
    )
