"""The programs of a container that use the network: which there are, and how one is run.

`run` is what `programs` hands on to. Each program is a generator of steps, as in `shell`; the seconds that a
connection takes are a `Wait` of it. In which form a program speaks (busybox' or the larger one's) depends on
the image.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from kubekit.kubelet import (
    address_programs,
    container_curl,
    name_programs,
    package_programs,
    reach_programs,
    wget,
)
from kubekit.kubelet.script import SHELLS
from kubekit.kubelet.steps import Step

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
Program = Callable[["Shell", list[str], "str | None"], Run]

PROGRAMS: dict[str, Program] = {
    "curl": container_curl.run,
    "wget": wget.run,
    "nslookup": name_programs.nslookup,
    "getent": name_programs.getent,
    "dig": name_programs.dig,
    "host": name_programs.host,
    "nc": reach_programs.nc,
    "ping": reach_programs.ping,
    "telnet": reach_programs.telnet,
    "ip": address_programs.ip,
    "ifconfig": address_programs.ifconfig,
    "apt": package_programs.apt,
    "apt-get": package_programs.apt,
    "apk": package_programs.apk,
}

_NAMED = re.compile(
    r"(?:^|[;|&(`\n!]|\b(?:do|then|else|elif|if|while|until|exec|timeout\s+\S+)\s)\s*(?:/usr)?(?:/bin/)?"
    rf"(?:{'|'.join(PROGRAMS)})(?=\s|$)"
)


def named_in(argv: Sequence[str]) -> bool:
    """Whether a command line, or a script in it, calls one of them.

    >>> named_in(["sh", "-c", "until nslookup db; do sleep 2; done"]), named_in(["echo", "wget"])
    (True, False)
    """
    if not argv:
        return False
    name = argv[0].rsplit("/", 1)[-1]
    if name == "timeout":
        return named_in(argv[2:])
    scripts = argv[1:] if name in SHELLS else ()
    return name in PROGRAMS or any(_NAMED.search(word) for word in scripts)
