"""Refusals: the Status objects the API answers with, as exceptions.

Raised anywhere below the API server's outermost filter, which turns them into answers; raised again by the
client for every answer that is not 2xx. One constructor a reason, with the texts of the original. Resources
are named as `Resource` values or as their qualified text (`deployments.apps`).
Source: k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.api.field_path import FieldError, aggregate, go_quote
from kubekit.api.meta import Obj
from kubekit.api.resources import Resource


class StatusError(Exception):
    """An answer that is a failure. `status` is the Status object as it goes over the wire."""

    def __init__(self, status: Obj) -> None:
        super().__init__(status.get("message", ""))
        self.status = status

    @property
    def code(self) -> int:
        """The HTTP status code."""
        return int(self.status.get("code", 500))

    @property
    def reason(self) -> str:
        """The machine-readable reason, e.g. `NotFound`; may be empty."""
        return str(self.status.get("reason", ""))

    @property
    def message(self) -> str:
        """The text for people."""
        return str(self.status.get("message", ""))

    @property
    def details(self) -> Obj:
        """`details` of the Status, an empty dictionary when there are none."""
        return self.status.get("details") or {}

    @property
    def causes(self) -> list[Obj]:
        """`details.causes`."""
        return self.details.get("causes") or []

    @property
    def retry_after(self) -> int:
        """Seconds after which the server asks to try again, 0 if it does not."""
        return int(self.details.get("retryAfterSeconds") or 0)


def status(code: int, reason: str, message: str, details: Obj | None = None) -> Obj:
    """A failure Status. Empty details and an empty reason are left out."""
    found: Obj = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        found["reason"] = reason
    if details is not None:
        found["details"] = {key: value for key, value in details.items() if value}
    found["code"] = code
    return found


def _parts(resource: Resource | str) -> tuple[str, str, str]:
    """Plural, group and qualified text."""
    if isinstance(resource, Resource):
        return resource.plural, resource.group, resource.qualified
    plural, _, group = resource.partition(".")
    return plural, group, resource


def _about(resource: Resource | str, name: str = "", **more: Any) -> Obj:
    plural, group, _ = _parts(resource)
    return {"name": name, "group": group, "kind": plural, **more}


def bad_request(message: str) -> StatusError:
    """400 BadRequest."""
    return StatusError(status(400, "BadRequest", message))


def unauthorized(message: str = "") -> StatusError:
    """401 Unauthorized."""
    return StatusError(status(401, "Unauthorized", message or "not authorized"))


def forbidden(resource: Resource | str, name: str, why: str) -> StatusError:
    """403 Forbidden. An empty resource gives `forbidden: <why>`."""
    text = _parts(resource)[2]
    if not text:
        message = f"forbidden: {why}"
    elif not name:
        message = f"{text} is forbidden: {why}"
    else:
        message = f"{text} {go_quote(name)} is forbidden: {why}"
    return StatusError(status(403, "Forbidden", message, _about(resource, name)))


def not_found(resource: Resource | str, name: str) -> StatusError:
    """404 NotFound."""
    text = _parts(resource)[2]
    return StatusError(status(404, "NotFound", f"{text} {go_quote(name)} not found", _about(resource, name)))


def page_not_found() -> StatusError:
    """404 for a path nothing is served at, as clients understand it."""
    message = "the server could not find the requested resource"
    return StatusError(status(404, "NotFound", message, {}))


def method_not_allowed(resource: Resource | str, action: str) -> StatusError:
    """405: the verb is not supported on this resource."""
    message = f"{action} is not supported on resources of kind {go_quote(_parts(resource)[2])}"
    return StatusError(status(405, "MethodNotAllowed", message, _about(resource)))


def no_such_method() -> StatusError:
    """405: the path is served, but not with this method."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(status(405, "MethodNotAllowed", text, {}))


def not_acceptable(message: str) -> StatusError:
    """406: no media type the client accepts."""
    return StatusError(status(406, "NotAcceptable", message))


def already_exists(resource: Resource | str, name: str) -> StatusError:
    """409 AlreadyExists."""
    text = _parts(resource)[2]
    message = f"{text} {go_quote(name)} already exists"
    return StatusError(status(409, "AlreadyExists", message, _about(resource, name)))


def generate_name_conflict(resource: Resource | str, name: str, retry_after: int = 1) -> StatusError:
    """409 AlreadyExists for a generated name that was taken several times over."""
    text = _parts(resource)[2]
    message = (
        f"{text} {go_quote(name)} already exists, the server was not able to generate a "
        "unique name for the object"
    )
    return StatusError(
        status(409, "AlreadyExists", message, _about(resource, name, retryAfterSeconds=retry_after))
    )


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: Resource | str, name: str, why: str = MODIFIED) -> StatusError:
    """409 Conflict."""
    text = _parts(resource)[2]
    message = f"Operation cannot be fulfilled on {text} {go_quote(name)}: {why}"
    return StatusError(status(409, "Conflict", message, _about(resource, name)))


def apply_conflict(causes: Sequence[Obj], message: str) -> StatusError:
    """409 Conflict of a server-side apply."""
    return StatusError(status(409, "Conflict", message, {"causes": list(causes)}))


def gone(message: str) -> StatusError:
    """410 Gone."""
    return StatusError(status(410, "Gone", message))


def expired(message: str) -> StatusError:
    """410 Expired: the resourceVersion is too old."""
    return StatusError(status(410, "Expired", message))


def too_large(message: str) -> StatusError:
    """413 RequestEntityTooLarge."""
    return StatusError(status(413, "RequestEntityTooLarge", f"Request entity too large: {message}"))


def unsupported_media_type(message: str) -> StatusError:
    """415 UnsupportedMediaType."""
    return StatusError(status(415, "UnsupportedMediaType", message))


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 Invalid with one cause an error."""
    qualified = f"{kind}.{group}" if group else kind
    message = f"{qualified} {go_quote(name)} is invalid"
    if errors:
        message += f": {aggregate(errors)}"
    details = {"name": name, "group": group, "kind": kind, "causes": [error.cause() for error in errors]}
    return StatusError(status(422, "Invalid", message, details))


def too_many_requests(message: str, retry_after: int = 0) -> StatusError:
    """429 TooManyRequests."""
    return StatusError(status(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after}))


def internal_error(why: str) -> StatusError:
    """500 InternalError."""
    message = f"Internal error occurred: {why}"
    return StatusError(status(500, "InternalError", message, {"causes": [{"message": why}]}))


def server_timeout(resource: Resource | str, operation: str, retry_after: int = 0) -> StatusError:
    """500 ServerTimeout: a transient failure, try again."""
    text = _parts(resource)[2]
    message = (
        f"The {operation} operation against {text} could not be completed at this time, please try again."
    )
    return StatusError(
        status(500, "ServerTimeout", message, _about(resource, operation, retryAfterSeconds=retry_after))
    )


def service_unavailable(message: str) -> StatusError:
    """503 ServiceUnavailable."""
    return StatusError(status(503, "ServiceUnavailable", message))


def timeout(message: str, retry_after: int = 0) -> StatusError:
    """504 Timeout."""
    return StatusError(status(504, "Timeout", f"Timeout: {message}", {"retryAfterSeconds": retry_after}))


def from_object(obj: Obj) -> StatusError:
    """The exception for a Status object that came as an answer."""
    return StatusError(obj)
