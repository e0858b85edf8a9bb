"""Coming home: the one sequence that everything converges on.

The user's Deployment carries a version alone, the Services reach it, and nothing else is left. It finishes a canary, aborts it,
undoes a failed run, and lets the next strategy start clean from whatever another one left behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..kube.objects import (
    DEPLOYMENT,
    HPA,
    SERVICE,
    Obj,
    get,
    is_a,
    ref_of,
    template_labels,
)
from ..kube.order import in_order
from ..kube.workload import pods_of, workload_of
from ..plan.marks import digest_of, owns_replicas, track_of
from ..plan.observed import FIELD_MANAGER, Observed
from ..plan.revision import Revision
from ..release.model import Release
from ..routing import selector
from . import adoption, fitting, manifests, surroundings
from .draft import MADE_ANEW, Draft
from .hotfix import owners_of
from .manifests import Rolling
from .ways_in import WaysIn


class Homecoming(WaysIn, ABC):
    is_dark: ClassVar[bool] = False
    """Whether all old pods go before the first new one comes, so that two versions never run side by side."""

    makes_room: ClassVar[bool] = False
    """Whether the user's own Deployment can be without pods for a while, so that it may be made anew with another selector."""

    @property
    @abstractmethod
    def rolling(self) -> Rolling:
        """How the user's own Deployment is rolled in place."""

    @property
    @abstractmethod
    def deadline_s(self) -> int:
        """How long a wait may see no progress."""

    def _start_clean(self, draft: Draft, live: Revision, weight: int) -> None:
        """Brings the live version home, if another strategy or an abandoned release left something of itself. What takes
        everybody in place replaces the pods of one that is given up by itself."""
        if self._is_at_home(draft) and (weight >= 100 or not self._is_between(draft)):
            return
        release = Release.from_record(live.release)
        replicas = self.app.pods_now(draft.project(), live.replicas)
        self._come_home(draft, release, replicas, is_adopted=live.is_adopted)

    def _is_at_home(self, draft: Draft) -> bool:
        if any(track_of(deployment) for deployment in draft.project().workloads(self.release.app)):
            return False
        if any(selector.track_of(service) for service in self._services(draft)):
            return False
        return not self._has_parts(draft)

    def _is_between(self, draft: Draft) -> bool:
        """Whether the user's own Deployment has been on its way to a release that was under way: some of its pods are that."""
        current, own = draft.observed.in_flight, draft.workload(self.app.name)
        return current is not None and digest_of(own) == current.digest and bool(draft.replicas(self.app.name))

    def _as_found(self, draft: Draft, exact: Obj) -> Obj:
        return adoption.as_found(draft, exact, is_tracked=self._is_tracked(draft))

    def _stands(self, draft: Draft, release: Release) -> bool:
        """Whether the application's own Deployment is what somebody else had deployed: by what its pods are made of."""
        exact = manifests.stable(release, None, self.rolling, is_exact=True)
        return draft.workload(self.app.name) is not None and not draft.rolls(self._as_found(draft, exact))

    def _runs_already(self, draft: Draft, release: Release) -> bool:
        """Whether what somebody else deployed has the pods of the release, which lack nothing of it but marks of ours."""
        is_theirs = not digest_of(draft.workload(self.app.name)) and bool(draft.replicas(self.app.name))
        return is_theirs and not draft.has_other_selector(release.workload) and self._stands(draft, release)

    def is_found_running(self, observed: Observed) -> bool:
        """Whether somebody else has deployed just what is released."""
        own = observed.workload(self.release.namespace, self.app.name)
        if own is None or digest_of(own) or observed.in_flight:
            return False
        draft = Draft(observed, self.release.app, self.release.namespace, deadline_s=self.deadline_s, force=True)
        return self._runs_already(draft, self.release)

    def _come_home(
        self,
        draft: Draft,
        release: Release,
        replicas: int,
        *,
        is_adopted: bool = False,
        final: Rolling | None = None,
        is_back: bool = False,
    ) -> None:
        """The user's Deployment carries `release` alone; Services and routes reach it; nothing else is left. On the way back
        what is given up loses its share first, where the pods that are left can carry it."""
        for router in self._routers_there(draft, release):
            router.end_copies(draft)
        self._make_ready(draft, release)
        if is_back:
            self._spare_seconds(draft, release, replicas)
        self._roll(draft, release, replicas, is_adopted=is_adopted, final=final, is_back=is_back)
        self._fill_up(draft, is_back=is_back)
        made = self._made_services(draft)
        away = [live for live in (*self._services(draft), *made) if selector.track_of(live) not in (None, selector.STABLE)]
        bound = self._bound(draft, release, selector.STABLE) if away else {}
        first = bound.get(self.app.host.name) or draft.find(SERVICE, self.app.host.name)
        bound |= {live["metadata"]["name"]: selector.led_home(live, first or live) for live in made}
        for live in away:
            name, sides = live["metadata"]["name"], (f"{self.app.name}-{selector.track_of(live)}", self.app.name)
            # what a route has sent to the second side so far the first one can carry as it is, or it is lost with the second
            needed = draft.ready(self.app.name) if live in made else replicas
            draft.route(name, bound[name], needed, "all requests to the app's own", sides=sides)
        self._routes_home(draft, release)
        self._retire_seconds(draft)
        self._routes_settled(draft, release)

    def _fill_up(self, draft: Draft, *, is_back: bool) -> None:
        """While another side had a share by routes, an autoscaler has seen no more than the rest of the requests: as many pods as
        there were before that, before everybody comes back. On the way back nobody waits for them: they come while users leave
        what is given up."""
        current, name = draft.observed.in_flight, self.app.name
        if current is None or not draft.observed.is_autoscaled(name) or not self._is_tracked(draft):
            return
        if 0 < draft.replicas(name) < current.replicas:
            draft.scale(name, current.replicas, "an autoscaler took them while another side had a share of the requests")
            if not is_back:
                draft.wait(name, "rolled-out", current.replicas, "before everybody comes back")

    def _spare_seconds(self, draft: Draft, release: Release, replicas: int) -> None:
        """Empties the second Deployments that share a Service with the user's own, where its ready pods are enough."""
        left = draft.ready(self.app.name)
        is_target = not draft.rolls(manifests.stable(release, None, self.rolling)) or not draft.rolls(release.workload)
        if self._is_tracked(draft) or not is_target or left < replicas - manifests.may_lack(release, replicas):
            return
        for second in self._carrying(draft):
            why = f"its share ends at once: {left} of {replicas} pods are left, and may carry it"
            draft.scale(second["metadata"]["name"], 0, why)

    def _rolling_back(self, draft: Draft, release: Release, replicas: int) -> Rolling:
        """How the user's own Deployment is rolled back in place."""
        return self.rolling

    def _roll(
        self,
        draft: Draft,
        release: Release,
        replicas: int,
        *,
        is_adopted: bool,
        final: Rolling | None,
        is_back: bool = False,
    ) -> None:
        name = self.app.name
        runs_already = not is_adopted and self._runs_already(draft, release)
        if adoption.is_half_done(draft.workload(name)) if is_adopted else runs_already:
            adoption.adopt(draft, name)
        if draft.has_other_selector(release.workload):
            self._make_room(draft, release, replicas)
        if final and not is_back:
            self._roll_beside(draft, release, replicas)
        live = draft.workload(name)
        count = self._count(draft, name, replicas)
        paused = False if get(live, "spec", "paused") else None  # a rollout that stands has to go on

        def manifest(rolling: Rolling) -> Obj:
            own = manifests.stable(release, count, rolling, is_exact=is_adopted, paused=paused)
            return self._as_found(draft, own) if is_adopted else own

        rolling = self._rolling_back(draft, release, replicas) if is_back else self.rolling
        in_place = manifest(rolling)
        if final and not draft.rolls(in_place) and self._may_rest(draft, final):
            in_place = manifest(final)
        rolls = draft.rolls(in_place)
        why, why_wait = self._why_roll(draft, release, rolls=rolls)
        if runs_already:
            why, why_wait = f"{release.version} runs already: its pods stay", "none of them is replaced"
        if rolls:
            self._warn_of_downtime(draft, in_place, replicas)
            self._clear(draft, in_place)
            count = self._count(draft, name, replicas)
            in_place = manifest(rolling)
        if rolls and rolling != self.rolling:
            why_wait = f"{rolling.max_unavailable} of those that are given up go first: the others may carry it"
        self._apply_own(draft, in_place, why)
        if rolls:
            self._unblock(draft)
        if rolls and self.is_dark and not self._carrying(draft):
            self._routes_settled(draft, release)  # nobody is served before the new pods are ready: it is all theirs
        draft.wait(name, "rolled-out", replicas, why_wait)
        if final:
            self._apply_own(draft, manifest(final), "its own way of rolling, as it was")

    def _make_room(self, draft: Draft, release: Release, replicas: int) -> None:
        """Takes away a Deployment whose selector becomes another one, so that it can be made anew."""
        name = self.app.name
        if draft.replicas(name):
            self._stand_in(draft, release, replicas)
            draft.scale(name, 0, "it is made anew: its selector becomes another one")
        draft.wait(name, "drained", 0, "its pods leave before it is made anew")
        if live := draft.workload(name):
            draft.prune(ref_of(live), MADE_ANEW)

    def _stand_in(self, draft: Draft, release: Release, replicas: int) -> None:
        """Lets others carry all requests, where it `makes_room`: the application's own Deployment is about to have no pods."""

    def _roll_beside(self, draft: Draft, release: Release, replicas: int) -> None:
        """Rolls the user's own Deployment at the number of pods that it has, where second ones carry all that it lacks: as many
        at a time as that. Scaled in the same moment, it would have more of the old version's pods before it has the new one's."""
        name = self.app.name
        now = draft.replicas(name)
        lacking = replicas - now
        carried = sum(draft.ready(each["metadata"]["name"]) for each in self._carrying(draft))
        if draft.observed.is_autoscaled(name) or not now or not 0 < lacking <= carried:
            return
        paused = False if get(draft.workload(name), "spec", "paused") else None
        limits = self.rolling._replace(max_surge=lacking, max_unavailable=0)
        why, why_wait = self._why_roll(draft, release, rolls=True)
        self._apply_own(draft, manifests.stable(release, now, limits, paused=paused), why)
        draft.wait(name, "rolled-out", now, f"{why_wait}: {lacking} at a time")

    def _may_rest(self, draft: Draft, final: Rolling) -> bool:
        """Under OnDelete nobody sees to pods of an older template: it comes back when there are none."""
        live = draft.workload(self.app.name)
        if final.type != "OnDelete" or live is None:
            return final.type != "OnDelete"
        counts = workload_of(live).counts(live)
        return not counts.is_behind and min(counts.updated, counts.ready) >= pods_of(live)

    def _clear(self, draft: Draft, manifest: Obj) -> None:
        """What goes before the workload's template becomes another one."""

    def _unblock(self, draft: Draft) -> None:
        """What is broken has to be deleted once the template is another one, or it holds up its own way back."""
        live = draft.workload(self.app.name)
        if live is not None and draft.replicas(self.app.name) and not self.is_dark:
            draft.unblock(live)

    def _warn_of_downtime(self, draft: Draft, manifest: Obj, replicas: int) -> None:
        """Says so where the rolling update may take every pod at once, and nothing else carries the requests."""
        known = workload_of(manifest)
        is_dark = self.is_dark or get(manifest, "spec", known.stanza, "rollingUpdate") is None
        if is_dark or not draft.replicas(self.app.name) or self._carrying(draft):
            return
        if known.limits(manifest, replicas).unavailable >= replicas:
            why = "the only pod leaves before the one in its place comes" if known.is_set and replicas == 1 else ""
            note = f"there will be downtime: {why or 'maxUnavailable lets every pod go before a new one is ready'}"
            if note not in draft.notes:
                draft.notes.append(note)

    def _carrying(self, draft: Draft) -> list[Obj]:
        """The second Deployments that have pods."""
        return [d for d in draft.project().workloads(self.release.app) if track_of(d) and pods_of(d)]

    def _apply_own(self, draft: Draft, manifest: Obj, why: str) -> None:
        """Applies the user's own workload.

        The API server refuses a Recreate, or an OnDelete, that still carries a rolling update's limits, and an apply cannot take
        away what it does not own, as the defaults of an object that somebody else created: they go first.
        """
        field = workload_of(manifest).stanza
        if (type_ := manifest["spec"][field]["type"]) != "RollingUpdate":
            limits = {"spec": {field: {"type": type_, "rollingUpdate": None}}}
            draft.patch(draft.kind, self.app.name, limits, "the limits of its rolling update go")
        draft.apply(manifest, why)

    def _why_roll(self, draft: Draft, release: Release, *, rolls: bool) -> tuple[str, str]:
        """Why the user's own Deployment is applied, and what the wait after it is for."""
        if draft.workload(self.app.name) is None:
            is_first = draft.observed.live is None
            return (
                "the application's first version" if is_first else f"{release.version} is made anew",
                "until all of it is ready",
            )
        if not draft.replicas(self.app.name):
            return f"{release.version} comes back to the application's own Deployment", "until all of it is ready"
        if not rolls:
            return f"{release.version} at full size again", "before anything else goes"
        seconds = self._carrying(draft)
        carried = f"{seconds[0]['metadata']['name']} carries its share meanwhile" if seconds else self.why_wait
        return f"its own pods become {release.version}", carried

    @property
    def why_wait(self) -> str:
        """What users should know of the time in which the user's own Deployment is rolled alone."""
        return "old pods go only as new ones are ready"

    def _retire_seconds(self, draft: Draft) -> None:
        for deployment in list(draft.project().workloads(self.release.app)):
            if track_of(deployment):
                self._retarget(draft, deployment["metadata"]["name"], self.app.name)
                self._retire(draft, deployment["metadata"]["name"])

    def _retarget(self, draft: Draft, old: str, new: str) -> None:
        """Autoscalers go with the requests."""
        for autoscaler in draft.project().autoscalers_of(old):
            if owner := surroundings.owner_of(autoscaler):
                draft.notes.append(f"{ref_of(autoscaler)} is {owner}'s: it goes on scaling {old}")
                continue
            target = {"spec": {"scaleTargetRef": {"name": new}}}
            draft.patch(HPA, autoscaler["metadata"]["name"], target, f"it scales {new}, which gets the requests now")

    def _retire(self, draft: Draft, name: str) -> None:
        own = self.app.name
        is_asleep = draft.workload(own) is not None and not draft.replicas(own)  # and is to be: it came home first
        draft.scale(name, 0, "nothing is routed to it any more", is_dark=is_asleep)
        draft.wait(name, "drained", 0, "its pods leave before the Deployment does")
        draft.delete(DEPLOYMENT, name, "no longer needed")

    def _make_ready(self, draft: Draft, release: Release) -> None:
        """All that has to be before pods of the release stand beside those of another version."""
        if not self.makes_room or workload_of(release.workload).is_set:
            draft.refuse_other_selector(release.workload)
        self._support(draft, release)
        if not self.is_dark:
            fitting.bridge(draft, release)

    def _support(self, draft: Draft, release: Release) -> None:
        """What the pods need, before them; and Services that are not there yet. What routes to a port that a Service is yet to
        have waits until it does."""
        wanted = (obj for obj in in_order(release.others) if not surroundings.has_run(draft, release, obj))
        others = [obj for obj in wanted if not self._is_routing(obj)]
        for obj in (obj for obj in others if not fitting.routes(release, obj)):
            draft.apply(self._unscaled(draft, self.other(draft, obj)), "the release's own")
        for service in release.services:
            if draft.find(SERVICE, service["metadata"]["name"]) is None:
                draft.apply(self.service(draft, service), "the release's own")
        for obj in (obj for obj in others if fitting.routes(release, obj) and fitting.fits(draft, release, obj)):
            draft.apply(self.other(draft, obj), "the release's own")
        for router in self._routers(release):
            router.ease(draft, self._sides(draft, release))
        if draft.workload(self.app.name) and not draft.is_back:
            surroundings.await_all(draft, release)

    def _unscaled(self, draft: Draft, obj: Obj) -> Obj:
        """Another Deployment without its number of pods, where an autoscaler decides on that."""
        name, live = obj["metadata"]["name"], draft.find_like(obj)
        if live is None or not is_a(live, DEPLOYMENT) or not draft.observed.is_autoscaled(name, DEPLOYMENT):
            return obj
        kept = {"replicas": get(live, "spec", "replicas", default=1)} if owns_replicas(live) else {}
        return {**obj, "spec": {**{key: value for key, value in obj["spec"].items() if key != "replicas"}, **kept}}

    def _sides(self, draft: Draft, release: Release) -> list[dict[str, str]]:
        """The labels of the pods that there are, and of those that come."""
        live = filter(None, (draft.workload(self.app.name), *draft.project().workloads(self.release.app)))
        return [template_labels(each) for each in live if pods_of(each)] + [template_labels(release.workload)]

    def _count(self, draft: Draft, name: str, replicas: int) -> int | None:
        """The number of pods to write into a manifest: none where an HPA decides, unless we own the field and dropping it would
        reset it to 1."""
        if not draft.observed.is_autoscaled(name):
            return replicas
        live = draft.workload(name)
        if live is None or not draft.replicas(name):
            return replicas
        if draft.replicas(name) < replicas and FIELD_MANAGER in owners_of(live, "replicas"):
            return replicas  # a share took them away, and no autoscaler has said anything since
        return draft.replicas(name) if owns_replicas(live) else None


def own_rolling(revision: Revision) -> Rolling:
    """How the Deployment of a revision stands when no release is under way."""
    from . import of_release

    release = Release.from_record(revision.release)
    is_own = workload_of(release.workload).is_set or not revision.is_adopted
    rolling = of_release(revision.strategy, release).rolling if is_own else Rolling()
    return manifests.at_rest(release.workload, rolling)
