"""The formats of names: DNS labels and subdomains, label keys and values, ports, environment names, percents.

Each function returns the list of what is wrong in the server's own words; an empty list means valid. The
callers (`selectors`, validation) put the words behind a field path. Lengths are counted in UTF-8 bytes.
Source: k8s.io/apimachinery/pkg/util/validation, pkg/api/validate/content.
"""

from __future__ import annotations

import functools
import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_UNDERSCORE = _LABEL_UNDERSCORE + r"(\." + _LABEL_UNDERSCORE + ")*"
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(" + _QUALIFIED + ")?"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_WILDCARD = r"\*\." + _SUBDOMAIN
_PERCENT = "[0-9]+%"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_MUST = "must consist of lower case alphanumeric characters"
_ENDS = "and must start and end with an alphanumeric character"

label_match = re.compile(_LABEL).fullmatch
subdomain_match = re.compile(_SUBDOMAIN).fullmatch
_qualified_match = re.compile(_QUALIFIED).fullmatch
_label_value_match = re.compile(_LABEL_VALUE).fullmatch


def max_length(limit: int) -> str:
    """Too many characters."""
    return f"must be no more than {limit} characters"


def max_bytes(limit: int) -> str:
    """Too many bytes: the words of the newer, declarative checks (label keys and values among them)."""
    return f"must be no more than {limit} bytes"


def in_range(value: int, low: int, high: int) -> list[str]:
    """A number that must lie between two bounds, both allowed."""
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """How a mismatch is told: the rule, examples, the pattern."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def _long(value: str, limit: int) -> bool:
    return len(value) > limit or (not value.isascii() and len(value.encode()) > limit)


def dns1123_label(value: str) -> list[str]:
    """Up to 63 lower case letters, digits and inner hyphens."""
    if label_match(value) and len(value) <= 63:
        return []
    errors = [max_length(63)] if _long(value, 63) else []
    if not label_match(value):
        if subdomain_match(value):
            errors.append("must not contain dots")
        else:
            text = f"a lowercase RFC 1123 label {_MUST} or '-', {_ENDS}"
            errors.append(regex_error(text, _LABEL, "my-name", "123-abc"))
    return errors


def dns1123_subdomain(value: str) -> list[str]:
    """DNS labels joined with dots, up to 253 characters."""
    if len(value) <= 253 and subdomain_match(value):
        return []
    errors = [max_length(253)] if _long(value, 253) else []
    if not subdomain_match(value):
        text = f"a lowercase RFC 1123 subdomain {_MUST}, '-' or '.', {_ENDS}"
        errors.append(regex_error(text, _SUBDOMAIN, "example.com"))
    return errors


def dns1123_subdomain_with_underscore(value: str) -> list[str]:
    """As a subdomain, underscores allowed (search domains of a pod)."""
    errors = [max_length(253)] if _long(value, 253) else []
    if not re.fullmatch(_SUBDOMAIN_UNDERSCORE, value):
        text = f"a lowercase RFC 1123 subdomain {_MUST}, '_', '-' or '.', {_ENDS}"
        errors.append(regex_error(text, _SUBDOMAIN_UNDERSCORE, "example.com"))
    return errors


def dns1035_label(value: str) -> list[str]:
    """A DNS label that starts with a letter (the names of services)."""
    errors = [max_length(63)] if _long(value, 63) else []
    if not re.fullmatch(_DNS1035, value):
        text = (
            f"a DNS-1035 label {_MUST} or '-', start with an alphabetic character, "
            "and end with an alphanumeric character"
        )
        errors.append(regex_error(text, _DNS1035, "my-name", "abc-123"))
    return errors


def wildcard_subdomain(value: str) -> list[str]:
    """`*.` and a subdomain."""
    errors = [max_length(253)] if _long(value, 253) else []
    if not re.fullmatch(_WILDCARD, value):
        text = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
            f"{_MUST}, '-' or '.' and end with an alphanumeric character"
        )
        errors.append(regex_error(text, _WILDCARD, "*.example.com"))
    return errors


@functools.lru_cache(maxsize=4096)
def label_key_problems(value: str) -> tuple[str, ...]:
    """As `label_key`; remembered, and for those who only look."""
    errors: list[str] = []
    parts = value.split("/")
    if len(parts) == 1:
        name = parts[0]
    elif len(parts) == 2:
        prefix, name = parts
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            errors += [
                "prefix part " + text.replace(max_length(253), max_bytes(253))
                for text in dns1123_subdomain(prefix)
            ]
    else:
        text = (
            "a valid label key must consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        more = regex_error(text, _QUALIFIED, "MyName", "my.name", "123-abc")
        return (more + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    if not name:
        errors.append("name part must be non-empty")
    elif _long(name, 63):
        errors.append("name part " + max_bytes(63))
    if not _qualified_match(name):
        text = (
            "name part must consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        errors.append(regex_error(text, _QUALIFIED, "MyName", "my.name", "123-abc"))
    return tuple(errors)


def label_key(value: str) -> list[str]:
    """A qualified name: an optional DNS prefix and `/`, then up to 63 letters, digits, `-`, `_`, `.`."""
    return list(label_key_problems(value))


@functools.lru_cache(maxsize=4096)
def label_value_problems(value: str) -> tuple[str, ...]:
    """As `label_value`; remembered, and for those who only look."""
    errors = [max_bytes(63)] if _long(value, 63) else []
    if not _label_value_match(value):
        text = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        errors.append(regex_error(text, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return tuple(errors)


def label_value(value: str) -> list[str]:
    """Empty, or up to 63 letters, digits, `-`, `_`, `.`."""
    return list(label_value_problems(value))


def c_identifier(value: str) -> list[str]:
    """A name as in C."""
    if re.fullmatch(_C_IDENTIFIER, value):
        return []
    text = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of "
        "alphanumeric characters or '_'"
    )
    return [regex_error(text, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def port_number(value: int) -> list[str]:
    """1 to 65535."""
    return in_range(value, 1, 65535)


def port_name(value: str) -> list[str]:
    """Up to 15 lower case letters, digits, single inner hyphens; at least one letter."""
    errors = [max_length(15)] if _long(value, 15) else []
    if not re.fullmatch("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value and "-" in (value[0], value[-1]):
        errors.append("must not begin or end with a hyphen")
    return errors


def percent(value: str) -> list[str]:
    """`25%`."""
    if re.fullmatch(_PERCENT, value):
        return []
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_error(text, _PERCENT, "1%", "93%")]


def http_header_name(value: str) -> list[str]:
    """The name of an HTTP header."""
    if re.fullmatch(_HTTP_HEADER, value):
        return []
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(text, _HTTP_HEADER, "X-Header-Name")]


def relaxed_env_name(value: str) -> list[str]:
    """The name of an environment variable: printable ASCII without `=`."""
    errors = [] if value else ["environment variable name must be non-empty"]
    if any(ord(char) > 126 or ord(char) < 32 or char == "=" for char in value):
        errors.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return errors


def env_name(value: str) -> list[str]:
    """The stricter name of an environment variable, used where it was always strict."""
    errors = []
    if not re.fullmatch(_ENV_NAME, value):
        text = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', "
            "'-', or '.', "
            "and must not start with a digit"
        )
        errors.append(regex_error(text, _ENV_NAME, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return errors + _parent_folder(value)


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret."""
    errors = [max_length(253)] if _long(value, 253) else []
    if not re.fullmatch(_CONFIG_KEY, value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(regex_error(text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _parent_folder(value)


def http_path(value: str) -> list[str]:
    """The path behind a domain prefix."""
    return [] if re.fullmatch(_HTTP_PATH, value) else [regex_error("Invalid path", _HTTP_PATH)]


def _parent_folder(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []
