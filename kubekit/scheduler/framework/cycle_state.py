"""CycleState: the notebook that plugins write into during one scheduling attempt.

A plugin computes something once in PreFilter or PreScore, writes it under its own key, and reads it again
for each node. Where arrays answered for all nodes at once, the data for single nodes is not there yet: it is
made when somebody reads it (`later`). Preemption and nominated pods ask "what if this pod were gone (or
there)?" on a *clone*; data that AddPod/RemovePod change must therefore offer `clone()`.

Source: pkg/scheduler/framework/cycle_state.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.scheduler.framework.status import PluginError

if TYPE_CHECKING:
    from kubekit.scheduler.framework.standing_answers import StandingAnswers


class StateNotFound(PluginError):
    """Nothing was written under this key; the original's text is just ``not found``."""

    def __init__(self) -> None:
        super().__init__("not found")


class CycleState:
    """Data of one attempt, by key, and which plugins are left out of it."""

    __slots__ = ("_later", "data", "skip_filter", "skip_pre_bind", "skip_score", "standing")

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self._later: list[Callable[[], Any]] = []
        self.skip_filter: frozenset[str] = frozenset()
        self.skip_score: frozenset[str] = frozenset()
        self.skip_pre_bind: frozenset[str] = frozenset()
        self.standing: StandingAnswers | None = None
        """What need not be asked in this attempt, if all nodes are asked at once."""

    def write(self, key: str, value: Any) -> None:
        """Keep `value` under `key`."""
        self.data[key] = value

    def read(self, key: str) -> Any:
        """What was written under `key`; raises `StateNotFound`."""
        try:
            return self.data[key]
        except KeyError:
            self.catch_up()
            if key in self.data:
                return self.data[key]
            raise StateNotFound from None

    def later(self, prepare: Callable[[], Any]) -> None:
        """Call `prepare`, which writes, only if somebody needs what it writes."""
        self._later.append(prepare)

    def catch_up(self) -> None:
        """Do what was put off."""
        waiting, self._later = self._later, []
        for prepare in waiting:
            prepare()

    def clone(self) -> CycleState:
        """A copy in which AddPod and RemovePod may change things without touching this one."""
        self.catch_up()
        copy = CycleState()
        copy.data = {
            key: value.clone() if hasattr(value, "clone") else value for key, value in self.data.items()
        }
        copy.skip_filter = self.skip_filter
        copy.skip_score = self.skip_score
        copy.skip_pre_bind = self.skip_pre_bind
        return copy
