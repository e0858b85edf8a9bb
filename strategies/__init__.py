"""The five release styles, one file each: `(release, observed) -> Plan`. No I/O, no clock, nothing of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Strategy

NAMES = ("recreate", "ramped", "blue-green", "canary", "ab")


def by_name(name: str) -> type[Strategy]:
    """The class of a strategy. Raises KeyError for a name that is not in NAMES."""
    from .ab import Ab
    from .blue_green import BlueGreen
    from .canary import Canary
    from .ramped import Ramped
    from .recreate import Recreate

    found: dict[str, type[Strategy]] = {cls.name: cls for cls in (Recreate, Ramped, BlueGreen, Canary, Ab)}
    return found[name]
