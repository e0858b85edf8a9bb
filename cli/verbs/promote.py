"""`deploy promote`: goes on with the release under way."""

from __future__ import annotations

from .. import options as given
from .. import running
from ..options import DEFAULT_FILE, Limits, Override, Pace, Share, Source, Where
from ..probing import ProbeFlags
from ..running import How
from ..session import Detail
from ..verb import verb


@verb(
    ("deploy promote", "the next step"),
    ("deploy promote canary --to 50%", "half of the requests"),
    ("deploy promote --full", "everybody"),
)
def promote(
    where: Where,
    screen: Detail,
    override: Override,
    share: Share,
    pace: Pace,
    probe: ProbeFlags,
    limits: Limits,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
) -> int:
    """The next step, or --to 50%, or --full."""
    session, how = screen.session(), How(limits, probe, pace, override)
    asked = running.request("promote", share.weight)
    return running.run(session, Source([file]), where, asked, given.strategy_named(strategy), how)
