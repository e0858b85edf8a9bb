"""Bounds and branches of the rules, a case a line of edges.yaml, and all that is found in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from checked import Told, Written
from rollway import preflight
from rollway.kube.objects import Ref, ref_of
from rollway.plan.observed import Observed

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "edges.yaml").read_text())


def held(app: Written, at: str) -> tuple[Any, str | int]:
    """What holds the value at `pod.volumes`, `container.ports.0.name`, and its key there."""
    name, *path, last = at.split(".")
    holder = getattr(app, name)
    for key in path:
        holder = holder[int(key)] if isinstance(holder, list) else holder.setdefault(key, {})
    return holder, int(last) if isinstance(holder, list) else last


def written(case: dict[str, Any]) -> Written:
    app = Written()
    for at in case.get("drop", ()):
        if at == "service":
            app.without("Service")
        else:
            holder, key = held(app, at)
            del holder[key]
    for at, value in case.get("set", {}).items():
        holder, key = held(app, at)
        if isinstance(holder, list):
            holder[key:] = [value]
        else:
            holder[key] = value
    for text in case.get("add", ()):
        app.add(text)
    app.file = case.get("file", {}) | ({"namespace": "shop"} if "live" in case else {})
    return app


def observed(texts: list[str]) -> Observed:
    objects = [yaml.safe_load(text) for text in texts]
    for obj in objects:
        if obj["kind"] not in ("Node", "Namespace"):
            obj["metadata"]["namespace"] = "shop"
    absent = Ref("v1", "Service", "shop", "looked-for")
    return Observed({absent: None, **{ref_of(obj): obj for obj in objects}})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_all_that_is_found(case: dict[str, Any], told: Told) -> None:
    """By each strategy that is named, and what is left once it is mended."""
    release, live = written(case).release(), observed(case["live"]) if "live" in case else None
    for strategy in case.get("by", ["ramped"]):
        found = preflight.findings(release, strategy, live, is_live=live is not None)
        told(f"{case['case']}, {strategy}", found)
        if any(each.fix for each in found):
            mended = preflight.findings(preflight.fixed(release, *found), strategy, live, is_live=live is not None)
            told(f"{case['case']}, {strategy}, mended", mended)


def test_each_case_is_there_once() -> None:
    names = [case["case"] for case in CASES]
    assert len(set(names)) == len(names)
    assert all(set(case) <= {"case", "set", "drop", "add", "file", "live", "by"} for case in CASES)
