"""The tree of etcdutl's commands. Source: etcdutl/ctl.go."""

from __future__ import annotations

import functools

from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import string
from kubekit.terminal.etcdctl import offline, version
from kubekit.terminal.etcdutl import files


@functools.cache
def tree(minor: int) -> Command:
    """The commands of release 3.`minor`."""
    where = "Path to the output data directory"
    below = [
        Command(
            "snapshot <subcommand>",
            "Manages etcd node snapshots",
            commands=[
                Command(
                    "restore <filename> --data-dir {output dir} [options]",
                    "Restores an etcd member snapshot to an etcd directory",
                    offline.restore,
                    offline.restore_flags(minor, where),
                    required=("data-dir",) if minor == 5 else (),
                ),
                Command(
                    "status <filename>",
                    "Gets backend snapshot status of a given file",
                    offline.status,
                    long=offline.STATUS_LONG,
                ),
            ],
        ),
        Command("version", "Prints the version of etcdutl", version.version),
        Command("help [command]", "Help about any command", version.version),
        *files.commands(minor),
    ]
    output = string(
        "write-out", "set the output format (fields, json, protobuf, simple, table)", "w", "simple"
    )
    return Command(
        "etcdutl", "An administrative command line tool for etcd3.", commands=below, persistent=[output]
    )
