"""The programs that people call in containers: what each prints and changes, as steps of the shell.

Which of them an image has is said in `image_programs`, what its files hold in `image_files`; those that
read their input are in `filters`. Programs that an image brings along and that nothing is known about
succeed without output.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import file_programs, filters, image_files, network_programs, tar
from kubekit.kubelet.answers import program_of
from kubekit.kubelet.image_programs import find, has_busybox, is_common
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.script import SECONDS_OF
from kubekit.kubelet.steps import Out, Step, Wait
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
OWN_SECONDS = 0.02


def run(shell: Shell, name: str, argv: list[str], stdin: str | None) -> Run:
    """Run one program; its exit status. `stdin` is what a pipe or a file gives it, None is the terminal."""
    container, now, rest = shell.container, shell.clock(), argv[1:]
    if name in ("sh", "bash", "ash", "dash"):
        return (yield from _shell(shell, name, rest, stdin))
    if name == "sleep":
        yield Wait(min(sum(_seconds(word) for word in rest), 10 * 365 * 86400.0))
        return 0
    if name == "yes":
        while True:
            yield Out(STDOUT, f"{' '.join(rest) or 'y'}\n" * 100)
            yield Wait(0.1)
    if name in filters.NAMES:
        return (yield from filters.run(shell, name, rest, stdin))
    if name == "tar":
        return (yield from tar.run(shell, rest, stdin))
    if name == "timeout":
        return (yield from _timeout(shell, rest, stdin))
    if name in network_programs.PROGRAMS and container.pod.network is not None:
        if shell.own:  # a process takes its time, however fast the answer comes
            yield Wait(OWN_SECONDS)
        return (yield from network_programs.PROGRAMS[name](shell, rest, stdin))
    if name == "chroot":
        return (yield from _chroot(shell, rest, stdin))
    if shell.own and name in SECONDS_OF:
        yield Wait(SECONDS_OF[name])
        return 0
    if shell.own and not is_common(name):
        container.program.is_server = True
        while True:
            yield Wait(3600.0)
    status, out, err = simple(container, name, rest, now, shell)
    if out:
        yield Out(STDOUT, out)
    if err:
        yield Out(STDERR, err)
    return status


def _shell(shell: Shell, name: str, rest: list[str], stdin: str | None) -> Run:
    from kubekit.kubelet.shell import Shell as NewShell

    variables = dict(shell.variables)
    inner = NewShell(shell.container, shell.clock, name, shell.strict, shell.own, variables=variables)
    words = [word for word in rest if not word.startswith("-")]
    if any(re.fullmatch(r"-[a-z]*c", word) for word in rest):
        return (yield from inner.script(words[0] if words else ""))
    if words:
        text = image_files.read(shell.container, words[0], shell.clock())
        if text is None:
            yield Out(STDERR, f"{name}: 0: cannot open {words[0]}: No such file\n")
            return 2
        return (yield from inner.script(text))
    if stdin is not None:
        return (yield from inner.script(stdin))
    return (yield from inner.interactive(""))


def _timeout(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`timeout [-s SIGNAL] SECONDS COMMAND...`: the command, until its time is over."""
    words = list(rest)
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-s", "-k") else words[1:]
    if len(words) < 2:
        yield Out(STDERR, "timeout: missing operand\n")
        return 125
    found = find(shell.container, words[1], shell.strict)
    if found is None:
        yield Out(STDERR, f"timeout: can't execute '{words[1]}': No such file or directory\n")
        return 127
    inner, left, answer = run(shell, found, words[1:], stdin), _seconds(words[0]), None
    while True:
        try:
            step = inner.send(answer)
        except StopIteration as ended:
            return int(ended.value or 0)
        answer = None
        if isinstance(step, Wait) and step.seconds >= left > 0:
            inner.close()
            yield Wait(left)
            return 143 if has_busybox(shell.container) else 124
        if isinstance(step, Wait):
            left -= step.seconds
        answer = yield step


def _chroot(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`chroot DIR [COMMAND...]`: the node's own files and shell, where its root is mounted."""
    from kubekit.kubelet.shell import Shell as NewShell

    container = shell.container
    folder = image_files.at(container, rest[0] if rest else "/")
    inside = [mount for mount in container.mounts if mount.place == folder]
    if not inside or not image_files.is_folder(container, f"{folder}/etc", shell.clock()):
        command = rest[1] if len(rest) > 1 else "/bin/bash"
        there = image_files.is_folder(container, folder, shell.clock())
        said = f"can't execute '{command}'" if there else f"can't change root directory to '{folder}'"
        yield Out(STDERR, f"chroot: {said}: No such file or directory\n")
        return 127 if there else 1
    seen = container.seen_from("/")
    seen.mounts, seen.files, seen.image = (inside[0]._replace(place="/"),), {}, "node"
    inner = NewShell(seen, shell.clock, "bash", shell.strict, variables=dict(shell.variables))
    argv = rest[1:] or ["bash"]
    found = find(seen, argv[0], shell.strict)
    if found is None:
        yield Out(STDERR, f"chroot: can't execute '{argv[0]}': No such file or directory\n")
        return 127
    return (yield from run(inner, found, argv, stdin))


def simple(
    container: Container, name: str, rest: list[str], now: float, shell: Shell | None = None
) -> tuple[int, str, str]:
    """A program that neither waits nor reads: (exit status, output, errors)."""
    paths = [word for word in rest if not word.startswith("-")]
    environment = dict(container.pod.environment.get(container.status.name, {}))
    if shell is not None:
        environment |= shell.variables
    if name == "false":
        return 1, "", ""
    if name == "ready-after":
        return (0 if container.age(now) >= _seconds(rest[0] if rest else "0") else 1), "", ""
    if name == "healthy-for":
        return (0 if container.age(now) < _seconds(rest[0] if rest else "0") else 1), "", ""
    if name == "echo":
        text = " ".join(word for word in rest if word not in ("-n", "-e"))
        return 0, (text.replace("\\n", "\n") if "-e" in rest else text) + ("" if "-n" in rest else "\n"), ""
    if name == "printf":
        return 0, _printf(rest), ""
    if name in file_programs.NAMES:
        return file_programs.run(container, name, rest, now)
    if name in ("test", "["):
        return _test(container, [word for word in rest if word != "]"], now), "", ""
    elif name == "ls":
        return image_files.listing(container, paths[0] if paths else ".", now)
    elif name in ("env", "printenv"):
        lines = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        lines |= {"HOSTNAME": container.pod.hostname, **environment}
        if paths:
            return (0, f"{lines[paths[0]]}\n", "") if paths[0] in lines else (1, "", "")
        return 0, "".join(f"{key}={value}\n" for key, value in lines.items()), ""
    elif name == "hostname":
        sandboxes = container.pod.sandboxes
        ip = sandboxes[0].ip if sandboxes else ""
        return 0, f"{ip or container.pod.hostname if '-i' in rest else container.pod.hostname}\n", ""
    elif name == "date":
        return 0, f"{rfc3339(now)}\n", ""
    elif name in ("id", "whoami"):
        return 0, "uid=0(root) gid=0(root) groups=0(root)\n" if name == "id" else "root\n", ""
    elif name == "pwd":
        return 0, f"{container.folder}\n", ""
    elif name == "uname":
        return (
            0,
            "Linux\n" if "-a" not in rest else f"Linux {container.pod.hostname} 6.12.0 x86_64 GNU/Linux\n",
            "",
        )
    elif name == "which":
        found = [path for path in paths if find(container, path)]
        return int(len(found) < len(paths)), "".join(f"/usr/bin/{path}\n" for path in found), ""
    elif name == "seq":
        bounds = [int(word) for word in paths if word.isdigit()][:2] or [0]
        first = bounds[0] if len(bounds) > 1 else 1
        return 0, "".join(f"{number}\n" for number in range(first, min(bounds[-1], first + 9999) + 1)), ""
    elif name == "tty":
        return 1, "not a tty\n", ""
    elif name == "ps":
        main = " ".join(container.argv) or program_of(container.image)
        return 0, f"PID   USER     TIME  COMMAND\n    1 root      0:00 {main}\n", ""
    elif name == "nginx":
        return 0, "", _nginx(container, rest)
    return 0, "", ""


def _nginx(container: Container, rest: list[str]) -> str:
    if "-t" in rest:
        path = "/etc/nginx/nginx.conf"
        return (
            f"nginx: the configuration file {path} syntax is ok\n"
            f"nginx: configuration file {path} test is successful\n"
        )
    tag = container.image.rpartition(":")[2] if ":" in container.image else "latest"
    return f"nginx version: nginx/{tag}\n" if {"-v", "-V"} & set(rest) else ""


def _printf(rest: list[str]) -> str:
    if not rest:
        return ""
    form = rest[0].replace("\\n", "\n").replace("\\t", "\t")
    values = iter(rest[1:])
    return re.sub(r"%[-0-9]*[sd]", lambda _: next(values, ""), form).replace("%%", "%")


def _test(container: Container, words: list[str], now: float) -> int:
    if words and words[0] == "!":
        return int(not _test(container, words[1:], now))
    if len(words) == 3 and words[1] in ("=", "==", "!=", "-eq", "-ne", "-gt", "-lt", "-ge", "-le"):
        left, sign, right = words
        if sign in ("=", "==", "!="):
            return int((left == right) != (sign != "!="))
        try:
            one, two = int(left), int(right)
        except ValueError:
            return 2
        held = {"-eq": one == two, "-ne": one != two, "-gt": one > two, "-lt": one < two, "-ge": one >= two}
        return int(not held.get(sign, one <= two))
    if len(words) == 2 and words[0] in ("-z", "-n"):
        return int(bool(words[1]) == (words[0] == "-z"))
    if len(words) == 2 and words[0] == "-d":
        return int(not image_files.is_folder(container, words[1], now))
    path = words[-1] if words else ""
    if len(words) == 2 and words[0].startswith("-"):
        exists = image_files.read(container, path, now) is not None
        return int(not (exists or (words[0] == "-e" and image_files.is_folder(container, path, now))))
    return int(image_files.read(container, path, now) is None) if path.startswith("/") else int(not path)


def _seconds(word: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word)
    if found is None:
        return float(10 * 365 * 86400) if word in ("inf", "infinity") else 0.0
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
