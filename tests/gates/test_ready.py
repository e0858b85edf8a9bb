"""The ready-made queries that find a side by a regular expression of their own."""

from __future__ import annotations

import re

import pytest
from rollway.gates.ready import READY
from rollway.gates.templates import filled


@pytest.mark.parametrize(
    ("cluster", "side"),
    [
        ("default/act/8080/da39a3ee5e", "act"),  # Contour
        ("default_act_8080", "act"),
        ("kube-system/cilium-gateway-edge/default:act:8080", "act"),
        ("default_act", "act"),
        ("gateway/default/act-canary/8080", "act-canary"),
        ("gateway/default/contact/8080", None),
        ("gateway/not-default/act/8080", None),
        ("gateway/other/act/8080", None),
    ],
)
def test_an_envoys_cluster_is_one_side_s_or_nobody_s(cluster: str, side: str | None) -> None:
    """Names are whole words: another application's requests, or the other version's, are not counted."""
    for deployment in ("act", "act-canary"):
        query = filled(READY["envoy"].requests, {"namespace": "default", "deployment": deployment, "interval": "10s"})
        found = re.search(r'envoy_cluster_name=~"(.*?)"', query)
        assert found
        assert bool(re.fullmatch(found[1], cluster)) == (deployment == side)
