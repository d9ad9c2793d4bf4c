"""Package managers in containers: `apt-get` (and `apt`) of Debian, `apk` of Alpine.

What is installed is a file in /usr/bin, and lasts as long as the container does. Debian's images bring no
lists of packages: without `update` nothing is found. Both need the way to the world outside.
Source: apt(8), apk(8).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files
from kubekit.kubelet.pod_network import CONNECTED
from kubekit.kubelet.resolver import resolve
from kubekit.kubelet.steps import Out, Step, Wait

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
LISTS = "/var/lib/apt/lists/deb.debian.org_debian_dists_stable_main_binary-amd64_Packages"
SECONDS = 3.0
BRINGS = {
    "dnsutils": "dig nslookup host", "bind9-dnsutils": "dig nslookup host", "bind-tools": "dig nslookup host",
    "iputils-ping": "ping", "iputils": "ping", "netcat-openbsd": "nc", "netcat-traditional": "nc",
    "iproute2": "ip", "net-tools": "ifconfig", "bash": "bash", "curl": "curl", "wget": "wget",
    "telnet": "telnet", "busybox-extras": "telnet", "bind9-host": "host", "procps": "ps", "jq": "jq",
    "vim": "vi", "nano": "nano", "ca-certificates": "", "tcpdump": "tcpdump",
}  # fmt: skip
"""The programs that come with a package."""


def apt(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`apt-get update` and `apt-get install -y PACKAGE...`."""
    words = [word for word in rest if not word.startswith("-")]
    container = shell.container
    if words[:1] == ["update"]:
        yield Wait(SECONDS)
        if not _reaches(shell, "deb.debian.org"):
            yield Out(STDERR, "W: Failed to fetch http://deb.debian.org/debian/dists/stable/InRelease\n")
            return 0
        image_files.write(container, LISTS, "\n")
        yield Out(
            STDOUT, "Get:1 http://deb.debian.org/debian stable InRelease\nReading package lists... Done\n"
        )
        return 0
    if words[:1] != ["install"]:
        return 0
    known = image_files.read(container, LISTS, shell.clock()) is not None
    head = "Reading package lists... Done\nBuilding dependency tree... Done\n"
    for name in words[1:]:
        if not known or name not in BRINGS:
            yield Out(STDOUT, head)
            yield Out(STDERR, f"E: Unable to locate package {name}\n")
            return 100
    yield Wait(SECONDS)
    yield Out(STDOUT, head + "".join(f"Setting up {name} ...\n" for name in words[1:]))
    _install(shell, words[1:])
    return 0


def apk(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`apk add PACKAGE...`."""
    words = [word for word in rest if not word.startswith("-")]
    if words[:1] != ["add"]:
        return 0
    yield Wait(SECONDS)
    if not _reaches(shell, "dl-cdn.alpinelinux.org"):
        yield Out(STDERR, "WARNING: fetching https://dl-cdn.alpinelinux.org/alpine: temporary error\n")
    unknown = [name for name in words[1:] if name not in BRINGS]
    if unknown or not _reaches(shell, "dl-cdn.alpinelinux.org"):
        yield Out(STDERR, "ERROR: unable to select packages:\n")
        yield Out(STDERR, "".join(f"  {name} (no such package):\n" for name in unknown or words[1:]))
        return 1
    count = len(words) - 1
    lines = [f"({at}/{count}) Installing {name}" for at, name in enumerate(words[1:], 1)]
    yield Out(STDOUT, "\n".join([*lines, f"OK: {8 + 2 * count} MiB in {15 + count} packages", ""]))
    _install(shell, words[1:])
    return 0


def _install(shell: Shell, names: list[str]) -> None:
    for name in names:
        for program in BRINGS[name].split():
            shell.container.files[f"/usr/bin/{program}"] = ""


def _reaches(shell: Shell, host: str) -> bool:
    container, network = shell.container, shell.container.pod.network
    found = resolve(container, host, shell.clock()).addresses
    if network is None or not found:
        return False
    return network.connect(container.pod, found[0], 443, "tcp", host).status == CONNECTED
