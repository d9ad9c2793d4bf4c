"""`kubectl describe` of kinds without a describer of their own (custom resources, leases, ...): every field.

Field names become words: `creationTimestamp` is shown as `Creation Timestamp`.
Source: k8s.io/kubectl/pkg/describe (genericDescriber, smartLabelFor); github.com/fatih/camelcase.
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.terminal.cli.go_template import go_text
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.writer import Writer

_SKIP = {
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
}
_ACRONYMS = {"API", "URL", "UID", "GUID"}


def _words(field: str) -> list[str]:
    """camelCase taken apart: runs of lower case, upper case and other signs; `PDFLoader` is `PDF`,
    `Loader`.
    """
    runs = re.findall(r"[a-z]+|[A-Z]+|[0-9]+|[^a-zA-Z0-9]+", field)
    out: list[str] = []
    for run in runs:
        if out and run[0].islower() and out[-1][-1].isupper():
            head, last = out[-1][:-1], out[-1][-1]
            out[-1:] = ([head] if head else []) + [last + run]
        else:
            out.append(run)
    return out


def label_for(field: str) -> str:
    """A field's name for people; names with other signs than letters stay as they are."""
    if re.search(r"[^a-zA-Z\-]", field):
        return field
    parts = _words(field)
    merged: list[str] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        following = parts[index + 1] if index + 1 < len(parts) else ""
        if len(part) >= 2 and part.isupper() and following[:1].isupper():
            part, index = part + following, index + 1
        merged.append(part)
        index += 1
    shown = []
    for part in merged:
        if part.upper() in _ACRONYMS:
            shown.append(part.upper())
        else:
            shown.append(part.title() if part.islower() else part)
    return " ".join(shown)


def _value(value: Any) -> str:
    return "<nil>" if value is None else go_text(value)


def _content(writer: Writer, level: int, content: Obj, path: str) -> None:
    for field in sorted(content):
        here = f"{path}.{field}"
        if here in _SKIP:
            continue
        value = content[field]
        if isinstance(value, dict):
            writer.line(level, f"{label_for(field)}:")
            _content(writer, level + 1, value, here)
        elif isinstance(value, list):
            writer.line(level, f"{label_for(field)}:")
            for child in value:
                if isinstance(child, dict):
                    _content(writer, level + 1, child, here)
                else:
                    writer.line(level + 1, _value(child))
        else:
            writer.pair(label_for(field), _value(value), level)


def describe(call: Call, writer: Writer, obj: Obj) -> None:
    """Any object."""
    writer.heading(obj)
    _content(writer, 0, obj, "")
    events_of(call, writer, obj)
