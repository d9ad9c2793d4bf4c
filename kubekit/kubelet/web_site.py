"""What answers at the other end of a connection: a request, an answer, and the site that gives it.

The programs that ask (`curl`, `wget`) know nothing else of whom they talk to; whoever runs them says what
stands behind an address: a container's server, the API server, a member of etcd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from kubekit.api.exchange import Request, UserInfo

UNVERIFIED = """\
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above."""

SPOKE_PLAIN = b"Client sent an HTTP request to an HTTPS server.\n"
OPENSSL = "OpenSSL/3.0.19"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; header names are lower-case. `certificate`: the client's, as an object, if it showed one."""

    method: str
    target: str
    """Path and query."""
    headers: dict[str, str]
    body: bytes = b""
    certificate: object = None

    def as_request(self, user: UserInfo | None, source: str) -> Request:
        """The same for a server in this process; `user` is who has shown that they are."""
        parts = urlsplit(self.target)
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        headers = {name: value for name, value in self.headers.items() if name != "host"}
        return Request(self.method, parts.path, query, headers, self.body or None, user, source)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. `ended` False: it was a stream that would have gone on."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    ended: bool = True


class Site(Protocol):
    """What answers behind an address."""

    secure: bool

    def answer(self, asked: Asked) -> Answered: ...

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Why the two do not come to an understanding. `roots` None: the client does not ask."""
        ...


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """curl's exit status and text."""

    code: int
    text: str


REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
