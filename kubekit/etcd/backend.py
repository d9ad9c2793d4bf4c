"""Backend: what a member's database file means.

The file's ten buckets hold everything that a member's state machine knows: every version of every key filed
under its revision, leases, users and roles, alarms, the members, and up to which entry of the log all this
goes. `read_backend` takes it from a file, `buckets_of` gives it in the form of a file; `BackendState` lies in
between. The versions (`revisions`) stay in the file until they are asked for, each time anew.

    state = read_backend(Database(disk.view("member/snap/db")))
    for revision, kv in state.revisions: ...                 # tombstones have kv.create_revision 0
    blobs = write_database(buckets_of(state))                # see bbolt_writer

A file of any release since 3.4 is read; fields that a release does not have are empty. What cannot be
understood raises `BackendError`.
Source: server/storage/schema, server/storage/mvcc/kvstore.go, server/etcdserver/api/membership/member.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from kubekit.etcd.alarms import Alarm
from kubekit.etcd.auth import Permission, Role, User
from kubekit.etcd.bbolt import Bucket, Database
from kubekit.etcd.key_value import KeyValue, encode
from kubekit.etcd.membership import MemberInfo
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import DecodeError, decode
from kubekit.etcd.protobuf import encode as encode_message
from kubekit.etcd.revision import Revision, pack, unpack
from kubekit.raft import ConfState

BUCKETS = (
    b"alarm",
    b"auth",
    b"authRoles",
    b"authUsers",
    b"cluster",
    b"key",
    b"lease",
    b"members",
    b"members_removed",
    b"meta",
)
"""All buckets of a file, in order."""

STORAGE_VERSION = "3.6.0"

Pairs: TypeAlias = "Iterable[tuple[bytes, bytes]]"
"""Keys with values in order; to be gone through more than once."""


class BackendError(Exception):
    """The file is a sound database, but not one of etcd's, or holds a value that makes no sense."""


class LeaseRecord(NamedTuple):
    """A lease: granted seconds, and what was left at the last checkpoint (0: there was none)."""

    id: int
    ttl: int
    remaining_ttl: int = 0


class AuthRecord(NamedTuple):
    """Users and roles by name, whether they are heeded, and how often they changed."""

    enabled: bool = False
    revision: int = 0
    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()


@dataclass
class BackendState:
    """Everything in a member's file. `consistent_index` and `term` name the last entry of the log that it
    contains; compactions are 0 when there was none; `storage_version` is empty before 3.6."""

    revisions: Iterable[tuple[Revision, KeyValue]] = ()
    consistent_index: int = 0
    term: int = 0
    conf_state: ConfState | None = None
    storage_version: str = STORAGE_VERSION
    scheduled_compaction: int = 0
    finished_compaction: int = 0
    leases: Sequence[LeaseRecord] = ()
    members: Sequence[MemberInfo] = ()
    removed: Sequence[int] = ()
    cluster_version: str = ""
    downgrade: Message = field(default_factory=dict)
    alarms: Sequence[Alarm] = ()
    auth: AuthRecord = field(default_factory=AuthRecord)


# Reading


def read_backend(database: Database) -> BackendState:
    """What a file holds. Raises DatabaseError, BackendError."""
    meta = _Values(database, b"meta")
    cluster = _Values(database, b"cluster")
    return BackendState(
        revisions=Versions(database),
        consistent_index=meta.number(b"consistent_index"),
        term=meta.number(b"term"),
        conf_state=meta.read(b"confState", _conf_state, None),
        storage_version=meta.read(b"storageVersion", bytes.decode, ""),
        scheduled_compaction=meta.read(b"scheduledCompactRev", _main, 0),
        finished_compaction=meta.read(b"finishedCompactRev", _main, 0),
        leases=[_lease(value) for _, value in _pairs(database, b"lease")],
        members=[member_of(key, value) for key, value in _pairs(database, b"members")],
        removed=[_member_id(key) for key, _ in _pairs(database, b"members_removed")],
        cluster_version=cluster.read(b"clusterVersion", bytes.decode, ""),
        downgrade=cluster.read(b"downgrade", json.loads, {}),
        alarms=[_alarm(key) for key, _ in _pairs(database, b"alarm")],
        auth=_auth(database),
    )


class Versions:
    """The versions of all keys in a file, read anew each time they are gone through."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __iter__(self) -> Iterator[tuple[Revision, KeyValue]]:
        for key, value in _pairs(self.database, b"key"):
            yield version_of(key, value)


def version_of(key: bytes, value: bytes) -> tuple[Revision, KeyValue]:
    """One entry of the bucket `key`. Raises BackendError."""
    try:
        revision, tombstone = unpack(key)
        kv = decode("KeyValue", value)
    except (ValueError, DecodeError) as error:
        raise BackendError(f"bucket key: {error}") from None
    if tombstone or not kv.get("key"):
        # A version of no key at all is what a restore writes that only moves the revision ahead.
        return revision, KeyValue(kv.get("key", b""), mod_revision=revision.main)
    return revision, KeyValue(**kv)


def last_revision(database: Database) -> int:
    """The main revision of the newest version in a file; 0 when there is none. Raises DatabaseError,
    BackendError."""
    last = 0
    for key, _ in _pairs(database, b"key"):
        last = _main(key)
    return last


def member_of(key: bytes, value: bytes) -> MemberInfo:
    """One entry of the bucket `members`. Raises BackendError."""
    try:
        return read_member(_member_id(key), json.loads(value))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BackendError(f"couldn't read members from backend: {error}") from None


def read_member(id: int, value: dict[str, Any]) -> MemberInfo:
    """A member of the fields of its JSON. Raises TypeError, AttributeError for what is none."""
    return MemberInfo(
        id,
        str(value.get("name", "")),
        tuple(map(str, value.get("peerURLs") or ())),
        tuple(map(str, value.get("clientURLs") or ())),
        bool(value.get("isLearner", False)),
    )


class _Values:
    """The values of a small bucket, by key."""

    def __init__(self, database: Database, name: bytes) -> None:
        self.name = name.decode()
        self.values = dict(_pairs(database, name))

    def number(self, key: bytes) -> int:
        return int(self.read(key, _number, 0))

    def read(self, key: bytes, how: Callable[[bytes], Any], otherwise: Any) -> Any:
        value = self.values.get(key)
        if value is None:
            return otherwise
        try:
            return how(value)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise BackendError(f"bucket {self.name}, {key.decode(errors='replace')}: {error}") from None


def _pairs(database: Database, name: bytes) -> Iterator[tuple[bytes, bytes]]:
    bucket: Bucket | None = database.bucket(name)
    return iter(()) if bucket is None else bucket.items()


def _number(value: bytes) -> int:
    if len(value) != 8:
        raise ValueError(f"a number of {len(value)} bytes")
    return int.from_bytes(value, "big")


def _main(key: bytes) -> int:
    try:
        return unpack(key)[0].main
    except ValueError as error:
        raise BackendError(str(error)) from None


def _member_id(key: bytes) -> int:
    try:
        return int(key, 16)
    except ValueError:
        raise BackendError(f"failed to parse member id from key: {key!r}") from None


def _conf_state(value: bytes) -> ConfState:
    found = json.loads(value)
    return ConfState(
        tuple(sorted(int(id) for id in found.get("voters") or ())),
        tuple(sorted(int(id) for id in found.get("learners") or ())),
    )


def _decoded(name: str, data: bytes) -> Message:
    try:
        return decode(name, data)
    except DecodeError as error:
        raise BackendError(f"a {name} cannot be read: {error}") from None


def _lease(value: bytes) -> LeaseRecord:
    found = _decoded("Lease", value)
    return LeaseRecord(found.get("ID", 0), found.get("TTL", 0), found.get("RemainingTTL", 0))


def _alarm(key: bytes) -> Alarm:
    found = _decoded("AlarmMember", key)
    return Alarm(found.get("memberID", 0), found.get("alarm", 0))


def _auth(database: Database) -> AuthRecord:
    values = _Values(database, b"auth")
    users = [_decoded("User", value) for _, value in _pairs(database, b"authUsers")]
    roles = [_decoded("Role", value) for _, value in _pairs(database, b"authRoles")]
    return AuthRecord(
        values.values.get(b"authEnabled") == b"\x01",
        values.number(b"authRevision"),
        tuple(User(_text(user.get("name", b"")), _password(user), user.get("roles", [])) for user in users),
        tuple(Role(_text(role.get("name", b"")), _permissions(role)) for role in roles),
    )


def _password(user: Message) -> bytes | None:
    return None if user.get("options", {}).get("no_password") else user.get("password", b"")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _permissions(role: Message) -> list[Permission]:
    return [
        Permission(given.get("key", b""), given.get("range_end", b""), given.get("permType", 0))
        for given in role.get("keyPermission", ())
    ]


# Writing


class _Filed:
    """The bucket `key` made of versions, each time anew."""

    def __init__(self, revisions: Iterable[tuple[Revision, KeyValue]]) -> None:
        self.revisions = revisions

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for revision, kv in self.revisions:
            if kv.key:
                yield pack(revision, kv.create_revision == 0), encode(kv)
            else:
                yield pack(revision), b""


def buckets_of(state: BackendState) -> list[tuple[bytes, Pairs]]:
    """The buckets of a file in order, each with its keys and values in order."""
    content: dict[bytes, Pairs] = {
        b"alarm": sorted((_alarm_key(alarm), b"") for alarm in state.alarms),
        b"auth": _auth_values(state.auth),
        b"authRoles": sorted((_name(role.name), role_bytes(role)) for role in state.auth.roles),
        b"authUsers": sorted((_name(user.name), user_bytes(user)) for user in state.auth.users),
        b"cluster": _cluster_values(state),
        b"key": _Filed(state.revisions),
        b"lease": sorted((lease.id.to_bytes(8, "big"), _lease_bytes(lease)) for lease in state.leases),
        b"members": sorted((b"%x" % member.id, member_bytes(member)) for member in state.members),
        b"members_removed": sorted((b"%x" % id, b"removed") for id in state.removed),
        b"meta": _meta_values(state),
    }
    return [(name, content[name]) for name in BUCKETS]


def go_json(value: Any) -> bytes:
    """JSON as Go writes it: no spaces, and what could end an HTML element escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode(errors="surrogateescape")


def member_bytes(member: MemberInfo) -> bytes:
    """A member as the bucket `members` holds it."""
    return go_json(member_value(member))


def member_value(member: MemberInfo) -> dict[str, Any]:
    """A member as the fields of its JSON."""
    value: dict[str, Any] = {"id": member.id, "peerURLs": list(member.peer_urls)}
    if member.learner:
        value["isLearner"] = True
    if member.name:
        value["name"] = member.name
    if member.client_urls:
        value["clientURLs"] = list(member.client_urls)
    return value


def conf_state_bytes(state: ConfState) -> bytes:
    """A membership as the bucket `meta` holds it."""
    value: dict[str, Any] = {"voters": list(state.voters)} if state.voters else {}
    if state.learners:
        value["learners"] = list(state.learners)
    return go_json(value | {"auto_leave": False})


def user_bytes(user: User) -> bytes:
    """A user as the bucket `authUsers` holds it."""
    options = {"no_password": True} if user.password is None else {}
    return encode_message(
        "User",
        {
            "name": _name(user.name),
            "password": user.password or b"",
            "roles": list(user.roles),
            "options": options,
        },
    )


def role_bytes(role: Role) -> bytes:
    """A role as the bucket `authRoles` holds it."""
    permissions = [
        {"permType": given.type, "key": given.key, "range_end": given.range_end} for given in role.permissions
    ]
    return encode_message("Role", {"name": _name(role.name), "keyPermission": permissions})


def _name(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _alarm_key(alarm: Alarm) -> bytes:
    return encode_message("AlarmMember", {"memberID": alarm.member_id, "alarm": alarm.alarm})


def _lease_bytes(lease: LeaseRecord) -> bytes:
    return encode_message("Lease", {"ID": lease.id, "TTL": lease.ttl, "RemainingTTL": lease.remaining_ttl})


def _auth_values(auth: AuthRecord) -> list[tuple[bytes, bytes]]:
    values = [(b"authEnabled", b"\x01")] if auth.enabled else []
    return [*values, (b"authRevision", auth.revision.to_bytes(8, "big"))]


def _cluster_values(state: BackendState) -> list[tuple[bytes, bytes]]:
    values = []
    if state.cluster_version:
        values.append((b"clusterVersion", state.cluster_version.encode()))
    if state.downgrade:
        values.append((b"downgrade", go_json(state.downgrade)))
    return values


def _meta_values(state: BackendState) -> list[tuple[bytes, bytes]]:
    values = []
    if state.conf_state is not None:
        values.append((b"confState", conf_state_bytes(state.conf_state)))
    if state.consistent_index:
        values.append((b"consistent_index", state.consistent_index.to_bytes(8, "big")))
    if state.finished_compaction > 0:
        values.append((b"finishedCompactRev", pack(Revision(state.finished_compaction, 0))))
    if state.scheduled_compaction > 0:
        values.append((b"scheduledCompactRev", pack(Revision(state.scheduled_compaction, 0))))
    if state.storage_version:
        values.append((b"storageVersion", state.storage_version.encode()))
    if state.term:
        values.append((b"term", state.term.to_bytes(8, "big")))
    return values
