"""The parameters of operations: which a verb has, of what type, and what each is for.

`query("list")` gives the parameters of a verb's options by name; `path(name, kind)` one that stands in the
path. A parameter is an object of the OpenAPI v3 document. The words for deletions come from the reference
release's own documentation, the others are short ones of our own. Upstream: the options of
apimachinery/pkg/apis/meta/v1 and core/v1, as apiserver/pkg/endpoints/installer.go turns them into parameters.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from kubekit.api.field_docs import field_doc

Obj = dict[str, Any]

_LIST = {
    "labelSelector": "string",
    "fieldSelector": "string",
    "watch": "boolean",
    "allowWatchBookmarks": "boolean",
    "resourceVersion": "string",
    "resourceVersionMatch": "string",
    "timeoutSeconds": "integer",
    "limit": "integer",
    "continue": "string",
    "sendInitialEvents": "boolean",
    "shardSelector": "string",
}
_WRITE = {"dryRun": "string", "fieldManager": "string", "fieldValidation": "string"}
_DELETE = {
    "gracePeriodSeconds": "integer",
    "orphanDependents": "boolean",
    "propagationPolicy": "string",
    "dryRun": "string",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "boolean",
}
_PRETTY = {"pretty": "string"}
_ATTACH = {
    "stdin": "boolean",
    "stdout": "boolean",
    "stderr": "boolean",
    "tty": "boolean",
    "container": "string",
}

OPTIONS: dict[str, dict[str, str]] = {
    "get": _PRETTY,
    "list": _PRETTY | _LIST,
    "watch": _PRETTY | _LIST,
    "watchlist": _PRETTY | _LIST,
    "post": _PRETTY | _WRITE,
    "put": _PRETTY | _WRITE,
    "patch": _PRETTY | _WRITE | {"force": "boolean"},
    "delete": _PRETTY | _DELETE,
    "deletecollection": _PRETTY
    | _DELETE
    | {name: kind for name, kind in _LIST.items() if name not in ("watch", "allowWatchBookmarks")},
    "log": _PRETTY
    | {
        "container": "string",
        "follow": "boolean",
        "previous": "boolean",
        "sinceSeconds": "integer",
        "timestamps": "boolean",
        "tailLines": "integer",
        "limitBytes": "integer",
        "insecureSkipTLSVerifyBackend": "boolean",
        "stream": "string",
    },
    "attach": _ATTACH,
    "exec": _ATTACH | {"command": "string"},
    "portforward": {"ports": "integer"},
    "proxy": {"path": "string"},
}
"""Action, or subresource with options of its own -> parameter -> type."""

_WORDS = {
    "allowWatchBookmarks": "Ask a watch for events of type BOOKMARK, which only tell how far it has come.",
    "command": "The command and its arguments; given once for each of them. No shell is involved.",
    "container": "The container of the pod. May be left out if it has only one.",
    "continue": "What the last answer of a limited list gave as `continue`: go on from there.",
    "dryRun": "`All`: go through every stage, but store nothing.",
    "fieldManager": "The name of the program or person that makes the change, kept in managedFields.",
    "fieldSelector": "Choose objects by their fields. Without it, all are chosen.",
    "fieldValidation": "Unknown and duplicate fields: `Ignore` them, `Warn` (unless said) or be `Strict`.",
    "follow": "Go on with the log as it is written.",
    "force": "Take over fields that other managers own. Only for apply patches.",
    "insecureSkipTLSVerifyBackend": "Do not verify the certificate of the kubelet that has the log.",
    "labelSelector": "Choose objects by their labels. Without it, all are chosen.",
    "limit": "The most objects that one answer may hold; `continue` of its metadata leads to the next.",
    "limitBytes": "End the log after so many bytes.",
    "name": "name of the {}",
    "namespace": "object name and auth scope, such as for teams and projects",
    "path": "path to the resource",
    "ports": "The ports to forward. Needed when the connection is a WebSocket.",
    "pretty": "If 'true', the output is printed for people.",
    "previous": "The log of the container's life before this one.",
    "resourceVersion": "Which state of the objects may or must be answered from.",
    "resourceVersionMatch": "How `resourceVersion` is meant: `Exact` or `NotOlderThan`.",
    "sendInitialEvents": "Begin a watch with events for all objects that exist, and a bookmark after them.",
    "shardSelector": "Choose a part of the objects by a hash of one of their fields.",
    "sinceSeconds": "Only what was logged in the last so many seconds.",
    "stderr": "Connect the error output of the container.",
    "stdin": "Connect the input of the container.",
    "stdout": "Connect the output of the container.",
    "stream": "Which output of the container: `All` (the default), `Stdout` or `Stderr`.",
    "tailLines": "Begin with so many lines from the end of the log.",
    "timeoutSeconds": "End the list or watch after so many seconds, whatever happens meanwhile.",
    "timestamps": "Begin each line with its time.",
    "tty": "Run the command on a terminal.",
    "watch": "Answer with a stream of changes instead of a list.",
}


@cache
def query(action: str) -> dict[str, Obj]:
    """The query parameters of an action (`get`, `deletecollection`, `exec`), by name."""
    deletes = action in ("delete", "deletecollection")
    found = {}
    for name, kind in OPTIONS[action].items():
        words = _WORDS.get(name, "")
        if deletes and name in _DELETE:
            words = field_doc("meta_v1", "DeleteOptions", name) or words
        found[name] = _parameter(name, "query", kind, words)
    return found


def path(name: str, kind: str) -> Obj:
    """A parameter of the path: `name` of a kind, `namespace`, or the rest of the `path` of a proxy."""
    return {**_parameter(name, "path", "string", _WORDS[name].format(kind)), "required": True}


def _parameter(name: str, place: str, kind: str, words: str) -> Obj:
    found: Obj = {"description": words} if words else {}
    return found | {"in": place, "name": name, "schema": {"type": kind, "uniqueItems": True}}
