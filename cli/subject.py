"""Which application the verbs are about that go on with what a cluster holds: by its name, or by a release file.

One that is named is taken as its cluster knows it, whatever file stands beside. Without a name a release file that can be read
says it, as for every verb; one that is broken, or not there, does not stand in the way: what was released is in the cluster.
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

    @property
    def is_many(self) -> bool:
        return self.source.is_many and self.name is None


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

    @property
    def is_many(self) -> bool:
        return self.source.is_many and self.name is None


def with_subject(
    session: Session,
    subject: Named | Meant,
    where: Where,
    use_case: UseCase,
    *,
    override: Override = NO_OVERRIDE,
    must_hold: bool = False,
) -> int:
    """Runs a use case on the release that is meant. Raises BadInput where nothing says which one it is.

    `must_hold`: the use case goes on with a release, so that the gates it was released with have to be known.
    """
    from ..release.load import called

    file = subject.source.file
    app, namespace = called(file)
    if subject.name is not None and not override:
        place, name = _parted(subject.name, where)
        # another application's file says nothing of where this one is
        place = place or (namespace if app == name else None)
        sought = _Sought(name, place, f"{file} is not read" if given.is_there(file) else "")
        return _of_cluster(session, subject, where, use_case, sought, must_hold=must_hold)
    try:
        # what is piped into another command is not waited for where the name is known without it
        release = session.release(subject.source, where, override, reads_stdin=bool(override) or not app)
    except BadInput as wrong:
        if override or (not given.is_there(file) and (subject.files or isinstance(subject, Meant))):
            raise
        sought = _Sought(app, where.namespace or namespace, wrong.summary if given.is_there(file) else "", wrong)
        return _of_cluster(session, subject, where, use_case, sought, must_hold=must_hold)
    if subject.name not in (None, release.app):
        raise BadInput(f"--image and --set change a release file, and {file} is of {release.app}, not {subject.name}")
    return session.with_loaded(release, where, use_case)


def _parted(name: str, where: Where) -> tuple[str | None, str]:
    """NAMESPACE/APP, as `deploy list -A -o name` writes it, or APP alone: the namespace that is named, and the application."""
    from ..release.names import MAX_APP, wrong_label

    namespace, slash, app = name.rpartition("/")
    if wrong := wrong_label(app, MAX_APP) or (wrong_label(namespace) if slash else ""):
        raise BadInput(
            f"{name!r} is no application: {wrong}", hint="write APP, or NAMESPACE/APP; `deploy list -A` shows all of them"
        )
    if namespace and where.namespace not in (None, namespace):
        raise BadInput(f"{name} and -n {where.namespace} contradict each other", hint="leave one of them out")
    return where.namespace or namespace or None, app


class _Sought(NamedTuple):
    """`passed_over` is what is told of a file that is there, and not gone by; `wrong` what kept a file from naming the app."""

    app: str | None
    namespace: str | None
    passed_over: str
    wrong: BadInput | None = None


def _of_cluster(
    session: Session, subject: Named | Meant, where: Where, use_case: UseCase, sought: _Sought, *, must_hold: bool
) -> int:
    from ..ship import known

    near = NAMES if isinstance(subject, Meant) else ()

    async def in_namespace(connected: Connected) -> int:
        namespace = sought.namespace or connected.namespace or "default"
        app = sought.app or await known.only(connected.cluster, namespace, sought.wrong or BadInput("no application is named"))
        release = await known.released(connected.cluster, app, namespace, near=near, must_hold=must_hold)
        if sought.passed_over:
            session.view.note(f"{sought.passed_over}: {app} in namespace {namespace} is taken as the cluster knows it")
        elif not sought.app:
            session.view.note(f"there is no release file: {app} is all that rollway has released in namespace {namespace}")
        return await use_case(release, connected)

    return session.with_cluster(where, in_namespace)
