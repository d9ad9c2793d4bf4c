"""Image names: `nginx`, `nginx:1.27`, `registry.example:5000/team/app@sha256:...`.

Called by defaulting (which pull policy an image gets) and by the container runtime. `parse` never raises
for the kinds of nonsense people write: it returns None, as callers treat a name that cannot be parsed as
untagged. Source: distribution/reference, pkg/util/parsers.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>[\w][\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Image:
    """A parsed name: the full repository, the tag (`latest` if neither tag nor digest was given), the
    digest."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return (
            self.repository
            + (f":{self.tag}" if self.tag else "")
            + (f"@{self.digest}" if self.digest else "")
        )


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Image | None:
    """The image a text names, completed with `docker.io` and `library/` where these are implied; None if
    none."""
    if re.fullmatch(r"[a-f0-9]{64}", text):
        return None
    first, slash, rest = text.partition("/")
    is_domain = bool(slash) and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    domain, remainder = (first, rest) if is_domain else ("docker.io", text)
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in remainder:
        remainder = "library/" + remainder
    found = _REFERENCE.fullmatch(f"{domain}/{remainder}")
    if found is None or len(found["name"]) - len(domain) - 1 > 255:
        return None
    tag, digest = found["tag"] or "", found["digest"] or ""
    return Image(found["name"], tag or ("" if digest else "latest"), digest)


def default_pull_policy(text: str) -> str:
    """`Always` for the tag latest, given or implied; else `IfNotPresent`."""
    image = parse(text)
    return "Always" if image is not None and image.tag == "latest" else "IfNotPresent"
