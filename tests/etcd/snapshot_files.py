"""Recorded snapshot files: what ours reads in them, in the words of the recordings.

`differences` compares a file (NAME.db.gz) with everything that was recorded about it (NAME.json): status as
three releases answer it, pages, buckets entry by entry, keys at every revision, leases and members.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubekit.etcd import FROM_KEY, KVStore
from kubekit.etcd.bbolt import HEADER, Database, DatabaseError, read_meta
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.snapshot import SnapshotFile, status
from kubekit.etcd.store_loading import load
from kubekit.sim import VirtualClock

FOLDER = Path(__file__).parent.parent / "conformance" / "golden" / "etcd" / "snapshots"
RELEASES = ("3.4.23", "3.5.1", "3.6.13")

Obj = dict[str, Any]


def names(folder: Path = FOLDER) -> list[str]:
    """The recorded files."""
    return sorted(path.name.removesuffix(".db.gz") for path in folder.glob("*.db.gz"))


def file_of(name: str, folder: Path = FOLDER) -> bytes:
    """A recorded file's bytes."""
    return gzip.decompress((folder / f"{name}.db.gz").read_bytes())


def recorded_of(name: str, folder: Path = FOLDER) -> Obj:
    """What was recorded about it."""
    recorded: Obj = json.loads((folder / f"{name}.json").read_text())
    return recorded


def differences(name: str, folder: Path = FOLDER) -> Iterator[tuple[str, object, object]]:
    """(what, wanted, got) wherever ours reads something else than was recorded."""
    data, recorded = file_of(name, folder), recorded_of(name, folder)
    for what, wanted, got in _compared(data, recorded):
        if wanted != got:
            yield f"{name}: {what}", wanted, got


def count(name: str, folder: Path = FOLDER) -> int:
    """How many comparisons `differences` makes."""
    return sum(1 for _ in _compared(file_of(name, folder), recorded_of(name, folder)))


def _compared(data: bytes, recorded: Obj) -> Iterator[tuple[str, object, object]]:
    disk = MemoryDisk()
    disk.write("file", data)
    for release in RELEASES:
        found = status(disk, "file", release)
        keys = ["hash", "revision", "totalKey", "totalSize"] + (["version"] if release >= "3.6" else [])
        yield f"status of {release}", recorded[f"status_{release}"], dict(zip(keys, found, strict=False))
    file = SnapshotFile.open(disk, "file")
    yield "digest", recorded["has_sha256_trailer"], file.digest_ok
    yield from _pages(file.database, recorded)
    for name, wanted in recorded["buckets"].items():
        yield f"bucket {name}", wanted, _bucket(file.database, name, wanted)
    loaded = load(file.state, VirtualClock())
    yield "revision", recorded["revision"], loaded.store.revision
    for revision, content in recorded["content_by_revision"].items():
        digested = {kv[0] for kv in content if not isinstance(kv[1], str)}
        yield f"keys at revision {revision}", content, content_at(loaded.store, int(revision), digested)
    known = {str(member.id): member for member in file.state.members}
    for wanted in recorded["member_list"]:
        member = known.pop(wanted["ID"])
        yield "member's name", wanted["name"], member.name
        yield "member's peer URLs", wanted["peerURLs"], list(member.peer_urls)
        if not recorded["etcd"].startswith("3.5"):
            # 3.5 keeps what a member says of itself after its start elsewhere.
            yield "member's client URLs", wanted["clientURLs"], list(member.client_urls)
    yield "other members", {}, known
    leases = [
        {"ID": lease.id, "grantedTTL": lease.ttl, "keys": sorted(key.decode() for key in lease.keys)}
        for lease in loaded.store.leases.leases()
    ]
    yield "leases", sorted(recorded["leases"], key=_id), sorted(leases, key=_id)


def _id(member: Obj) -> str:
    return str(member["ID"])


def _pages(database: Database, recorded: Obj) -> Iterator[tuple[str, object, object]]:
    for wanted in recorded["meta_pages"]:
        at = wanted["page"] * database.page_size
        try:
            meta = read_meta(database.data, at + HEADER.size)
        except DatabaseError as error:
            yield f"meta {wanted['page']}", wanted, str(error)
            continue
        found = (meta.root, meta.sequence, f"0x{meta.freelist:X}", meta.high_water, meta.txid, meta.page_size)
        names = ("root", "sequence", "freelist", "high_water_pgid", "txid", "page_size")
        yield f"meta {wanted['page']}", tuple(wanted[name] for name in names), found
    root = [[page.id, page.kind, page.count, page.overflow] for page in database.root.pages()]
    yield "pages of the root", sorted(recorded["root_bucket_pages"]), sorted(root)


def _bucket(database: Database, name: str, wanted: Obj) -> Obj:
    bucket = database.bucket(name.encode())
    assert bucket is not None, name
    items = list(bucket.items())
    pages = {page.id: [page.id, page.kind, page.count, page.overflow] for page in bucket.pages()}
    found: Obj = {
        "elem_flags": 1,
        "inline": bucket.inline,
        "keys": len(items),
        # The order in which a tree is gone through is nobody's business.
        "pages_id_type_count_overflow": [
            pages.pop(page[0], []) for page in wanted["pages_id_type_count_overflow"]
        ]
        + list(pages.values()),
        "root": bucket.root,
        "sequence": bucket.sequence,
    }
    if isinstance(wanted.get("items"), str):
        found["items"] = f"omitted: {len(items)} items"
    elif name == "key":
        found["items"] = [_version(*item) for item in SnapshotFile(database.data).state.revisions]
    else:
        found["items_hex"] = [[key.hex(), value.hex()] for key, value in items]
    return found


def _version(revision: Any, kv: Any) -> list[object]:
    dead = kv.create_revision == 0
    at = f"{revision.main}_{revision.sub}" + ("t" if dead else "")
    mod = 0 if dead else kv.mod_revision
    return [at, _shown(kv.key), kv.create_revision, mod, kv.version, kv.lease, len(kv.value)]


def content_at(store: KVStore, revision: int, digested: set[str]) -> list[list[object]]:
    """All keys at a revision, as recorded; of the values of `digested` keys only the digest is given."""
    found: list[list[object]] = []
    for kv in store.range(b"\x00", FROM_KEY, rev=revision).kvs:
        key, value = _shown(kv.key), _shown(kv.value)
        digest = {"sha256": hashlib.sha256(kv.value).hexdigest(), "len": len(kv.value)}
        shown = digest if key in digested else value
        found.append([key, shown, kv.create_revision, kv.mod_revision, kv.version, kv.lease])
    return found


def _shown(data: bytes) -> str:
    return data.decode(errors="replace")
