"""curl: asks a URL and shows the answer.

    curl --cacert ca.crt --cert c.crt --key c.key https://127.0.0.1:2379/v3/kv/range -d '{"key":"Yg=="}'
    curl -k -H "Authorization: Bearer $TOKEN" https://192.168.0.10:6443/api/v1/namespaces

What stands behind an address is a `Site` that `Web` finds; nothing here opens a socket or knows Kubernetes.
Who trusts whom is worked out from the same files that curl would read, and refused in its words.
Source: curl 7.88.1 with OpenSSL 3, src/tool_getparam.c, lib/vtls/openssl.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from kubekit.terminal.node_shell.shell import Run

VERSION = "7.88.1"
PORTS = {"http": 80, "https": 443}
VALUES = {
    "X": "request",
    "H": "header",
    "d": "data",
    "o": "output",
    "E": "cert",
    "m": "max-time",
    "A": "user-agent",
    "w": "write-out",
}
"""Options with a value, by letter."""

LONG_VALUES = {*VALUES.values(), "cacert", "key", "connect-timeout", "data-raw", "data-binary", "url"}
SWITCHES = {
    "s": "silent",
    "S": "show-error",
    "k": "insecure",
    "i": "include",
    "I": "head",
    "v": "verbose",
    "f": "fail",
    "G": "get",
    "L": "location",
}
TRY = "curl: try 'curl --help' or 'curl --manual' for more information"

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


class Web(Protocol):
    """Everything that can be reached."""

    def knows(self, host: str) -> bool:
        """Whether a name means anything."""
        ...

    def site(self, host: str, port: int) -> Site | None:
        """What listens there."""
        ...

    def certificates(self, pem: bytes) -> list[object]:
        """The certificates of a file. Raises ValueError."""
        ...

    def belongs(self, key: bytes, certificate: object) -> bool:
        """Whether a file holds the private key of a certificate."""
        ...


@dataclass
class Options:
    """The command line."""

    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    headers: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def curl_of(web: Web) -> Callable[[Run], int]:
    """The program `curl` for a world."""

    def curl(run: Run) -> int:
        try:
            options = _options(run)
        except Refused as refused:
            run.err(refused.text)
            return refused.code
        code = 0
        for url in options.urls:
            try:
                code = _fetch(run, web, options, url)
            except Refused as refused:
                code = refused.code
                if not options.switches & {"silent"} or "show-error" in options.switches:
                    run.err(f"curl: ({refused.code}) {refused.text}")
        return code

    return curl


# -- the command line -------------------------------------------------------------------------------------


def _options(run: Run) -> Options:
    found = Options()
    words = list(run.args)
    while words:
        word = words.pop(0)
        if word.startswith("--") and len(word) > 2:
            _long(run, found, word[2:], words)
        elif word.startswith("-") and len(word) > 1:
            _letters(run, found, word, words)
        else:
            found.urls.append(word)
    if not found.urls:
        raise Refused(2, TRY if run.args else "curl: try 'curl --help' for more information")
    return found


def _long(run: Run, found: Options, name: str, words: list[str]) -> None:
    if name in SWITCHES.values():
        found.switches.add(name)
    elif name in LONG_VALUES:
        if not words:
            raise Refused(2, f"curl: option --{name}: requires parameter\n{TRY}")
        _value(run, found, name, words.pop(0))
    else:
        raise Refused(2, f"curl: option --{name}: is unknown\n{TRY}")


def _letters(run: Run, found: Options, word: str, words: list[str]) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter in SWITCHES:
            found.switches.add(SWITCHES[letter])
        elif letter in VALUES:
            if not rest and not words:
                raise Refused(2, f"curl: option {word}: requires parameter\n{TRY}")
            _value(run, found, VALUES[letter], rest or words.pop(0))
            rest = ""
        else:
            raise Refused(2, f"curl: option {word}: is unknown\n{TRY}")


def _value(run: Run, found: Options, name: str, value: str) -> None:
    if name == "header":
        found.headers.append(value)
    elif name.startswith("data"):
        found.data.append(_data(run, name, value))
    elif name == "url":
        found.urls.append(value)
    else:
        found.values[name] = value


def _data(run: Run, name: str, value: str) -> bytes:
    if name == "data-raw" or not value.startswith("@"):
        return value.encode(errors="surrogateescape")
    if value == "@-":
        content = run.stdin
    else:
        try:
            content = run.here.read(value[1:])
        except OSError:
            raise Refused(26, f"curl: Failed to open {value[1:]}\n{TRY}") from None
    return content if name == "data-binary" else content.replace(b"\r", b"").replace(b"\n", b"")


# -- one request ------------------------------------------------------------------------------------------


def _fetch(run: Run, web: Web, options: Options, url: str) -> int:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    if scheme not in PORTS:
        raise Refused(1, f'Protocol "{scheme}" not supported or disabled in libcurl')
    try:
        port = parts.port or PORTS[scheme]
    except ValueError:
        raise Refused(3, "URL using bad/illegal format or missing URL") from None
    if not host:
        raise Refused(3, "URL using bad/illegal format or missing URL")
    if not web.knows(host):
        raise Refused(6, f"Could not resolve host: {host}")
    site = web.site(host, port)
    told = run.err if "verbose" in options.switches else _silent
    told(f"*   Trying {host}:{port}...")
    if site is None:
        raise Refused(7, f"Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server")
    told(f"* Connected to {host} ({host}) port {port} (#0)")
    certificate = _secured(run, web, options, site, scheme, host)
    asked = _request(options, parts.path or "/", parts.query, parts.netloc.rpartition("@")[2], certificate)
    version = "2" if scheme == "https" else "1.1"
    told(f"> {asked.method} {asked.target} HTTP/{version}")
    for name, value in asked.headers.items():
        told(f"> {name if version == '2' else _title(name)}: {value}")
    told("> ")
    if scheme == "http" and site.secure:
        answered = Answered(400, {}, SPOKE_PLAIN)
        version = "1.0"
    else:
        answered = site.answer(asked)
    return _show(run, options, asked, answered, version, told)


def _silent(text: str) -> None:
    """What -v would say."""


def _secured(run: Run, web: Web, options: Options, site: Site, scheme: str, host: str) -> object:
    """The certificate that the client shows, once both sides are content. Raises Refused."""
    if scheme == "http":
        return None
    roots: list[object] = []
    if path := options.values.get("cacert", ""):
        try:
            roots = web.certificates(run.here.read(path))
        except (OSError, ValueError):
            roots = []
        if not roots:
            raise Refused(77, f"error setting certificate file: {path}")
    own = _own(run, web, options)
    if not site.secure:
        raise Refused(35, f"{OPENSSL}: error:0A00010B:SSL routines::wrong version number")
    trusting = "insecure" in options.switches
    if (trouble := site.handshake(None if trusting else roots, own, host)) is not None:
        raise trouble
    return own


def _own(run: Run, web: Web, options: Options) -> object:
    path = options.values.get("cert", "")
    if not path:
        return None
    failed = (
        "could not load PEM client certificate from {}, OpenSSL error {}, "
        "(no key found, wrong pass phrase, or wrong file format?)"
    )
    try:
        found = web.certificates(run.here.read(path))
    except OSError:
        why = "error:80000002:system library::No such file or directory"
        raise Refused(58, failed.format(path, why)) from None
    except ValueError:
        found = []
    if not found:
        raise Refused(58, failed.format(path, "error:0480006C:PEM routines::no start line"))
    key = options.values.get("key", path)
    try:
        belongs = web.belongs(run.here.read(key), found[0])
    except OSError:
        belongs = False
    if not belongs:
        raise Refused(58, f"unable to set private key file: '{key}' type PEM")
    return found[0]


def _request(options: Options, path: str, query: str, host: str, certificate: object) -> Asked:
    headers = {
        "host": host,
        "user-agent": options.values.get("user-agent", f"curl/{VERSION}"),
        "accept": "*/*",
    }
    body = b"&".join(options.data)
    method = "HEAD" if "head" in options.switches else "GET"
    if options.data and "get" in options.switches:
        query, body = "&".join(filter(None, (query, body.decode()))), b""
    elif options.data:
        method = "POST"
        headers["content-length"] = str(len(body))
        headers["content-type"] = "application/x-www-form-urlencoded"
    for line in options.headers:
        name, colon, value = line.partition(":")
        if colon and value.strip():
            headers[name.strip().lower()] = value.strip()
        else:
            headers.pop(name.strip().lower(), None)
    target = f"{path}?{query}" if query else path
    return Asked(options.values.get("request", method), target, headers, body, certificate)


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _show(
    run: Run, options: Options, asked: Asked, answered: Answered, version: str, told: Callable[[str], None]
) -> int:
    reason = "" if version == "2" else REASONS.get(answered.status, "")
    first = f"HTTP/{version} {answered.status} {reason}"
    lines = [
        f"{name.lower() if version == '2' else _title(name)}: {value}"
        for name, value in answered.headers.items()
    ]
    for line in (first, *lines, ""):
        told(f"< {line}")
    if "fail" in options.switches and answered.status >= 400:
        raise Refused(22, f"The requested URL returned error: {answered.status}")
    shown = b""
    if options.switches & {"include", "head"}:
        shown = "".join(f"{line}\r\n" for line in (first, *lines, "")).encode()
    if asked.method != "HEAD":
        shown += answered.body
    target = options.values.get("output", "")
    if not target:
        run.out(shown, end="")
    elif target != "/dev/null":
        run.here.write(target, shown)
    if form := options.values.get("write-out", ""):
        known = {"http_code": str(answered.status), "response_code": str(answered.status)}
        for name, value in {**known, "size_download": str(len(answered.body))}.items():
            form = form.replace(f"%{{{name}}}", value)
        run.out(form.replace("\\n", "\n").replace("\\t", "\t"), end="")
    if not answered.ended:
        run.err("^C  (the answer is a stream, and nothing more comes)")
        return 130
    return 0


REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
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
    503: "Service Unavailable",
}
