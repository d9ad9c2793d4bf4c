"""endpoint, alarm, defrag and move-leader: what one asks of members rather than of the cluster.

Each endpoint is asked on its own, so that one which is down does not hide the others.
Source: etcdctl/ctlv3/command/ep_command.go, alarm_command.go, defrag_command.go, move_leader_command.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.duration import go_duration
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import ENUMS, Message
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import boolean, number, string
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import Client, error_text
from kubekit.terminal.etcdctl.exits import BAD_ARGS, ERROR, DeadlineExceeded, Exit, bad_args
from kubekit.terminal.etcdctl.go_text import parse_int
from kubekit.terminal.etcdctl.keys import failing

PERMISSION_DENIED = "etcdserver: permission denied"


def endpoints_of(call: Call) -> list[str]:
    """The endpoints of --endpoints, or with --cluster those of the members."""
    call.configure()
    if not call.flag("cluster"):
        return call.endpoints
    client = call.client()
    # 3.4 asks one member what it knows; later the cluster has to agree.
    request: Message = {} if call.release.minor == 4 else {"linearizable": True}
    try:
        answer = client.call("Cluster/MemberList", request, call.timeout)
    except (EtcdError, DeadlineExceeded) as error:
        text = f"failed to fetch endpoints from etcd cluster member list: {error_text(error)}"
        raise Exit(ERROR, text) from None
    return [url for member in answer.get("members", []) for url in member.get("clientURLs", [])]


def _of_each(
    call: Call, ask: Callable[[Client], Message], complain: Callable[[str, Exception], str]
) -> tuple[list[tuple[str, Message]], Exception | None]:
    """Ask each endpoint: the answers, and the last error; each error is told at once."""
    found: list[tuple[str, Message]] = []
    last: Exception | None = None
    for endpoint in endpoints_of(call):
        try:
            found.append((endpoint, ask(call.client([endpoint]))))
        except (EtcdError, DeadlineExceeded) as error:
            last = error
            call.err(complain(endpoint, error))
    return found, last


def _alarms(alarms: list[Message]) -> str:
    names = [ENUMS["AlarmType"][alarm.get("alarm", 0)] for alarm in alarms]
    return "Active Alarm(s): " + "".join(f"{'UNKNOWN' if name == 'NONE' else name} " for name in names)


def _health(call: Call, endpoint: str) -> Message:
    """Health of one endpoint: can it commit, and does nothing ring?"""
    try:
        client = call.client([endpoint])
    except Exit as left:
        if left.code == BAD_ARGS:
            raise
        return {"endpoint": endpoint, "health": False, "took": "", "error": left.text or ""}
    start = call.waiting.now()
    found: Message = {"endpoint": endpoint, "health": True}
    try:
        client.call("KV/Range", {"key": b"health"}, call.timeout)
    except (EtcdError, DeadlineExceeded) as error:
        if error_text(error) != PERMISSION_DENIED:
            found |= {"health": False, "error": error_text(error)}
    found["took"] = go_duration(call.waiting.now() - start)
    if found["health"]:
        try:
            alarms = client.call("Maintenance/Alarm", {}, call.timeout).get("alarms", [])
        except (EtcdError, DeadlineExceeded):
            found |= {"health": False, "error": "Unable to fetch the alarm list"}
        else:
            if alarms and call.release.minor >= 5:
                found |= {"health": False, "error": _alarms(alarms)}
    return found


def health(call: Call) -> None:
    """`endpoint health`. All endpoints are asked at the same time, so the quickest answer comes first."""
    answers = [_health(call, endpoint) for endpoint in endpoints_of(call)]
    answers.sort(key=lambda one: bool(one.get("error")))
    call.print("endpoint_health", answers)
    if any(one.get("error") for one in answers):
        raise Exit(ERROR, "unhealthy cluster")


def status(call: Call) -> None:
    """`endpoint status`."""
    found, last = _of_each(
        call,
        lambda client: client.call("Maintenance/Status", {}, call.timeout),
        lambda endpoint, error: f"Failed to get the status of endpoint {endpoint} ({error_text(error)})",
    )
    call.print("endpoint_status", found)
    if last is not None:
        raise Exit(ERROR)


def hashkv(call: Call) -> None:
    """`endpoint hashkv`."""
    revision = call.flag("rev")
    found, last = _of_each(
        call,
        lambda client: client.call("Maintenance/HashKV", {"revision": revision}, call.timeout),
        lambda endpoint, error: f"Failed to get the hash of endpoint {endpoint} ({error_text(error)})",
    )
    call.print("endpoint_hashkv", found)
    if last is not None:
        raise Exit(ERROR, error_text(last))


def defrag(call: Call) -> None:
    """`defrag`: one endpoint after the other."""
    if call.values.get("data-dir"):
        raise Exit(ERROR, _offline(call))
    failures = 0
    for endpoint in endpoints_of(call):
        client = call.client([endpoint])
        start = call.waiting.now()

        def took(since: float = start) -> str:
            return f". took {go_duration(call.waiting.now() - since)}" if call.release.minor >= 6 else ""

        try:
            client.call("Maintenance/Defragment", {}, call.timeout)
        except (EtcdError, DeadlineExceeded) as error:
            dot = "." if call.release.minor >= 6 else ""
            call.err(f"Failed to defragment etcd member[{endpoint}]{took()}{dot} ({error_text(error)})")
            failures += 1
        else:
            call.out(f"Finished defragmenting etcd member[{endpoint}]{took()}")
    if failures:
        raise Exit(ERROR)


def _offline(call: Call) -> str:
    return f"{call.flag('data-dir')}: a data directory is defragmented by `etcdutl defrag --data-dir`"


# -- alarms -----------------------------------------------------------------------------------------------


def alarm_list(call: Call) -> None:
    """`alarm list`."""
    need(call, not call.args, "alarm list command accepts no arguments")
    call.print("alarm", failing(call, "Maintenance/Alarm", {}))


def alarm_disarm(call: Call) -> None:
    """`alarm disarm`: every alarm that rings, one by one."""
    need(call, not call.args, "alarm disarm command accepts no arguments")
    client = call.client()
    try:
        answer = client.call("Maintenance/Alarm", {}, call.timeout)
        disarmed: list[Message] = []
        for alarm in answer.get("alarms", []):
            request = {"action": 2, "memberID": alarm.get("memberID", 0), "alarm": alarm.get("alarm", 0)}
            disarmed += client.call("Maintenance/Alarm", request, call.timeout).get("alarms", [])
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    call.print("alarm", {"alarms": disarmed})


# -- the leader -------------------------------------------------------------------------------------------


def move_leader(call: Call) -> None:
    """`move-leader`: the leader, found among the endpoints, hands over."""
    need(call, len(call.args) == 1, "move-leader command needs 1 argument")
    try:
        target = parse_int(call.args[0], 16, unsigned=True)
    except ValueError as error:
        raise bad_args(str(error)) from None
    call.configure()
    client, leader = None, 0
    for endpoint in call.client().config.endpoints:
        asked = call.client([endpoint])
        try:
            found = asked.call("Maintenance/Status", {}, call.timeout)
        except EtcdError as error:
            raise Exit(ERROR, error_text(error)) from None
        if found.get("header", {}).get("member_id") == found.get("leader", 0):
            client, leader = asked, found["leader"]
            break
    if client is None:
        raise bad_args(f"no leader endpoint given at [{' '.join(call.endpoints)}]")
    try:
        answer = client.call("Maintenance/MoveLeader", {"targetID": target}, call.timeout)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    call.print("move_leader", answer, leader=leader, target=target)


STATUS_LONG = """When --write-out is set to simple, this command prints out comma-separated status lists \
for each endpoint.
The items in the lists are endpoint, ID, version, db size, is leader, is learner, raft term, raft index, \
raft applied index, errors.
"""


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    cluster = boolean("cluster", "use all endpoints from the cluster member list")
    newest = "latest revision" if minor >= 6 else "all revisions"
    revision = number("rev", f"maximum revision to hash (default: {newest})")
    offline = string("data-dir", "Optional. If present, defragments a data directory not in use by etcd.")
    return [
        Command(
            "endpoint <subcommand>",
            "Endpoint related commands",
            persistent=[cluster],
            commands=[
                Command(
                    "health", "Checks the healthiness of endpoints specified in `--endpoints` flag", health
                ),
                Command(
                    "status",
                    "Prints out the status of endpoints specified in `--endpoints` flag",
                    status,
                    long=STATUS_LONG,
                ),
                Command(
                    "hashkv",
                    "Prints the KV history hash for each endpoint in --endpoints",
                    hashkv,
                    persistent=[revision],
                ),
            ],
        ),
        Command(
            "alarm <subcommand>",
            "Alarm related commands",
            commands=[
                Command("disarm", "Disarms all alarms", alarm_disarm),
                Command("list", "Lists all alarms", alarm_list),
            ],
        ),
        Command(
            "defrag",
            "Defragments the storage of the etcd members with given endpoints",
            defrag,
            [] if minor >= 6 else [offline],
            persistent=[cluster],
        ),
        Command(
            "move-leader <transferee-member-id>",
            "Transfers leadership to another etcd cluster member.",
            move_leader,
        ),
    ]
