"""The checker accepts what one register could have done, and nothing else."""

from __future__ import annotations

import itertools

import pytest

from kubekit.sim import Rng
from tests.faults.linearizability import UNKNOWN, History, Operation, effect, linearization


def history_of(text: str) -> History:
    """A history drawn as one line for each operation: what it is, and its span from `|` to `|` (or to `?`
    where nobody heard the answer). Columns are moments.

        put 1      |--|
        get 1          |--|
    """
    history = History()
    for number, line in enumerate(line for line in text.splitlines() if line.strip()):
        asked, span = line[:16].split(), line[16:]
        start = span.index("|")
        end = span.rindex("|")
        kind, *values = asked
        key = b"k"
        if ":" in kind:
            name, kind = kind.split(":")
            key = name.encode()
        read = [None if value == "-" else value for value in values]
        argument: object = None
        answer: object = None
        if kind == "get":
            answer = read[0] if read else UNKNOWN
        elif kind == "put":
            argument = read[0]
        elif kind == "delete":
            answer = int(values[0]) if values else UNKNOWN
        else:
            argument = (read[0], read[1])
            answer = {"yes": True, "no": False}.get(values[2], UNKNOWN) if len(values) > 2 else UNKNOWN
        lost = "?" in span
        history.operations.append(
            Operation(
                f"c{number}",
                kind,
                key,
                argument,
                called=start * 100 + number,
                answered=None if lost else end * 100 + 50 + number,
                answer=UNKNOWN if lost else answer,
            )
        )
    return history


ACCEPTED = {
    "one after the other": """
put 1           |--|
get 1               |--|
""",
    "nothing there at first": """
get -           |--|
delete 0            |--|
""",
    "a read during a write sees either": """
put 1           |--|
put 2               |--------|
get 1                 |--|
get 2                     |-|
""",
    "two concurrent writes in either order": """
put 1           |------|
put 2             |------|
get 1                      |--|
get 1                          |--|
""",
    "a write nobody heard of may have happened": """
put 1           |--|
put 2               |--?
get 2                    |--|
get 2                         |--|
""",
    "or not": """
put 1           |--|
put 2               |--?
get 1                    |--|
get 1                         |--|
""",
    "or much later": """
put 1           |--|
put 2               |--?
get 1                    |--|
get 2                         |--|
""",
    "a lost delete later": """
put 1           |--|
delete              |--?
get 1                    |--|
get -                         |--|
""",
    "compare and swap": """
cas - 1 yes     |--|
cas 1 2 yes         |--|
cas 1 3 no              |--|
get 2                       |--|
""",
    "a lost swap explains another's failure": """
put 1           |--|
cas 1 2             |--?
cas 1 3 no               |--|
get 2                         |--|
""",
    "keys are looked at alone": """
a:put 1         |--|
b:put 2         |--|
a:get 1             |--|
b:get 2             |--|
""",
    "a delete that finds what a concurrent write left": """
put 1           |------|
delete 1          |--|
get -                    |--|
""",
    "a lost read says nothing": """
put 1           |--|
get                 |--?
""",
}

REJECTED = {
    "a stale read": """
put 1           |--|
put 2               |--|
get 1                    |--|
""",
    "a read that goes back": """
put 1           |--|
put 2               |---------------|
get 2                 |--|
get 1                      |--|
""",
    "a lost update": """
put 1           |--|
get -               |--|
""",
    "a lost update, seen by a swap": """
cas - 1 yes     |--|
cas - 2 yes         |--|
""",
    "two swaps from the same": """
put 1           |--|
cas 1 2 yes         |-----|
cas 1 3 yes         |-----|
""",
    "a value from nowhere": """
put 1           |--|
get 7               |--|
""",
    "a read before the write": """
get 1           |--|
put 1                |--|
""",
    "a write nobody heard of, undone": """
put 1           |--|
put 2               |--?
get 2                    |--|
get 1                         |--|
""",
    "a write nobody heard of, before its call": """
put 1           |--|
get 2               |--|
put 2                    |--?
""",
    "one lost write seen twice with another between": """
put 1           |--|
put 2               |--?
get 2                    |--|
put 3                         |--|
get 2                              |--|
""",
    "a swap that should have worked": """
put 1           |--|
cas 1 2 no          |--|
""",
    "a swap that should not": """
put 1           |--|
cas 2 3 yes         |--|
""",
    "a delete of nothing": """
put 1           |--|
delete 1            |--|
delete 1                |--|
""",
    "an acknowledged delete that came back": """
put 1           |--|
delete 1            |--|
get 1                   |--|
""",
    "wrong in one key among several": """
a:put 1         |--|
b:put 2         |--|
a:get 1             |--|
b:get -             |--|
""",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_register_could_have_done_is_accepted(name: str) -> None:
    assert history_of(ACCEPTED[name]).anomaly() is None


@pytest.mark.parametrize("name", REJECTED)
def test_what_no_register_does_is_rejected(name: str) -> None:
    anomaly = history_of(REJECTED[name]).anomaly()
    assert anomaly is not None and "no order explains" in anomaly


def naive(operations: list[Operation]) -> bool:
    """By the definition: try every order of every set of the unknown ones with all the others."""
    known = [o for o in operations if o.answered is not None]
    lost = [o for o in operations if o.answered is None]
    for count in range(len(lost) + 1):
        for chosen in itertools.combinations(lost, count):
            for order in itertools.permutations([*known, *chosen]):
                if any(
                    later.answered is not None and later.answered < earlier.called
                    for position, earlier in enumerate(order)
                    for later in order[position + 1 :]
                ):
                    continue
                state: object = None
                for operation in order:
                    possible, state = effect(state, operation)
                    if not possible:
                        break
                else:
                    return True
    return False


def random_history(rng: Rng) -> list[Operation]:
    """Up to six operations with spans that overlap, answers half of which a register gave."""
    operations: list[Operation] = []
    state: object = None
    count = rng.randint(2, 6)
    for number in range(count):
        kind = rng.choice(["get", "put", "delete", "cas"])
        middle = number * 10 + 5
        called, answered = middle - rng.randint(1, 14), middle + rng.randint(1, 14)
        argument: object = None
        if kind == "put":
            argument = rng.randint(1, 2)
        if kind == "cas":
            argument = (rng.choice([None, 1, 2]), rng.choice([1, 2]))
        operation = Operation("c", kind, b"k", argument, called * 100 + number, answered * 100 + 50 + number)
        honest = {
            "get": state,
            "put": None,
            "delete": int(state is not None),
            "cas": state == argument[0] if isinstance(argument, tuple) else None,
        }[kind]
        wrong = {
            "get": rng.choice([None, 1, 2]),
            "put": None,
            "delete": rng.randint(0, 1),
            "cas": rng.random() < 0.5,
        }[kind]
        operation.answer = honest if rng.random() < 0.6 else wrong
        takes_effect = True
        if rng.random() < 0.2:
            operation.answered, operation.answer = None, UNKNOWN
            takes_effect = rng.random() < 0.5
        if takes_effect:
            possible, then = effect(state, operation)
            state = then if possible else state
        operations.append(operation)
    return operations


def test_it_agrees_with_the_definition() -> None:
    verdicts = []
    for seed in range(600):
        operations = random_history(Rng(seed))
        expected = naive(operations)
        holds, order = linearization(operations)
        assert holds is expected, f"seed {seed}: " + "\n".join(map(str, operations))
        if holds:
            state: object = None
            for operation in order:
                possible, state = effect(state, operation)
                assert possible
        verdicts.append(expected)
    assert 100 < sum(verdicts) < 500  # both verdicts are tried


def test_many_operations_of_unknown_outcome_do_not_take_for_ever() -> None:
    history = History()
    for number in range(300):
        call = history.call("writer", "put", b"k", number)
        if number % 10:
            history.answered(call, None)
        read = history.call("reader", "get", b"k")
        history.answered(read, number)
    assert history.anomaly() is None
    history.answered(history.call("reader", "get", b"k"), 3)
    assert history.anomaly() is not None


def test_what_was_refused_is_not_looked_at() -> None:
    history = History()
    history.refused(history.call("a", "put", b"k", 1))
    history.answered(history.call("a", "get", b"k"), None)
    assert history.anomaly() is None
    history.unknown(history.call("a", "put", b"k", 1))
    history.answered(history.call("a", "get", b"k"), 1)
    assert history.anomaly() is None


def test_an_anomaly_shows_what_happened() -> None:
    anomaly = history_of(REJECTED["a stale read"]).anomaly()
    assert anomaly is not None
    lines = anomaly.splitlines()
    assert lines[0] == "no order explains what was seen of b'k'; the longest beginning is"
    assert sum("put '1'" in line for line in lines) == 2 and lines[-1].endswith("get  =  '1'")
