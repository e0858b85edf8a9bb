"""Where a release stands, in words: the share of all requests, or the requests that match, or none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..plan.revision import Revision
from ..release.matching import words

MOST_MATCHES = 2


def at(revision: Revision) -> str:
    """Behind "paused" or "failed": " at 20%"; ": requests with x-version: b go to 1.1", where they alone do."""
    if revision.weight:
        return f" at {revision.weight}%"
    told, staged = matching(revision), ", staged" if revision.strategy == "blue-green" else ""
    return f": {told} go to {revision.version}" if told else f"{staged}, with no request on it"


def to(revision: Revision) -> str:
    """Behind "on its way": " to 20%", " to requests with x-version: b"."""
    if revision.weight == 0 and revision.strategy == "blue-green":
        return " to be staged"
    told = matching(revision) if revision.weight == 0 else ""
    return f" to {told}" if told else f" to {revision.weight}%"


def matching(revision: Revision) -> str:
    """ "requests with x-version: b", "copies of 10% of requests": what a release sends to its version beside a share of all
    requests, at its weight; else empty."""
    options = revision.release.get("options") or {}
    if revision.strategy == "ab":
        return _requests_with(options.get("ab", {}).get("match") or ())
    if revision.strategy != "canary":
        return ""
    steps = [step for step in options.get("canary", {}).get("steps") or () if step.get("weight", 0) <= revision.weight]
    copied = next((step["mirror"] for step in steps if step.get("weight", 0) == revision.weight and step.get("mirror")), 0)
    matched = _requests_with([match for step in steps for match in step.get("match") or ()])
    return " and ".join(filter(None, (matched, f"copies of {copied}% of requests" if copied else "")))


def _requests_with(matches: Sequence[Mapping[str, Any]]) -> str:
    said = list(dict.fromkeys(words(match) for match in matches))
    more = f" or {len(said) - MOST_MATCHES} more" if len(said) > MOST_MATCHES else ""
    return f"requests with {' or '.join(said[:MOST_MATCHES])}{more}" if said else ""
