"""The guard around plugins that are not ours: they may raise, loop or answer nonsense, the scheduler lives.

Whatever a learner's plugin does wrong becomes a `PluginError` with a sentence that says what; the framework
turns it into an error status, and the pod waits out a back-off with that sentence as its event. A call may
run `MOST_STEPS` lines of Python; more is taken for a loop without end. (What never runs a line, such as
``sum(range(10**12))``, cannot be stopped.) Plugins of this package are not guarded: they are trusted, and
asked thousands of times.

Source: none; a plugin of the original that loops takes its scheduler with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from kubekit.scheduler.framework.status import PluginError, Status

MOST_STEPS = 100_000
"""Lines of Python that one call may run."""

OURS = "kubekit."
STATUS_OR_NONE = ("pre_enqueue", "filter", "pre_score", "reserve", "bind")
GUARDED = (
    *STATUS_OR_NONE, "less", "pre_filter", "add_pod", "remove_pod", "post_filter", "score", "normalize_score",
    "besides", "unreserve", "permit", "pre_bind_pre_flight", "pre_bind", "post_bind",
)  # fmt: skip


class TookTooLong(BaseException):
    """Not an Exception, so that a plugin that catches everything it meets does not catch this."""


def guard(plugin: Any) -> None:
    """Put the guard around a plugin's methods, unless the plugin is ours."""
    if type(plugin).__module__.startswith(OURS) or getattr(plugin, "_guarded", False):
        return
    for method in GUARDED:
        call = getattr(plugin, method, None)
        if call is not None:
            setattr(plugin, method, _guarded(plugin.name, method, call))
    plugin._guarded = True


def _guarded(name: str, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        before, left = sys.gettrace(), MOST_STEPS

        def count(frame: Any, event: str, arg: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise TookTooLong
            return count

        sys.settrace(count)
        try:
            answer = call(*args)
        except TookTooLong:
            text = (
                f"{name}.{method} did not come to an end within {MOST_STEPS:,} steps: does it loop for ever?"
            )
            raise PluginError(text) from None
        finally:
            sys.settrace(before)
        _check(name, method, answer)
        return answer

    return run


def _check(name: str, method: str, answer: Any) -> None:
    """Raises `PluginError` for an answer that the framework could not understand."""
    said, is_status = answer is None, isinstance(answer, Status)
    wanted = ""
    if method in STATUS_OR_NONE and not (said or is_status):
        wanted = "None or a Status"
    elif method == "pre_filter" and not (said or is_status or _names(answer)):
        wanted = "None, a Status or the names of nodes"
    elif method == "permit" and not (said or is_status or (_pair(answer) and isinstance(answer[0], Status))):
        wanted = "None, a Status, or a Status and seconds"
    elif method == "post_filter" and not (_pair(answer) and isinstance(answer[1], Status)):
        wanted = "the name of a node (or None) and a Status"
    elif method == "less" and not isinstance(answer, bool):
        wanted = "True or False"
    elif method == "normalize_score" and not isinstance(answer, list):
        wanted = "a list of scores"
    if wanted:
        raise PluginError(f"{name}.{method} answered {answer!r}; it must answer {wanted}")


def _names(answer: Any) -> bool:
    return isinstance(answer, Iterable) and not isinstance(answer, str | bytes)


def _pair(answer: Any) -> bool:
    return isinstance(answer, tuple) and len(answer) == 2
