"""The programs that every shell here has, by name."""

from __future__ import annotations

from kubekit.terminal.node_shell import builtins, coreutils, encoding, filters, sed
from kubekit.terminal.node_shell.shell import Program

PROGRAMS: dict[str, Program] = {
    ":": builtins.true,
    "[": builtins.test,
    "base64": encoding.base64,
    "bash": builtins.sh,
    "cat": coreutils.cat,
    "cd": builtins.cd,
    "chmod": coreutils.chmod,
    "command": builtins.which,
    "cp": coreutils.cp,
    "cut": filters.cut,
    "du": coreutils.du,
    "echo": builtins.echo,
    "env": builtins.env,
    "exit": builtins.leave,
    "export": builtins.export,
    "false": builtins.false,
    "find": coreutils.find,
    "grep": filters.grep,
    "head": filters.head,
    "ls": coreutils.ls,
    "mkdir": coreutils.mkdir,
    "mv": coreutils.mv,
    "printenv": builtins.env,
    "printf": builtins.printf,
    "pwd": builtins.pwd,
    "rm": coreutils.rm,
    "rmdir": coreutils.rmdir,
    "sed": sed.sed,
    "sh": builtins.sh,
    "sha256sum": coreutils.sha256sum,
    "sort": filters.sort,
    "tail": filters.tail,
    "tee": filters.tee,
    "test": builtins.test,
    "touch": coreutils.touch,
    "true": builtins.true,
    "uniq": filters.uniq,
    "unset": builtins.unset,
    "wc": filters.wc,
    "which": builtins.which,
}
