"""HTTP/1.1 as the servers in containers speak it: bytes of requests in, bytes of answers out.

`reply` is one answer with its headers; `HttpConversation` is a connection on which several requests follow
each other, as a port-forward or a proxy opens it. What the answer is about is decided in `answers`; the
header `X-Served-By` names the pod, so that a client of a Service sees who answered. Source: RFC 9112.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from kubekit.kubelet import answers
from kubekit.kubelet.runtime import Container

HEAD_LIMIT = 32 * 1024
"""Bytes of a request's head; servers refuse more with 431."""
BODY_LIMIT = 1024 * 1024
"""Bytes of a request's body that a sample server takes."""
OTHER_PROTOCOLS = frozenset({"redis", "postgres", "mysql", "mariadb", "mongo"})
"""Servers that do not speak HTTP: they take the connection and say nothing to a browser."""


def speaks_http(container: Container) -> bool:
    """Whether a container's server is a web server."""
    return answers.program_of(container.image) not in OTHER_PROTOCOLS


def reply(
    container: Container, method: str, path: str, now: float, client: str
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of a container's answer at `now` to a client's address."""
    program = answers.program_of(container.image)
    if method not in ("GET", "HEAD", "OPTIONS") and program in answers.WEB_ROOTS:
        status, text = 405, _page(405, program)
        container.write_log(now, f'{client} - - [{_date(now)}] "{method} {path} HTTP/1.1" 405')
    else:
        answer = answers.respond(container, path, now, client)
        status, text = answer.status, answer.text
    tag = container.image.rpartition(":")[2] if ":" in container.image.rpartition("/")[2] else ""
    names = {"nginx": "nginx", "httpd": "Apache"}
    headers = {"Server": names.get(program, program) + (f"/{tag}" if tag[:1].isdigit() else "")}
    headers["Date"] = _date(now)
    headers["Content-Type"] = "text/html" if text.lstrip().startswith("<") else "text/plain; charset=utf-8"
    headers["X-Served-By"] = container.pod.hostname
    return status, headers, text.encode()


def _page(status: int, program: str) -> str:
    title = f"{status} {HTTPStatus(status).phrase}"
    return (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n"
        f"<hr><center>{program}</center>\n</body>\n</html>\n"
    )


def _date(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


class HttpConversation:
    """One connection to a container's web server."""

    def __init__(self, container: Container, client: str) -> None:
        self._container = container
        self._client = client
        self._buffer = b""
        self.closed = False

    def receive(self, data: bytes, now: float) -> bytes:
        """The bytes that the server answers to what has come so far; `closed` tells when it hangs up."""
        self._buffer += data
        answer = b""
        while not self.closed:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                if len(self._buffer) > HEAD_LIMIT:
                    answer += self._refuse(431, now)
                elif (
                    self._buffer and not self._buffer.lstrip(b"\r\n")[:1].isalpha() and len(self._buffer) > 2
                ):
                    answer += self._refuse(400, now)
                break
            lines = head.decode("latin-1").lstrip("\r\n").split("\r\n")
            words = lines[0].split(" ")
            if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
                answer += self._refuse(400, now)
                break
            fields = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:])
            }
            length = fields.get("content-length", "0")
            if not length.isdigit() or int(length) > BODY_LIMIT or "transfer-encoding" in fields:
                answer += self._refuse(413 if length.isdigit() else 400, now)
                break
            if len(rest) < int(length):
                break
            self._buffer = rest[int(length) :]
            answer += self._answer(words[0], words[1], words[2], fields, now)
        return answer

    def _answer(self, method: str, path: str, version: str, fields: dict[str, str], now: float) -> bytes:
        status, headers, body = reply(self._container, method, path, now, self._client)
        wish = fields.get("connection", "").lower()
        keeps = wish != "close" and (version == "HTTP/1.1" or wish == "keep-alive")
        self.closed = not keeps
        return _encoded(status, headers, body, keeps, method == "HEAD")

    def _refuse(self, status: int, now: float) -> bytes:
        self.closed = True
        program = answers.program_of(self._container.image)
        headers = {"Server": program, "Date": _date(now), "Content-Type": "text/html"}
        return _encoded(status, headers, _page(status, program).encode(), False, False)


def _encoded(status: int, headers: dict[str, str], body: bytes, keeps: bool, headless: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", f"Connection: {'keep-alive' if keeps else 'close'}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if headless else body)
