"""Where a release stands, in words: the share of all requests, or the requests that match, or none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from ..kube.objects import get
from ..plan.revision import Revision
from ..release.matching import words
from ..release.options import DEFAULT_MATCH

MOST_MATCHES = 2

Gets = Literal["requests", "copies", "nothing"]
"""What comes to pods: requests of users, copies of them that answer nobody, or neither."""


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


def brief(revision: Revision) -> str:
    """Behind "paused", where there is little room: " 20%", ", copies 10%", ", by match", ", staged"."""
    if revision.weight:
        return f" {revision.weight}%"
    if copied := _copied(revision):
        return f", copies {copied}%"
    return ", by match" if matching(revision) else ", staged" if revision.strategy == "blue-green" else f" {revision.weight}%"


def gets(revision: Revision) -> Gets:
    """What a release sends to its version at its weight."""
    return "requests" if revision.weight or _matched(revision) else "copies" if _copied(revision) else "nothing"


def of_clients(services: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is said of a share of pods behind Services that keep a client on its pod."""
    sticky = (each["metadata"]["name"] for each in services if get(each, "spec", "sessionAffinity") == "ClientIP")
    name = next(sticky, "")
    return [f"Service {name} keeps a client on its pod (sessionAffinity): shares are of clients, not of requests"] if name else []


def matching(revision: Revision) -> str:
    """ "requests with x-version: b", "copies of 10% of requests": what a release sends to its version beside a share of all
    requests, at its weight; else empty."""
    copied = _copied(revision)
    return " and ".join(filter(None, (_requests_with(_matched(revision)), f"copies of {copied}% of requests" if copied else "")))


def _matched(revision: Revision) -> Sequence[Mapping[str, Any]]:
    if revision.strategy == "ab":
        matches: Sequence[Mapping[str, Any]] = _block(revision, "ab").get("match", (DEFAULT_MATCH,))
        return matches
    reached = [step for step in _steps(revision) if step.get("weight", 0) <= revision.weight]
    return [match for step in reached for match in step.get("match") or ()]


def _copied(revision: Revision) -> int:
    """The share of requests that is copied at its weight, in percent."""
    here = (step for step in _steps(revision) if step.get("weight", 0) == revision.weight)
    return next((step["mirror"] for step in here if step.get("mirror")), 0)


def _steps(revision: Revision) -> Sequence[Mapping[str, Any]]:
    return _block(revision, "canary").get("steps") or () if revision.strategy == "canary" else ()


def _block(revision: Revision, strategy: str) -> Mapping[str, Any]:
    return (revision.release.get("options") or {}).get(strategy) or {}


def _requests_with(matches: Sequence[Mapping[str, Any]]) -> str:
    said = list(dict.fromkeys(words(match) for match in matches))
    more = f" or {len(said) - MOST_MATCHES} more" if len(said) > MOST_MATCHES else ""
    return f"requests with {' or '.join(said[:MOST_MATCHES])}{more}" if said else ""
