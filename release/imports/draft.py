"""What an importer makes of foreign manifests, before it is written down."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from ...kube.objects import DEPLOYMENT, Obj, get, is_a
from ..manifests import Located
from ..names import safe_name, wrong_object_name
from ..strict import LONGEST_S
from .ledger import Field, Ledger

SERVER = "the API server or a controller writes it"
_OF_SERVER = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName", "generation",
    "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
_ANNOTATIONS_OF_OTHERS = ("rollout.argoproj.io/", "rollouts.kruise.io/", "kubectl.kubernetes.io/", "deployment.kubernetes.io/")


class Foreign(NamedTuple):
    """A document of another tool: `group` and `kind` as its head says, the file it is in, and what became of its fields."""

    group: str
    kind: str
    name: str
    file: str
    ledger: Ledger

    @property
    def root(self) -> Field:
        return self.ledger.root

    @property
    def namespace(self) -> str:
        return str(self.root.at("metadata", "namespace").value or "")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True)
class Shelf:
    """All that lies beside a document: the other tools' documents, and the plain objects."""

    foreign: tuple[Foreign, ...]
    objects: tuple[Located, ...] = ()

    def seen_from(self, doc: Foreign) -> Shelf:
        """What a document may mean by a name: objects of its own namespace, or of none, and of several what lies nearest to it,
        as environments have a folder each, with the same names."""
        files = {*(each.file for each in self.foreign), *(item.document.source for item in self.objects)}
        far = {file: _apart(file, doc.file) for file in files}
        spaces = (None, "", doc.namespace)
        own = [item for item in self.objects if not doc.namespace or get(item.obj, "metadata", "namespace") in spaces]
        return Shelf(
            tuple(sorted(self.foreign, key=lambda each: far[each.file])),
            tuple(sorted(own, key=lambda item: far[item.document.source])),
        )

    def find(self, kind: str, name: str) -> Foreign | None:
        return next((doc for doc in self.foreign if (doc.kind, doc.name) == (kind, name)), None)

    def deployment(self, name: str) -> Located | None:
        return next((item for item in self.objects if is_a(item.obj, DEPLOYMENT) and item.obj["metadata"]["name"] == name), None)


def _apart(file: str, other: str) -> int:
    """How many folders lie between two files; -1 of the same one."""
    if file == other:
        return -1
    path = os.path.relpath(os.path.dirname(file) or ".", os.path.dirname(other) or ".")
    return 0 if path == "." else path.count(os.sep) + 1


@dataclass
class Draft:
    """A release file in the making. `workload` is a Deployment that is written anew, `wanted` the name of one that the user has;
    `router` is the one whose routes are the user's, where there are any; `blocks` are the `strategies:` by their keys, `gates` as
    the file takes them; `beside` are other manifests that are made anew. `used` are the documents it is made of."""

    name: str
    namespace: str
    main: Foreign
    strategy: str = "ramped"
    router: str = ""
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    workload: Obj | None = None
    wanted: str = ""
    beside: list[Obj] = field(default_factory=list)
    used: list[Foreign] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def use(self, doc: Foreign) -> None:
        if not any(doc.ledger is known.ledger for known in self.used):
            self.used.append(doc)

    def refer(self, ref: Field, shelf: Shelf) -> str:
        """Takes the workload that a reference names, and answers the name."""
        kind, name = ref["kind"].text(), ref["name"].text()
        ref["apiVersion"].take()
        if kind not in (None, "Deployment"):
            ref["kind"].name("rollway releases Deployments")
        elif name:
            self.wanted = name
            if shelf.deployment(name) is None:
                ref["name"].name(f"Deployment {name} is in none of these files: add its file to manifests")
        return name or ""

    def wait_for(self, field: Field) -> None:
        """progressDeadlineSeconds, in the block of the strategy that is used."""
        seconds = field.count(1)
        if seconds is not None and seconds > LONGEST_S:
            field.name("longer than 30 days, which no deadline is")
        elif seconds is not None:
            key = to_camel(self.strategy.replace("-", "_"))
            self.blocks[key] = {**self.blocks.get(key, {}), "progressDeadlineSeconds": seconds}


def begun(doc: Foreign, fallback: str) -> Draft:
    """The draft of a document, named as it is; `fallback` is for one that has no name. Its head is read."""
    root = doc.root
    head(root)
    name = doc.name or fallback
    if wrong := wrong_object_name(DEPLOYMENT.name, name):
        root.at("metadata", "name").remark(f"a name that is {wrong} is none: {safe_name(name) or fallback} stands for it")
        name = safe_name(name) or fallback
    draft = Draft(name, root.at("metadata", "namespace").text() or "", doc)
    draft.use(doc)
    return draft


def head(root: Field) -> None:
    """apiVersion, kind, name and what the server has written, which every document has."""
    for key in ("apiVersion", "kind"):
        root[key].take()
    root.at("metadata", "name").text()
    for key in _OF_SERVER:
        root.at("metadata", key).name(SERVER)
    root["status"].name(SERVER)


def deployment(root: Field, draft: Draft) -> Obj | None:
    """A plain Deployment of the fields that a Rollout shares with it; None where it has no pod template."""
    spec, meta = root["spec"], root["metadata"]
    template = spec["template"]
    if not isinstance(get(template.value, "spec"), Mapping):
        return None
    made: dict[str, Any] = {"name": draft.name}
    if draft.namespace:
        made["namespace"] = draft.namespace
    for key in ("labels", "annotations"):
        kept = _texts(meta[key])
        made |= {key: kept} if kept else {}
    out: dict[str, Any] = {}
    for key in ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        value = spec[key].count()
        out |= {key: value} if value is not None else {}
    selector = spec["selector"].take()
    pods = copy.deepcopy(template.take())
    if isinstance(pods.get("metadata"), dict) and "creationTimestamp" in pods["metadata"]:
        del pods["metadata"]["creationTimestamp"]
        template.at("metadata", "creationTimestamp").name(SERVER)
    labels = get(pods, "metadata", "labels")
    if not selector and isinstance(labels, Mapping) and labels:
        selector = {"matchLabels": dict(labels)}
        draft.said.append(f"{draft.main} has no selector: the new Deployment selects all labels of its pods")
    out |= {"selector": copy.deepcopy(selector)} if selector else {}
    return {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.name, "metadata": made, "spec": {**out, "template": pods}}


def _texts(field: Field) -> dict[str, Any]:
    if not field.is_there:
        return {}
    kept = {}
    for key, value in field.pairs():
        if key.startswith(_ANNOTATIONS_OF_OTHERS):
            value.name("another controller's own annotation")
        elif (text := value.text()) is not None:
            kept[key] = text
    return kept
