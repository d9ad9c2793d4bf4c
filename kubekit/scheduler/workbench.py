"""The workbench: what a learner may do to a scheduler: add plugins, reconfigure it, ask what if.

The half of `Scheduler` that a notebook talks to; nothing here takes part in scheduling.

    cluster.scheduler.add_plugin(EvenNodes, weight=5)
    cluster.scheduler.configure("apiVersion: kubescheduler.config.k8s.io/v1 ...")
    cluster.scheduler.what_if("shop/web", SetPodRequest("cpu", "2")).sentence
    [one.sentence for one in cluster.scheduler.what_would_make("shop/web", "node03")]

Source: cmd/kube-scheduler/app (options for out-of-tree plugins, --config); the rest is our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.scheduler.config import ConfigError, SchedulerConfig
from kubekit.scheduler.framework.events import WILDCARD
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.scheduling_queue import SchedulingQueue

if TYPE_CHECKING:
    from kubekit.scheduler.changes import Change
    from kubekit.scheduler.suggestions import Suggestion
    from kubekit.scheduler.what_if import Answer

Obj = dict[str, Any]


class Workbench:
    """Mixed into `Scheduler`, which owns the attributes."""

    config: SchedulerConfig
    frameworks: dict[str, Framework]
    queue: SchedulingQueue
    local_extenders: dict[str, Callable[[str, Obj], Any]]
    _added: dict[str, tuple[type[Plugin], int, Obj]]

    @property
    def _handle(self) -> Any:
        """The scheduler itself, as plugins see it."""
        return self

    # -- what if -----------------------------------------------------------------------------------

    def what_if(self, pod: str | Obj, *changes: Change) -> Answer:
        """Where the pod would go now, were things changed like this (see `changes`); nothing happens.

        Raises `UnknownPod`, and `Impossible` for a change that cannot be made.
        """
        from kubekit.scheduler.what_if import Situation

        return Situation.of(self._handle).decide(pod, changes)

    def what_would_make(self, pod: str | Obj, node: str, most: int = 5) -> list[Suggestion]:
        """The nearest single changes after which the pod would go to `node`; each was tried."""
        from kubekit.scheduler.suggestions import what_would_make
        from kubekit.scheduler.what_if import Situation

        return what_would_make(Situation.of(self._handle), pod, node, most)

    # -- plugins, extenders, configuration ---------------------------------------------------------

    def register(self, plugin: type[Plugin], weight: int = 1, **args: Any) -> None:
        """Let a plugin class take part in every profile from now on; registering its name again replaces it.

        Pods that wait get another chance, since the plugin may see things differently. Raises `ConfigError`
        for a class that is no plugin.
        """
        if not plugin.name:
            raise ConfigError("a plugin needs a name")
        if not plugin.points():
            raise ConfigError(f"{plugin.name} takes part in no extension point: it has none of their methods")
        self._leave(plugin.name)
        self._added[plugin.name] = (plugin, weight, args)
        self._join(plugin, weight, args)
        self._plugins_changed()

    def add_plugin(self, plugin: type[Plugin] | Plugin, weight: int = 1, **args: Any) -> None:
        """`register`, under the name by which a notebook looks for it."""
        self.register(plugin if isinstance(plugin, type) else type(plugin), weight, **args)

    def unregister(self, name: str) -> None:
        """Take a plugin that was registered out again; raises KeyError when there is none of that name."""
        del self._added[name]
        self._leave(name)
        self._plugins_changed()

    def added_plugins(self) -> list[tuple[type[Plugin], int, Obj]]:
        """The plugins that were registered: class, weight, arguments."""
        return list(self._added.values())

    def serve_extender(self, url: str, answer: Callable[[str, Obj], Any]) -> None:
        """Let a Python function stand at an extender's `urlPrefix`: ``answer(verb, arguments) -> result``."""
        self.local_extenders[url] = answer

    def configure(self, config: Obj | str | None) -> None:
        """Work with another KubeSchedulerConfiguration from now on, after a restart, as with the original.

        Raises `ConfigError` for one that cannot be used; then the old one stays.
        """
        wanted = SchedulerConfig(config)
        wanted.registry.update(self.config.registry)
        wanted.build(self._handle)
        scheduler = self._handle
        running = scheduler.running
        if running:
            scheduler.stop()
        self.config = wanted
        scheduler._forget_everything()
        if running:
            scheduler.start()

    def _join(self, plugin: type[Plugin], weight: int, args: Obj) -> None:
        for framework in self.frameworks.values():
            framework.add(plugin(self._handle, args), weight)

    def _leave(self, name: str) -> None:
        for framework in self.frameworks.values():
            framework.remove(name)

    def _plugins_changed(self) -> None:
        self.queue.learn_hints()
        self.queue.move_all(WILDCARD, None, None)
