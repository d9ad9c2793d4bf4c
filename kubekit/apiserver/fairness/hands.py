"""Shuffle sharding: each flow is dealt a few of a level's queues, like a hand of cards.

Two flows rarely have the same hand: who floods the queues of its hand leaves every other flow a queue that
is free. `hand(flow_hash(schema, distinguisher), queues, size)` is the hand. Upstream:
apiserver/pkg/util/shufflesharding/dealer.go, apiserver/pkg/util/flowcontrol/apf_controller.go (hashFlowID).
"""

from __future__ import annotations

import hashlib


def flow_hash(schema: str, distinguisher: str) -> int:
    """The 64 bits that stand for a flow: its schema, and the user or namespace that tells it apart."""
    digest = hashlib.sha256(f"{schema}\0{distinguisher}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def hand(value: int, queues: int, size: int) -> list[int]:
    """The numbers of the queues that a flow is dealt: `size` different ones of `queues`, in order of deal."""
    dealt: list[int] = []
    for place in range(size):
        value, card = divmod(value, queues - place)
        # The card counts only those that are still in the deck: it moves up past each that was dealt.
        for earlier in sorted(dealt):
            if card >= earlier:
                card += 1
        dealt.append(card)
    return dealt
