"""The life of a pod: who told whom what, in order, from the first request to Running or to where it stopped.

Each row is a part of a record: a request, its write to etcd, its answer, a watch event with one receiver, the
scheduler's decision, a call to the container runtime. Rows that repeat the story are folded away and can be
shown. Nothing is drawn that no record holds.
"""

from __future__ import annotations

from typing import Any

from kubekit.sim import Record
from kubekit.views import cards
from kubekit.views.view import Table, View

API, ETCD = "kube-apiserver", "etcd"
MOST_ROWS = 60
"""Rows on the stage; a longer life shows its first ones and says how many follow."""

Row = dict[str, Any]


class LifeOfAPod(View):
    """A sequence picture of everything the records hold about one pod."""

    name = "life_of_a_pod"

    def __init__(
        self, subject: str, records: list[Record], meta: list[list[str]], cluster_id: str = ""
    ) -> None:
        self.subject = subject
        rows = _rows(records)
        lanes = _lanes(rows)
        shown = [row for row in rows if not row["folded"]][:MOST_ROWS]
        self.rows = shown
        title = _title(subject, shown, records)
        sentence = shown[-1]["sentence"] if shown else f"Nothing is recorded about {subject}."
        scene: dict[str, Any] = {
            "title": title,
            "meta": meta,
            "legend": _legend(shown),
            "lanes": lanes,
            "rows": rows[: MOST_ROWS * 3],
            "records": [_stop(row) for row in shown],
            "cursor": 0,
            "fold": _fold(rows, shown),
            "cluster": cluster_id,
            "sentence": sentence,
        }
        if not shown:
            name = subject.split("/")[-1]
            scene["empty"] = (
                f"No record of {subject}. Create it: `%kubectl run {name} --image=httpd:2.4-alpine`"
            )
        table = Table(
            title,
            ["no.", "t", "from", "to", "what", "rev"],
            [
                [n, f"{r['t']:.3f}", r["from"], r["to"], r["label"], r["rev"] or ""]
                for n, r in enumerate(shown, 1)
            ],
        )
        super().__init__(scene, f"{title}\n{_text(shown)}", table)


def _rows(records: list[Record]) -> list[Row]:
    rows: list[Row] = []
    phase = ""
    answered = False
    scheduled_for: set[str] = set()
    for record in records:
        if record.kind == "request":
            if record.came_in["routine"]:
                continue
            fresh, phase = _request_rows(record, phase, answered)
            answered = True
            rows += fresh
        elif record.kind == "watch":
            rows += _watch_rows(record, scheduled_for)
        elif record.kind == "schedule":
            rows.append(_decision(record))
        elif record.kind == "cri":
            rows.append(_call(record))
    for number, row in enumerate(rows):
        row["order"] = number
    return rows


def _row(
    record: Record, id: str, kind: str, source: str, target: str, label: str, sentence: str, **more: Any
) -> Row:
    return {
        "id": id,
        "record": record.id,
        "t": round(record.at, 3),
        "kind": kind,
        "from": source,
        "to": target,
        "label": label,
        "sentence": sentence,
        "rev": 0,
        "folded": False,
        **more,
    }


def _request_rows(record: Record, phase: str, answered: bool) -> tuple[list[Row], str]:
    asked, out = record.came_in, record.came_out
    source, status = str(asked["source"]), int(out["status"])
    refused = status >= 400
    # The subject is one pod: its name in every label would only push the words apart.
    what = f"…/{asked['subresource']}" if asked["subresource"] else asked["resource"]
    now = str(((out.get("object") or {}).get("status") or {}).get("phase", phase)) if not refused else phase
    told = f": {now}" if asked["subresource"] == "status" and now != phase else ""
    # A status that says nothing new about the phase repeats the story, so do answers after the first.
    routine = asked["subresource"] == "status" and now == phase and not refused
    request = cards.of_request(record)
    rows = [
        _row(
            record,
            str(record.id),
            "request",
            source,
            API,
            f"{asked['method']} {what}{told}",
            record.sentence,
            card=request,
            folded=routine,
            refused=refused,
        )
    ]
    for number, write in enumerate(out.get("writes", ())):
        rows.append(
            _row(
                record,
                f"{record.id}w{number}",
                "write",
                API,
                ETCD,
                write["condition"],
                f"kube-apiserver writes `{write['key']}` on the condition *{write['condition']}*; "
                f"the store is at revision {write['revision']} now.".replace("*", ""),
                rev=write["revision"],
                card={
                    **request,
                    "title": f"write: {write['condition']}",
                    "sub": f"kube-apiserver to etcd, rev {write['revision']}",
                },
                folded=routine,
            )
        )
    refusal = out.get("refusal")
    why = f" {refusal['message']}" if isinstance(refusal, dict) and "message" in refusal else ""
    rows.append(
        _row(
            record,
            f"{record.id}r",
            "refusal" if refused else "response",
            API,
            source,
            cards.status_line(status),
            f"kube-apiserver answers {source}: {cards.status_line(status)}.{why}",
            card=request,
            folded=not refused and (answered or routine),
            refused=refused,
        )
    )
    return rows, now


def _watch_rows(record: Record, seen: set[str]) -> list[Row]:
    out = record.came_out
    pod = out["object"]
    node = (pod.get("spec") or {}).get("nodeName", "")
    rows = []
    for number, step in enumerate(record.steps):
        receiver, event = step.asked, str(step.figures["type"])
        label = event
        if receiver == "kube-scheduler" and event == "ADDED":
            label = "ADDED, no nodeName" if not node else f"ADDED, nodeName = {node}"
        elif receiver.startswith("kubelet/") and event == "ADDED":
            label = f"ADDED, nodeName = {node}"
        # Of each receiver the first word counts; what it hears later follows from writes shown already.
        first = receiver not in seen and receiver != "kube-controller-manager"
        seen.add(receiver)
        rows.append(
            _row(
                record,
                str(record.id) if number == 0 else f"{record.id}-{number}",
                "watch",
                API,
                receiver,
                label,
                f"{receiver} hears {event} of `{record.subject}` at revision {out['revision']}.",
                rev=out["revision"],
                card=cards.of_watch(record, receiver),
                folded=not first,
            )
        )
    return rows


def _decision(record: Record) -> Row:
    out = record.came_out if isinstance(record.came_out, dict) else {}
    node = out.get("node") or out.get("picked") or ""
    label = f"picks {node}" if node else "no node fits"
    return _row(
        record,
        str(record.id),
        "decision",
        record.component,
        record.component,
        label,
        record.sentence,
        card=cards.of_any(record, "scheduling attempt"),
        refused=not node,
    )


def _call(record: Record) -> Row:
    node = record.component.partition("/")[2]
    call = str(record.came_in["call"])
    return _row(
        record,
        str(record.id),
        "call",
        record.component,
        f"containerd/{node}",
        call,
        record.sentence,
        card=cards.of_any(record, call),
    )


def _lanes(rows: list[Row]) -> list[dict[str, str]]:
    """Every party in the order of the usual way: who asks, the door, the store, who decides, who runs."""

    def rank(name: str) -> tuple[int, str]:
        order = {API: 2, ETCD: 3, "kube-controller-manager": 1, "kube-scheduler": 4}
        if name in order:
            return order[name], name
        if name.startswith("kubelet/"):
            return 5, name.partition("/")[2] + "/0"
        if name.startswith("containerd/"):
            return 5, name.partition("/")[2] + "/1"
        return 0, name

    names = {row["from"] for row in rows} | {row["to"] for row in rows}
    lanes = []
    for name in sorted(names, key=rank):
        head, _, node = name.partition("/")
        shown = [row for row in rows if name in (row["from"], row["to"]) and not row["folded"]]
        lanes.append({"id": name, "name": head, "sub": node, "folded": "" if shown else "yes"})
    return lanes


TICKS = {
    "request": ("ask", "square"),
    "write": ("ask", "square"),
    "response": ("ask", "square"),
    "refusal": ("refuse", "diamond"),
    "watch": ("heard", "round"),
    "decision": ("chosen", "round"),
    "call": ("ask", "square"),
}


def _stop(row: Row) -> dict[str, Any]:
    hue, shape = ("refuse", "diamond") if row.get("refused") else TICKS[row["kind"]]
    return {
        "id": row["id"],
        "t": row["t"],
        "kind": row["kind"],
        "tick": {"hue": hue, "shape": shape},
        "sentence": row["sentence"],
        "card": row["card"],
        "halt": "refused" if row.get("refused") else "",
        "order": row["order"],
        "rev": row.get("rev") or 0,
    }


def _legend(shown: list[Row]) -> list[dict[str, str]]:
    kinds = {row["kind"] for row in shown}
    items = []
    if kinds & {"request", "write", "call"}:
        items.append({"line": "request", "text": "request"})
    if "response" in kinds:
        items.append({"line": "response", "text": "response"})
    if "refusal" in kinds:
        items.append({"line": "refusal", "text": "refusal"})
    if "watch" in kinds:
        items.append({"line": "watch", "text": "watch event"})
    if "decision" in kinds:
        items.append({"glyph": "lead", "text": "decision"})
    return items


def _fold(rows: list[Row], shown: list[Row]) -> dict[str, Any] | None:
    hidden = [row for row in rows if row["folded"]]
    cut = len(rows) - len(hidden) - len(shown)
    if not hidden and not cut:
        return None
    counts = {
        "answers": sum(row["kind"] in ("response", "refusal") for row in hidden),
        "writes": sum(row["kind"] == "write" for row in hidden),
        "requests": sum(row["kind"] == "request" for row in hidden),
        "watch events": sum(row["kind"] == "watch" for row in hidden),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    text = f"Folded away: {told}." if told else ""
    if cut:
        text += f" {cut} later rows are not drawn."
    return {"text": text.strip(), "shown": f"Shown in grey: {told}." if told else text, "toggle": bool(told)}


def _title(subject: str, shown: list[Row], records: list[Record]) -> str:
    name = subject.partition("/")[2]
    if not shown:
        return f"Nothing is recorded about {name}"
    span = shown[-1]["t"] - shown[0]["t"]
    phase = ""
    for record in records:
        if record.kind == "request" and record.came_out.get("object"):
            phase = str((record.came_out["object"].get("status") or {}).get("phase", phase))
    last = shown[-1]
    if any(row["kind"] == "request" and row["label"].startswith("DELETE") for row in shown):
        return f"The life of {name}: {len(shown)} records, {span:.1f} seconds"
    if phase == "Running":
        return f"From {shown[0]['from']} to Running: {len(shown)} records, {span:.1f} seconds"
    if last.get("refused"):
        return f"{name} is {phase or 'not stored'}: {last['label']}"
    return f"{name} is {phase or 'on its way'} after {len(shown)} records"


def _text(shown: list[Row]) -> str:
    lines = []
    for number, row in enumerate(shown, 1):
        arrow = row["from"] if row["from"] == row["to"] else f"{row['from']} -> {row['to']}"
        rev = f"  rev {row['rev']}" if row["rev"] else ""
        lines.append(f"{number:>3}  {row['t']:.3f}  {arrow}  {row['label']}{rev}")
    return "\n".join(lines)
