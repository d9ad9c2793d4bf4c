"""Numbers that a manifest may give as a percentage: `maxSurge: 25%`.

Source: k8s.io/apimachinery/pkg/util/intstr (GetScaledValueFromIntOrPercent).
"""

from __future__ import annotations


def scaled(value: int | str | None, total: int, *, round_up: bool) -> int:
    """The number that `value` (an int, "3" is none, or "25%") stands for, of `total`.

    >>> scaled("25%", 10, round_up=True), scaled("25%", 10, round_up=False), scaled(2, 10, round_up=True)
    (3, 2, 2)

    Raises ValueError for a text that is no percentage.
    """
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    percent = int(value[:-1])
    if round_up:
        return -(-percent * total // 100)
    return percent * total // 100
