"""A kubeconfig: clusters, users, contexts, and which of them a command line means.

In a notebook it exists in memory only, with one context for the current cluster; `--kubeconfig FILE` reads
another one through the same `Files`. Called by the program for every command and by the `config` verbs.
Source: client-go/tools/clientcmd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.terminal.cli import yaml_load, yaml_text
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.files import Files

PARTS = {"clusters": "cluster", "contexts": "context", "users": "user"}


def empty() -> Obj:
    """A kubeconfig without entries."""
    return {
        "apiVersion": "v1",
        "clusters": [],
        "contexts": [],
        "current-context": "",
        "kind": "Config",
        "preferences": {},
        "users": [],
    }


def single(
    server: str, user: str = "kubernetes-admin", cluster: str = "kubernetes", namespace: str = ""
) -> Obj:
    """A kubeconfig with one context, as kubeadm writes it."""
    context: Obj = {"cluster": cluster, "user": user}
    if namespace:
        context["namespace"] = namespace
    return {
        **empty(),
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "contexts": [{"name": f"{user}@{cluster}", "context": context}],
        "current-context": f"{user}@{cluster}",
        "users": [{"name": user, "user": {}}],
    }


def load(files: Files, path: str) -> Obj | None:
    """The file's kubeconfig; None if there is no such file."""
    try:
        text = files.read(path)
    except (FileNotFoundError, IsADirectoryError):
        return None
    try:
        value = yaml_load.load(text)
    except yaml_load.ManifestError as error:
        raise CommandError(f'error loading config file "{path}": {error}') from None
    found = {**empty(), **(value if isinstance(value, dict) else {})}
    for part in PARTS:
        found[part] = found.get(part) or []
    return found


def save(files: Files, path: str, config: Obj) -> None:
    """Writes the kubeconfig."""
    files.write(path, yaml_text.dump(config))


def entry(config: Obj, part: str, name: str) -> Obj | None:
    """The inside of a named cluster, context or user."""
    for one in config.get(part) or []:
        if one.get("name") == name:
            found: Obj = one.setdefault(PARTS[part], {})
            return found
    return None


def put(config: Obj, part: str, name: str, value: Obj) -> bool:
    """Creates or replaces an entry, keeping names sorted; True if it is new."""
    listed: list[Obj] = config.setdefault(part, [])
    for one in listed:
        if one.get("name") == name:
            one[PARTS[part]] = value
            return False
    listed.append({"name": name, PARTS[part]: value})
    listed.sort(key=lambda one: str(one.get("name")))
    return True


def drop(config: Obj, part: str, name: str) -> bool:
    """Removes an entry; False if there is none."""
    before = len(config.get(part) or [])
    config[part] = [one for one in config.get(part) or [] if one.get("name") != name]
    return len(config[part]) < before


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command line uses of a kubeconfig."""

    server: str
    namespace: str
    user: str
    cluster: str


def choose(config: Obj, flags: dict[str, Any]) -> Chosen:
    """Resolves --context, --cluster, --user and --namespace against a kubeconfig."""
    name = flags.get("context") or config.get("current-context") or ""
    context: Obj = {}
    if name:
        found = entry(config, "contexts", name)
        if found is None and flags.get("context"):
            raise CommandError(
                f"Error in configuration: context was not found for specified context: {name}", prefix=False
            )
        context = found or {}
    cluster_name = flags.get("cluster") or context.get("cluster", "")
    cluster = entry(config, "clusters", cluster_name) if cluster_name else None
    if cluster is None and flags.get("cluster"):
        raise CommandError(f'cluster "{cluster_name}" does not exist')
    user = flags.get("user") or ""
    # Some verbs have a --user of their own, which may be given again and is a list.
    if isinstance(user, str) and user and entry(config, "users", user) is None:
        raise CommandError(f'auth info "{user}" does not exist')
    server = flags.get("server") or (cluster or {}).get("server", "") or "localhost:8080"
    namespace = flags.get("namespace") or context.get("namespace") or "default"
    return Chosen(server, namespace, flags.get("user") or context.get("user", ""), cluster_name)
