"""check: is this cluster fast enough?

`check perf` writes at a steady rate for a minute of virtual time and judges how long the answers took; links
that were slowed down show. `check datascale` wants the server's memory from its metrics, which a simulated
member has not, and fails as it does against any server without that figure.
Source: etcdctl/ctlv3/command/check.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.api.field_path import go_quote
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.tree_index import prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, boolean, string
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import Client, error_text
from kubekit.terminal.etcdctl.exits import BAD_FEATURE, ERROR, INVALID_INPUT, DeadlineExceeded, Exit

SECONDS = 60
RATES = {"s": 150, "m": 1000, "l": 8000, "xl": 15000}
"""Writes a second of each workload."""

ALIASES = {"small": "s", "medium": "m", "large": "l", "xLarge": "xl"}
SLOWEST = 0.5
SPREAD = 0.1
KEY_BYTES, VALUE_BYTES = 256, 1024


class Latencies(NamedTuple):
    """What was measured, in seconds of virtual time."""

    requests: int
    slowest: float
    deviation: float
    seconds: float
    errors: dict[str, int]


def _load(call: Call) -> str:
    given = call.flag("load")
    load = ALIASES.get(given, given)
    if load not in RATES:
        raise Exit(BAD_FEATURE, f"unknown load option {given}")
    return str(load)


def _empty(client: Client, prefix: str, quote: str) -> None:
    """Refuse to write among keys of somebody else. Raises Exit(3)."""
    key = prefix.encode()
    answer = client.call("KV/Range", {"key": key, "range_end": prefix_end(key), "limit": 1})
    if answer.get("kvs"):
        hint = f"Delete with {quote}etcdctl del --prefix {prefix}{quote} first"
        raise Exit(INVALID_INPUT, f"prefix {go_quote(prefix)} has keys. {hint}")


def _measure(call: Call, client: Client, prefix: bytes, rate: int) -> Latencies:
    waiting, value = call.waiting, bytes(VALUE_BYTES)
    start = waiting.now()
    took: list[float] = []
    errors: dict[str, int] = {}
    for number in range(rate * SECONDS):
        due = start + number // rate
        if due > waiting.now():
            waiting.until(lambda: False, due - waiting.now())
        key = prefix + number.to_bytes(8, "big") + bytes(KEY_BYTES - 8)
        began = waiting.now()
        try:
            client.call("KV/Put", {"key": key, "value": value})
        except EtcdError as error:
            text = error_text(error)
            errors[text] = errors.get(text, 0) + 1
        took.append(waiting.now() - began)
    end = start + SECONDS
    if waiting.now() < end:
        waiting.until(lambda: False, end - waiting.now())
    mean = sum(took) / len(took)
    deviation = (sum((one - mean) ** 2 for one in took) / len(took)) ** 0.5
    return Latencies(len(took), max(took), deviation, max(SECONDS, waiting.now() - start), errors)


def perf(call: Call) -> None:
    """`check perf`."""
    rate = RATES[_load(call)]
    client = call.client()
    prefix = call.flag("prefix")
    try:
        _empty(client, prefix, "'")
        found = _measure(call, client, prefix.encode(), rate)
        _clean(call, client, prefix.encode())
    except (EtcdError, DeadlineExceeded) as error:
        raise Exit(ERROR, error_text(error)) from None
    good = not found.errors
    if found.errors:
        call.out("FAIL: too many errors")
        for text, count in found.errors.items():
            call.out(f"FAIL: ERROR({text}) -> {count}")
    speed = found.requests / found.seconds
    for passed, right, wrong in (
        (
            speed / rate > 0.9,
            f"PASS: Throughput is {int(speed) + 1} writes/s",
            f"FAIL: Throughput too low: {int(speed) + 1} writes/s",
        ),
        (
            found.slowest <= SLOWEST,
            f"PASS: Slowest request took {found.slowest:f}s",
            f"Slowest request took too long: {found.slowest:f}s",
        ),
        (
            found.deviation <= SPREAD,
            f"PASS: Stddev is {found.deviation:f}s",
            f"Stddev too high: {found.deviation:f}s",
        ),
    ):
        call.out(right if passed else wrong)
        good = good and passed
    call.out("PASS" if good else "FAIL")
    if not good:
        raise Exit(ERROR)


def _clean(call: Call, client: Client, prefix: bytes) -> None:
    gone = client.call("KV/DeleteRange", {"key": prefix, "range_end": prefix_end(prefix)})
    if call.flag("auto-compact"):
        revision = gone["header"].get("revision", 0)
        call.out(f"Compacting with revision {revision}")
        client.call("KV/Compact", {"revision": revision, "physical": True})
        call.out(f"Compacted with revision {revision}")
    if call.flag("auto-defrag"):
        for endpoint in client.config.endpoints:
            call.out(f"Defragmenting {go_quote(endpoint)}")
            call.client([endpoint]).call("Maintenance/Defragment", {})
            call.out(f"Defragmented {go_quote(endpoint)}")


def datascale(call: Call) -> None:
    """`check datascale`."""
    _load(call)
    client = call.client()
    try:
        _empty(client, call.flag("prefix"), "")
    except (EtcdError, DeadlineExceeded) as error:
        raise Exit(ERROR, error_text(error)) from None
    call.out("could not find: process_resident_memory_bytes")
    call.out("FAIL: Could not read process_resident_memory_bytes before the put operations.")
    raise Exit(ERROR)


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    sizes = "Accepted workloads: s(small), m(medium), l(large), xl(xLarge)"
    more = (
        ". Different workload models use different configurations in terms of number of clients and expected"
        " throughput."
    )
    after = [
        boolean("auto-compact", "Compact storage with last revision after test is finished."),
        boolean("auto-defrag", "Defragment storage after test is finished."),
    ]

    def load(what: str, rest: str = "") -> list[Flag]:
        return [
            string("load", f"The {what} check's workload model. {sizes}{rest}", default="s"),
            string(
                "prefix",
                f"The prefix for writing the {what} check's keys.",
                default=f"/etcdctl-check-{what[:4] if what == 'performance' else what}/",
            ),
            *after,
        ]

    return [
        Command(
            "check <subcommand>",
            "commands for checking properties of the etcd cluster",
            commands=[
                Command(
                    "perf [options]",
                    "Check the performance of the etcd cluster",
                    perf,
                    load("performance", more if minor >= 6 else ""),
                ),
                Command(
                    "datascale [options]",
                    "Check the memory usage of holding data for different workloads on a given server"
                    " endpoint.",
                    datascale,
                    load("datascale"),
                    long="If no endpoint is provided, localhost will be used. If multiple endpoints are"
                    " provided, first endpoint will be used.",
                ),
            ],
        )
    ]
