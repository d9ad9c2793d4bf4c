"""All fates of a packet: their probabilities sum to 1, and nothing is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.network import Fabric, Fate, Packet, outcomes, through_chains, through_kernel
from kubekit.sim import Loop


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=6), st.lists(st.integers(0, 5), max_size=6))
def test_probabilities_sum_to_one(chances: list[float], extra: list[int]) -> None:
    host = Fabric(Loop()).add_host("node01", "192.168.0.11", "10.244.1.0/24")
    rules = [f"-A T -m statistic --mode random --probability {p:.10f} -j S{i}" for i, p in enumerate(chances)]
    subs = [f":S{i} - [0:0]" for i in range(len(chances))]
    for i in range(len(chances)):
        if i in extra:
            rules.append(f"-A S{i} -m statistic --mode random --probability 0.25 -j RETURN")
        rules.append(f"-A S{i} -p tcp -j DNAT --to-destination 10.244.1.{i + 2}:80")
    host.netfilter.restore("\n".join(["*nat", ":T - [0:0]", *subs, *rules, "-A PREROUTING -j T", "COMMIT"]))
    packet = Packet("10.244.1.9", "10.96.0.9", "tcp", 1, 80)
    for way in (through_kernel, through_chains(0x4000, ("nat", "PREROUTING"))):
        found = outcomes(host.netfilter, packet, way)
        assert sum(found.values()) == pytest.approx(1.0)
        assert all(share >= 0 for share in found.values())
    assert len(host.netfilter.conntrack) == 0
    assert all(not chain.hits for chain in host.netfilter.rules.table("nat").chains.values())


def test_a_fair_choice_of_three_and_the_hooks_of_a_node() -> None:
    host = Fabric(Loop()).add_host("node01", "192.168.0.11", "10.244.1.0/24")
    host.netfilter.restore(
        """*nat
:SVC - [0:0]
-A PREROUTING -d 10.96.0.9 -j SVC
-A OUTPUT -d 10.96.0.9 -j MARK --or-mark 1
-A OUTPUT -d 10.96.0.9 -j SVC
-A POSTROUTING -m mark --mark 1/1 -j MASQUERADE
-A SVC -p tcp -m statistic --mode random --probability 0.3333333333 -j DNAT --to-destination 10.244.1.2:80
-A SVC -p tcp -m statistic --mode random --probability 0.5000000000 -j DNAT --to-destination 10.244.1.3:80
-A SVC -p tcp -j DNAT --to-destination 10.244.1.4:80
COMMIT
*filter
-A INPUT -p tcp --dport 22 -j REJECT
-A FORWARD -d 10.244.1.4 -j DROP
COMMIT
"""
    )
    pod = outcomes(host.netfilter, Packet("10.244.1.9", "10.96.0.9", "tcp", 1, 80), through_kernel)
    assert pod == {
        Fate("DNAT", "10.244.1.2:80"): pytest.approx(1 / 3),
        Fate("DNAT", "10.244.1.3:80"): pytest.approx(1 / 3),
        Fate("DROP", "", False, ("FORWARD",)): pytest.approx(1 / 3),
    }
    own = outcomes(host.netfilter, Packet("192.168.0.11", "10.96.0.9", "tcp", 1, 80), through_kernel)
    assert {fate.to for fate in own} == {"10.244.1.2:80", "10.244.1.3:80", "10.244.1.4:80"}
    assert all(fate.masquerade for fate in own), "OUTPUT does not pass FORWARD"
    ssh = outcomes(host.netfilter, Packet("203.0.113.1", "192.168.0.11", "tcp", 1, 22), through_kernel)
    assert ssh == {Fate("REJECT", "", False, ("INPUT",)): 1.0}
