"""A revision: what was released, by which strategy, and how it ended. Kept in the cluster, one Secret each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ..kube.objects import Obj
from .steps import Frozen, Loan, Moment, Phase

MOST_ENTRIES = 20


class Entry(Frozen):
    """What became of a revision: when, by whom, and, of a rollback, `to` which revision (0: none). `note` is what somebody said
    of it: why its gates were not asked."""

    at: str
    by: str
    phase: Phase
    weight: int
    to: int = 0
    note: str = ""


class HookRun(Frozen):
    """That a hook was begun for a revision, and how it ended. `mark` is of what was run, `job` the Job's name, `uid` the very
    Job; `message` why it failed. `is_past`: of a time before the revision came back, which speaks of nothing any more."""

    moment: Moment
    name: str
    mark: str
    job: str
    uid: str = ""
    phase: Literal["Running", "Complete", "Failed"]
    began: str = ""
    ended: str = ""
    message: str = ""
    is_past: bool = False


class Revision(Frozen):
    """`release` is the release's own record (release.model); `replicas` the pods the application had in all when it began.

    `base` is the number of the revision that was live before, 0 for a first release. `weight` is the share asked for, in percent.
    `is_adopted` marks a snapshot of what somebody else had deployed: its pods may lack the labels that ours carry. `was_promoted`
    stays, whatever became of it later. `told` is what the pods said where it failed: reasons, events, the ends of their logs.
    `by` began it; `entries` are the last things that became of it. It stands in a pause since `paused_at`, of `pause_s` seconds
    (None: until somebody goes on). `hooks` are the runs of its hooks, in order; `loans` the fields of others that it has taken.
    """

    number: int
    app: str
    namespace: str
    strategy: str
    phase: Phase
    weight: int
    version: str
    image: str
    digest: str
    replicas: int
    base: int
    is_adopted: bool = False
    was_promoted: bool = False
    started: str = ""
    ended: str = ""
    by: str = ""
    paused_at: str = ""
    pause_s: int | None = None
    entries: tuple[Entry, ...] = ()
    message: str = ""
    told: tuple[str, ...] = ()
    hooks: tuple[HookRun, ...] = ()
    loans: tuple[Loan, ...] = ()
    release: dict[str, Any]

    @property
    def objects(self) -> list[Obj]:
        """The manifests of its record."""
        return [self.release["workload"], *self.others]

    @property
    def others(self) -> list[Obj]:
        """Those beside the application's own workload."""
        return [*self.release["services"], *self.release["others"]]

    @property
    def is_in_flight(self) -> bool:
        """Begun, and neither promoted nor taken back. A failed one that was left standing is still in flight."""
        return self.phase in ("Progressing", "Paused", "Failed")

    def entered(self, entry: Entry, *, pause_s: int | None = None, message: str = "", exact_at: str = "") -> Revision:
        """The revision as it stands after `entry`. Why it failed is kept until it begins anew; a rollback may say why, too."""
        is_back = entry.phase in ("RolledBack", "Failed")
        is_paused = entry.phase == "Paused"
        # of another length by now, it began when it began
        began = self.paused_at if (self.phase, self.weight) == ("Paused", entry.weight) else ""
        comes_back = self.phase == "RolledBack" and entry.phase == "Promoted"
        return self.model_copy(
            update={
                "phase": entry.phase,
                "weight": entry.weight,
                "started": self.started or entry.at,
                "by": self.by if self.started else entry.by,
                "ended": entry.at if entry.phase in ("Promoted", "RolledBack", "Failed") else "",
                "paused_at": (began or exact_at or entry.at) if is_paused else "",
                "pause_s": pause_s if is_paused else None,
                "was_promoted": self.was_promoted or entry.phase == "Promoted",
                "message": message or (self.message if is_back else ""),
                "told": self.told if is_back else (),
                "entries": (*self.entries, entry)[-MOST_ENTRIES:],
                "hooks": tuple(self._come_back(run) for run in self.hooks) if comes_back else self.hooks,
            }
        )

    @staticmethod
    def _come_back(run: HookRun) -> HookRun:
        """Taken back a second time, it runs what is to run before that a second time."""
        return run.model_copy(update={"is_past": True}) if run.moment == "beforeRollback" else run

    def run_of(self, moment: Moment, hook: str) -> HookRun | None:
        """The last run of a hook, which tells how it stands."""
        runs = [run for run in self.hooks if (run.moment, run.name) == (moment, hook) and not run.is_past]
        return runs[-1] if runs else None

    def with_run(self, run: HookRun) -> Revision:
        """With that run of a hook: as it stands by now, where it was begun before."""
        others = tuple(each for each in self.hooks if each.job != run.job)
        return self.model_copy(update={"hooks": (*others, run)})

    def with_loans(self, loans: Iterable[Loan]) -> Revision:
        """With these as well; of a field that it has taken before, the first time counts."""
        known = {loan.key for loan in self.loans}
        new = tuple(loan for loan in loans if loan.key not in known)
        return self.model_copy(update={"loans": (*self.loans, *new)}) if new else self

    def with_options(self, options: dict[str, Any] | None) -> Revision:
        """Going on by other options of its strategies than it began with; None: by the same."""
        return self if options is None else self.model_copy(update={"release": {**self.release, "options": options}})

    @property
    def standing(self) -> str:
        """ "2026-01-02 03:04:05 UTC by alice@ci-7": since when it stands as it does, and by whose doing; empty where unknown."""
        last = self.entries[-1] if self.entries else None
        at = (last.at if last else self.ended or self.started)[:19].replace("T", " ")
        by = last.by if last else ""
        return " ".join(filter(None, (at and f"{at} UTC", by and f"by {by}")))


def live_of(history: Sequence[Revision]) -> Revision | None:
    """The revision that serves: the newest that was promoted and not rolled back."""
    return next((revision for revision in reversed(history) if revision.phase == "Promoted"), None)


def in_flight_of(history: Sequence[Revision]) -> Revision | None:
    """The release under way: the newest revision, if it has not ended."""
    return history[-1] if history and history[-1].is_in_flight else None


def unsettled_of(history: Sequence[Revision]) -> list[Revision]:
    """The release under way, and those since the live one that it may have superseded: a run that was cut off has perhaps not put
    away what they had put up."""
    live = live_of(history)
    return [each for each in history if each.number > (live.number if live else 0)] if in_flight_of(history) else []


def before(history: Sequence[Revision], number: int) -> Revision | None:
    """The promoted revision before that one."""
    return live_of([revision for revision in history if revision.number < number])
