"""The configuration: a KubeSchedulerConfiguration (v1), turned into profiles and extenders.

A profile is a scheduler name with a set of plugins for each extension point. `plugins.multiPoint` says
which plugins take part wherever they can; the points' own lists switch single ones off (`disabled`, ``*``
for all), add some, or give another weight. `pluginConfig` has the plugins' arguments. Without configuration
there is one profile, `default-scheduler`, with everything in `plugins/registry.py`. A wrong configuration is
refused as a whole (`ConfigError`), in the words in which kube-scheduler refuses to start with it.

Source: pkg/scheduler/apis/config (types.go, v1/defaults.go, v1/default_plugins.go); framework/runtime
(NewFramework, expandMultiPointPlugins); profile/profile.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.config_form import ConfigError, read_form
from kubekit.scheduler.config_validation import validate
from kubekit.scheduler.extender import Extender
from kubekit.scheduler.framework.plugin import POINTS, Handle, Plugin
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import PluginError
from kubekit.scheduler.plugins.registry import DEFAULT_PLUGINS, REGISTRY

__all__ = ["DEFAULT_SCHEDULER", "ConfigError", "SchedulerConfig"]

Obj = dict[str, Any]

DEFAULT_SCHEDULER = "default-scheduler"
ORDER = (
    "PreFilter", "Filter", "PostFilter", "Reserve", "PreScore", "Score", "PreBind", "Bind", "PostBind",
    "Permit", "PreEnqueue", "QueueSort",
)  # fmt: skip
"""Extension points in the order in which the original looks at them: it decides which mistake is told."""


class SchedulerConfig:
    """What a KubeSchedulerConfiguration says, with the defaults filled in; raises `ConfigError`.

    `config` is the object or its YAML text. Attributes: `profiles` (list of API objects),
    `percentage_of_nodes_to_score` (0: adaptive), `initial_backoff` and `max_backoff` (seconds), `extenders`
    (ignorable ones last), `registry` (plugins by name; a copy: add to it freely before `build`).
    """

    def __init__(self, config: Obj | str | None = None) -> None:
        form = read_form(config)
        validate(form)
        self.form = form
        self.profiles: list[Obj] = form["profiles"]
        self.percentage_of_nodes_to_score = int(form["percentageOfNodesToScore"])
        self.initial_backoff = float(form["podInitialBackoffSeconds"])
        self.max_backoff = float(form["podMaxBackoffSeconds"])
        self.registry: dict[str, type[Plugin]] = dict(REGISTRY)
        extenders = [Extender(one) for one in form.get("extenders") or ()]
        self.extenders = sorted(extenders, key=lambda extender: extender.ignorable)
        self.ignored_resources = [
            managed["name"]
            for one in form.get("extenders") or ()
            for managed in one.get("managedResources") or ()
            if managed.get("ignoredByScheduler")
        ]

    def build(self, handle: Handle) -> dict[str, Framework]:
        """The profiles' frameworks by scheduler name; raises `ConfigError`."""
        built: dict[str, Framework] = {}
        first_sort = ""
        for profile in self.profiles:
            name = profile["schedulerName"]
            try:
                framework = self._build_profile(profile, handle)
            except ConfigError as error:
                text = f"initializing profiles: creating profile for scheduler name {name}: {error}"
                raise ConfigError(text) from None
            sort = framework.points["QueueSort"][0].name
            first_sort = first_sort or sort
            if sort != first_sort:
                text = f'different queue sort plugins for profile "{name}": "{sort}", first: "{first_sort}"'
                raise ConfigError(f"initializing profiles: {text}")
            built[name] = framework
        return built

    def _build_profile(self, profile: Obj, handle: Handle) -> Framework:
        name, chosen = profile["schedulerName"], profile.get("plugins") or {}
        everywhere = self._multi_point(chosen.get("multiPoint") or {})
        own = {point: chosen.get(point[0].lower() + point[1:]) or {} for point in ORDER}
        plugins = self._make_plugins(profile, handle, everywhere, own)
        points = {point: _listed(point, own[point], plugins) for point in ORDER}
        for point in ORDER:
            points[point] = _expanded(point, own[point], points[point], everywhere, plugins)
        if len(points["QueueSort"]) != 1:
            raise ConfigError(
                f'only one queue sort plugin required for profile with scheduler name "{name}", but got'
                f" {len(points['QueueSort'])}"
            )
        if not points["Bind"]:
            raise ConfigError(f'at least one bind plugin is needed for profile with scheduler name "{name}"')
        weights: dict[str, int] = {}
        for entry in (*(own["Score"].get("enabled") or ()), *everywhere):
            if hasattr(plugins[entry["name"]], "score"):
                weights.setdefault(entry["name"], int(entry.get("weight") or 0) or 1)
        framework = Framework(name, handle, points, weights)
        framework.extenders = self.extenders
        percentage = profile.get("percentageOfNodesToScore")
        framework.percentage_of_nodes_to_score = None if percentage is None else int(percentage)
        return framework

    def _multi_point(self, custom: Obj) -> list[Obj]:
        """The entries of plugins that take part wherever they can: the defaults, as they were changed."""
        off = {entry["name"] for entry in custom.get("disabled") or ()}
        enabled: list[Obj] = list(custom.get("enabled") or ())
        replacing = {entry["name"]: place for place, entry in enumerate(enabled)}
        entries: list[Obj] = []
        replaced: set[int] = set()
        if "*" not in off:
            for plugin, weight in DEFAULT_PLUGINS:
                if plugin.name in off:
                    continue
                place = replacing.get(plugin.name)
                if place is None:
                    entries.append({"name": plugin.name, "weight": weight})
                else:
                    entries.append(enabled[place])
                    replaced.add(place)
        return entries + [entry for place, entry in enumerate(enabled) if place not in replaced]

    def _make_plugins(
        self, profile: Obj, handle: Handle, everywhere: list[Obj], own: dict[str, Obj]
    ) -> dict[str, Plugin]:
        """Every needed plugin that exists, once."""
        args = {entry["name"]: entry["args"] for entry in profile["pluginConfig"]}
        if self.ignored_resources and "NodeResourcesFit" in args:
            args["NodeResourcesFit"] = {
                **args["NodeResourcesFit"],
                "ignoredResources": self.ignored_resources,
            }
        entries = [entry for point in ORDER for entry in own[point].get("enabled") or ()]
        plugins: dict[str, Plugin] = {}
        for entry in (*entries, *everywhere):
            name = entry["name"]
            kind = self.registry.get(name)
            if kind is None or name in plugins:
                continue
            try:
                plugins[name] = kind(handle, args.get(name) or {})
            except (PluginError, ValueError) as error:
                raise ConfigError(f'initializing plugin "{name}": {error}') from None
        return plugins


def _listed(point: str, own: Obj, plugins: dict[str, Plugin]) -> list[Plugin]:
    """The plugins that the point itself enables."""
    found: dict[str, Plugin] = {}
    for entry in own.get("enabled") or ():
        name = entry["name"]
        plugin = plugins.get(name)
        if plugin is None:
            raise ConfigError(f'{point}Plugin "{name}" does not exist')
        if not hasattr(plugin, POINTS[point]):
            raise ConfigError(f'plugin "{name}" does not extend {point}Plugin plugin')
        if name in found:
            raise ConfigError(f'plugin "{name}" already registered as "{point}Plugin"')
        found[name] = plugin
    return list(found.values())


def _expanded(
    point: str, own: Obj, listed: list[Plugin], everywhere: list[Obj], plugins: dict[str, Plugin]
) -> list[Plugin]:
    """The point's plugins in order: those that override a general one, the general ones, the others."""
    off = {entry["name"] for entry in own.get("disabled") or ()}
    if "*" in off:
        return listed
    mine = {plugin.name for plugin in listed}
    overriding: set[str] = set()
    general: dict[str, Plugin] = {}
    for entry in everywhere:
        name = entry["name"]
        plugin = plugins.get(name)
        if plugin is None:
            raise ConfigError(f'{point}Plugin "{name}" does not exist')
        if not hasattr(plugin, POINTS[point]) or name in off:
            continue
        if name in mine:
            overriding.add(name)
            continue
        if name in general:
            raise ConfigError(f'plugin "{name}" already registered as "{point}Plugin"')
        general[name] = plugin
    first = [plugin for plugin in listed if plugin.name in overriding]
    last = [plugin for plugin in listed if plugin.name not in overriding]
    return [*first, *general.values(), *last]
