"""Decoding a JSON value into a type: the result is what Go would write after reading it into that type.

Called by `schema`; nobody else should need it. Nulls and empty values vanish where the Go field says
`omitempty`, structures that are not pointers appear even when nobody wrote them, quantities and times
become canonical, unknown fields are dropped. Every type has two ways: `fast` knows no paths and gives up
(`Careful`) at the first thing out of order; `careful` then goes over the value again and finds every
problem, in the body's order. Source: sigs.k8s.io/json, encoding/json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.json_text import Repeated
from kubekit.api.meta import deep_copy
from kubekit.api.scalars import DecodeError, decode_base64, json_kind

OMIT: Any = type("Omit", (), {"__repr__": lambda self: "OMIT"})()
"""What a field's decoder returns when the field is left out."""

Fast = Callable[[Any], Any]


class Careful(Exception):
    """The fast way met something out of order."""


CAREFUL = Careful()
_STRICT_LIMIT = 100


class Problems:
    """What the careful way found, and where it stands (Go's field stack and the strict path)."""

    __slots__ = ("error", "path", "stack", "strict", "struct")

    def __init__(self) -> None:
        self.error = ""
        self.strict: list[str] = []
        self.stack: list[str] = []
        self.path: list[str] = []
        self.struct = ""

    def mismatch(self, value: Any, go_name: str, shown: str = "") -> None:
        """Keeps the first type error."""
        if not self.error:
            where = f"struct field {self.struct}.{'.'.join(self.stack)}" if self.stack else "value"
            self.error = (
                f"json: cannot unmarshal {shown or json_kind(value)} into Go {where} of type {go_name}"
            )

    def tell(self, what: str, last: str) -> None:
        """Notes an unknown or duplicate field once."""
        path = "".join(self.path) + ("." + last if self.path else last)
        text = f'{what} field "{path}"'
        if len(self.strict) < _STRICT_LIMIT and text not in self.strict:
            self.strict.append(text)

    def step(self, name: str) -> None:
        """Goes down to a field or a map key."""
        self.path.append("." + name if self.path else name)


class Type:
    """A type as decoding and patching see it. `kind` is struct, list, map, scalar or any."""

    kind = "scalar"
    element: Type | None = None
    map_type = ""
    nullable = False
    fast: Fast
    """The value in stored form; raises Careful for everything doubtful. Each kind of type has its own."""
    plain: type[Any] | None = None  # of texts and booleans: every value of that type stands as it is

    def __init__(self, go_name: str, scalar: str = "") -> None:
        self.go_name = go_name
        self.scalar = scalar
        """Of a scalar: string, integer, number, boolean, quantity, time, int-or-string, bytes, ..."""

    def zero(self) -> Any:
        """What an unset value of this type is written as."""
        return None

    def omitted(self, value: Any) -> bool:
        """Whether omitempty leaves this value out."""
        return value is None

    def careful(self, value: Any, problems: Problems) -> Any:
        """The value in stored form; what is wrong goes to `problems`."""
        return self.fast(value)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.go_name}>"


class Scalar(Type):
    """string, bool, integer or float."""

    def __init__(
        self, go_name: str, scalar: str, python: type[Any], zero: Any, low: float = 0, high: float = 0
    ) -> None:
        super().__init__(go_name, scalar)
        self._python, self._zero, self._low, self._high = python, zero, low, high
        self.plain = python if python in (str, bool) else None

    def zero(self) -> Any:
        return self._zero

    def omitted(self, value: Any) -> bool:
        return not value

    def fast(self, value: Any) -> Any:
        if type(value) is self._python and (not self._high or self._low <= value <= self._high):
            return value
        if self.scalar == "number" and type(value) is int:
            return value
        if value is None:
            return self._zero
        raise CAREFUL

    def careful(self, value: Any, problems: Problems) -> Any:
        try:
            return self.fast(value)
        except Careful:
            number = json_kind(value) == "number" and self.scalar == "integer"
            problems.mismatch(value, self.go_name, f"number {value}" if number else "")
            return self._zero


class Custom(Type):
    """A type with an unmarshaller of its own; its errors end decoding."""

    def __init__(self, go_name: str, scalar: str, decode: Fast, zero: Any) -> None:
        super().__init__(go_name, scalar)
        self._zero = zero
        self.fast = decode

    def zero(self) -> Any:
        return self._zero

    def omitted(self, value: Any) -> bool:
        return False

    def careful(self, value: Any, problems: Problems) -> Any:
        return self.fast(value)


class Bytes(Type):
    """[]byte: base64 text."""

    def omitted(self, value: Any) -> bool:
        return not value

    def fast(self, value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not str:
            raise CAREFUL
        try:
            return decode_base64(value)
        except DecodeError:
            raise CAREFUL from None

    def careful(self, value: Any, problems: Problems) -> Any:
        if value is not None and type(value) is not str:
            problems.mismatch(value, self.go_name)
            return None
        try:
            return None if value is None else decode_base64(value)
        except DecodeError as error:
            problems.error = problems.error or str(error)
            return None


class Anything(Type):
    """Opaque JSON: kept as it is."""

    kind = "any"

    def omitted(self, value: Any) -> bool:
        return False

    def fast(self, value: Any) -> Any:
        return deep_copy(value)


class Pointer(Type):
    """May be null, which means unset; otherwise as its element."""

    nullable = True

    def __init__(self, inner: Type) -> None:
        super().__init__(inner.go_name, inner.scalar)
        self.inner = inner
        self.kind = inner.kind
        self.element = inner.element
        self.map_type = inner.map_type

    def fast(self, value: Any) -> Any:
        return None if value is None else self.inner.fast(value)

    def careful(self, value: Any, problems: Problems) -> Any:
        return None if value is None else self.inner.careful(value, problems)


class List(Type):
    """A slice."""

    kind = "list"

    def __init__(self, element: Type) -> None:
        pointer = "*" if isinstance(element, Pointer) else ""
        super().__init__(f"[]{pointer}{element.go_name}")
        self.element: Type = element
        # Stored and read back, an empty slice is none at all; definitions are stored as JSON, which keeps it.
        self.keeps_empty = isinstance(element, Struct) and element.name.startswith("apiextensions.")

    def omitted(self, value: Any) -> bool:
        return not value

    def fast(self, value: Any) -> Any:
        if type(value) is list:
            if not value:
                return [] if self.keeps_empty else None
            decode = self.element.fast
            return [decode(item) for item in value]
        if value is None:
            return None
        raise CAREFUL

    def careful(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            problems.mismatch(value, self.go_name)
            return None
        found = []
        for position, item in enumerate(value):
            problems.path.append(f"[{position}]")
            found.append(self.element.careful(item, problems))
            problems.path.pop()
        return found if found or self.keeps_empty else None


class Map(Type):
    """A map with text keys."""

    kind = "map"

    def __init__(self, key_name: str, element: Type) -> None:
        super().__init__(f"map[{key_name}]{element.go_name}")
        self.element: Type = element

    def omitted(self, value: Any) -> bool:
        return not value

    def fast(self, value: Any) -> Any:
        if type(value) is dict:
            element = self.element
            if element.plain is not None and {element.plain}.issuperset(map(type, value.values())):
                return value.copy()
            decode = element.fast
            return {key: decode(item) for key, item in value.items()}
        if value is None:
            return None
        raise CAREFUL

    def careful(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            problems.mismatch(value, self.go_name)
            return None
        found: dict[str, Any] = {}
        for key, item in value.pairs if isinstance(value, Repeated) else value.items():
            if key in found:
                problems.tell("duplicate", key)
            problems.step(key)
            found[key] = self.element.careful(item, problems)
            problems.path.pop()
        return found


class Field:
    """A field of a structure, with what patches must know about it."""

    __slots__ = ("default", "list_map_keys", "list_type", "map_type", "name", "omitempty", "omitzero",
                 "patch_merge_key", "patch_strategy", "required", "type")  # fmt: skip

    def __init__(self, name: str, type: Type, flags: str, more: dict[str, Any]) -> None:
        self.name = name
        self.type = type
        self.omitempty = "o" in flags
        self.omitzero = "z" in flags
        self.required = "r" in flags
        self.default: Any = more.get("default")
        self.list_type: str = more.get("list-type", "")
        self.list_map_keys: list[str] = more.get("list-map-keys", [])
        self.map_type: str = more.get("map-type", "") or type.map_type
        self.patch_merge_key: str = more.get("patch-merge-key", "")
        self.patch_strategy: frozenset[str] = frozenset(
            filter(None, more.get("patch-strategy", "").split(","))
        )


class Struct(Type):
    """A structure; its fields are known only after `complete`, so that types may contain themselves."""

    kind = "struct"

    def __init__(self, name: str) -> None:
        _, version, short = name.rsplit(".", 2)
        super().__init__(f"{version}.{short}")
        self.name = name
        self.short = short
        self.fields: dict[str, Field] = {}
        self._fast: dict[str, tuple[str, Fast, Callable[[Any], bool] | None, type[Any] | None]] = {}
        self._fills: list[tuple[str, Any, Struct | None]] = []
        """Fields that appear when nobody wrote them: with which value, or by which structure a new one."""

    def complete(self, fields: dict[str, Field], map_type: str = "") -> None:
        """Sets the fields, in Go's order."""
        self.fields = fields
        self.map_type = map_type
        for name, field in fields.items():
            type, omits = field.type, _is_none if field.omitzero else None
            inner = type if isinstance(type, Struct) else None
            if omits is None and inner is None and field.omitempty:  # a structure is not left out if empty
                omits = type.omitted
            self._fast[name] = (name, type.fast, omits, type.plain)
            if field.omitzero or (field.omitempty and inner is None and type.omitted(type.zero())):
                continue
            # No other zero is a dictionary or a list, which nobody may share.
            self._fills.append((name, None if inner is not None else type.zero(), inner))

    def zero(self) -> dict[str, Any]:
        return {name: value if inner is None else inner.zero() for name, value, inner in self._fills}

    def omitted(self, value: Any) -> bool:
        return False

    def fast(self, value: Any) -> Any:
        if type(value) is not dict:
            if value is None:
                return self.zero()
            raise CAREFUL
        found: dict[str, Any] = {}
        entries = self._fast
        for key, item in value.items():
            entry = entries.get(key)
            if entry is None:
                raise CAREFUL
            name, decode, omits, plain = entry
            if type(item) is plain and (item or omits is None):
                found[name] = item
                continue
            item = decode(item)
            if omits is None or not omits(item):
                found[name] = item
        for name, zero, inner in self._fills:
            if name not in found:
                found[name] = zero if inner is None else inner.zero()
        return found

    def careful(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return self.zero()
        if not isinstance(value, dict):
            problems.mismatch(value, self.go_name)
            return self.zero()
        seen: dict[str, Any] = {}
        for key, item in value.pairs if isinstance(value, Repeated) else value.items():
            field = self.fields.get(key)
            if field is None:
                problems.tell("unknown", key)
                continue
            if key in seen:
                problems.tell("duplicate", key)
            outer, problems.struct = problems.struct, self.short
            problems.stack.append(key)
            problems.step(key)
            decoded = field.type.careful(item, problems)
            problems.path.pop()
            problems.stack.pop()
            problems.struct = outer
            if isinstance(seen.get(key), dict) and isinstance(decoded, dict):
                # A second occurrence is read into the value of the first one.
                decoded = {**seen[key], **decoded}
            seen[key] = decoded
        found = {}
        for key, decoded in seen.items():
            omits = self._fast[key][2]
            if omits is None or not omits(decoded):
                found[key] = decoded
        return found | {name: zero for name, zero in self.zero().items() if name not in found}


def _is_none(value: Any) -> bool:
    return value is None
