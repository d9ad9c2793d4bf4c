"""RaftRecords: what a member tells of its Raft."""

from __future__ import annotations

from typing import Any


class RaftRecords:
    def __init__(self, replica: Any) -> None: ...
    def __getattr__(self, name: str) -> Any:
        return lambda *a, **k: None
