"""wget in a container: busybox', or GNU's in the images that have it.

Source: busybox 1.37 networking/wget.c; GNU Wget 1.21 src/connect.c, http.c.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files
from kubekit.kubelet.image_programs import has_busybox, has_musl
from kubekit.kubelet.pod_network import CONNECTED, REFUSED, TIMED_OUT
from kubekit.kubelet.resolver import resolve
from kubekit.kubelet.steps import Out, Step, Wait
from kubekit.kubelet.web_site import REASONS, Answered, Asked, Refused

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]

LETTERS = {"O": "output-document", "T": "timeout", "t": "tries", "U": "user-agent", "Y": "proxy",
           "P": "directory-prefix", "o": "output-file"}  # fmt: skip
"""Options with a value, by letter."""
LONG = {*LETTERS.values(), "header", "post-data", "connect-timeout"}
SWITCHES = {"q": "quiet", "S": "server-response", "c": "continue", "s": "spider", "v": "verbose"}
PLAIN = {*SWITCHES.values(), "no-verbose", "no-check-certificate", "no-cache"}
PATIENCE = 900.0
"""Seconds after which wget gives a connection up by itself."""
MOST_REDIRECTS = 20


class Trouble(Exception):
    """wget ends: its exit status and its last words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass
class Options:
    """The command line."""

    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)


def run(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`wget [OPTIONS] URL...`."""
    try:
        options = _options(rest)
        for url in options.urls:
            yield from (_Busybox if _is_small(shell) else _Gnu)(shell, options).fetch(url)
    except Trouble as trouble:
        if trouble.text:
            yield Out(STDERR, f"{trouble.text}\n")
        return trouble.code
    return 0


def _is_small(shell: Shell) -> bool:
    return has_busybox(shell.container)


def _options(rest: list[str]) -> Options:
    found, words = Options(), list(rest)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in LONG:
                _value(found, name, value if equals else words.pop(0) if words else "")
            elif name in PLAIN:
                found.switches.add(name)
            else:
                raise Trouble(1, f"wget: unrecognized option '--{name}'")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            if letters == "nv":
                found.switches.add("no-verbose")
                continue
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in LETTERS:
                    _value(found, LETTERS[letter], letters or (words.pop(0) if words else ""))
                    break
                if letter not in SWITCHES:
                    raise Trouble(1, f"wget: unrecognized option: {letter}")
                found.switches.add(SWITCHES[letter])
        else:
            found.urls.append(word)
    if not found.urls:
        raise Trouble(1, "wget: missing URL\nUsage: wget [OPTION]... [URL]...")
    return found


def _value(found: Options, name: str, value: str) -> None:
    if name == "header":
        key, _, text = value.partition(":")
        found.headers[key.strip().lower()] = text.strip()
    else:
        found.values[name] = value


class _Busybox:
    """One download as busybox does it and tells it."""

    def __init__(self, shell: Shell, options: Options) -> None:
        self.shell = shell
        self.options = options
        self.quiet = "quiet" in options.switches
        self.spider = "spider" in options.switches

    def fetch(self, url: str) -> Generator[Step, str | None, None]:
        """Get one URL; raises Trouble."""
        for _ in range(MOST_REDIRECTS):
            answered, target = yield from self.once(url)
            if not target:
                break
            url = urljoin(url if "://" in url else f"http://{url}", target)
        parts = urlsplit(url if "://" in url else f"http://{url}")
        name = self.options.values.get("output-document", "") or parts.path.rpartition("/")[2] or "index.html"
        yield from self.save(name, answered)

    def once(self, url: str) -> Generator[Step, str | None, tuple[Answered, str]]:
        """One request: the answer, and where it leads to."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, secure = parts.hostname or "", parts.scheme == "https"
        try:
            port = parts.port or (443 if secure else 80)
        except ValueError:
            raise Trouble(1, f"wget: bad port spec '{parts.netloc}'") from None
        if parts.scheme not in ("http", "https"):
            raise Trouble(1, f"wget: not an http or ftp url: {url}")
        container, network = self.shell.container, self.shell.container.pod.network
        assert network is not None
        yield from self.begin(url, host)
        found = resolve(container, host, self.shell.clock())
        if found.seconds:
            yield Wait(found.seconds)
        if not found.addresses:
            raise self.unknown(host)
        address = found.addresses[0]
        yield from self.connecting(host, address, port)
        reached = network.connect(container.pod, address, port, "tcp", f"{host}:{port}")
        took = reached.seconds(self.patience())
        if took:
            yield Wait(took)
        if reached.status != CONNECTED:
            raise self.failed(reached.status, address, took)
        yield from self.connected(secure)
        if reached.site is None:
            raise self.silent()
        site = reached.site
        if secure and not site.secure:
            raise self.insecure(address)
        body = self.options.values.get("post-data")
        headers = {"host": parts.netloc, "user-agent": "Wget", "connection": "close", **self.options.headers}
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method = "POST" if body is not None else "HEAD" if self.spider else "GET"
        try:
            answered = (
                Answered(400, {}, b"")
                if site.secure and not secure
                else site.answer(Asked(method, target, headers, (body or "").encode()))
            )
        except Refused:
            raise self.silent() from None
        yield from self.told(answered)
        location = {name.lower(): value for name, value in answered.headers.items()}.get("location", "")
        if 300 <= answered.status < 400 and location:
            return answered, location
        if answered.status >= 300:
            raise self.error(answered.status)
        return answered, ""

    def patience(self) -> float:
        """How long connecting may take."""
        try:
            return float(self.options.values.get("timeout") or PATIENCE)
        except ValueError:
            raise Trouble(1, f"wget: invalid number '{self.options.values['timeout']}'") from None

    # -- what is said -----------------------------------------------------------------------------------

    def say(self, text: str) -> Generator[Step, str | None, None]:
        """A line, if any are wanted."""
        if not self.quiet:
            yield Out(STDERR, f"{text}\n")

    def begin(self, url: str, host: str) -> Generator[Step, str | None, None]:
        yield from ()

    def connecting(self, host: str, address: str, port: int) -> Generator[Step, str | None, None]:
        yield from self.say(f"Connecting to {host} ({address}:{port})")

    def connected(self, secure: bool) -> Generator[Step, str | None, None]:
        if secure and "no-check-certificate" not in self.options.switches:
            yield Out(STDERR, "wget: note: TLS certificate validation not implemented\n")

    def told(self, answered: Answered) -> Generator[Step, str | None, None]:
        if "server-response" in self.options.switches:
            lines = [_status(answered.status), *(f"{k}: {v}" for k, v in answered.headers.items())]
            yield Out(STDERR, "".join(f"  {line}\n" for line in lines))

    def unknown(self, host: str) -> Trouble:
        return Trouble(1, f"wget: bad address '{host}'")

    def failed(self, status: str, address: str, took: float) -> Trouble:
        if took >= self.patience():
            return Trouble(1, "wget: download timed out")
        return Trouble(1, f"wget: can't connect to remote host ({address}): {self.why(status)}")

    def silent(self) -> Trouble:
        return Trouble(1, "wget: error getting response")

    def insecure(self, address: str) -> Trouble:
        return Trouble(1, "ssl_client: TLS error from peer (alert code 40): handshake failure\n"
                          "wget: error getting response: Connection reset by peer")  # fmt: skip

    def error(self, status: int) -> Trouble:
        return Trouble(1, f"wget: server returned error: {_status(status)}")

    def why(self, status: str) -> str:
        """The C library's words."""
        musl = has_musl(self.shell.container)
        if status == REFUSED:
            return "Connection refused"
        if status == TIMED_OUT:
            return "Operation timed out" if musl else "Connection timed out"
        return "Host is unreachable" if musl else "No route to host"

    def save(self, name: str, answered: Answered) -> Generator[Step, str | None, None]:
        """Where the body goes."""
        text = answered.body.decode(errors="surrogateescape")
        if self.spider:
            yield from self.say("remote file exists")
            return
        bar = f"{name[:20]:<20} 100% |{'*' * 32}| {len(answered.body):>5}  0:00:00 ETA"
        if name == "-":
            yield from self.say("writing to stdout")
            yield Out(STDOUT, text)
            yield from self.say(bar)
            yield from self.say("written to stdout")
            return
        if "output-document" not in self.options.values and image_files.exists(
            self.shell.container, name, self.shell.clock()
        ):
            raise Trouble(1, f"wget: can't open '{name}': File exists")
        yield from self.say(f"saving to '{name}'")
        if name != "/dev/null":
            image_files.write(self.shell.container, name, text)
        yield from self.say(bar)
        yield from self.say(f"'{name}' saved")


class _Gnu(_Busybox):
    """One download as GNU's wget does it and tells it."""

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.shell.clock(), UTC).strftime("%Y-%m-%d %H:%M:%S")

    def begin(self, url: str, host: str) -> Generator[Step, str | None, None]:
        yield from self.say(f"--{self._stamp()}--  {url if '://' in url else f'http://{url}'}")

    def connecting(self, host: str, address: str, port: int) -> Generator[Step, str | None, None]:
        if host != address:
            yield from self.say(f"Resolving {host} ({host})... {address}")
        to = f"{host} ({host})|{address}|" if host != address else address
        if not self.quiet:
            yield Out(STDERR, f"Connecting to {to}:{port}... ")

    def connected(self, secure: bool) -> Generator[Step, str | None, None]:
        yield from self.say("connected.")

    def told(self, answered: Answered) -> Generator[Step, str | None, None]:
        status = f"{answered.status} {REASONS.get(answered.status, '')}"
        yield from self.say(f"HTTP request sent, awaiting response... {status}")
        yield from super().told(answered)

    def unknown(self, host: str) -> Trouble:
        return Trouble(4, "" if self.quiet else f"wget: unable to resolve host address ‘{host}’")

    def failed(self, status: str, address: str, took: float) -> Trouble:
        return Trouble(4, "" if self.quiet else f"failed: {self.why(status)}.")

    def silent(self) -> Trouble:
        said = "HTTP request sent, awaiting response... No data received."
        return Trouble(4, "" if self.quiet else said)

    def insecure(self, address: str) -> Trouble:
        said = "GnuTLS: An unexpected TLS packet was received.\nUnable to establish SSL connection."
        return Trouble(4, "" if self.quiet else said)

    def error(self, status: int) -> Trouble:
        said = f"{self._stamp()} ERROR {status}: {REASONS.get(status, '')}.\n"
        return Trouble(8, "" if self.quiet else said)

    def save(self, name: str, answered: Answered) -> Generator[Step, str | None, None]:
        if self.spider:
            yield from self.say("Remote file exists.\n")
            return
        size = len(answered.body)
        kind = {key.lower(): value for key, value in answered.headers.items()}.get("content-type", "")
        yield from self.say(f"Length: {size} [{kind.partition(';')[0]}]")
        yield from self.say(f"Saving to: ‘{'STDOUT' if name == '-' else name}’\n")
        text = answered.body.decode(errors="surrogateescape")
        if name == "-":
            yield Out(STDOUT, text)
        elif name != "/dev/null":
            image_files.write(self.shell.container, name, text)
        yield from self.say(f"     0K {' ' * 57} 100% {size / 1000:.1f}M=0s\n")
        where = "written to stdout" if name == "-" else f"‘{name}’ saved"
        yield from self.say(f"{self._stamp()} (1.00 MB/s) - {where} [{size}/{size}]\n")


def _status(status: int) -> str:
    return f"HTTP/1.1 {status} {REASONS.get(status, '')}".rstrip()
