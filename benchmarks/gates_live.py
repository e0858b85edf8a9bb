"""What `deploy gates --power` says beforehand beside what then happens: releases on the sandbox, of real pods behind a
real Envoy, with a real Prometheus that their gate asks and nobody watching. docs/gates.md has the figures.

python benchmarks/gates_live.py [BAD] [GOOD] [SIDE BY SIDE]        default: 40 bad releases, 12 good ones, 4 at a time
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab import Lab, lab, sandbox  # noqa: E402
from rollway.sandbox.node.node import process_address, process_address_number  # noqa: E402
from scraping import PORT, prometheus  # noqa: E402

FOLDER = ROOT / "tests" / "zero_downtime" / "bad-version"
RATE, GOOD, BAD, INTERVAL_S, PAUSE_S = 20, 0.005, 0.05, 5, 90
ADDRESSES = 240
FILE = f"""app: act
manifests: [app.yaml, server.yaml]
strategy: canary
strategies:
  canary: {{steps: [{{weight: 50, pause: {PAUSE_S}s}}]}}
gates:
- {{name: errors, prometheus: "http://127.0.0.1:9090", use: http, interval: {INTERVAL_S}s}}
"""
ERRS = f'__import__("random").random() < ({BAD} if VERSION.endswith("bad") else {GOOD})'
SERVER = {'VERSION.endswith("bad") and next(NUMBERS) % 20 == 0': ERRS}


class Seen(NamedTuple):
    """Of one release: how it ended, after how many seconds of gate, the bad answers of the new version until then, and its
    share of the requests."""

    phase: str
    seconds: float
    bad: float
    share: float


def released(shop: Lab, version: str) -> Seen:
    command = shop.start("apply", "--auto", "--image", f":{version}", "--sandbox", "-f", "deploy.yaml", "-o", "json")
    document = json.loads(command.communicate()[0])
    (gate,) = document["gates"]
    at = [datetime.fromisoformat(point["at"]) for point in gate["points"]]
    figures = gate["figures"]
    whole = figures["requests"] + figures["stableRequests"]
    seen = Seen(
        document["phase"],
        (at[-1] - at[0]).total_seconds() + INTERVAL_S,
        figures["errors"],
        figures["requests"] / (whole or 1.0),
    )
    print(
        f"  {version:12} {seen.phase:12} {seen.seconds:5.0f} s {seen.bad:5.0f} bad answers, {seen.share:.0%} of the requests",
        flush=True,
    )
    return seen


def several(shop: Lab, versions: Iterator[str], times: int) -> list[Seen]:
    with shop.probed(shop.url("act"), "--rate", str(RATE)):
        return [released(shop, next(versions)) for _ in range(times)]


def started(home: Path, folder: Path) -> Lab:
    shop = lab(home, folder, FOLDER, SERVER)
    (shop.folder / "deploy.yaml").write_text(FILE)
    shop.release("apply", "--image", ":1.0.0", "--skip-gates", "it is the first one")
    return shop


def targets_of(shops: list[Lab]) -> list[str]:
    """The pods, and as many as follow them: who comes next has the next address."""
    first = min(process_address_number(pod["status"]["podIP"]) for shop in shops for pod in shop.pods())
    return [f"{process_address(number)}:{PORT}" for number in range(first, first + ADDRESSES)]


def foretold(shop: Lab) -> dict[str, Any]:
    said = shop.deploy("gates", "--power", "--rate", str(RATE), "--errors", f"{GOOD:%}", "-f", "deploy.yaml", "-o", "json")
    (gate,) = said.document["gates"]
    return gate


def main() -> None:
    bad, good, beside = (int(word) for word in (*sys.argv[1:], *("40", "12", "4")[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp())
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        home = stack.enter_context(sandbox(folder / "sandbox", {}))
        shops = [started(home, folder / f"shop-{number}") for number in range(beside)]
        jobs = [{"job_name": "pods", "static_configs": [{"targets": targets_of(shops)}]}]
        address = stack.enter_context(prometheus(folder / "prometheus", jobs))
        for shop in shops:
            (shop.folder / "deploy.yaml").write_text(FILE.replace("http://127.0.0.1:9090", address))
        print(foretold(shops[0]), flush=True)
        numbers = count(2)
        bads, goods = (f"{number}.0.0-bad" for number in numbers), (f"{number}.0.0" for number in numbers)
        with ThreadPoolExecutor(beside) as pool:
            ran = list(chain(*pool.map(lambda shop: several(shop, bads, -(-bad // beside)), shops)))
            kept = list(chain(*pool.map(lambda shop: several(shop, goods, -(-good // beside)), shops)))
    found = [each for each in ran if each.phase == "RolledBack"]
    seconds, answers = [each.seconds for each in found], [each.bad for each in found]
    print(f"bad: {len(found)} of {len(ran)} found")
    print(f"seconds until then: median {statistics.median(seconds):.0f}, mean {statistics.mean(seconds):.0f}")
    print(f"bad answers until then: median {statistics.median(answers):.0f}, mean {statistics.mean(answers):.1f}")
    print(f"good: {sum(each.phase != 'Promoted' for each in kept)} of {len(kept)} not promoted")


if __name__ == "__main__":
    main()
