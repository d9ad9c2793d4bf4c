"""How long a Job waits before it replaces a failed pod: 10 s, doubling with each failure, at most 10 minutes.

Source: pkg/controller/job/backoff_utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubekit.api.meta import Obj
from kubekit.sim import parse_rfc3339

FIRST = 10.0
LONGEST = 600.0


@dataclass(frozen=True)
class Backoff:
    """The failures since the last success, and when the last one was (Unix seconds)."""

    failures: int = 0
    last: float | None = None

    def after(self, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> Backoff:
        """The record with some newly finished pods taken into account."""
        times = sorted(finished_at(pod) for pod in failed)
        if succeeded:
            last_success = max(finished_at(pod) for pod in succeeded)
            later = [time for time in times if time > last_success]
            return Backoff(len(later), later[-1] if later else None)
        if not times:
            return self
        return Backoff(self.failures + len(times), times[-1])

    def remaining(self, now: float) -> float:
        """Seconds until the next pod may be made."""
        return remaining(self.failures, self.last, now)


def remaining(failures: int, last: float | None, now: float) -> float:
    """Seconds that are left of the wait after `failures` failures, the last of them at `last`."""
    if failures == 0 or last is None:
        return 0.0
    wait: float = min(LONGEST, FIRST * 2.0 ** min(failures - 1, 10))
    return max(0.0, wait - (now - last))


def finished_at(pod: Obj) -> float:
    """When the pod ended: its last container, or its Ready condition, or its deletion, or its creation."""
    status, meta = pod.get("status") or {}, pod["metadata"]
    sidecars = {
        c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"
    }
    containers = list(status.get("containerStatuses") or ())
    containers += [c for c in status.get("initContainerStatuses") or () if c["name"] in sidecars]
    ends = [((c.get("state") or {}).get("terminated") or {}).get("finishedAt") for c in containers]
    if ends and all(ends):
        return max(parse_rfc3339(end) for end in ends if end)
    for condition in status.get("conditions") or ():
        if (
            condition["type"] == "Ready"
            and condition["status"] == "False"
            and condition.get("lastTransitionTime")
        ):
            return parse_rfc3339(condition["lastTransitionTime"])
    if meta.get("deletionTimestamp"):
        return parse_rfc3339(meta["deletionTimestamp"]) - (meta.get("deletionGracePeriodSeconds") or 0)
    return parse_rfc3339(meta["creationTimestamp"])
