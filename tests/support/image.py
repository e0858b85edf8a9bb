"""The Dockerfile, read."""

from __future__ import annotations

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Its words and what stands behind them, with continued lines as one."""
    text = re.sub(r"(?m)^#.*\n", "", FILE.read_text()).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]]
