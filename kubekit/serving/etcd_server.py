"""A served etcd: every member's client port on loopback, certificates, and the lines that etcdctl wants.

    etcd = cluster.serve_etcd()
    etcd.endpoints          # ["https://127.0.0.1:2379"]
    print(etcd.env())       # export ETCDCTL_API=3 ...
    etcd.stop()

The members stay what they are in the notebook; here they only get sockets. A member that is stopped or
crashes refuses connections until it runs again, one that joins gets a port of its own. Members name each
other by their simulated addresses; clients outside are told the ports on loopback instead, in member lists.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

from kubekit.cluster.errors import KubekitError
from kubekit.serving import etcd_thread
from kubekit.serving.certificates import Authority
from kubekit.serving.driver import driver_of
from kubekit.serving.etcd_door import DoorTLS, EtcdDoor
from kubekit.serving.etcd_engine import EngineTurns
from kubekit.serving.etcd_pki import EtcdPki
from kubekit.serving.https import Announce
from kubekit.serving.listening import bind, listen

PORT = 2379
"""The port that is tried first for the first member."""

LOOK_EVERY = 0.25
"""Seconds between two looks at which members run."""


class EtcdServer:
    """The open ports of an etcd cluster. `endpoints`, `cacert`, `cert` and `key` say how to reach them."""

    def __init__(
        self,
        cluster: Any,
        port: int | None = None,
        tls: bool = True,
        directory: str | Path | None = None,
        follow_real_time: bool = False,
        announce: Announce = print,
        speed: float = 1.0,
        authority: Authority | None = None,
    ) -> None:
        if not cluster.etcd.members:
            where = ", ".join(getattr(cluster.etcd, "endpoints", ()))
            raise KubekitError(f"etcd of cluster {cluster.name} runs elsewhere: {where}")
        self.cluster = cluster
        self._driver = driver_of(cluster.loop, follow_real_time, speed)
        self._turns = EngineTurns(self._driver)
        self._inner = Path(tempfile.mkdtemp(prefix="kubekit-etcd-"))
        self._doors: dict[str, EtcdDoor] = {}
        self._urls: dict[int, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = threading.Event()
        first = listen(PORT, port, announce)
        self._scheme = "https" if tls else "http"
        self.pki: EtcdPki | None = None
        if tls:
            number = first.getsockname()[1]
            folder = (
                Path(directory)
                if directory is not None
                else Path(".kubekit") / f"{cluster.name}-etcd-{number}" / "pki"
            )
            known = getattr(getattr(cluster, "pki", None), "authority", None)
            self.pki = EtcdPki.write(folder, authority or known or Authority("etcd-ca"))
        self._first: Any = first
        try:
            etcd_thread.run(self._open())
        except BaseException:
            self.stop()
            raise
        _OPEN.add(self)

    # -- how to reach it --------------------------------------------------------------------------------

    @property
    def endpoints(self) -> list[str]:
        """The client URLs, in the members' order."""
        return [door.url for door in self._doors.values()]

    def endpoint(self, member: str) -> str:
        """The client URL of one member. Raises KeyError."""
        return self._doors[member].url

    @property
    def cacert(self) -> Path | None:
        """The file with etcd's CA; None without TLS."""
        return self.pki.ca if self.pki is not None else None

    @property
    def cert(self) -> Path | None:
        """The file with a client certificate."""
        return self.pki.client_certificate if self.pki is not None else None

    @property
    def key(self) -> Path | None:
        """The file with its key."""
        return self.pki.client_key if self.pki is not None else None

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of etcdctl."""
        found = {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": ",".join(self.endpoints)}
        if self.pki is not None:
            found["ETCDCTL_CACERT"] = str(self.pki.ca)
            found["ETCDCTL_CERT"] = str(self.pki.client_certificate)
            found["ETCDCTL_KEY"] = str(self.pki.client_key)
        return found

    def env(self) -> str:
        """Lines for a shell, so that etcdctl finds its way."""
        return "\n".join(f"export {name}={value}" for name, value in self.variables.items())

    # -- life -------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the ports are open."""
        return not self._stopped.is_set()

    def stop(self) -> None:
        """Close every port; the members stay as they are."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        _OPEN.discard(self)
        etcd_thread.run(self._close())
        self._turns.close()
        shutil.rmtree(self._inner, ignore_errors=True)

    def __enter__(self) -> EtcdServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.running:
            return f"etcd of cluster {self.cluster.name} is not served any more"
        return f"etcd of cluster {self.cluster.name} answers on {', '.join(self.endpoints)}\n{self.env()}"

    # -- in the thread ----------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._tasks.append(asyncio.ensure_future(self._driver.run()))
        await asyncio.sleep(0)  # the driver puts its lock into the engine before anybody asks
        await self._follow_members()
        self._tasks.append(asyncio.ensure_future(self._keep_looking()))

    async def _close(self) -> None:
        looking = self._tasks[1:]
        for task in looking:
            task.cancel()
        for door in self._doors.values():
            await door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._first is not None:
            self._first.close()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._follow_members()

    async def _follow_members(self) -> None:
        """Give each new member a door, and open or shut the doors as members come and go."""
        members = dict(self.cluster.etcd.members)
        for name, member in members.items():
            if name not in self._doors:
                await self._new_door(name, member)
            await self._doors[name].follow()
        for name in self._doors.keys() - members.keys():
            door = self._doors.pop(name)
            self._urls.pop(door.member.id, None)
            await door.close()

    async def _new_door(self, name: str, member: Any) -> None:
        listener = self._first if self._first is not None else bind(0, backlog=None)
        self._first = None
        tls = None
        if self.pki is not None:
            tls = DoorTLS(self.pki.server_certificate, self.pki.server_key, self.pki.ca)
        inner = str(self._inner / f"{len(self._urls)}-{member.id:x}.sock")
        door = EtcdDoor(member, self._turns, listener, inner, self._urls, tls)
        self._urls[member.id] = door.url
        await door.open()
        self._doors[name] = door


_OPEN: weakref.WeakSet[EtcdServer] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Close what is open before the interpreter tears its threads down."""
    for server in list(_OPEN):
        with contextlib.suppress(Exception):
            server.stop()


def serve_etcd(
    cluster: Any,
    port: int | None = None,
    tls: bool = True,
    directory: str | Path | None = None,
    follow_real_time: bool = False,
    announce: Announce = print,
    speed: float = 1.0,
    authority: Authority | None = None,
) -> EtcdServer:
    """Serve the members of a cluster's etcd on loopback, for etcdctl and its like.

    `port` None tries 2379 for the first member and takes a free one, saying so, when that is in use; a given
    port that is in use raises `PortInUse`. `tls` asks clients for a certificate of etcd's CA, as kubeadm sets
    etcd up; the files lie in `directory`, or in `.kubekit/<cluster>-etcd-<port>/pki`. `speed` is how many of
    the cluster's seconds pass in a second, unless the cluster is served already. `authority` signs the
    certificates; without it the CA of the cluster's etcd does. Raises KubekitError for a cluster on a real
    etcd.
    """
    return EtcdServer(cluster, port, tls, directory, follow_real_time, announce, speed, authority)
