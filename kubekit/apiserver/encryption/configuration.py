"""EncryptionConfiguration (apiserver.config.k8s.io/v1): which resources are encrypted, how, with which keys.

`load(source, random)` reads and checks the file and gives an `Encryption`, which knows the transformer of
each resource: the one of its own name, else that of its group ("*.apps", "*." for the core group), else that
of "*.*", else none. Raises ConfigurationError in the words with which the original refuses to start.
Upstream: apiserver/pkg/server/options/encryptionconfig/config.go,
apis/apiserver/validation/validation_encryption.go.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kubekit.api.field_path import OMIT, FieldError, Path, invalid, required
from kubekit.apiserver.configuration_file import ConfigurationError, Source, expect, only, read, refuse
from kubekit.apiserver.encryption.providers import PROVIDERS, Random
from kubekit.apiserver.encryption.transformers import IDENTITY, Prefixed, Transformer

Obj = dict[str, Any]
Group = tuple[str, str]
"""(resource, group)."""

WHAT = "error while parsing file"
VERSIONS = ("apiserver.config.k8s.io/v1",)
ANY: Group = ("*", "*")
_OVERLAP = (
    "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as "
    "they will "
    "be masked"
)
_TWICE = "the same resource cannot be specified multiple times"
_NONE = "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity"
_SEVERAL = "more than one provider specified in a single element, should split into different list elements"
_KMS = (
    "kms is not supported here: it needs a program of its own that holds the key; "
    "use aescbc, aesgcm or secretbox"
)
_NO_API = ("apiserveripinfo", "serviceipallocations", "servicenodeportallocations")


class Encryption:
    """The transformer of each resource."""

    def __init__(self, transformers: dict[Group, Transformer]) -> None:
        self._transformers = transformers

    def of(self, group: str, resource: str) -> Transformer:
        """What is done to the values of a resource."""
        for one in ((resource, group), ("*", group), ANY):
            if one in self._transformers:
                return self._transformers[one]
        return IDENTITY


def load(source: Source, random: Random) -> Encryption:
    """Read an EncryptionConfiguration; `random(n)` gives n random bytes. Raises ConfigurationError."""
    config = read(source, WHAT, VERSIONS, "EncryptionConfiguration")
    entries = _checked(config)
    found: dict[Group, list[tuple[bytes, Transformer]]] = {}
    for entry in entries:
        made = [_provider(provider, random) for provider in entry["providers"]]
        for text in entry["resources"]:
            one = parse_resource(text)
            for mask in (("*", one[1]), ANY):
                if mask in found:
                    raise ConfigurationError(
                        f'error while building transformers: resource "{text}" is masked by earlier rule '
                        f'"{mask[0]}.{mask[1]}"'
                    )
            found.setdefault(one, []).extend(made)
    return Encryption({one: Prefixed(made, "no matching prefix found") for one, made in found.items()})


def parse_resource(text: str) -> Group:
    """``deployments.apps`` as (resource, group)."""
    resource, _, group = text.partition(".")
    return resource, group


def _provider(provider: Obj, random: Random) -> tuple[bytes, Transformer]:
    field, body = next((key, value) for key, value in provider.items() if value is not None)
    if field == "identity":
        return b"", IDENTITY
    make, _, name = PROVIDERS[field]
    keys: list[tuple[bytes, Transformer]] = [
        (f"{key['name']}:".encode(), make(base64.b64decode(key["secret"]), random)) for key in body["keys"]
    ]
    otherwise = f"no matching key was found for the provided {name} transformer"
    return f"k8s:enc:{field}:v1:".encode(), Prefixed(keys, otherwise)


# -- checks ---------------------------------------------------------------------------------------------


def _checked(config: Obj) -> list[Obj]:
    only(config, ("apiVersion", "kind", "metadata", "resources"), "", WHAT)
    root = Path("resources")
    entries: list[Obj] = expect(config.get("resources"), list, "resources", WHAT)
    problems = [] if entries else [required(root, "at least one resources is required")]
    for place, entry in enumerate(entries):
        here = root.index(place)
        entry = expect(entry, dict, str(here), WHAT)
        only(entry, ("resources", "providers"), str(here), WHAT)
        names = [expect(n, str, f"{here}.resources", WHAT) for n in _list(entry, "resources", here)]
        if not names:
            problems.append(
                required(here.child("resources"), f"at least one {here.child('resources')} is required")
            )
        problems += _overlap(names, here.child("resources"))
        for number, name in enumerate(names):
            problems += _name(name, here.child("resources").index(number))
        providers = _list(entry, "providers", here)
        if not providers:
            problems.append(
                required(here.child("providers"), f"at least one {here.child('providers')} is required")
            )
        for number, provider in enumerate(providers):
            problems += _check_provider(provider, here.child("providers").index(number))
    refuse(problems, WHAT)
    return entries


def _list(entry: Obj, field: str, here: Path) -> list[Any]:
    found: list[Any] = expect(entry.get(field), list, f"{here}.{field}", WHAT)
    return found


def _overlap(names: list[str], path: Path) -> list[FieldError]:
    groups = [parse_resource(name) for name in names]
    shown = list(names)
    problems = []
    if len(set(groups)) < len(groups):
        problems.append(invalid(path, shown, _TWICE))
    different = set(groups)
    masked = len(groups) > 1 and any(
        a == ANY or (a[1] == b[1] and "*" in (a[0], b[0])) for a in different for b in different - {a}
    )
    if masked:
        problems.append(invalid(path, shown, _OVERLAP))
    return problems


def _name(name: str, path: Path) -> list[FieldError]:
    resource, group = parse_resource(name)
    if name != name.lower():
        return [invalid(path, name, "resource name should not contain capital letters")]
    if name == "*":
        why = "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
    elif name in _NO_API:
        why = "resources which do not have REST API/s cannot be encrypted"
    elif group == "events.k8s.io":
        why = (
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' "
            "instead in "
            "the config file"
        )
    elif group == "extensions":
        why = "'extensions' group has been removed and cannot be used for encryption"
    elif group == "*" and resource != "*":
        why = "encrypting the same resource across groups is not supported"
    else:
        return []
    return [invalid(path, name, why)]


def _check_provider(provider: Any, path: Path) -> list[FieldError]:
    provider = expect(provider, dict, str(path), WHAT)
    only(provider, (*PROVIDERS, "identity", "kms"), str(path), WHAT)
    given = [key for key, value in provider.items() if value is not None]
    if len(given) != 1:
        return [invalid(path, OMIT, _SEVERAL if given else _NONE)]
    field = given[0]
    if field == "kms":
        raise ConfigurationError(f"{WHAT}: {path.child('kms')}: {_KMS}")
    body = expect(provider[field], dict, str(path.child(field)), WHAT)
    if field == "identity":
        only(body, (), str(path.child(field)), WHAT)
        return []
    only(body, ("keys",), str(path.child(field)), WHAT)
    here = path.child(field, "keys")
    keys = expect(body.get("keys"), list, str(here), WHAT)
    if not keys:
        return [required(here, "at least one keys is required")]
    lengths = PROVIDERS[field][1]
    return [problem for n, key in enumerate(keys) for problem in _check_key(key, here.index(n), lengths)]


def _check_key(key: Any, path: Path, lengths: tuple[int, ...]) -> list[FieldError]:
    key = expect(key, dict, str(path), WHAT)
    only(key, ("name", "secret"), str(path), WHAT)
    problems = []
    if not expect(key.get("name"), str, str(path.child("name")), WHAT):
        problems.append(required(path.child("name"), "name is a mandatory field for a key"))
    secret = expect(key.get("secret"), str, str(path.child("secret")), WHAT)
    if not secret:
        return [*problems, required(path.child("secret"), "secret is a mandatory field for a key")]
    try:
        data = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return [*problems, invalid(path.child("secret"), "REDACTED", "secrets must be base64 encoded")]
    if len(data) not in lengths:
        allowed = " ".join(str(length) for length in lengths)
        why = f"secret is not of the expected length, got {len(data)}, expected one of [{allowed}]"
        problems.append(invalid(path.child("secret"), "REDACTED", why))
    return problems
