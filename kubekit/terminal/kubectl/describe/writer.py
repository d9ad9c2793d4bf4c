"""The page that a describer writes: indented lines with tabs, aligned at the end; labels, annotations, times.

Every describer gets one `Writer`. `flush` ends the columns so far, so that what follows is aligned on its
own.
Source: k8s.io/kubectl/pkg/describe (PrefixWriter, tabbedString, print*Multiline).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kubekit.api.duration import unix_seconds
from kubekit.api.exchange import Obj
from kubekit.terminal.cli import tabwriter

_SKIPPED = {"kubectl.kubernetes.io/last-applied-configuration"}
LONGEST = 140
"""Letters of an annotation's line; longer ones are cut."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def rfc1123(timestamp: str | None) -> str:
    """`Thu, 01 Jan 2026 00:00:00 +0000`; the zero time for none."""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    at = datetime.fromtimestamp(int(unix_seconds(timestamp)), UTC)
    return f"{_DAYS[at.weekday()]}, {at:%d} {_MONTHS[at.month - 1]} {at:%Y %H:%M:%S} +0000"


def yes_no(value: Any) -> str:
    """`True` or `False`."""
    return "True" if value else "False"


def go_list(values: list[Any] | None) -> str:
    """`[a b]`, as Go prints a slice."""
    return "[" + " ".join(str(value) for value in values or []) + "]"


class Writer:
    """Collects lines; `text` aligns them."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._open: list[str] = []

    def line(self, level: int, text: str) -> None:
        """One line, two spaces a level."""
        self._open.append("  " * level + text + "\n")

    def put(self, text: str) -> None:
        """Text without a line end."""
        self._open.append(text)

    def pair(self, label: str, value: Any, level: int = 0) -> None:
        """`label:<tab>value`."""
        self.line(level, f"{label}:\t{value}")

    def flush(self) -> None:
        """Aligns what there is."""
        if self._open:
            self._done.append(tabwriter.align("".join(self._open), 0, 2))
            self._open = []

    def text(self) -> str:
        """The page."""
        self.flush()
        return "".join(self._done)

    def bare(self) -> str:
        """What is not aligned yet, with its tabs."""
        return "".join(self._open)

    # -- common parts -----------------------------------------------------------------------------------

    def heading(self, obj: Obj, *, namespaced: bool = True, labels: bool = True) -> None:
        """Name, namespace, labels, annotations."""
        about = obj.get("metadata") or {}
        self.pair("Name", about.get("name", ""))
        if namespaced:
            self.pair("Namespace", about.get("namespace", ""))
        if labels:
            self.labels("Labels", about.get("labels"))
            self.annotations("Annotations", about.get("annotations"))

    def labels(self, title: str, labels: dict[str, Any] | None, indent: str = "") -> None:
        """A label a line, in the order of the keys."""
        self.put(f"{indent}{title}:\t")
        if not labels:
            self.put("<none>\n")
            return
        for index, key in enumerate(sorted(labels)):
            self.put((f"{indent}\t" if index else "") + f"{key}={labels[key]}\n")

    def annotations(self, title: str, annotations: dict[str, str] | None) -> None:
        """An annotation a line; long ones below their key; what apply noted is left out."""
        self.put(f"{title}:\t")
        keys = sorted(key for key in annotations or {} if key not in _SKIPPED)
        if not keys:
            self.put("<none>\n")
            return
        for index, key in enumerate(keys):
            value = (annotations or {})[key].removesuffix("\n")
            self.put("\t" if index else "")
            if len(value) + len(key) + 2 > LONGEST or "\n" in value:
                self.put(f"{key}:\n")
                for part in value.split("\n"):
                    self.put(f"\t  {_shorten(part)}\n")
            else:
                self.put(f"{key}: {value}\n")

    def controlled_by(self, obj: Obj) -> None:
        """The controller, if there is one."""
        for owner in (obj.get("metadata") or {}).get("ownerReferences") or []:
            if owner.get("controller"):
                self.pair("Controlled By", f"{owner.get('kind')}/{owner.get('name')}")
                return

    def table(
        self, level: int, header: list[str], rows: list[list[Any]], dashes: list[int] | None = None
    ) -> None:
        """A header, a line of dashes as long as each heading, and rows."""
        widths = dashes or [len(name) for name in header]
        self.line(level, "\t".join(header))
        self.line(level, "\t".join("-" * width for width in widths))
        for row in rows:
            self.line(level, "\t".join(str(cell) for cell in row))


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST - 2 else text[: LONGEST - 2] + "..."
