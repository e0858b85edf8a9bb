"""How often an experiment is wrong that is looked at a thousand times: of versions that are alike, and of such that differ.

python benchmarks/experiments.py [EXPERIMENTS]    20,000 take some minutes; docs/experiments.md quotes what comes of them.
"""

from __future__ import annotations

import math
import sys
from random import Random

from rollway.gates.effects import Sums, effect, is_enough
from rollway.gates.experiments import Measure, Terms
from rollway.gates.foretold import Expected, foretold

LOOKS, VISITS = 1000, 200
"""A look, and visits of each version between two of them."""
ALPHA = 0.05
TOLD_EVERY = 1000


def misses(a: float, b: float, tuning: float, random: Random) -> bool:
    """Whether the interval of the relative difference misses the true one at any look; both convert as often as is said."""
    true = (b - a) / a
    totals = [0.0, 0.0]
    shares = (a, b)
    spreads = [math.sqrt(VISITS * share * (1 - share)) for share in shares]
    for look in range(1, LOOKS + 1):
        for side in (0, 1):
            drawn = round(random.gauss(VISITS * shares[side], spreads[side]))
            totals[side] += min(max(drawn, 0), VISITS)
        sides = Sums(look * VISITS, totals[0]), Sums(look * VISITS, totals[1])
        if not (is_enough(sides[0]) and is_enough(sides[1])):
            continue
        found = effect(*sides, alpha=ALPHA, tuning=tuning, is_relative=True)
        if found is not None and not found.low <= true <= found.high:
            return True
    return False


def main(experiments: int) -> None:
    terms = Terms({"orders": Measure()}, ALPHA, least=0.1)
    tuning = foretold(terms, Expected(1.0, 0.5, 0.1), 0.8).visits
    for a, b in ((0.1, 0.1), (0.1, 0.11)):
        random, missed = Random(f"{a} {b}"), 0
        for number in range(1, experiments + 1):
            missed += misses(a, b, tuning, random)
            if number % TOLD_EVERY == 0 or number == experiments:
                print(f"{a:.3g} against {b:.3g}: {missed} of {number:,} ({missed / number:.2%})", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
