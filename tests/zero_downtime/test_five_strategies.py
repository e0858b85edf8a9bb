"""The five styles, each with the traffic that its picture shows: who answered when, and where nobody did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab import Lab, losses
from pace import stretched

pytestmark = pytest.mark.real_time
OLD, NEW = "1.0.0", "2.0.0"
VARIANT = "x-api-version: v.2.0.0"


@pytest.fixture
def shop(example: Callable[..., Lab]) -> Lab:
    """At its first version, behind its Service."""
    second = stretched(1)
    quicker = {
        "sleep: {seconds: 2}": f"sleep: {{seconds: {second}}}",
        "scaleDownDelaySeconds: 5": f"scaleDownDelaySeconds: {second}",
    }
    shop = example("five-strategies", quicker)
    shop.release("apply", "ramped", "--image", f":{OLD}")
    return shop


def mixed_s(report: dict[str, Any]) -> float:
    """From the new version's first answer to the old one's last, in seconds; negative: a gap with neither."""
    width = report["timeline"]["stepSeconds"]
    at = {version: [step["at"] for step in report["timeline"]["steps"] if step["good"].get(version)] for version in (OLD, NEW)}
    return float(max(at[OLD]) - min(at[NEW]) + (width if max(at[OLD]) >= min(at[NEW]) else -width))


def test_recreate_is_a_gap(shop: Lab) -> None:
    """The old version's last answer, then nobody's for as long as a pod takes to start, then the new one's."""
    url = shop.url("act")
    with shop.probed(url) as report:
        shop.release("apply", "recreate", "--image", f":{NEW}")
        shop.until_answered_by({NEW}, url)

    assert mixed_s(report) < -0.5
    assert report["figures"]["lost"] > 20
    assert report["figures"]["outage"]["seconds"] > 0.5


def test_ramped_is_a_mixture(shop: Lab) -> None:
    """Both answer for a while, and nothing is lost."""
    url = shop.url("act")
    with shop.probed(url) as report:
        shop.release("apply", "ramped", "--image", f":{NEW}")
        shop.until_answered_by({NEW}, url)

    assert mixed_s(report) > 0.5
    assert losses(report) == []


def test_blue_green_is_one_switch(shop: Lab, late: Callable[[], float]) -> None:
    """All answers are the old version's, then all are the new one's."""
    url = shop.url("act")
    with shop.probed(url) as report:
        shop.release("apply", "blue-green", "--image", f":{NEW}")
        shop.until_answered_by({NEW}, url)

    assert abs(mixed_s(report)) < 0.5 + late()
    assert losses(report) == []


def test_canary_is_a_share(shop: Lab) -> None:
    """A quarter of the answers, until it is promoted; then all of them."""
    with shop.probed(shop.url("act")) as report:
        shop.release("apply", "canary", "--image", f":{NEW}")
        with shop.probed(shop.url("act"), "--rate", "200") as held:
            pass
        shop.release("promote", "--full")
        with shop.probed(shop.url("act")) as after:
            pass

    assert 0.1 < held["figures"]["versions"][NEW] / held["figures"]["good"] < 0.45
    assert set(after["figures"]["versions"]) == {NEW}
    assert losses(report, held, after) == []


def test_ab_is_by_header(shop: Lab) -> None:
    """Who says x-api-version: v.2.0.0 gets the new version, in mid-release, and nobody else does; after it, everybody."""
    shop.release("apply", "ab", "--image", f":{NEW}")
    url = ("--host", "act.example.com")
    with shop.probed(shop.ingress, *url) as others, shop.probed(shop.ingress, *url, "-H", VARIANT) as some:
        pass
    with shop.probed(shop.ingress, *url) as report:
        shop.release("promote", "--full")
        with shop.probed(shop.ingress, *url) as after:
            pass

    assert set(some["figures"]["versions"]) == {NEW}
    assert set(others["figures"]["versions"]) == {OLD}
    assert set(after["figures"]["versions"]) == {NEW}
    assert losses(others, some, report, after) == []
