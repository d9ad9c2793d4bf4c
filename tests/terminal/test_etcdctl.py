"""etcdctl: what is put in comes out, in every format; refusals have the original's words and status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubekit.etcd.cluster_errors import Unavailable
from kubekit.etcd.messages import Message
from kubekit.terminal.etcdctl.doors import Answer, MemberDoor
from tests.terminal.etcd_shells import One


@pytest.fixture
def one(tmp_path: Path) -> One:
    return One(tmp_path)


def test_put_get_del(one: One) -> None:
    assert one.out("put greeting hello") == "OK\n"
    assert one.out("get greeting") == "greeting\nhello\n"
    assert one.out("put greeting bye --prev-kv") == "OK\ngreeting\nhello\n"
    assert one.out("get greeting --rev=2") == "greeting\nhello\n"
    assert one.out("del greeting --prev-kv") == "1\ngreeting\nbye\n"
    assert one.out("get greeting") == ""
    assert one.out("del greeting") == "0\n"


def test_a_value_may_come_from_standard_input(one: One) -> None:
    assert one.out("put k", stdin="two\nlines\n") == "OK\n"
    assert one.out("get k --print-value-only") == "two\nlines\n\n"


def test_ranges_order_and_limits(one: One) -> None:
    for key, value in zip("abcd", "4321", strict=True):
        one.out(f"put {key} {value}")
    assert one.out("get a c --keys-only").split() == ["a", "b"]
    assert one.out("get --from-key c --keys-only").split() == ["c", "d"]
    assert one.out("get --prefix --keys-only --order=DESCEND --limit 2 a").split() == ["a"]
    assert one.out("get a z --sort-by=VALUE --order=ASCEND --keys-only").split() == ["d", "c", "b", "a"]
    assert one.out("get a z --count-only -w fields").splitlines()[-1] == '"Count" : 4'
    assert one.out("del a --from-key") == "4\n"


def test_formats(one: One) -> None:
    one.out("put k v")
    ours = json.loads(one.out("get k -w json"))
    assert ours["kvs"] == [
        {"key": "aw==", "create_revision": 2, "mod_revision": 2, "version": 1, "value": "dg=="}
    ]
    assert ours["header"]["revision"] == 2 and ours["count"] == 1
    assert one.out("get k --hex") == "\\x6b\n\\x76\n"
    assert '"Value" : "v"\n"Lease" : 0\n' in one.out("get k -w fields")
    head = one.out("member list -w table").splitlines()[1]
    assert " ".join(head.split()) == "| ID | STATUS | NAME | PEER ADDRS | CLIENT ADDRS | IS LEARNER |"
    bad = one("get k -w nothing")
    assert (bad.exit, bad.stderr) == (4, "Error: unsupported output format\n")


def test_txn_reads_three_parts(one: One) -> None:
    one.out("put k 1")
    text = 'value("k") = "1"\n\nput k 2\nget k\n\nput k 3\n\n'
    assert one.out("txn", text) == "SUCCESS\n\nOK\n\nk\n2\n"
    assert one.out("txn", text) == "FAILURE\n\nOK\n"
    asked = one.out("txn -i", 'mod("k") > "0"\n\n\n\n')
    assert (
        asked == "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\nSUCCESS\n"
    )
    wrong = one("txn", "k = 1\n\n\n\n")
    assert (wrong.exit, wrong.stderr) == (3, "Error: malformed comparison: k = 1\n")


def test_compaction_ends_the_past(one: One) -> None:
    for value in "123":
        one.out(f"put k {value}")
    assert one.out("compaction 3") == "compacted revision 3\n"
    late = one("get k --rev=2")
    wanted = "Error: etcdserver: mvcc: required revision has been compacted\n"
    assert late.exit == 1 and late.stderr.endswith(wanted)
    assert one("compact x").stderr == 'Error: strconv.ParseInt: parsing "x": invalid syntax\n'


@pytest.mark.parametrize(
    ("line", "exit", "words"),
    [
        ("get", 128, "get command needs one argument as key and an optional argument as range_end"),
        ("put", 128, "put command needs 1 argument and input from stdin or 2 arguments"),
        ("get a --prefix --from-key", 128, "`--prefix` and `--from-key` cannot be set at the same time"),
        ("nothing", 1, 'unknown command "nothing" for "etcdctl"'),
        ("get a --nothing", 1, "unknown flag: --nothing"),
        ("lease revoke zz", 128, "bad lease ID"),
        ("lease timetolive 12", 0, ""),
        ("member remove 12", 1, "etcdserver: member not found"),
        ("user get nobody", 1, "etcdserver: user name not found"),
        ("auth enable", 1, "etcdserver: root user does not exist"),
    ],
)
def test_refusals(one: One, line: str, exit: int, words: str) -> None:
    result = one(line)
    assert (result.exit, words in result.stderr) == (exit, True), result.stderr


def test_leases_hold_keys_until_they_expire(one: One) -> None:
    lease = one.out("lease grant 20").split()[1]
    one.out(f"put k v --lease={lease}")
    assert one.out(f"lease timetolive {lease} --keys").endswith("remaining(20s), attached keys([k])\n")
    one.loop.advance(15)
    assert one.out(f"lease keep-alive {lease} --once") == f"lease {lease} keepalived with TTL(20)\n"
    one.loop.advance(15)
    assert one.out("get k") == "k\nv\n"
    one.loop.advance(15)
    assert one.out("get k") == ""
    assert one.out(f"lease timetolive {lease}") == f"lease {lease} already expired\n"


def test_watch_shows_what_happens_and_ends(one: One) -> None:
    one.out("put k old")

    def happens() -> None:
        one.member.call("KV/Put", {"key": b"k", "value": b"new"})
        one.member.call("KV/DeleteRange", {"key": b"k"})

    one.loop.call_later(1.0, "test", happens)
    result = one("watch k")
    assert result.stdout == "PUT\nk\nnew\nDELETE\nk\n\n"
    assert result.ended and result.exit == 130
    assert one("watch k --rev=1").stdout.startswith("PUT\nk\nold\nPUT\nk\nnew\n")


def test_users_and_roles(one: One) -> None:
    for line in (
        "user add root:pw",
        "user grant-role root root",
        "user add ann:secret",
        "role add reader",
        "role grant-permission reader read /a --prefix",
        "user grant-role ann reader",
        "auth enable",
    ):
        one.out(line)
    assert one("get /a").stderr.endswith("Error: etcdserver: user name is empty\n")
    assert one("get /a --user ann:secret").exit == 0
    denied = one("put /a x --user ann:secret")
    assert denied.exit == 1 and denied.stderr.endswith("Error: etcdserver: permission denied\n")
    wrong = one("get /a --user ann:x")
    assert "authentication failed, invalid user ID or password" in wrong.stderr
    assert one.out("--user root:pw role get reader") == (
        "Role reader\nKV Read:\n\t[/a, /b) (prefix /a)\nKV Write:\n"
    )
    assert one("get /a", env={"ETCDCTL_USER": "root:pw"}).exit == 0


def test_variables_fill_in_flags_and_must_not_be_shadowed(one: One) -> None:
    one.out("put k v")
    assert one("get k", env={"ETCDCTL_WRITE_OUT": "json"}).stdout.startswith("{")
    both = one("get k -w json", env={"ETCDCTL_WRITE_OUT": "table"})
    assert both.exit == 1 and "is shadowed by corresponding command-line flag" in both.stderr
    warned = one("get k", env={"ETCDCTL_API": "3"})
    assert warned.stdout == "k\nv\n"
    assert '"unrecognized environment variable","environment-variable":"ETCDCTL_API=3"' in warned.stderr


def test_versions_have_their_own_ways(tmp_path: Path) -> None:
    old, middle, new = (One(tmp_path, version) for version in ("3.4.23", "3.5.1", "3.6.13"))
    assert old("get k", env={"ETCDCTL_API": "3"}).stderr == ""
    assert old("snapshot status").exit != 1 and new("snapshot status").exit != 128
    assert "Deprecated: Use `etcdutl snapshot status` instead." in middle("snapshot status x").stderr
    assert "STORAGE VERSION" in new.out("endpoint status -w table")
    assert "STORAGE VERSION" not in middle.out("endpoint status -w table")
    assert old.out("version") == "etcdctl version: 3.4.23\nAPI version: 3.4\n"


@pytest.mark.parametrize(("version", "agreed"), [("3.4.23", False), ("3.5.1", True), ("3.6.13", True)])
def test_the_endpoints_of_the_cluster_are_agreed_on_since_35(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, agreed: bool
) -> None:
    asked: list[Message] = []
    submit = MemberDoor.submit

    def note(door: MemberDoor, call: str, request: Message, token: str, done: Answer) -> None:
        if call == "Cluster/MemberList":
            asked.append(request)
        submit(door, call, request, token, done)

    monkeypatch.setattr(MemberDoor, "submit", note)
    One(tmp_path, version)("endpoint status --cluster")
    assert [request.get("linearizable", False) for request in asked] == [agreed]


def test_nobody_listens(one: One) -> None:
    start = one.loop.clock.now()
    result = one("get k --endpoints 127.0.0.1:1111")
    assert result.exit == 1
    assert "dial tcp 127.0.0.1:1111: connect: connection refused" in result.stderr
    assert result.stderr.endswith("Error: context deadline exceeded\n")
    assert one.loop.clock.now() - start == pytest.approx(5.0, abs=0.1)
    granted = one("lease grant 60 --endpoints 127.0.0.1:1111")
    assert granted.exit == 1
    assert granted.stderr.endswith("Error: failed to grant lease (context deadline exceeded)\n")
    health = one("endpoint health --endpoints 127.0.0.1:2379,127.0.0.1:1111")
    assert health.exit == 1
    assert "127.0.0.1:2379 is healthy: successfully committed proposal" in health.stdout
    assert "127.0.0.1:1111 is unhealthy: failed to commit proposal" in health.stdout + health.stderr


def test_a_snapshot_is_a_file(one: One, tmp_path: Path) -> None:
    one.out("put k v")
    assert "Snapshot saved at s.db\nServer version 3.6.0\n" in one.out("snapshot save s.db")
    assert (tmp_path / "s.db").stat().st_size > 32
    assert not (tmp_path / "s.db.part").exists()
    refused = one("snapshot save s2.db --endpoints 127.0.0.1:2379,127.0.0.1:1111")
    assert "snapshot must be requested to one selected node, not multiple" in refused.stderr
    missing = one("snapshot save no/such/folder.db")
    assert missing.exit != 0 and "no such file or directory" in missing.stderr


def test_a_snapshot_from_a_member_that_is_unavailable_is_asked_for_without_end(
    one: One, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(door: MemberDoor, token: str = "") -> Iterator[bytes]:
        raise Unavailable("etcdserver: rpc not supported for learner")

    monkeypatch.setattr(MemberDoor, "snapshot", refuse)
    waited = one("snapshot save s.db")
    assert waited.ended and "Error:" not in waited.stderr
    assert list(tmp_path.glob("s.db*")) == []


def test_help_names_what_there_is(one: One) -> None:
    shown = one.out("help")
    for name in ("alarm disarm", "lease keep-alive", "move-leader", "snapshot save", "make-mirror"):
        assert f" {name}" in " ".join(shown.split())
    assert "--prefix[=false]" in one.out("get --help")
