"""One kubectl's way to the API server: requests with its name, its user, impersonation, and the warnings
heard.

Called by every verb. Whatever is not 2xx is raised as a `StatusError`, a server that does not answer as
`Unreachable`. Objects that come back may be shared with the server: copy before changing.
Source: client-go/rest, cli-runtime/pkg/resource/helper.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubekit.api.exchange import Handler, Obj, Request, Response, UserInfo, WatchStream
from kubekit.api.field_path import go_quote
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client.rest_client import failure_of
from kubekit.terminal.cli.errors import Unreachable
from kubekit.terminal.kubectl.request_log import RequestLog

AGENT = "kubectl/v1.36.2 (kubekit)"
TABLE = ",".join(
    [
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/json",
    ]
)
_WARNING = re.compile(r'299 \S+ "((?:\\.|[^"\\])*)"')


class Connection:
    """Requests of one command line."""

    def __init__(
        self,
        handler: Handler,
        *,
        user: UserInfo | None = None,
        server: str = "",
        impersonate: dict[str, str] | None = None,
        warn: Callable[[str], None] | None = None,
        log: RequestLog | None = None,
    ) -> None:
        self.handler, self.user, self.server, self._log = handler, user, server, log
        self.headers = {"user-agent": AGENT, "accept": "application/json", **(impersonate or {})}
        self._warn = warn or (lambda text: None)
        self._warned: set[str] = set()

    def send(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Response | WatchStream:
        """One request; whatever comes back."""
        asked = {
            key: [str(item) for item in value] if isinstance(value, list) else [str(value)]
            for key, value in (query or {}).items()
            if value not in ("", None)
        }
        sent = {**self.headers, **(headers or {})}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        request = Request(method, path, asked, sent, body, self.user, "kubectl")
        if self._log is not None:
            self._log.asked(request)
        try:
            answer = self.handler(request)
        except ConnectionError:
            raise Unreachable(self.server) from None
        if self._log is not None:
            self._log.answered(request, answer)
        for key, value in answer.headers.items():
            if key.lower() == "warning":
                self._hear(value)
        return answer

    def _hear(self, header: Any) -> None:
        # The same warning is told once per command line.
        for text in _WARNING.findall(", ".join(header) if isinstance(header, list) else str(header)):
            words = text.replace('\\"', '"').replace("\\\\", "\\")
            if words not in self._warned:
                self._warned.add(words)
                self._warn(words)

    def warn(self, text: str) -> None:
        """Tells the learner something that is no failure."""
        self._warn(text)

    def raw(self, method: str, path: str, about: tuple[Resource, str] | None = None, **more: Any) -> Response:
        """One request; StatusError unless it is 2xx. `about`: what generic refusals should name."""
        answer = self.send(method, path, **more)
        if isinstance(answer, WatchStream):
            answer.close()
            raise ValueError(f"{method} {path} answers with a stream")
        if answer.status >= 300:
            raise _failure(answer, method, about)
        return answer

    def json(self, method: str, path: str, **more: Any) -> Obj:
        """One request; the object that came back."""
        return self.raw(method, path, **more).json()

    # -- verbs ------------------------------------------------------------------------------------------

    def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        subresource: str | None = None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Obj:
        """One object (or its Table, with the right accept header)."""
        path = resource.path(namespace, name, subresource)
        return self.json(
            "GET", path, about=None if subresource else (resource, name), query=query, headers=headers
        )

    def find(self, resource: Resource, namespace: str | None, name: str) -> Obj | None:
        """One object, or None when there is none of that name."""
        try:
            return self.get(resource, namespace, name)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def listing(
        self,
        resource: Resource,
        namespace: str | None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Obj:
        """A list (or its Table); a refusal says what was looked for, as the original adds."""
        try:
            path = resource.path(namespace)
            return self.json("GET", path, about=(resource, ""), query=query, headers=headers)
        except StatusError as error:
            if error.code not in (400, 404):
                raise
            subject = f'"{resource.group}/{resource.version}, Resource={resource.plural}"'
            labels, fields = ((query or {}).get(key) or "" for key in ("labelSelector", "fieldSelector"))
            if labels or fields:
                head = (
                    f"Unable to find {subject} that match label selector {go_quote(labels)}, field"
                    f" selector {go_quote(fields)}"
                )
            else:
                head = f"Unable to list {subject}"
            raise StatusError({**error.status, "message": f"{head}: {error.message}"}) from None

    def items(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
    ) -> list[Obj]:
        """Every object that matches, with kind and apiVersion filled in."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found = self.json("GET", resource.path(namespace), query=query)
        return [typed(item, resource) for item in found.get("items") or []]

    def create(self, resource: Resource, namespace: str | None, obj: Obj, **query: Any) -> Obj:
        """Create an object."""
        return self.json("POST", resource.path(namespace), about=(resource, ""), body=obj, query=query)

    def replace(
        self,
        resource: Resource,
        namespace: str | None,
        obj: Obj,
        subresource: str | None = None,
        **query: Any,
    ) -> Obj:
        """Replace an object (or a subresource of it)."""
        return self.json(
            "PUT", resource.path(namespace, obj["metadata"]["name"], subresource), body=obj, query=query
        )

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Any,
        kind: str = "application/strategic-merge-patch+json",
        subresource: str | None = None,
        **query: Any,
    ) -> Obj:
        """Change a part of an object."""
        path = resource.path(namespace, name, subresource)
        about = None if subresource else (resource, name)
        return self.json("PATCH", path, about=about, body=patch, query=query, headers={"content-type": kind})

    def delete(self, resource: Resource, namespace: str | None, name: str, options: Obj | None = None) -> Obj:
        """Delete an object. `options`: a DeleteOptions body."""
        return self.json("DELETE", resource.path(namespace, name), about=(resource, name), body=options)

    def watch(self, path: str, query: dict[str, Any], headers: dict[str, str] | None = None) -> WatchStream:
        """A stream of events; StatusError when it is refused."""
        answer = self.send("GET", path, query={**query, "watch": "true"}, headers=headers)
        if isinstance(answer, WatchStream):
            return answer
        raise failure_of(answer)


_GENERIC = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    403: ("Forbidden", "the server does not allow access to the requested resource"),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    409: ("Conflict", "the server reported a conflict"),
    415: (
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: ",
    ),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: (
        "Timeout",
        "the server was unable to return a response in the time allotted, but may still be processing the"
        " request",
    ),
}


def _failure(answer: Response, method: str, about: tuple[Resource, str] | None) -> StatusError:
    """The server's own Status, or what the client library says of an answer that is none."""
    found = failure_of(answer)
    if found.reason != "Unknown" or answer.status not in _GENERIC:
        return found
    reason, text = _GENERIC[answer.status]
    if about is not None:
        resource, name = about
        text += f" ({method.lower()} {resource.qualified}{' ' + name if name else ''})"
    return StatusError({**found.status, "reason": reason, "message": text})


def typed(obj: Obj, resource: Resource) -> Obj:
    """The object with the kind and apiVersion that items of a list lack."""
    if obj.get("kind") and obj.get("apiVersion"):
        return obj
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
