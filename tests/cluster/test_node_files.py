"""A node's files: what is made when it is read, what is noticed, and a member's own files among them."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.cluster.etcd_disk import DataDirectory
from kubekit.cluster.node_files import NodeFiles
from kubekit.raft import Entry


def test_what_is_lazy_is_made_once_and_only_when_read() -> None:
    files, made = NodeFiles(), []
    files.lazy("/etc/x/key", lambda: made.append(1) or b"secret", mode=0o600)
    assert files.list("/etc/x") == ["key"] and files.mode("/etc/x/key") == 0o600
    assert made == []
    assert files.size("/etc/x/key") == 6 and files.text("/etc/x/key") == "secret"
    files.rename("/etc/x", "/etc/y")
    assert files.read("/etc/y/key") == b"secret" and files.mode("/etc/y/key") == 0o600
    assert made == [1]


def test_a_lazy_file_that_is_overwritten_is_never_made() -> None:
    files = NodeFiles()
    files.lazy("/a", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    files.write("/a", b"x")
    assert files.text("/a") == "x"


def test_changes_are_noticed_where_they_are() -> None:
    files, seen = NodeFiles(), []
    files.put("/etc/m/a", "1")
    files.on_change("/etc/m", lambda: seen.append(files.list("/etc/m")))
    files.write("/etc/m/b", b"")
    files.rename("/etc/m/b", "/tmp/b")
    files.append("/tmp/b", b"x")
    files.remove("/etc/m/a")
    assert seen == [["a", "b"], ["a"], []]


def test_errors_are_a_disks() -> None:
    files = NodeFiles()
    with pytest.raises(FileNotFoundError):
        files.read("/nothing")
    with pytest.raises(FileNotFoundError):
        files.write("/no/folder", b"")
    with pytest.raises(IsADirectoryError):
        files.write("/etc", b"")


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_is_removed_under_a_member_is_not_written_again(again: bool) -> None:
    files = NodeFiles()
    disk = DataDirectory(files, "/var/lib/etcd")
    disk.create(1, 2)
    disk.append(Entry(1, 1))
    files.remove("/var/lib/etcd")
    if again:
        other = DataDirectory(files, "/var/lib/etcd")
        other.create(3, 4)
        other.append(Entry(1, 1))
    disk.append(Entry(1, 2))
    assert files.exists("/var/lib/etcd") is again
    if again:
        found = DataDirectory(files, "/var/lib/etcd").load()
        assert (found.member_id, [entry.index for entry in found.entries]) == (3, [1])


def test_the_control_plane_node_has_what_kubeadm_leaves() -> None:
    cluster = up(workers=1)
    files = cluster.node("controlplane").files
    assert files.list("/etc/kubernetes/manifests") == ["etcd.yaml"]
    assert {"ca.crt", "server.crt", "server.key", "peer.crt", "healthcheck-client.key"} <= set(
        files.list("/etc/kubernetes/pki/etcd")
    )
    assert files.text("/etc/kubernetes/pki/etcd/server.crt").startswith("-----BEGIN CERTIFICATE-----")
    assert files.mode("/etc/kubernetes/pki/etcd/server.key") == 0o600
    assert files.list("/var/lib/etcd/member") == ["snap", "wal"]
    assert cluster.node("node01").files.list("/etc/kubernetes") == ["manifests"]
