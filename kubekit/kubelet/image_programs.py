"""Which programs an image has: the tables, and `find`.

busybox and alpine have no bash; images made of one binary (pause, etcd, the API server) have not even a
shell. A program of the container's own command exists in any case.
"""

from __future__ import annotations

import re

from kubekit.kubelet.answers import program_of
from kubekit.kubelet.runtime import Container

BARE = {"pause", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns", "hello-world",
        "static", "distroless", "static-debian12", "metrics-server"}  # fmt: skip
"""Images that hold one program and nothing else."""
OWN = {
    "etcd": "etcd etcdctl etcdutl",
    "nginx": "nginx curl openssl",
    "nginx-unprivileged": "nginx curl",
    "httpd": "httpd apachectl ab htpasswd",
    "redis": "redis-server redis-cli redis-benchmark",
    "postgres": "postgres psql pg_isready pg_dump createdb",
    "mysql": "mysqld mysql mysqladmin mysqldump",
    "mariadb": "mariadbd mariadb mysql mysqladmin",
    "mongo": "mongod mongosh mongo",
    "python": "python python3 pip pip3 curl wget",
    "node": "node npm npx curl wget",
    "perl": "perl",
    "curl": "curl",
    "kubectl": "kubectl",
    "kube-proxy": "kube-proxy iptables iptables-save ipset conntrack",
    "agnhost": "agnhost curl dig host nslookup iperf",
    "netshoot": "bash curl dig host nslookup nc ping getent jq tcpdump ip ss iperf traceroute mtr",
    "network-multitool": "bash curl dig host nslookup nc ping getent jq tcpdump ip ss iperf traceroute mtr",
    "busyboxplus": "curl",
    "jessie-dnsutils": "dig host nslookup nc ping",
    "dnsutils": "dig host nslookup nc ping",
    "golang": "go gofmt curl wget",
    "ruby": "ruby irb gem curl wget",
    "buildpack-deps": "curl wget",
}
"""Programs that come with well-known images beside the common ones."""
SMALL = {"busybox", "busyboxplus", "alpine", "curl", "kubectl", "agnhost", "netshoot", "network-multitool"}
"""Images with busybox' programs: no bash, unless they bring one."""
BIND = {"agnhost", "netshoot", "network-multitool", "jessie-dnsutils", "dnsutils"}
"""Images whose `nslookup` is bind's."""
LARGE = {"netshoot", "network-multitool"}
"""Images with programs of busybox whose `nc` and `ping` are others: OpenBSD's and iputils'."""
SLIM_LACKS = {"curl", "wget"}
COMMON = {
    "[",
    "awk",
    "base64",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "chroot",
    "clear",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "du",
    "echo",
    "egrep",
    "env",
    "expr",
    "false",
    "find",
    "free",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "healthy-for",
    "hostname",
    "id",
    "install",
    "kill",
    "less",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nice",
    "nohup",
    "od",
    "paste",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "ready-after",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "ash",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "time",
    "timeout",
    "top",
    "touch",
    "tr",
    "true",
    "tty",
    "uname",
    "uniq",
    "uptime",
    "vi",
    "wc",
    "which",
    "whoami",
    "xargs",
    "yes",
    ":",
    "sysctl",
    "nproc",
}
NETWORK = {
    "nc",
    "nslookup",
    "ping",
    "telnet",
    "traceroute",
    "wget",
    "ip",
    "ifconfig",
    "netstat",
    "route",
    "arp",
}
DEBIAN = {"bash", "dash", "apt", "apt-get", "dpkg", "getent", "perl", "passwd", "useradd", "shuf"}
ON_NETWORK = ("curl", "wget", "nslookup", "getent", "dig", "host", "nc", "ping", "telnet", "ip", "ifconfig")
"""Programs that `network_programs` runs."""
PATHS = {"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}


SHELL_IMAGES = {"busybox": "sh", "alpine": "/bin/sh", "ubuntu": "/bin/bash", "debian": "bash",
                "fedora": "/bin/bash", "centos": "/bin/bash", "bash": "bash"}  # fmt: skip
"""Images whose own command is a shell."""


def default_command(image: str) -> list[str]:
    """The command that an image brings along, as far as it is a shell that reads; else none."""
    shell = SHELL_IMAGES.get(program_of(image))
    return [shell] if shell else []


def has_busybox(container: Container) -> bool:
    """Whether its programs are busybox', whose messages differ from GNU's."""
    return program_of(container.image) in SMALL or "alpine" in container.image


def has_large(container: Container) -> bool:
    """Whether its `nc` and `ping` are the larger ones."""
    return not has_busybox(container) or program_of(container.image) in LARGE


def has_bind(container: Container) -> bool:
    """Whether its `nslookup` is bind's."""
    return program_of(container.image) in BIND


def has_musl(container: Container) -> bool:
    """Whether its C library is musl, which has its own words for errors."""
    return has_busybox(container) and not program_of(container.image).startswith("busybox")


def is_old_busybox(container: Container) -> bool:
    """Whether it is a busybox before 1.29, whose `nslookup` was another."""
    found = re.search(r"busybox:1\.(\d+)", container.image)
    return found is not None and int(found[1]) < 29


def is_known(container: Container) -> bool:
    """Whether it is known which programs the image has; an unknown one has what is called in it."""
    image = program_of(container.image)
    return image in SMALL or image in OWN or image in SHELL_IMAGES or image in BARE


def is_common(name: str) -> bool:
    """Whether many images have a program of that name, which does its work and ends."""
    return name in COMMON or name in NETWORK or name in DEBIAN


def find(container: Container, name: str, strict: bool = True) -> str | None:
    """The name of a program without its folder, or None when the image has none of that name.

    Where nobody looks closely (not `strict`) a program is there, unless it is known that it is not.
    """
    folder, slash, base = name.rpartition("/")
    if not strict and not (base in ON_NETWORK and container.pod.network is not None and is_known(container)):
        return base or name
    started = container.argv[0] if container.argv else ""
    if name == started or (started and base == started.rpartition("/")[2]):
        return base
    if slash and folder not in PATHS:
        return base if container.file(name, container.status.started_at) is not None else None
    if container.files.get(f"/usr/bin/{base}") is not None:  # installed since
        return base
    return base if base in _programs(container) else None


def _programs(container: Container) -> set[str]:
    image = program_of(container.image)
    own = set(OWN.get(image, image).split())
    if image in BARE or "distroless" in container.image:
        return own
    if image == "etcd":
        return own
    if "slim" in container.image:
        own -= SLIM_LACKS
    if has_busybox(container):
        return own | COMMON | NETWORK | ({"getent", "apk"} if has_musl(container) else set())
    return own | COMMON | DEBIAN
