"""Client: etcdctl's end of the conversation. It finds a member that answers and waits as etcd's own does.

`call` asks any of the endpoints and waits for the answer, letting virtual time pass, at most `timeout`
seconds; reads are asked again while no member can answer. Every failed attempt leaves etcd's own line in the
log. Source: client/v3 (client.go, retry.go, retry_interceptor.go, internal/endpoint).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.terminal.etcdctl.doors import Door, Doors
from kubekit.terminal.etcdctl.exits import BAD_CONNECTION, DeadlineExceeded, Exit, Interrupted
from kubekit.terminal.etcdctl.tls import ClientTLS, handshake

UNAVAILABLE = 14
RETRY_SECONDS = 0.025
MOST_ATTEMPTS = 100
CODES = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)
"""gRPC's statuses by number."""

WRITES = frozenset(
    {"KV/Put", "KV/DeleteRange", "KV/Txn", "KV/Compact", "Maintenance/Defragment", "Auth/AuthEnable"}
    | {"Auth/AuthDisable", "Auth/UserAdd", "Auth/UserDelete", "Auth/UserChangePassword", "Auth/UserGrantRole"}
    | {"Auth/UserRevokeRole", "Auth/RoleAdd", "Auth/RoleDelete", "Auth/RoleGrantPermission"}
    | {"Auth/RoleRevokePermission", "Auth/Authenticate", "Cluster/MemberAdd", "Cluster/MemberRemove"}
    | {"Cluster/MemberUpdate", "Cluster/MemberPromote"}
)
"""Calls that are not asked twice: the first one may have been done."""

Log = Callable[..., None]


def status_text(error: EtcdError) -> str:
    """An error as gRPC prints it."""
    return f"rpc error: code = {CODES[error.code]} desc = {error.message}"


def error_text(error: Exception) -> str:
    """An error as the client hands it on: etcd's own words when they are known."""
    if isinstance(error, EtcdError):
        return error.message if error.message.startswith("etcdserver: ") else status_text(error)
    return str(error)


def address_of(endpoint: str) -> tuple[str, str]:
    """(scheme, host:port) of an endpoint; the scheme is "" when there is none.

    >>> address_of("https://127.0.0.1:2379"), address_of("etcd-1:2379")
    (('https', '127.0.0.1:2379'), ('', 'etcd-1:2379'))
    """
    if "://" not in endpoint:
        return "", endpoint
    parts = urlsplit(endpoint)
    return parts.scheme, parts.netloc if parts.scheme in ("http", "https") else endpoint


@dataclass(frozen=True, slots=True)
class Config:
    """What the flags say about the connection."""

    endpoints: tuple[str, ...]
    command_timeout: float = 5.0
    dial_timeout: float = 2.0
    tls: ClientTLS | None = None
    username: str = ""
    password: str = ""


class Waiting:
    """How a client lets time pass."""

    def __init__(
        self, until: Callable[[Callable[[], bool], float], bool], now: Callable[[], float], forever: float
    ) -> None:
        self.until, self.now = until, now
        self.forever = forever
        """Seconds after which waiting without a limit is interrupted."""


class Client:
    """A connection to one cluster. Raises Exit(2) when it cannot sign on."""

    def __init__(self, config: Config, doors: Doors, waiting: Waiting, log: Log) -> None:
        self.config, self.doors, self.waiting, self.log = config, doors, waiting, log
        self.token = ""
        self._next = 0
        if not config.endpoints:
            raise Exit(BAD_CONNECTION, "etcdclient: no available endpoints")
        if config.username and config.password:
            try:
                self._sign_on()
            except (EtcdError, DeadlineExceeded) as error:
                raise Exit(BAD_CONNECTION, error_text(error)) from None

    def _sign_on(self) -> None:
        who = {"name": self.config.username, "password": self.config.password}
        try:
            self.token = str(self._ask("Auth/Authenticate", who, self.config.dial_timeout).get("token", ""))
        except EtcdError as error:
            if error.message != "etcdserver: authentication is not enabled":
                raise
            self.token = ""

    # -- finding a member -------------------------------------------------------------------------------

    def _trouble(self, endpoint: str) -> tuple[Door | None, str]:
        """The door at an endpoint, or why there is none."""
        _, address = address_of(endpoint)
        tls = self.config.tls
        first, _ = address_of(self.config.endpoints[0])
        if first == "http":
            tls = None
        elif first == "https" and tls is None:
            tls = ClientTLS()
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit():
            return None, _dialing(f"dial tcp: address {address}: missing port in address")
        door = self.doors(address)
        if door is None:
            shown = address.replace("localhost", "127.0.0.1")
            return None, _dialing(f"dial tcp {shown}: connect: connection refused")
        trouble = handshake(tls, door.tls, host.strip("[]"))
        return (None, trouble) if trouble else (door, "")

    def _door(self) -> tuple[Door | None, str]:
        why = ""
        for step in range(len(self.config.endpoints)):
            at = (self._next + step) % len(self.config.endpoints)
            door, trouble = self._trouble(self.config.endpoints[at])
            if door is not None:
                self._next = at
                return door, ""
            why = trouble
        return None, f"latest balancer error: {why}"

    def ready(self, timeout: float | None) -> Door:
        """A member to talk to; waits for one. Raises DeadlineExceeded, or Interrupted without a timeout."""
        door, why = self._door()
        if door is None:
            self.waiting.until(
                lambda: self._door()[0] is not None, self.waiting.forever if timeout is None else timeout
            )
            door, why = self._door()
        if door is not None:
            return door
        if timeout is None:
            raise Interrupted
        raise DeadlineExceeded(f"rpc error: code = DeadlineExceeded desc = {why}")

    # -- asking -----------------------------------------------------------------------------------------

    def call(self, name: str, request: Message, timeout: float | None = None) -> Message:
        """Answer of a call, e.g. ``KV/Range``. `timeout` seconds; None waits for ever.

        Raises EtcdError, DeadlineExceeded and Interrupted.
        """
        try:
            return self._ask(name, request, timeout)
        except EtcdError as error:
            if self.token and error.message in _STALE:
                self._sign_on()
                return self._ask(name, request, timeout)
            raise

    def _ask(self, name: str, request: Message, timeout: float | None) -> Message:
        last = EtcdError("etcdserver: request timed out")
        end = None if timeout is None else self.waiting.now() + timeout
        for attempt in range(MOST_ATTEMPTS):
            left = None if end is None else max(0.0, end - self.waiting.now())
            try:
                answer = self._once(name, request, left)
            except DeadlineExceeded as late:
                self._failed(name, 0, late.why)
                raise
            if not isinstance(answer, EtcdError):
                return answer
            last = answer
            self._failed(name, attempt, status_text(answer))
            if answer.code != UNAVAILABLE or name in WRITES:
                raise answer
            self._next += 1
            self.waiting.until(lambda: False, RETRY_SECONDS)
        raise last

    def _once(self, name: str, request: Message, left: float | None) -> Message | EtcdError:
        answers: list[Message | EtcdError] = []
        self.ready(left).submit(name, request, self.token, answers.append)
        if not answers:
            self.waiting.until(lambda: bool(answers), self.waiting.forever if left is None else left)
        if answers:
            return answers[0]
        if left is None:
            raise Interrupted
        raise DeadlineExceeded("rpc error: code = DeadlineExceeded desc = context deadline exceeded")

    def _failed(self, name: str, attempt: int, error: str) -> None:
        self.log(
            "warn",
            "retrying of unary invoker failed",
            target=self.config.endpoints[0],
            method=f"/etcdserverpb.{name}",
            attempt=attempt,
            error=error,
        )

    def watch(self, create: Message, send: Callable[[Message], None]) -> Any:
        """Open a watch: `send` gets each response. The stream's `.close()` ends it."""
        stream = self.ready(None).watch(send, self.token)
        stream.request({"create_request": create})
        return stream

    def storage_version(self) -> str:
        """Which format the member's file has; "" before 3.6."""
        return str(self.call("Maintenance/Status", {}, self.config.command_timeout).get("storageVersion", ""))

    def snapshot(self, timeout: float | None) -> Iterator[bytes]:
        """The blobs of a snapshot of the only endpoint."""
        return self.ready(timeout).snapshot(self.token)


_STALE = ("etcdserver: invalid auth token", "etcdserver: revision of auth store is old")


def _dialing(what: str) -> str:
    return f'connection error: desc = "transport: Error while dialing: {what}"'
