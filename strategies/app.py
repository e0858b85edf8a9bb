"""The application as a plan sees it: its names, its pods, what it was before. Pure answers from release and observed."""

from __future__ import annotations

import dataclasses

from ..errors import BadInput
from ..kube.objects import SERVICE, Kind, Obj, annotations_of, as_manifest, get, is_a, ref_of, selects, template_labels
from ..kube.routes import ROUTES, shares_of
from ..kube.workload import kind_of_workload, pods_of, workload_of
from ..plan.drift import changed_since
from ..plan.marks import digest_of
from ..plan.observed import FIELD_MANAGER, VERSION_ANNOTATION, Observed
from ..plan.revision import Revision, before
from ..release.model import Release, app_container
from ..routing import selector
from ..routing.traffic import Host
from .hotfix import owners_of, scaled_by


@dataclasses.dataclass(frozen=True)
class App:
    release: Release

    @property
    def name(self) -> str:
        return str(self.release.workload["metadata"]["name"])

    @property
    def kind(self) -> Kind:
        """What its workload is."""
        return kind_of_workload(self.release.workload)

    @property
    def primary(self) -> Obj | None:
        """The Service that stands for the application: the one of its name, wherever it stands in the files, else the one that
        the manifests' routes lead most requests to, else the first."""
        by_name = {service["metadata"]["name"]: service for service in self.release.services}
        named = by_name.get(self.name) or by_name.get(self.release.app)
        if named or len(by_name) < 2:
            return named or next(iter(by_name.values()), None)
        routes = [shares_of(obj) for obj in self.release.others if any(is_a(obj, kind) for kind in ROUTES)]
        return by_name[max(by_name, key=lambda name: sum(shares.get(name, 0) for shares in routes))]

    @property
    def host(self) -> Host:
        """The Service by which Istio knows the application."""
        name = self.primary["metadata"]["name"] if self.primary else self.name
        return Host(str(name), self.release.namespace)

    @property
    def preview_name(self) -> str:
        """The Service that reaches the side which is not live."""
        return f"{self.name}-preview"

    @property
    def service_names(self) -> list[str]:
        return [service["metadata"]["name"] for service in self.release.services]

    def replicas(self, observed: Observed) -> int:
        """The pods the application is to have: the live count under an HPA, else the manifest's, else what it has."""
        if observed.is_autoscaled(self.live_name(observed)):
            return self.pods_now(observed, self.release.replicas or 1)
        if self.release.replicas is not None:
            return self.release.replicas
        return self.pods_now(observed, 1)

    def pods_now(self, observed: Observed, otherwise: int) -> int:
        """What the application has in all, as far as the live version goes: what it had when a release under way began, or what
        somebody else has made of it since (where pods are shared out, at least as many); under an HPA what that made it."""
        side = self.live_name(observed)
        live = observed.find(self.kind, self.release.namespace, side)
        now = pods_of(live) if live else otherwise
        current = observed.in_flight
        if current is None:
            return now
        owners = owners_of(live, "replicas") if live else []
        if FIELD_MANAGER in owners:
            return current.replicas  # the number that a release under way has written says nothing of the version before
        if observed.is_autoscaled(side):
            return now
        if current.strategy == "ab" and not now:
            return current.replicas  # the variant serves, and is about to go
        return max(current.replicas, now) if current.strategy == "canary" or not owners else now

    def live_name(self, observed: Observed) -> str:
        """The workload that the Services are bound to, those that only the live version has with them; the user's own where they
        are bound to none."""
        former = observed.live.release["services"] if observed.live else ()
        names = dict.fromkeys([*self.service_names, *(service["metadata"]["name"] for service in former)])
        track = selector.live_track(observed.find(SERVICE, self.release.namespace, name) for name in names)
        return self.name if track == selector.STABLE else f"{self.name}-{track}"

    def replicas_of(self, observed: Observed, target: Revision) -> int:
        """The pods to go back with: what there are where a release is under way, or an HPA or somebody else has decided, else the
        revision's; of one that was found as many as it had then, where a release has made another number of them. Somebody's 0
        ended what is to serve again now."""
        now, side = self.pods_now(observed, target.replicas), self.live_name(observed)
        live = observed.find(self.kind, self.release.namespace, side)
        if observed.in_flight or observed.is_autoscaled(side) or (live and now and scaled_by(live)):
            return now
        if target.is_adopted:
            return target.replicas if live and FIELD_MANAGER in owners_of(live, "replicas") else now
        asked = Release.from_record(target.release).replicas
        return asked if asked is not None else now

    def gone(self, observed: Observed) -> list[str]:
        """The workloads that are there as far as the history knows, and that somebody has deleted."""
        from . import by_name

        if observed.live is None:
            return []
        current = observed.in_flight
        second = by_name(current.strategy).suffix if current and current.phase == "Paused" else ""
        names = [self.name, self.live_name(observed), *([f"{self.name}-{second}"] if second else [])]
        return [name for name in dict.fromkeys(names) if observed.find(self.kind, self.release.namespace, name) is None]

    def unrecorded(self, observed: Observed) -> list[str]:
        """What runs of a version that the history does not have, in sentences: somebody has deleted its record, as nothing else
        does of what is live or under way."""
        lost = self._unrecorded(observed)
        newest = observed.history[-1] if lost else None
        told = f"the newest known is revision {newest.number} ({newest.version})" if newest else ""
        return [f"the record of {_version_of(each)}, which {each['metadata']['name']} runs, is gone: {told}" for each in lost]

    def _unrecorded(self, observed: Observed) -> list[Obj]:
        """The workloads with pods of such a version."""
        known = {revision.digest for revision in observed.history}
        if not known:
            return []
        own = observed.find(self.kind, self.release.namespace, self.name)
        found = {ref_of(each): each for each in (own, *observed.workloads(self.release.app)) if each and pods_of(each)}
        return [each for each in found.values() if digest_of(each) and digest_of(each) not in known]

    def served(self, observed: Observed) -> str:
        """The version that users have: by the history, or by what runs where its record is gone, or by what was found."""
        side = self.live_name(observed)
        lost = [each for each in self._unrecorded(observed) if each["metadata"]["name"] == side]
        if lost:
            return _version_of(lost[0])
        return observed.live.version if observed.live else self.foreign_version(observed)

    def given_up(self, observed: Observed) -> str:
        """The version that a way back leaves where the history has none newer than what it leads to: what runs without a record,
        or what users have."""
        lost = self._unrecorded(observed)
        return _version_of(lost[-1]) if lost else self.served(observed)

    def drifted(self, observed: Observed) -> list[str]:
        """Where the live side runs another image than the history says, in a sentence with who changed it."""
        if lost := self.unrecorded(observed):
            return lost
        live, side = observed.live, observed.find(self.kind, self.release.namespace, self.live_name(observed))
        if live is None or side is None:
            return []
        image = app_container(side, self.release.app, self.release.container).get("image", "")
        if image in {revision.image for revision in (live, observed.in_flight) if revision}:
            return []
        by = ", ".join(dict.fromkeys(changed.by for changed in changed_since(side)))
        who = f": changed by {by} since the release" if by else ""
        return [f"{side['metadata']['name']} runs {image}, and revision {live.number} is {live.image}{who}"]

    def foreign(self, observed: Observed) -> Obj | None:
        """The application's workload, where somebody else deployed it."""
        return observed.find(self.kind, self.release.namespace, self.name) if not observed.history else None

    def foreign_version(self, observed: Observed) -> str:
        found = self.found(observed)
        return found.version if found else ""

    def found(self, observed: Observed) -> Release | None:
        """What somebody else has deployed, as a release."""
        foreign = self.foreign(observed)
        return self._found(foreign, observed) if foreign else None

    def _found(self, foreign: Obj, observed: Observed) -> Release:
        live = [
            obj for ref, obj in observed.objects.items() if ref.is_a(SERVICE) and ref.namespace == self.release.namespace and obj
        ]
        mine = [each for each in live if each["metadata"]["name"] in self.service_names or reaches(each, foreign)]
        services = tuple(as_manifest(service) for service in mine)
        known = {ref_of(service) for service in mine}
        theirs = (observed.objects.get(ref_of(obj)) for obj in self.release.others)
        others = tuple(as_manifest(obj) for obj in theirs if obj and ref_of(obj) not in known)
        workload = as_manifest(foreign)
        workload["spec"].pop("paused", None)  # as somebody left it for a while: a way back that pauses would never arrive
        return dataclasses.replace(self.release, workload=workload, services=services, others=others)

    def snapshot(self, observed: Observed, foreign: Obj, replicas: int) -> Revision:
        """Revision 1 of an application that somebody else deployed: what is live, so that there is a way back to it."""
        found = self._found(foreign, observed)
        pods = workload_of(foreign).wanted(foreign, otherwise=replicas)
        return Revision(
            number=1, app=self.release.app, namespace=self.release.namespace, strategy="ramped", phase="Promoted", weight=100,
            was_promoted=True, version=found.version, image=found.image, digest=found.digest, replicas=pods, base=0,
            is_adopted=True, message="as it was found", release=found.to_record(),
        )  # fmt: skip

    def new_revision(self, number: int, strategy: str, weight: int, replicas: int, *, base: int) -> Revision:
        """The entry of the history that a release begins with."""
        release = self.release
        return Revision(
            number=number, app=release.app, namespace=release.namespace, strategy=strategy, phase="Progressing", weight=weight,
            version=release.version, image=release.image, digest=release.digest, replicas=replicas, base=base,
            release=release.to_record(),
        )  # fmt: skip

    def target(self, observed: Observed, to_revision: int | None) -> Revision:
        """The revision that a rollback leads to: what is live where a release beside it is to be taken back, or has been; and the
        newest that was promoted where the record of what came after it is gone.

        Raises BadInput where there is none.
        """
        is_beside = bool(observed.history) and observed.history[-1].phase != "Promoted"
        if to_revision is not None:
            found = observed.revision(to_revision)
            if found is None:
                known = ", ".join(str(revision.number) for revision in observed.history) or "none"
                raise BadInput(f"there is no revision {to_revision} of {self.release.app}", detail=f"in the history: {known}")
            if not found.was_promoted:
                raise BadInput(f"revision {to_revision} was never promoted", hint="see `deploy history`")
            return found
        live, is_lost = observed.live, bool(self.unrecorded(observed))
        target = live if is_beside or is_lost else before(observed.history, live.number) if live else None
        if target is None:
            drifted = self.drifted(observed) if live else []
            back = f"`deploy rollback --to-revision {live.number}` puts that back" if live and drifted else ""
            raise BadInput(
                f"{self.release.app} has no earlier version to go back to",
                detail="\n".join(drifted),
                hint=back or "release the version you want with `deploy apply --image …`",
            )
        return target


def reaches(service: Obj, workload: Obj) -> bool:
    """Whether a live Service chooses the workload's pods."""
    chosen = get(service, "spec", "selector", default={})
    return bool(chosen) and selects(chosen, template_labels(workload))


def _version_of(live: Obj) -> str:
    return annotations_of(live).get(VERSION_ANNOTATION) or "a version"
