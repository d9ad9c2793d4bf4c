"""What a body may cost: how deep it may nest, and how much YAML's anchors may make of it.

A small text can hold a structure that no walk through it survives: brackets by the thousand, or anchors
that repeat each other a billion times over. `check` is called once after parsing and raises `TooMuch` in
the decoders' words.
Source: `maxNestingDepth` in encoding/json, `allowedAliasRatio` in go-yaml.
"""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 128
"""Levels of nesting. The original stops at 10,000; nothing that people write comes near either number."""
FREE, LOW, HIGH = 1_000, 400_000, 4_000_000
"""Nodes, with repeats: below FREE all may be repeats, up to LOW 99 %, from HIGH on 10 %."""


class TooMuch(Exception):
    """The text is the decoder's."""


def may_be_deep(body: bytes) -> bool:
    """Whether a JSON text has brackets enough to be too deep: cheap, and seldom true."""
    return body.count(b"{") + body.count(b"[") > MAX_DEPTH


def check_depth(value: Any) -> None:
    """Raise TooMuch when a value nests too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise TooMuch("exceeded max depth")


def check_repeats(value: Any) -> None:
    """Raise TooMuch when shared parts make a value far larger than its text; nothing is walked twice."""
    sizes: dict[int, int] = {}
    open_ids: set[int] = set()
    stack: list[tuple[Any, bool]] = [(value, False)]
    distinct = 0
    while stack:
        one, done = stack.pop()
        if not isinstance(one, (dict, list)):
            continue
        inner = list(one.values()) if isinstance(one, dict) else one
        if done:
            open_ids.discard(id(one))
            sizes[id(one)] = 1 + sum(sizes.get(id(item), 1) for item in inner)
            distinct += 1 + sum(1 for item in inner if not isinstance(item, (dict, list)))
        elif id(one) in open_ids:
            raise TooMuch("anchor value contains itself")
        elif id(one) not in sizes:
            open_ids.add(id(one))
            stack.append((one, True))
            stack += [(item, False) for item in inner]
    total = sizes.get(id(value), 1)
    share = (total - distinct) / total
    allowed = 0.99 if total <= LOW else 0.10 if total >= HIGH else 0.99 - 0.89 * (total - LOW) / (HIGH - LOW)
    if total > FREE and share > allowed:
        raise TooMuch("document contains excessive aliasing")


def check_text(value: Any) -> None:
    """Raise TooMuch when a string holds half of a surrogate pair, which no UTF-8 can say."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if any(0xD800 <= ord(char) <= 0xDFFF for char in one):
                raise TooMuch("found invalid Unicode character escape code")
        elif isinstance(one, (dict, list)) and id(one) not in seen:
            seen.add(id(one))
            stack += [*one, *one.values()] if isinstance(one, dict) else one
