"""Rules that all kinds of dynamic resource allocation share: names, lists without repetition, settings.

Called for device classes, claims and slices.
Source: pkg/apis/resource/validation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import dns1123_subdomain, qualified_name
from kubekit.apiserver.validation.volume_sources import csi_driver_name

Rule = Callable[[Any, Path], list[FieldError]]

LONGEST_DOMAIN, LONGEST_ID = 63, 32
LONGEST_POOL = 253
MOST_CONDITIONS = 4
"""Conditions that a device may name before a pod is bound, and again those that say it failed."""
LONGEST_PARAMETERS = 10 * 1024
TAINT_EFFECTS = ("NoExecute", "NoSchedule", "None")
OPERATORS = ("Equal", "Exists")
_HEX = re.compile(r"[0-9a-fA-F]*")
_DASHES = (8, 13, 18, 23)

driver_name = csi_driver_name
"""The name of a driver: as that of a CSI driver."""


# -- lists and maps ------------------------------------------------------------------------------------


def limited(items: Sequence[Any], most: int, rule: Rule, path: Path) -> list[FieldError]:
    """A list of at most so many items (negative: any number); those of a longer one are not looked at."""
    if 0 <= most < len(items):
        return [too_many(path, len(items), most)]
    return [error for place, item in enumerate(items) for error in rule(item, path.index(place))]


def distinct(
    items: Sequence[Any],
    most: int,
    rule: Rule,
    path: Path,
    key: Callable[[Any], Hashable] = lambda item: item.get("name", ""),
) -> list[FieldError]:
    """As `limited`, and no two items with the same key."""
    errors = limited(items, most, rule, path)
    if 0 <= most < len(items):
        return errors
    seen: set[Hashable] = set()
    for place, item in enumerate(items):
        found = key(item)
        if found in seen:
            errors.append(duplicate(path.index(place), found))
        seen.add(found)
    return errors


def text_itself(item: str) -> str:
    """The key of a list of texts."""
    return item


def each_entry(
    entries: Obj, most: int, longest: int, key_rule: Rule, rule: Rule, path: Path
) -> list[FieldError]:
    """A map of at most so many entries; keys are shown shortened when they are longer than `longest`."""
    if 0 <= most < len(entries):
        return [too_many(path, len(entries), most)]
    errors: list[FieldError] = []
    for key in sorted(entries):
        errors += key_rule(key, path)
        errors += rule(entries[key], path.key(shortened(key, longest)))
    return errors


def shortened(text: str, longest: int) -> str:
    """A text without its middle when it is too long.

    >>> shortened("abcdefghijklmnopqrstuvwxyz", 16)
    'abcdefg...uvwxyz'
    """
    longest = max(longest, 16)
    if len(text) <= longest:
        return text
    rest = longest - 3
    return text[: (rest + 1) // 2] + "..." + text[len(text) - rest // 2 :]


# -- names ---------------------------------------------------------------------------------------------


def pool_name(name: str, path: Path) -> list[FieldError]:
    """One or more DNS subdomains with slashes between them."""
    if not name:
        return [required(path)]
    errors = [too_long(path, LONGEST_POOL)] if len(name) > LONGEST_POOL else []
    return errors + [error for part in name.split("/") for error in dns1123_subdomain(part, path)]


def identifier(name: str, path: Path) -> list[FieldError]:
    """A name as in C, not too long."""
    errors = [too_long(path, LONGEST_ID)] if len(name) > LONGEST_ID else []
    return errors + [invalid(path, name, text) for text in formats.c_identifier(name)]


def attribute_name(name: str, path: Path) -> list[FieldError]:
    """An identifier, with the domain of who defined it before a slash. More slashes are not looked at."""
    domain, slash, rest = name.partition("/")
    if not slash:
        return identifier(name, path)
    if "/" in rest:
        return []
    errors = driver_name(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    return errors + (identifier(rest, path) if rest else [invalid(path, "", "the name must not be empty")])


def full_attribute_name(name: str, path: Path) -> list[FieldError]:
    """As `attribute_name`, and the domain is there."""
    errors = attribute_name(name, path)
    if "/" not in name:
        text = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(path, name, text))
    return errors


def uuid(text: str, path: Path) -> list[FieldError]:
    """A UUID in its usual form, in lower case."""
    if problem := _uuid_problem(text):
        return [invalid(path, text, f"error validating uid: {problem}")]
    if len(text) != 36 or text != text.lower():
        wanted = (
            "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase "
            "hexadecimal characters"
        )
        return [invalid(path, text, wanted)]
    return []


def _uuid_problem(text: str) -> str:
    """What the library that reads UUIDs says of a text; it takes three more forms than the usual one."""
    if len(text) == 32:
        return "" if _HEX.fullmatch(text) else "invalid UUID format"
    if len(text) == 45:
        if text[:9].lower() != "urn:uuid:":
            return f'invalid urn prefix: "{text[:9]}"'
        text = text[9:]
    elif len(text) == 38:
        if text[0] != "{" or text[-1] != "}":
            return "invalid bracketed UUID format"
        text = text[1:-1]
    elif len(text) != 36:
        return f"invalid UUID length: {len(text)}"
    digits = "".join(char for place, char in enumerate(text) if place not in _DASHES)
    dashed = all(text[place] == "-" for place in _DASHES)
    return "" if dashed and _HEX.fullmatch(digits) else "invalid UUID format"


# -- what several kinds hold ---------------------------------------------------------------------------


def taint(item: Obj, path: Path, before: Obj | None = None) -> list[FieldError]:
    """A taint of a device; an effect that was there before may stay."""
    errors = qualified_name(item.get("key", ""), path.child("key"))
    if item.get("value"):
        errors += _label_value(item["value"], path.child("value"))
    effect = item.get("effect", "")
    if before is None or before.get("effect", "") != effect:
        if not effect:
            errors.append(required(path.child("effect")))
        elif effect not in TAINT_EFFECTS:
            errors.append(not_supported(path.child("effect"), effect, TAINT_EFFECTS))
    return errors


def toleration(item: Obj, path: Path) -> list[FieldError]:
    """A toleration of taints of devices."""
    key, operator, value = item.get("key", ""), item.get("operator", ""), item.get("value", "")
    errors = qualified_name(key, path.child("key")) if key else []
    if operator == "Exists":
        if value:
            errors.append(invalid(path.child("value"), value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += _label_value(value, path.child("value"))
    elif not operator:
        errors.append(required(path.child("operator")))
    else:
        errors.append(not_supported(path.child("operator"), operator, OPERATORS))
    effect = item.get("effect", "")
    if effect and effect not in TAINT_EFFECTS:
        errors.append(not_supported(path.child("effect"), effect, TAINT_EFFECTS))
    return errors


def _label_value(value: str, path: Path) -> list[FieldError]:
    return [invalid(path, value, text) for text in formats.label_value(value)]


def binding_conditions(holder: Obj, path: Path) -> list[FieldError]:
    """Conditions that must be true before a pod is bound, and those that say that they never will be."""
    ready, failed = holder.get("bindingConditions") or [], holder.get("bindingFailureConditions") or []
    at, at_failed = path.child("bindingConditions"), path.child("bindingFailureConditions")
    errors = limited(ready, MOST_CONDITIONS, qualified_name, at)
    errors += limited(failed, MOST_CONDITIONS, qualified_name, at_failed)
    errors += [duplicate(at.index(place), one) for place, one in enumerate(ready) if one in ready[:place]]
    for place, one in enumerate(failed):
        if one in failed[:place]:
            errors.append(duplicate(at_failed.index(place), one))
        if one in ready:
            text = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(invalid(at_failed.index(place), one, text))
    if failed and not ready:
        text = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(at, holder.get("bindingConditions"), text))
    if ready and not failed:
        text = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(at_failed, holder.get("bindingFailureConditions"), text))
    return errors


def configuration(holder: Obj, path: Path, stored: bool = False) -> list[FieldError]:
    """Settings that only the driver understands; `stored` ones were accepted before and may be long."""
    opaque, at = holder.get("opaque"), path.child("opaque")
    if opaque is None:
        return [required(at)]
    errors = driver_name(opaque.get("driver", ""), at.child("driver"))
    return errors + raw_object(
        opaque.get("parameters"), at.child("parameters"), -1 if stored else LONGEST_PARAMETERS
    )


def raw_object(value: Any, path: Path, longest: int) -> list[FieldError]:
    """Any JSON object, at most so many bytes long (negative: of any length)."""
    if value is None:
        return [required(path)]
    if 0 <= longest < len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()):
        return [too_long(path, longest)]
    if not isinstance(value, dict):
        return [invalid(path, "<value omitted>", "must be a valid JSON object")]
    return []
