"""The table format: boxes of `+`, `-` and `|`, for members and endpoints alone.

`box` draws what Go's tablewriter draws: the header in capitals and centred, cells to the right, long cells
broken at spaces near 30 signs. The cells' lines are laid out so that they are about equally long.
Source: etcdctl/ctlv3/command/printer_table.go, github.com/olekukonko/tablewriter (table.go, wrap.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd.messages import Message
from kubekit.terminal.etcdctl.printer import (
    About,
    Printer,
    Rows,
    hash_rows,
    health_rows,
    member_rows,
    snapshot_rows,
    status_rows,
)

WIDEST = 30
"""Signs a cell may be wide before it is broken at its spaces."""

PENALTY = 100_000


def _wrapped(text: str) -> list[str]:
    """The lines of a cell."""
    lines = text.split("\n") if text else [""]
    limit = min(WIDEST, max(len(line) for line in lines))
    words = " ".join(lines).split()
    if not words:
        return [""]
    limit = max(limit, *(len(word) for word in words))
    return [" ".join(line) for line in _even_lines(words, limit)]


def _even_lines(words: list[str], limit: int) -> list[list[str]]:
    """Words in lines such that the squares of what is missing at the lines' ends are few."""
    count = len(words)
    cost, following = [0] * (count + 1), [count] * (count + 1)
    for start in range(count - 1, -1, -1):
        if len(" ".join(words[start:])) <= limit:
            continue
        best: int | None = None
        for end in range(start + 1, count):
            missing = limit - len(" ".join(words[start:end]))
            candidate = missing * missing + cost[end] + (PENALTY if missing < 0 else 0)
            if best is None or candidate < best:
                best, following[start] = candidate, end
        cost[start] = best or 0
    lines, at = [], 0
    while at < count:
        lines.append(words[at : following[at]])
        at = following[at]
    return lines


def _title(text: str) -> str:
    return text.replace("_", " ").upper()


def box(head: list[str], rows: Rows) -> str:
    """The table as lines, with a final newline."""
    titles = [_wrapped(_title(name)) for name in head]
    cells = [[_wrapped(cell) for cell in row] for row in rows]
    widths = [
        max(len(line) for lines in (titles[at], *(row[at] for row in cells)) for line in lines)
        for at in range(len(head))
    ]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    out = rule
    for at in range(max(len(lines) for lines in titles)):
        shown = [
            _centred(lines[at] if at < len(lines) else "", width)
            for lines, width in zip(titles, widths, strict=True)
        ]
        out += "| " + " | ".join(shown) + " |\n"
    out += rule
    for row in cells:
        for at in range(max(len(lines) for lines in row)):
            shown = [
                (lines[at] if at < len(lines) else "").rjust(width)
                for lines, width in zip(row, widths, strict=True)
            ]
            out += "| " + " | ".join(shown) + " |\n"
    return out + rule


def _centred(text: str, width: int) -> str:
    """In the middle; a space that cannot be shared out goes to the right."""
    gap = width - len(text)
    left = gap // 2
    return " " * left + text + " " * (gap - left)


class TablePrinter(Printer):
    """`-w table`."""

    format = "table"

    def _box(self, table: tuple[list[str], Rows]) -> None:
        self.out(box(*table), end="")

    def member_list(self, message: Message, about: About) -> None:
        """Members."""
        self._box(member_rows(message))

    def endpoint_health(self, found: list[Message], about: About) -> None:
        """Health."""
        self._box(health_rows(found))

    def endpoint_status(self, found: Any, about: About) -> None:
        """Status."""
        self._box(status_rows(found, self.release))

    def endpoint_hashkv(self, found: Any, about: About) -> None:
        """Hashes."""
        self._box(hash_rows(found, self.release))

    def snapshot_status(self, status: Message, about: About) -> None:
        """A snapshot file."""
        self._box(snapshot_rows(status, about.get("versioned", False)))

    def file_hash(self, found: Message, about: About) -> None:
        """The hash of a file."""
        names = ("hash", "hashRevision", "compactRevision")
        self._box((["hash", "hash revision", "compact revision"], [[str(found[name]) for name in names]]))
