"""blue-green: two Deployments take turns, and the Service's selector says which one is live."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import HPA, SERVICE, Obj, is_a, merged, selects, template_labels
from ..plan.marks import digest_of, track_of
from ..plan.observed import APP_LABEL, TRACK_LABEL, scales
from ..plan.plan import Split
from ..plan.revision import Revision, live_of
from ..release.model import Release
from ..routing import fit, selector
from ..routing.traffic import GREEN
from . import manifests, surroundings
from .base import Strategy
from .draft import Draft
from .manifests import Rolling
from .ramped import Ramped
from .refusals import refuse_no_service


class TwoSides(Strategy):
    """The new version is at full size before any user meets it, and then everybody does at once."""

    name = "blue-green"
    suffix = GREEN

    @property
    def rolling(self) -> Rolling:
        return (manifests.rolling_of(self.release.workload) or Rolling())._replace(deadline_s=self.deadline_s)

    @property
    def deadline_s(self) -> int:
        return self.release.options.blue_green.progress_deadline_seconds

    def first_weight(self) -> int:
        # gates that are asked before the switch need a stop in which to be asked
        is_asked = any(gate.moment == "before" for gate in self.release.gates)
        return 100 if self.release.options.blue_green.auto_promote and not is_asked else 0

    def check_weight(self, weight: int) -> None:
        if weight not in (0, 100):
            raise BadInput(
                f"blue-green cannot stop at {weight}%: it moves all requests at once",
                hint="0% stages the new version behind the preview Service, 100% switches; for a share choose canary or ab",
            )

    def _needs_tracks(self, weight: int) -> bool:
        return True

    def refuse_unfit(self) -> None:
        super().refuse_unfit()
        refuse_no_service(self.app, "blue-green has no Service to switch")

    def _previews(self, track: str) -> list[Obj]:
        """None where there is no Service, which a plan refuses."""
        return [self._preview(track)] if self.release.services else []

    def _preview(self, track: str) -> Obj:
        assert self.app.primary is not None, "refused before: blue-green without a Service"
        made = selector.preview(self.app.primary, self.app.preview_name, track)
        made["metadata"]["labels"] = {**made["metadata"]["labels"], APP_LABEL: self.release.app}
        return made


class BlueGreen(TwoSides):
    """The user's own Deployment and `<app>-green` are the two sides. Every verb aims at a version: the side that holds it, or the
    idle one, is brought to full size, and then the Services are switched to it. So going back to a warm side is one patch.
    """

    def other(self, draft: Draft, obj: Obj) -> Obj:
        """An autoscaler of the manifests scales the side that is live, whichever that is."""
        live = self._name_of(self._live_track(draft))
        if not is_a(obj, HPA) or not scales(obj, self.app.name) or live == self.app.name:
            return obj
        return merged(obj, {"spec": {"scaleTargetRef": {"name": live}}})

    def service(self, draft: Draft, service: Obj) -> Obj:
        """Bound to the live side once its pods carry the label; one that reaches every side is bound where that is needed."""
        track = self._live_track(draft)
        side, live = draft.workload(self._name_of(track)), draft.find(SERVICE, service["metadata"]["name"])
        is_open = live is not None and selector.track_of(live) is None
        is_bare = side is not None and not template_labels(side).get(TRACK_LABEL)
        return service if is_open or is_bare else selector.pinned(service, track)

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        total = replicas or release.replicas or 1
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        services = [selector.pinned(service, selector.STABLE) for service in release.services]
        return (*release.others, *services, *self._previews(selector.STABLE), own, self._side(release, GREEN, total))

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        side = self._stage(draft, self.release, self._idle(draft), replicas, with_preview=True)
        return Split(stable=replicas, canary=draft.replicas(side), percent=0.0)

    def _finish(self, draft: Draft, replicas: int) -> Split:
        if self._lives_at_home(draft):  # no side comes that anything would have to be bound for
            Ramped(self.release, force=self.force)._finish(draft, replicas)
        else:
            self._aim(draft, self.release, replicas, with_preview=True)
        return Split(stable=0, canary=replicas, percent=100.0)

    def _clean_up(self, draft: Draft) -> None:
        old, options = self._name_of(self._idle(draft)), self.release.options.blue_green
        if draft.replicas(old):
            draft.hold(options.scale_down_delay_seconds, "the old side stays warm: going back is one patch")
        if draft.replicas(old) and (not options.come_home or draft.has_other_selector(self.release.workload)):
            draft.scale(old, 0, "the old version is no longer needed")
            draft.wait(old, "drained", 0, "its pods leave")
        if options.come_home:
            self._end_at_home(draft)

    def _end_at_home(self, draft: Draft) -> None:
        """On the manifests' own Deployment, as a strategy without sides would find its way there."""
        if not self._is_at_home(draft):
            replicas = draft.replicas(self._name_of(self._live_track(draft)))
            Ramped(self.release, force=self.force)._finish(draft, replicas)

    def _lives_at_home(self, draft: Draft) -> bool:
        """Whether the release stands already as it ends where it is to come home."""
        is_there = digest_of(draft.workload(self.app.name)) == self.release.digest
        return self.release.options.blue_green.come_home and is_there and self._is_at_home(draft)

    def _return_to(self, draft: Draft, target: Revision, replicas: int) -> None:
        release = Release.from_record(target.release)
        if target.is_adopted and self._stands(draft, release):
            super()._return_to(draft, target, replicas)
            for service in release.services:
                draft.apply(service, "as it was found")
            return
        self._aim(draft, release, replicas, with_preview=False)
        draft.delete(SERVICE, self.app.preview_name, "there is nothing to preview")
        bad = self._name_of(self._idle(draft))
        draft.scale(bad, 0, "nothing is routed to it")
        draft.wait(bad, "drained", 0, "its pods leave")

    def _start_clean(self, draft: Draft, live: Revision, weight: int) -> None:
        """Its own layout is a clean start; the second Deployments and routes of other strategies are not. A version that is given
        up and gets the requests already loses them first."""
        current, side = draft.observed.in_flight, draft.workload(self._name_of(self._live_track(draft)))
        is_own_layout = all(track_of(deployment) in (None, GREEN) for deployment in draft.project().workloads(self.release.app))
        is_given_up = current is not None and digest_of(side) == current.digest
        if current and is_given_up and is_own_layout and current.strategy == self.name:
            replicas = self.app.pods_now(draft.project(), live.replicas)
            self._aim(draft, Release.from_record(live.release), replicas, with_preview=False)
        elif not is_own_layout or self._has_parts(draft) or is_given_up:
            super()._start_clean(draft, live, 0)

    # the two sides

    def _aim(self, draft: Draft, release: Release, replicas: int, *, with_preview: bool) -> None:
        live = self._live_track(draft)
        holds = [
            track for track in (live, self._other(live)) if digest_of(draft.workload(self._name_of(track))) == release.digest
        ]
        if live == selector.STABLE and self._runs_already(draft, release):
            holds = [live]
        if not holds and draft.workload(self.app.name) is None and live == selector.STABLE:
            self._first(draft, release, replicas)
            return
        track = holds[0] if holds else self._other(live)
        self._pin(draft, live)
        self._stage(draft, release, track, replicas, with_preview=with_preview and track != live)
        self._switch(draft, release, track, replicas)

    def _first(self, draft: Draft, release: Release, replicas: int) -> None:
        """The application's first version goes into its own Deployment; and so does one that comes back where somebody has
        deleted that."""
        self._make_ready(draft, release)
        is_first = draft.observed.live is None
        why = "the application's first version" if is_first else f"{release.version} is made anew"
        draft.apply(self._side(release, selector.STABLE, replicas), why)
        draft.wait(self.app.name, "rolled-out", replicas, "until all of it is ready")
        self._open(draft, release)
        self._give_routes_back(draft, release)
        self._close_ports(draft, release)

    def _stage(self, draft: Draft, release: Release, track: str, replicas: int, *, with_preview: bool) -> str:
        """Brings a side to a version at full size; answers the side's name."""
        name, made = self._name_of(track), self._side(release, track, replicas)
        live = self._live_track(draft)
        if track != live and not draft.is_back:
            surroundings.refuse_owned_autoscaler(draft, self._name_of(live))
        self._pin(draft, live)
        if draft.has_other_selector(made) and track != live:
            draft.scale(name, 0, "nothing is routed to it, and it is made anew: its selector becomes another one")
            draft.wait(name, "drained", 0, "its pods leave")
        self._support(draft, release)
        if with_preview and release.services:
            draft.apply(self._preview(track), "reaches the new version before anybody else does", is_made=True)
        draft.resume(name)
        why, why_wait = f"{release.version} runs already", "all of it, as it is to be"
        if track != live:
            why = f"{release.version} beside the live version, at full size"
            why_wait = "nothing is switched before all of it is ready"
        had_force = draft.force
        draft.force |= track != live and not draft.replicas(name)  # of a side without pods nothing serves: only said, not refused
        draft.apply(made, why, is_made=track == GREEN)
        draft.force = had_force
        draft.wait(name, "rolled-out", replicas, why_wait)
        return name

    def _pin(self, draft: Draft, track: str) -> None:
        """Services that reach every track are bound to the live one, before pods of the other appear. That asks for no more ready
        pods than they reach now: an application in trouble must not be kept from its cure. One that does not even select them,
        but others', has nobody else to be bound to."""
        own, coming = template_labels(draft.workload(self._name_of(track)) or {}), template_labels(self.release.workload)
        running = live_of(draft.history)
        found = running.release["services"] if running else ()  # one that the manifests call otherwise goes along
        theirs = [each["metadata"]["name"] for each in found if not selects(fit.plain(each), coming)]
        for name in dict.fromkeys([*self.app.service_names, *theirs]):
            live = draft.find(SERVICE, name)
            if live is not None and selector.track_of(live) is None and (not own or selects(fit.plain(live), own)):
                ready = draft.ready(self._name_of(track))
                draft.route(name, selector.pinned(live, track), ready, "bound to the live version before the other appears")

    def _switch(self, draft: Draft, release: Release, track: str, replicas: int) -> None:
        for name, wanted in self._bound(draft, release, track).items():
            why = f"all requests to {release.version}, in one patch"
            sides = self._name_of(self._other(track)), self._name_of(track)
            draft.route(name, wanted, replicas, why, sides=sides)
        self._open(draft, release)
        self._give_routes_back(draft, release)
        self._close_ports(draft, release)
        self._retarget(draft, self._name_of(self._other(track)), self._name_of(track))

    def _side(self, release: Release, track: str, replicas: int) -> Obj:
        if track == selector.STABLE:
            return manifests.stable(release, replicas, self.rolling)
        return manifests.second(release, GREEN, GREEN, replicas, deadline_s=self.deadline_s)

    def _idle(self, draft: Draft) -> str:
        return self._other(self._live_track(draft))

    def _other(self, track: str) -> str:
        return GREEN if track == selector.STABLE else selector.STABLE

    def _name_of(self, track: str) -> str:
        return self.app.name if track == selector.STABLE else manifests.second_name(self.release, GREEN)
