"""base64: keys and values of etcd's JSON gateway travel in it, and so do a Secret's.

The messages are those of GNU coreutils.
Source: GNU coreutils 9.1, base64(1).
"""

from __future__ import annotations

import binascii

from kubekit.terminal.node_shell.options import BadOption, bad, read
from kubekit.terminal.node_shell.shell import Run

WRAP = 76


def base64(run: Run) -> int:
    """`base64`, with -d and -w."""
    try:
        options = read(run, "d", "w", {"decode": "d", "wrap": "w"})
    except BadOption as error:
        return bad(run, error)
    if len(options.rest) > 1:
        return run.fail(f"extra operand ‘{options.rest[1]}’")
    try:
        data = run.here.read(options.rest[0]) if options.rest and options.rest[0] != "-" else run.stdin
    except OSError as error:
        return run.fail(f"{options.rest[0]}: {error.strerror}")
    if "d" in options:
        try:
            run.out(binascii.a2b_base64(data.translate(None, b"\n"), strict_mode=True), end="")
        except binascii.Error:
            return run.fail("invalid input")
        return 0
    width = options.values.get("w", str(WRAP))
    if not width.isdigit():
        return run.fail(f"invalid wrap size: ‘{width}’")
    text = binascii.b2a_base64(data, newline=False)
    step = int(width)
    if not step:
        run.out(text, end="")
    for at in range(0, len(text) if step else 0, step or 1):
        run.out(text[at : at + step])
    return 0
