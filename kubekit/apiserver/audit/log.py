"""The audit log: where events go - a bounded list in memory, and a file of JSON lines when one is given.

`AuditLog(policy, ...)` is asked by the pipeline for the trail of each request; a trail hands its events to
`keep`. `events` holds the last ones, oldest first. Do not write to it. Upstream:
apiserver/plugin/pkg/audit/log.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import encode_json
from kubekit.apiserver.audit.policy import AuditPolicy
from kubekit.apiserver.audit.trail import Trail
from kubekit.apiserver.authorization import attributes_of
from kubekit.apiserver.configuration_file import ConfigurationError

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.sim import Rng

Obj = dict[str, Any]

LONGEST_ID = 64
"""An Audit-ID that the client chose may have so many characters."""

KEPT = 10_000
"""How many events are remembered."""


class AuditLog:
    """The audit of one server."""

    def __init__(self, policy: AuditPolicy, rng: Rng, path: str | Path | None = None) -> None:
        self.policy = policy
        self._rng = rng
        self.events: deque[Obj] = deque(maxlen=KEPT)
        self.total = 0
        self._path = Path(path) if path else None
        if self._path is not None:
            self._append(b"")

    def trail(self, ctx: Context) -> Trail | None:
        """The trail of a request whose sender is known; None when the policy does not want it."""
        plan = self.policy.of(attributes_of(ctx.user, ctx.info))
        if plan.level == "None":
            return None
        given = ctx.request.headers.get("audit-id", "")
        return Trail(ctx, self.keep, plan, given if 0 < len(given) <= LONGEST_ID else self._rng.uuid())

    def keep(self, event: Obj) -> None:
        """Take one event."""
        self.events.append(event)
        self.total += 1
        if self._path is not None:
            self._append(encode_json(event))

    def text(self) -> str:
        """What is remembered, as the file has it: an event a line."""
        return "".join(encode_json(event).decode() for event in self.events)

    def _append(self, line: bytes) -> None:
        """Add to the file; raises ConfigurationError when it cannot be written."""
        assert self._path is not None
        try:
            with self._path.open("ab") as file:
                file.write(line)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ConfigurationError(f"audit log: open {self._path}: {why}") from None
