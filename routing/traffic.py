"""How requests are to be split between two versions: what strategies ask for and every router takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

CANARY = "canary"
VARIANT = "b"
GREEN = "green"
TRACKS = (CANARY, VARIANT, GREEN)
"""Of the second sides that a router may have sent requests to: canary's, ab's, and blue-green's."""

Feature = Literal["mirror", "sticky"]
"""What may be asked for beside a share, and not every router can."""
FEATURES: Mapping[Feature, str] = {
    "mirror": "copy a share of the requests (mirror)",
    "sticky": "keep users on their side (sticky)",
}


class Host(NamedTuple):
    """The Service that requests are routed to."""

    name: str
    namespace: str


class Draw(NamedTuple):
    """In which proportion requests go to the first side and to the second. `cookies`: what each side's answers set, as the value
    of a Set-Cookie; empty for nothing."""

    first: int
    second: int
    cookies: tuple[str, str] = ("", "")


class Sticky(NamedTuple):
    """Users keep their side, by a cookie of that name. `before` are the weights that have held in this release until now."""

    cookie: str
    before: tuple[int, ...] = ()


class Traffic(NamedTuple):
    """`weight` percent of all requests go to the second side; those that match `matches` go there whatever the weight. Of all
    that go to the first, `mirror` percent are copied to the second, whose answers nobody sees."""

    weight: int
    matches: tuple[Mapping[str, Any], ...] = ()
    mirror: int = 0
    sticky: Sticky | None = None

    @property
    def features(self) -> list[Feature]:
        asked: dict[Feature, object] = {"mirror": self.mirror, "sticky": self.sticky}
        return [feature for feature, value in asked.items() if value]
