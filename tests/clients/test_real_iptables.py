"""The Linux kernel's netfilter as the judge: it must load our text and then have the same chains and
rules.

Each test runs the real iptables-restore in a network namespace of its own (`unshare -n`, which needs
root), so nothing outside is touched. Where that is not possible the tests skip and say why; with
KUBEKIT_REQUIRE_REAL=1 they fail instead.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from kubekit.network import Fabric, Host, run
from kubekit.proxy.local_traffic import LocalDetector
from kubekit.proxy.proxier import Proxier, ProxierConfig
from kubekit.sim import Loop
from tests.programs import REQUIRE_REAL, need_program
from tests.proxy.objects import endpoint_slice, service

pytestmark = pytest.mark.real


def in_namespace(script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a shell script in a fresh network namespace."""
    unshare = need_program("unshare")
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    return subprocess.run(
        [unshare, "-n", "sh", "-c", script],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


@pytest.fixture(scope="module")
def kernel() -> None:
    """Skips (or fails) where the kernel or the rights to use it are missing."""
    need_program("iptables-restore")
    tried = in_namespace("iptables-restore --noflush", "*nat\n:T - [0:0]\n-A T -j MASQUERADE\nCOMMIT\n")
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or ["no reason given"])[0]
        reason = f"no network namespace with iptables can be made here (root is needed): {said}"
        if REQUIRE_REAL:
            pytest.fail(f"{reason}, and KUBEKIT_REQUIRE_REAL=1 allows no skipping")
        pytest.skip(reason)


def node() -> tuple[Host, str]:
    """A node with every kind of Service on it, and the text of its first sync."""
    loop = Loop(seed=3)
    host = Fabric(loop).add_host("node01", "192.168.0.11", "10.244.1.0/24")
    detector = LocalDetector.configured("ClusterCIDR", cluster_cidr="10.244.0.0/16")
    config = ProxierConfig("node01", host.ip, detector=detector)
    proxier = Proxier(host.netfilter, config, loop.clock.now, lambda: [host.ip])
    here_and_there = {"10.244.1.3": "node01", "10.244.2.2": "node02", "10.244.2.3": "node02"}
    sticky = {"clientIP": {"timeoutSeconds": 600}}
    lb = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}
    for number, spec in enumerate(
        [
            {},
            {"type": "NodePort", "nodePort": 30080},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": sticky},
            {"externalIPs": ["1.2.3.4"]},
            {**lb, "nodePort": 30090, "ingress": ["5.6.7.8"], "loadBalancerSourceRanges": ["203.0.113.0/24"]},
            {"internalTrafficPolicy": "Local"},
            {"protocol": "UDP", "port": 53},
        ]
    ):
        proxier.on_service(None, service(f"s{number}", f"10.96.0.{number + 10}", **spec))
        protocol = str(spec.get("protocol", "TCP"))
        proxier.on_endpoint_slice(endpoint_slice(f"s{number}", here_and_there, protocol=protocol))
    proxier.on_service(None, service("empty", "10.96.0.99"))
    return host, proxier.sync().text


def chains_and_counts(saved: str) -> dict[str, int]:
    """ "table chain" -> number of rules."""
    found: dict[str, int] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            found[f"{table} {line.split()[0][1:]}"] = 0
        elif line.startswith("-A "):
            found[f"{table} {line.split()[1]}"] += 1
    return found


def test_the_kernel_loads_our_text_and_prints_what_we_print(kernel: None) -> None:
    host, _ = node()
    ours = host.netfilter.save("filter") + host.netfilter.save("nat")
    script = "iptables-restore --noflush --counters && iptables-save -t filter && iptables-save -t nat"
    ran = in_namespace(script, ours)
    assert ran.returncode == 0, ran.stderr
    theirs = "".join(line + "\n" for line in ran.stdout.splitlines() if not line.startswith("#"))
    assert chains_and_counts(theirs) == chains_and_counts(ours)
    assert re.sub(r"\[\d+:\d+\]", "[0:0]", theirs) == ours


def test_the_kernel_loads_a_sync_as_it_is_given(kernel: None) -> None:
    host, text = node()
    ran = in_namespace("iptables-restore --noflush --counters && iptables-save -t nat", text)
    assert ran.returncode == 0, ran.stderr
    ours = chains_and_counts(host.netfilter.save("nat"))
    theirs = chains_and_counts(ran.stdout)
    assert {k: v for k, v in theirs.items() if "KUBE-" in k} == {
        k: v for k, v in ours.items() if "KUBE-" in k
    }


SCRIPTS = [
    "iptables -A FOO -j ACCEPT",
    "iptables -t nat -A PREROUTING -j NOPE",
    "iptables -t nat -N FOO; iptables -t nat -N FOO",
    "iptables -t foo -L",
    "iptables -N E; iptables -D E 1",
    "iptables -N E; iptables -I E 3 -j ACCEPT",
    "iptables -C INPUT -j ACCEPT",
    "iptables -P INPUT FOO",
    "iptables -A INPUT -p tcp --dport 80x -j DROP",
    "iptables -A INPUT -d 1.2.3.4.5 -j DROP",
    "iptables -A INPUT -p tcp --dport 80 -j REJECT; iptables -A INPUT ! -s 10.0.0.0/8; iptables -L -n",
    "iptables -A FORWARD -p udp --sport 53 -m mark --mark 4; iptables -L FORWARD -nv --line-numbers",
    "iptables -A INPUT -p tcp --dport 443 -j ACCEPT; iptables -L INPUT; iptables -S",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_iptables_command_says_what_the_real_one_says(kernel: None, script: str) -> None:
    netfilter = Fabric(Loop()).add_host("node01", "192.168.0.11").netfilter
    ours = [run(netfilter, line.split()) for line in script.split("; ")]
    real = in_namespace(script)
    assert "".join(ran.stdout for ran in ours) == real.stdout
    assert "".join(ran.stderr for ran in ours).split() == real.stderr.split()
    assert ours[-1].status == real.returncode
