"""The client: Kubernetes' verbs as Python methods, over any `Handler`.

A component is given one `Client` and reaches the cluster through nothing else. Each method makes one
`Request`, hands it to the handler and returns the body; an answer that is not 2xx is raised as a
`StatusError`. The objects that come back are shared with everybody else in the process: read them, and make
a changed copy when something must be different. Retries, caches and watches that survive belong elsewhere
(`reflector`, `informer`, `workqueue`), never here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kubekit.api.exchange import Handler, Request, Response, UserInfo, WatchStream
from kubekit.api.meta import Obj
from kubekit.api.resources import Resource, by_plural
from kubekit.api.status_error import StatusError

Items = list[Any]
"""Inside the class `list` is a verb."""

STRATEGIC_MERGE = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

PROPAGATION = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
}


@lru_cache(maxsize=512)
def resource_of(name: str) -> Resource:
    """The resource that a plural, `plural.group`, kind or short name stands for; raises KeyError."""
    found = by_plural(name)
    if found is None:
        raise KeyError(f"no resource is called {name!r}")
    return found


def failure_of(response: Response) -> StatusError:
    """The error that a refused request stands for, whatever shape the body has."""
    body = response.body
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except ValueError:
            body = {"message": body.decode(errors="replace") if isinstance(body, bytes) else body}
    if not isinstance(body, dict) or body.get("kind") != "Status":
        text = body.get("message", "") if isinstance(body, dict) else ""
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": text or f"the server answered {response.status}",
            "reason": "Unknown",
            "code": response.status,
        }
    return StatusError(body)


class Client:
    """The verbs, for one user and one program name.

    `user` (already authenticated, in process) travels with every request; a handler that goes over a socket
    has its own credentials and ignores it. `name` becomes the request's source and its User-Agent.
    """

    def __init__(
        self, handler: Handler, *, user: UserInfo | None = None, name: str = "kube-controller-manager"
    ) -> None:
        self.handler = handler
        self.user = user
        self.name = name
        self._headers = {"user-agent": name, "accept": "application/json"}
        self._write_headers = {**self._headers, "content-type": "application/json"}

    def __repr__(self) -> str:
        return f"Client({self.name})"

    def named(self, name: str) -> Client:
        """The same user and handler under another program name."""
        return Client(self.handler, user=self.user, name=name)

    # -- reading ----------------------------------------------------------------------------------------

    def get(
        self,
        resource: Resource | str,
        name: str,
        namespace: str | None = None,
        subresource: str | None = None,
    ) -> Obj:
        """One object. Raises StatusError (404 when it is not there)."""
        return self._call("GET", self._path(resource, namespace, name, subresource))

    def find(self, resource: Resource | str, name: str, namespace: str | None = None) -> Obj | None:
        """One object, or None when the server does not find it."""
        try:
            return self.get(resource, name, namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self,
        resource: Resource | str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
    ) -> Obj:
        """A list object, with `items` and `metadata.resourceVersion`."""
        query: dict[str, list[str]] = {}
        if label_selector:
            query["labelSelector"] = [label_selector]
        if field_selector:
            query["fieldSelector"] = [field_selector]
        if limit:
            query["limit"] = [str(limit)]
        if continue_:
            query["continue"] = [continue_]
        if resource_version:
            query["resourceVersion"] = [resource_version]
        return self._call("GET", self._path(resource, namespace, None, None), query)

    def watch(
        self,
        resource: Resource | str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> WatchStream:
        """The stream of events after `resource_version`. Raises StatusError when the watch is refused."""
        query: dict[str, list[str]] = {"watch": ["true"]}
        if label_selector:
            query["labelSelector"] = [label_selector]
        if field_selector:
            query["fieldSelector"] = [field_selector]
        if resource_version:
            query["resourceVersion"] = [resource_version]
        if allow_bookmarks:
            query["allowWatchBookmarks"] = ["true"]
        if send_initial_events:
            query["sendInitialEvents"] = ["true"]
            query["resourceVersionMatch"] = ["NotOlderThan"]
        path = self._path(resource, namespace, None, None)
        answer = self.handler(Request("GET", path, query, self._headers, None, self.user, self.name))
        if isinstance(answer, WatchStream):
            return answer
        raise failure_of(answer)

    # -- writing ----------------------------------------------------------------------------------------

    def create(
        self,
        resource: Resource | str,
        obj: Obj,
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
        **query: str,
    ) -> Obj:
        """Create `obj`; with `name` and `subresource`, post to a subresource (bindings, evictions).

        The namespace defaults to the object's own. Further keywords are query parameters
        (`dryRun="All"`, `fieldManager=...`, `fieldValidation="Strict"`).
        """
        if namespace is None:
            namespace = obj.get("metadata", {}).get("namespace")
        path = self._path(resource, namespace, name, subresource)
        return self._call("POST", path, {k: [v] for k, v in query.items()}, obj)

    def update(self, resource: Resource | str, obj: Obj, *, subresource: str | None = None) -> Obj:
        """Replace the object of that name; raises StatusError 409 when its resourceVersion is stale."""
        meta = obj["metadata"]
        path = self._path(resource, meta.get("namespace"), meta["name"], subresource)
        return self._call("PUT", path, None, obj)

    def patch(
        self,
        resource: Resource | str,
        name: str,
        patch: Obj | Items,
        namespace: str | None = None,
        *,
        patch_type: str = STRATEGIC_MERGE,
        subresource: str | None = None,
        **query: str,
    ) -> Obj:
        """Change a part of an object. For server-side apply give `patch_type=APPLY` and `fieldManager`."""
        path = self._path(resource, namespace, name, subresource)
        headers = {**self._headers, "content-type": patch_type}
        return self._call("PATCH", path, {k: [v] for k, v in query.items()}, patch, headers)

    def delete(
        self,
        resource: Resource | str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str | None = None,
        grace_seconds: int | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> Obj:
        """Delete an object; the last two are preconditions. Returns the object or a Status."""
        path = self._path(resource, namespace, name, None)
        body = delete_options(propagation, grace_seconds, uid, resource_version)
        return self._call("DELETE", path, None, body)

    def delete_collection(
        self,
        resource: Resource | str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation: str | None = None,
        grace_seconds: int | None = None,
    ) -> Obj:
        """Delete every object that matches."""
        query: dict[str, list[str]] = {}
        if label_selector:
            query["labelSelector"] = [label_selector]
        if field_selector:
            query["fieldSelector"] = [field_selector]
        path = self._path(resource, namespace, None, None)
        return self._call("DELETE", path, query, delete_options(propagation, grace_seconds))

    # -- anything else ----------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Items] | None = None,
        body: Obj | Items | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One raw request; the response is returned whatever its status. Not for watches."""
        sent = {**(self._headers if body is None else self._write_headers), **(headers or {})}
        answer = self.handler(
            Request(method, path, dict(query) if query else {}, sent, body, self.user, self.name)
        )
        if isinstance(answer, WatchStream):
            answer.close()
            raise TypeError(f"{method} {path} answers with a stream: use watch()")
        return answer

    # -- inside -----------------------------------------------------------------------------------------

    def _path(
        self, resource: Resource | str, namespace: str | None, name: str | None, subresource: str | None
    ) -> str:
        if isinstance(resource, str):
            resource = resource_of(resource)
        return resource.path(namespace if resource.namespaced else None, name, subresource)

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, Items] | None = None,
        body: Obj | Items | None = None,
        headers: dict[str, str] | None = None,
    ) -> Obj:
        if headers is None:
            headers = self._headers if body is None else self._write_headers
        answer = self.handler(
            Request(method, path, query if query is not None else {}, headers, body, self.user, self.name)
        )
        if isinstance(answer, WatchStream):
            answer.close()
            raise TypeError(f"{method} {path} answers with a stream: use watch()")
        self.on_answer(method, path, answer)
        if answer.status >= 300:
            raise failure_of(answer)
        return answer.json()

    def on_answer(self, method: str, path: str, response: Response) -> None:
        """Called with each answer before it is returned or raised; a subclass may take notes."""


def delete_options(
    propagation: str | None = None,
    grace_seconds: int | None = None,
    uid: str | None = None,
    resource_version: str | None = None,
) -> Obj | None:
    """A DeleteOptions object, or None when nothing is asked for."""
    options: Obj = {}
    if propagation is not None:
        options["propagationPolicy"] = PROPAGATION.get(propagation.lower(), propagation)
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    conditions: Obj = {}
    if uid is not None:
        conditions["uid"] = uid
    if resource_version is not None:
        conditions["resourceVersion"] = resource_version
    if conditions:
        options["preconditions"] = conditions
    if not options:
        return None
    return {"kind": "DeleteOptions", "apiVersion": "v1", **options}
