"""Programs that find out who can be reached: `nc`, `telnet` and `ping`.

Source: busybox 1.37 networking/nc_bloaty.c, ping.c; OpenBSD netcat 1.226; iputils 20221126.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet.image_programs import has_large, has_musl
from kubekit.kubelet.pod_network import CONNECTED, REFUSED, TIMED_OUT, UNREACHABLE, Network
from kubekit.kubelet.resolver import Resolved, resolve
from kubekit.kubelet.steps import Interrupted, Out, Read, Step, Wait
from kubekit.kubelet.web_site import REASONS, Asked, Refused, Site

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
SERVICES = {21: "ftp", 22: "ssh", 25: "smtp", 53: "domain", 80: "http", 443: "https", 3306: "mysql",
            5432: "postgresql", 6379: "redis", 8080: "http-alt"}  # fmt: skip
"""What /etc/services calls well-known ports."""
LAST_SECONDS = 10.0
"""How long ping waits for the answer to its last packet."""


def _network(shell: Shell) -> Network:
    network = shell.container.pod.network
    assert network is not None
    return network


def _letters(rest: list[str], with_value: str) -> tuple[dict[str, str], list[str]]:
    """Letters of options, with their values, and the words between them."""
    found: dict[str, str] = {}
    words: list[str] = []
    left = list(rest)
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in with_value:
                found[letter] = letters or (left.pop(0) if left else "")
                letters = ""
            else:
                found[letter] = ""
    return found, words


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# -- nc -----------------------------------------------------------------------------------------------------


def nc(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`nc [-zvu] [-w SECONDS] HOST PORT`, and `nc -l`."""
    small = not has_large(shell.container)
    flags, words = _letters(rest, "wipse")
    if "l" in flags:
        return (yield from _listen(shell, flags, words))
    if len(words) < 2 or not words[1].split("-")[0].isdigit():
        yield Out(
            STDERR, "nc: bad port ''\n" if len(words) > 1 else "usage: nc [-zvu] [-w timeout] HOST PORT\n"
        )
        return 1
    host, port = words[0], int(words[1].split("-")[0])
    found = resolve(shell.container, host, shell.clock())
    if found.seconds:
        yield Wait(found.seconds)
    if not found.addresses:
        words_for = "Name does not resolve" if has_musl(shell.container) else "Name or service not known"
        bad = f'getaddrinfo for host "{host}" port {port}: {words_for}'
        yield Out(STDERR, f"nc: bad address '{host}'\n" if small else f"nc: {bad}\n")
        return 1
    address, protocol = found.addresses[0], "udp" if "u" in flags else "tcp"
    reached = _network(shell).connect(shell.container.pod, address, port, protocol, f"{host}:{port}")
    patience = _number(flags.get("w", ""))
    took = reached.seconds(patience)
    if took:
        yield Wait(took)
    # Over UDP nobody answers: what is not refused counts as open.
    if reached.status == CONNECTED or (protocol == "udp" and reached.status == TIMED_OUT):
        if "v" in flags:
            called = SERVICES.get(port, "*")
            opened = f"Connection to {host} ({address}) {port} port [{protocol}/{called}] succeeded!"
            yield Out(STDERR, f"{host} ({address}:{port}) open\n" if small else f"{opened}\n")
        if "z" not in flags and reached.site is not None:
            return (yield from _talk(reached.site, stdin, host))
        return 0
    if "v" in flags:
        yield Out(STDERR, _failed(small, host, address, port, protocol, reached.status, took == patience))
    return 1


def telnet(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`telnet HOST [PORT]`: a connection to type into."""
    if not rest or (len(rest) > 1 and not rest[1].isdigit()):
        yield Out(STDERR, "telnet: bad port\n" if rest else "Usage: telnet [-a] [-l USER] HOST [PORT]\n")
        return 1
    host, port = rest[0], int(rest[1]) if len(rest) > 1 else 23
    found = resolve(shell.container, host, shell.clock())
    if found.seconds:
        yield Wait(found.seconds)
    if not found.addresses:
        yield Out(STDERR, f"telnet: bad address '{host}'\n")
        return 1
    address = found.addresses[0]
    reached = _network(shell).connect(shell.container.pod, address, port, "tcp", f"{host}:{port}")
    if reached.seconds():
        yield Wait(reached.seconds())
    if reached.status != CONNECTED:
        why = {REFUSED: "Connection refused", UNREACHABLE: "No route to host"}.get(reached.status)
        yield Out(
            STDERR, f"telnet: can't connect to remote host ({address}): {why or 'Connection timed out'}\n"
        )
        return 1
    yield Out(STDOUT, f"Connected to {host}\n")
    if reached.site is not None:
        yield from _talk(reached.site, stdin, host)
    yield Out(STDERR, "Connection closed by foreign host\n")
    return 1


def _failed(
    small: bool, host: str, address: str, port: int, protocol: str, status: str, gave_up: bool
) -> str:
    words = {REFUSED: "Connection refused", UNREACHABLE: "No route to host"}
    why = words.get(status, "Connection timed out")
    if small:
        return f"nc: {host} ({address}:{port}): {why}\n"
    where = f"nc: connect to {host} ({address}) port {port} ({protocol})"
    if gave_up and status == TIMED_OUT:
        return f"{where} timed out: Operation now in progress\n"
    return f"{where} failed: {why}\n"


def _talk(site: Site, stdin: str | None, host: str) -> Run:
    """What is typed goes to the server; a request of HTTP is answered."""
    text = stdin
    while text is None or "\n\n" not in text.replace("\r", ""):
        if stdin is not None or (line := (yield Read())) is None:
            break
        text = (text or "") + line
    first = (text or "").split("\n")[0].split()
    if site.secure or len(first) < 2 or not first[0].isupper() or not first[1].startswith("/"):
        if text and text.strip():
            yield Out(STDOUT, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        return 0
    try:
        answered = site.answer(Asked(first[0], first[1], {"host": host}))
    except Refused:
        return 0
    lines = [f"HTTP/1.1 {answered.status} {REASONS.get(answered.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answered.headers.items()]
    lines += [f"Content-Length: {len(answered.body)}", "Connection: close", "", ""]
    yield Out(STDOUT, "\r\n".join(lines) + answered.body.decode(errors="surrogateescape"))
    return 0


def _listen(shell: Shell, flags: dict[str, str], words: list[str]) -> Run:
    """Take connections until the program is ended."""
    text = flags.get("p") or (words[-1] if words else "")
    container = shell.container
    if not text.isdigit():
        yield Out(STDERR, "nc: bad port ''\n")
        return 1
    place = ("udp" if "u" in flags else "tcp", int(text))
    container.opened.add(place)
    try:
        while True:
            yield Wait(3600.0)
    finally:
        container.opened.discard(place)


# -- ping ---------------------------------------------------------------------------------------------------


def ping(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`ping [-c COUNT] [-W SECONDS] [-i SECONDS] [-w SECONDS] [-q] HOST`."""
    small = not has_large(shell.container)
    flags, words = _letters(rest, "cWiwsI")
    host = words[0] if words else ""
    found = resolve(shell.container, host, shell.clock()) if host else Resolved((), "")
    if found.seconds:
        yield Wait(found.seconds)
    if not found.addresses:
        yield Out(STDERR, f"ping: bad address '{host}'\n" if small else f"ping: {host}: {_unknown(shell)}\n")
        return 1 if small else 2
    address = found.addresses[0]
    head = f"({address}): 56 data bytes" if small else f"({address}) 56(84) bytes of data."
    yield Out(STDOUT, f"PING {host} {head}\n")
    count, pause = _number(flags.get("c", "")), _number(flags.get("i", "")) or 1.0
    deadline = _number(flags.get("w", ""))
    sent, times, passed = 0, list[float](), 0.0
    try:
        while True:
            reached = _network(shell).connect(shell.container.pod, address, 0, "icmp", host)
            sent += 1
            if reached.status == CONNECTED:
                times.append({64: 0.081, 63: 0.327}.get(reached.ttl, 0.412))
                line = _answered(small, host, address, sent, reached.ttl, times[-1])
                yield Out(STDOUT, "" if "q" in flags else line)
            over = (count is not None and sent >= count) or (deadline is not None and passed >= deadline)
            if over and reached.status == CONNECTED:
                break
            patience = _number(flags.get("W", "")) or LAST_SECONDS
            rest_of = None if deadline is None else max(0.0, deadline - passed)
            wait = (patience if rest_of is None else min(patience, rest_of)) if over else pause
            passed += wait
            yield Wait(wait, busy=count is None and deadline is None)
            if over:
                break
    except Interrupted:
        yield Out(STDOUT, "^C" if not small else "")
    yield Out(STDOUT, _statistics(small, host, sent, times, passed))
    return int(not times)


def _unknown(shell: Shell) -> str:
    return "Name does not resolve" if has_musl(shell.container) else "Name or service not known"


def _answered(small: bool, host: str, address: str, sent: int, ttl: int, ms: float) -> str:
    if small:
        return f"64 bytes from {address}: seq={sent - 1} ttl={ttl} time={ms:.3f} ms\n"
    who = f"{host} ({address})" if host != address else address
    return f"64 bytes from {who}: icmp_seq={sent} ttl={ttl} time={ms:.3f} ms\n"


def _statistics(small: bool, host: str, sent: int, times: list[float], passed: float) -> str:
    lost = 100 * (sent - len(times)) // max(1, sent)
    got = f"{len(times)} packets received" if small else f"{len(times)} received"
    text = f"\n--- {host} ping statistics ---\n{sent} packets transmitted, {got}, {lost}% packet loss"
    text += "\n" if small else f", time {passed * 1000:.0f}ms\n"
    if times:
        least, most, mean = min(times), max(times), sum(times) / len(times)
        if small:
            return f"{text}round-trip min/avg/max = {least:.3f}/{mean:.3f}/{most:.3f} ms\n"
        return f"{text}rtt min/avg/max/mdev = {least:.3f}/{mean:.3f}/{most:.3f}/0.000 ms\n"
    return text if small else f"{text}\n"
