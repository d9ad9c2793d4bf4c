"""Which programs an image has: the tables, and `find`.

busybox and alpine have no bash; images made of one binary (pause, etcd, the API server) have not even a
shell. A program of the container's own command exists in any case.
"""

from __future__ import annotations

from kubekit.kubelet.answers import program_of
from kubekit.kubelet.runtime import Container

BARE = {"pause", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns", "hello-world",
        "static", "distroless", "static-debian12", "metrics-server"}  # fmt: skip
"""Images that hold one program and nothing else."""
OWN = {
    "etcd": "etcd etcdctl etcdutl",
    "nginx": "nginx curl openssl",
    "httpd": "httpd apachectl ab htpasswd",
    "redis": "redis-server redis-cli redis-benchmark",
    "postgres": "postgres psql pg_isready pg_dump createdb",
    "mysql": "mysqld mysql mysqladmin mysqldump",
    "mariadb": "mariadbd mariadb mysql mysqladmin",
    "mongo": "mongod mongosh mongo",
    "python": "python python3 pip pip3",
    "node": "node npm npx",
    "perl": "perl",
    "curl": "curl",
    "kubectl": "kubectl",
    "kube-proxy": "kube-proxy iptables iptables-save ipset conntrack",
    "agnhost": "agnhost dig curl",
}
"""Programs that come with well-known images beside the common ones."""
SMALL = {"busybox", "alpine", "curl", "kubectl"}
"""Images with busybox' programs: no bash."""
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


def find(container: Container, name: str, strict: bool = True) -> str | None:
    """The name of a program without its folder, or None when the image has none of that name."""
    folder, slash, base = name.rpartition("/")
    if not strict:
        return base or name
    started = container.argv[0] if container.argv else ""
    if name == started or (started and base == started.rpartition("/")[2]):
        return base
    if slash and folder not in PATHS:
        return base if container.file(name, container.status.started_at) is not None else None
    return base if base in _programs(container) else None


def _programs(container: Container) -> set[str]:
    image = program_of(container.image)
    own = set(OWN.get(image, image).split())
    if image in BARE or "distroless" in container.image:
        return own
    if image == "etcd":
        return own
    if image in SMALL:
        return own | COMMON | NETWORK
    return own | COMMON | DEBIAN | (NETWORK if image in ("agnhost", "netshoot", "dnsutils") else set())
