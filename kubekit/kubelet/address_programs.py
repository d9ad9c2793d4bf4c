"""Programs that show a pod's own addresses and routes: `ip` and `ifconfig`.

A pod has a loopback and one end of a veth pair, with the address that the CNI plugin gave it; its way out is
the bridge of the node, the first address of the node's range. Source: busybox 1.37 networking/ip.c; the CNI
plugins bridge and host-local.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet.steps import Out, Step

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]
PREFIX = 24
"""Bits of a node's range of pod addresses."""
LOOPBACK = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
"""


def ip(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`ip address` and `ip route`, with any abbreviation."""
    words = [word for word in rest if not word.startswith("-")]
    what = words[0] if words else ""
    own = _own(shell)
    if what and "address".startswith(what):
        device = words[-1] if len(words) > 1 and words[-1] not in ("show", "list", "dev") else ""
        yield Out(STDOUT, (LOOPBACK if device in ("", "lo") else "") + (_eth0(own) if device != "lo" else ""))
        return 0
    if what and ("route".startswith(what)):
        if own is not None:
            yield Out(
                STDOUT,
                f"default via {own.network[1]} dev eth0\n{own.network} dev eth0 scope link  src {own.ip}\n",
            )
        return 0
    yield Out(STDERR, "ip: this ip shows no more than `ip address` and `ip route`\n")
    return 1


def ifconfig(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`ifconfig`: the interfaces that are up."""
    own = _own(shell)
    if own is not None:
        yield Out(
            STDOUT,
            f"eth0      Link encap:Ethernet  HWaddr {_mac(own).upper()}\n"
            f"          inet addr:{own.ip}  Bcast:{own.network.broadcast_address}  Mask:{own.netmask}\n"
            "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\n",
        )
    yield Out(
        STDOUT,
        "lo        Link encap:Local Loopback\n          inet addr:127.0.0.1  Mask:255.0.0.0\n"
        "          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n",
    )
    return 0


def _own(shell: Shell) -> ipaddress.IPv4Interface | None:
    sandboxes = shell.container.pod.sandboxes
    text = sandboxes[0].ip if sandboxes else ""
    return ipaddress.IPv4Interface(f"{text}/{PREFIX}") if text and ":" not in text else None


def _eth0(own: ipaddress.IPv4Interface | None) -> str:
    if own is None:
        return ""
    return (
        "2: eth0@if4: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue state UP qlen 1000\n"
        f"    link/ether {_mac(own)} brd ff:ff:ff:ff:ff:ff\n"
        f"    inet {own} brd {own.network.broadcast_address} scope global eth0\n"
        "       valid_lft forever preferred_lft forever\n"
    )


def _mac(own: ipaddress.IPv4Interface) -> str:
    return ":".join(["0a", "58", *(f"{part:02x}" for part in own.ip.packed)])
