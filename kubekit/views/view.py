"""What a view is: a scene (JSON), a text, a table, and a widget made when a notebook asks for it.

`View(scene, text, table)` is complete without a browser: `repr` is the text, `_repr_mimebundle_` carries text
and a semantic HTML table that read well without style or script. In a Jupyter kernel an anywidget comes with
it; one view has one widget, reused each time it is displayed. Actions (start, stop, ...) come back as
messages and are answered by the callables given in `actions`.

A scene's parts, all optional but `view` and `title`: `title`, `meta` [[name, value]], `legend` [{glyph|line,
text, when}], `records` [{id, t, kind, tick {hue, shape}, sentence, title, legend, card, halt, number, rev}],
`unit`, `spoken` and `total` (what a stop is called and out of how many), `compares` and `compare` (a second
cursor), `card`, `fold`, `empty`, `sentence`, `notice` {text, hue} (what came of an action; it stands until
one moves on), `inspector` (False for none), `cluster`, and what the view's own drawing needs. A card has
`title`, `chip`, `sub`, `parts` [{name, text|rows|facts|pairs|steps|pre}], `actions`, `code` (whether the
code of the actions is shown), `caused_by`, `led_to`, `raw`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kubekit.cluster.errors import KubekitError
from kubekit.etcd import EtcdError

STATIC = Path(__file__).parent / "static"

Scene = dict[str, Any]
Action = Callable[..., "Scene | None"]


def plain(text: object) -> str:
    """A sentence without its two marks (`code` and **strong**): for text and tables."""
    return str(text).replace("`", "").replace("**", "")


class Table:
    """A semantic HTML table: caption, column heads with scope, rows whose first cell is their head."""

    def __init__(self, caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.caption = plain(caption)
        self.columns = list(columns)
        self.rows = [[plain(cell) for cell in row] for row in rows]

    def html(self) -> str:
        """The table as HTML that survives a notebook's sanitiser: no style, no script."""
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in self.columns)
        lines = [f"<table><caption>{html.escape(self.caption)}</caption>", f"<thead><tr>{head}</tr></thead>"]
        lines.append("<tbody>")
        for row in self.rows:
            first, rest = row[0], row[1:]
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
            lines.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
        lines.append("</tbody></table>")
        return "\n".join(lines)

    def text(self) -> str:
        """The rows as aligned columns of plain text, the heads in capitals as kubectl prints them."""
        grid = [[name.upper() for name in self.columns], *self.rows]
        widths = [max(len(row[i]) for row in grid) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in grid
        )


class View:
    """One view; show it by leaving it as the last expression of a cell."""

    name = ""
    """The view's name: `static/<name>.js` draws it."""

    def __init__(
        self,
        scene: Scene,
        text: str,
        table: Table,
        actions: dict[str, Action] | None = None,
    ) -> None:
        self.scene = {"view": self.name, **scene}
        self.text = plain(text)
        self.table = table
        self._actions = actions or {}
        self._widget: Any = None

    @property
    def sentence(self) -> str:
        """The sentence under the stage: of the record at the cursor, else of the view."""
        records = self.scene.get("records") or []
        if records:
            return str(records[self.cursor]["sentence"])
        return str(self.scene.get("sentence", ""))

    @property
    def cursor(self) -> int:
        """The index of the record that is shown; it starts at the last one."""
        if self._widget is not None:
            return int(self._widget.cursor)
        return self._first_cursor()

    def _first_cursor(self) -> int:
        last = len(self.scene.get("records") or ()) - 1
        return max(0, int(self.scene.get("cursor", last)))

    def update(self, scene: Scene, text: str, table: Table) -> None:
        """Show something else in the same place: one view is one widget, reused."""
        self.scene, self.text, self.table = {"view": self.name, **scene}, plain(text), table
        if self._widget is not None:
            with self._widget.hold_sync():
                self._widget.cursor = self._first_cursor()
                self._widget.data = self.scene

    def close(self) -> None:
        """Release the widget; the last picture stays in the page."""
        if self._widget is not None:
            self._widget.close()
            self._widget = None

    def widget(self) -> Any:
        """The anywidget, made when first asked for; None where no Jupyter kernel runs."""
        if self._widget is None and in_kernel():
            self._widget = _make_widget(self)
        return self._widget

    def handle(self, message: dict[str, Any]) -> None:
        """Do what a button of the view asks for, then show what came of it: a refusal in its own words.

        Whatever else goes wrong is the kit's fault; it is said to be, and raised.
        """
        action = self._actions.get(str(message.get("action")))
        if action is None:
            return
        try:
            action(**message.get("arguments", {}))
        except (EtcdError, KubekitError) as error:
            self.notice(f"Refused: {error}", "refuse")
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            self.notice(f"This is a fault of kubekit, not of your work. Please report it: {told}", "off")
            raise

    def notice(self, text: str, hue: str) -> None:
        """Let the sentence say what came of an action, until one moves on."""
        scene = {**self.scene, "notice": {"text": text, "hue": hue}, "cursor": self.cursor}
        self.update(scene, self.text, self.table)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.text, "text/html": self.table.html()}
        widget = self.widget()
        if widget is not None:
            bundle["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2,
                "version_minor": 1,
                "model_id": widget.model_id,
            }
        return bundle


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel, where widgets can be shown."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


@cache
def script(name: str) -> str:
    """The one module of a view: what all share, then its own drawing."""
    return (STATIC / "base.js").read_text() + (STATIC / f"{name}.js").read_text()


@cache
def style(name: str) -> str:
    """The tokens, the shared anatomy, and the view's own style if it has one.

    A page holds many views, and each brings the shared part again; so a view's own rules are bound to it, or
    the shared ones would win by coming later.
    """
    parts = [(STATIC / "tokens.css").read_text(), (STATIC / "base.css").read_text()]
    own = STATIC / f"{name}.css"
    if own.exists():
        parts.append(own.read_text().replace(".kk-view ", f"section.kk-view[data-kk-view='{name}'] "))
    return "\n".join(parts)


@cache
def _widget_class(name: str) -> Any:
    import anywidget
    import traitlets

    return type(
        f"{name.title().replace('_', '')}Widget",
        (anywidget.AnyWidget,),
        {
            "_esm": script(name),
            "_css": style(name),
            "data": traitlets.Dict().tag(sync=True),
            "cursor": traitlets.Int(0).tag(sync=True),
        },
    )


def _make_widget(view: View) -> Any:
    widget = _widget_class(view.name)(data=view.scene, cursor=view._first_cursor())
    widget.on_msg(lambda _widget, content, _buffers: view.handle(content))
    return widget
