"""Which application the verbs are about that go on with what a cluster holds: by a release file, or by its name alone.

A release file that is there and can be read says it, as for every verb. One that is broken, or not there, does not stand in the
way: what was released is in the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..errors import BadInput
from ..strategies import NAMES
from . import hints
from . import options as given
from .context import Connected
from .options import NO_OVERRIDE, Override, Source, Where
from .session import Session, UseCase


@dataclass(frozen=True)
class Named:
    """An application by its name, or by the file that releases it."""

    app: given.App = None
    files: given.Files = None

    @property
    def source(self) -> Source:
        return Source(self.files)

    @property
    def name(self) -> str | None:
        return self.app


@dataclass(frozen=True)
class Meant:
    """The same of a verb that takes a strategy, too: a word that names one is the strategy."""

    first: given.StrategyOrApp = None
    second: given.App = None
    files: given.Files = None

    def __post_init__(self) -> None:
        if hint := hints.of_strategy(self.first or ""):
            raise BadInput(f"{self.first!r} is no strategy", hint=hint)
        if self.second is not None and self.first not in NAMES:
            hint = given.did_you_mean(self.first or "", NAMES) or f"a strategy is one of {', '.join(NAMES)}"
            raise BadInput(f"{self.first} and {self.second}: which one is the application?", hint=hint)

    @property
    def source(self) -> Source:
        return Source(self.files)

    @property
    def strategy(self) -> str | None:
        return self.first if self.first in NAMES else None

    @property
    def name(self) -> str | None:
        return self.second if self.first in NAMES else self.first


def with_subject(
    session: Session, subject: Named | Meant, where: Where, use_case: UseCase, *, override: Override = NO_OVERRIDE
) -> int:
    """Runs a use case on the release that is meant. Raises BadInput where nothing says which one it is."""
    from ..release.load import called

    file = subject.source.file
    app, namespace = called(file)
    try:
        # what is piped into another command is not waited for where the name is known without it
        release = session.release(subject.source, where, override, reads_stdin=bool(override) or not (subject.name or app))
    except BadInput as wrong:
        is_acting = isinstance(subject, Meant) and not subject.name
        if override or (not given.is_there(file) and not subject.name and (subject.files or is_acting)):
            raise
        found = _Sought(subject.name or app, where.namespace or namespace, wrong if given.is_there(file) else None)
        return _of_cluster(session, subject, where, use_case, found, wrong)
    if subject.name in (None, release.app):
        return session.with_loaded(release, where, use_case)
    if override:
        raise BadInput(f"--image and --set change a release file, and {file} is of {release.app}, not {subject.name}")
    return _of_cluster(session, subject, where, use_case, _Sought(subject.name, where.namespace, None), None)


class _Sought(NamedTuple):
    """`wrong` is what is told of a file that is there, and not read."""

    app: str | None
    namespace: str | None
    wrong: BadInput | None


def _of_cluster(
    session: Session, subject: Named | Meant, where: Where, use_case: UseCase, sought: _Sought, why: BadInput | None
) -> int:
    from ..ship import known

    near = NAMES if isinstance(subject, Meant) else ()

    async def in_namespace(connected: Connected) -> int:
        namespace = sought.namespace or connected.namespace or "default"
        app = sought.app or await known.only(connected.cluster, namespace, why or BadInput("no application is named"))
        release = await known.released(connected.cluster, app, namespace, near=near)
        if sought.wrong:
            session.view.note(f"{sought.wrong.summary}: {app} in namespace {namespace} is taken as the cluster knows it")
        elif not sought.app:
            session.view.note(f"there is no release file: {app} is all that rollway has released in namespace {namespace}")
        return await use_case(release, connected)

    return session.with_cluster(where, in_namespace)
