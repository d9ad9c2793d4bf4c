"""What a container wrote: the lines of its program's timeline, of its image's server, and of requests to it.

Nothing is stored while time passes; the log is worked out when somebody reads it. Lines carry the time at
which they were written, so that --since and --timestamps mean what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubekit.kubelet.answers import program_of
from kubekit.kubelet.runtime import Container
from kubekit.sim import rfc3339


class Line(NamedTuple):
    """One line of a log and when (Unix seconds) it was written."""

    at: float
    text: str


NGINX = (
    "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
    "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
    "/docker-entrypoint.sh: Configuration complete; ready for start up",
    '{stamp} [notice] 1#1: using the "epoll" event method',
    "{stamp} [notice] 1#1: nginx/{tag}",
    "{stamp} [notice] 1#1: start worker processes",
)

STARTS: dict[str, tuple[str, ...]] = {
    "nginx": NGINX,
    "httpd": (
        "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using {ip}. "
        "Set the 'ServerName' directive globally to suppress this message",
        "[{stamp}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/{tag} (Unix) configured "
        "-- resuming normal operations",
        "[{stamp}] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'",
    ),
    "redis": (
        "1:C {stamp} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
        "1:M {stamp} * Running mode=standalone, port=6379.",
        "1:M {stamp} * Ready to accept connections tcp",
    ),
    "postgres": (
        "PostgreSQL init process complete; ready for start up.",
        '{stamp} UTC [1] LOG:  listening on IPv4 address "0.0.0.0", port 5432',
        "{stamp} UTC [1] LOG:  database system is ready to accept connections",
    ),
}
"""What well-known servers say when they start."""

STOPS = {
    "nginx": "{stamp} [notice] 1#1: signal 15 (SIGTERM) received, exiting",
    "redis": "1:signal-handler ({stamp}) Received SIGTERM scheduling shutdown...",
}


def lines_of(container: Container, now: float) -> Iterator[Line]:
    """Everything that the container wrote until `now`, in order."""
    if not container.status.started_at:
        return
    found = [*program_lines(container, now), *(Line(at, text) for at, text in container.log if at <= now)]
    yield from sorted(found, key=lambda line: line.at)


def program_lines(container: Container, now: float) -> Iterator[Line]:
    """What the container's own program wrote until `now`, without the lines of requests."""
    started = container.status.started_at
    if container.argv:
        for act in container.program.acts_until(container.age(now)):
            if act.kind == "print":
                for text in act.text.split("\\n"):
                    yield Line(started + act.at, text)
        return
    program = program_of(container.image)
    sandboxes = container.pod.sandboxes
    values = {
        "stamp": rfc3339(started).replace("-", "/").replace("T", " ").removesuffix("Z"),
        "tag": container.image.rpartition(":")[2] if ":" in container.image else "latest",
        "ip": sandboxes[0].ip if sandboxes else "",
    }
    for text in STARTS.get(program, ()):
        yield Line(started, text.format(**values))
    if not container.running and program in STOPS:
        ended = container.status.finished_at
        stamp = rfc3339(ended).replace("-", "/").replace("T", " ").removesuffix("Z")
        yield Line(ended, STOPS[program].format(stamp=stamp))
