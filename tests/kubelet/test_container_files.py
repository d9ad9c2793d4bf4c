"""Files of a container: folders, the working directory, tar, and folders of the node that are mounted."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.kubelet import image_files
from kubekit.kubelet.exec_command import run_in
from kubekit.kubelet.runtime import Container
from kubekit.terminal.notebook import kubectl_of
from tests.kubelet.test_shell import container


def sh(made: Container, script: str) -> tuple[int, str, str]:
    return run_in(made, ["sh", "-c", script], 1.0, strict=True)


@pytest.mark.parametrize(
    ("script", "out", "err"),
    [
        ("mkdir /d; cd /d; echo a > f; ls; pwd", "f\n/d\n", ""),
        ("mkdir /a/b", "", "mkdir: cannot create directory ‘/a/b’: No such file or directory\n"),
        ("mkdir -p /a/b/c; mkdir /a; rmdir /a", "", None),
        ("mkdir -p /a/b; rm -r /a; ls /a", "", "ls: /a: No such file or directory\n"),
        ("mkdir /a; rm /a", "", "rm: cannot remove '/a': Is a directory\n"),
        ("echo x > /tmp/f; mkdir /a; cp /tmp/f /a; mv /tmp/f /a/g; find /a -type f", "/a/f\n/a/g\n", ""),
        ("mkdir -p /a/b; echo x > /a/b/f; cp -r /a /c; cat /c/b/f", "x\n", ""),
        ("cp /a /b; cd /nowhere", "", None),
        ("cd /tmp; touch x y; find . -name x", "./x\n", ""),
        ("mkdir -p /a/b; tar cf /t.tar /a 2> /dev/null; tar tf t.tar; rm -r /a; tar xf t.tar; find /a",
         "a/\na/b/\n/a\n/a/b\n", ""),
        ("cd /tmp; echo x > f; tar czf t.tgz f; rm f; tar xzvf t.tgz; cat f", "f\nx\n", ""),
        ("tar xf /etc/hosts", "", None),
        ("tar", "", None),
        ("tar cf - -C /nope .", "", None),
        ("tar cf /t.tar -C /etc hostname; tar tf /t.tar", "hostname\n", ""),
    ],
)  # fmt: skip
def test_programs(script: str, out: str, err: str | None) -> None:
    _, made = container()
    _, text, errors = sh(made, script)
    assert text == out and (errors == err if err is not None else errors), errors


def test_an_archive_cannot_leave_its_folder() -> None:
    _, made = container()
    sh(made, "cd /tmp; mkdir in; echo x > f; tar cf t.tar ../tmp/f; tar xf t.tar -C in")
    assert "/tmp/in/tmp/f" in image_files.below(made, "/tmp", 1.0)


def test_what_the_image_brings_can_be_removed() -> None:
    _, made = container()
    assert sh(made, "rm /usr/share/nginx/html/index.html; ls /usr/share/nginx/html")[0] == 1


def test_a_container_stands_in_its_working_directory_among_its_mounts() -> None:
    cluster = kubekit.up(workers=1, seed=3)
    kubectl = kubectl_of(cluster)
    node = cluster.node("node01").files
    node.put("/opt/shared/there", "text\n")
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  nodeName: node01
  volumes: [{name: v, hostPath: {path: /opt/shared}}, {name: e, emptyDir: {}}]
  containers:
  - {name: c, image: busybox, command: [sleep, "3600"], workingDir: /srv/here,
     volumeMounts: [{name: v, mountPath: /data}, {name: e, mountPath: /cache}]}
"""
    assert kubectl.run(["apply", "-f", "-"], pod).exit == 0
    cluster.settle()
    script = "pwd; test -d /cache && ls /data; echo new > /data/made; rm /data/there; mkdir /data/sub"
    answer = kubectl.run(["exec", "p", "--", "sh", "-c", script])
    assert answer.stdout == "/srv/here\nthere\n" and answer.exit == 0, answer
    assert node.text("/opt/shared/made") == "new\n" and node.list("/opt/shared") == ["made", "sub"]


def test_a_debugging_pod_works_on_its_nodes_files() -> None:
    cluster = kubekit.up(workers=1, seed=3)
    kubectl = kubectl_of(cluster)
    words = ["debug", "node/node01", "-i", "-q", "--image=busybox", "--", "sh"]
    manifest = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "st"}, "spec": {"containers":'
    manifest += ' [{"name": "c", "image": "nginx"}]}}'
    folder = "/host/etc/kubernetes/manifests"
    body = f"mkdir -p {folder}\necho '{manifest}' > {folder}/st.yaml\n"
    body += "chroot /host cat /etc/kubernetes/manifests/st.yaml\n"
    answer = kubectl.run(words, body)
    assert answer.exit == 0 and '"name": "st"' in answer.stdout, answer
    cluster.settle()
    assert kubectl.run(["get", "pod", "st-node01"]).exit == 0
