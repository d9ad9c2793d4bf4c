"""`kubectl create configmap | secret`: objects that hold data, from literals, files and env files.

Source: k8s.io/kubectl/pkg/cmd/create (create_configmap.go, create_secret*.go), pkg/util/hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator

from kubekit.api import formats
from kubekit.api.exchange import Obj
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, boolean, listing, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.generate import create_flags, metadata, one_name, required, submit

_HASH_LETTERS = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})


def _literals(call: Call) -> Iterator[tuple[str, str]]:
    for literal in call.flag("from-literal") or []:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise CommandError(f"invalid literal source {literal}, expected key=value")
        yield key, value.strip("\"'") if value[:1] in "\"'" and value[:1] == value[-1:] else value


def _from_files(call: Call, noun: str) -> Iterator[tuple[str, str]]:
    for source in call.flag("from-file") or []:
        if source.count("=") > 1:
            raise CommandError("key names or file paths cannot contain '='")
        key, equals, path = source.partition("=")
        if equals and not key:
            raise CommandError(f"key name for file path {path} missing")
        if equals and not path:
            raise CommandError(f"file path for key name {key} missing")
        path = path if equals else source
        if not call.files.exists(path):
            raise CommandError(f"error reading {path}: no such file or directory")
        if call.files.is_folder(path):
            if equals:
                raise CommandError("cannot give a key name for a directory path")
            for name in call.files.listing(path):
                inner = f"{path.rstrip('/')}/{name}"
                if not call.files.is_folder(inner) and not formats.config_key(name):
                    yield name, call.files.read(inner)
            continue
        yield key if equals else path.rstrip("/").rpartition("/")[2], call.files.read(path)


def _env_files(call: Call) -> Iterator[tuple[str, str]]:
    for path in call.flag("from-env-file") or []:
        if not call.files.exists(path):
            raise CommandError(f"error reading {path}: no such file or directory")
        for line in call.files.read(path).splitlines():
            line = line.lstrip()
            if not line or line.startswith("#"):
                continue
            key, equals, value = line.partition("=")
            if problems := formats.env_name(key):
                raise CommandError(f'"{key}" is not a valid key name: {";".join(problems)}')
            if equals:
                yield key, value


def _collected(call: Call, noun: str) -> dict[str, str]:
    if call.flag("from-env-file") and (call.flag("from-file") or call.flag("from-literal")):
        raise CommandError("from-env-file cannot be combined with from-file or from-literal")
    data: dict[str, str] = {}
    for key, value in [*_from_files(call, noun), *_literals(call), *_env_files(call)]:
        problems = formats.config_key(key)
        if problems and noun == "configmap":
            raise CommandError(f'"{key}" is not a valid key name for a ConfigMap: {",".join(problems)}')
        if problems:
            raise CommandError(f'"{key}" is not valid key name for a Secret {";".join(problems)}')
        if key in data and noun == "configmap":
            raise CommandError(
                f'cannot add key "{key}", another key by that name already exists in Data for ConfigMap'
                f' "{call.args[0]}"'
            )
        if key in data:
            raise CommandError(f"cannot add key {key}, another key by that name already exists")
        data[key] = value
    return data


def _hashed(call: Call, obj: Obj, content: Obj) -> None:
    """--append-hash: the name tells the content."""
    if call.flag("append-hash"):
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        letters = hashlib.sha256(text.encode()).hexdigest()[:10].translate(_HASH_LETTERS)
        obj["metadata"]["name"] += f"-{letters}"


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def config_map(call: Call) -> None:
    """`kubectl create configmap NAME --from-literal=k=v --from-file=f`."""
    name = one_name(call)
    data = _collected(call, "configmap")
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(call, name),
        **({"data": data} if data else {}),
    }
    _hashed(call, obj, {"data": dict(sorted(data.items())) or "", "kind": "ConfigMap", "name": name})
    submit(call, obj, failure="failed to create configmap: ")


def _secret(call: Call, name: str, data: dict[str, str], kind: str) -> None:
    encoded = {key: _encode(value) for key, value in data.items()}
    obj: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(call, name)}
    obj |= {"data": encoded} if encoded else {}
    obj |= {"type": kind} if kind else {}
    _hashed(
        call, obj, {"data": dict(sorted(encoded.items())) or "", "kind": "Secret", "name": name, "type": kind}
    )
    submit(call, obj, failure="failed to create secret ")


def secret_generic(call: Call) -> None:
    """`kubectl create secret generic NAME --from-literal=k=v`."""
    name = one_name(call)
    _secret(call, name, _collected(call, "secret"), call.flag("type"))


def secret_tls(call: Call) -> None:
    """`kubectl create secret tls NAME --cert=f --key=f`."""
    name = one_name(call)
    if not call.flag("cert") or not call.flag("key"):
        raise CommandError("key and cert must be specified")
    data = {}
    for key, flag in (("tls.crt", "cert"), ("tls.key", "key")):
        path = call.flag(flag)
        if not call.files.exists(path):
            raise CommandError(f"Cannot read file {path}, open {path}: no such file or directory")
        data[key] = call.files.read(path)
    for text in data.values():
        if not re.search(r"-----BEGIN [A-Z ]+-----", text):
            raise CommandError("tls: failed to find any PEM data in certificate input")
    _secret(call, name, data, "kubernetes.io/tls")


def secret_registry(call: Call) -> None:
    """`kubectl create secret docker-registry NAME --docker-username=u --docker-password=p`."""
    name = one_name(call)
    if call.flag("from-file"):
        data = dict(_from_files(call, "secret"))
        data = {".dockerconfigjson": next(iter(data.values()))}
    else:
        user, password, server = (call.flag(f"docker-{word}") for word in ("username", "password", "server"))
        if not user or not password or not server:
            raise CommandError(
                "either --from-file or the combination of --docker-username, --docker-password and"
                " --docker-server is required"
            )
        entry = {"username": user, "password": password}
        if call.flag("docker-email"):
            entry["email"] = call.flag("docker-email")
        entry["auth"] = _encode(f"{user}:{password}")
        data = {".dockerconfigjson": json.dumps({"auths": {server: entry}}, separators=(",", ":"))}
    _secret(call, name, data, "kubernetes.io/dockerconfigjson")


def _data_flags() -> list[Flag]:
    return [
        *create_flags(),
        boolean("append-hash", "Append a hash of the content to the name."),
        listing("from-file", "A file, or key=file, or a folder."),
        array("from-literal", "key=value."),
        listing("from-env-file", "A file of key=value lines."),
    ]


COMMANDS = [
    Command(
        "configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1]"
        " [--dry-run=server|client|none]",
        "Create a config map from a local file, directory or literal value",
        config_map,
        _data_flags(),
        aliases=("cm",),
    ),
    Command(
        "secret (docker-registry | generic | tls)",
        "Create a secret using a specified subcommand",
        None,
        commands=[
            Command(
                "docker-registry NAME --docker-username=user --docker-password=password --docker-email=email"
                " [--docker-server=string] [--from-file=[key=]source] [--dry-run=server|client|none]",
                "Create a secret for use with a Docker registry",
                secret_registry,
                [
                    *create_flags(),
                    boolean("append-hash", "Append a hash of the content to the name."),
                    string("docker-email", "Email."),
                    string("docker-password", "Password."),
                    string("docker-server", "Server.", default="https://index.docker.io/v1/"),
                    string("docker-username", "User name."),
                    listing("from-file", "A .dockerconfigjson file."),
                ],
            ),
            Command(
                "generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]"
                " [--dry-run=server|client|none]",
                "Create a secret from a local file, directory, or literal value",
                secret_generic,
                [*_data_flags(), string("type", "The secret's type.")],
            ),
            Command(
                "tls NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none]",
                "Create a TLS secret",
                secret_tls,
                [
                    *create_flags(),
                    boolean("append-hash", "Append a hash of the content to the name."),
                    string("cert", "The certificate's file."),
                    string("key", "The key's file."),
                ],
            ),
        ],
    ),
]

__all__ = ["COMMANDS", "required"]
