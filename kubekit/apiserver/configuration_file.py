"""Configuration files: what is given to the API server beside its flags, as the original's YAML files.

`read(source, ...)` takes a path, the text itself, or the object already, and gives the object, whose
apiVersion and kind it has checked. Everything wrong with such a file is a `ConfigurationError`: one
sentence, in the words with which the original refuses to start. Upstream: apiserver/pkg/server/options,
apimachinery's strict decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kubekit.api.field_path import FieldError
from kubekit.api.status_error import StatusError

Obj = dict[str, Any]
Source = str | Path | Mapping[str, Any]
"""A path to a file, YAML or JSON text (anything of several lines, or that begins with a brace), an object."""


class ConfigurationError(ValueError):
    """What is wrong with a configuration file, in the original's words."""


def read(source: Source, what: str, versions: Iterable[str], kind: str) -> Obj:
    """The object in a configuration file; `what` names the file in complaints. Raises ConfigurationError."""
    if isinstance(source, Mapping):
        value: Any = dict(source)
    else:
        value = _parsed(_text(source, what), what)
    if not isinstance(value, dict):
        raise ConfigurationError(f"{what}: an object of kind {kind} is needed, not {type(value).__name__}")
    given, api = value.get("kind"), value.get("apiVersion")
    if not given or not api:
        missing = "Kind" if not given else "apiVersion"
        raise ConfigurationError(f"{what}: Object '{missing}' is missing in what was given")
    if given != kind or api not in tuple(versions):
        raise ConfigurationError(f'{what}: no kind "{given}" is registered for version "{api}" here')
    return value


def _text(source: str | Path, what: str) -> str:
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return source
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(f"{what}: open {source}: {why}") from None


def _parsed(text: str, what: str) -> Any:
    from kubekit.apiserver.endpoints.body import from_yaml

    try:
        return from_yaml(text.encode())
    except StatusError as error:
        raise ConfigurationError(f"{what}: {error.message}") from None


def expect(value: Any, kind: type, where: str, what: str) -> Any:
    """The value, which must be of a type (None stands for an empty one). Raises ConfigurationError."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
        raise ConfigurationError(f"{what}: {where} must be {names[kind]}, not {value!r}")
    return value


def only(value: Obj, known: Iterable[str], where: str, what: str) -> None:
    """Refuse fields that are not known, as the strict decoder does."""
    unknown = [key for key in value if key not in tuple(known)]
    if unknown:
        prefix = f"{where}." if where else ""
        listed = ", ".join(f'unknown field "{prefix}{key}"' for key in unknown)
        raise ConfigurationError(f"{what}: strict decoding error: {listed}")


def refuse(problems: list[FieldError], what: str) -> None:
    """Raise ConfigurationError for field errors, if there are any; several stand in brackets."""
    texts = list(dict.fromkeys(str(problem) for problem in problems))
    if texts:
        raise ConfigurationError(f"{what}: " + (texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"))
