"""`kubekit`: the console program. `kubekit up` boots a cluster and serves it until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence

import kubekit
from kubekit.serving import planning_command

BOOT_ALLOWANCE = 60.0
"""Seconds before now at which a served cluster begins its life: booting takes some virtual time, and no
object may look as if it came from the future."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="kubekit", description="A Kubernetes cluster in one process, for learning and for tests."
    )
    top.add_argument("--version", action="version", version=f"kubekit {kubekit.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="boot a cluster and serve it over HTTPS on loopback")
    up.add_argument("--workers", type=_count, default=2, metavar="N", help="worker nodes (default: 2)")
    up.add_argument(
        "--port", type=_port, metavar="P", help="port on 127.0.0.1 (default: 6443, else a free one)"
    )
    up.add_argument("--kubeconfig", metavar="FILE", help="where to write the kubeconfig")
    up.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all chance (default: 0)")
    up.add_argument("--name", default="kubekit", metavar="NAME", help="the cluster's name (default: kubekit)")
    planning_command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console program; returns the exit status."""
    options = parser().parse_args(argv)
    if options.command in planning_command.COMMANDS:
        return planning_command.run(options)
    return up(options)


def up(options: argparse.Namespace) -> int:
    """Boot, serve, say where, wait for Ctrl-C or SIGTERM, stop."""
    from kubekit.serving.certificates import Authority
    from kubekit.serving.kubeconfig import KubeconfigRefused
    from kubekit.serving.server import PortInUse, serve

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    authority = Authority()
    cluster = kubekit.up(
        workers=options.workers,
        seed=options.seed,
        name=options.name,
        start=time.time() - BOOT_ALLOWANCE,
        controller_options=authority.controller_options,
    )
    try:
        server = serve(
            cluster,
            options.port,
            options.kubeconfig,
            follow_real_time=True,
            announce=_say_aside,
            authority=authority,
        )
    except (PortInUse, KubeconfigRefused) as error:
        text = error.strerror if isinstance(error, PortInUse) else str(error)
        print(f"kubekit: {text}", file=sys.stderr)
        return 1
    with server:
        print(f"export KUBECONFIG={server.kubeconfig}", flush=True)
        _say_aside(
            f"Cluster {cluster.name} with {options.workers} worker(s) answers on {server.url}. "
            "Ctrl-C stops it."
        )
        while not stop.wait(0.5) and server.running:
            pass
    return 0


def _say_aside(text: str) -> None:
    """To standard error, so that `eval "$(kubekit up)"`-like uses read only the export line."""
    print(text, file=sys.stderr, flush=True)


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 5000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers: give 0 to 5000")
    return number


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 1 to 65535")
    return number


if __name__ == "__main__":
    sys.exit(main())
