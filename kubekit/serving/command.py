"""`kubekit`: the console program. `kubekit up` boots a cluster and serves it until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Sequence

import kubekit
from kubekit.cluster.defaults import ETCD_SIZES
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
    own = up.add_argument_group("etcd", "members of the cluster's own")
    own.add_argument("--etcd-members", type=int, choices=ETCD_SIZES, default=1, help="how many (default: 1)")
    own.add_argument("--data-dir", default="", metavar="DIR", help="keep etcd's data here, over restarts")
    own.add_argument(
        "--etcd-port",
        type=_any_port,
        metavar="P",
        help="serve etcd too, its first member here (0: a free port)",
    )
    real = up.add_argument_group("real etcd", "a cluster of etcd that runs elsewhere, shared by API servers")
    real.add_argument("--etcd", metavar="ENDPOINTS", default="", help="its endpoints, separated by commas")
    real.add_argument("--etcd-cafile", metavar="FILE", default="", help="who signed its certificates")
    real.add_argument("--etcd-certfile", metavar="FILE", default="", help="the client certificate to show")
    real.add_argument("--etcd-keyfile", metavar="FILE", default="", help="its key")
    real.add_argument(
        "--join", action="store_true", help="be a further control plane of the cluster in it, without nodes"
    )
    planning_command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console program; returns the exit status."""
    top = parser()
    options = top.parse_args(argv)
    if options.command in planning_command.COMMANDS:
        return planning_command.run(options)
    if options.etcd and options.etcd_port is not None:
        top.error("--etcd-port serves members of this process; with --etcd there are none")
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
    try:
        cluster = kubekit.up(
            workers=options.workers,
            seed=options.seed,
            name=options.name,
            start=time.time() - BOOT_ALLOWANCE,
            controller_options=authority.controller_options,
            etcd_members=options.etcd_members,
            data_dir=options.data_dir,
            etcd=[endpoint for endpoint in options.etcd.split(",") if endpoint],
            etcd_cafile=options.etcd_cafile,
            etcd_certfile=options.etcd_certfile,
            etcd_keyfile=options.etcd_keyfile,
            join=options.join,
        )
    except kubekit.KubekitError as error:
        print(f"kubekit: {error}", file=sys.stderr)
        return 1
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
    with server, contextlib.ExitStack() as doors:
        if options.etcd_port is not None:
            try:
                etcd = doors.enter_context(
                    cluster.serve_etcd(options.etcd_port, follow_real_time=True, announce=_say_aside)
                )
            except PortInUse as error:
                print(f"kubekit: {error.strerror}", file=sys.stderr)
                return 1
            print(etcd.env(), flush=True)
            _say_aside(f"etcd of cluster {cluster.name} answers on {', '.join(etcd.endpoints)}.")
        print(f"export KUBECONFIG={server.kubeconfig}", flush=True)
        _say_aside(
            f"Cluster {cluster.name} with {0 if options.join else options.workers} worker(s) answers on "
            f"{server.url}. Ctrl-C stops it."
        )
        while not stop.wait(0.5) and server.running:
            pass
    cluster.etcd.stop()
    return 0


def _say_aside(text: str) -> None:
    """To standard error, so that `eval "$(kubekit up)"`-like uses read only the export line."""
    print(text, file=sys.stderr, flush=True)


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 5000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers: give 0 to 5000")
    return number


def _any_port(text: str) -> int:
    return 0 if text == "0" else _port(text)


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 1 to 65535")
    return number


if __name__ == "__main__":
    sys.exit(main())
