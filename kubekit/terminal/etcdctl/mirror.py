"""make-mirror: every key of one cluster, and every change from then on, put into another.

It runs until Ctrl-C, or in a notebook until nothing more changes. A change that cannot be written ends it.
Source: etcdctl/ctlv3/command/make_mirror_command.go, client/v3/mirror/syncer.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.tree_index import FROM_KEY, prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, boolean, number, string
from kubekit.terminal.etcdctl import tls
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import Client, Config, error_text
from kubekit.terminal.etcdctl.exits import ERROR, Exit, Interrupted, bad_args

PAGE = 1000
COMPACTED = "etcdserver: mvcc: required revision has been compacted"


def _destination(call: Call, endpoint: str) -> Client:
    user, password = str(call.values.get("dest-user", "")), str(call.values.get("dest-password", ""))
    if user and not password:
        user, colon, password = user.partition(":")
        if not colon:
            password = call.password("Destination Password: ")
    loaded = tls.load(
        call.flag("dest-cert"),
        call.flag("dest-key"),
        call.flag("dest-cacert"),
        False,
        call.flag("dest-insecure-transport"),
        call.program.files.read,
    )
    config = Config((endpoint,), call.timeout, float(call.values["dial-timeout"]), loaded, user, password)
    return Client(config, call.program.doors, call.waiting, call.log)


class Mirror:
    """One mirror under way: `total` keys were written."""

    def __init__(self, call: Call, source: Client, target: Client) -> None:
        self.call, self.source, self.target = call, source, target
        self.prefix = call.flag("prefix").encode()
        self.new_prefix = call.flag("dest-prefix").encode()
        self.most = int(call.values.get("max-txn-ops", 128))
        self.total = 0
        self.failure: str | None = None

    @property
    def bounds(self) -> Message:
        """All that is mirrored."""
        if not self.prefix:
            return {"key": b"\0", "range_end": FROM_KEY}
        return {"key": self.prefix, "range_end": prefix_end(self.prefix)}

    def renamed(self, key: bytes) -> bytes:
        """A key's name at the destination."""
        return key.replace(self.prefix, self.new_prefix, 1)

    def base(self) -> int:
        """Copy what there is, a page at a time; the revision that was copied."""
        bounds, revision = self.bounds, 0
        while True:
            request = bounds | {"limit": PAGE} | ({"revision": revision} if revision else {})
            answer = self.source.call("KV/Range", request)
            revision = revision or answer["header"].get("revision", 0)
            found = answer.get("kvs", [])
            for kv in found:
                put = {"key": self.renamed(kv["key"]), "value": kv.get("value", b"")}
                self.target.call("KV/Put", put)
                self.total += 1
            if not answer.get("more"):
                return int(revision)
            bounds = bounds | {"key": found[-1]["key"] + b"\0"}

    def receive(self, response: Message) -> None:
        """Repeat changes; those of one revision in one transaction."""
        if response.get("compact_revision"):
            self.failure = COMPACTED
            return
        operations: list[Message] = []
        last = 0
        for event in response.get("events", []):
            kv = event["kv"]
            if (last and kv.get("mod_revision", 0) > last) or len(operations) == self.most:
                self._commit(operations)
                operations = []
            last = kv.get("mod_revision", 0)
            key = self.renamed(kv["key"])
            if event.get("type"):
                operations.append({"request_delete_range": {"key": key}})
            else:
                operations.append({"request_put": {"key": key, "value": kv.get("value", b"")}})
            self.total += 1
        self._commit(operations)

    def _commit(self, operations: list[Message]) -> None:
        if not operations or self.failure:
            return
        try:
            self.target.call("KV/Txn", {"success": operations})
        except EtcdError as error:
            self.failure = error_text(error)


def make_mirror(call: Call) -> None:
    """`etcdctl make-mirror`."""
    need(call, len(call.args) == 1, "make-mirror takes one destination argument")
    target = _destination(call, call.args[0])
    source = call.client()
    if call.flag("no-dest-prefix") and call.flag("dest-prefix"):
        raise bad_args("`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one")
    mirror = Mirror(call, source, target)
    start = max(0, call.values.get("rev", 0) - 1)
    try:
        if start == 0:
            if not call.flag("no-dest-prefix") and not mirror.new_prefix:
                mirror.new_prefix = mirror.prefix
            start = mirror.base()
        stream = source.watch(mirror.bounds | {"start_revision": start + 1}, mirror.receive)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    try:
        call.block(lambda: mirror.failure is not None)
    except Interrupted:
        call.out(str(mirror.total))
        raise
    finally:
        stream.close()
    raise Exit(ERROR, mirror.failure)


def _flags(minor: int) -> list[Flag]:
    found = [string("prefix", "Key-value prefix to mirror")]
    if minor >= 6:
        found += [
            number("rev", "Specify the kv revision to start to mirror"),
            number(
                "max-txn-ops",
                "Maximum number of operations permitted in a transaction during syncing updates.",
                default=128,
            ),
        ]
    found += [
        string(
            "dest-prefix",
            "destination prefix to mirror a prefix to a different prefix in the destination cluster",
        ),
        boolean("no-dest-prefix", "mirror key-values to the root of the destination cluster"),
        string(
            "dest-cert",
            "Identify secure client using this TLS certificate file for the destination cluster",
        ),
        string("dest-key", "Identify secure client using this TLS key file"),
        string("dest-cacert", "Verify certificates of TLS enabled secure servers using this CA bundle"),
        boolean("dest-insecure-transport", "Disable transport security for client connections", default=True),
    ]
    if minor >= 5:
        found += [
            string(
                "dest-user",
                "Destination username[:password] for authentication (prompt if password is not supplied)",
            ),
            string(
                "dest-password",
                "Destination password for authentication (if this option is used, --user option shouldn't"
                " include password)",
            ),
        ]
    return found


def commands(minor: int) -> list[Command]:
    """The command of this file."""
    return [
        Command(
            "make-mirror [options] <destination>",
            "Makes a mirror at the destination etcd cluster",
            make_mirror,
            _flags(minor),
        )
    ]
