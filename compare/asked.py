"""Which requests a measured release is asked: those of most clients, and those that an A/B rule catches. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from ..load.target import Target
from ..release.model import Release
from ..release.probe import ProbeOptions
from .scenario import Scenario

# what may be left out of a text that a regular expression matches: (…)?  .*  \s*  [^;]*
_OPTIONAL = re.compile(r"\((?:[^()\\]|\\.)*\)\?|(?:\.|\\[sSwWdD]|\[[^\]]*\])[*?]")
_MADE = frozenset({"headers", "withoutHeaders", "queryParams", "uri", "method"})
_SAID_OF_NO_REQUEST = frozenset({"name", "ignoreUriCase", "statPrefix"})


@dataclass(frozen=True)
class Share:
    """A share of the requests, 0 to 1, all alike. What is empty is as the release file's probe has it, else `GET /`."""

    part: float
    probe: ProbeOptions | None = None
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    path: str = ""
    method: str = ""

    def target(self, url: str, timeout_s: float) -> Target:
        """Asked at that address, on a new connection each."""
        at = Target.of(url)
        asked = self.probe.target() if self.probe else at
        path = self.path or asked.path
        if self.query:
            path += ("&" if "?" in path else "?") + urlencode(self.query)
        return replace(
            asked, url=url, is_tls=False, host=at.host, port=at.port, authority=at.authority, timeout_s=timeout_s,
            headers=(*asked.headers, *self.headers), path=path, method=self.method or asked.method, keeps_alive=False,
        )  # fmt: skip


def shares_of(release: Release, strategy: str, scenario: Scenario) -> tuple[Share, ...] | str:
    """The shares add up to 1. Of A/B, whose rule nobody would meet: why no request that it catches can be made."""
    matches = release.options.ab.match
    caught = next((share for match in matches if (share := _caught(match, scenario.matching, release.probe))), None)
    if caught is not None:
        return Share(1 - scenario.matching, release.probe), caught
    if strategy == "ab":
        return "no request can be made up that its match catches: --real knows headers, queries, paths and methods"
    return (Share(1.0, release.probe),)


def _caught(match: Mapping[str, Any], part: float, probe: ProbeOptions | None) -> Share | None:
    """A request that a match in Istio's form catches; None where it takes more than can be made up."""
    if set(match) - _MADE - _SAID_OF_NO_REQUEST or not set(match) & {"headers", "queryParams", "uri", "method"}:
        return None
    headers = {name: _example(wanted) for name, wanted in match.get("headers", {}).items()}
    query = {name: _example(wanted) for name, wanted in match.get("queryParams", {}).items()}
    path = _example(match["uri"]) if "uri" in match else ""
    method = _example(match["method"]) if "method" in match else ""
    if None in (path, method, *headers.values(), *query.values()) or set(headers) & set(match.get("withoutHeaders", {})):
        return None
    return Share(part, probe, tuple(_known(headers)), tuple(_known(query)), path or "", method or "")


def _known(values: Mapping[str, str | None]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in values.items() if value is not None]


def _example(wanted: Mapping[str, str]) -> str | None:
    """A text that a StringMatch takes; of a regular expression what is left without its optional parts, if that will do."""
    if "regex" not in wanted:
        return wanted.get("exact") or wanted.get("prefix") or "1"
    plain = re.sub(r"\\(.)", r"\1", _OPTIONAL.sub("", wanted["regex"])).strip("^$")
    return plain if re.fullmatch(wanted["regex"], plain) else None
