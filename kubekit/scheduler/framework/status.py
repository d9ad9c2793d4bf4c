"""Statuses: what a plugin answers, and how it differs from an error.

A plugin that has nothing against a node answers None. Otherwise it answers a `Status`: *unschedulable* (other
pods stand in the way: preempting them might help), *unresolvable* (nothing that happens to other pods could
help), *pending*, *wait*, *skip*, or *error*. Do not raise to refuse a pod: what a plugin raises becomes an
error status, and the pod is retried after a back-off instead of waiting for an event.

Source: staging/src/k8s.io/kube-scheduler/framework/interface.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum


class Code(IntEnum):
    """The codes of a status, with the values and names of the original."""

    SUCCESS = 0
    ERROR = 1
    UNSCHEDULABLE = 2
    UNSCHEDULABLE_AND_UNRESOLVABLE = 3
    WAIT = 4
    SKIP = 5
    PENDING = 6

    @property
    def text(self) -> str:
        """The code as the original prints it, e.g. ``UnschedulableAndUnresolvable``."""
        return _TEXT[self]


_TEXT = {
    Code.SUCCESS: "Success",
    Code.ERROR: "Error",
    Code.UNSCHEDULABLE: "Unschedulable",
    Code.UNSCHEDULABLE_AND_UNRESOLVABLE: "UnschedulableAndUnresolvable",
    Code.WAIT: "Wait",
    Code.SKIP: "Skip",
    Code.PENDING: "Pending",
}

REJECTIONS = frozenset({Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE, Code.PENDING})
"""The codes that refuse a pod (as opposed to: something went wrong)."""


class Status:
    """A code with its reasons, and the plugin that said so."""

    __slots__ = ("code", "error", "plugin", "reasons")

    def __init__(
        self,
        code: Code,
        *reasons: str,
        plugin: str = "",
        error: Exception | None = None,
    ) -> None:
        self.code = code
        self.reasons: tuple[str, ...] = reasons
        self.plugin = plugin
        self.error = error

    @property
    def rejected(self) -> bool:
        """Whether the pod was refused, rather than something having failed."""
        return self.code in REJECTIONS

    @property
    def message(self) -> str:
        """All reasons, joined as events show them."""
        return ", ".join(self.reasons)

    def by(self, plugin: str) -> Status:
        """The same status, said by `plugin` (statuses are shared constants: never change one)."""
        return (
            self
            if self.plugin == plugin
            else Status(self.code, *self.reasons, plugin=plugin, error=self.error)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Status) and (self.code, self.reasons, self.plugin) == (
            other.code,
            other.reasons,
            other.plugin,
        )

    def __hash__(self) -> int:
        return hash((self.code, self.reasons, self.plugin))

    def __repr__(self) -> str:
        return f"Status({self.code.text}, {self.plugin or '-'}: {self.message})"


class PluginError(Exception):
    """Raised by a plugin when something went wrong; the text is what the event will say."""


def unschedulable(*reasons: str) -> Status:
    """Refused; it might fit after other pods have gone."""
    return Status(Code.UNSCHEDULABLE, *reasons)


def unresolvable(*reasons: str) -> Status:
    """Refused, and no preemption of other pods could change it."""
    return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, *reasons)


def error_status(error: Exception, context: str = "", plugin: str = "") -> Status:
    """An error as a status; `context` comes first in the text, e.g. ``running "X" filter plugin``.

    Errors that plugins raise on purpose (`PluginError`) and API errors keep their text; any other exception
    is named too, since in a notebook it is most likely the learner's own.
    """
    text = str(error)
    if not isinstance(error, PluginError | OSError) and not hasattr(error, "status"):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Status(Code.ERROR, f"{context}: {text}" if context else text, plugin=plugin, error=error)


SKIP = Status(Code.SKIP)
"""Answered by PreFilter, PreScore and PreBindPreFlight: leave me out of this cycle."""

UNRESOLVABLE = Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE)
"""The status of nodes that nobody looked at."""


class NodeStatuses:
    """The refusal of each node, and one status for all nodes that no filter looked at."""

    __slots__ = ("absent", "by_node")

    def __init__(self, by_node: dict[str, Status] | None = None, absent: Status = UNRESOLVABLE) -> None:
        self.by_node: dict[str, Status] = by_node if by_node is not None else {}
        self.absent = absent

    def get(self, node: str) -> Status:
        """The node's status."""
        return self.by_node.get(node, self.absent)

    def __len__(self) -> int:
        return len(self.by_node)

    def reasons(self) -> Counter[str]:
        """How many nodes give each reason."""
        histogram: Counter[str] = Counter()
        for status in self.by_node.values():
            histogram.update(status.reasons)
        return histogram

    def with_code(self, code: Code, names: Iterable[str]) -> list[str]:
        """Those of `names` whose status has this code, in their order."""
        return [name for name in names if self.get(name).code == code]
