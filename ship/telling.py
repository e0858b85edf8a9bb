"""Who is told of a release: each turn that the history has, and each gate that failed, once.

What there is to tell is in the history, and what has been told in a Secret beside it (cluster.told): a run that comes after one
that was killed tells what that one did not come to. All of it happens beside the run: a receiver that hangs, refuses or is not
there holds nothing up, and is told of once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..cluster import findings, told
from ..cluster.events import Noticed, RunEvent
from ..cluster.port import Cluster
from ..cluster.who import this_person
from ..errors import ClusterError
from ..gates.figures import Phase as GatePhase
from ..kube.clock import now, parse_timestamp, timestamp
from ..kube.objects import get
from ..notify import NotifierOf, notifier_of
from ..notify.port import News, Notifier, Untold
from ..plan.evidence import Evidence
from ..plan.revision import Entry, Revision
from ..release.model import Release
from ..release.notify import Moment, Notify
from ..strategies import stands

QUICK_S = 0.2
"""What a run waits for those that are told, at its very end."""
LAST_S = 5.0
"""What a command waits for them, when all is done and shown."""
RECENT = 2
"""Revisions that a run looks back on: its own, and the one that it takes back."""
STALE_S = 24 * 3600.0
"""What is older is no news: it is not told late, as where a release went on for a while with nobody to be told."""

_MOMENTS: dict[str, Moment] = {"Paused": "paused", "Promoted": "promoted", "Failed": "failed", "RolledBack": "rolledBack"}


class Teller:
    """`emit` hears of receivers that could not be told. Each method but `rest` and `end` returns at once."""

    def __init__(
        self,
        cluster: Cluster,
        release: Release,
        *,
        emit: Callable[[RunEvent], None] = lambda event: None,
        notifier_of: NotifierOf = notifier_of,
    ) -> None:
        self._cluster, self._release, self._emit = cluster, release, emit
        self._notifier_of = notifier_of
        self._notifiers: dict[str, Notifier] = {}
        self._known: dict[int, Revision] = {}
        self._number = 0
        self._marks: dict[int, tuple[str, ...]] = {}
        self._marking = asyncio.Lock()
        self._silent: set[str] = set()
        # one each: who hangs holds up nobody else's news
        self._queues: list[asyncio.Queue[News | Revision]] = [asyncio.Queue() for _ in release.notify]
        pairs = zip(release.notify, self._queues, strict=True)
        self._tasks = [asyncio.create_task(self._work(entry, queue)) for entry, queue in pairs]

    def begin(self, history: Sequence[Revision], number: int) -> None:
        """What is known when revision `number` is acted on; what should have been told of it before is told now."""
        self._number = number
        self._known |= {revision.number: revision for revision in history}
        for revision in history[-RECENT:]:
            if revision.entries and get(revision.release, "conduct", "notify"):
                self._put(revision)

    def written(self, revision: Revision) -> None:
        """A turn that the history has now."""
        self._known[revision.number] = revision
        for news in self._turns(revision, revision.entries[-1:]):
            self._put(news)

    def measured(self, evidence: Evidence) -> None:
        """A gate of the revision that is acted on."""
        if evidence.phase == GatePhase.FAILED and (revision := self._known.get(self._number)):
            self._put(self._gate(revision, evidence))

    async def rest(self, seconds: float) -> None:
        """Until all that there is has been told; at most so long."""
        waiting = [asyncio.ensure_future(queue.join()) for queue in self._queues]
        try:
            await asyncio.wait(waiting, timeout=seconds)
        finally:
            for each in waiting:
                each.cancel()

    async def end(self, seconds: float) -> None:
        await self.rest(seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for notifier in self._notifiers.values():
            with contextlib.suppress(Exception):
                await notifier.close()

    def _put(self, item: News | Revision) -> None:
        for queue in self._queues:
            queue.put_nowait(item)

    # beside the run

    async def _work(self, entry: Notify, queue: asyncio.Queue[News | Revision]) -> None:
        while True:
            item = await queue.get()
            try:
                for news in await self._missed(item) if isinstance(item, Revision) else (item,):
                    await self._tell(entry, news)
            except Exception as error:  # whatever it is, a release is not to fail by it
                self._note(entry.called, str(error) or type(error).__name__)
            finally:
                queue.task_done()

    async def _missed(self, revision: Revision) -> list[News]:
        """What a run before this one did not come to."""
        began_s = now().timestamp() - STALE_S
        recent = [entry for entry in revision.entries if parse_timestamp(entry.at).timestamp() > began_s]
        found = list(self._turns(revision, recent))
        gates = await findings.load(self._cluster, revision.app, revision.namespace, revision.number)
        failed = [each for each in gates if each.phase == GatePhase.FAILED and each.until_s > began_s]
        return [*found, *(self._gate(revision, each) for each in failed)]

    async def _tell(self, entry: Notify, news: News) -> None:
        """If it is wanted there and has not been told; noted at once."""
        mark = f"{entry.called} {news.id}"
        if not entry.wants(news.moment) or mark in await self._marked(news.revision):
            return
        try:
            await self._notifier(entry).tell(news)
        except Untold as untold:
            self._note(entry.called, str(untold))
        async with self._marking:  # one after the other: what is written last has all of them
            marks = self._marks[news.revision] = (*self._marks[news.revision], mark)
            with contextlib.suppress(ClusterError):
                await told.write(self._cluster, news.app, news.namespace, news.revision, marks)

    async def _marked(self, number: int) -> tuple[str, ...]:
        async with self._marking:
            if number not in self._marks:
                self._marks[number] = await told.load(self._cluster, self._release.app, self._release.namespace, number)
        return self._marks[number]

    def _notifier(self, entry: Notify) -> Notifier:
        if entry.called not in self._notifiers:
            self._notifiers[entry.called] = self._notifier_of(entry, self._cluster, self._release.namespace)
        return self._notifiers[entry.called]

    def _note(self, called: str, why: str) -> None:
        """Once: a receiver that is away would be told of at every turn."""
        if called not in self._silent:
            self._silent.add(called)
            self._emit(Noticed(f"{called} could not be told: {why}"))

    # what there is to tell

    def _turns(self, revision: Revision, entries: Iterable[Entry]) -> Iterator[News]:
        if revision.is_adopted:
            return  # what was found is no news
        for entry in entries:
            is_first = entry.phase == "Progressing" and entry == revision.entries[0] and entry.at == revision.started
            moment: Moment | None = "started" if is_first else _MOMENTS.get(entry.phase)
            if moment is not None:
                mark = f"{revision.number}-{entry.phase}-{entry.weight}-{entry.at}"
                yield self._news(revision, moment, mark, entry.at, entry.by, entry.weight, to=entry.to, why=_why(revision, entry))

    def _gate(self, revision: Revision, evidence: Evidence) -> News:
        mark = f"{revision.number}-gate-{evidence.gate}-{evidence.course}"
        why = f"gate {evidence.gate}: {evidence.why}"
        at = revision.entries[-1].at if revision.entries else revision.started
        return self._news(revision, "gateFailed", mark, at, revision.by, revision.weight, to=0, why=why)

    def _news(self, revision: Revision, moment: Moment, mark: str, at: str, who: str, weight: int, *, to: int, why: str) -> News:
        base, aim = self._known.get(revision.base), self._known.get(to)
        old, new = base.version if base else "", revision.version
        if moment == "rolledBack":
            old, new = revision.version, aim.version if aim else old
        place = f"{revision.app} -n {revision.namespace}"
        return News(
            id=f"{revision.namespace}.{revision.app}.{mark}", moment=moment, app=revision.app, namespace=revision.namespace,
            strategy=revision.strategy, revision=revision.number, weight=weight, old=old, new=new, why=why, who=who, at=at,
            on=f"deploy promote {place}" if moment in ("paused", "failed") else "",
            back=f"deploy rollback {place}" if base and moment != "rolledBack" else "",
            was_promoted=revision.was_promoted, where=stands.at(revision.model_copy(update={"weight": weight})),
        )  # fmt: skip


def _why(revision: Revision, entry: Entry) -> str:
    """Of the last turn alone: what is said of a revision is said of how it ended."""
    is_end = entry.phase in ("Failed", "RolledBack") and entry == revision.entries[-1]
    return "; ".join(filter(None, (revision.message if is_end else "", entry.note)))


async def end_all(tellers: Sequence[Teller], seconds: float = LAST_S) -> None:
    """When all is done and shown: those that are still to be told are waited for a moment, and no longer."""
    await asyncio.gather(*(teller.end(seconds) for teller in tellers))


async def try_all(cluster: Cluster, release: Release, notifier_of: NotifierOf = notifier_of) -> dict[str, str]:
    """Sends each of those that are told a message that says to be a test; by name why they could not be told, empty where they
    were."""
    moment = timestamp(now())
    news = News(
        id=f"{release.namespace}.{release.app}.test-{moment}", moment="started", app=release.app, namespace=release.namespace,
        strategy=str(release.strategy), revision=0, weight=0, old="", new=release.version, who=this_person(), at=moment,
        why="", is_test=True,
    )  # fmt: skip

    async def one(entry: Notify) -> str:
        notifier = notifier_of(entry, cluster, release.namespace)
        try:
            await notifier.tell(news)
        except Untold as untold:
            return str(untold)
        finally:
            await notifier.close()
        return ""

    said = await asyncio.gather(*(one(entry) for entry in release.notify))
    return {entry.called: why for entry, why in zip(release.notify, said, strict=True)}
