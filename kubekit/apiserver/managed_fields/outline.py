"""Outlines: of a new object only what the set of its fields depends on, where it holds no lists.

Which fields an object sets follows from its names, from which of its values are maps, and from which are as
they are in an empty object: never from what a text or a number says. So all events that one program writes
have one outline, and their fields are found once. Items of lists are named by what they hold: an object with
a list has no outline.

>>> outline({"note": "a", "regarding": {"name": "x"}}) == outline({"note": "b", "regarding": {"name": "y"}})
True
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

LONGEST = 200
"""Outlines are kept: not those of large maps of data, which are hardly ever alike."""
_BELOW = True
"""Follows the name of a map; what is in the map comes next, and then `_END`. Names are texts."""
_END = False


def plain(empty: Obj) -> bool:
    """Whether outlines tell objects apart from this empty one: all that it holds is empty, too."""
    return all(plain(value) if isinstance(value, dict) else not value for value in empty.values())


def outline(obj: Obj) -> tuple[Any, ...] | None:
    """The outline of an object; None for one with a list, and for one with very many names."""
    found: list[Any] = []
    return tuple(found) if _draw(obj, found) and len(found) <= LONGEST else None


def _draw(obj: Obj, found: list[Any]) -> bool:
    for name, value in obj.items():
        kind = type(value)
        if kind is dict:
            found += (name, _BELOW)
            if not _draw(value, found):
                return False
            found.append(_END)
        elif kind is list:
            return False
        elif value:
            found.append(name)
        else:
            # It may be what the empty object has there.
            found.append((name, kind, value))
    return True
