"""How requests are to be split between two versions: what strategies ask for and every router takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

CANARY = "canary"
VARIANT = "b"
TRACKS = (CANARY, VARIANT)
"""Of the second sides that a router may have sent requests to: canary's, and ab's."""


class Host(NamedTuple):
    """The Service that requests are routed to."""

    name: str
    namespace: str


class Traffic(NamedTuple):
    """`weight` percent of all requests go to the second side; those that match `matches` go there whatever the weight."""

    weight: int
    matches: tuple[Mapping[str, Any], ...] = ()
