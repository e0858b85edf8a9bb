"""The embedded cluster answers requests as a recorded Kubernetes did: the same status codes, the same bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.exchanges import replay, scenarios

SCENARIOS = scenarios("api")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_the_answers_are_those_of_the_recorded_cluster(scenario: Mapping[str, Any]) -> None:
    asyncio.run(replay(scenario))
