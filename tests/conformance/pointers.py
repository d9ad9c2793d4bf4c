"""Places in recorded answers: dotted paths (`metadata.name`, `~1` for a dot in a key) and JSON pointers.

Used by the replay of API server conversations to read a part of an answer, to edit a body, and to leave
out what is known to differ.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def steps_of(path: str) -> list[str]:
    return [step.replace("~1", ".") for step in path.split(".")]


def dotted(value: Any, path: str) -> Any:
    for step in steps_of(path):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def put(value: Any, path: str, item: Any, remove: bool = False) -> None:
    *steps, last = steps_of(path)
    for step in steps:
        if isinstance(value, list):
            value = value[int(step)]
        else:
            value = value.setdefault(step, {})
    if isinstance(value, list):
        if remove:
            del value[int(last)]
        elif int(last) == len(value):
            value.append(item)
        else:
            value[int(last)] = item
    elif remove:
        value.pop(last, None)
    else:
        value[last] = item


def at(value: Any, pointer: str) -> Any:
    for step in pointer.strip("/").split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def drop(value: Any, pointer: str) -> None:
    *steps, last = [s.replace("~1", "/").replace("~0", "~") for s in pointer.strip("/").split("/")]
    for step in steps:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return
    if isinstance(value, dict):
        value.pop(last, None)
    elif isinstance(value, list) and int(last) < len(value):
        value[int(last)] = None
