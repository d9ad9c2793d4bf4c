"""Snap files: which entry of the log the database is a snapshot of, and who were members then.

A small file `<term>-<index>.snap` beside the database, with its own checksum. Since the database moved on to
bbolt the snapshot's data is a formality: releases up to 3.5 still read the members from it, in the form of
the old store (a tree of nodes as JSON).

    save_snap(disk, "member/snap", Snapshot(index, term, conf_state, members_tree(members, removed, "3.6.0")))
    snapshot = newest_snap(disk, "member/snap", marks)       # None when there is none
    members_of(snapshot.data)                                # ([MemberInfo], [removed ids], cluster version)

A file that is damaged is set aside (`.broken`) and an older one is taken.
Source: server/etcdserver/api/snap/snapshotter.go, snappb/snap.proto; server/etcdserver/api/v2store/store.go;
server/etcdserver/api/membership/storev2.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from kubekit.etcd.backend import go_json, member_value
from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.disk import Disk
from kubekit.etcd.key_value import varint
from kubekit.etcd.membership import MemberInfo
from kubekit.etcd.protobuf import DecodeError, fields
from kubekit.etcd.raft_codec import LogMark, decode_snapshot, encode_snapshot
from kubekit.raft import Snapshot

KEPT_SNAPS = 5
"""Files that stay although newer ones are there."""


class SnapError(Exception):
    """A snap file that cannot be read; the text is etcd's own."""


def snap_name(term: int, index: int) -> str:
    """A snap file's name: they sort by age.

    >>> snap_name(2, 10001)
    '0000000000000002-0000000000002711.snap'
    """
    return f"{term:016x}-{index:016x}.snap"


def save_snap(disk: Disk, folder: str, snapshot: Snapshot) -> str:
    """Write a snap file, to be found again after a crash; its name. `snapshot.data` are the tree's bytes."""
    data = encode_snapshot(snapshot)
    name = snap_name(snapshot.term, snapshot.index)
    path = f"{folder}/{name}"
    disk.write(path, b"\x08%b\x12%b%b" % (varint(crc32c(data)), varint(len(data)), data))
    disk.fsync(path)
    disk.fsync(folder)
    return name


def read_snap(data: bytes) -> Snapshot:
    """The snapshot in a snap file's bytes. Raises SnapError."""
    if not data:
        raise SnapError("snap: empty snapshot")
    try:
        found: dict[int, Any] = dict(fields(data))
        crc, body = found.get(1, 0), found.get(2, b"")
        if not isinstance(crc, int) or not isinstance(body, bytes):
            raise SnapError("proto: wrong wireType")
        if not crc or not body:
            raise SnapError("snap: empty snapshot")
        if crc32c(body) != crc:
            raise SnapError("snap: crc mismatch")
        return decode_snapshot(body)
    except DecodeError as error:
        raise SnapError(str(error)) from None


def newest_snap(disk: Disk, folder: str, marks: Sequence[LogMark]) -> Snapshot | None:
    """The newest snapshot that the log notes, too; damaged files are set aside."""
    noted = {(mark.term, mark.index) for mark in marks}
    names = disk.list(folder) if disk.exists(folder) else []
    for name in sorted((name for name in names if name.endswith(".snap")), reverse=True):
        path = f"{folder}/{name}"
        try:
            snapshot = read_snap(disk.read(path))
        except SnapError:
            disk.rename(path, f"{path}.broken")
            continue
        if (snapshot.term, snapshot.index) in noted:
            return snapshot
    return None


def purge_snaps(disk: Disk, folder: str, keep: int = KEPT_SNAPS) -> list[str]:
    """Remove the oldest snap files, all but `keep`; their names."""
    names = [name for name in disk.list(folder) if name.endswith(".snap")]
    gone = names[: max(0, len(names) - keep)]
    for name in gone:
        disk.remove(f"{folder}/{name}")
    return gone


# The tree of the old store

_NEVER = "0001-01-01T00:00:00Z"
_EVENTS = 1000
"""Places in the old store's history of events."""

_COUNTERS = [
    f"{what}{end}"
    for what in ("gets", "sets", "delete", "update", "create", "compareAndSwap", "compareAndDelete")
    for end in ("Success", "Fail")
]


class _Tree:
    """The old store's nodes, its history and its counters, as it saves itself."""

    def __init__(self) -> None:
        self.index = 0
        self.root = self._folder("/")
        self.events: list[dict[str, Any]] = []
        self.counters = dict.fromkeys([*_COUNTERS, "expireCount", "watchers"], 0)
        for name in ("0", "1"):
            self.root["Children"][name] = self._folder(f"/{name}")

    def put(self, path: str, value: str, action: str) -> None:
        """Write a node; `action` is create or set."""
        self.index += 1
        node = self.root
        parts = path.split("/")[1:]
        for depth, part in enumerate(parts[:-1], 1):
            where = "/" + "/".join(parts[:depth])
            node = node["Children"].setdefault(part, self._folder(where))
        node["Children"][parts[-1]] = self._node(path, value) | {"Children": None}
        self.counters[f"{action}{'s' if action == 'set' else ''}Success"] += 1
        self.events.append(
            {
                "action": action,
                "node": {
                    "key": path,
                    "value": value,
                    "modifiedIndex": self.index,
                    "createdIndex": self.index,
                },
            }
        )

    def saved(self) -> bytes:
        """The whole store as JSON."""
        events = self.events[-_EVENTS:]
        count = len(events)
        queue = {
            "Events": [*events, *[None] * (_EVENTS - count)],
            "Size": count,
            "Front": 0,
            "Back": count % _EVENTS,
            "Capacity": _EVENTS,
        }
        first = events[0]["node"]["modifiedIndex"] if events else 0
        history = {"Queue": queue, "StartIndex": first, "LastIndex": self.index}
        return go_json(
            {
                "Root": _sorted(self.root),
                "WatcherHub": {"EventHistory": history},
                "CurrentIndex": self.index,
                "Stats": self.counters,
                "CurrentVersion": 2,
            }
        )

    def _node(self, path: str, value: str) -> dict[str, Any]:
        return {
            "Path": path,
            "CreatedIndex": self.index,
            "ModifiedIndex": self.index,
            "ExpireTime": _NEVER,
            "Value": value,
        }

    def _folder(self, path: str) -> dict[str, Any]:
        return self._node(path, "") | {"Children": {}}


def _sorted(node: dict[str, Any]) -> dict[str, Any]:
    """A node with its children by name, as Go writes a map."""
    children = node["Children"]
    if children is None:
        return node
    return node | {"Children": {name: _sorted(children[name]) for name in sorted(children)}}


def members_tree(members: Iterable[MemberInfo], removed: Iterable[int] = (), version: str = "") -> bytes:
    """The data of a snapshot: the members as the old store would have saved them."""
    tree = _Tree()
    for member in sorted(members):
        value = member_value(member)
        raft = {name: value[name] for name in ("peerURLs", "isLearner") if name in value}
        said = {name: value[name] for name in ("name", "clientURLs") if name in value}
        path = f"/0/members/{member.id:x}"
        tree.put(f"{path}/raftAttributes", go_json(raft).decode(), "create")
        if member.client_urls:
            tree.put(f"{path}/attributes", go_json(said).decode(), "set")
    for id in sorted(removed):
        tree.put(f"/0/removed_members/{id:x}", "", "create")
    if version:
        tree.put("/0/version", version, "set")
    return tree.saved()


def members_of(data: bytes) -> tuple[list[MemberInfo], list[int], str]:
    """(members, removed ids, cluster version) in a snapshot's data. Raises SnapError."""
    if not data:
        return [], [], ""
    try:
        top = json.loads(data)["Root"]["Children"].get("0", {}).get("Children") or {}
        members = []
        for name, node in (top.get("members", {}).get("Children") or {}).items():
            values = {key: json.loads(child["Value"]) for key, child in node["Children"].items()}
            raft, said = values["raftAttributes"], values.get("attributes", {})
            members.append(
                MemberInfo(
                    int(name, 16),
                    str(said.get("name", "")),
                    tuple(map(str, raft.get("peerURLs") or ())),
                    tuple(map(str, said.get("clientURLs") or ())),
                    bool(raft.get("isLearner", False)),
                )
            )
        removed = [int(name, 16) for name in top.get("removed_members", {}).get("Children") or {}]
        return members, removed, str(top.get("version", {}).get("Value", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SnapError(f"the members cannot be read: {error}") from None
