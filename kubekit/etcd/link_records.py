"""LinkRecords: what is told when the links between members change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.etcd.cluster import EtcdCluster


class LinkRecords:
    """The records of one cluster's links; each holds all links that are not whole after it."""

    def __init__(self, cluster: EtcdCluster) -> None:
        self._cluster = cluster

    def _emit(self, what: str, sentence: str, groups: Sequence[Sequence[str]] | None = None) -> None:
        cluster = self._cluster
        out: dict[str, Any] = {"what": what, "links": cluster.links.broken()}
        if groups is not None:
            out["groups"] = [list(group) for group in groups]
        cluster.loop.trace.emit("raft", cluster.name, "links", sentence, came_out=out)

    def cut(self, a: str, b: str, one_way: bool) -> None:
        """A link was cut."""
        between = f"from {a} to {b}" if one_way else f"between {a} and {b}"
        self._emit("cut", f"The link {between} is cut.")

    def mended(self, a: str, b: str) -> None:
        """A link is whole again."""
        self._emit("heal", f"The link between {a} and {b} is whole again.")

    def slow(self, a: str, b: str, seconds: float) -> None:
        """A link became slow, or quick again."""
        text = f"takes {seconds:g} s each way" if seconds > 0 else "is quick again"
        self._emit("slow", f"The link between {a} and {b} {text}.")

    def partitioned(self, groups: Sequence[Sequence[str]]) -> None:
        """Members were cut off from each other."""
        sides = " | ".join(", ".join(group) for group in groups)
        self._emit("partition", f"The members cannot hear each other any more: {sides}.", groups)

    def healed(self) -> None:
        """All links are whole again."""
        self._emit("heal", "All links are whole again.", [])
