"""How often gates take a good release back, and how soon they find a bad one: the table of docs/gates.md.

python benchmarks/gates.py [RELEASES]        default: 20000 good ones, a tenth of it bad ones
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from gate_traffic import Traffic, first_alarm

HOUR = 360
GOOD, BAD = 0.005, 0.05


def rows() -> Iterator[tuple[str, Traffic, int]]:
    """What is asked, the traffic, for how many looks; of 20,000 good releases, and of bad ones."""
    for rate in (0.1, 1.0, 10.0, 1000.0):
        yield f"good, {rate:g}/s on the canary", Traffic(rate, 9 * rate, GOOD, GOOD), HOUR
    yield "good, 1/s, both sides err twice as often for 10 min", Traffic(1.0, 9.0, GOOD, GOOD, doubled=range(60, 120)), HOUR
    for clump in (5, 10, 20):
        for rate in (1.0, 10.0):
            yield f"good, {rate:g}/s, clumps of {clump}", Traffic(rate, 9 * rate, GOOD, GOOD, clump=clump), HOUR
    for rate, stable in ((1.0, 9.0), (1.0, 19.0), (10.0, 90.0)):
        yield f"5% errors, {rate:g}/s beside {stable:g}/s", Traffic(rate, stable, GOOD, BAD), HOUR
    yield "1.5% errors, 10/s beside 90/s", Traffic(10.0, 90.0, GOOD, 0.015), HOUR
    for clump in (5, 10):
        yield f"5% errors, 1/s beside 9/s, clumps of {clump}", Traffic(1.0, 9.0, GOOD, BAD, clump=clump), 3 * HOUR


def main() -> None:
    releases = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"{'':55}{'releases':>9} {'taken back':>11} {'median':>8} {'90%':>8}")
    with ProcessPoolExecutor() as pool:
        for said, traffic, looks in rows():
            count = releases if traffic.good == traffic.bad else max(releases // 10, 100)
            found = list(pool.map(partial(first_alarm, traffic, looks), range(count), chunksize=50))
            at = sorted(each for each in found if each is not None)
            times = [float("inf")] * (count - len(at))
            all_ = [*at, *times]
            median, late = statistics.median(all_), all_[int(0.9 * count)]
            shown = "".join(f"{each:>7.0f} s" if each < float("inf") else f"{'-':>9}" for each in (median, late))
            print(f"{said:55}{count:>9} {len(at) / count:>11.2%}{shown}")


if __name__ == "__main__":
    main()
