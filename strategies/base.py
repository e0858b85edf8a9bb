"""What the five strategies share: the interface, and the way of a release.

A plan goes `_begin` (history, adoption, what is left of others), the strategy's own `_share` or `_finish`, `_close`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, Kind, Obj, get
from ..plan.observed import Observed
from ..plan.plan import Action, Plan, Split
from ..plan.revision import Revision
from ..plan.steps import Record, Step
from ..release.model import Release
from ..routing.ratio import Pods
from . import already, hooks, hotfix, manifests, stands, surroundings
from .adoption import adopt, is_half_done
from .closing import Goal, changes_anything, plan_of, since_live
from .draft import Draft
from .home import Homecoming, own_rolling
from .refusals import refuse_lone_share, refuse_others, refuse_paused, refuse_renamed


@dataclass(frozen=True)
class Request:
    """What a command asks for. `weight` in percent; None means: as far as the strategy goes by itself (apply: to its first pause,
    promote: to its next). `to_revision` is for rollback; None means the version before. `replace`: what else is under way may be
    taken back for it. `prune`: what rollway has applied and the manifests no longer have goes in the end. `reruns_hooks`: what
    has run for this release before is run again. `come_home`: blue-green ends on the manifests' own Deployment. `has_undo`: the
    plan says how it would be taken back, which costs as much again, and which a rehearsal does not ask."""

    action: Action
    weight: int | None = None
    to_revision: int | None = None
    replace: bool = False
    prune: bool = False
    reruns_hooks: bool = False
    come_home: bool = False
    has_undo: bool = True


class Strategy(Homecoming):
    """A release style. Stateless: everything it knows is the release and what is observed. All methods are pure."""

    name: ClassVar[str]
    workloads: ClassVar[tuple[Kind, ...]] = (DEPLOYMENT,)
    """What an application may be that is released so."""

    # the interface

    def plan(self, request: Request, observed: Observed) -> Plan:
        if request.come_home:
            home = type(self)(self.release.coming_home(), force=self.force)
            return home.plan(replace(request, come_home=False), observed)
        match request.action:
            case "apply":
                how = {"replace": request.replace, "prune": request.prune, "has_undo": request.has_undo}
                return self.apply(observed, request.weight, reruns_hooks=request.reruns_hooks, **how)
            case "promote":
                return self.promote(observed, request.weight, prune=request.prune, has_undo=request.has_undo)
            case "rollback":
                return self.rollback(observed, request.to_revision, has_undo=request.has_undo)

    def apply(
        self,
        observed: Observed,
        weight: int | None = None,
        *,
        replace: bool = False,
        prune: bool = False,
        reruns_hooks: bool = False,
        has_undo: bool = True,
    ) -> Plan:
        """Starts the release, or goes on with it, up to `weight` or the first pause. An empty plan where it is live already.

        Raises Refused where something else is under way, unless it is to be replaced.
        """
        current = self._current(observed)
        self._refuse_replacing(observed, replace=replace)
        if weight is None:
            is_first = observed.live is None and self.app.foreign(observed) is None
            weight = current.weight if current else 100 if is_first else self.first_weight()
        return self._go(observed, "apply", weight, prune=prune, reruns_hooks=reruns_hooks, has_undo=has_undo)

    def promote(self, observed: Observed, weight: int | None = None, *, prune: bool = False, has_undo: bool = True) -> Plan:
        """Takes the release on to `weight`, or to its next pause. An empty plan where that has been done; nothing is ever
        released by it that is not under way.

        Raises Refused where what was to be promoted has been taken back, or never began.
        """
        current = self._current(observed)
        if current is None and (other := observed.in_flight):
            raise already.another(self.release, other, self.name)
        if current is None:
            return self._nothing_to_promote(observed)
        if weight is None:
            weight = current.weight if current.phase in ("Progressing", "Failed") else self.next_weight(current.weight)
        return self._go(observed, "promote", weight, prune=prune, has_undo=has_undo)

    def rollback(self, observed: Observed, to_revision: int | None = None, *, force: bool = True, has_undo: bool = True) -> Plan:
        """Back to the version before: in mid-release to what is live beside it, after one to the revision before. Where that has
        been done, and by all that no revision is named for, only what is not as it was left is put right.

        Raises BadInput where there is no such revision.
        """
        target = self.app.target(observed, to_revision)
        draft = self._draft(observed, force=force)  # a user's is never refused for somebody's field: what it takes over is shown
        draft.is_under_way, draft.is_back = observed.in_flight is not None, True
        abandoned = [rev for rev in observed.history if rev.number > target.number and rev.phase != "RolledBack"]
        replicas = self.app.replicas_of(observed, target)
        hooks.before_rollback(draft, abandoned)
        self._return_to(draft, target, replicas)
        surroundings.await_all(draft, Release.from_record(target.release))
        last = observed.history[-1]
        draft.give_back(abandoned or [last])
        for revision in abandoned:
            draft.record(
                revision.number, "RolledBack", 0, revision.message or f"rolled back to revision {target.number}", to=target.number
            )
        draft.record(target.number, "Promoted", 100)
        is_done = not abandoned and target is observed.live and last.phase == "RolledBack"
        source = abandoned[-1] if abandoned else last if is_done else target
        # without anything to abandon it goes forward, to a revision that was rolled back before
        was, weight = (source.version, 0) if abandoned or is_done else (self.app.given_up(observed), 100)
        surroundings.tell_owned(draft)
        if draft.steps:
            surroundings.tell_brought(draft, Release.from_record(target.release))
        else:
            draft.notes += already.rolled_back(observed, target)
        undo: tuple[Step, ...] = ()
        if has_undo and source.phase == "Promoted" and source is not target:
            back = self._draft(draft.project(), force=True)
            back.is_back = True
            self._return_to(back, source, replicas)
            undo = tuple(step for step in back.steps if not isinstance(step, Record))
        goal = Goal("rollback", source.number, was, target.version, weight, replicas)
        plan = self._plan_of(draft, goal, Split(stable=replicas, canary=0, percent=0.0))
        return plan.model_copy(update={"undo": undo, "undo_note": "" if undo else "none: this is the way back"})

    @abstractmethod
    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        """Every manifest that a release by this strategy applies, with the number of pods at full size."""

    # what each strategy says of itself

    def first_weight(self) -> int:
        """Where `apply` stops by itself."""
        return 100

    def next_weight(self, weight: int) -> int:
        """Where `promote` takes a release that is paused at `weight`."""
        return 100

    def pause_s(self, weight: int) -> int | None:
        """How long a run that goes on by itself waits at `weight`; None: not at all."""
        return None

    def due_share(self, weight: int, fresh: int, rest: int) -> float | None:
        """What part of the requests the new version should get at `weight`, with so many ready pods on each side; None where that
        cannot be said."""
        return None

    def likely_share(self, weight: int) -> float | None:
        """The same beforehand, with the pods that the strategy would hold on each side."""
        return None

    def loosened(self, live: Obj | None, weight: int) -> tuple[str, ...]:
        """What of a rollout that is held at `weight` holds it no longer, as by `kubectl rollout resume`. Who has set a field to
        nothing manages it not: nobody can be told."""
        return ()

    def _held_by(self, weight: int) -> str:
        """The gates that a pause waits for, in words."""
        is_last = self.next_weight(weight) >= 100
        holding = [each for each in self.release.gates_for(self.name) if each.holds(weight, is_last=is_last)]
        names = [each.name for each in holding if each.on_fail != "report"]
        return f"; held by gate{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""

    @abstractmethod
    def check_weight(self, weight: int) -> None:
        """Raises BadInput for a share that the strategy cannot hold."""

    def _needs_tracks(self, weight: int) -> bool:
        """Whether routing tells the two sides apart by label, so that running pods must carry theirs before anything starts."""
        return False

    @abstractmethod
    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        """Takes the draft to a share below 100%."""

    def _finish(self, draft: Draft, replicas: int) -> Split:
        """Takes the draft to the new version alone."""
        self._come_home(draft, self.release, replicas, final=manifests.at_rest(self.release.workload, self.rolling))
        return Split(stable=0, canary=replicas, percent=100.0)

    def _return_to(self, draft: Draft, target: Revision, replicas: int) -> None:
        """Takes the draft back to a revision."""
        release = Release.from_record(target.release)
        self._come_home(draft, release, replicas, is_adopted=target.is_adopted, final=own_rolling(target), is_back=True)

    # the way of a release

    def _go(
        self, observed: Observed, action: Action, weight: int, *, prune: bool, has_undo: bool, reruns_hooks: bool = False
    ) -> Plan:
        self.check_weight(weight)
        self.refuse_unfit()
        refuse_renamed(self.app, observed)
        if not self.force:
            refuse_others(self.app, observed)
            refuse_paused(self.app, observed)
        if (observed.live and observed.live.digest == self.release.digest) or self.is_found_running(observed):
            weight = 100  # what is live already is shared with nobody: at most something of it has to be put right
        current, asked = self._current(observed), weight
        if current and current.phase == "Paused":
            weight = max(weight, current.weight)  # a command said twice, or late: a share never goes down by it
        if weight < 100:
            refuse_lone_share(self.app, observed)
        draft, number, replicas = self._begin(observed, weight, reruns_hooks=reruns_hooks)
        if not replicas:
            draft.notes.append(f"{self.app.name} has 0 pods: nothing shows whether {self.release.version} can start")
        base = observed.live
        was = self.app.served(observed)
        split = self._finish(draft, replicas) if weight >= 100 else self._share(draft, weight, replicas)
        if 0 < split.percent < 100 and not self._router_name(self.release):
            live = filter(None, map(draft.find_like, self.release.services))
            draft.notes += stands.of_clients((*self.release.services, *live))
        surroundings.await_all(draft, self.release)
        if weight >= 100:
            self._end_promoted(draft, number, prune=prune, reruns_hooks=reruns_hooks)
        else:
            self._end_paused(draft, number, weight)
        if not self.force:
            hotfix.refuse(draft.steps, observed, self.release.app)
            surroundings.refuse_owned(draft)
        left = surroundings.told_left_over(draft, self.release, prune=prune)
        draft.notes += left
        draft.lend(number)
        goal = Goal(action, number, was, self.release.version, weight, replicas)
        plan = self._plan_of(draft, goal, split)
        if not (changes_anything(plan, observed) or self.app.unrecorded(observed)):
            told = already.applied(self.release, current or base, asked)
            return self._nothing(observed, action, current or base, *told, *left)
        return plan.model_copy(update=self._way_back(draft, number)) if has_undo else plan

    def _end_promoted(self, draft: Draft, number: int, *, prune: bool, reruns_hooks: bool) -> None:
        draft.record(number, "Promoted", 100)
        self._clean_up(draft)
        if prune:
            surroundings.prune(draft, self.release)
        draft.give_back(since_live(draft))
        hooks.after(draft, number, reruns=reruns_hooks)

    def _end_paused(self, draft: Draft, number: int, weight: int) -> None:
        draft.record(number, "Paused", weight, pause_s=self.pause_s(weight))
        draft.pause(self.pause_s(weight), "until `deploy promote`" + self._held_by(weight))

    def _clean_up(self, draft: Draft) -> None:
        """What comes after the version is promoted, and may be cut off without harm."""

    def _begin(self, observed: Observed, weight: int, *, reruns_hooks: bool) -> tuple[Draft, int, int]:
        """The draft with the release entered in the history, the application at home, its hooks run; the revision's number; its
        pods."""
        draft = self._draft(observed)
        draft.notes += self._beside(observed, weight)
        current, live = self._current(observed), observed.live
        replicas = self.app.replicas(observed)
        if live is None and (foreign := self.app.foreign(observed)):
            live = self.app.snapshot(observed, foreign, replicas)
            draft.begin(live)
        if current is None and live and self._is_live(live, observed):
            current = live
        elif current is None:
            last = draft.history[-1].number if draft.history else 0
            superseded = observed.in_flight
            current = self.app.new_revision(
                last + 1, self.name, weight, self.app.pods_now(observed, replicas), base=live.number if live else 0
            )
            current = hooks.taken_over(current, draft.history, reruns=reruns_hooks)
            draft.begin(current)
            if superseded:
                where = f"revision {superseded.number}, {superseded.strategy} at {superseded.weight}%"
                draft.notes.append(f"takes back {superseded.version} first ({where})")
                draft.record(superseded.number, "RolledBack", 0, f"superseded by revision {current.number}", to=current.base)
            if live:
                self._start_clean(draft, live, weight)
        elif current.phase != "Progressing" or current.weight != weight:
            draft.record(current.number, "Progressing", weight)
        hooks.before(draft, current.number, reruns=reruns_hooks)
        if live and (self._needs_tracks(weight) or is_half_done(draft.workload(self.app.name))):
            adopt(draft, self.app.name)
        return draft, current.number, replicas

    def _draft(self, observed: Observed, *, force: bool = False) -> Draft:
        deadline_s = get(self.release.workload, "spec", "progressDeadlineSeconds", default=self.deadline_s)
        draft = Draft(observed, self.release.app, self.release.namespace, deadline_s=deadline_s, force=force or self.force)
        kind = self.app.kind.name
        draft.notes += [f"{kind} {name} is gone: somebody deleted it" for name in self.app.gone(observed)]
        draft.notes += self.app.drifted(observed)
        return draft

    def _current(self, observed: Observed) -> Revision | None:
        """The release under way, if it is this one."""
        current = observed.in_flight
        return current if current and current.digest == self.release.digest and current.strategy == self.name else None

    def _is_live(self, live: Revision, observed: Observed) -> bool:
        """Whether this very release is what is live, so that at most something of it has to be put right."""
        return not observed.in_flight and live.digest == self.release.digest

    def _refuse_replacing(self, observed: Observed, *, replace: bool) -> None:
        """A release of something else that is under way is somebody's. One that failed and was left standing is nobody's plan."""
        other = observed.in_flight
        if other is None or other.phase == "Failed" or self._current(observed) or replace:
            return
        raise already.under_way(self.release, other, self.name)

    @property
    def fits(self) -> bool:
        """Whether the application's kind of workload can be released so."""
        return self.app.kind in self.workloads

    def refuse_unfit(self) -> None:
        """Raises BadInput for a release that the strategy cannot make."""
        if not self.fits:
            raise BadInput(
                f"{self.name} runs a second Deployment beside the first, and {self.app.name} is a {self.app.kind.name}",
                hint="choose ramped, which can stop half-way, or recreate",
            )

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        """Notes on what others have live beside the application. Raises Refused where it stands in the way."""
        return []

    # the end of a plan

    def _plan_of(self, draft: Draft, goal: Goal, split: Split) -> Plan:
        surroundings.tell_elsewhere(draft)
        router = self._router_name(self.release)
        return plan_of(draft, goal, split, release=self.release, strategy=self.name, router=router)

    def _way_back(self, draft: Draft, number: int) -> dict[str, object]:
        """The undo of a plan that releases: from its end back to what was live before the release began."""
        current = next((rev for rev in draft.history if rev.number == number), None)
        base = current.base if current else 0
        if not base:
            return {"undo": (), "undo_note": "none: this is the first version"}
        try:
            back = self.rollback(draft.project(), base, has_undo=False)
        except BadInput as none:
            return {"undo": (), "undo_note": f"none: {none.summary}"}
        note = hooks.stays(current) if current and hooks.has_run(current) else ""
        return {"undo": tuple(step for step in back.steps if not isinstance(step, Record)), "undo_note": note}

    def _nothing(
        self, observed: Observed, action: Action, current: Revision | None, *notes: str, cleans_up: bool = False
    ) -> Plan:
        """An empty plan, but for what a promotion that was cut off has left to `cleans_up`."""
        draft = self._draft(observed)
        if cleans_up:
            self._clean_up(draft)
            draft.give_back(since_live(draft))
        if current:
            hooks.tell_failed(draft, current)
            if cleans_up:
                hooks.after(draft, current.number)
        draft.notes += notes
        number = current.number if current else 0
        version = self.release.version
        weight = current.weight if current else 100
        replicas = self.app.replicas(observed)
        split = self._split_now(draft, weight, replicas)
        plan = self._plan_of(draft, Goal(action, number, version, version, weight, replicas), split)
        return plan.model_copy(update={"undo_note": "none: nothing is released by it"})

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        """Pods on each side as they are."""
        stable, second = draft.replicas(self.app.name), draft.replicas(f"{self.app.name}-{self.suffix}")
        if weight >= 100 or not self.suffix or not second:
            return self._all(replicas)
        return Split(stable=stable, canary=second, percent=Pods(stable, second).percent if self.name == "canary" else 0.0)

    def _all(self, replicas: int) -> Split:
        """Everybody on the newest version."""
        return Split(stable=0, canary=replicas, percent=100.0)

    def _nothing_to_promote(self, observed: Observed) -> Plan:
        """Nothing is under way: what was promoted last is said, and what that has left behind is put away. Raises Refused where
        nobody knows what that was."""
        from . import of_release

        if lost := self.app.unrecorded(observed):
            raise already.unrecorded(self.release, lost)
        live, notes = already.promoted(self.release, observed)
        release = Release.from_record(live.release)
        release = release.coming_home() if self.release.options.blue_green.come_home else release
        held = of_release(live.strategy, release, force=self.force)
        return held._nothing(observed, "promote", live, *notes, cleans_up=True)
