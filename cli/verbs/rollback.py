"""`deploy rollback`: back to a version before."""

from __future__ import annotations

from ...errors import BadInput
from .. import options as given
from .. import running, several
from ..options import Limits, Remote, Where
from ..probing import ProbeFlags
from ..running import How
from ..session import Detail
from ..subject import Meant
from ..verb import verb


@verb(
    ("deploy rollback", "to the version before, or out of a release"),
    ("deploy rollback --to-revision 3", "see `deploy history`"),
    ("deploy rollback shop -n shop", "without a release file"),
)
def rollback(
    subject: Meant,
    where: Where,
    screen: Detail,
    probe: ProbeFlags,
    limits: Limits,
    remote: Remote,
    to_revision: given.ToRevision = None,
) -> int:
    """Back to the version before, or --to-revision N.

    In the middle of a release it takes that one back. Of the release file's application, or of APP as its cluster knows it.
    Of a folder, all of them, each before those it depends on.
    """
    session, how = screen.session(), How(limits, probe, remote=remote)
    asked = running.request("rollback", None, given.revision(to_revision))
    if subject.is_many and to_revision:
        raise BadInput("--to-revision is for one application, and -f names several", hint="name one release file with -f")
    return several.go_on(session, subject, where, asked, how)
