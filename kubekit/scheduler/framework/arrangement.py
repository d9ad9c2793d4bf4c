"""The arrangement of a profile: which plugins take part in which extension point, and in which order.

A configuration gives the base; a notebook may add plugins on top, and take them out again, while the
scheduler runs. What is derived from the arrangement is made on demand and forgotten when it changes.

Source: pkg/scheduler/framework/runtime/framework.go (NewFramework); adding to a running one is our own.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.array_runtime import array_form
from kubekit.scheduler.framework.plugin import POINTS, Plugin


class Arrangement:
    """The plugins of each extension point, in order, and their weights."""

    def __init__(self, points: dict[str, list[Plugin]], weights: dict[str, int]) -> None:
        self.points = {point: points.get(point, []) for point in POINTS}
        self.weights = dict(weights)
        self._base = dict(self.points)
        self._base_weights = weights
        self._added: dict[str, Plugin] = {}
        self._forms: dict[str, list[tuple[str, Plugin, Any]]] = {}
        self._names: tuple[list[str], list[tuple[str, int]]] | None = None
        for plugin in self.plugins():
            self.welcome(plugin)

    def welcome(self, plugin: Plugin) -> None:
        """A plugin takes part now."""

    def forget(self) -> None:
        """Drop what was derived from the arrangement as it was."""
        self._forms = {}
        self._names = None

    def names_for_records(self) -> tuple[list[str], list[tuple[str, int]]]:
        """(Filter plugins, Score plugins with weights): the lists are shared, do not change them."""
        if self._names is None:
            scores = [(plugin.name, self.weights.get(plugin.name, 1)) for plugin in self.points["Score"]]
            self._names = [plugin.name for plugin in self.points["Filter"]], scores
        return self._names

    def with_forms(self, point: str) -> list[tuple[str, Plugin, Any]]:
        """The plugins of a point with their names and array forms (None without)."""
        found = self._forms.get(point)
        if found is None:
            method = POINTS[point]
            found = self._forms[point] = [
                (plugin.name, plugin, array_form(plugin, method)) for plugin in self.points[point]
            ]
        return found

    def add(self, plugin: Plugin, weight: int) -> None:
        """Let a plugin take part after the others; one of the same name gives way, as does QueueSort's."""
        self.remove(plugin.name)
        self._added[plugin.name] = plugin
        self.weights[plugin.name] = weight
        self.welcome(plugin)
        self._arrange()

    def remove(self, name: str) -> None:
        """Take a plugin that was added out again; what gave way to it comes back."""
        if self._added.pop(name, None) is not None:
            self.weights[name] = self._base_weights.get(name, 1)
            self._arrange()

    def weigh(self, name: str, weight: int) -> None:
        """Give a score plugin another weight; with 0 it scores no more. For what-ifs only."""
        self.weights[name] = weight
        if not weight:
            self._base["Score"] = [plugin for plugin in self._base["Score"] if plugin.name != name]
        self._arrange()

    def _arrange(self) -> None:
        self.forget()
        for point, base in self._base.items():
            own = [plugin for plugin in self._added.values() if point in plugin.points()]
            kept = [plugin for plugin in base if plugin.name not in self._added]
            # Binding is done by the first that does not skip, sorting by one alone: there the new one leads.
            self.points[point] = [*own, *kept] if point in ("Bind", "QueueSort") else [*kept, *own]

    def plugins(self) -> list[Plugin]:
        """Every plugin of the profile once, in the order in which points mention them."""
        found: dict[str, Plugin] = {}
        for plugins in self.points.values():
            for plugin in plugins:
                found.setdefault(plugin.name, plugin)
        return list(found.values())
