"""Majorities: which index most voters have reached, and whether a vote is decided.

Both questions are asked of any set of voters; learners are never among them. An empty set agrees with
everything: a member that does not know its cluster yet decides nothing, because it never campaigns.

Source: go.etcd.io/raft v3.6, quorum/majority.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

PENDING: Final = "pending"
WON: Final = "won"
LOST: Final = "lost"


def committed_index(acknowledged: Collection[int]) -> int:
    """The highest index that a majority of the voters has reached.

    `acknowledged` is one index for each voter, 0 for those that have said nothing. With the indexes in
    order, the one at position `(n - 1) // 2` has a majority at or above it:

    >>> committed_index([7, 5, 4])            # 4 [5] 7: two of three have 5
    5
    >>> committed_index([7, 5, 4, 1])         # 1 [4] 5 7: three of four have 4
    4
    >>> committed_index([9, 0, 0])            # a leader alone commits nothing
    0
    """
    if not acknowledged:
        return 0
    return sorted(acknowledged)[(len(acknowledged) - 1) // 2]


def vote_result(voters: Collection[int], votes: Mapping[int, bool]) -> str:
    """WON, LOST, or PENDING while the missing answers could still turn it.

    >>> vote_result((1, 2, 3), {1: True, 2: False})
    'pending'
    >>> vote_result((1, 2, 3), {1: True, 3: True})
    'won'
    >>> vote_result((1, 2, 3, 4), {1: True, 2: False, 3: False})      # two of four is no majority
    'lost'
    """
    granted = missing = 0
    for voter in voters:
        answer = votes.get(voter)
        if answer is None:
            missing += 1
        elif answer:
            granted += 1
    needed = len(voters) // 2 + 1
    if not voters or granted >= needed:
        return WON
    return PENDING if granted + missing >= needed else LOST
