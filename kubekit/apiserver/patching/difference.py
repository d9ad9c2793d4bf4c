"""The difference of two JSON values, as a JSON patch.

`difference(old, new)` gives operations (add, remove, replace) that make the new value of the old one:
dictionaries key by key, lists of one length item by item, a list that only grew by what was put at its end,
every other list as a whole. `pointer` writes a key of a JSON pointer, `dotted` reads a pointer back as people
write paths. Source: RFC 6901, RFC 6902.
"""

from __future__ import annotations

import re
from typing import Any

Obj = dict[str, Any]
Operation = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def difference(old: Any, new: Any, at: str = "") -> list[Operation]:
    """The operations that make `new` of `old`, both at the pointer `at`; values are shared, not copied."""
    if old is new or old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[Operation] = []
        for key, value in old.items():
            place = f"{at}/{pointer(key)}"
            if key not in new:
                found.append({"op": "remove", "path": place})
            else:
                found += difference(value, new[key], place)
        added = ((key, value) for key, value in new.items() if key not in old)
        found += ({"op": "add", "path": f"{at}/{pointer(key)}", "value": value} for key, value in added)
        return found
    if isinstance(old, list) and isinstance(new, list):
        if len(old) == len(new):
            pairs = enumerate(zip(old, new, strict=True))
            return [one for i, (a, b) in pairs for one in difference(a, b, f"{at}/{i}")]
        if len(old) < len(new) and new[: len(old)] == old:
            return [{"op": "add", "path": f"{at}/{i}", "value": new[i]} for i in range(len(old), len(new))]
    return [{"op": "replace", "path": at, "value": new}]


def pointer(key: str) -> str:
    """A key as it stands in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def dotted(path: str) -> str:
    """A JSON pointer as people write paths: ``/spec/containers/0/image`` is ``spec.containers[0].image``."""
    told = ""
    for part in path.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if name.isdigit():
            told += f"[{name}]"
        elif _PLAIN.fullmatch(name):
            told += f".{name}" if told else name
        else:
            told += f'["{name}"]'
    return told
