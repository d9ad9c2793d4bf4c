"""An attempt's record, taken apart for the scheduling funnel: columns, rows, stops, words.

Called by `scheduling_funnel`. Every word and figure comes from the record; what is left out in a large
cluster is counted (`fold`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kubekit.sim import Record, Step
from kubekit.views import cards
from kubekit.views.view import Table

MOST_NODES = 10
"""Columns that fit side by side."""

WORDS = (
    "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
)  # fmt: skip
FORMS = ("raw", "normalized", "weighted")

Row = dict[str, Any]
Obj = dict[str, Any]


class FunnelScene:
    """An attempt's record, taken apart for the picture."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.came_in, self.out = record.came_in, record.came_out
        self.steps = list(record.steps)
        self.picked: str = self.out.get("node") or ""
        self.message: str = self.out.get("message") or ""
        self.refused_by: dict[str, tuple[str, list[str]]] = {}
        for step in self._of("Filter ", "Extender "):
            refused = (step.figures or {}).get("refused") or {}
            for node in refused:
                reasons = refused[node] if isinstance(refused, dict) else []
                self.refused_by.setdefault(node, (step.asked.partition(" ")[2], list(reasons)))
        pick = next((step for step in self.steps if step.asked.startswith("Pick ")), None)
        self.totals: dict[str, int] = (pick.figures or {}).get("totals", {}) if pick is not None else {}
        self.tied: list[str] = (pick.figures or {}).get("tied", []) if pick is not None else []
        self.all_nodes = (
            list(self.came_in["nodes"]) or list(self.totals) or ([self.picked] if self.picked else [])
        )
        self.shown = self._shown()
        self.hidden = [node for node in self.all_nodes if node not in self.shown]
        self.filter_rows = self._filter_rows()
        self.score_rows = self._score_rows()
        self.title = self._title()

    def _of(self, *starts: str) -> list[Step]:
        return [step for step in self.steps if step.asked.startswith(starts)]

    # -- which nodes -------------------------------------------------------------------------------

    def _shown(self) -> list[str]:
        if len(self.all_nodes) <= MOST_NODES:
            return self.all_nodes
        best = sorted(self.totals, key=lambda node: -self.totals[node])
        one_each: dict[tuple[str, str], str] = {}
        for node, (plugin, reasons) in self.refused_by.items():
            one_each.setdefault((plugin, ", ".join(reasons)), node)
        wanted = [self.picked] if self.picked else []
        wanted += [node for node in one_each.values() if node not in wanted][: MOST_NODES // 2]
        wanted += [node for node in best if node not in wanted]
        wanted += [node for node in self.all_nodes if node not in wanted]
        chosen = set(wanted[:MOST_NODES])
        return [node for node in self.all_nodes if node in chosen]

    def fold(self) -> str:
        """What the picture leaves out."""
        refused = sum(node in self.refused_by for node in self.hidden)
        feasible = len(self.hidden) - refused
        parts = [f"{refused} that were refused"] if refused else []
        parts += [f"{feasible} that fit"] if feasible else []
        return f"Folded away: {len(self.hidden)} nodes, {' and '.join(parts)}."

    def columns(self) -> list[Obj]:
        """The nodes with what they have to give."""
        found = []
        for node in self.shown:
            has = self.came_in["nodes"].get(node, {}).get("allocatable", {})
            found.append(
                {"name": node, "cpu": _cpu(has.get("cpu (m)", 0)), "memory": _bytes(has.get("memory", 0))}
            )
        return found

    # -- rows --------------------------------------------------------------------------------------

    def _filter_rows(self) -> list[Row]:
        rows: list[Row] = []
        quiet: list[str] = []
        for step in self._of("PreFilter"):
            if step.verdict == "refuse":
                cells = ["refuse"] * len(self.shown)
                rows.append(
                    _row(
                        "filter",
                        step.asked,
                        cells,
                        step.reason,
                        f"{step.asked} refuses the pod: {step.reason}.",
                    )
                )
            else:
                only = set((step.figures or {}).get("nodes", ()))
                cells = ["pass" if node in only else "out" for node in self.shown]
                rows.append(
                    _row(
                        "filter",
                        step.asked,
                        cells,
                        step.reason,
                        f"PreFilter narrows the search: {step.reason}.",
                    )
                )
        out: set[str] = {
            node for row in rows for node, cell in zip(self.shown, row["cells"]) if cell != "pass"
        }
        for step in self._of("Filter ", "Extender "):
            plugin = step.asked.partition(" ")[2]
            refused = (step.figures or {}).get("refused") or {}
            if not refused:
                quiet.append(plugin)
                continue
            cells = ["" if node in out else "refuse" if node in refused else "pass" for node in self.shown]
            out |= set(refused)
            why = step.reason or f"{len(refused)} refused"
            left = (step.figures or {}).get("passed")
            rest = f"; {_count(left, 'node')} left" if left is not None else ""
            told = f"{plugin} refuses {_count(len(refused), 'node')}: {why}{rest}."
            rows.append(_row("filter", plugin, cells, why, told))
        if quiet:
            name = quiet[0] if len(quiet) == 1 else f"{len(quiet)} {'other ' if rows else ''}filters"
            cells = ["" if node in out else "pass" for node in self.shown]
            text = "refused nobody, or skipped by their PreFilter"
            row = _row("filter", name, cells, text, f"{name}: {text} ({', '.join(quiet)}).")
            rows.append({**row, "quiet": True})
        return rows

    def _score_rows(self) -> list[Row]:
        rows: list[Row] = []
        silent: list[str] = []
        for step in self._of("Score "):
            plugin, figures = step.asked.partition(" ")[2], step.figures or {}
            if step.verdict == "skip" or not figures:
                silent.append(plugin)
                continue
            values = {form: [figures[form].get(node) for node in self.shown] for form in FORMS}
            weighted = {node: value for node, value in figures["weighted"].items() if value is not None}
            if not any(weighted.values()):
                silent.append(plugin)
                continue
            best = sorted(weighted, key=lambda node: -weighted[node])[:3]
            told = ", ".join(f"{node} {figures['raw'].get(node)} -> {weighted[node]}" for node in best)
            first = best[0]
            why = f"best: {first}, raw {figures['raw'].get(first)}, scaled {figures['normalized'].get(first)}"
            if len(set(weighted.values())) == 1:
                why = "the same for all"
            sentence = f"{plugin}, weight {figures['weight']} (raw -> weighted): {told}."
            row = _row("score", plugin, [], why, sentence)
            most = 100 * max(1, figures["weight"])
            rows.append({**row, "weight": figures["weight"], "values": values, "most": most})
        if silent and rows:
            name = silent[0] if len(silent) == 1 else f"{len(silent)} other scores"
            zero = [0 if node in self.totals else None for node in self.shown]
            text = "0 for every node, or skipped"
            row = _row("score", name, [], text, f"{name}: {text} ({', '.join(silent)}).")
            rows.append(
                {**row, "quiet": True, "weight": 0, "values": dict.fromkeys(FORMS, zero), "most": 100}
            )
        return rows

    # -- words -------------------------------------------------------------------------------------

    def _title(self) -> str:
        count = len(self.all_nodes)
        nodes = f"{_word(count)} node{'' if count == 1 else 's'}"
        refused = len(self.refused_by)
        fell = f", {_word(refused).lower()} refused" if refused else ""
        if self.picked:
            rivals = sorted(
                (total for node, total in self.totals.items() if node != self.picked), reverse=True
            )
            if not rivals:
                return f"{nodes}{fell}, {self.picked} is the only one that fits"
            lead = self.totals[self.picked] - rivals[0]
            if not lead:
                return f"{nodes}{fell}, {self.picked} drawn among {len(self.tied) or 2} equals"
            return f"{nodes}{fell}, {self.picked} picked by {_count(lead, 'point')}"
        if self.out.get("nominated"):
            return f"{nodes}{fell or ', all refused'}: {self.out['nominated']} is to be cleared for it"
        return f"{nodes}, none fits" if count else "No node at all"

    def queue(self) -> Obj:
        """The queue as the attempt began."""
        seen = self.came_in.get("queue") or {}
        return {
            "pod": self.came_in["pod"],
            "priority": self.came_in["priority"],
            "active": [f"{one['pod']} priority {one['priority']}" for one in seen.get("next", ())],
            "backoff": [
                f"{one['pod']} {one['seconds_left']:g} s left" for one in seen.get("backing_off", ())
            ],
            "pool": [one["pod"] for one in seen.get("pool", ())],
            "more": [
                max(0, seen.get(place, 0) - len(seen.get(some, ())))
                for place, some in (("active", "next"), ("backoff", "backing_off"), ("unschedulable", "pool"))
            ],
        }

    def legend(self) -> list[dict[str, str]]:
        """Only signs that are on the stage."""
        items = []
        cells = {cell for row in self.filter_rows for cell in row["cells"]}
        if "pass" in cells:
            items.append({"glyph": "run", "text": "passes the filter"})
        if "refuse" in cells:
            items.append({"glyph": "refuse", "text": "refused, falls out"})
        if self.picked:
            items.append({"glyph": "lead", "text": "picked"})
        return items

    def end(self) -> Obj:
        """The last row: totals and the pick, or that there is none."""
        totals = [self.totals.get(node) for node in self.shown]
        return {"totals": totals, "most": max((total for total in totals if total is not None), default=0)}

    def decisive(self) -> str:
        """How the pick came about, in the score table's own figures."""
        others = [node for node in self.totals if node != self.picked]
        if not others:
            return f"{self.picked} is the only node that fits, so nothing is scored."
        rival = max(others, key=lambda node: self.totals[node])
        lead = self.totals[self.picked] - self.totals[rival]
        pairs = []
        for step in self._of("Score "):
            weighted = (step.figures or {}).get("weighted", {})
            mine, theirs = weighted.get(self.picked, 0), weighted.get(rival, 0)
            if mine != theirs:
                pairs.append((abs(mine - theirs), f"{step.asked.partition(' ')[2]}, {mine} to {theirs}"))
        told = " and ".join(text for _, text in sorted(pairs, key=lambda pair: -pair[0])[:2])
        if not lead:
            return f"{self.picked} and {rival} have the same total, {self.totals[rival]}: the pick is a draw."
        return f"{self.picked} beats {rival} by {_count(lead, 'point')}; what differs most: {told}."

    # -- the stepper -------------------------------------------------------------------------------

    def stops(self) -> list[Obj]:
        """One stop a row: the queue, each filter, each score, the pick, the end."""
        came_in, waited = self.came_in, self.came_in["waited_seconds"]
        found = [
            self._stop(
                "queue",
                f"kube-scheduler pops `{came_in['pod']}` (priority {came_in['priority']}) after {waited:g} s"
                f" in the queue, attempt {came_in['attempt']}.",
                row=-1,
            )
        ]
        for at, row in enumerate(self.filter_rows + self.score_rows):
            refuses = "refuse" in row["cells"] or (row["stage"] == "filter" and not row.get("quiet"))
            found.append(
                self._stop(row["stage"], row["sentence"], row=at, hue="refuse" if refuses else "ask")
            )
        last = len(self.filter_rows) + len(self.score_rows)
        if self.picked:
            found.append(self._stop("pick", self.decisive(), row=last, hue="chosen", shape="round"))
        preempts = next((step for step in self.steps if step.asked == "PostFilter"), None)
        if preempts is not None and self.out.get("nominated"):
            victims = ", ".join(f"`{one}`" for one in self.out.get("victims", ()))
            text = f"Preemption: {victims} on {self.out['nominated']} must go; the pod waits for that."
            found.append(self._stop("preemption", text, row=last, hue="wait"))
        bind = self.out.get("bind") or ""
        if bind:
            good = bind == "bound"
            text = f"The pod is {bind} on {self.picked}." if good or not self.message else self.message
            found.append(self._stop("bind", text, row=last, hue="good" if good else "refuse"))
        elif not self.picked:
            found.append(self._stop("refused", self.record.sentence, row=last, hue="refuse"))
            found[-1]["halt"] = "refused"
        return found

    def _stop(self, kind: str, sentence: str, *, row: int, hue: str = "ask", shape: str = "square") -> Obj:
        return {
            "id": f"{self.record.id}/{kind}/{row}",
            "t": round(self.record.at, 3),
            "kind": kind,
            "tick": {"hue": hue, "shape": "diamond" if hue == "refuse" else shape},
            "sentence": sentence,
            "halt": "",
            "row": row,
            "card": cards.of_any(self.record, "scheduling attempt") if row < 0 else None,
        }

    def message_parts(self, stops: list[Obj]) -> list[Obj]:
        """The FailedScheduling message in parts, each reason with the stop that explains it."""
        if self.picked or not self.message:
            return []
        where: dict[str, int] = {}
        for at, stop in enumerate(stops):
            if stop["kind"] != "filter":
                continue
            row = self.filter_rows[stop["row"]]
            for reason in row["why"].split(", "):
                where.setdefault(reason, at)
        known = sorted((reason for reason in where if reason in self.message), key=len, reverse=True)
        if not known:
            return [{"text": self.message, "stop": None}]
        pattern = "|".join(re.escape(reason) for reason in known)
        parts = re.split(f"({pattern})", self.message)
        return [{"text": part, "stop": where.get(part)} for part in parts if part]

    # -- without the widget ------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """One line a node, as text."""
        lines = []
        for node in self.shown:
            if node in self.refused_by:
                plugin, reasons = self.refused_by[node]
                lines.append(f"{node}  {plugin}  {', '.join(reasons)}".rstrip())
            elif node in self.totals:
                lines.append(f"{node}  {self.totals[node]}{'  picked' if node == self.picked else ''}")
            else:
                lines.append(f"{node}  {'picked' if node == self.picked else 'not looked at'}")
        return [*lines, self.fold()] if self.hidden else lines

    def table(self) -> Table:
        """Plugin rows, node columns, reason."""
        words = {"pass": "passes", "refuse": "refused", "out": "not looked at", "": "-"}
        rows: list[list[object]] = []
        for row in self.filter_rows:
            rows.append([f"Filter {row['name']}", *(words[cell] for cell in row["cells"]), row["why"]])
        for row in self.score_rows:
            values = ["-" if value is None else value for value in row["values"]["weighted"]]
            rows.append([f"Score {row['name']} x{row['weight']}", *values, row["why"]])
        if self.totals:
            totals = [self.totals.get(node, "-") for node in self.shown]
            rows.append(["total", *totals, f"{self.picked} is picked" if self.picked else ""])
        return Table(self.title, ["plugin", *self.shown, "why"], rows)


def _row(stage: str, name: str, cells: Iterable[str], why: str, sentence: str) -> Row:
    return {"stage": stage, "name": name, "cells": list(cells), "why": why, "sentence": sentence}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _word(number: int) -> str:
    return WORDS[number] if number < len(WORDS) else f"{number:,}"


def _cpu(milli: int) -> str:
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def _bytes(amount: int) -> str:
    for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return f"{amount / (1 << 30):.1f}Gi" if amount else "0"
