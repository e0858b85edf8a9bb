"""kubectl and helm of other minor versions than the machine's own, as `make kubectl` fetches them."""

from __future__ import annotations

import sys
from pathlib import Path

from rollway.tools.kubectls import wanted

_REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "kubectl.txt"
VERSIONS = sorted(wanted(_REQUIREMENTS.read_text()))


def fetched(version: str, program: str = "kubectl") -> str | None:
    """The program; None where it is not there."""
    path = Path(sys.prefix) / "kubectl" / version / program
    return str(path) if path.exists() else None
