"""The indexes of an Indexed Job, as a set and in the notation of its status: "0,2-4,6,7" (two neighbours are written one by
one)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from ...kube.objects import Obj, annotations_of

_NUMBER = re.compile(r"[0-9]{1,10}")
"""As far as Kubernetes has indexes."""
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"


def index_of(pod: Obj) -> int | None:
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def failures_of(pod: Obj, annotation: str = FAILURES) -> int:
    """How often its index had failed before it."""
    text = annotations_of(pod).get(annotation, "")
    return int(text) if _NUMBER.fullmatch(text) else 0


def parsed(text: str, completions: int) -> set[int]:
    """What is written, as far as there are so many completions; a part that is no interval is left out."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        if _NUMBER.fullmatch(first) and (not last or _NUMBER.fullmatch(last)):
            found |= set(range(int(first), min(int(last or first) + 1, completions)))
    return found


def written(indexes: Iterable[int]) -> str:
    runs = [[each for _, each in run] for _, run in groupby(enumerate(sorted(indexes)), lambda pair: pair[1] - pair[0])]
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return ",".join(parts)


def matched_rule(policy: Mapping[str, Any] | None, completions: int, succeeded: set[int]) -> int | None:
    """The first rule of a success policy that is met, by its place."""
    for place, rule in enumerate((policy or {}).get("rules") or () if succeeded else ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            wanted = parsed(rule["succeededIndexes"], completions)
            there = len(wanted & succeeded)
            if wanted and (there == len(wanted) or (count is not None and there >= count)):
                return place
        elif count is not None and len(succeeded) >= count:
            return place
    return None
