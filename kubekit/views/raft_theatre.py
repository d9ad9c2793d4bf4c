"""The raft theatre: members, the messages between them, their logs, and what a record changed.

A stop of the stepper is a record of kind "raft". Nothing is worked out from the protocol: what stands on the
stage at a stop is what the records up to there have said. So the records' `came_out` (or `came_in`) carries
these figures, all optional:

    what        one word for what happened: campaign, vote, elected, step down, propose, append, commit,
                apply, read index, conf change, snapshot, transfer, crash, start, stop, pause, resume,
                restore, cut, slow, heal, partition, alarm
    members     {name: state} of the members that this record is about, as they are after it
    messages    [message] that were sent, delivered or lost with it
    links       [link] that are not whole after it: the full list, so [] says that everything is healed
    groups      [[name, ...], ...] after a partition: who can hear whom; [] when there is none

    state       {"role": "follower"|"pre-candidate"|"candidate"|"leader", "learner": bool,
                 "state": "running"|"stopped"|"crashed"|"paused", "term", "vote": name or "",
                 "lead": name or "", "first", "last", "commit", "applied",
                 "log": [[index, term, kind], ...] the last ten entries; kind is a short word ("put", "empty",
                 "conf change", ...), "votes": {name: bool} while it campaigns}
    message     {"type": "MsgApp", "from", "to", "term", "index", "log_term",
                 "entries": [[index, term, kind]], "commit", "reject": bool,
                 "lost": "" or why ("link is cut", "etcd-2 is crashed"),
                 "sent", "due": seconds since the start, when they are known}
    link        {"from", "to", "cut": bool, "slow": seconds}: one direction

A record's `component` is the member that it is about (or "etcd" for links), its `sentence` says it plainly,
its `steps` hold what was asked (a vote's: term, log, lease; a commit's: who matches up to where).
"""
