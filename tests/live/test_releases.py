"""The five strategies on a real cluster: forward, back, a bad version, and a run that is killed."""

from __future__ import annotations

import signal

import pytest

from .conftest import Shop

pytestmark = pytest.mark.live
HOLDS = {"ramped": ["--to", "50%"], "canary": [], "ab": []}


def test_apply_promote_and_roll_back(shop: Shop, strategy: str) -> None:
    """A share first, where the strategy can hold one; then everybody; then the version before."""
    v1, v2 = shop.given.v1, shop.given.v2
    if strategy in HOLDS:
        paused = shop.apply(strategy, v2, *HOLDS[strategy], "-o", "json")
        assert (paused.code, paused.document["phase"]) == (0, "Paused"), paused.err
        promoted = shop("promote", "--full")
    else:
        promoted = shop.apply(strategy, v2)
    assert promoted.code == 0, promoted.err
    assert shop.serves(v2)

    back = shop("rollback")

    assert back.code == 0, back.err
    assert shop.serves(v1)


def test_a_bad_version_is_taken_back(shop: Shop, strategy: str) -> None:
    """Exit 1, the pods' own words, and the version before serves as if nothing had been."""
    failed = shop.apply(strategy, shop.given.bad, "-o", "json")

    assert failed.code == 1, failed.err
    assert failed.document["phase"] == "RolledBack"
    assert failed.document["failure"]["pods"]
    assert shop.serves(shop.given.v1)


def test_killed_and_resumed(shop: Shop, strategy: str) -> None:
    """SIGKILL while it waits for pods; the same command again, at once, ends right."""
    command = ["apply", strategy, "--full", "--image", shop.given.v2]
    process = shop.start(*command)
    assert process.stderr
    assert any("… shop" in line for line in process.stderr)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    again = shop(*command)

    assert again.code == 0, again.err
    assert shop.serves(shop.given.v2)
