"""iptables-restore and the iptables command: what they do, and what they say when they cannot."""

from __future__ import annotations

import pytest

from kubekit.network import Fabric, IptablesError, Netfilter, run
from kubekit.sim import Loop

RESTORE = "iptables-restore v1.8.9 (nf_tables): "
HINT = "\nTry `iptables-restore -h' or 'iptables-restore --help' for more information."


@pytest.fixture
def netfilter() -> Netfilter:
    return Fabric(Loop()).add_host("node01", "192.168.0.11", "10.244.1.0/24").netfilter


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (
            "*nat\n-A FOO -j ACCEPT\nCOMMIT\n",
            1,
            "iptables-restore: line 2 failed: No chain/target/match by that name.",
        ),
        (
            "*nat\n:FOO - [0:0]\n-A FOO -j BAR\nCOMMIT\n",
            2,
            f"{RESTORE}Chain 'BAR' does not exist\nError occurred at line: 4{HINT}",
        ),
        (
            "*nat\n:FOO - [0:0]\n-A FOO --bogus 1 -j ACCEPT\nCOMMIT\n",
            2,
            f'{RESTORE}unknown option "--bogus"\nError occurred at line: 3{HINT}',
        ),
        ("*nat\n:FOO - [0:0]\n-A FOO -j ACCEPT\n", 1, "iptables-restore: COMMIT expected at line 4"),
        (
            "*foo\n:FOO - [0:0]\nCOMMIT\n",
            2,
            f"{RESTORE}iptables-restore: line 1 table name 'foo' invalid\nError occurred at line: 1{HINT}",
        ),
        ("garbage\n", 1, "iptables-restore: line 1 failed"),
        (
            "*nat\n-X NOPE\nCOMMIT\n",
            1,
            "iptables-restore: line 2 failed: No chain/target/match by that name.",
        ),
        (
            "*nat\n:KUBE-1234567890123456789012345 - [0:0]\nCOMMIT\n",
            2,
            f"{RESTORE}chain name `KUBE-1234567890123456789012345' too long (must be under 29 chars)\n"
            f"Error occurred at line: 2{HINT}",
        ),
        (
            "*filter\n:L3 - [0:0]\n-A L3 -j MASQUERADE\nCOMMIT\n",
            4,
            f"{RESTORE}\nline 3: RULE_APPEND failed (Invalid argument): rule in chain L3",
        ),
        (
            "*nat\n:FOO - [0:0]\n:BAR - [0:0]\n-A FOO -j BAR\nCOMMIT\n*nat\n:BAR - [0:0]\n-X BAR\nCOMMIT\n",
            4,
            f"{RESTORE}\nline 8: CHAIN_DEL failed (Device or resource busy): chain BAR",
        ),
    ],
)
def test_a_wrong_text_is_refused_as_iptables_restore_refuses_it(
    netfilter: Netfilter, text: str, status: int, said: str
) -> None:
    with pytest.raises(IptablesError) as problem:
        netfilter.restore(text)
    assert (problem.value.status, problem.value.message) == (status, said)


def test_a_table_changes_whole_or_not_at_all(netfilter: Netfilter) -> None:
    netfilter.restore("*nat\n:A - [0:0]\n-A A -j RETURN\nCOMMIT\n")
    before = netfilter.save()
    with pytest.raises(IptablesError):
        netfilter.restore("*nat\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j C\nCOMMIT\n")
    assert netfilter.save() == before


def test_noflush_empties_declared_chains_and_leaves_the_others(netfilter: Netfilter) -> None:
    netfilter.restore(
        "*nat\n:A - [0:0]\n:B - [0:0]\n-A A -j RETURN\n-A B -j RETURN\n-A PREROUTING -j A\nCOMMIT\n"
    )
    netfilter.restore("*nat\n:A - [3:180]\nCOMMIT\n")
    assert netfilter.save("nat").splitlines() == [
        "*nat",
        ":PREROUTING ACCEPT [0:0]",
        ":INPUT ACCEPT [0:0]",
        ":OUTPUT ACCEPT [0:0]",
        ":POSTROUTING ACCEPT [0:0]",
        ":A - [3:180]",
        ":B - [0:0]",
        "-A PREROUTING -j A",
        "-A B -j RETURN",
        "COMMIT",
    ]
    netfilter.restore("*nat\nCOMMIT\n", noflush=False)
    assert ":A" not in netfilter.save("nat")


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("iptables -A FOO -j ACCEPT", 1, "iptables: No chain/target/match by that name."),
        (
            "iptables -t nat -A PREROUTING -j NOPE",
            2,
            "iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist",
        ),
        ("iptables -D INPUT 5", 1, "iptables: No chain/target/match by that name."),
        ("iptables -t nat -D FOO 9", 1, "iptables: Index of deletion too big."),
        ("iptables -t nat -I FOO 9 -j ACCEPT", 1, "iptables: Index of insertion too big."),
        ("iptables -C INPUT -j ACCEPT", 1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
        ("iptables -t nat -N FOO", 1, "iptables: Chain already exists."),
        ("iptables -t foo -L", 3, "iptables v1.8.9 (nf_tables): table 'foo' does not exist"),
        (
            "iptables -L NOPE",
            1,
            "iptables v1.8.9 (nf_tables): chain `NOPE' in table `filter' is incompatible, use 'nft' tool.",
        ),
        ("iptables -P FOO DROP", 1, "iptables: Bad built-in chain name."),
        ("iptables -P INPUT FOO", 1, "iptables: Bad policy name. Run `dmesg' for more information."),
        ("iptables -A OUTPUT -i eth0 -j DROP", 2, "iptables v1.8.9 (nf_tables): Can't use -i with OUTPUT"),
        (
            "iptables -t nat -X",
            4,
            "iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain FOO",
        ),
        ("iptables", 2, "iptables v1.8.9 (nf_tables): no command specified"),
        ("iptables -A INPUT foo", 2, "Bad argument `foo'"),
        ("iptables -A", 2, 'iptables v1.8.9 (nf_tables): option "-A" requires an argument'),
        ("iptables -A INPUT -A OUTPUT", 2, "iptables v1.8.9 (nf_tables): Cannot use -A with -A"),
    ],
)
def test_the_command_refuses_as_the_real_one(netfilter: Netfilter, line: str, status: int, said: str) -> None:
    netfilter.restore("*nat\n:FOO - [0:0]\n-A FOO -j RETURN\n-A PREROUTING -j FOO\nCOMMIT\n")
    ran = run(netfilter, line.split())
    assert ran.status == status
    assert ran.stderr.splitlines()[0] == said.splitlines()[0]


def test_the_command_lists_rules_in_columns(netfilter: Netfilter) -> None:
    for line in (
        "iptables -A INPUT -p tcp --dport 80 -j REJECT",
        "iptables -A INPUT ! -s 10.244.0.0/16 -m mark --mark 4 -m comment --comment ab -j DROP",
    ):
        assert run(netfilter, line.split()) == (0, "", "")
    assert run(netfilter, ["iptables", "-L", "INPUT", "-n"]).stdout == (
        "Chain INPUT (policy ACCEPT)\n"
        "target     prot opt source               destination         \n"
        "REJECT     6    --  0.0.0.0/0            0.0.0.0/0            "
        "tcp dpt:80 reject-with icmp-port-unreachable\n"
        "DROP       0    -- !10.244.0.0/16        0.0.0.0/0            mark match 0x4 /* ab */\n"
    )
    assert run(netfilter, ["iptables", "-L", "INPUT", "-v", "--line-numbers"]).stdout.splitlines()[2] == (
        "1        0     0 REJECT     tcp  --  any    any     anywhere             anywhere             "
        "tcp dpt:http reject-with icmp-port-unreachable"
    )
    assert run(netfilter, ["iptables", "-S", "INPUT"]).stdout.splitlines()[0] == "-P INPUT ACCEPT"
    saved = run(netfilter, ["iptables-save"]).stdout
    assert saved.startswith(
        "# Generated by iptables-save v1.8.9 (nf_tables) on Thu Jan  1 00:00:00 2026\n*filter\n"
    )
    other = Fabric(Loop()).add_host("x", "192.168.0.12").netfilter
    assert run(other, ["iptables-restore"], saved).status == 0
    assert other.save() == netfilter.save()


def test_counters_show_which_rules_matched() -> None:
    fabric = Fabric(Loop())
    netfilter = fabric.add_host("node01", "192.168.0.11").netfilter
    run(netfilter, ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "80", "-j", "DROP"])
    fabric.send("outside", "192.168.0.11", 80)
    assert "    1    60 DROP" in run(netfilter, ["iptables", "-L", "INPUT", "-nv"]).stdout
    run(netfilter, ["iptables", "-Z"])
    assert "    0     0 DROP" in run(netfilter, ["iptables", "-L", "INPUT", "-nv"]).stdout
