"""What is found in each case of a table, whole: where, how bad, in which words, and what would mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from checked import Told
from golden import Sections
from rollway.preflight import Finding


def lines_of(finding: Finding) -> list[str]:
    """The finding as a block to read."""
    place = f"{Path(finding.source).name}:{finding.line}:{finding.column}"
    told = [f"{finding.severity} {finding.id} {place} {finding.object or 'release file'} {finding.path}", f"  {finding.message}"]
    told += [f"  try: {finding.hint}"] if finding.hint else []
    told += [f"  fix: {line}" for line in finding.patch.splitlines()]
    at, text = finding.snippet
    return told + [f"  at {at}: {line}" for line in text.splitlines()]


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Told:
    """Holds what is found in a case to found/<the module>.txt; `make golden` rewrites it."""
    path = Path(__file__).parent / "found" / f"{request.path.stem.removeprefix('test_')}.txt"
    sections = Sections(path, is_rewriting=request.config.getoption("--update-golden"))
    return lambda name, findings: sections.hold(name, [line for each in findings for line in lines_of(each)])
