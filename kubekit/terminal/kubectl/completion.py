"""What may come next on a kubectl command line: verbs, flags, resource types, names of objects.

`complete(program, line)` takes what stands after the word kubectl and returns whole words for its last,
unfinished one. Asks the server for names as the learner would, and answers nothing when it cannot.
Source: k8s.io/kubectl/pkg/util/completion.
"""

from __future__ import annotations

import shlex

from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, Unreachable
from kubekit.terminal.cli.flags import Flag
from kubekit.terminal.kubectl.call import meta
from kubekit.terminal.kubectl.connection import Connection
from kubekit.terminal.kubectl.global_flags import GLOBAL_FLAGS
from kubekit.terminal.kubectl.kubeconfig import choose
from kubekit.terminal.kubectl.program import Kubectl

_TYPED = {
    "get",
    "describe",
    "delete",
    "label",
    "annotate",
    "patch",
    "edit",
    "scale",
    "autoscale",
    "expose",
    "wait",
    "explain",
    "status",
    "history",
    "undo",
    "restart",
    "pause",
    "resume",
    "image",
    "env",
    "resources",
    "serviceaccount",
}
_NAMED = {
    "logs": "pods",
    "exec": "pods",
    "attach": "pods",
    "debug": "pods",
    "port-forward": "pods",
    "cordon": "nodes",
    "uncordon": "nodes",
    "drain": "nodes",
    "approve": "certificatesigningrequests",
    "deny": "certificatesigningrequests",
}
_VALUES = {
    "output": ["yaml", "json", "wide", "name", "jsonpath=", "custom-columns="],
    "dry-run": ["client", "server", "none"],
    "cascade": ["background", "foreground", "orphan"],
}


def _words(line: str) -> tuple[list[str], str]:
    """(finished words, the unfinished last one)."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    if line and not line[-1].isspace() and words:
        return words[:-1], words[-1]
    return words, ""


def _flags(command: Command) -> list[Flag]:
    return [*command.flags, *GLOBAL_FLAGS]


def _arguments(command: Command, rest: list[str]) -> tuple[list[str], Flag | None]:
    """(arguments without flags and their values, the flag that waits for its value)."""
    flags = _flags(command)
    args: list[str] = []
    waiting: Flag | None = None
    for word in rest:
        if waiting is not None:
            waiting = None
        elif word.startswith("-"):
            name = word.lstrip("-")
            found = next((one for one in flags if name in (one.name, one.short)), None)
            if found is not None and found.kind != "bool" and found.bare is None and "=" not in word:
                waiting = found
        else:
            args.append(word)
    return args, waiting


class _Names:
    """Asks the server."""

    def __init__(self, program: Kubectl, rest: list[str]) -> None:
        self.program = program
        self.chosen = choose(program.config, {})
        namespace = self.chosen.namespace
        for index, word in enumerate(rest[:-1] if rest else []):
            if word in ("-n", "--namespace"):
                namespace = rest[index + 1]
        for word in rest:
            if word.startswith("--namespace="):
                namespace = word.partition("=")[2]
        self.namespace = namespace
        self.connection = Connection(program.handler, user=program.user, server=program.server)
        program.discovery.start(self.connection)

    def types(self) -> list[str]:
        """Plurals and short names."""
        found = self.program.discovery.preferred()
        return sorted({one.plural for one in found} | {short for one in found for short in one.short_names})

    def objects(self, word: str) -> list[str]:
        """Names of the objects of a type."""
        resource = self.program.discovery.find(word)
        scope = self.namespace if resource.namespaced else None
        return sorted(meta(obj)["name"] for obj in self.connection.items(resource, scope))


def complete(program: Kubectl, line: str) -> list[str]:
    """Words that may stand in the place of the last one, sorted."""
    words, last = _words(line)
    command, _, rest = program.find(words)
    try:
        found = _candidates(program, command, rest, last)
    except (StatusError, CommandError, Unreachable):
        return []
    return sorted({word for word in found if word.startswith(last)})


def _candidates(program: Kubectl, command: Command, rest: list[str], last: str) -> list[str]:
    args, waiting = _arguments(command, rest)
    if waiting is not None:
        if waiting.name == "namespace":
            return _Names(program, rest).objects("namespaces")
        return _VALUES.get(waiting.name, [])
    if last.startswith("-"):
        name, equals, _ = last.lstrip("-").partition("=")
        if equals:
            return [f"--{name}={value}" for value in _VALUES.get(name, [])]
        return [f"--{flag.name}" for flag in _flags(command) if not flag.hidden]
    if command.commands and not args:
        inside = [one.name for one in command.commands if not one.hidden]
        if command.run is None:
            return inside
    if command.name in _NAMED:
        return _Names(program, rest).objects(_NAMED[command.name])
    if command.name == "taint":
        return ["nodes"] if not args else _Names(program, rest).objects("nodes")
    if command.name in _TYPED:
        names = _Names(program, rest)
        if "/" in last:
            kind = last.partition("/")[0]
            return [f"{kind}/{name}" for name in names.objects(kind)]
        if not args:
            return names.types()
        return [] if "/" in args[0] else [name for name in names.objects(args[0]) if name not in args[1:]]
    return []
