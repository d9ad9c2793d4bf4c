"""A score row: what one plugin gave to each feasible node, before and after normalising.

The row keeps what the plugin answered, be it a list or an array, and gives lists to whoever looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.status import PluginError


class ScoreRow:
    """One plugin's scores, aligned with the feasible nodes."""

    __slots__ = ("_normalized", "_raw", "plugin", "weight")

    def __init__(self, plugin: str, weight: int, raw: Any, normalized: Any) -> None:
        self.plugin = plugin
        self.weight = weight
        self._raw = raw
        self._normalized = normalized

    @property
    def raw(self) -> list[int]:
        """What the plugin said."""
        return as_list(self._raw)

    @property
    def normalized(self) -> list[int]:
        """The same, from 0 to 100."""
        return as_list(self._normalized)

    @property
    def weighted(self) -> list[int]:
        """What the row adds to the totals."""
        return [self.weight * score for score in self.normalized]

    def only(self, places: Any) -> ScoreRow:
        """The row for some of the nodes, by their places."""
        raw = some(self._raw, places)
        same = self._normalized is self._raw
        return ScoreRow(self.plugin, self.weight, raw, raw if same else some(self._normalized, places))


class ScoreBlock:
    """The rows of several plugins as lines of one array; they are made when somebody looks.

    `lines` has for each its plugin, weight, and the normalised score if all nodes have the same (None: what
    is in the array is normalised).
    """

    __slots__ = ("_block", "_lines")

    def __init__(self, lines: Sequence[tuple[str, int, int | None]], block: Any) -> None:
        self._lines = lines
        self._block = block

    def rows(self) -> list[ScoreRow]:
        """The rows one by one."""
        found: list[ScoreRow] = []
        for (plugin, weight, even), raw in zip(self._lines, self._block.tolist(), strict=True):
            found.append(ScoreRow(plugin, weight, raw, raw if even is None else [even] * len(raw)))
        return found

    def only(self, places: Any) -> ScoreBlock:
        """The rows for some of the nodes, by their places."""
        return ScoreBlock(self._lines, self._block.take(places, axis=1))


def some(values: Any, places: Any) -> Any:
    """The values at these places (a list or an array too), in the form they have."""
    if isinstance(values, list):
        return [values[place] for place in places]
    return values.take(places)


def as_list(values: Any) -> list[int]:
    """A list or an array as a list of Python's own whole numbers."""
    if isinstance(values, list):
        return values
    found: list[int] = values.tolist()
    return found


_WHOLE = {int}


def check_scores(plugin: str, scores: Any, np: Any = None) -> None:
    """Scores must be whole numbers from 0 to 100 once they are normalised; raises `PluginError`."""
    if np is not None and not isinstance(scores, list):
        if len(scores) == 0 or (scores.max() <= MAX_NODE_SCORE and scores.min() >= 0):
            return
        scores = scores.tolist()
    for one in () if set(map(type, scores)) <= _WHOLE else scores:
        if not isinstance(one, int):
            raise PluginError(f'plugin "{plugin}" returns {one!r}, a score must be a whole number')
    if scores and (max(scores) > MAX_NODE_SCORE or min(scores) < 0):
        wrong = next(one for one in scores if one > MAX_NODE_SCORE or one < 0)
        raise PluginError(
            f'plugin "{plugin}" returns an invalid score {wrong}, it should in the range of'
            f" [0, {MAX_NODE_SCORE}] after normalizing"
        )
