"""Disks: what a power cut takes, and that both kinds behave the same otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kubekit.etcd.disk import Disk, FolderDisk, MemoryDisk
from kubekit.sim import Rng


@pytest.fixture(params=["memory", "folder"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return MemoryDisk() if request.param == "memory" else FolderDisk(tmp_path / "disk-root" / "..")


def test_files_and_folders(disk: Disk) -> None:
    if isinstance(disk, FolderDisk):
        disk = FolderDisk(disk.root.parent.parent)
    disk.mkdir("d/a/b")
    disk.write("d/a/f", b"12345")
    disk.write("d/a/f", b"xy", 1)
    disk.append("d/a/f", b"6")
    assert disk.read("d/a/f") == b"1xy456"
    assert disk.read("d/a/f", 1, 2) == b"xy" and disk.read("d/a/f", 5, 9) == b"6"
    disk.write("d/a/f", b"new")
    disk.truncate("d/a/f", 6)
    assert disk.read("d/a/f") == b"new\0\0\0" and disk.size("d/a/f") == 6
    assert bytes(disk.view("d/a/f")[0:3]) == b"new"
    disk.truncate("d/a/f", 2)
    disk.append("d/a/g", b"g")
    disk.rename("d/a/f", "d/a/g")
    assert disk.list("d/a") == ["b", "g"] and disk.read("d/a/g") == b"ne"
    disk.rename("d/a", "d/c")
    assert disk.list("d") == ["c"] and disk.list("d/c") == ["b", "g"]
    disk.fsync("d/c/g")
    disk.fsync("d/c")
    disk.remove("d/c")
    assert disk.list("d") == [] and not disk.exists("d/c/g") and disk.exists("d")


REFUSED: list[tuple[str, Callable[[Disk], object], type[OSError]]] = [
    ("read", lambda disk: disk.read("none"), FileNotFoundError),
    ("size", lambda disk: disk.size("none"), FileNotFoundError),
    ("list", lambda disk: disk.list("none"), FileNotFoundError),
    ("remove", lambda disk: disk.remove("none"), FileNotFoundError),
    ("rename", lambda disk: disk.rename("none", "other"), FileNotFoundError),
    ("write over", lambda disk: disk.write("none", b"", 0), FileNotFoundError),
    ("write without a folder", lambda disk: disk.write("none/file", b""), FileNotFoundError),
    ("append without a folder", lambda disk: disk.append("none/file", b""), FileNotFoundError),
    ("read a folder", lambda disk: (disk.mkdir("folder"), disk.read("folder")), IsADirectoryError),
    ("write a folder", lambda disk: (disk.mkdir("folder"), disk.write("folder", b"")), IsADirectoryError),
]


@pytest.mark.parametrize("kind", ["memory", "folder"])
@pytest.mark.parametrize(("what", "act", "error"), REFUSED)
def test_what_a_disk_refuses(
    kind: str, what: str, act: Callable[[Disk], object], error: type[OSError], tmp_path: Path
) -> None:
    with pytest.raises(error) as refusal:
        act(MemoryDisk() if kind == "memory" else FolderDisk(tmp_path))
    assert refusal.value.errno, what


def test_a_power_cut_takes_what_was_not_synced() -> None:
    disk = MemoryDisk()
    disk.write("f", b"0123456789")
    disk.write("gone", b"")
    disk.fsync("f")
    disk.fsync("")
    disk.write("f", b"AB", 2)
    disk.append("f", b"tail")
    disk.truncate("f", 3)
    disk.write("new", b"new")
    disk.fsync("new")  # its bytes, but not its name
    disk.rename("f", "g")
    disk.remove("gone")
    disk.crash()
    assert disk.list("") == ["f", "gone"] and disk.read("f") == b"0123456789"


def test_a_folder_that_was_synced_keeps_names_but_not_bytes() -> None:
    disk = MemoryDisk()
    disk.mkdir("d")
    disk.write("d/f", b"bytes")
    disk.rename("d/f", "d/g")
    disk.fsync("d")
    disk.crash()
    assert disk.list("d") == ["g"] and disk.read("d/g") == b""


def test_a_file_longer_than_its_bytes_costs_nothing() -> None:
    disk = MemoryDisk()
    disk.write("f", b"head")
    disk.truncate("f", 1 << 40)
    assert disk.size("f") == 1 << 40 and disk.read("f", 2, 6) == b"ad\0\0\0\0"
    disk.fsync("f")
    disk.fsync("")
    disk.write("f", b"x", 100)
    disk.crash()
    assert disk.read("f", 99, 3) == bytes(3)


def test_a_torn_write_is_torn_between_sectors() -> None:
    seen = set()
    for seed in range(60):
        disk = MemoryDisk()
        disk.write("f", bytes(2000))
        disk.fsync("f")
        disk.fsync("")
        disk.write("f", b"\1" * 1000, 300)
        disk.crash(Rng(seed))
        data = disk.read("f")
        assert not any(data[:300]) and not any(data[1300:2000])
        pieces = (data[300:512], data[512:1024], data[1024:1300])
        assert all(len(set(piece)) == 1 for piece in pieces)
        seen.add(tuple(piece[0] for piece in pieces))
    assert len(seen) == 8


def test_chance_keeps_names_in_the_order_in_which_they_changed() -> None:
    seen = set()
    for seed in range(40):
        disk = MemoryDisk()
        for name in "abc":
            disk.write(name, b"")
        disk.rename("a", "d")
        disk.crash(Rng(seed))
        seen.add(tuple(disk.list("")))
    assert seen == {(), ("a",), ("a", "b"), ("a", "b", "c"), ("b", "c", "d")}


def test_what_is_put_off_is_done_before_anybody_looks() -> None:
    disk = MemoryDisk()
    looks: list[Callable[[], object]] = [
        lambda: disk.exists("f"),
        lambda: disk.list(""),
        lambda: disk.read("f"),
        lambda: disk.size("f"),
        lambda: disk.view("f"),
        lambda: disk.append("f", b"."),
        lambda: disk.rename("f", "g"),
        lambda: disk.crash(),
    ]
    for look in looks:
        disk.write("f", b"")
        assert disk.later(lambda: (disk.write("f", b"later"), disk.fsync("f"), disk.fsync("")))
        look()
        assert any(disk.read(name).startswith(b"later") for name in disk.list(""))
    assert not MemoryDisk(lazy=False).later(lambda: None)


def test_a_power_cut_takes_what_was_put_off_and_not_synced() -> None:
    disk = MemoryDisk()
    disk.write("f", b"kept")
    disk.fsync("f")
    disk.fsync("")
    disk.later(lambda: disk.append("f", b" lost"))
    disk.crash()
    assert disk.read("f") == b"kept"


def test_a_flipped_bit_stays_flipped() -> None:
    disk = MemoryDisk()
    disk.write("f", b"\0\0")
    disk.fsync("f")
    disk.fsync("")
    disk.flip("f", 9)
    disk.crash()
    assert disk.read("f") == b"\0\2"


def test_a_folder_outside_of_the_disk_is_never_emptied(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "etc").mkdir(parents=True)
    (outside / "etc" / "kept").write_text("kept")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    disk = FolderDisk(root)
    for path in ("", ".", "..", "../outside", str(outside), str(outside / "etc"), str(tmp_path)):
        with pytest.raises(OSError, match=r"not empty|Directory|busy|Invalid"):
            disk.remove(path)
    assert (outside / "etc" / "kept").read_text() == "kept" and (root / "etc").is_dir()
    disk.remove("etc")
    assert not (root / "etc").exists()
