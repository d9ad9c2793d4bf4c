"""What if: the pod's present decision beside a hypothetical one, and what would make another node win.

A row is a node: its total or its refusal now, the same after the changes, and what differs. Changes are
made in a form (`what_if_forms`) or by `change(...)`; the answer is that of the scheduler's own algorithm
(`kubekit.scheduler.what_if`), and nothing in the cluster changes. Each change offers its code.

    view = cluster.view.what_if("pod/default/web")
    view.change(SetPodRequest("cpu", "2"))
    view.suggest("node02")
"""

from __future__ import annotations

from typing import Any

from kubekit.cluster.errors import KubekitError
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.changes import Change
from kubekit.scheduler.hypothesis import Impossible, UnknownPod
from kubekit.scheduler.what_if import Answer
from kubekit.views import what_if_forms
from kubekit.views.view import Action, Scene, Table, View

Obj = dict[str, Any]

MOST_NODES = 12
MOST_PODS = 30
"""Pods that the form offers to take away."""


class WhatIf(View):
    """The what-if of one pod: ``namespace/name``, or a pod's object that does not exist yet."""

    name = "what_if"

    def __init__(self, scheduler: Any, pod: str | Obj, meta: list[list[str]], cluster_id: str = "") -> None:
        self._scheduler, self._pod, self._meta, self._id = scheduler, pod, meta, cluster_id
        self.changes: list[Change] = []
        self.suggested: Obj | None = None
        try:
            picture = self._picture()
        except UnknownPod as error:
            title = f"Nothing to decide: {error}"
            name = str(pod).rpartition("/")[2]
            scene: Scene = {
                "title": title,
                "meta": meta,
                "inspector": False,
                "empty": f"{error}. Create it: `%kubectl run {name} --image=nginx`, or give a pod's object.",
                "sentence": f"{error}.",
            }
            picture = scene, title, Table(title, ["node", "now", "then", "why"], [])
        actions: dict[str, Action] = {
            "add": self._add,
            "drop": self._drop,
            "clear": self._clear,
            "suggest": self._suggest,
            "take": self._take,
        }
        super().__init__(*picture, actions=actions)

    # -- what can be done ----------------------------------------------------------------------------

    def change(self, *changes: Change) -> WhatIf:
        """Ask with these changes as well; raises `KubekitError` for one that cannot be made."""
        before = list(self.changes)
        self.changes += changes
        try:
            picture = self._picture()
        except Impossible as error:
            self.changes = before
            raise KubekitError(str(error)) from None
        self.update(*picture)
        return self

    def suggest(self, node: str) -> WhatIf:
        """Search for single changes after which `node` wins, from the present state of the cluster."""
        try:
            found = self._scheduler.what_would_make(self._pod, node)
        except Impossible as error:
            raise KubekitError(str(error)) from None
        self.suggested = {"node": node, "found": found}
        self.update(*self._picture())
        return self

    def _add(self, kind: str = "", fields: Obj | None = None) -> None:
        self.change(what_if_forms.make(kind, fields or {}))

    def _drop(self, at: int = -1) -> None:
        if 0 <= int(at) < len(self.changes):
            del self.changes[int(at)]
        self.change()

    def _clear(self) -> None:
        self.changes, self.suggested = [], None
        self.change()

    def _suggest(self, node: str = "") -> None:
        self.suggest(node)

    def _take(self, at: int = 0) -> None:
        found = (self.suggested or {}).get("found") or []
        if 0 <= int(at) < len(found):
            self.changes = []
            self.change(found[int(at)].change)

    # -- the picture ---------------------------------------------------------------------------------

    def _picture(self) -> tuple[Scene, str, Table]:
        now = self._scheduler.what_if(self._pod)
        then = self._scheduler.what_if(self._pod, *self.changes) if self.changes else None
        answers = (_Side(now.attempt), _Side(then.attempt) if then is not None else None)
        pod = now.attempt.pod
        rows = self._rows(*answers)
        names = [row["name"] for row in rows]
        hidden = len(answers[0].nodes | (answers[1].nodes if answers[1] else set())) - len(rows)
        title = self._title(pod.key, *answers)
        sentence = self._sentence(now.attempt if then is None else then.attempt, then)
        weights = dict(now.attempt.score_names)
        there = self._pods_on(names, pod.uid)
        scene: Scene = {
            "title": title,
            "meta": self._meta,
            "legend": _legend(rows),
            "sentence": sentence,
            "refused": bool(then is not None and not then.node),
            "rows": rows,
            "most": max(
                [row[side]["total"] or 0 for row in rows for side in ("now", "then") if row[side]], default=0
            ),
            "changed": bool(self.changes),
            "pod": pod.key,
            "changes": [{"text": one.sentence, "code": what_if_forms.code(one)} for one in self.changes],
            "code": what_if_forms.whole_code(pod.key, self.changes) if isinstance(self._pod, str) else "",
            "forms": what_if_forms.forms(sorted(answers[0].nodes), weights, there),
            "suggestions": self._suggestions(),
            "cluster": self._id,
            "card": self._card(*answers),
        }
        if hidden > 0:
            scene["fold"] = {"text": f"Folded away: {hidden} nodes.", "toggle": False}
        lines = [f"{row['name']}  now: {_cell(row['now'])}  then: {_cell(row['then'])}" for row in rows]
        if not self.changes:
            lines = [f"{row['name']}  {_cell(row['now'])}" for row in rows]
        told = [f"if {one.sentence}" for one in self.changes]
        text = "\n".join([title, *told, sentence, *lines, *self._suggestion_lines()])
        table = Table(
            f"{title}. {sentence}",
            ["node", "now", "then", "what differs"],
            [[row["name"], _cell(row["now"]), _cell(row["then"]), row["differs"]] for row in rows],
        )
        return scene, text, table

    def _sentence(self, attempt: Attempt, then: Answer | None) -> str:
        """The outcome; between equals the cluster draws, a what-if takes the first."""
        text = then.sentence if then is not None else attempt.sentence()
        if len(attempt.tied) > 1:
            text += f" It is a draw between {', '.join(attempt.tied)}."
        known = self._scheduler.find_pod(attempt.pod.key) if isinstance(self._pod, str) else None
        node = ((known or {}).get("spec") or {}).get("nodeName")
        return f"{text} (It runs on {node} already.)" if node else text

    def _pods_on(self, nodes: list[str], uid: str) -> dict[str, list[str]]:
        """By node: the pods that may be thought away."""
        found: dict[str, list[str]] = {}
        left = MOST_PODS
        for name in nodes:
            info = self._scheduler.snapshot.get(name)
            pods = [one.key for one in info.pods if one.uid != uid][:left] if info is not None else []
            left -= len(pods)
            if pods:
                found[name] = sorted(pods)
        return found

    @staticmethod
    def _title(pod: str, now: _Side, then: _Side | None) -> str:
        if then is None:
            return f"{pod} would go to {now.node} now" if now.node else f"{pod} would find no node now"
        if now.node == then.node:
            same = f"still go to {now.node}" if now.node else "still find no node"
            return f"With these changes {pod} would {same}"
        if not then.node:
            return f"With these changes {pod} would find no node; now it would go to {now.node}"
        before = f"instead of {now.node}" if now.node else "where now it finds none"
        return f"With these changes {pod} would go to {then.node} {before}"

    def _rows(self, now: _Side, then: _Side | None) -> list[Obj]:
        nodes = sorted(now.nodes | (then.nodes if then else set()))
        shown = nodes
        if len(nodes) > MOST_NODES:
            named = {str(getattr(one, "node", "")) for one in self.changes}
            named |= {str(self.suggested["node"])} if self.suggested else set()
            order = [now.node, then.node if then else "", *sorted(named & set(nodes))]
            order += now.one_of_each()[: MOST_NODES // 3]
            order += sorted(now.totals, key=lambda node: -now.totals[node])
            order += nodes
            kept = set(list(dict.fromkeys(one for one in order if one in nodes))[:MOST_NODES])
            shown = [node for node in nodes if node in kept]
        return [
            {
                "name": node,
                "now": now.cell(node),
                "then": then.cell(node) if then else None,
                "differs": _differs(node, now, then),
                "card": _node_card(node, now, then),
            }
            for node in shown
        ]

    def _suggestions(self) -> Obj | None:
        if self.suggested is None:
            return None
        node, found = self.suggested["node"], self.suggested["found"]
        items = [
            {
                "text": one.sentence if one.alone else f"{one.sentence}; it would be drawn among equals",
                "code": what_if_forms.code(one.change),
            }
            for one in found
        ]
        none = f"No single change makes {node} win that keeps everything else as it is."
        if not found and self._scheduler.what_if(self._pod).node == node:
            none = f"{node} wins already."
        return {"node": node, "items": items, "none": none}

    def _suggestion_lines(self) -> list[str]:
        told = self._suggestions()
        if told is None:
            return []
        return [
            f"what would make {told['node']} win?",
            *([one["text"] for one in told["items"]] or [told["none"]]),
        ]

    @staticmethod
    def _card(now: _Side, then: _Side | None) -> Obj:
        parts = [{"name": "now", "pre": now.said}]
        if then is not None:
            parts.append({"name": "then", "pre": then.said})
        return {"title": "the decision", "parts": parts}


class _Side:
    """One decision, by node."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.node = attempt.node
        names = [one.name for one in attempt.feasible]
        self.totals: dict[str, int] = dict(zip(names, attempt.totals, strict=False))
        self.plugins = {row.plugin: dict(zip(names, row.weighted, strict=True)) for row in attempt.scores}
        self.weights = {row.plugin: row.weight for row in attempt.scores}
        statuses = attempt.diagnosis.statuses
        self.refused = {
            one.name: list(statuses.get(one.name).reasons) for one in attempt.nodes if one.name not in names
        }
        if attempt.pre_filter is not None:
            self.refused = {one.name: [attempt.pre_filter.message] for one in attempt.nodes}
        self.nodes = {one.name for one in attempt.nodes} | set(names)
        self.fits = set(names)
        self.said = attempt.sentence()

    def cell(self, node: str) -> Obj | None:
        """What came of a node: {total, picked, refused}; None where there is no such node."""
        if node not in self.nodes:
            return None
        return {
            "total": self.totals.get(node),
            "picked": node == self.node,
            "refused": ", ".join(self.refused.get(node) or ()) if node not in self.fits else "",
            "fits": node in self.fits,
        }

    def one_of_each(self) -> list[str]:
        """One node for each reason of refusal."""
        found: dict[str, str] = {}
        for node, reasons in self.refused.items():
            found.setdefault(", ".join(reasons), node)
        return list(found.values())


def _cell(cell: Obj | None) -> str:
    if cell is None:
        return "-"
    if not cell["fits"]:
        return f"refused: {cell['refused']}" if cell["refused"] else "not looked at"
    total = "fits" if cell["total"] is None else str(cell["total"])
    return f"{total}, picked" if cell["picked"] else total


def _differs(node: str, now: _Side, then: _Side | None) -> str:
    if then is None:
        return ""
    if node not in then.nodes:
        return "is not there"
    if node not in now.nodes:
        return "is new"
    if node in now.fits and node not in then.fits:
        return "falls out"
    if node not in now.fits:
        return "fits then" if node in then.fits else ""
    moved = []
    for plugin in {**now.plugins, **then.plugins}:
        before = now.plugins.get(plugin, {}).get(node, 0)
        after = then.plugins.get(plugin, {}).get(node, 0)
        if before != after:
            moved.append((abs(after - before), f"{plugin} {before} -> {after}"))
    return ", ".join(text for _, text in sorted(moved, key=lambda item: -item[0])[:2])


def _node_card(node: str, now: _Side, then: _Side | None) -> Obj:
    parts: list[Obj] = []
    for name, side in (("now", now), ("then", then)):
        if side is None:
            continue
        cell = side.cell(node)
        if cell is not None and cell["fits"] and side.plugins:
            facts = [
                [f"{plugin} x{side.weights[plugin]}", str(values[node])]
                for plugin, values in side.plugins.items()
                if any(values.values())
            ]
            parts.append({"name": f"{name}: {_cell(cell)}", "facts": facts})
        else:
            parts.append({"name": name, "text": _cell(cell)})
    return {"title": node, "parts": parts}


def _legend(rows: list[Obj]) -> list[Obj]:
    cells = [row[side] for row in rows for side in ("now", "then") if row[side]]
    items = []
    if any(cell["picked"] for cell in cells):
        items.append({"glyph": "lead", "text": "picked"})
    if any(not cell["fits"] and cell["refused"] for cell in cells):
        items.append({"glyph": "refuse", "text": "refused"})
    return items
