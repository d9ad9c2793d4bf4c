"""The tree: every command of a release, and the flags that all of them have.

To add a command: write its file with `commands(minor)`, and list it here.
Source: etcdctl/ctlv3/ctl.go.
"""

from __future__ import annotations

import functools

from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, boolean, duration, number, string
from kubekit.terminal.etcdctl import (
    auth,
    check,
    endpoint,
    keys,
    lease,
    lock,
    member,
    mirror,
    snapshot,
    txn,
    user,
    version,
    watch,
)
from kubekit.terminal.etcdctl.call import Call

ROOMS = (keys, txn, watch, lease, lock, member, endpoint, snapshot, auth, user, mirror, check, version)


def global_flags(minor: int) -> list[Flag]:
    """The flags that every command has."""
    sizes = [
        number(
            "max-request-bytes",
            "client-side request send limit in bytes (if 0, it defaults to 2.0 MiB (2 * 1024 * 1024).)",
        ),
        number(
            "max-recv-bytes",
            'client-side response receive limit in bytes (if 0, it defaults to "math.MaxInt32")',
        ),
    ]
    return [
        Flag("endpoints", "list", ["127.0.0.1:2379"], help="gRPC endpoints"),
        boolean("debug", "enable client-side debug logging"),
        string("write-out", "set the output format (fields, json, protobuf, simple, table)", "w", "simple"),
        boolean("hex", "print byte strings as hex encoded strings"),
        duration("dial-timeout", "dial timeout for client connections", 2.0),
        duration("command-timeout", "timeout for short running command (excluding dial timeout)", 5.0),
        duration("keepalive-time", "keepalive time for client connections", 2.0),
        duration("keepalive-timeout", "keepalive timeout for client connections", 6.0),
        *(sizes if minor >= 6 else []),
        boolean("insecure-transport", "disable transport security for client connections", default=True),
        boolean(
            "insecure-discovery", "accept insecure SRV records describing cluster endpoints", default=True
        ),
        boolean(
            "insecure-skip-tls-verify",
            "skip server certificate verification (CAUTION: this option should be enabled only for testing"
            " purposes)",
        ),
        string("cert", "identify secure client using this TLS certificate file"),
        string("key", "identify secure client using this TLS key file"),
        string("cacert", "verify certificates of TLS-enabled secure servers using this CA bundle"),
        string("user", "username[:password] for authentication (prompt if password is not supplied)"),
        string(
            "password",
            "password for authentication (if this option is used, --user option shouldn't include password)",
        ),
        string("discovery-srv", "domain name to query for SRV records describing cluster endpoints", "d"),
        string("discovery-srv-name", "service name to query when using DNS discovery"),
    ]


def _help(call: Call) -> None:
    """`help` is answered by the program itself."""


@functools.cache
def tree(minor: int) -> Command:
    """The commands of release 3.`minor`."""
    below = [command for room in ROOMS for command in room.commands(minor)]
    below.append(Command("help [command]", "Help about any command", _help))
    return Command(
        "etcdctl",
        "A simple command line client for etcd3.",
        commands=below,
        persistent=global_flags(minor),
    )
