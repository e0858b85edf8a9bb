"""Which applications lie in a folder of manifests, and which of its objects belong to which of them."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..kube.objects import CONFIG_MAP, SECRET, SERVICE, Obj, get, is_a, matches, selects, texts
from . import checks, imports, manifests
from .config import uses
from .imports.draft import Draft, Foreign, Shelf
from .manifests import Located
from .rendering import Kustomization, Rendering, of_folder, parts_of, renderer_of

RELEASE_FILE = "deploy.yaml"
_VERSIONED = re.compile(r"(.+)-v[0-9][0-9.-]*")


@dataclass
class Application:
    """A workload that is released, or will be: `workload` is it as the manifests have it, or as it is written anew; None where
    none of the files holds its pods. `file` is where it is described, `draft` what another tool's manifests say of it."""

    name: str
    file: str
    workload: Obj | None
    draft: Draft | None = None
    items: list[Located] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """`entries` are what was looked at; `items` are the plain objects, `foreign` the documents of other tools, `strays` files in
    the folders that hold no object, as values of charts do."""

    applications: tuple[Application, ...]
    entries: tuple[str | Rendering, ...]
    items: tuple[Located, ...]
    foreign: tuple[Foreign, ...]
    strays: tuple[str, ...] = ()


def found(paths: Sequence[str]) -> Found:
    """The applications of these files, folders and globs, first those that other tools describe; charts and kustomizations among
    the folders are rendered. Raises BadInput."""
    plain: list[Located] = []
    foreign: list[Foreign] = []
    strays: list[str] = []
    entries = [entry for path in paths for entry in _entries(path)]
    for item in manifests.raw(entries, "", ""):
        source = item.document.source
        if is_release_file(source):
            continue
        if imports.is_foreign(item.obj):
            foreign.append(imports.foreign(item.obj, source))
        elif source not in paths and not {"apiVersion", "kind"} & item.obj.keys():
            strays.append(source)
        else:
            manifests.check_head(item)
            if all(item.obj != known.obj or item.document.source != known.document.source for known in plain):
                plain.append(item)
    shelf = Shelf(tuple(foreign), tuple(plain))
    described = [_described(draft, shelf) for draft in imports.drafts(shelf)]
    wanted = {id(application.workload) for application in described}
    others = [
        Application(item.obj["metadata"]["name"], item.document.source, item.obj)
        for item in plain
        if checks.is_deployment(item.obj) and id(item.obj) not in wanted
    ]
    sets = _sets_apart(plain, [application.file for application in (*described, *others)])
    return Found((*described, *others, *sets), tuple(entries), tuple(plain), tuple(foreign), tuple(dict.fromkeys(strays)))


def versions_of_one(applications: Sequence[Application]) -> list[tuple[str, list[Application]]]:
    """Those that may be versions of one application, with what it may be called: `shop-v1` and `shop-v2` are its workloads."""
    families: dict[str, list[Application]] = {}
    for application in applications:
        if found := _VERSIONED.fullmatch(application.name):
            families.setdefault(found[1], []).append(application)
    return [(name, family) for name, family in families.items() if len(family) > 1]


def _sets_apart(items: Sequence[Located], files: Sequence[str]) -> list[Application]:
    """The StatefulSets and DaemonSets that are applications: all but those in whose folder lies exactly one of these `files`,
    which describe others. That one is released with its sets along, as checks.chosen_workload has it."""

    def beside(item: Located) -> int:
        return sum(is_below(file, os.path.dirname(item.document.source)) for file in files)

    apart = [item for item in items if checks.is_set(item.obj) and beside(item) != 1]
    return [Application(item.obj["metadata"]["name"], item.document.source, item.obj) for item in apart]


def _entries(path: str) -> list[str | Rendering]:
    """What a path stands for: itself; a chart or a kustomization, where it is the folder of one; and of a folder above some of
    them, each of these, and every file beside."""
    if not os.path.isdir(path):
        return [path]
    renderings = _renderings(path)
    if not renderings:
        return [path]
    folders = [folder for folder, _ in renderings]
    files = [file for file in manifests.files_below(path) if not any(is_below(file, folder) for folder in folders)]
    unnamed = {folder for folder, entry in renderings if isinstance(entry, Kustomization)} & _parts(renderings)
    return [*(entry for folder, entry in renderings if folder not in unnamed), *files]


def _renderings(path: str) -> list[tuple[str, Rendering]]:
    """The topmost folders, with path itself, that are rendered."""
    made = of_folder(path)
    if made is not None:
        return [(os.path.normpath(path), made)]
    below = sorted(entry.path for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    return [found for folder in below for found in _renderings(folder)]


def _parts(renderings: Sequence[tuple[str, Rendering]]) -> set[str]:
    """The folders that other kustomizations are made of: a base is not released by itself."""
    found: set[str] = set()
    for folder, entry in renderings:
        if isinstance(entry, Kustomization):
            found |= {os.path.normpath(os.path.join(folder, part)) for part in parts_of(folder)}
    return found


def is_below(path: str, folder: str) -> bool:
    """Whether a path is the folder, the file or a match of the glob, or lies below it."""
    path, folder = os.path.normpath(path), os.path.normpath(folder or ".")
    is_inside = folder == "." and not os.path.isabs(path) and not path.startswith("..")
    return path == folder or path.startswith(os.path.join(folder, "")) or is_inside or fnmatch.fnmatch(path, folder)


def is_release_file(path: str) -> bool:
    name = os.path.basename(path)
    return name == RELEASE_FILE or name.endswith(f".{RELEASE_FILE}")


def _described(draft: Draft, shelf: Shelf) -> Application:
    """With the user's own Deployment of that name, where the files have it: there is never a second one."""
    own = shelf.seen_from(draft.main).deployment(draft.wanted or draft.name)
    if own is not None:
        draft.wanted, draft.workload = own.obj["metadata"]["name"], None
    elif draft.workload and (program := renderer_of(draft.main.file)):
        draft.said.append(f"its pods are as {program} renders them now: a Deployment in what is rendered would follow it")
    return Application(draft.name, draft.main.file, own.obj if own else draft.workload, draft)


def share_out(
    application: Application, others: Sequence[Application], items: Sequence[Located]
) -> tuple[list[Located], list[Located]]:
    """(what is the application's own or nobody's, what belongs to others) of objects that lie in one folder. What several use is
    the first one's, but for configuration, which each of them needs."""
    mine: list[Located] = []
    theirs: list[Located] = []
    everybody = [application, *others]
    for item in items:
        touching = [each for each in everybody if touches(each, item.obj, items)]
        (mine if not touching or _is_mine(application, touching, item.obj) else theirs).append(item)
    return mine, theirs


def _is_mine(application: Application, touching: Sequence[Application], obj: Obj) -> bool:
    if is_a(obj, CONFIG_MAP) or is_a(obj, SECRET):
        return any(each is application for each in touching)
    return min(touching, key=lambda each: (each.file, each.name)) is application


def touches(application: Application, obj: Obj, items: Sequence[Located]) -> bool:
    """Whether an object has to do with an application: is it, selects its pods, is used by them, or names it or its Services."""
    workload = application.workload
    if workload is None:
        return False
    if checks.is_deployment(obj) or checks.is_set(obj):
        return obj is workload
    labels = texts(get(workload, "spec", "template", "metadata", "labels"))
    if is_a(obj, SERVICE):
        return _selects(obj, labels)
    pod = get(workload, "spec", "template", "spec")
    if any(is_a(obj, use.kind) and use.name == obj["metadata"]["name"] for use in uses(pod if isinstance(pod, dict) else {})):
        return True
    services = {item.obj["metadata"]["name"] for item in items if is_a(item.obj, SERVICE) and _selects(item.obj, labels)}
    names = {workload["metadata"]["name"], *services}
    selector = get(obj, "spec", "selector")
    if isinstance(selector, Mapping) and isinstance(selector.get("matchLabels"), Mapping) and selector["matchLabels"]:
        return matches({"matchLabels": selector["matchLabels"]}, labels)
    return any(text in names or text.partition(".")[0] in names for text in _words(obj))


def _selects(service: Obj, labels: Mapping[str, str]) -> bool:
    selector = texts(get(service, "spec", "selector"))
    return bool(selector) and selects(selector, labels)


def _words(value: Any) -> Iterator[str]:
    """All texts of an object, its own name apart."""
    if isinstance(value, Mapping):
        for below in value.values():
            yield from _words(below)
    elif isinstance(value, list):
        for below in value:
            yield from _words(below)
    elif isinstance(value, str):
        yield value
