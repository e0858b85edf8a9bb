"""What each strategy would do to users of a release, from Python: python rehearse.py [deploy.yaml]"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rollway.compare import Scenario, rehearse
from rollway.release.load import load

SHOP = Path(__file__).parent.parent / "shop" / "deploy.yaml"


async def main(file: str) -> None:
    release, scenario = load(file), Scenario(rate=200)
    for strategy in ("recreate", "ramped", "blue-green", "canary"):
        outcome = await rehearse(release, strategy, scenario, seeds=5)
        lost = outcome.range(lambda run: run.toll.failed)
        done_s = outcome.range(lambda run: run.duration_s)
        causes = ", ".join(f"{found.median:.0f} {cause}" for cause, found in outcome.causes().items())
        print(f"{strategy:<12}{done_s.median:>6.1f} s {lost.median:>6.0f} lost ({lost.low:.0f} to {lost.high:.0f})  {causes}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(SHOP)))
