"""curl: asks a URL and shows the answer.

    curl --cacert ca.crt --cert c.crt --key c.key https://127.0.0.1:2379/v3/kv/range -d '{"key":"Yg=="}'
    curl -sS -m 2 http://web.shop/

What stands behind an address is a `Site` that `Web` finds; nothing here opens a socket or knows Kubernetes.
The same program runs on a node and in a container (`http_programs`). Who trusts whom is worked out from the
same files that curl would read, and refused in its words.
Source: curl 7.88.1 with OpenSSL 3, lib/connect.c, lib/vtls/openssl.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from kubekit.kubelet.curl_options import Options, Run, options_of
from kubekit.kubelet.web_site import OPENSSL, REASONS, SPOKE_PLAIN, Answered, Asked, Refused, Site

VERSION = "7.88.1"
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 50


class Web(Protocol):
    """Everything that can be reached."""

    def knows(self, host: str) -> bool:
        """Whether a name means anything."""
        ...

    def address(self, host: str) -> str:
        """The address that a name stands for."""
        ...

    def site(self, host: str, port: int, patience: float | None = None) -> Site | None:
        """What listens there; None when the connection is refused. Raises Refused when time runs out,
        which is after `patience` seconds at the latest."""
        ...

    def certificates(self, pem: bytes) -> list[object]:
        """The certificates of a file. Raises ValueError."""
        ...

    def belongs(self, key: bytes, certificate: object) -> bool:
        """Whether a file holds the private key of a certificate."""
        ...


def curl_of(web: Web) -> Callable[[Run], int]:
    """The program `curl` for a world."""

    def curl(run: Run) -> int:
        try:
            options = options_of(run)
        except Refused as refused:
            run.err(refused.text)
            return refused.code
        code = 0
        for url in options.urls:
            try:
                code = _follow(run, web, options, url)
            except Refused as refused:
                code = refused.code
                if not options.switches & {"silent"} or "show-error" in options.switches:
                    run.err(f"curl: ({refused.code}) {refused.text}")
        return code

    return curl


def _follow(run: Run, web: Web, options: Options, url: str) -> int:
    """One URL, and with -L those that it leads to."""
    for _ in range(MOST_REDIRECTS + 1):
        asked, answered, version, told = _fetch(run, web, options, url)
        target = {name.lower(): value for name, value in answered.headers.items()}.get("location", "")
        if not ("location" in options.switches and answered.status in REDIRECTS and target):
            if "remote-name" in options.switches:
                options.values["output"] = urlsplit(url).path.rpartition("/")[2] or "curl_response"
            return _show(run, options, asked, answered, version, told)
        url = urljoin(url if "://" in url else f"http://{url}", target)
    raise Refused(47, f"Maximum ({MOST_REDIRECTS}) redirects followed")


def _fetch(
    run: Run, web: Web, options: Options, url: str
) -> tuple[Asked, Answered, str, Callable[[str], None]]:
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
    address = web.address(host)
    told = run.err if "verbose" in options.switches else _silent
    told(f"*   Trying {address}:{port}...")
    site = web.site(host, port, _patience(options))
    if site is None:
        told(f"* connect to {address} port {port} failed: Connection refused")
        raise Refused(7, f"Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server")
    told(f"* Connected to {host} ({address}) port {port} (#0)")
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
    return asked, answered, version, told


def _patience(options: Options) -> float | None:
    """Seconds that connecting may take."""
    limits = []
    for name in ("connect-timeout", "max-time"):
        if text := options.values.get(name, ""):
            try:
                limits.append(float(text))
            except ValueError:
                raise Refused(2, f"curl: option --{name}: expected a proper numerical parameter") from None
    return min((limit for limit in limits if limit > 0), default=None)


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
