"""A served cluster: certificates, a port, a kubeconfig, and one thread that drives the engine.

`serve(cluster)` starts it; `Server.stop()` ends it and leaves the cluster as it is, usable in the notebook.
Everything listens on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from pathlib import Path
from typing import Protocol

from aiohttp import web

from kubekit.api.exchange import Handler
from kubekit.serving import kubeconfig as kubeconfig_file
from kubekit.serving.certificates import ADMIN, ADMIN_GROUP, Authority, KeyPair
from kubekit.serving.driver import driver_of
from kubekit.serving.https import Announce, Door, server_context
from kubekit.serving.listening import HOST, PortInUse, listen
from kubekit.sim import Loop

PORT = 6443
"""The port that is tried first, as on a real control-plane node."""

NAMES = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
]


class Served(Protocol):
    """What a cluster must have to be served."""

    @property
    def name(self) -> str: ...

    @property
    def loop(self) -> Loop: ...

    @property
    def apiserver(self) -> Handler: ...


class Server:
    """A running front door. `url`, `port` and `kubeconfig` say how to reach it."""

    def __init__(
        self,
        cluster: Served,
        port: int | None = None,
        kubeconfig: str | Path | None = None,
        follow_real_time: bool = False,
        announce: Announce = print,
        speed: float = 1.0,
        authority: Authority | None = None,
    ) -> None:
        self.cluster = cluster
        self.authority = authority or Authority()
        self._socket = listen(PORT, port, announce)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"https://{HOST}:{self.port}"
        self.driver = driver_of(cluster.loop, follow_real_time, speed)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"kubekit-{self.port}", daemon=True)
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        target = (
            kubeconfig if kubeconfig is not None else Path(".kubekit") / f"{cluster.name}-{self.port}.yaml"
        )
        try:
            self.kubeconfig: Path = self._write_kubeconfig(target)
        except kubeconfig_file.KubeconfigRefused:
            self.stop()
            raise

    def admin(self) -> KeyPair:
        """A new client certificate of the cluster's administrator."""
        return self.authority.client(ADMIN, (ADMIN_GROUP,))

    def stop(self) -> None:
        """Close the door and give the clock back to the notebook."""
        if self._asyncio is not None and self._stopping is not None and not self._stop.is_set():
            self._stop.set()
            with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
                self._asyncio.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=10)
        self._socket.close()

    @property
    def running(self) -> bool:
        """Whether the door is open."""
        return self._thread.is_alive() and not self._stop.is_set()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.running:
            return f"cluster {self.cluster.name} is not served any more"
        return f"cluster {self.cluster.name} answers on {self.url}\nexport KUBECONFIG={self.kubeconfig}"

    def _write_kubeconfig(self, path: str | Path) -> Path:
        config = kubeconfig_file.build(self.cluster.name, self.url, self.authority.certificate, self.admin())
        return kubeconfig_file.write(path, config)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # handed to the thread that waits in __init__
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._asyncio = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        door = Door(self.cluster.apiserver, self.driver)
        runner = web.AppRunner(door.application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        with tempfile.TemporaryDirectory(prefix="kubekit-pki-") as folder:
            pair = self.authority.server("kube-apiserver", NAMES, [HOST, "10.96.0.1"])
            files = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": self.authority.certificate}
            for name, pem in files.items():
                (Path(folder) / name).write_bytes(pem)
            # OpenSSL reads the key from a file once; the folder is gone before the first request.
            context = server_context(*(str(Path(folder) / name) for name in files))
        await web.SockSite(runner, self._socket, ssl_context=context).start()
        driving = asyncio.create_task(self.driver.run())
        await asyncio.sleep(0)  # so that it is known to run before anybody looks for the engine's driver
        self._ready.set()
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({driving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        driving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await driving
        await runner.cleanup()


def serve(
    cluster: Served,
    port: int | None = None,
    kubeconfig: str | Path | None = None,
    follow_real_time: bool = False,
    announce: Announce = print,
    speed: float = 1.0,
    authority: Authority | None = None,
) -> Server:
    """Serve a cluster over HTTPS on loopback.

    `port` None tries 6443 and takes a free one, saying so, when that is in use; a given port that is in use
    raises `PortInUse`. `kubeconfig` None writes to `.kubekit/<cluster>-<port>.yaml` in the current folder.
    `speed` is how many of the cluster's seconds pass in a second. `authority` signs the certificates; without
    it a new one is made.
    """
    return Server(cluster, port, kubeconfig, follow_real_time, announce, speed, authority)


__all__ = ["HOST", "PORT", "PortInUse", "Server", "serve"]
