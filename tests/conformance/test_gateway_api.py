"""The Gateway API's resources are refused, filled in and owned as on the recorded cluster: schema, CEL rules, atomic lists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.exchanges import replay, scenarios

SCENARIOS = [each for each in scenarios("api2") if "gateway.networking.k8s.io" in json.dumps(each)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_the_answers_are_those_of_the_recorded_cluster(scenario: Mapping[str, Any]) -> None:
    asyncio.run(replay(scenario))
