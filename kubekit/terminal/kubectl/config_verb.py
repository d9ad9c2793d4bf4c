"""`kubectl config`: look at a kubeconfig and change it - contexts, clusters, users, single values.

Without --kubeconfig it is the notebook's own, in memory.
Source: k8s.io/kubectl/pkg/cmd/config.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.meta import deep_copy
from kubekit.terminal.cli import tabwriter
from kubekit.terminal.cli.command import Command, help_text
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import kubeconfig, output
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.config_property import place_of, value_of
from kubekit.terminal.kubectl.examples import with_examples

_OMITTED = {"certificate-authority-data", "client-certificate-data", "client-key-data"}
_REDACTED = {"token", "password"}
_ORDER = {
    "cluster": (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority",
        "certificate-authority-data",
    ),
    "context": ("cluster", "user", "namespace"),
    "user": (
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "username",
        "password",
    ),
}


def _path(call: Call) -> str:
    return str(call.flags.get("kubeconfig") or "")


def _shown_path(call: Call) -> str:
    return _path(call) or "the notebook's kubeconfig"


def _load(call: Call) -> Obj:
    return call.program.config_for(call.flags)


def _save(call: Call, config: Obj) -> None:
    if _path(call):
        kubeconfig.save(call.files, _path(call), {**config, "preferences": config.get("preferences") or {}})
    else:
        call.program.config.clear()
        call.program.config.update(config)


def _tidy(config: Obj) -> Obj:
    """Entries sorted by name, empty values left out, as the original writes it."""
    out: Obj = {"apiVersion": "v1", "kind": "Config", "current-context": config.get("current-context") or ""}
    for part, inner in kubeconfig.PARTS.items():
        rows = []
        for one in sorted(config.get(part) or [], key=lambda entry: str(entry.get("name"))):
            value = one.get(inner) or {}
            ordered = [key for key in _ORDER[inner] if key in value] + [
                key for key in value if key not in _ORDER[inner]
            ]
            rows.append(
                {
                    "name": one.get("name"),
                    inner: {key: value[key] for key in ordered if value[key] not in ("", False, None)},
                }
            )
        out[part] = rows or None
    return out


def view(call: Call) -> None:
    """`kubectl config view`."""
    if call.args:
        raise call.usage(f"unexpected arguments: [{' '.join(call.args)}]")
    config = _tidy(deep_copy(_load(call)))
    if call.flag("minify"):
        config = _minified(call, config)
    if not call.flag("raw") and not call.flag("flatten"):
        for part, inner in kubeconfig.PARTS.items():
            for one in config[part] or []:
                for key in one[inner]:
                    if key in _OMITTED:
                        one[inner][key] = "DATA+OMITTED"
                    elif key in _REDACTED:
                        one[inner][key] = "REDACTED"
    if not call.flag("output"):
        call.flags["output"] = "yaml"
    printer = output.printer_for(call, typed=True, columns=False)
    order = ("kind", "apiVersion", "clusters", "users", "contexts", "current-context")
    if printer is not None:
        call.out(printer({key: config[key] for key in order}), end="")


def _minified(call: Call, config: Obj) -> Obj:
    name = call.flags.get("context") or config["current-context"]
    if not name:
        raise CommandError("current-context must exist in order to minify")
    context = kubeconfig.entry(config, "contexts", name)
    if context is None:
        raise CommandError(f"cannot locate context {name}")
    keep = {"contexts": name, "clusters": context.get("cluster"), "users": context.get("user")}
    for part, wanted in keep.items():
        config[part] = [one for one in config[part] or [] if one["name"] == wanted]
    return {**config, "current-context": name}


def current_context(call: Call) -> None:
    """`kubectl config current-context`."""
    name = _load(call).get("current-context")
    if not name:
        raise CommandError("current-context is not set")
    call.out(name)


def get_contexts(call: Call) -> None:
    """`kubectl config get-contexts [NAME]`."""
    config = _load(call)
    if call.flag("output") not in ("", "name"):
        raise CommandError(
            f"--output {call.flag('output')} is not available in kubectl config get-contexts; resetting to"
            " default output format"
        )
    names = call.args or sorted(one["name"] for one in config.get("contexts") or [])
    missing = [name for name in names if kubeconfig.entry(config, "contexts", name) is None]
    if call.flag("output") == "name":
        call.out("".join(f"{name}\n" for name in names if name not in missing), end="")
    else:
        rows = [] if call.flag("no-headers") else [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
        for name in names:
            context = kubeconfig.entry(config, "contexts", name)
            if context is not None:
                mark = "*" if name == config.get("current-context") else ""
                rows.append(
                    [
                        mark,
                        name,
                        context.get("cluster", ""),
                        context.get("user", ""),
                        context.get("namespace", ""),
                    ]
                )
        call.out(tabwriter.table(rows), end="")
    call.fail_all(CommandError(f"context {name} not found") for name in missing)


def get_clusters(call: Call) -> None:
    """`kubectl config get-clusters`."""
    call.out("NAME\n" + "".join(f"{one['name']}\n" for one in _load(call).get("clusters") or []), end="")


def get_users(call: Call) -> None:
    """`kubectl config get-users`."""
    names = sorted(one["name"] for one in _load(call).get("users") or [])
    call.out("NAME\n" + "".join(f"{name}\n" for name in names), end="")


def use_context(call: Call) -> None:
    """`kubectl config use-context NAME`."""
    _count(call, 1)
    config = _load(call)
    if kubeconfig.entry(config, "contexts", call.args[0]) is None:
        raise CommandError(f'no context exists with the name: "{call.args[0]}"')
    _save(call, {**config, "current-context": call.args[0]})
    call.out(f'Switched to context "{call.args[0]}".')


def _merge(old: Obj | None, call: Call, keys: tuple[str, ...]) -> Obj:
    value = dict(old or {})
    for key in keys:
        if key in call.given:
            value[key] = call.flags[key]
            if value[key] in ("", False):
                value.pop(key)
    return value


def set_context(call: Call) -> None:
    """`kubectl config set-context NAME | --current`."""
    config = deep_copy(_load(call))
    if call.flag("current") and call.args:
        raise CommandError("you cannot specify both a context name and --current")
    if call.flag("current"):
        name = config.get("current-context") or ""
        if not name:
            raise CommandError("no current context is set")
    elif len(call.args) == 1:
        name = call.args[0]
    else:
        raise CommandError("you must specify a non-empty context name or --current")
    value = _merge(kubeconfig.entry(config, "contexts", name), call, ("cluster", "user", "namespace"))
    new = kubeconfig.put(config, "contexts", name, value)
    _save(call, config)
    call.out(f'Context "{name}" {"created" if new else "modified"}.')


def set_cluster(call: Call) -> None:
    """`kubectl config set-cluster NAME --server=URL`."""
    name = _one(call)
    config = deep_copy(_load(call))
    keys = ("server", "certificate-authority", "insecure-skip-tls-verify", "tls-server-name", "proxy-url")
    kubeconfig.put(config, "clusters", name, _merge(kubeconfig.entry(config, "clusters", name), call, keys))
    _save(call, config)
    call.out(f'Cluster "{name}" set.')


def set_credentials(call: Call) -> None:
    """`kubectl config set-credentials NAME --token=T`."""
    name = _one(call)
    config = deep_copy(_load(call))
    keys = ("client-certificate", "client-key", "token", "username", "password")
    if call.flag("token") and (call.flag("username") or call.flag("password")):
        raise CommandError(
            "you cannot specify more than one authentication method at the same time: --token,"
            " --username/--password"
        )
    kubeconfig.put(config, "users", name, _merge(kubeconfig.entry(config, "users", name), call, keys))
    _save(call, config)
    call.out(f'User "{name}" set.')


def _one(call: Call) -> str:
    _count(call, 1)
    return str(call.args[0])


def _count(call: Call, wanted: int) -> None:
    """A wrong number of arguments gets the command's help and an error."""
    if len(call.args) != wanted:
        call.out(help_text(call.command, call.path), end="")
        word = "unexpected" if call.command.name == "set-credentials" else "Unexpected"
        raise CommandError(f"{word} args: [{' '.join(call.args)}]")


def set_(call: Call) -> None:
    """`kubectl config set PROPERTY VALUE`."""
    _count(call, 2)
    config = deep_copy(_load(call))
    where, key = place_of(config, call.args[0])
    where[key] = value_of(key, call.args[1])
    _save(call, config)
    call.out(f'Property "{call.args[0]}" set.')


def unset(call: Call) -> None:
    """`kubectl config unset PROPERTY`."""
    path = _one(call)
    config = deep_copy(_load(call))
    parts = path.split(".")
    if len(parts) == 2 and parts[0] in kubeconfig.PARTS:
        kubeconfig.drop(config, parts[0], parts[1])
    else:
        where, key = place_of(config, path)
        where.pop(key, None)
    _save(call, config)
    call.out(f'Property "{path}" unset.')


def rename_context(call: Call) -> None:
    """`kubectl config rename-context OLD NEW`."""
    _count(call, 2)
    old, new = call.args
    config = deep_copy(_load(call))
    value = kubeconfig.entry(config, "contexts", old)
    if value is None:
        raise CommandError(f'cannot rename the context "{old}", it\'s not in {_shown_path(call)}')
    if kubeconfig.entry(config, "contexts", new) is not None:
        raise CommandError(
            f'cannot rename the context "{old}", the context "{new}" already exists in {_shown_path(call)}'
        )
    kubeconfig.drop(config, "contexts", old)
    kubeconfig.put(config, "contexts", new, value)
    if config.get("current-context") == old:
        config["current-context"] = new
    _save(call, config)
    call.out(f'Context "{old}" renamed to "{new}".')


def _delete(part: str, noun: str) -> Any:
    def run(call: Call) -> None:
        if len(call.args) != 1 and part != "users":
            call.out(help_text(call.command, call.path), end="")
            return
        name = _one(call)
        config = deep_copy(_load(call))
        if part == "contexts" and config.get("current-context") == name:
            call.warn(
                'this removed your active context, use "kubectl config use-context" to select a different one'
            )
        if not kubeconfig.drop(config, part, name):
            raise CommandError(f"cannot delete {noun} {name}, not in {_shown_path(call)}")
        _save(call, config)
        call.out(f"deleted {noun} {name} from {_shown_path(call)}")

    return run


COMMAND = Command(
    "config SUBCOMMAND",
    "Modify kubeconfig files",
    None,
    commands=[
        Command("current-context [flags]", "Display the current-context", current_context),
        Command(
            "delete-cluster NAME",
            "Delete the specified cluster from the kubeconfig",
            _delete("clusters", "cluster"),
        ),
        Command(
            "delete-context NAME",
            "Delete the specified context from the kubeconfig",
            _delete("contexts", "context"),
        ),
        Command(
            "delete-user NAME", "Delete the specified user from the kubeconfig", _delete("users", "user")
        ),
        Command("get-clusters [flags]", "Display clusters defined in the kubeconfig", get_clusters),
        Command(
            "get-contexts [(-o|--output=)name)]",
            "Describe one or many contexts",
            get_contexts,
            [boolean("no-headers", "Without the first line."), string("output", "name.", "o")],
        ),
        Command("get-users [flags]", "Display users defined in the kubeconfig", get_users),
        Command(
            "rename-context CONTEXT_NAME NEW_NAME",
            "Rename a context from the kubeconfig file",
            rename_context,
        ),
        Command("set PROPERTY_NAME PROPERTY_VALUE", "Set an individual value in a kubeconfig file", set_),
        Command(
            "set-cluster NAME [--server=server]",
            "Set a cluster entry in kubeconfig",
            set_cluster,
            [string("proxy-url", "A proxy for the server."), boolean("embed-certs", "Ignored.")],
        ),
        Command(
            "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname]"
            " [--namespace=namespace]",
            "Set a context entry in kubeconfig",
            set_context,
            [boolean("current", "Change the current context.")],
        ),
        Command(
            "set-credentials NAME [--token=bearer_token]",
            "Set a user entry in kubeconfig",
            set_credentials,
            [boolean("embed-certs", "Ignored.")],
        ),
        Command("unset PROPERTY_NAME", "Unset an individual value in a kubeconfig file", unset),
        Command(
            "use-context CONTEXT_NAME",
            "Set the current-context in a kubeconfig file",
            use_context,
            aliases=("use",),
        ),
        Command(
            "view [flags]",
            "Display merged kubeconfig settings or a specified kubeconfig file",
            view,
            [
                *output.output_flags(),
                boolean("flatten", "With the data of what it refers to."),
                boolean("merge", "Ignored.", default=True),
                boolean("minify", "Only what the current context needs."),
                boolean("raw", "With secrets."),
            ],
        ),
    ],
)
with_examples(COMMAND)
