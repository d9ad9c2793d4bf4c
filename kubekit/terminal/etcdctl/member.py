"""member: who belongs to the cluster - list, add, update, promote, remove.

Source: etcdctl/ctlv3/command/member_command.go.
"""

from __future__ import annotations

from kubekit.api.field_path import go_quote
from kubekit.etcd.messages import Message
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.exits import bad_args
from kubekit.terminal.etcdctl.go_text import parse_int
from kubekit.terminal.etcdctl.keys import failing, serializable
from kubekit.terminal.etcdctl.printer_simple import SimplePrinter


def _id(call: Call) -> int:
    """The member that the only argument names. Raises Exit(128)."""
    need(call, len(call.args) == 1, "member ID is not provided")
    try:
        return parse_int(call.args[0], 16, unsigned=True)
    except ValueError as error:
        raise bad_args(f"bad member ID arg ({error}), expecting ID in Hex") from None


def add(call: Call) -> None:
    """`member add`: and the environment that the new member is to be started with."""
    need(call, bool(call.args), "member name not provided")
    if len(call.args) > 1:
        urls = [word for word in call.args if word.lower().startswith("http")]
        hint = "".join(f", did you mean --peer-urls={url}" for url in urls)
        raise bad_args(f"too many arguments{hint}")
    given = call.flag("peer-urls")
    need(call, bool(given), "member peer urls not provided")
    request: Message = {"peerURLs": given.split(",")}
    if call.flag("learner"):
        request["isLearner"] = True
    answer = failing(call, "Cluster/MemberAdd", request)
    call.print("member_add", answer)
    if not isinstance(call.display, SimplePrinter):
        return
    name, new = call.args[0], answer["member"].get("ID", 0)
    peers = [
        f"{name if member.get('ID', 0) == new else member.get('name', '')}={url}"
        for member in answer.get("members", [])
        for url in member.get("peerURLs", [])
    ]
    call.out()
    call.out(f"ETCD_NAME={go_quote(name)}")
    call.out(f"ETCD_INITIAL_CLUSTER={go_quote(','.join(peers))}")
    call.out(f"ETCD_INITIAL_ADVERTISE_PEER_URLS={go_quote(given)}")
    call.out('ETCD_INITIAL_CLUSTER_STATE="existing"')


def remove(call: Call) -> None:
    """`member remove`."""
    id = _id(call)
    call.print("member_remove", failing(call, "Cluster/MemberRemove", {"ID": id}), id=id)


def update(call: Call) -> None:
    """`member update`."""
    id = _id(call)
    need(call, bool(call.flag("peer-urls")), "member peer urls not provided")
    request = {"ID": id, "peerURLs": call.flag("peer-urls").split(",")}
    call.print("member_update", failing(call, "Cluster/MemberUpdate", request), id=id)


def promote(call: Call) -> None:
    """`member promote`: a learner gets its vote."""
    id = _id(call)
    call.print("member_promote", failing(call, "Cluster/MemberPromote", {"ID": id}), id=id)


def members(call: Call) -> None:
    """`member list`."""
    # The original's message shows the value of another flag, which has its default here.
    loose = serializable(call.values.get("consistency", "l"), shown="l")
    request: Message = {} if loose or call.release.minor == 4 else {"linearizable": True}
    call.print("member_list", failing(call, "Cluster/MemberList", request))


LIST_LONG = """When --write-out is set to simple, this command prints out comma-separated member lists \
for each endpoint.
The items in the lists are ID, Status, Name, Peer Addrs, Client Addrs, Is Learner.
"""


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    consistency = string("consistency", "Linearizable(l) or Serializable(s)", default="l")
    learner = boolean("learner", "indicates if the new member is raft learner")
    urls = string("peer-urls", "comma separated peer URLs for the new member.")
    new_urls = string("peer-urls", "comma separated peer URLs for the updated member.")
    return [
        Command(
            "member <subcommand>",
            "Membership related commands",
            commands=[
                Command("add <memberName> [options]", "Adds a member into the cluster", add, [urls, learner]),
                Command("remove <memberID>", "Removes a member from the cluster", remove),
                Command("update <memberID> [options]", "Updates a member in the cluster", update, [new_urls]),
                Command(
                    "list",
                    "Lists all members in the cluster",
                    members,
                    [consistency] if minor >= 6 else [],
                    long=LIST_LONG,
                ),
                Command(
                    "promote <memberID>",
                    "Promotes a non-voting member in the cluster",
                    promote,
                    long="Promotes a non-voting learner member to a voting one in the cluster.\n",
                ),
            ],
        )
    ]
