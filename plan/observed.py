"""What is live, as a plan starts from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..kube.objects import DEPLOYMENT, HPA, Kind, Obj, Ref, labels_of
from ..kube.workload import is_workload
from .revision import Revision, in_flight_of, live_of

FIELD_MANAGER = "rollway"
APP_LABEL = "rollway.dev/app"
TRACK_LABEL = "rollway.dev/track"
DIGEST_ANNOTATION = "rollway.dev/digest"
VERSION_ANNOTATION = "rollway.dev/version"


@dataclass(frozen=True)
class Observed:
    """`objects` holds every object that was looked for (None: looked for, and not there), and the namespace's
    HorizontalPodAutoscalers. `history` is in order of number. `taken` are Deployments of others that stand under a name that a
    second Deployment would have. `elsewhere` are routes and what belongs to them, of every namespace that may be read, whosever
    they are, where they are asked for; None: not even those of the release's own. `strangers` are others' pods and Ingresses that
    a change of a Service would concern; they are looked for only where one changes. `claimed` are objects that other applications
    have released, looked for only where something is left over of this one; `is_claimed_anywhere`: also of other namespaces.
    `unread` are objects that only earlier revisions have, and that may not be read. `wide` are objects of a kind in no namespace
    that only the cluster knows: they are held to be in the release's, as their manifests are. `kind` is what the application's
    workload is."""

    objects: Mapping[Ref, Obj | None] = field(default_factory=dict)
    history: tuple[Revision, ...] = ()
    taken: frozenset[Ref] = frozenset()
    elsewhere: tuple[Obj, ...] | None = ()
    strangers: tuple[Obj, ...] = ()
    claimed: frozenset[Ref] = frozenset()
    is_claimed_anywhere: bool = True
    unread: frozenset[Ref] = frozenset()
    wide: frozenset[Ref] = frozenset()
    kind: Kind = DEPLOYMENT

    def is_claimed(self, ref: Ref) -> bool:
        """Whether another application has it; what is `wide` is one object, whatever namespace it is known by."""
        nowhere = ref._replace(namespace="")
        return ref in self.claimed or (ref in self.wide and any(each._replace(namespace="") == nowhere for each in self.claimed))

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        return self.objects.get(Ref(kind.api_version, kind.name, namespace, name))

    def workload(self, namespace: str, name: str) -> Obj | None:
        """The live one of the application's kind that is called so."""
        return self.find(self.kind, namespace, name)

    def workloads(self, app: str) -> Iterator[Obj]:
        """The live ones, of whatever kind, that carry the application's label."""
        for obj in self.objects.values():
            if obj is not None and is_workload(obj) and labels_of(obj).get(APP_LABEL) == app:
                yield obj

    def autoscalers_of(self, name: str, kind: Kind | None = None) -> list[Obj]:
        """The HPAs that scale what is called so: the application's workload, unless another kind is meant."""
        target = kind or self.kind
        return [obj for ref, obj in self.objects.items() if ref.is_a(HPA) and obj and scales(obj, name, target)]

    def is_autoscaled(self, name: str, kind: Kind | None = None) -> bool:
        return bool(self.autoscalers_of(name, kind))

    @property
    def live(self) -> Revision | None:
        return live_of(self.history)

    @property
    def in_flight(self) -> Revision | None:
        return in_flight_of(self.history)

    def revision(self, number: int) -> Revision | None:
        return next((revision for revision in self.history if revision.number == number), None)


def scales(autoscaler: Obj, name: str, kind: Kind = DEPLOYMENT) -> bool:
    """Whether an HPA's target is the object of that kind and name."""
    target = autoscaler["spec"]["scaleTargetRef"]
    group = (target.get("apiVersion") or kind.api_version).rpartition("/")[0]
    return bool((group, target["kind"], target["name"]) == (kind.group, kind.name, name))
