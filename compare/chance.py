"""Draws whose cost does not grow with the number of requests they stand for."""

from __future__ import annotations

import math
from random import Random

EXACT_UP_TO = 40  # expected hits; above, the normal distribution is near enough (an error far below the spread itself)


def binomial(number: int, share: float, random: Random) -> int:
    """How many of `number` independent trials succeed."""
    if share > 0.5:
        return number - binomial(number, 1 - share, random)
    if number <= 0 or share <= 0:
        return 0
    if number * share > EXACT_UP_TO:
        spread = math.sqrt(number * share * (1 - share))
        return min(max(round(random.gauss(number * share, spread)), 0), number)
    # From success to success, by the geometric gaps between them.
    hits, place, scale = 0, 0, math.log1p(-share)
    while True:
        place += 1 + int(math.log(1 - random.random()) / scale)
        if place > number:
            return hits
        hits += 1


def first_success(share: float, random: Random) -> float:
    """How many trials lie before the first success, with a share of one trial as the start's phase."""
    before = 0 if share >= 1 else int(math.log(1 - random.random()) / math.log1p(-share))
    return before + random.random()


def longest_run(running: int, number: int, failed: int, random: Random) -> tuple[int, int]:
    """(failures in a row at the end, the longest row) of `number` requests of which `failed` fail in random places, after
    `running` failures in a row.

    Rows of failures between successes have geometric lengths; of the longest of many the distribution is known, so one draw does.
    """
    if failed == number:
        return running + number, running + number
    if not failed:
        return 0, running
    share, good = failed / number, number - failed
    scale = math.log(share)
    ahead = min(int(math.log(1 - random.random()) / scale), failed)
    behind = min(int(math.log(1 - random.random()) / scale), failed - ahead)
    longest = 0
    if good > 1 and failed > ahead + behind:
        # P(all of the rows are shorter than m) = (1 - share**m)**(good - 1)
        shorter = random.random() ** (1 / (good - 1))
        longest = min(int(math.log(1 - shorter) / scale) if shorter < 1 else failed, failed - ahead - behind)
    return behind, max(running + ahead, longest, behind)
