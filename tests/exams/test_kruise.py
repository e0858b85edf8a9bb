"""What OpenKruise Rollouts make of VirtualServices and DestinationRules, step by step: the same matches, the same shares.

The manifests are theirs: they are read where `ROLLWAY_EXAMS` says, and stay there. How the new version's part of a subset is
called, and what chooses its pods, is each tool's own; headers that theirs adds to requests ours leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from exams import exam
from rollway.kube.objects import DESTINATION_RULE, VIRTUAL_SERVICE, Obj, get
from rollway.routing import istio, subsets
from rollway.routing.traffic import VARIANT, Host, Traffic
from sidecar import shares

CASES = exam("kruise-istio-routes").get("cases", [])
if not CASES:
    pytest.skip("ROLLWAY_EXAMS names no folder with kruise-istio-routes.json", allow_module_level=True)

_OPERATORS = {"Exact": "exact", "RegularExpression": "regex", "Prefix": "prefix", "PathPrefix": "prefix"}


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_each_step_is_split_alike(case: dict[str, Any]) -> None:
    host = Host(case["trafficRouting"]["spec"]["objectRef"][0]["service"], "demo")
    for traffic, expected in zip(_steps(case), case["expected"], strict=True):
        if case["original"]["kind"] == VIRTUAL_SERVICE.name:
            ours = istio.split(case["original"], host, traffic)["spec"]["http"]
            assert [_read(rule) for rule in ours] == [_read(rule) for rule in expected["spec"]["http"]]
        else:
            assert case["original"]["kind"] == DESTINATION_RULE.name
            made = istio.destination_rule("x", host, user=case["original"])["spec"]
            theirs = [each for each in expected["spec"]["subsets"] if each in case["original"]["spec"]["subsets"]]
            assert [each for each in made["subsets"] if not subsets.track_of(each["name"])] == theirs
            assert any(subsets.track_of(each["name"]) == VARIANT for each in made["subsets"])
            assert made["trafficPolicy"] == expected["spec"]["trafficPolicy"]


def _steps(case: Mapping[str, Any]) -> Iterator[Traffic]:
    """What is asked for at each step: of a TrafficRouting the one, of a Rollout those of its canary."""
    if "trafficRouting" in case:
        yield _asked(case["trafficRouting"]["spec"]["strategy"])
    for step in get(case.get("rollout"), "spec", "strategy", "canary", "steps", default=()):
        yield _asked(step)


def _asked(step: Mapping[str, Any]) -> Traffic:
    weight = str(step.get("traffic") or step.get("weight") or 0).removesuffix("%")
    return Traffic(int(weight), tuple(_match(each) for each in step.get("matches") or ()))


def _match(given: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key in ("headers", "queryParams"):
        if given.get(key):
            out[key] = {each["name"]: {_OPERATORS[each.get("type") or "Exact"]: each["value"]} for each in given[key]}
    if path := given.get("path"):
        out["uri"] = {_OPERATORS[path.get("type") or "PathPrefix"]: path["value"]}
    return out


def _read(rule: Obj) -> tuple[list[Obj], dict[bool, float]]:
    """Which requests, and the share of the version before and of the new one."""
    found: dict[bool, float] = {}
    for (_, subset), share in shares(rule).items():
        is_new = subset.startswith("canary") or subsets.track_of(subset) == VARIANT
        found[is_new] = found.get(is_new, 0) + share
    return rule.get("match") or [], found
