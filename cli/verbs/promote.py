"""`deploy promote`: goes on with the release under way."""

from __future__ import annotations

from .. import options as given
from .. import running, several
from ..options import Limits, Override, Pace, Remote, Share, Where
from ..probing import ProbeFlags
from ..running import How
from ..session import Detail
from ..subject import Meant
from ..verb import verb


@verb(
    ("deploy promote", "the next step"),
    ("deploy promote canary --to 50%", "half of the requests"),
    ("deploy promote --full", "everybody"),
    ("deploy promote shop -n shop", "without a release file"),
)
def promote(
    subject: Meant,
    where: Where,
    screen: Detail,
    override: Override,
    share: Share,
    pace: Pace,
    probe: ProbeFlags,
    limits: Limits,
    remote: Remote,
    prune: given.Prune = False,
    come_home: given.ComeHome = False,
) -> int:
    """The next step, or --to 50%, or --full.

    Of the release file's application, or of APP as its cluster knows it. Of a folder, all that is under way.
    """
    session, how = screen.session(), How(limits, probe, pace, override, remote)
    asked = running.request("promote", share.weight, prune=prune, come_home=come_home)
    return several.go_on(session, subject, where, asked, how)
