"""Etcdutl: the sister of etcdctl that works on files alone.

    Etcdutl(files=FolderDisk(".")).run(["snapshot", "status", "backup.db"])

Its help is cobra's own, and errors of the command line show it. Source: etcdutl/ctl.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.disk import Disk
from kubekit.terminal.cli.cobra import Found, default_usage
from kubekit.terminal.cli.command import Command
from kubekit.terminal.etcdctl.doors import nobody
from kubekit.terminal.etcdctl.exits import ERROR, Exit
from kubekit.terminal.etcdctl.program import Etcdctl, Pump
from kubekit.terminal.etcdctl.release import DEFAULT
from kubekit.terminal.etcdutl.tree import tree


class Etcdutl(Etcdctl):
    """An etcdutl."""

    name = "etcdutl"

    def __init__(
        self,
        *,
        version: str = DEFAULT,
        files: Disk | None = None,
        now: Callable[[], float] = lambda: 0.0,
        pump: Pump | None = None,
        **options: Any,
    ) -> None:
        super().__init__(nobody, version=version, files=files, now=now, pump=pump, **options)

    @property
    def says_twice(self) -> bool:
        """Every release does."""
        return True

    def help_text(self, found: Found) -> str:
        """What --help prints."""
        return default_usage(found)

    def wrong_call(self, found: Found, message: str) -> Exit:
        """Tell what is wrong with a command line, and how it is called; both on stderr."""
        self.stderr.append(f"Error: {message}\n{self.help_text(found)}\n")
        return Exit(ERROR, message)

    @property
    def root(self) -> Command:
        """The tree of commands of this release."""
        return tree(self.release.minor)
