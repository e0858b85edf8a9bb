"""What the five strategies share: the interface, and the way of a release.

A plan goes `_begin` (history, adoption, what is left of others), the strategy's own `_share` or `_finish`, `_close`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ..errors import BadInput, FieldsOwned
from ..kube.objects import DEPLOYMENT, Kind, Obj, get, labels_of
from ..plan.marks import track_of
from ..plan.observed import APP_LABEL, FIELD_MANAGER, Observed
from ..plan.plan import Action, Plan, Split, is_change
from ..plan.revision import Revision
from ..plan.steps import Record, Step
from ..release.model import Release
from ..routing.ratio import Pods
from . import already, hooks, hotfix, manifests, surroundings
from .adoption import adopt, is_half_done
from .draft import Draft, owners_of
from .home import Homecoming, own_rolling


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
            raise BadInput(
                f"{already.a(other.strategy)} release of {other.version} is under way at {other.weight}%",
                hint="`deploy promote` takes it on; to release something else instead: `deploy apply --replace`",
            )
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
        was, weight = (source, 0) if abandoned or is_done else (observed.live or target, 100)
        surroundings.tell_owned(draft)
        if not draft.steps:
            draft.notes += already.rolled_back(observed, target)
        undo: tuple[Step, ...] = ()
        if has_undo and source.phase == "Promoted" and source is not target:
            back = self._draft(draft.project(), force=True)
            back.is_back = True
            self._return_to(back, source, replicas)
            undo = tuple(step for step in back.steps if not isinstance(step, Record))
        return self._close(
            draft, "rollback", source.number, (was.version, target.version), weight, replicas, undo=undo,
            undo_note="" if undo else "none: this is the way back", split=Split(stable=replicas, canary=0, percent=0.0),
        )  # fmt: skip

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
        self._refuse_renamed(observed)
        self._refuse_others(observed)
        self._refuse_paused(observed)
        if weight < 100 and observed.live is None and self.app.foreign(observed) is None:
            raise BadInput("there is nothing live to share requests with", hint="release the first version with `deploy apply`")
        if observed.live and observed.live.digest == self.release.digest:
            weight = 100  # what is live already is shared with nobody: at most something of it has to be put right
        current, asked = self._current(observed), weight
        if current and current.phase == "Paused":
            weight = max(weight, current.weight)  # a command said twice, or late: a share never goes down by it
        if weight < 100:
            self._refuse_lone_share(observed)
        draft, number, replicas = self._begin(observed, weight, reruns_hooks=reruns_hooks)
        if not replicas:
            draft.notes.append(f"{self.app.name} has 0 pods: nothing shows whether {self.release.version} can start")
        base = observed.live
        was = base.version if base else self.app.foreign_version(observed)
        split = self._finish(draft, replicas) if weight >= 100 else self._share(draft, weight, replicas)
        surroundings.await_all(draft, self.release)
        if weight >= 100:
            draft.record(number, "Promoted", 100)
            self._clean_up(draft)
            if prune:
                surroundings.prune(draft, self.release)
            draft.give_back(_since_live(draft))
            hooks.after(draft, number, reruns=reruns_hooks)
        else:
            draft.record(number, "Paused", weight, pause_s=self.pause_s(weight))
            draft.pause(self.pause_s(weight), "until `deploy promote`" + self._held_by(weight))
        if not self.force:
            hotfix.refuse(draft.steps, observed, self.release.app)
            surroundings.refuse_owned(draft)
        surroundings.tell_left_over(draft, self.release, prune=prune)
        draft.lend(number)
        plan = self._close(draft, action, number, (was, self.release.version), weight, replicas, split=split)
        if not self._changes_anything(plan, observed):
            return self._nothing(observed, action, current or base, *already.applied(self.release, current or base, asked))
        return plan.model_copy(update=self._way_back(draft, number)) if has_undo else plan

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

    def _refuse_lone_share(self, observed: Observed) -> None:
        """Raises BadInput where somebody has deleted what requests would be shared with."""
        live, name = observed.live, self.app.live_name(observed)
        if live and name in self.app.gone(observed):
            back = "deploy rollback" if observed.in_flight else f"deploy rollback --to-revision {live.number}"
            raise BadInput(
                f"{self.app.kind.name} {name} is gone: somebody deleted it, "
                f"and nothing of {live.version} is there to share requests with",
                hint=f"`{back}` brings {live.version} back; `deploy promote --full` gives {self.release.version} to everybody",
            )

    def _refuse_empty(self, weight: int, replicas: int) -> None:
        """Raises BadInput where a share is one of pods, and there is none."""
        if weight and not replicas:
            raise BadInput(
                f"{self.app.name} has 0 pods: there is nothing of which {self.release.version} could have {weight}%",
                hint="wait until it is scaled up; `--full` gives the new version to everybody, whenever that is",
            )

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

    def _refuse_renamed(self, observed: Observed) -> None:
        """Two workloads of one application would share its requests for ever."""
        known = observed.live.release["workload"]["kind"] if observed.live else self.app.kind.name
        names = [] if known == self.app.kind.name else [(known, self.app.name)]  # it is no way back to what is of another kind
        own = (each for each in observed.workloads(self.release.app) if track_of(each) is None)
        names += [(each["kind"], each["metadata"]["name"]) for each in own]
        for kind, name in names:
            if (kind, name) != (self.app.kind.name, self.app.name):
                wanted = self.app.name if kind == self.app.kind.name else f"{self.app.kind.name} {self.app.name}"
                raise BadInput(
                    f"{self.release.app} is live as {kind} {name}, and the manifests call it {wanted}",
                    hint="keep its name; to start anew, give the release file another `app` and remove the old one afterwards",
                )

    def _refuse_others(self, observed: Observed) -> None:
        """Raises FieldsOwned where the workload is released as another application: each would undo what the other does."""
        live = observed.workload(self.release.namespace, self.app.name)
        other = labels_of(live).get(APP_LABEL, self.release.app) if live else self.release.app
        if other != self.release.app and not self.force:
            raise FieldsOwned(
                f"{self.app.kind.name} {self.app.name} is released as {other}, not as {self.release.app}",
                hint=f"`app: {other}` in the release file goes on with it; to take it over for good: --force-conflicts",
            )

    def _refuse_paused(self, observed: Observed) -> None:
        """Raises FieldsOwned where somebody else has paused the live Deployment: they had a reason. Ours hold a share."""
        name = self.app.live_name(observed)
        live = observed.workload(self.release.namespace, name)
        if self.force or not live or not get(live, "spec", "paused", default=False):
            return
        owners = owners_of(live, "paused")
        if FIELD_MANAGER not in owners:
            raise FieldsOwned(
                f"Deployment {name} is live, and somebody has paused it",
                detail="\n".join(f".spec.paused is managed by {owner}" for owner in owners),
                hint=f"resume it, `kubectl rollout resume deployment/{name}`, or overrule it with --force-conflicts",
            )

    # the end of a plan

    def _close(
        self,
        draft: Draft,
        action: Action,
        number: int,
        versions: tuple[str, str],
        weight: int,
        replicas: int,
        *,
        split: Split | None = None,
        undo: Sequence[Step] = (),
        undo_note: str = "",
    ) -> Plan:
        surroundings.tell_elsewhere(draft)
        final = next((rev for rev in draft.history if rev.number == number), None)
        return Plan(
            app=self.release.app, namespace=self.release.namespace, strategy=self.name, action=action,
            router=self._router_name(self.release), revision=number,
            from_version=versions[0], to_version=versions[1], from_weight=self._weight_before(draft.observed, action),
            weight=weight, phase=final.phase if final else "Promoted",
            steps=tuple(draft.steps), undo=tuple(undo), undo_note=undo_note,
            split=split or Split(stable=0, canary=replicas, percent=100.0), peak_pods=draft.peak_pods, steady_pods=replicas,
            notes=tuple(draft.notes), new_revisions=tuple(draft.new_revisions), loans=draft.loans.taken,
        )  # fmt: skip

    def _weight_before(self, observed: Observed, action: Action) -> int:
        """The share of the newer version that holds before a plan: of the release under way, or of what is rolled back."""
        if observed.in_flight:
            return observed.in_flight.weight if observed.in_flight.phase == "Paused" else 0
        return 100 if action == "rollback" else 0

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

    def _changes_anything(self, plan: Plan, observed: Observed) -> bool:
        """Whether a plan does more than write down what the history says already."""
        if any(is_change(step) and not isinstance(step, Record) for step in plan.steps):
            return True
        current = observed.in_flight
        if current is None:
            return plan.phase == "Paused"  # what stands so already, its history lost, is not known to be under way
        return (current.number, current.phase, current.weight) != (plan.revision, plan.phase, plan.weight)

    def _nothing(
        self, observed: Observed, action: Action, current: Revision | None, *notes: str, cleans_up: bool = False
    ) -> Plan:
        """An empty plan, but for what a promotion that was cut off has left to `cleans_up`."""
        draft = self._draft(observed)
        if cleans_up:
            self._clean_up(draft)
            draft.give_back(_since_live(draft))
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
        why_not = "none: nothing is released by it"
        return self._close(draft, action, number, (version, version), weight, replicas, split=split, undo_note=why_not)

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
        """Nothing is under way: what was promoted last is said, and what that has left behind is put away."""
        from . import of_release

        live, notes = already.promoted(self.release, observed)
        release = Release.from_record(live.release)
        release = release.coming_home() if self.release.options.blue_green.come_home else release
        held = of_release(live.strategy, release, force=self.force)
        return held._nothing(observed, "promote", live, *notes, cleans_up=True)


def _since_live(draft: Draft) -> list[Revision]:
    """The revision that was live before the plan, and those since: what a run that was cut off has not given back goes along."""
    live = draft.observed.live
    return [each for each in draft.history if live is None or each.number >= live.number]
