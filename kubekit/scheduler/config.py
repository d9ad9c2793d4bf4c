"""The configuration: a KubeSchedulerConfiguration, turned into profiles.

A profile is a scheduler name with a set of plugins for each extension point. `plugins.multiPoint` says
which plugins take part wherever they can; the points' own lists switch single ones off (`disabled`, ``*``
for all), add some, or give another weight. `pluginConfig` has the plugins' arguments. Without configuration
there is one profile, `default-scheduler`, with everything in `plugins/registry.py`.

Source: pkg/scheduler/apis/config (types.go, v1/defaults.go); framework/runtime (expandMultiPointPlugins).
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.plugin import POINTS, Handle, Plugin
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.plugins.registry import DEFAULT_PLUGINS, REGISTRY

Obj = dict[str, Any]

DEFAULT_SCHEDULER = "default-scheduler"


class ConfigError(ValueError):
    """The configuration cannot be used; the text says what is wrong with it."""


class SchedulerConfig:
    """What a KubeSchedulerConfiguration says, with the defaults filled in.

    Attributes: `profiles` (list of API objects), `percentage_of_nodes_to_score` (0: adaptive),
    `initial_backoff` and `max_backoff` (seconds), `registry` (plugins by name; a copy: add to it freely).
    """

    def __init__(self, config: Obj | None = None) -> None:
        config = config or {}
        self.profiles: list[Obj] = list(config.get("profiles") or [{"schedulerName": DEFAULT_SCHEDULER}])
        self.percentage_of_nodes_to_score = int(config.get("percentageOfNodesToScore") or 0)
        self.initial_backoff = float(config.get("podInitialBackoffSeconds") or 1)
        self.max_backoff = float(config.get("podMaxBackoffSeconds") or 10)
        self.registry: dict[str, type[Plugin]] = dict(REGISTRY)
        names = [profile.get("schedulerName") or DEFAULT_SCHEDULER for profile in self.profiles]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f'profiles: duplicate scheduler name "{twice[0]}"')

    def build(self, handle: Handle) -> dict[str, Framework]:
        """The profiles' frameworks by scheduler name; raises `ConfigError`."""
        return {
            profile.get("schedulerName") or DEFAULT_SCHEDULER: self._build_profile(profile, handle)
            for profile in self.profiles
        }

    def _build_profile(self, profile: Obj, handle: Handle) -> Framework:
        chosen: Obj = profile.get("plugins") or {}
        args = {entry["name"]: entry.get("args") or {} for entry in profile.get("pluginConfig") or ()}
        everywhere, weights = self._multi_point(chosen.get("multiPoint") or {})
        names_at: dict[str, list[str]] = {}
        for point in POINTS:
            own = chosen.get(point[0].lower() + point[1:]) or {}
            names_at[point] = self._at_point(point, own, everywhere, weights)
        unique = {name: None for names in names_at.values() for name in names}
        plugins = {name: self._class(name)(handle, args.get(name, {})) for name in unique}
        points = {point: [plugins[name] for name in names] for point, names in names_at.items()}
        if len(points["QueueSort"]) != 1:
            raise ConfigError("one queue sort plugin is required for each profile")
        if not points["Bind"]:
            raise ConfigError("at least one bind plugin is needed for each profile")
        name = profile.get("schedulerName") or DEFAULT_SCHEDULER
        framework = Framework(name, handle, points, weights)
        percentage = profile.get("percentageOfNodesToScore")
        framework.percentage_of_nodes_to_score = None if percentage is None else int(percentage)
        return framework

    def _class(self, name: str) -> type[Plugin]:
        found = self.registry.get(name)
        if found is None:
            raise ConfigError(f'plugin "{name}" does not exist')
        return found

    def _multi_point(self, chosen: Obj) -> tuple[list[str], dict[str, int]]:
        """(names of the plugins that take part wherever they can, in order; weights)."""
        off = {entry["name"] for entry in chosen.get("disabled") or ()}
        weights = {plugin.name: weight for plugin, weight in DEFAULT_PLUGINS if weight}
        names: list[str] = []
        replaced = {entry["name"]: entry for entry in chosen.get("enabled") or ()}
        if "*" not in off:
            names = [plugin.name for plugin, _ in DEFAULT_PLUGINS if plugin.name not in off]
        for name, entry in replaced.items():
            if name not in names:
                names.append(name)
            if entry.get("weight"):
                weights[name] = int(entry["weight"])
        return names, weights

    def _at_point(self, point: str, own: Obj, everywhere: list[str], weights: dict[str, int]) -> list[str]:
        """The plugins of one point: overridden ones first, then the general ones, then the added ones."""
        method = POINTS[point]
        off = {entry["name"] for entry in own.get("disabled") or ()}
        added = [entry["name"] for entry in own.get("enabled") or ()]
        for name in added:
            if not hasattr(self._class(name), method):
                raise ConfigError(f'plugin "{name}" does not extend {point} plugin')
        if point == "Score":
            for entry in own.get("enabled") or ():
                weights[entry["name"]] = int(entry.get("weight") or 1)
        general = [
            name
            for name in everywhere
            if "*" not in off and name not in off and name not in added and hasattr(self._class(name), method)
        ]
        overriding = [name for name in added if name in everywhere]
        return [*overriding, *general, *(name for name in added if name not in everywhere)]
