"""`deploy rollback`: back to a version before."""

from __future__ import annotations

from .. import options as given
from .. import running
from ..options import DEFAULT_FILE, Limits, Source, Where
from ..probing import ProbeFlags
from ..running import How
from ..session import Detail
from ..verb import verb


@verb(
    ("deploy rollback", "to the version before, or out of a release"),
    ("deploy rollback --to-revision 3", "see `deploy history`"),
)
def rollback(
    where: Where,
    screen: Detail,
    probe: ProbeFlags,
    limits: Limits,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    to_revision: given.ToRevision = None,
) -> int:
    """Back to the version before, or --to-revision N.

    In the middle of a release it takes that one back.
    """
    session, how = screen.session(), How(limits, probe)
    asked = running.request("rollback", None, given.revision(to_revision))
    return running.run(session, Source([file]), where, asked, given.strategy_named(strategy), how)
