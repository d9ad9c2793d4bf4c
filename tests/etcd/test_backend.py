"""The meaning of a database: any state comes back from its file; values that make no sense are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.alarms import Alarm
from kubekit.etcd.auth import Permission, Role, User
from kubekit.etcd.backend import (
    AuthRecord,
    BackendError,
    BackendState,
    LeaseRecord,
    buckets_of,
    go_json,
    last_revision,
    member_bytes,
    read_backend,
)
from kubekit.etcd.bbolt import Database
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.membership import MemberInfo
from kubekit.etcd.revision import Revision, pack
from kubekit.raft import ConfState

NUMBER = st.integers(1, (1 << 63) - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
BYTES = st.binary(min_size=1, max_size=20)
IDS = st.integers(1, (1 << 64) - 1)
URLS = st.lists(TEXT, max_size=2).map(tuple)


def unique(items: st.SearchStrategy[object], by: str) -> st.SearchStrategy[list[object]]:
    return st.lists(items, max_size=3, unique_by=lambda item: getattr(item, by))


USERS = st.builds(
    User,
    TEXT,
    st.one_of(st.none(), st.binary(max_size=60)),
    st.lists(TEXT, max_size=2, unique=True).map(sorted),
)
PERMISSIONS = st.builds(Permission, BYTES, st.binary(max_size=9), st.integers(0, 2))
ROLES = st.builds(Role, TEXT, st.lists(PERMISSIONS, max_size=2))
KVS = st.one_of(
    st.builds(lambda key: KeyValue(key), BYTES),
    st.builds(KeyValue, BYTES, st.binary(max_size=50), NUMBER, NUMBER, NUMBER, st.integers(0, 9)),
)
REVISIONS = st.lists(st.tuples(NUMBER, st.integers(0, 5)), unique=True, max_size=6).map(sorted)


@st.composite
def states(draw: st.DrawFn) -> BackendState:
    filed = []
    for at in draw(REVISIONS):
        kv = draw(KVS)
        revision = Revision(*at)
        filed.append((revision, kv if kv.create_revision else kv._replace(mod_revision=revision.main)))
    leases = draw(unique(st.builds(LeaseRecord, NUMBER, NUMBER, st.integers(0, 99)), "id"))
    members = draw(unique(st.builds(MemberInfo, IDS, TEXT, URLS, URLS, st.booleans()), "id"))
    users, roles = draw(unique(USERS, "name")), draw(unique(ROLES, "name"))
    return BackendState(
        revisions=filed,
        consistent_index=draw(NUMBER),
        term=draw(NUMBER),
        conf_state=draw(st.one_of(st.none(), st.just(ConfState((1, 5), (9,))))),
        storage_version=draw(st.sampled_from(["", "3.6.0"])),
        scheduled_compaction=draw(st.integers(0, 99)),
        finished_compaction=draw(st.integers(0, 99)),
        leases=sorted(leases),  # type: ignore[type-var,arg-type]
        members=sorted(members, key=lambda member: b"%x" % member.id),  # type: ignore[arg-type,attr-defined]
        removed=sorted(draw(st.lists(IDS, unique=True, max_size=3)), key=b"%x".__mod__),
        cluster_version=draw(st.sampled_from(["", "3.6.0"])),
        downgrade=draw(st.sampled_from([{}, {"target-version": "3.5.0", "enabled": True}])),
        alarms=sorted(draw(st.lists(st.builds(Alarm, NUMBER, st.integers(1, 2)), unique=True, max_size=2))),
        auth=AuthRecord(
            draw(st.booleans()),
            draw(NUMBER),
            tuple(sorted(users, key=lambda user: user.name.encode())),  # type: ignore[arg-type,attr-defined]
            tuple(sorted(roles, key=lambda role: role.name.encode())),  # type: ignore[arg-type,attr-defined]
        ),
    )


@settings(max_examples=150, deadline=None)
@given(states())
def test_a_state_comes_back_from_its_file(state: BackendState) -> None:
    database = Database(b"".join(DatabaseImage(buckets_of(state))))
    found = read_backend(database)
    assert list(found.revisions) == list(state.revisions) == list(found.revisions)
    newest = list(state.revisions)[-1:]
    assert last_revision(database) == (newest[0][0].main if newest else 0)
    found.alarms = sorted(found.alarms)
    found.revisions = state.revisions
    assert found == state


def database_with(bucket: bytes, key: bytes, value: bytes) -> Database:
    content = dict(buckets_of(BackendState()))
    content[bucket] = [(key, value)]
    return Database(b"".join(DatabaseImage(sorted(content.items()))))


REVISION = pack(Revision(2, 0))


@pytest.mark.parametrize(
    ("bucket", "key", "value", "text"),
    [
        (b"key", b"short", b"", "bucket key: not a revision key"),
        (b"key", REVISION, b"\x0a\x05ab", "bucket key: unexpected EOF"),
        (b"meta", b"consistent_index", b"1234567", "bucket meta, consistent_index: a number of 7 bytes"),
        (b"meta", b"term", b"", "bucket meta, term: a number of 0 bytes"),
        (b"meta", b"confState", b"{", "bucket meta, confState:"),
        (b"meta", b"confState", b"[1]", "bucket meta, confState:"),
        (b"meta", b"confState", b"[" * 100_000, "bucket meta, confState:"),
        (b"meta", b"storageVersion", b"\xff", "bucket meta, storageVersion:"),
        (b"meta", b"finishedCompactRev", b"x", "not a revision key"),
        (b"members", b"nohex", b"{}", "failed to parse member id from key: b'nohex'"),
        (b"members", b"1f", b"{", "couldn't read members from backend:"),
        (b"members", b"1f", b'"text"', "couldn't read members from backend:"),
        (b"members", b"1f", b'{"peerURLs":7}', "couldn't read members from backend:"),
        (b"members_removed", b"zz", b"removed", "failed to parse member id from key"),
        (b"lease", b"12345678", b"\x08", "a Lease cannot be read: unexpected EOF"),
        (
            b"alarm",
            b"\x0a\x01x",
            b"",
            "a AlarmMember cannot be read: proto: wrong wireType = 2 for field MemberID",
        ),
        (b"authUsers", b"u", b"\x0a\x09", "a User cannot be read: unexpected EOF"),
        (b"authRoles", b"r", b"\x12\x01\x08", "a Role cannot be read: unexpected EOF"),
        (b"cluster", b"downgrade", b"{]", "bucket cluster, downgrade:"),
    ],
)
def test_values_that_make_no_sense(bucket: bytes, key: bytes, value: bytes, text: str) -> None:
    with pytest.raises(BackendError) as refusal:
        list(read_backend(database_with(bucket, key, value)).revisions)
    assert str(refusal.value).startswith(text)


def test_a_file_without_buckets_is_an_empty_state() -> None:
    found = read_backend(Database(b"".join(DatabaseImage([]))))
    assert list(found.revisions) == [] and found.members == [] and found.auth == AuthRecord()


def test_members_are_written_as_go_writes_them() -> None:
    member = MemberInfo(0xFFFFFFFFFFFFFFFF, "a&b", (), (), True)
    assert (
        member_bytes(member)
        == b'{"id":18446744073709551615,"peerURLs":[],"isLearner":true,"name":"a\\u0026b"}'
    )
    assert go_json({"a": "\u2028ä"}) == '{"a":"\\u2028ä"}'.encode()
