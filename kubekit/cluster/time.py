"""A cluster's time: which clock it has, and how durations are written."""

from __future__ import annotations

from kubekit.api.duration import parse_go_duration
from kubekit.cluster.defaults import Settings
from kubekit.cluster.errors import KubekitError
from kubekit.sim import Clock, VirtualClock, WallClock


def seconds_of(duration: float | str) -> float:
    """Seconds of a number or of a text like "30s", "2m", "1h", "3d"; raises KubekitError."""
    if isinstance(duration, int | float):
        return float(duration)
    text = duration.strip()
    try:
        if text.endswith("d"):
            return float(text[:-1]) * 86_400
        return float(text) if text.replace(".", "").isdigit() else parse_go_duration(text)
    except ValueError:
        raise KubekitError(f"{duration!r} is no duration: write it like '30s', '5m' or '1h30m'") from None


def clock_of(settings: Settings) -> Clock:
    """The clock that the settings ask for. Raises KubekitError."""
    if settings.clock == "virtual":
        return VirtualClock(settings.start)
    if settings.clock == "wall":
        # It shows the present time and goes on from there; a served cluster's driver keeps it in step.
        return VirtualClock(WallClock().now())
    if isinstance(settings.clock, str):
        raise KubekitError(f"there is no clock {settings.clock!r}: it is 'virtual' or 'wall'")
    clock: Clock = settings.clock
    return clock
