"""One line of text: what it becomes in a kernel, what is wrong with it, and that printing is stable."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.network import IptablesError, Packet, parse_rule
from kubekit.network.rule import parse_words, split_words


@pytest.mark.parametrize(
    ("written", "kernel"),
    [
        (
            "-m tcp -p tcp -d 10.0.0.1 --dport 80 -j ACCEPT",
            "-d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT",
        ),
        ("-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"),
        ("! -s 10.1.2.3/8 -j X", "! -s 10.0.0.0/8 -j X"),
        ("-j MARK --or-mark 0x4000", "-j MARK --set-xmark 0x4000/0x4000"),
        ("-j MARK --xor-mark 0x4000", "-j MARK --set-xmark 0x4000/0x0"),
        ("-j MARK --set-mark 0x4000", "-j MARK --set-xmark 0x4000/0xffffffff"),
        ("-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"),
        ("-m comment --comment plain -j X", "-m comment --comment plain -j X"),
        ("-m comment --comment shop/web -j X", '-m comment --comment "shop/web" -j X'),
        (
            "-m statistic --mode random --probability 0.3333333333 -j X",
            "-m statistic --mode random --probability 0.33333333349 -j X",
        ),
        (
            "-m recent --name L --rcheck --seconds 60 --reap -j L",
            "-m recent --rcheck --seconds 60 --reap --name L --mask 255.255.255.255 --rsource -j L",
        ),
        (
            "-m conntrack ! --ctstate DNAT,RELATED -j DROP",
            "-m conntrack ! --ctstate RELATED,DNAT -j DROP",
        ),
        ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
        ("-j MASQUERADE --random-fully", "-j MASQUERADE --random-fully"),
        ("-m multiport -p tcp --dports 80,443:445 -j X", "-p tcp -m multiport --dports 80,443:445 -j X"),
    ],
)
def test_a_rule_comes_back_as_the_kernel_prints_it(written: str, kernel: str) -> None:
    assert parse_rule(written).text == kernel
    assert parse_rule(kernel).text == kernel


@pytest.mark.parametrize(
    ("written", "kernel"),
    [
        ("-d ::1/128 -j X", "-d ::1/128 -j X"),
        ("-s FD00::0:1 -j REJECT", "-s fd00::1/128 -j REJECT --reject-with icmp6-port-unreachable"),
        (
            "-m recent --set --name A",
            "-m recent --set --name A --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource",
        ),
        ("-p tcp -j DNAT --to-destination [fd00::2]:80", "-p tcp -j DNAT --to-destination [fd00::2]:80"),
    ],
)
def test_ip6tables_has_its_own_words(written: str, kernel: str) -> None:
    assert parse_rule(written, "IPv6").text == kernel


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("-d 1.2.3.4.5 -j ACCEPT", "host/network `1.2.3.4.5' not found"),
        ("-m nosuch -j ACCEPT", "Couldn't load match `nosuch':No such file or directory"),
        ("--dport 80 -j ACCEPT", 'unknown option "--dport"'),
        ("-p tcp --dport 80x -j ACCEPT", "invalid port/service `80x' specified"),
        ("-p tcp -j DNAT", 'DNAT: option "--to-destination" must be specified'),
        ("-j DNAT --to-destination 1.2.3.4:80", "Need TCP, UDP, SCTP or DCCP with port specification"),
        ("-m mark -j ACCEPT", 'mark: option "--mark" must be specified'),
        (
            "-m statistic --mode random --probability 1.5 -j X",
            'statistic: bad value for option "--probability"',
        ),
        ("-m conntrack --ctstate FOO -j ACCEPT", 'Bad ctstate "FOO"'),
        ("-m addrtype --dst-type FOO -j ACCEPT", 'addrtype: bad type "FOO"'),
        ("-p foo", 'unknown protocol "foo" specified'),
        ("foo", "Bad argument `foo'"),
        ("-s", 'option "-s" requires an argument'),
    ],
)
def test_a_wrong_rule_is_refused_with_iptables_own_words(written: str, said: str) -> None:
    with pytest.raises(IptablesError) as problem:
        parse_rule(written)
    assert problem.value.message.startswith(said)


def test_words_are_split_as_iptables_restore_does() -> None:
    assert split_words('-m comment --comment "a \\"b\\" c" -j X') == [
        "-m", "comment", "--comment", 'a "b" c', "-j", "X",
    ]  # fmt: skip


ADDRESSES = st.integers(0, 0xFFFFFFFF).map(lambda n: ".".join(str(n >> s & 255) for s in (24, 16, 8, 0)))
NETWORKS = st.tuples(ADDRESSES, st.integers(1, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")
NOT = st.sampled_from(["", "! "])
HEADERS = st.tuples(NOT, st.sampled_from(["-s", "-d"]), NETWORKS).map(lambda t: f"{t[0]}{t[1]} {t[2]}")
COMMENT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
MATCHES = st.one_of(
    st.integers(1, 65535).map(lambda port: f"-m tcp --dport {port}"),
    st.tuples(NOT, st.integers(0, 0xFFFF)).map(lambda t: f"-m mark {t[0]}--mark {t[1]:#x}/0xffff"),
    st.floats(0, 1).map(lambda p: f"-m statistic --mode random --probability {p:.10f}"),
    st.sampled_from(["NEW", "INVALID", "RELATED,ESTABLISHED"]).map(lambda s: f"-m conntrack --ctstate {s}"),
    st.sampled_from(["--src-type", "--dst-type"]).map(lambda o: f"-m addrtype {o} LOCAL"),
    COMMENT.map(lambda text: '-m comment --comment "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
)
TARGETS = st.sampled_from(
    [
        "-j ACCEPT",
        "-j KUBE-X",
        "-g KUBE-X",
        "-j MARK --or-mark 0x4000",
        "-p tcp -j DNAT --to-destination 1.2.3.4:80",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(HEADERS, max_size=1), st.lists(MATCHES, max_size=3), TARGETS)
def test_what_is_printed_reads_back_as_the_same(headers: list[str], matches: list[str], target: str) -> None:
    written = " ".join(["-p tcp", *headers, *matches, target])
    printed = parse_rule(written).text
    assert parse_rule(printed).text == printed
    assert parse_words(split_words(printed)).text == printed


class Knows:
    """A context in which nothing is known and every draw is 0.4."""

    ctstates = frozenset({"NEW"})
    now = 100.0

    def __init__(self) -> None:
        self.recents: dict[str, dict[str, list[float]]] = {}
        self.nfacct: dict[str, int] = {}
        self.turns: dict[int, int] = {}

    def is_local(self, address: str) -> bool:
        return address == "192.168.0.11"

    def decide(self, probability: float, key: object) -> tuple[bool, float | None]:
        return probability > 0.4, 0.4


@pytest.mark.parametrize(
    ("rule", "matched", "why"),
    [
        ("-j X", True, "no condition: every packet matches"),
        ("-d 10.96.0.9 -p tcp -m tcp --dport 80 -j X", True, "destination, protocol and port match"),
        ("-d 10.96.0.1 -j X", False, "destination is 10.96.0.9"),
        ("! -s 10.244.0.0/16 -j X", False, "source 10.244.1.5 is in 10.244.0.0/16"),
        ("-p udp -j X", False, "protocol is tcp"),
        ("-p tcp -m tcp --dport 443 -j X", False, "port is 80"),
        ("-m statistic --mode random --probability 0.5 -j X", True, "drew 0.4000, below 0.5"),
        (
            "-m statistic --mode random --probability 0.3333333333 -j X",
            False,
            "drew 0.4000, not below 0.3333",
        ),
        ("-m mark --mark 0x4000/0x4000 -j X", False, "mark is 0x0"),
        ("-m conntrack --ctstate INVALID -j X", False, "connection state is NEW"),
        ("-m addrtype --dst-type LOCAL -j X", False, "destination 10.96.0.9 is not local"),
        ("-m recent --name L --rcheck --seconds 60 -j X", False, "10.244.1.5 was not here in the last 60 s"),
        ("-i cni+ -j X", True, "in interface matches"),
        ("-o eth0 -j X", False, "out interface is none"),
        ("-m nfacct --nfacct-name n -j X", True, "counted in n"),
        ("-m physdev --physdev-in veth+ -j X", True, "no condition: every packet matches"),
        ("-p tcp -m multiport ! --dports 80,443 -j X", False, "port is 80"),
    ],
)
def test_a_rule_says_whether_it_matches_and_why(rule: str, matched: bool, why: str) -> None:
    packet = Packet("10.244.1.5", "10.96.0.9", "tcp", 41022, 80, in_interface="cni0", physdev_in="veth1")
    answer = parse_rule(rule).ask(packet, Knows())
    assert (answer.matched, answer.why) == (matched, why)


def test_recent_remembers_reaps_and_forgets() -> None:
    knows = Knows()
    packet = Packet("10.244.1.5", "10.96.0.9", "tcp", 1, 80)
    check = parse_rule("-m recent --name L --rcheck --seconds 60 --reap -j X")
    assert not check.ask(packet, knows).matched
    assert parse_rule("-m recent --name L --set -j X").ask(packet, knows).matched
    knows.now = 150.0
    assert check.ask(packet, knows).why == "10.244.1.5 was here 50 s ago"
    knows.now = 161.0
    assert not check.ask(packet, knows).matched
    assert knows.recents["L"] == {}


def test_nth_takes_turns() -> None:
    knows, packet = Knows(), Packet("10.244.1.5", "10.96.0.9", "tcp", 1, 80)
    line = "-m statistic --mode nth --every 3 --packet 0 -j X"
    one, other = parse_rule(line), parse_rule(line)
    assert [one.ask(packet, knows).matched for _ in range(4)] == [True, False, False, True]
    assert other.ask(packet, knows).matched, "each rule counts for itself"
