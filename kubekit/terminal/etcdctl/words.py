"""Words: the values from which flags of etcdctl and etcdutl are chosen, for completion."""

from __future__ import annotations

VALUES: dict[str, tuple[str, ...]] = {
    "write-out": ("fields", "json", "protobuf", "simple", "table"),
    "consistency": ("l", "s"),
    "order": ("ASCEND", "DESCEND"),
    "sort-by": ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION"),
}
