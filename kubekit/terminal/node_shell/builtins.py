"""Builtins: what the shell does itself, and programs that touch no file - cd, export, echo, test, sh.

Source: bash(1), "SHELL BUILTIN COMMANDS".
"""

from __future__ import annotations

import re

from kubekit.terminal.node_shell.shell import Leave, Run

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "a": "\a", "0": "\0"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text)


def echo(run: Run) -> int:
    """`echo`."""
    words = run.args
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        newline = newline and "n" not in words[0]
        escapes = "e" in words[0] or escapes
        words = words[1:]
    text = " ".join(words)
    run.out(_unescaped(text) if escapes else text, end="\n" if newline else "")
    return 0


def printf(run: Run) -> int:
    """`printf`, with %s and %d."""
    if not run.args:
        run.err("printf: usage: printf [-v var] format [arguments]")
        return 2
    form, values = _unescaped(run.args[0]), list(run.args[1:])
    while True:
        out = re.sub(
            r"%[sd%]", lambda found: "%" if found[0] == "%%" else values.pop(0) if values else "", form
        )
        run.out(out, end="")
        if not values or ("%s" not in form and "%d" not in form):
            return 0


def cd(run: Run) -> int:
    """`cd`."""
    target = run.args[0] if run.args else run.env.get("HOME", "/")
    if target == "-":
        target = run.env.get("OLDPWD", run.shell.cwd)
        run.out(target)
    if not run.shell.is_folder(target):
        there = run.files.exists(run.at(target))
        reason = "Not a directory" if there else "No such file or directory"
        run.err(f"bash: cd: {target}: {reason}")
        return 1
    run.shell.env["OLDPWD"], run.shell.cwd = run.shell.cwd, run.at(target)
    run.shell.env["PWD"] = run.shell.cwd
    return 0


def pwd(run: Run) -> int:
    """`pwd`."""
    run.out(run.shell.cwd)
    return 0


def export(run: Run) -> int:
    """`export NAME=value`, `export NAME`."""
    shell, code = run.shell, 0
    if not run.args or run.args == ["-p"]:
        for name, value in sorted(shell.env.items()):
            run.out(f'declare -x {name}="{value}"')
        return 0
    for word in run.args:
        name, equals, value = word.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            run.err(f"bash: export: `{word}': not a valid identifier")
            code = 1
        elif equals:
            shell.env[name] = value
            shell.local.pop(name, None)
        elif name in shell.local:
            shell.env[name] = shell.local.pop(name)
    return code


def unset(run: Run) -> int:
    """`unset NAME`."""
    for name in run.args:
        run.shell.env.pop(name, None)
        run.shell.local.pop(name, None)
    return 0


def env(run: Run) -> int:
    """`env`, also with NAME=value and a command behind."""
    words = list(run.args)
    made = {name: value for name, value in run.env.items() if name != "?"}
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        made[name] = value
    if not words:
        for name, value in made.items():
            run.out(f"{name}={value}")
        return 0
    inner = Run(run.shell, words, made, run.stdin, run.stdout, run.stderr)
    return run.shell.call(inner)


def true(run: Run) -> int:
    """`true` and `:`."""
    return 0


def false(run: Run) -> int:
    """`false`."""
    return 1


def leave(run: Run) -> int:
    """`exit`."""
    word = run.args[0] if run.args else run.env.get("?", "0")
    if not re.fullmatch(r"-?\d+", word):
        run.err(f"bash: exit: {word}: numeric argument required")
        raise Leave(2)
    raise Leave(int(word) & 255)


def test(run: Run) -> int:
    """`test` and `[`."""
    words = run.args
    if run.name == "[":
        if not words or words[-1] != "]":
            run.err("bash: [: missing `]'")
            return 2
        words = words[:-1]
    if words[:1] == ["!"]:
        return 0 if not _holds(run, words[1:]) else 1
    return 0 if _holds(run, words) else 1


def _holds(run: Run, words: list[str]) -> bool:
    if len(words) <= 1:
        return bool(words and words[0])
    if len(words) == 2:
        flag, value = words
        checks = {
            "-f": run.files.exists(run.at(value)) and not run.shell.is_folder(value),
            "-d": run.shell.is_folder(value),
            "-e": run.files.exists(run.at(value)),
            "-s": run.files.exists(run.at(value))
            and not run.shell.is_folder(value)
            and _size(run, value) > 0,
            "-n": bool(value),
            "-z": not value,
        }
        return checks.get(flag, False)
    left, operator, right = words[:3]
    if operator in ("=", "=="):
        return left == right
    if operator == "!=":
        return left != right
    try:
        difference = int(left) - int(right)
    except ValueError:
        return False
    signs = {"-eq": difference == 0, "-ne": difference != 0, "-lt": difference < 0, "-gt": difference > 0}
    return signs.get(operator, difference <= 0 if operator == "-le" else difference >= 0)


def _size(run: Run, path: str) -> int:
    return run.files.size(run.at(path))


def sh(run: Run) -> int:
    """`sh -c SCRIPT` and `bash FILE`."""
    if run.args[:1] == ["-c"] and len(run.args) > 1:
        script = run.args[1]
    elif run.args:
        try:
            script = run.files.read(run.at(run.args[0])).decode(errors="replace")
        except OSError as error:
            run.err(f"bash: {run.args[0]}: {error.strerror}")
            return 127
    else:
        script = run.stdin.decode(errors="replace")
    shell = run.shell
    kept = dict(shell.env), dict(shell.local), shell.cwd
    shell.env = {name: value for name, value in run.env.items() if name != "?"}
    try:
        return shell.script(script, run.stdin, run.stdout, run.stderr)
    except Leave as left:
        return left.code
    finally:
        shell.env, shell.local, shell.cwd = kept


def which(run: Run) -> int:
    """`which`, `command -v`."""
    names = [word for word in run.args if not word.startswith("-")]
    for name in names:
        if name not in run.shell.programs:
            return 1
        run.out(f"/usr/bin/{name}")
    return 0
