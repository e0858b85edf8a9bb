"""What the five strategies share: how a release begins, how an application comes home to its own Deployment, how it ends.

The way a plan takes: `_begin` (history, adoption, what is left of others), the strategy's own `_share` or `_finish`, `_close`.
Coming home is the one sequence that everything converges on: the user's Deployment carries a version alone, the Services reach
it, and nothing else is left. It finishes a canary, aborts it, undoes a failed run, and lets the next strategy start clean.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..errors import BadInput
from ..health.deployment import is_rolled_out
from ..kube.objects import (
    DEPLOYMENT,
    DESTINATION_RULE,
    SERVICE,
    VIRTUAL_SERVICE,
    Obj,
    as_manifest,
    get,
    labels_of,
    template_labels,
)
from ..plan.observed import DIGEST_ANNOTATION, TRACK_LABEL, VERSION_ANNOTATION, Observed
from ..plan.plan import Action, Plan, Split, basis_of, is_change
from ..plan.revision import Revision, before
from ..plan.steps import Record, Step
from ..release.model import Release
from ..routing import istio, selector
from . import manifests
from .draft import Draft
from .manifests import Rolling

ROUTING_KINDS = (VIRTUAL_SERVICE.name, DESTINATION_RULE.name)


@dataclass(frozen=True)
class Request:
    """What a command asks for. `weight` in percent; None means: as far as the strategy goes by itself (apply: to its first pause,
    promote: to its next). `to_revision` is for rollback; None means the version before."""

    action: Action
    weight: int | None = None
    to_revision: int | None = None


class Strategy(ABC):
    """A release style. Stateless: everything it knows is the release and what is observed. All methods are pure."""

    name: ClassVar[str]
    suffix: ClassVar[str] = ""
    """Of the second Deployment's name, where the strategy uses one; its track is the same word."""

    def __init__(self, release: Release, *, force: bool = False) -> None:
        self.release = release
        self.force = force

    # the interface

    def plan(self, request: Request, observed: Observed) -> Plan:
        match request.action:
            case "apply":
                return self.apply(observed, request.weight)
            case "promote":
                return self.promote(observed, request.weight)
            case "rollback":
                return self.rollback(observed, request.to_revision)

    def apply(self, observed: Observed, weight: int | None = None) -> Plan:
        """Starts the release, or goes on with it, up to `weight` or the first pause. An empty plan where it is live already."""
        current = self._current(observed)
        if weight is None:
            is_first = observed.live is None and self._foreign(observed) is None
            weight = current.weight if current else 100 if is_first else self.first_weight()
        if current and current.phase == "Paused" and weight == current.weight:
            return self._nothing(observed, "apply", current, f"paused at {weight}%: go on with `deploy promote`")
        return self._go(observed, "apply", weight)

    def promote(self, observed: Observed, weight: int | None = None) -> Plan:
        """Takes the release on to `weight`, or to its next pause.

        Raises BadInput where there is nothing to promote.
        """
        current = self._current(observed)
        if current is None and weight is None:
            return self._nothing_to_promote(observed)
        if weight is None and current:
            weight = current.weight if current.phase in ("Progressing", "Failed") else self.next_weight(current.weight)
        return self._go(observed, "promote", 100 if weight is None else weight)

    def rollback(self, observed: Observed, to_revision: int | None = None) -> Plan:
        """Back to the version before: in mid-release to what is live beside it, after one to the revision before.

        Raises BadInput where there is no such revision.
        """
        target = self._target(observed, to_revision)
        draft = self._draft(observed)
        abandoned = [rev for rev in observed.history if rev.number > target.number and rev.phase != "RolledBack"]
        replicas = self._replicas_before(observed, target)
        self._return_to(draft, target, replicas)
        for revision in abandoned:
            draft.record(revision.number, "RolledBack", 0, revision.message or f"rolled back to revision {target.number}")
        draft.record(target.number, "Promoted", 100)
        source = abandoned[-1] if abandoned else target
        undo: tuple[Step, ...] = ()
        if source.phase == "Promoted" and source is not target:
            back = self._draft(draft.project())
            self._return_to(back, source, replicas)
            undo = tuple(step for step in back.steps if not isinstance(step, Record))
        return self._close(
            draft, "rollback", source.number, (source.version, target.version), 0, replicas, undo=undo,
            undo_note="" if undo else "none: this is the way back", split=Split(stable=replicas, canary=0, percent=0.0),
        )  # fmt: skip

    @abstractmethod
    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        """Every manifest that a release by this strategy applies, with the number of pods at full size."""

    # what each strategy says of itself

    @property
    @abstractmethod
    def rolling(self) -> Rolling:
        """How the user's own Deployment is rolled in place."""

    @property
    @abstractmethod
    def deadline_s(self) -> int:
        """How long a wait may see no progress."""

    def first_weight(self) -> int:
        """Where `apply` stops by itself."""
        return 100

    def next_weight(self, weight: int) -> int:
        """Where `promote` takes a release that is paused at `weight`."""
        return 100

    def pause_s(self, weight: int) -> int | None:
        """How long a run that goes on by itself waits at `weight`; None: not at all."""
        return None

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
        self._come_home(draft, self.release, replicas)
        return Split(stable=0, canary=replicas, percent=100.0)

    def _return_to(self, draft: Draft, target: Revision, replicas: int) -> None:
        """Takes the draft back to a revision."""
        release = Release.from_record(target.release)
        self._come_home(draft, release, replicas, is_adopted=target.is_adopted, final=own_rolling(target))

    # the way of a release

    def _go(self, observed: Observed, action: Action, weight: int) -> Plan:
        self.check_weight(weight)
        self._refuse_foreign_release(observed)
        if weight < 100 and observed.live is None and self._foreign(observed) is None:
            raise BadInput("there is nothing live to share requests with", hint="release the first version with `deploy apply`")
        if observed.live and observed.live.digest == self.release.digest:
            weight = 100  # what is live already is shared with nobody: at most something of it has to be put right
        draft, number, replicas = self._begin(observed, weight)
        base = observed.live
        was = base.version if base else self._foreign_version(observed)
        split = self._finish(draft, replicas) if weight >= 100 else self._share(draft, weight, replicas)
        if weight >= 100:
            draft.record(number, "Promoted", 100)
            self._clean_up(draft)
        else:
            draft.record(number, "Paused", weight)
            draft.pause(self.pause_s(weight), "until `deploy promote`")
        plan = self._close(draft, action, number, (was, self.release.version), weight, replicas, split=split)
        if not self._changes_anything(plan, observed):
            is_paused = observed.in_flight is not None
            note = f"paused at {weight}% already" if is_paused else f"{self.release.version} is live already"
            return self._nothing(observed, action, observed.in_flight or base, note)
        return plan.model_copy(update=self._way_back(draft, number))

    def _clean_up(self, draft: Draft) -> None:  # noqa: B027  most strategies leave nothing behind
        """What comes after the version is promoted, and may be cut off without harm."""

    def _begin(self, observed: Observed, weight: int) -> tuple[Draft, int, int]:
        """The draft with the release entered in the history and the application at home; the revision's number; its pods."""
        draft = self._draft(observed)
        replicas = self._replicas(observed)
        current, live = self._current(observed), observed.live
        if live is None and (foreign := self._foreign(observed)):
            live = self._snapshot(observed, foreign, replicas)
            draft.begin(live)
        if current is None and live and self._is_live(live, observed):
            current = live
        elif current is None:
            last = draft.history[-1].number if draft.history else 0
            superseded = observed.in_flight
            current = self._revision(last + 1, weight, self._pods_now(observed, replicas), base=live.number if live else 0)
            draft.begin(current)
            if superseded:
                draft.record(superseded.number, "RolledBack", 0, f"superseded by revision {current.number}")
            if live:
                self._start_clean(draft, live)
        elif current.phase != "Progressing" or current.weight != weight:
            draft.record(current.number, "Progressing", weight)
        if live and self._needs_tracks(weight):
            self._adopt(draft)
        return draft, current.number, replicas

    def _start_clean(self, draft: Draft, live: Revision) -> None:
        """Brings the live version home, if another strategy or an abandoned release left something of itself."""
        if self._is_at_home(draft):
            return
        release = Release.from_record(live.release)
        replicas = self._pods_now(draft.project(), live.replicas)
        self._come_home(draft, release, replicas, is_adopted=live.is_adopted, final=own_rolling(live))

    def _is_at_home(self, draft: Draft) -> bool:
        if any(True for _ in draft.project().deployments(self.release.app) if track_of(_)):
            return False
        if any(selector.track_of(draft.find(SERVICE, name)) for name in self._service_names()):
            return False
        return not istio.uses_subsets(self._live_virtual_service(draft), self._host)

    def _adopt(self, draft: Draft) -> None:
        """Adds the track to running pods that lack it, by an ordinary ramped restart."""
        name = self._name
        live = draft.deployment(name)
        if live is None or not draft.replicas(name) or template_labels(live).get(TRACK_LABEL):
            return
        labelled = as_manifest(live)
        meta = labelled["spec"]["template"].setdefault("metadata", {})
        meta["labels"] = {**(meta.get("labels") or {}), TRACK_LABEL: selector.STABLE}
        labelled["spec"]["strategy"] = Rolling().spec
        draft.apply(labelled, "once: routing tells the versions apart by this label")
        draft.wait(name, "rolled-out", draft.replicas(name), "an ordinary ramped restart, no request lost")

    def _come_home(
        self,
        draft: Draft,
        release: Release,
        replicas: int,
        *,
        is_adopted: bool = False,
        final: Rolling | None = None,
    ) -> None:
        """The user's Deployment carries `release` alone; Services and routes reach it; nothing else is left."""
        self._support(draft, release)
        self._roll(draft, release, replicas, is_adopted=is_adopted, final=final)
        for service in release.services:
            live = draft.find(SERVICE, service["metadata"]["name"])
            if selector.track_of(live) not in (None, selector.STABLE):
                draft.route(
                    service["metadata"]["name"],
                    selector.pinned(service, selector.STABLE),
                    replicas,
                    "all requests to the app's own",
                )
        self._routes_home(draft, release)
        self._retire_seconds(draft)
        self._routes_settled(draft, release)

    def _roll(self, draft: Draft, release: Release, replicas: int, *, is_adopted: bool, final: Rolling | None) -> None:
        name = self._name
        live = draft.deployment(name)
        why_wait = self._why_wait() if draft.replicas(name) else "until all of it is ready"
        is_exact = is_adopted and TRACK_LABEL not in template_labels(live or {})
        count = self._count(draft, name, replicas)

        def manifest(rolling: Rolling) -> Obj:
            return manifests.stable(
                release, count, rolling, deadline_s=self.deadline_s, is_exact=is_exact, paused=paused_off(live)
            )

        in_place, why = manifest(self.rolling), self._why_roll(draft, release)
        if final and not draft.rolls(in_place):
            in_place = manifest(final)
        self._apply_own(draft, in_place, why)
        draft.wait(name, "rolled-out", replicas, why_wait)
        if final:
            self._apply_own(draft, manifest(final), "its own way of rolling, as it was")

    def _apply_own(self, draft: Draft, manifest: Obj, why: str) -> None:
        """Applies the user's own Deployment.

        The API server refuses a Recreate that still carries a rolling update's limits, and an apply cannot take away what it does
        not own, as the defaults of an object that somebody else created: they go first.
        """
        if manifest["spec"]["strategy"]["type"] == "Recreate":
            limits = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
            draft.patch(self._name, limits, "the limits of its rolling update go")
        draft.apply(manifest, why)

    def _why_roll(self, draft: Draft, release: Release) -> str:
        if draft.deployment(self._name) is None:
            return "the application's first version"
        return f"{release.version} in its own Deployment"

    def _why_wait(self) -> str:
        return "old pods go only as new ones are ready"

    def _retire_seconds(self, draft: Draft) -> None:
        for deployment in list(draft.project().deployments(self.release.app)):
            if track_of(deployment):
                self._retire(draft, deployment["metadata"]["name"])

    def _retire(self, draft: Draft, name: str) -> None:
        draft.scale(name, 0, "nothing is routed to it any more")
        draft.wait(name, "drained", 0, "its pods leave before the Deployment does")
        draft.delete(DEPLOYMENT, name, "no longer needed")

    def _support(self, draft: Draft, release: Release) -> None:
        """What the pods need, before them; and Services that are not there yet."""
        for obj in release.others:
            if obj["kind"] not in ROUTING_KINDS:
                draft.apply(obj, "the release's own")
        for service in release.services:
            if draft.find(SERVICE, service["metadata"]["name"]) is None:
                draft.apply(self.service(service), "the release's own")

    def service(self, service: Obj) -> Obj:
        """A Service as this strategy leaves it."""
        return service

    # routes of other strategies, on the way home

    def _routes_home(self, draft: Draft, release: Release) -> None:
        """Istio routes that know subsets send everything to the stable one, before the variant's pods go."""
        live = self._live_virtual_service(draft)
        if live and istio.uses_subsets(live, self._host):
            plain = istio.without_subsets(as_manifest(live), self._host)
            all_stable = istio.virtual_service("", self._host, istio.Traffic(0), hosts=(), gateway=None, user=plain)
            draft.apply(all_stable, "all requests to the stable subset")

    def _routes_settled(self, draft: Draft, release: Release) -> None:
        """Services as the strategy leaves them; the preview and the subsets of other strategies go, the route before the rule."""
        for service in release.services:
            draft.apply(self.service(service), "as in the manifests")
        draft.delete(SERVICE, f"{self._name}-preview", "there is nothing to preview")
        live = self._live_virtual_service(draft)
        if live is not None:
            own = istio.routes_to(release.others, self._host)
            if own:
                draft.apply(own, "as in the manifests")
            elif get(live, "spec", "gateways"):
                draft.apply(istio.without_subsets(as_manifest(live), self._host), "a route without variants")
            else:
                draft.delete(VIRTUAL_SERVICE, live["metadata"]["name"], "the Service alone routes again")
        own_rule = istio.rule_of(release.others, self._host)
        if own_rule:
            draft.apply(own_rule, "as in the manifests")
        else:
            draft.delete(DESTINATION_RULE, self._name, "after the routes that named its subsets")

    def _live_virtual_service(self, draft: Draft) -> Obj | None:
        own = istio.routes_to(self.release.others, self._host)
        return draft.find_like(own) if own else draft.find(VIRTUAL_SERVICE, self._name)

    # small facts

    @property
    def _name(self) -> str:
        return str(self.release.workload["metadata"]["name"])

    @property
    def _host(self) -> str:
        """The name by which Istio knows the application: its first Service's."""
        return str(self.release.services[0]["metadata"]["name"]) if self.release.services else self._name

    def _service_names(self) -> list[str]:
        return [service["metadata"]["name"] for service in self.release.services]

    def _draft(self, observed: Observed) -> Draft:
        deadline_s = get(self.release.workload, "spec", "progressDeadlineSeconds", default=self.deadline_s)
        return Draft(observed, self.release.namespace, deadline_s=deadline_s, force=self.force)

    def _current(self, observed: Observed) -> Revision | None:
        """The release under way, if it is this one."""
        current = observed.in_flight
        return current if current and current.digest == self.release.digest and current.strategy == self.name else None

    def _is_live(self, live: Revision, observed: Observed) -> bool:
        """Whether this very release is what is live, so that at most something of it has to be put right."""
        return not observed.in_flight and (live.digest, live.strategy) == (self.release.digest, self.name)

    def _refuse_foreign_release(self, observed: Observed) -> None:
        current = observed.in_flight
        if current and current.strategy != self.name:
            raise BadInput(
                f"a {current.strategy} release of {current.version} is under way at {current.weight}%",
                hint=f"finish it with `deploy promote {current.strategy} --full`, or take it back with `deploy rollback`",
            )

    def _count(self, draft: Draft, name: str, replicas: int) -> int | None:
        """The number of pods to write into a manifest: none where an HPA decides, unless we own the field and dropping it would
        reset it to 1."""
        if not draft.observed.is_autoscaled(name):
            return replicas
        live = draft.deployment(name)
        if live is None or not draft.replicas(name):
            return replicas
        return draft.replicas(name) if owns_replicas(live) else None

    def _replicas(self, observed: Observed) -> int:
        """The pods the application is to have: the live count under an HPA, else the manifest's, else what it has."""
        current = self._current(observed)
        if observed.is_autoscaled(self._name):
            return self._pods_now(observed, self.release.replicas or 1)
        if self.release.replicas is not None:
            return self.release.replicas
        return current.replicas if current else self._pods_now(observed, 1)

    def _pods_now(self, observed: Observed, otherwise: int) -> int:
        """What the application has in all as far as the live version goes."""
        if observed.in_flight:
            return observed.in_flight.replicas
        track = selector.live_track(observed.find(SERVICE, self.release.namespace, name) for name in self._service_names())
        side = self._name if track == selector.STABLE else f"{self._name}-{track}"
        live = observed.find(DEPLOYMENT, self.release.namespace, side)
        return int(get(live, "spec", "replicas", default=1)) if live else otherwise

    def _replicas_before(self, observed: Observed, target: Revision) -> int:
        if observed.in_flight:
            return observed.in_flight.replicas
        if observed.is_autoscaled(self._name):
            return self._pods_now(observed, target.replicas)
        asked = Release.from_record(target.release).replicas
        return asked if asked is not None and not target.is_adopted else self._pods_now(observed, target.replicas)

    def _foreign(self, observed: Observed) -> Obj | None:
        """The application's Deployment, where somebody else deployed it."""
        return observed.find(DEPLOYMENT, self.release.namespace, self._name) if not observed.history else None

    def _foreign_version(self, observed: Observed) -> str:
        foreign = self._foreign(observed)
        return self._found(foreign, observed).version if foreign else ""

    def _found(self, foreign: Obj, observed: Observed) -> Release:
        live = (observed.find(SERVICE, self.release.namespace, name) for name in self._service_names())
        services = tuple(as_manifest(service) for service in live if service)
        return dataclasses.replace(self.release, workload=as_manifest(foreign), services=services, others=())

    def _snapshot(self, observed: Observed, foreign: Obj, replicas: int) -> Revision:
        """Revision 1 of an application that somebody else deployed: what is live, so that there is a way back to it."""
        found = self._found(foreign, observed)
        pods = int(get(foreign, "spec", "replicas", default=replicas))
        return Revision(
            number=1, app=self.release.app, namespace=self.release.namespace, strategy="ramped", phase="Promoted", weight=100,
            version=found.version, image=found.image, digest=found.digest, replicas=pods, base=0, is_adopted=True,
            message="as it was found", release=found.to_record(),
        )  # fmt: skip

    def _revision(self, number: int, weight: int, replicas: int, *, base: int) -> Revision:
        release = self.release
        return Revision(
            number=number, app=release.app, namespace=release.namespace, strategy=self.name, phase="Progressing", weight=weight,
            version=release.version, image=release.image, digest=release.digest, replicas=replicas, base=base,
            release=release.to_record(),
        )  # fmt: skip

    def _target(self, observed: Observed, to_revision: int | None) -> Revision:
        current = observed.in_flight
        if to_revision is not None:
            found = observed.revision(to_revision)
            if found is None:
                known = ", ".join(str(revision.number) for revision in observed.history) or "none"
                raise BadInput(f"there is no revision {to_revision} of {self.release.app}", detail=f"in the history: {known}")
            if found.phase in ("Failed", "Progressing", "Paused"):
                raise BadInput(f"revision {to_revision} was never promoted", hint="see `deploy history`")
            return found
        live = observed.live
        target = live if current else before(observed.history, live.number) if live else None
        if target is None:
            raise BadInput(
                f"{self.release.app} has no earlier version to go back to",
                hint="release the version you want with `deploy apply --image …`",
            )
        return target

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
        final = next((rev for rev in draft.history if rev.number == number), None)
        return Plan(
            app=self.release.app, namespace=self.release.namespace, strategy=self.name, action=action, revision=number,
            from_version=versions[0], to_version=versions[1], weight=weight, phase=final.phase if final else "Promoted",
            steps=tuple(draft.steps), undo=tuple(undo), undo_note=undo_note,
            split=split or Split(stable=0, canary=replicas, percent=100.0), peak_pods=draft.peak_pods, steady_pods=replicas,
            notes=tuple(draft.notes), new_revisions=tuple(draft.new_revisions), basis=basis_of(draft.observed.objects),
        )  # fmt: skip

    def _way_back(self, draft: Draft, number: int) -> dict[str, object]:
        """The undo of a plan that releases: from its end back to what was live before the release began."""
        base = next((rev.base for rev in draft.history if rev.number == number), 0)
        if not base:
            return {"undo": (), "undo_note": "none: this is the first version"}
        back = self.rollback(draft.project(), base)
        return {"undo": tuple(step for step in back.steps if not isinstance(step, Record))}

    def _changes_anything(self, plan: Plan, observed: Observed) -> bool:
        """Whether a plan does more than write down what the history says already."""
        if any(is_change(step) and not isinstance(step, Record) for step in plan.steps):
            return True
        current = observed.in_flight
        return current is not None and (current.number, current.phase, current.weight) != (plan.revision, plan.phase, plan.weight)

    def _nothing(self, observed: Observed, action: Action, current: Revision | None, note: str) -> Plan:
        draft = self._draft(observed)
        draft.notes.append(note)
        number = current.number if current else 0
        version = self.release.version
        weight = current.weight if current else 100
        replicas = self._replicas(observed)
        split = self._split_now(draft, weight, replicas)
        return self._close(draft, action, number, (version, version), weight, replicas, split=split)

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        """Pods on each side as they are."""
        if weight >= 100 or not self.suffix:
            return Split(stable=0, canary=replicas, percent=100.0)
        stable, canary = draft.replicas(self._name), draft.replicas(f"{self._name}-{self.suffix}")
        return Split(stable=stable, canary=canary, percent=float(weight))

    def _nothing_to_promote(self, observed: Observed) -> Plan:
        live = observed.live
        if live and live.digest == self.release.digest:
            return self._nothing(observed, "promote", live, f"nothing to promote: {live.version} is live everywhere")
        raise BadInput(
            "nothing to promote: no release is under way",
            hint=f"start one with `deploy apply {self.name}`",
        )


def track_of(deployment: Obj) -> str | None:
    """The track of a second Deployment; None for the user's own."""
    return labels_of(deployment).get(TRACK_LABEL)


def owns_replicas(live: Obj) -> bool:
    """Whether rollway's own apply holds spec.replicas."""
    for entry in get(live, "metadata", "managedFields", default=[]):
        if entry.get("manager") == "rollway" and entry.get("operation") == "Apply":
            return get(entry, "fieldsV1", "f:spec", "f:replicas") is not None
    return False


def paused_off(live: Obj | None) -> bool | None:
    """False where a paused rollout has to be resumed; None where the manifest need not speak of it."""
    return False if get(live, "spec", "paused") else None


def own_rolling(revision: Revision) -> Rolling:
    """How the strategy that released a revision rolls its Deployment."""
    from . import by_name

    release = Release.from_record(revision.release)
    if revision.is_adopted:
        return manifests.rolling_of(release.workload) or Rolling()
    return by_name(revision.strategy)(release).rolling


def is_settled(draft: Draft, name: str, replicas: int) -> bool:
    return is_rolled_out(draft.deployment(name), replicas)


def version_of(deployment: Obj | None) -> str:
    """What a Deployment that we wrote says it runs."""
    return str(get(deployment, "metadata", "annotations", default={}).get(VERSION_ANNOTATION, ""))


def digest_of(deployment: Obj | None) -> str:
    return str(get(deployment, "metadata", "annotations", default={}).get(DIGEST_ANNOTATION, ""))
