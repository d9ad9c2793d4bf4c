"""The files seen inside a container: what its process wrote, what was changed, what its image brings.

Everything is text; `below` and `listing` know folders only as beginnings of paths. Nothing here runs
programs.
"""

from __future__ import annotations

from kubekit.kubelet.answers import PAGES, WEB_ROOTS, program_of
from kubekit.kubelet.runtime import Container

FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var")
"""What lies in the root of every image."""


def read(container: Container, path: str, now: float) -> str | None:
    """The text of a file at `now` (Unix seconds), or None when there is none."""
    if path != "/" and path.endswith("/"):
        return None
    text = container.file(path, now)
    if text is not None or container.files.get(path, "") is None:
        return text
    return _of_image(container).get(path)


def _of_image(container: Container) -> dict[str, str]:
    box = container.pod
    ip = box.sandboxes[0].ip if box.sandboxes else ""
    found = {
        "/etc/hostname": f"{box.hostname}\n",
        "/etc/hosts": "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n" + (f"{ip}\t{box.hostname}\n" if ip else ""),
        "/etc/resolv.conf": f"search {box.namespace}.svc.cluster.local svc.cluster.local cluster.local\n"
        "nameserver 10.96.0.10\noptions ndots:5\n",
    }
    program = program_of(container.image)
    if program in WEB_ROOTS:
        found[f"{WEB_ROOTS[program]}/index.html"] = PAGES[program]
    return found


def below(container: Container, path: str, now: float) -> list[str]:
    """The files at a path and under it, sorted."""
    names = {act.path for act in container.program.acts if act.path} | set(container.files)
    names |= set(_of_image(container))
    prefix = path.rstrip("/") + "/"
    if not path.startswith("/"):
        prefix = f"/{prefix}"
        path = f"/{path}"
    return sorted(
        name
        for name in names
        if (name == path or name.startswith(prefix)) and read(container, name, now) is not None
    )


def is_folder(container: Container, path: str, now: float) -> bool:
    """Whether a path is a folder."""
    clean = path.rstrip("/") or "/"
    if clean == "/" or (clean.count("/") == 1 and clean[1:] in FOLDERS):
        return True
    return any(name != clean for name in below(container, clean, now))


def listing(container: Container, path: str, now: float) -> tuple[int, str, str]:
    """`ls`: (exit status, output, errors)."""
    if read(container, path, now) is not None:
        return 0, f"{path}\n", ""
    if not is_folder(container, path, now):
        return 1, "", f"ls: {path}: No such file or directory\n"
    prefix = path.rstrip("/") + "/"
    names = {name[len(prefix) :].split("/")[0] for name in below(container, path, now)}
    if prefix == "/":
        names |= set(FOLDERS)
    return 0, "".join(f"{name}\n" for name in sorted(names)), ""
