"""Documents with every field that the published CRDs of Argo Rollouts and Flagger have, made of lists of their paths and types.

The lists are the schemas' own (argo-rollouts manifests/crds of August 2026, flagger artifacts/flagger/crd.yaml of July 2026).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "release" / "imports" / "fields"
Path_ = tuple[str | int, ...]

KNOWN: dict[str, Any] = {
    "duration": "7m", "interval": "70s", "initialDelay": "3m", "address": "http://figures:9090", "url": "http://figures/api",
    "metricsServer": "http://figures:9090", "successCondition": "result < 3", "failureCondition": "result > 4", "method": "GET",
    "jsonPath": "{$.data}", "timeout": "9s", "setWeight": 20, "stepWeight": 15, "maxWeight": 60, "maxSurge": "30%",
    "kind": "Deployment", "progressDeadlineSeconds": 300, "port": 8080, "replicas": 3, "queryLanguage": "promql",
}  # fmt: skip
"""Values of fields that take no text whatever."""


def fields(name: str) -> list[tuple[str, str]]:
    """The paths of a kind, such as `spec.steps[].pause`, each with its type."""
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    return [(path, rest) for path, _, rest in (line.partition(" ") for line in lines)]


def document(kind: str, version: str, name: str, wanted: Callable[[str], bool] = lambda path: True) -> dict[str, Any]:
    """With each field whose path is wanted, and one item in every list."""
    made: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    for number, (path, sort) in enumerate(
        fields({"AnalysisTemplate": "analysis-template", "MetricTemplate": "metric-template"}.get(kind, kind.lower())), 3
    ):
        if wanted(path):
            _put(made, path.split("."), _value(path, sort, number))
    return made


def _value(path: str, sort: str, number: int) -> Any:
    name = path.rpartition(".")[2].removesuffix("[]")
    if sort == "(any)":
        return {"some": f"thing-{number}"}
    if name in KNOWN and not (name == "timeout" and sort == "integer"):
        return KNOWN[name]
    return {"boolean": True, "integer": number % 90 + 3, "number": number % 90 + 3, "object": {}}.get(sort, f"text-{number}")


def _put(holder: dict[str, Any], parts: list[str], value: Any) -> None:
    part, rest = parts[0], parts[1:]
    key, is_list = part.removesuffix("[]"), part.endswith("[]")
    key = "any-key" if key == "*" else key
    if not rest:
        holder[key] = [value] if is_list else value
    elif is_list:
        items = holder.setdefault(key, [{}])
        _put(items[0], rest, value)
    else:
        _put(holder.setdefault(key, {}), rest, value)


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of everything that holds nothing else."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    elif isinstance(value, list) and value:
        for place, below in enumerate(value):
            yield from leaves(below, (*path, place))
    else:
        yield path


def changed(doc: Any, path: Path_) -> Any:
    """The document with another value of the same type at the leaf."""
    out = copy.deepcopy(doc)
    holder = out
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    holder[path[-1]] = _other(old)
    return out


def _other(old: Any) -> Any:
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float):
        return old + 1
    if old is None or old in ({}, []):
        return "something"
    return {"7m": "8m", "70s": "80s", "3m": "4m", "9s": "8s", "GET": "PUT", "30%": "31%"}.get(old, f"{old}1")
