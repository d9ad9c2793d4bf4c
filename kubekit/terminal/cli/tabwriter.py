"""Aligning columns as Go's text/tabwriter does: cells end with a tab, columns are blocks of adjacent lines.

Called with the whole text. A line that has no cell in a column ends that column's block, so tables that stand
under each other do not widen one another. The last cell of a line is never padded.
Source: Go's text/tabwriter (Writer.format).

>>> align("NAME\\tREADY\\nweb\\t1/1\\n")
'NAME   READY\\nweb    1/1\\n'
"""

from __future__ import annotations


def align(text: str, minimum: int = 6, padding: int = 3, tabs: int = 0) -> str:
    """The text with every tab-terminated cell padded. Defaults are those of kubectl's tables.

    `tabs`: pad with tabs that are so many signs wide, instead of spaces.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    out: list[str] = []
    widths: list[int] = []

    def write(start: int, end: int) -> None:
        for line in lines[start:end]:
            cells = []
            for index, cell in enumerate(line):
                cells.append(_padded(cell, widths[index], tabs) if index < len(widths) else cell)
            out.append("".join(cells))

    def block(start: int, end: int) -> None:
        column = len(widths)
        index = start
        while index < end:
            if column >= len(lines[index]) - 1:
                index += 1
                continue
            write(start, index)
            start = index
            width = minimum
            while index < end and column < len(lines[index]) - 1:
                width = max(width, len(lines[index][column]) + padding)
                index += 1
            widths.append(width)
            block(start, index)
            widths.pop()
            start = index
        write(start, end)

    block(0, len(lines))
    return "\n".join(out)


def _padded(cell: str, width: int, tabs: int) -> str:
    if not tabs:
        return cell.ljust(width)
    whole = -(-width // tabs) * tabs
    return cell + "\t" * -(-(whole - len(cell)) // tabs)


def table(rows: list[list[str]], minimum: int = 6, padding: int = 3) -> str:
    """Rows of cells as aligned lines, each with a newline."""
    return align("".join("\t".join(row) + "\n" for row in rows), minimum, padding)
