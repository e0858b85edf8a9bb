"""A release: one version of one application, as the user wrote it. Everything else is computed from it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, HPA, INGRESS, KINDS, PDB, SECRET, Obj, copied, digest, get, is_a, kind_of
from . import conduct, config
from .hooks import Hook, WrittenHook
from .image import split_image
from .options import STRATEGIES, RouterName, StrategyName, StrategyOptions, Traffic

if TYPE_CHECKING:
    from .gates import Gate
    from .manifests import Located
    from .notify import Notify
    from .probe import ProbeOptions
    from .runner import RunnerOptions
    from .yamlfile import Document

_ORDER = {(kind.group, kind.name): position for position, kind in enumerate(KINDS)}

CLUSTER_SCOPED = frozenset({
    "APIService", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CustomResourceDefinition", "IngressClass",
    "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeSnapshotClass",
})  # fmt: skip
"""Kinds without a namespace, of those that manifests hold. A kind that is not here is taken for a namespaced one."""


class Key(NamedTuple):
    """Which object of a release, whose namespace is not in it: one that is elsewhere is no other than its namesake here."""

    group: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def key_of(obj: Mapping[str, Any]) -> Key:
    return Key(obj["apiVersion"].rpartition("/")[0], obj["kind"], obj["metadata"]["name"])


@dataclass(frozen=True)
class Sources:
    """Where a release is written: the release file, each object of the manifests, and the hooks, whose manifests are among the
    objects. Empty where it comes from the history."""

    file: Document | None = None
    objects: Mapping[Key, Located] = field(default_factory=dict)
    hooks: tuple[WrittenHook, ...] = ()


@dataclass(frozen=True)
class Release:
    """`namespace` is empty where the context's default is meant. `workload` is the Deployment as written, with the image to
    release; `services` select its pods; `others` is everything else, in apply order. `container` is the name of the
    application's own container. `hooks` are the Jobs around its pods. `depends_on` names the applications that are released
    before it, where several are at once; it is no part of a version, so the history does not keep it, nor `sources`. `probe`,
    `gates`, `notify` and `runner` are none either, and kept beside it (release.conduct). Nothing in it is changed in place: copy
    first."""

    app: str
    namespace: str
    workload: Obj
    services: tuple[Obj, ...] = ()
    others: tuple[Obj, ...] = ()
    strategy: StrategyName = "ramped"
    router: RouterName = "auto"
    options: StrategyOptions = field(default_factory=StrategyOptions)
    container: str = ""
    hooks: tuple[Hook, ...] = ()
    depends_on: tuple[str, ...] = ()
    probe: ProbeOptions | None = None
    gates: tuple[Gate, ...] = ()
    notify: tuple[Notify, ...] = ()
    runner: RunnerOptions | None = None
    traffic: Traffic = field(default_factory=Traffic)
    sources: Sources = field(default_factory=Sources, compare=False, repr=False)

    @property
    def image(self) -> str:
        return str(get(app_container(self.workload, self.app, self.container), "image", default=""))

    @property
    def version(self) -> str:
        """The image's tag; without one, the start of the image's digest or else of the manifests'."""
        _, tag, sha = split_image(self.image)
        return tag or sha.partition(":")[2][:12] or self.digest

    @property
    def replicas(self) -> int | None:
        """None where the manifest leaves the number to whoever scales it."""
        count = get(self.workload, "spec", "replicas")
        return None if count is None else int(count)

    @cached_property
    def digest(self) -> str:
        return digest(self.manifests)

    @property
    def manifests(self) -> tuple[Obj, ...]:
        return in_apply_order((*self.others, *self.services, self.workload))

    def gates_for(self, strategy: str) -> tuple[Gate, ...]:
        """Those of a release by that strategy: an experiment is ab's alone."""
        if strategy != "ab" or self.options.ab.asks is None:
            return self.gates
        from .experiment_gate import experiment_of

        return (*self.gates, experiment_of(self.options.ab, self.options.ab.asks))

    def without_experiment(self) -> Release:
        """A copy of which nobody asks whether it is the better one."""
        if self.options.ab.asks is None:
            return self
        ab = self.options.ab.model_copy(update={"experiment": None})
        return replace(self, options=self.options.model_copy(update={"ab": ab}))

    def coming_home(self) -> Release:
        """A copy that ends on the manifests' own Deployment, whatever the strategy."""
        blue_green = self.options.blue_green.model_copy(update={"come_home": True})
        return replace(self, options=self.options.model_copy(update={"blue_green": blue_green}))

    @cached_property
    def as_written(self) -> Release:
        """A copy whose pods read their configuration under the names that the user gave it; itself where nothing is named by
        content, or hooks read it, too."""
        workload, others = (self.workload, self.others) if self.hooks else config.as_written(self.workload, self.others)
        return self if others is self.others else replace(self, workload=workload, others=in_apply_order(others))

    def with_namespace(self, namespace: str) -> Release:
        """A copy in that namespace; what others may have elsewhere, as a RoleBinding in kube-system, stays there. Raises BadInput
        where what the application is made of names another one."""
        for obj in (self.workload, *self.services, *filter(is_bound, self.others)):
            _refuse_elsewhere(obj, namespace)
        return replace(
            self,
            namespace=namespace,
            workload=_placed(self.workload, namespace),
            services=tuple(_placed(obj, namespace) for obj in self.services),
            others=tuple(_placed(obj, namespace) for obj in self.others),
        )

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The other namespaces that its objects are in."""
        names = {obj["metadata"].get("namespace") for obj in self.others if is_namespaced(obj)}
        return tuple(sorted(name for name in names if name and name != self.namespace))

    @property
    def options_record(self) -> dict[str, Any]:
        """The options of its strategies, as its record has them."""
        return self.options.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def to_record(self) -> dict[str, Any]:
        """JSON-shaped, for the revision history; `from_record` reads it back."""
        return {
            "app": self.app,
            "namespace": self.namespace,
            "workload": copied(self.workload),
            "services": copied(list(self.services)),
            "others": copied(list(self.others)),
            "strategy": self.strategy,
            "router": self.router,
            "options": self.options_record,
            "container": self.container,
            **({"traffic": traffic} if (traffic := self.traffic.model_dump(by_alias=True, exclude_unset=True)) else {}),
            **conduct.record_of(self),
            **({"hooks": [hook.to_record() for hook in self.hooks]} if self.hooks else {}),
        }

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Release:
        """Without its probe and gates (`release.conduct`), with the record's own objects. Raises ValueError or KeyError for what
        `to_record` does not write."""
        if record["strategy"] not in STRATEGIES:
            raise ValueError(f"unknown strategy {record['strategy']!r} in a revision's record")
        return Release(
            app=record["app"],
            namespace=record["namespace"],
            workload=record["workload"],
            services=tuple(record["services"]),
            others=tuple(record["others"]),
            strategy=record["strategy"],
            router=record.get("router", "auto"),
            options=_options(record["options"]),
            container=record.get("container", ""),
            traffic=Traffic.model_validate(record.get("traffic", {})),
            hooks=tuple(Hook.from_record(hook) for hook in record.get("hooks", ())),
        )


def _options(record: Mapping[str, Any]) -> StrategyOptions:
    if "experiment" not in record.get("ab", {}):
        return StrategyOptions.model_validate(record)
    from .abtests import options_of

    return options_of(record)


def app_container(workload: Mapping[str, Any], app: str, container: str = "") -> Obj:
    """The application's container: the one named so, else the one named as the app or the workload, else the first."""
    containers: list[Obj] = get(workload, "spec", "template", "spec", "containers", default=[])
    for name in (container, app, workload["metadata"]["name"]):
        for candidate in containers:
            if name and candidate.get("name") == name:
                return candidate
    return containers[0] if containers else {}


def readable(obj: Obj) -> Obj:
    """A Secret with its stringData in its data, where the API server puts it: what is written only can never be compared with
    what is live, and an apply would leave its old values behind."""
    texts, data = obj.get("stringData"), obj.get("data") or {}
    if not is_a(obj, SECRET) or not texts or not isinstance(texts, dict) or not isinstance(data, dict):
        return obj  # of another type: `deploy check` says so
    written = {key: _encoded(text) for key, text in texts.items()}
    return {**{key: value for key, value in obj.items() if key != "stringData"}, "data": {**data, **written}}


def _encoded(text: Any) -> str:
    """As the API server has it: a key without a value holds an empty text."""
    return base64.b64encode(("" if text is None else str(text)).encode()).decode()


def in_apply_order(objects: tuple[Obj, ...]) -> tuple[Obj, ...]:
    """What others need comes first; kinds that are not known come last, in the order in which they are written."""
    return tuple(sorted(objects, key=lambda obj: _ORDER.get(key_of(obj)[:2], len(_ORDER))))


def is_namespaced(obj: Mapping[str, Any]) -> bool:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    return kind.namespaced if kind else obj["kind"] not in CLUSTER_SCOPED


def is_bound(obj: Mapping[str, Any]) -> bool:
    """Whether it is of a kind that is of no use to an application but in its own namespace."""
    return any(is_a(obj, kind) for kind in (DEPLOYMENT, HPA, PDB, INGRESS))


def _refuse_elsewhere(obj: Obj, namespace: str) -> None:
    meta = obj["metadata"]
    if meta.get("namespace") not in (None, "", namespace):
        raise BadInput(
            f"{obj['kind']} {meta['name']} is in namespace {meta['namespace']}, the release in {namespace}",
            hint="take the namespace out of the manifest, or release into it with --namespace",
        )


def _placed(obj: Obj, namespace: str) -> Obj:
    """In that namespace, unless it is in none, or names one itself."""
    meta = obj["metadata"]
    if not is_namespaced(obj) or meta.get("namespace"):
        return obj
    return {**obj, "metadata": {**meta, "namespace": namespace}}
