"""Findings as SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from ... import __version__
from ...preflight import Finding, Rule, Severity
from ...preflight.rules import BY_ID
from ...ship.checking import Checked
from .json import JsonView

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


class SarifView(JsonView):
    """As the view for programs; what a check finds is a SARIF log."""

    def check(self, checked: Sequence[Checked], *, strategy: str | None = None) -> None:
        self._print(sarif_log([finding for one in checked for finding in one.findings]))


def sarif_log(found: Sequence[Finding]) -> dict[str, Any]:
    ids = list(BY_ID)
    driver = {
        "name": "rollway",
        "version": __version__,
        "rules": [_rule(rule) for rule in BY_ID.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, ids.index(finding.id)) for finding in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.more}\n\n{rule.example}", "markdown": f"{rule.more}\n\n```yaml\n{rule.example}\n```"},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. {finding.rule.why}"},
    }
    location: dict[str, Any] = {}
    if finding.line:
        place = {"artifactLocation": {"uri": _uri(finding.source)}}
        location["physicalLocation"] = place | {"region": {"startLine": finding.line, "startColumn": finding.column}}
    name = f"{finding.object} {finding.path}".strip()
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return result | ({"locations": [location]} if location else {})


def _uri(source: str) -> str:
    from urllib.parse import quote

    path = PurePath(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
