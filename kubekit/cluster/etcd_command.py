"""EtcdCommand: the command line by which a static pod starts etcd, read as etcd reads it.

`read_command` gives the flags, or raises `CommandError` with the words that etcd exits with. `plan_of` and
`options_of` turn them into a member's plan and options; `host_path` follows the pod's volumes from a path in
the container to the node.
Source: server/etcdmain/config.go, server/embed/config.go; the package flag of Go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kubekit.api.duration import parse_go_duration
from kubekit.api.meta import Obj
from kubekit.etcd.options import MemberPlan, Options

FLAGS = frozenset(
    [
        "advertise-client-urls",
        "auth-token",
        "auth-token-ttl",
        "auto-compaction-mode",
        "auto-compaction-retention",
        "auto-tls",
        "backend-batch-interval",
        "backend-batch-limit",
        "backend-bbolt-freelist-type",
        "bcrypt-cost",
        "bootstrap-defrag-threshold-megabytes",
        "cert-file",
        "cipher-suites",
        "client-cert-auth",
        "client-cert-file",
        "client-crl-file",
        "client-key-file",
        "compact-hash-check-time",
        "compaction-batch-limit",
        "compaction-sleep-interval",
        "config-file",
        "corrupt-check-time",
        "cors",
        "data-dir",
        "discovery",
        "discovery-cacert",
        "discovery-cert",
        "discovery-dial-timeout",
        "discovery-endpoints",
        "discovery-fallback",
        "discovery-insecure-skip-tls-verify",
        "discovery-insecure-transport",
        "discovery-keepalive-time",
        "discovery-keepalive-timeout",
        "discovery-key",
        "discovery-password",
        "discovery-proxy",
        "discovery-request-timeout",
        "discovery-srv",
        "discovery-srv-name",
        "discovery-token",
        "discovery-user",
        "distributed-tracing-address",
        "distributed-tracing-instance-id",
        "distributed-tracing-sampling-rate",
        "distributed-tracing-service-name",
        "downgrade-check-time",
        "election-timeout",
        "enable-distributed-tracing",
        "enable-grpc-gateway",
        "enable-log-rotation",
        "enable-pprof",
        "feature-gates",
        "force-new-cluster",
        "grpc-keepalive-interval",
        "grpc-keepalive-min-time",
        "grpc-keepalive-timeout",
        "heartbeat-interval",
        "host-whitelist",
        "initial-advertise-peer-urls",
        "initial-cluster",
        "initial-cluster-state",
        "initial-cluster-token",
        "initial-election-tick-advance",
        "key-file",
        "listen-client-http-urls",
        "listen-client-urls",
        "listen-metrics-urls",
        "listen-peer-urls",
        "log-format",
        "log-level",
        "log-outputs",
        "log-rotation-config-json",
        "logger",
        "max-concurrent-streams",
        "max-learners",
        "max-request-bytes",
        "max-snapshots",
        "max-txn-ops",
        "max-wals",
        "memory-mlock",
        "metrics",
        "name",
        "peer-auto-tls",
        "peer-cert-allowed-cn",
        "peer-cert-allowed-hostname",
        "peer-cert-file",
        "peer-client-cert-auth",
        "peer-client-cert-file",
        "peer-client-key-file",
        "peer-crl-file",
        "peer-key-file",
        "peer-skip-client-san-verification",
        "peer-trusted-ca-file",
        "pre-vote",
        "quota-backend-bytes",
        "raft-read-timeout",
        "raft-write-timeout",
        "self-signed-cert-validity",
        "snapshot-catchup-entries",
        "snapshot-count",
        "socket-reuse-address",
        "socket-reuse-port",
        "strict-reconfig-check",
        "tls-max-version",
        "tls-min-version",
        "trusted-ca-file",
        "unsafe-no-fsync",
        "version",
        "wal-dir",
        "warning-apply-duration",
        "warning-unary-request-duration",
        "watch-progress-notify-interval",
    ]
)
SWITCHES = frozenset(
    [
        "auto-tls",
        "client-cert-auth",
        "enable-distributed-tracing",
        "enable-grpc-gateway",
        "enable-log-rotation",
        "enable-pprof",
        "force-new-cluster",
        "initial-election-tick-advance",
        "memory-mlock",
        "peer-auto-tls",
        "peer-client-cert-auth",
        "peer-skip-client-san-verification",
        "pre-vote",
        "socket-reuse-address",
        "socket-reuse-port",
        "strict-reconfig-check",
        "unsafe-no-fsync",
        "version",
    ]
)
"""Flags that stand alone."""

FILES = (
    "cert-file",
    "key-file",
    "trusted-ca-file",
    "peer-cert-file",
    "peer-key-file",
    "peer-trusted-ca-file",
)
"""Flags that name files which must be there."""

CONTAINER = "/run/containerd/etcd"
"""Where the container's own files are: gone with the container."""


class CommandError(Exception):
    """A command line that etcd does not start with."""


def read_command(words: Sequence[str]) -> dict[str, str]:
    """The flags behind ``etcd``. Raises CommandError."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            rest.insert(0, word)
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if name not in FLAGS and not name.startswith("experimental-"):
            raise CommandError(f"flag provided but not defined: -{name}")
        if not equals:
            if name in SWITCHES:
                value = "true"
            elif rest:
                value = rest.pop(0)
            else:
                raise CommandError(f"flag needs an argument: -{name}")
        found[name] = value
    if rest:
        raise CommandError(f'"{rest[0]}" is not a valid flag')
    if "listen-client-urls" in found and "advertise-client-urls" not in found:
        raise CommandError("--advertise-client-urls is required when --listen-client-urls is set explicitly")
    return found


def plan_of(flags: dict[str, str], component: str) -> MemberPlan:
    """The member that the flags describe."""
    name = flags.get("name", "default")
    peers = _urls(flags.get("initial-advertise-peer-urls", "http://localhost:2380"))
    pairs = [pair.partition("=") for pair in flags.get("initial-cluster", "").split(",") if pair]
    initial: dict[str, list[str]] = {}
    for member, _, url in pairs:
        initial.setdefault(member, []).append(url)
    return MemberPlan(
        name,
        peers,
        _urls(flags.get("advertise-client-urls", "http://localhost:2379")),
        component,
        tuple((member, tuple(urls)) for member, urls in initial.items()) or ((name, peers),),
        flags.get("initial-cluster-state") == "existing",
    )


def options_of(flags: dict[str, str], options: Options) -> Options:
    """The options with what the flags change. Raises CommandError."""
    changed: dict[str, Any] = {}
    if "quota-backend-bytes" in flags:
        changed["quota_bytes"] = _number(flags, "quota-backend-bytes")
    if "snapshot-count" in flags:
        changed["snapshot_count"] = _number(flags, "snapshot-count")
    if "heartbeat-interval" in flags:
        changed["heartbeat"] = _number(flags, "heartbeat-interval") / 1000
    if "election-timeout" in flags:
        changed["election"] = _number(flags, "election-timeout") / 1000
    for name in ("auto-compaction-mode", "auto-compaction-retention"):
        if name in flags:
            changed[name.replace("-", "_")] = flags[name]
    found = replace(options, **changed)
    _check(found)
    return found


def _check(options: Options) -> None:
    heartbeat, election = round(options.heartbeat * 1000), round(options.election * 1000)
    if heartbeat <= 0:
        raise CommandError(f"--heartbeat-interval must be >0 (set to {heartbeat}ms)")
    if 5 * heartbeat > election:
        raise CommandError(
            f"--election-timeout[{election}ms] should be at least as 5 times as "
            f"--heartbeat-interval[{heartbeat}ms]"
        )
    mode, retention = options.auto_compaction_mode, options.auto_compaction_retention
    if mode not in ("", "periodic", "revision"):
        raise CommandError(f'unknown auto-compaction-mode "{mode}"')
    if not retention.isdigit():
        try:
            parse_go_duration(retention)
        except ValueError:
            raise CommandError(f"error parsing CompactionRetention: {retention}") from None


def _number(flags: dict[str, str], name: str) -> int:
    try:
        return int(flags[name])
    except ValueError:
        raise CommandError(f'invalid value "{flags[name]}" for flag -{name}: parse error') from None


def _urls(text: str) -> tuple[str, ...]:
    return tuple(url for url in text.split(",") if url)


def host_path(pod: Obj, path: str) -> str:
    """Where a path of the pod's first container is on the node."""
    path = posixpath.normpath(posixpath.join("/", path))
    spec = pod["spec"]
    folders = {
        volume.get("name"): volume["hostPath"].get("path", "")
        for volume in spec.get("volumes") or []
        if isinstance(volume.get("hostPath"), dict)
    }
    mounts = {mount.get("mountPath", ""): mount for mount in spec["containers"][0].get("volumeMounts") or []}
    for at in sorted(mounts, key=len, reverse=True):
        folder = folders.get(mounts[at].get("name"))
        place = posixpath.normpath(at)
        if folder and (path == place or path.startswith(f"{place}/")):
            return posixpath.normpath(f"{folder}{path[len(place) :]}")
    return CONTAINER + path
