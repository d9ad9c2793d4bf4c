"""Known specs: a pod's spec that is written like one before need not be decoded and defaulted again.

Most pods come from few templates. What a spec is after decoding and defaulting follows from how it was
written and from nothing else, so a spec is known by its text, and a fresh copy of the result is given out.
Only specs that nothing was wrong with are known: whatever must be told of is found by looking.

    completed({"metadata": {...}, "spec": {"containers": [...]}}) -> {"containers": [...], "dnsPolicy": ...}
"""

from __future__ import annotations

from typing import Any

import orjson

from kubekit.api.decoding import Careful
from kubekit.api.defaults import apply_defaults
from kubekit.api.exchange import snug
from kubekit.api.meta import Obj
from kubekit.api.scalars import DecodeError
from kubekit.api.schema import for_kind

LIMIT = 1024
"""How many texts are known; then all are forgotten. Nothing else makes them untrue."""
LONGEST = 16 * 1024
"""Bytes of a text that is worth keeping."""
_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""Whatever is no plain JSON has no text: a dictionary that remembers keys written twice is a subclass."""


class _Mould:
    """A value of which copies are made again and again: its dictionaries and lists, each with its place."""

    __slots__ = ("_parts", "_whole")

    def __init__(self, whole: Obj) -> None:
        self._whole = whole
        self._parts: list[tuple[int, Any, Any]] = []
        """(number of the part above, key or index in it, the part), from above to below; the whole is 0."""
        above: list[Any] = [whole]
        for number, holder in enumerate(above):
            for key, part in holder.items() if type(holder) is dict else enumerate(holder):
                if type(part) in (dict, list):
                    self._parts.append((number, key, part))
                    above.append(part)

    def cast(self) -> Obj:
        """A copy that shares no dictionary and no list with any other."""
        whole = self._whole.copy()
        made: list[Any] = [whole]
        for number, key, part in self._parts:
            copied = made[number][key] = part.copy()
            made.append(copied)
        return whole


_known: dict[bytes, _Mould] = {}


def completed(value: Any) -> Obj | None:
    """The spec of a v1 Pod as it came in, decoded and defaulted; the caller's own copy.

    None when there is more to say of it than its result, and for a pod with a status (whose defaults belong
    together).
    """
    spec = value.get("spec")
    if type(spec) is not dict or "status" in value:
        return None
    try:
        text = orjson.dumps(spec, None, _PLAIN)
    except TypeError:
        return None
    found = _known.get(text)
    if found is None:
        found = _complete(spec, text)
        if found is None:
            return None
        if len(_known) >= LIMIT:
            _known.clear()
        _known[snug(text)] = found
    return found.cast()


def _complete(spec: Obj, text: bytes) -> _Mould | None:
    # A number that is none (NaN) is written as null, too: what has a null has no text of its own.
    if len(text) > LONGEST or b"null" in text:
        return None
    try:
        pod = for_kind("v1", "Pod").struct.fast({"apiVersion": "v1", "kind": "Pod", "spec": spec})
    except (Careful, DecodeError):
        return None
    apply_defaults(pod)
    return _Mould(pod["spec"])
