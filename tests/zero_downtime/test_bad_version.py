"""Gates on a real Prometheus that scrapes real pods and a real Envoy: a bad version goes back, a good one is promoted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import Ended, Lab, losses
from pace import stretched
from scraping import MISSING, PROMETHEUS, scraping

pytestmark = [pytest.mark.real_time, pytest.mark.skipif(PROMETHEUS is None, reason=MISSING)]
OLD, GOOD, BAD = "1.0.0", "2.0.0", "2.0.0-bad"
FOLDER = Path(__file__).parent / "bad-version"
INTERVAL_S, GONE_S = 5, stretched(5)
"""A version that fails often is gone after its gate's interval and so many seconds."""


@pytest.fixture(params=["deploy.yaml", "gateway.deploy.yaml"])
def file(request: pytest.FixtureRequest) -> str:
    """What the pods count themselves, or the gateway's Envoy."""
    return str(request.param)


@pytest.fixture
def shop(example: Callable[..., Lab], tmp_path: Path, file: str) -> Iterator[Lab]:
    """At its first version, and a Prometheus that its release file names."""
    shop = example(FOLDER)
    shop.release("apply", "--image", f":{OLD}", "--skip-gates", "it is the first one", file=file)
    with scraping(shop.home, shop.pods(), tmp_path / "prometheus") as address:
        path = shop.folder / file
        path.write_text(path.read_text().replace("http://127.0.0.1:9090", address))
        yield shop


def released(shop: Lab, file: str, version: str) -> tuple[Ended, dict[str, Any]]:
    """With nobody watching, and users meanwhile: how it ended, and what they saw."""
    where = (shop.gateway, "--host", "act.example.com") if "gateway" in file else (shop.url("act"),)
    with shop.probed(*where, "--rate", "120") as report:
        ended = shop.deploy("apply", "--auto", "--image", f":{version}", "--sandbox", "-f", file, "-o", "json")
    return ended, report


def test_a_bad_version_is_gone_soon(shop: Lab, file: str, late: Callable[[], float]) -> None:
    """The value and the query are in its status afterwards."""
    ended, report = released(shop, file, BAD)
    status = shop.deploy("status", "--sandbox", "-f", file)
    kept = next(gate for gate in ended.document["gates"] if gate["phase"] == "failed")

    assert (ended.code, ended.document["phase"]) == (1, "RolledBack"), ended.err
    served = [step["at"] for step in report["timeline"]["steps"] if step["good"].get(BAD)]
    assert max(served) - min(served) <= INTERVAL_S + GONE_S + late()
    assert 0.02 < kept["points"][-1]["figure"] < 0.1
    assert kept["why"] in status.out
    assert all(ask in status.out for ask in kept["asks"])
    assert "act-canary" in kept["asks"][0]


def test_a_good_version_is_promoted(shop: Lab, file: str) -> None:
    ended, report = released(shop, file, GOOD)

    assert (ended.code, ended.document["phase"]) == (0, "Promoted"), ended.err
    assert all(gate["measured"] and gate["phase"] != "failed" for gate in ended.document["gates"]), ended.document["gates"]
    assert losses(report) == []
