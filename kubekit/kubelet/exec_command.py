"""Commands run inside a container: exec probes, hooks and `kubectl exec`.

A command is answered from what the container is: its age, its files, its environment, its names. Programs
that an image would bring along and that nothing is known about succeed without output. The result is
(exit status, standard output, standard error); nothing here takes time except `sleep`, whose seconds are
reported by `seconds_of`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from kubekit.kubelet.runtime import Container
from kubekit.kubelet.script import SHELLS, Program
from kubekit.sim import rfc3339

Result = tuple[int, str, str]

DIRECTORIES = ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var")


def run_in(container: Container, argv: Sequence[str], now: float) -> Result:
    """Run `argv` in a running container at time `now` (Unix seconds)."""
    if not argv:
        return 0, "", ""
    name = argv[0].rsplit("/", 1)[-1]
    if name in SHELLS and len(argv) > 2 and argv[1] in ("-c", "-ec", "-lc"):
        return _script(container, argv[2], now)
    return _command(container, name, list(argv[1:]), now)


def seconds_of(argv: Sequence[str]) -> float:
    """How long a hook's command takes: the sum of its sleeps; endless ones count as an hour."""
    program = Program.parse(argv) if argv else None
    if program is None:
        return 0.0
    if program.lifetime is None:
        return 3600.0 if any("sleep" in word or "tail" in word for word in argv) else 0.0
    return max(0.0, program.lifetime - 0.3)


def stable_until(container: Container, argv: Sequence[str], now: float) -> float | None:
    """The time at which the answer to `argv` may change by itself, or None when it never does."""
    age = container.age(now)
    words = " ".join(argv).split()
    for name in ("ready-after", "healthy-for"):
        if name in words[:-1]:
            limit = _number(words[words.index(name) + 1])
            return container.status.started_at + limit if age < limit else None
    change = container.program.next_change(age)
    return None if change is None else container.status.started_at + change


def _script(container: Container, text: str, now: float) -> Result:
    status, out, err = 0, "", ""
    joiner = ";"
    for line in text.replace("&&", "\0&&\0").replace("||", "\0||\0").replace(";", "\0;\0").split("\0"):
        part = line.strip()
        if part in ("&&", "||", ";", ""):
            joiner = part or joiner
            continue
        if (joiner == "&&" and status != 0) or (joiner == "||" and status == 0):
            continue
        try:
            words = shlex.split(part.split("|")[0])
        except ValueError:
            words = part.split()
        if words and words[0] == "exit":
            return (int(words[1]) & 0xFF if len(words) > 1 and words[1].isdigit() else status), out, err
        if words:
            status, more, wrong = _command(container, words[0].rsplit("/", 1)[-1], words[1:], now)
            out, err = out + more, err + wrong
    return status, out, err


def _command(container: Container, name: str, rest: list[str], now: float) -> Result:
    status, out, err = 0, "", ""
    target = ""
    for sign in (">>", ">"):
        if sign in rest:
            at = rest.index(sign)
            target = rest[at + 1] if at + 1 < len(rest) else ""
            rest = rest[:at] + rest[at + 2 :]
    paths = [word for word in rest if not word.startswith("-")]
    environment = container.pod.environment.get(container.status.name, {})
    if name == "false":
        status = 1
    elif name == "ready-after":
        status = 0 if container.age(now) >= _number(rest[0] if rest else "0") else 1
    elif name == "healthy-for":
        status = 0 if container.age(now) < _number(rest[0] if rest else "0") else 1
    elif name in ("echo", "printf"):
        out = " ".join(word for word in rest if word not in ("-n", "-e")) + ("" if "-n" in rest else "\n")
    elif name == "cat":
        for path in paths:
            text = container.file(path, now)
            if text is None:
                status, err = 1, err + f"cat: {path}: No such file or directory\n"
            else:
                out += text if not text or text.endswith("\n") else text + "\n"
    elif name == "touch":
        for path in paths:
            container.files[path] = container.file(path, now) or ""
    elif name == "rm":
        for path in paths:
            if container.file(path, now) is None and "-f" not in rest and "-rf" not in rest:
                status, err = 1, err + f"rm: cannot remove '{path}': No such file or directory\n"
            container.files[path] = None
    elif name in ("test", "["):
        status = 0 if paths and container.file(paths[0], now) is not None else 1
    elif name == "ls":
        out = "\n".join(sorted(_files(container, now, paths[0]) if paths else DIRECTORIES)) + "\n"
    elif name in ("env", "printenv"):
        lines = {"HOSTNAME": container.pod.hostname, **environment}
        if paths:
            out = f"{lines[paths[0]]}\n" if paths[0] in lines else ""
            status = 0 if out else 1
        else:
            out = "".join(f"{key}={value}\n" for key, value in lines.items())
    elif name == "hostname":
        sandboxes = container.pod.sandboxes
        ip = sandboxes[0].ip if sandboxes else ""
        out = f"{ip or container.pod.hostname if '-i' in rest else container.pod.hostname}\n"
    elif name == "date":
        out = f"{rfc3339(now)}\n"
    elif name in ("id", "whoami"):
        out = "uid=0(root) gid=0(root) groups=0(root)\n" if name == "id" else "root\n"
    elif name == "pwd":
        out = "/\n"
    elif name == "ps":
        main = " ".join(container.argv) or container.image.rsplit("/", 1)[-1].split(":")[0]
        out = f"PID   USER     TIME  COMMAND\n    1 root      0:00 {main}\n"
    if target and target not in ("/dev/null", "/dev/stdout"):
        container.files[target] = out
        out = ""
    return status, ("" if target else out), err


def _files(container: Container, now: float, directory: str) -> list[str]:
    prefix = directory.rstrip("/") + "/"
    names = {act.path for act in container.program.acts} | set(container.files)
    found = [path for path in sorted(names) if path.startswith(prefix)]
    return [path[len(prefix) :] for path in found if container.file(path, now) is not None]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0
