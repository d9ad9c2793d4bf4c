"""A recorded request as it goes over the wire: raw HTTP, a curl line, the request once more, the change.

Called by `request_walk`. Nothing is guessed: method, path, query, body and patch are those of the record;
names of files and tokens are placeholders, since a record holds no credentials.
"""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

from kubekit.api.exchange import Request, UserInfo
from kubekit.sim import Record

Obj = dict[str, Any]

PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
READING = ("get", "list", "watch")
MOST_LINES = 40
LONGEST_VALUE = 90


def target(record: Record) -> str:
    """The path with its query, as it stands in the request line."""
    asked = record.came_in
    pairs = [(name, value) for name, values in asked["query"].items() for value in values]
    return str(asked["path"]) + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")


def content_type(record: Record) -> str:
    """The Content-Type of the body; "" where there is none."""
    asked = record.came_in
    if asked["patch"]:
        return PATCH_TYPES.get(asked["patch"], f"application/{asked['patch']}")
    return "application/json" if asked["body"] is not None else ""


def body_text(record: Record) -> str:
    """The body as text; "" where there is none."""
    asked = record.came_in
    body = asked["patch_body"] if asked["patch"] else asked["body"]
    if body is None:
        return ""
    return (
        body
        if isinstance(body, str)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=dict)
    )


def wire(record: Record) -> str:
    """The request as HTTP/1.1."""
    lines = [f"{record.came_in['method']} {target(record)} HTTP/1.1", "Accept: application/json"]
    kind, body = content_type(record), body_text(record)
    if kind:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}"]
    return "\n".join([*lines, "", body]) if body else "\n".join(lines)


def curl(record: Record, address: str) -> str:
    """The same as a curl line, with the credentials' places left open."""
    step = next((one for one in record.steps if one.asked == "Authentication"), None)
    method = (step.figures or {}).get("method", "") if step is not None else ""
    user = record.came_in["user"]
    parts = ["curl", "--cacert", "ca.crt"]
    if "token" in method:
        parts += ["-H", "Authorization: Bearer $TOKEN"]
    elif user != "system:anonymous":
        parts += ["--cert", f"{_file(user)}.crt", "--key", f"{_file(user)}.key"]
    if record.came_in["method"] != "GET":
        parts += ["-X", record.came_in["method"]]
    kind = content_type(record)
    if kind:
        parts += ["-H", f"Content-Type: {kind}", "-d", body_text(record)]
    told = " ".join(_quoted(part) for part in parts)
    return f"{told} {_quoted(f'https://{address}{target(record)}')}"


def again(record: Record) -> Request:
    """The request once more, by the same user; as a dry run where it would write."""
    asked = record.came_in
    query = {name: list(values) for name, values in asked["query"].items()}
    if asked["verb"] not in READING:
        query["dryRun"] = ["All"]
    kind = content_type(record)
    text = body_text(record)
    user = UserInfo(asked["user"], "", tuple(asked["groups"]))
    headers = {"content-type": kind} if kind else {}
    return Request(
        asked["method"], asked["path"], query, headers, text.encode() if text else None, user, "replay"
    )


def difference(record: Record) -> list[Obj]:
    """What changed, line by line ({sign, text}): from what was stored before, or from what was sent."""
    out = record.came_out
    stored = out.get("object")
    if stored is None or not out.get("writes"):
        return []
    before = out.get("before") or record.came_in["body"]
    if not isinstance(before, dict) or record.came_in["verb"] in ("delete", "deletecollection"):
        return []
    lines: list[Obj] = []
    _compare("", before, stored, lines)
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], {"sign": " ", "text": f"and {len(lines) - MOST_LINES} more"}]


def _compare(path: str, old: Any, new: Any, lines: list[Obj]) -> None:
    if old == new or path == "metadata.managedFields":
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(one for one in new if one not in old)]:
            _compare(f"{path}.{name}" if path else name, old.get(name), new.get(name), lines)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            _compare(f"{path}[{at}]", one, other, lines)
    else:
        if old is not None:
            lines.append({"sign": "-", "text": f"{path}: {short(old)}"})
        if new is not None:
            lines.append({"sign": "+", "text": f"{path}: {short(new)}"})


def short(value: Any) -> str:
    """A value as JSON on one line, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=dict)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 4]} ..."


def _quoted(part: str) -> str:
    return f'"{part}"' if part.endswith("$TOKEN") else shlex.quote(part)


def _file(user: str) -> str:
    return user.rpartition(":")[2] or "user"
