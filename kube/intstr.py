"""IntOrString: a count, or a whole percentage of one ("25%"), as maxSurge, maxUnavailable and budgets are written."""

from __future__ import annotations


def resolve(value: int | str, total: int, *, round_up: bool) -> int:
    """The count that `value` stands for out of `total`: `resolve("25%", 10, round_up=True)` is 3. Raises ValueError."""
    if isinstance(value, int):
        return value
    number = value.removesuffix("%")
    if number == value or not number.isascii() or not number.isdecimal():
        raise ValueError(f"{value!r} is neither a whole number nor a whole percentage such as '25%'")
    parts = int(number) * total
    return -(-parts // 100) if round_up else parts // 100


def fenceposts(max_surge: int | str, max_unavailable: int | str, replicas: int) -> tuple[int, int]:
    """(surge, unavailable): how many pods a rolling update may have above, and lack below, `replicas`.

    The surge rounds up, the unavailable down. Both 0 would never move, so then one pod may be unavailable.
    """
    surge = resolve(max_surge, replicas, round_up=True)
    unavailable = resolve(max_unavailable, replicas, round_up=False)
    return (0, 1) if surge == 0 and unavailable == 0 else (surge, unavailable)
