"""`kubectl cp`: both directions, folders, bytes, and the words of tar and kubectl about what goes wrong."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.notebook import kubectl_of

LEADING = "tar: Removing leading `/' from member names\n"
BYTES = bytes(range(256)) * 3


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = kubekit.up(workers=1, seed=3)
    made = kubectl_of(cluster, MemoryFiles({"note.txt": "hello\n", "d/a": "A", "d/deep/b": "B"}))
    made.run(["run", "web", "--image=nginx"])
    made.run(["run", "box", "--image=busybox", "--", "sleep", "3600"])
    made.run(["run", "bare", "--image=registry.k8s.io/pause:3.10"])
    made.run(["run", "ended", "--image=busybox", "--restart=Never", "--", "true"])
    cluster.settle()
    return made


def ok(kubectl: Kubectl, *words: str) -> str:
    answer = kubectl.run(list(words))
    assert answer.exit == 0 and not answer.stderr, answer
    return answer.stdout


def test_a_file_there_and_back(kubectl: Kubectl) -> None:
    kubectl.files.write_bytes("bytes", BYTES)
    assert ok(kubectl, "cp", "bytes", "web:/tmp/kept") == ""
    assert ok(kubectl, "cp", "default/web:/tmp/kept", "back/there") == LEADING
    assert kubectl.files.read_bytes("back/there") == BYTES
    assert ok(kubectl, "cp", "web:tmp/kept", "relative") == ""
    assert kubectl.files.read_bytes("relative") == BYTES
    assert ok(kubectl, "cp", "--retries=2", "web:/tmp/kept", "again") == LEADING
    assert kubectl.files.read_bytes("again") == BYTES


def test_a_folder_that_is_there_is_copied_into(kubectl: Kubectl) -> None:
    ok(kubectl, "exec", "web", "--", "mkdir", "/data")
    ok(kubectl, "cp", "note.txt", "web:/data/", "-c", "web")
    ok(kubectl, "cp", "--no-preserve", "note.txt", "web:/data/other")
    assert ok(kubectl, "exec", "web", "--", "ls", "/data") == "note.txt\nother\n"


def test_folders(kubectl: Kubectl) -> None:
    kubectl.files.make_folder("d/empty")
    ok(kubectl, "cp", "d", "web:/tmp/new")
    found = ok(kubectl, "exec", "web", "--", "find", "/tmp/new")
    assert found.split() == ["/tmp/new", "/tmp/new/a", "/tmp/new/deep", "/tmp/new/deep/b", "/tmp/new/empty"]
    ok(kubectl, "cp", "d", "web:/tmp")
    assert ok(kubectl, "exec", "web", "--", "cat", "/tmp/d/deep/b") == "B\n"
    ok(kubectl, "cp", "web:/tmp/d", "copied")
    assert kubectl.files.read("copied/deep/b") == "B" and kubectl.files.is_folder("copied/empty")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("cp note.txt", "error: source and destination are required"),
        ("cp note.txt b", "error: one of src or dest must be a remote file specification"),
        ("cp web:/a box:/b", "error: one of src or dest must be a local file specification"),
        (
            "cp :/a b",
            "error: filespec must match the canonical format: [[namespace/]pod:]file/path",
        ),
        (
            "cp a/b/c:/d x",
            "error: filespec must match the canonical format: [[namespace/]pod:]file/path",
        ),
        ("cp web: x", "error: filepath can not be empty"),
        ("cp nope web:/x", "error: nope doesn't exist in local filesystem"),
        ("cp note.txt nobody:/x", 'Error from server (NotFound): pods "nobody" not found'),
        ("cp web:/etc/hosts x -c nope", "error: container nope is not valid for pod web out of: web"),
        ("cp bare:/etc/hosts x", 'exec: "tar": executable file not found in $PATH: unknown'),
        ("cp note.txt bare:/x", 'exec: "tar": executable file not found in $PATH: unknown'),
        (
            "cp ended:/etc/hosts x",
            "error: cannot exec into a container in a completed pod; current phase is Succeeded",
        ),
        ("cp web:/etc/hosts .", "error: open .: is a directory"),
    ],
)
def test_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer


def test_tars_own_words(kubectl: Kubectl) -> None:
    """They come on standard output, where the original sends them."""
    missing = kubectl.run(["cp", "web:/nope", "x"])
    assert (missing.exit, missing.stderr) == (2, "command terminated with exit code 2\n")
    assert missing.stdout == LEADING + (
        "tar: /nope: Cannot stat: No such file or directory\n"
        "tar: Exiting with failure status due to previous errors\n"
    )
    busybox = kubectl.run(["cp", "box:/nope", "x"])
    assert (busybox.exit, busybox.stdout) == (
        1,
        "tar: /nope: No such file or directory\ntar: error exit delayed from previous errors\n",
    )
    assert not kubectl.files.exists("x")
    folder = kubectl.run(["cp", "note.txt", "web:/no/such/folder"])
    assert folder.exit == 2 and "tar: /no/such: Cannot open: No such file or directory" in folder.stderr
