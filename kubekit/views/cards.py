"""Cards: what the inspector shows of a record: came in, steps, came out, and the whole record.

The same for every view, so that a record looks the same wherever it is met. A card only arranges what the
record holds; long JSON is cut with a note of how much was left out.
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.sim import Record, Step

LONGEST_RAW = 12_000
"""Characters of a whole record that are carried to the page."""

QUIET = ("mutating", "validating")
"""Reasons of admission steps that let a request pass as it was."""

STATUS_TEXT = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

Card = dict[str, Any]


def steps(found: Any) -> list[dict[str, Any]]:
    """The steps of a record as the inspector takes them."""
    return [
        {"asked": step.asked, "verdict": step.verdict, "reason": step.reason}
        for step in found
        if isinstance(step, Step)
    ]


def request_steps(found: Any) -> list[dict[str, Any]]:
    """A request's steps, with the admission plugins that had nothing to say told in one line."""
    out: list[dict[str, Any]] = []
    quiet: dict[str, list[str]] = {}
    for step in found:
        if step.asked.startswith("Admission ") and step.verdict == "pass" and step.reason in QUIET:
            if step.reason not in quiet:
                quiet[step.reason] = []
                out.append(
                    {"asked": f"Admission, {step.reason}", "verdict": "pass", "reason": quiet[step.reason]}
                )
            quiet[step.reason].append(step.asked.removeprefix("Admission "))
        else:
            out.append({"asked": step.asked, "verdict": step.verdict, "reason": step.reason})
    for told in out:
        if isinstance(told["reason"], list):
            told["reason"] = ", ".join(told["reason"])
    return out


def raw(record: Record) -> str:
    """The whole record as indented JSON, cut when it is very long."""
    text = json.dumps(record.to_json(), indent=1, default=str, ensure_ascii=False)
    if len(text) <= LONGEST_RAW:
        return text
    return f"{text[:LONGEST_RAW]}\n... {len(text) - LONGEST_RAW} more characters"


def status_line(code: int) -> str:
    """`201 Created`."""
    return f"{code} {STATUS_TEXT.get(code, '')}".strip()


def of_request(record: Record) -> Card:
    """A request: who asked for what, each filter's word, the status and what was written."""
    asked, answered = record.came_in, record.came_out
    status = int(answered["status"])
    parts: list[dict[str, Any]] = [
        {"name": "came in", "text": f"`{asked['method']} {asked['path']}`"},
        {"name": "steps", "steps": request_steps(record.steps)},
    ]
    refusal = answered.get("refusal")
    if isinstance(refusal, dict):
        parts.append({"name": "came out", "pre": str(refusal.get("message", ""))})
    else:
        lines = [
            f"{write['condition']}: rev {write['revision']}\n{write['key']}"
            for write in answered.get("writes", ())
        ]
        parts.append({"name": "came out", "pre": "\n".join([status_line(status), *lines])})
    return {
        "title": f"{asked['method']} {_short_path(asked['path'])}",
        "sub": f"{asked['source']} to {record.component}, as `{asked['user']}`",
        "chip": {"hue": "refuse" if status >= 400 else "good", "text": status_line(status)},
        "parts": parts,
        "caused_by": record.caused_by,
        "raw": raw(record),
    }


def of_watch(record: Record, receiver: str = "") -> Card:
    """A watch event: which revision it tells of, who was told, and as what."""
    came_out = record.came_out
    told = [
        {"asked": f"{step.asked}", "verdict": step.verdict, "reason": step.reason} for step in record.steps
    ]
    return {
        "title": "watch event",
        "sub": f"{record.component} to {receiver}" if receiver else f"from {record.component}",
        "chip": {"hue": "heard", "text": str(came_out["type"])},
        "parts": [
            {"name": "came in", "text": f"revision **{came_out['revision']}** of `{record.subject}`"},
            {"name": "steps", "steps": told},
            {"name": "came out", "pre": f"type {came_out['type']}, resourceVersion {came_out['revision']}"},
        ],
        "caused_by": record.caused_by,
        "raw": raw(record),
    }


def of_any(record: Record, title: str = "") -> Card:
    """Any other record: its sentence, its steps, and what came out as JSON."""
    parts: list[dict[str, Any]] = []
    if record.came_in:
        parts.append({"name": "came in", "pre": _brief(record.came_in)})
    if record.steps:
        parts.append({"name": "steps", "steps": steps(record.steps)})
    if record.came_out:
        parts.append({"name": "came out", "pre": _brief(record.came_out)})
    return {
        "title": title or record.kind,
        "sub": record.component,
        "parts": parts,
        "caused_by": record.caused_by,
        "raw": raw(record),
    }


def of(record: Record) -> Card:
    """The card of a record, by its kind."""
    if record.kind == "request":
        return of_request(record)
    if record.kind == "watch":
        return of_watch(record)
    return of_any(record)


def _short_path(path: str) -> str:
    parts = path.strip("/").split("/")
    return path if len(parts) < 4 else "…/" + "/".join(parts[-2:])


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        lines = [
            f"{name}: {_one_line(part)}" for name, part in value.items() if part not in (None, "", [], {})
        ]
        return "\n".join(lines)
    return _one_line(value)


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
