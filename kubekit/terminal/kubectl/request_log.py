"""What `kubectl -v=6` to `-v=10` writes to its standard error: each request and its answer.

`RequestLog(level, ...)` is called by `Connection` around a request. Level 6 has one line an exchange, 7 the
request's headers, 8 also the answer's headers and both bodies (cut after 1024 characters), 9 the curl command
that would do the same, 10 everything uncut. Tokens are masked. Times are those of the cluster's clock.
Source: client-go/transport/round_trippers.go, client-go/rest/request.go (logBody), klog's text format.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from kubekit.api.exchange import Request, Response, WatchStream, encode_json
from kubekit.api.field_path import go_quote

LOWEST = 6
"""Below this level nothing is said of requests."""

CURL = 9
LONGEST = {8: 1024, 9: 10_240}
"""Characters of a body, by level."""

KNOWN_SCHEMES = ("bearer", "basic", "negotiate")


class RequestLog:
    """The log of one command line. `say` takes a line; `server` is the address with its scheme."""

    def __init__(self, level: int, server: str, say: Callable[[str], None], now: Callable[[], float]) -> None:
        self.level, self.server, self._say, self._now = level, server, say, now

    def asked(self, request: Request) -> None:
        """A request is about to be sent."""
        if self.level >= 8:
            self._body("Request Body", request.body)
        pairs: list[tuple[str, str]] = []
        if self.level in (7, 8):
            pairs = [("verb", go_quote(request.method)), ("url", go_quote(self._url(request)))]
            pairs.append(("headers", _headers(request.headers)))
        elif self.level >= CURL:
            pairs = [("curlCommand", go_quote(self._curl(request)))]
        if pairs:
            self._line("round_trippers.go:527", "Request", pairs)

    def answered(self, request: Request, answer: Response | WatchStream) -> None:
        """The answer has come. In process it took no time."""
        pairs: list[tuple[str, str]] = []
        if self.level == LOWEST or self.level >= CURL:
            pairs = [("verb", go_quote(request.method)), ("url", go_quote(self._url(request)))]
        pairs.append(("status", go_quote(_status(answer.status))))
        if self.level >= 8:
            pairs.append(("headers", _headers(answer.headers)))
        pairs.append(("milliseconds", "0"))
        self._line("round_trippers.go:632", "Response", pairs)
        if self.level >= 8 and isinstance(answer, Response):
            self._body("Response Body", answer.encoded())

    def _url(self, request: Request) -> str:
        query = urlencode(request.query, doseq=True)
        return f"{self.server}{request.path}" + (f"?{query}" if query else "")

    def _curl(self, request: Request) -> str:
        headers = "".join(
            f" -H {go_quote(f'{_title(name)}: {value}')}" for name, value in _masked(request.headers)
        )
        return f"curl -v -X{request.method} {headers} '{self._url(request)}'"

    def _body(self, title: str, body: Any) -> None:
        encoded = body if isinstance(body, bytes) else b"" if body is None else encode_json(body)
        text = encoded.decode(errors="replace")
        most = LONGEST.get(self.level, len(text))
        if len(text) > most:
            text = f"{text[:most]} [truncated {len(text) - most} chars]"
        self._line("helper.go:120", title, [("body", _value(text))])

    def _line(self, place: str, title: str, pairs: list[tuple[str, str]]) -> None:
        at = datetime.fromtimestamp(self._now(), UTC)
        rest = "".join(f" {key}={value}" for key, value in pairs)
        self._say(f'I{at:%m%d %H:%M:%S.%f}       1 {place}] "{title}"{rest}\n')


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _masked(headers: dict[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in sorted(headers, key=_title):
        for value in headers[name].split("\n"):
            scheme, space, rest = value.partition(" ")
            if name.lower() == "authorization" and value:
                known = scheme.lower() in KNOWN_SCHEMES
                value = (f"{scheme} <masked>" if space and rest else scheme) if known else "<masked>"
            found.append((name, value))
    return found


def _headers(headers: dict[str, str]) -> str:
    lines = "".join(f"{_title(name)}: {value}\n" for name, value in _masked(headers))
    return _value(lines)


def _value(text: str) -> str:
    """As klog writes a value: one line in quotes, several between < and >, each after a tab."""
    if "\n" not in text:
        return go_quote(text)
    lines = "".join(f"\t{line}\n" for line in text.removesuffix("\n").split("\n"))
    return f"<\n{lines} >"
