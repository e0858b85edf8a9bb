"""`deploy init`: a first release file, from manifests that are there or from a live Deployment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..errors import BadInput
from ..kube.objects import DESTINATION_RULE, SERVICE, Obj, as_manifest, get, is_a, selects, template_labels
from ..kube.routes import ROUTES, mappings
from . import applications, checks, imports, manifests
from .applications import RELEASE_FILE, Application, Found, is_below
from .dump import flow_text, manifests_text, scalar_text
from .imports.draft import Foreign, Shelf
from .imports.written import comment, release_text
from .manifests import Located
from .model import Key, app_container, key_of
from .names import MAX_APP, refuse_namespace, safe_name, wrong_label
from .rendering import HelmChart, Rendering, of_folder, renderer_of
from .yamlfile import Document

MANIFESTS_FILE = "k8s/app.yaml"
"""Where the release file of `from_live` expects the manifests that come with it."""

_OURS = "rollway.dev/"
POD_HASH = "rollouts-pod-template-hash"
"""What Argo Rollouts tells versions apart by, in labels and in selectors."""

_STRATEGIES = """\
strategy: ramped     # what a command without a strategy uses: recreate, ramped, blue-green, canary or ab

# These are the defaults: change what you need, drop the rest.
strategies:
  # every old pod stops, then the new ones start: simple, and down in between
  recreate: {}
  # pod by pod, by the Deployment's own rolling update
  ramped: {}            # maxSurge, maxUnavailable: as in the manifests, else 25% and 0
  # all requests at once, when the new side is ready; the old one stays warm for a while
  blueGreen: {scaleDownDelaySeconds: 30, autoPromote: true}
  # a growing share of requests; a step without a pause waits for `deploy promote`
  canary: {steps: [{weight: 10, pause: 5m}, {weight: 50}]}
  # requests that match, by your routes: the Gateway API's, Istio's or ingress-nginx's
  ab: {match: [{headers: {x-api-version: {exact: v2}}}]}
"""

_STRATEGIES_OF_SETS = """\
strategy: ramped     # what a command without a strategy uses: ramped or recreate; the others need a second workload beside it

# These are the defaults: change what you need, drop the rest.
strategies:
  # every old pod stops, then the new ones start: simple, and down in between
  recreate: {}
  # pod by pod, by the workload's own rolling update; `deploy apply ramped --to 50%` stops at half of them
  ramped: {}
"""


class Scaffold(NamedTuple):
    """Files to write, by their paths, and sentences on what is in none of them."""

    texts: dict[str, str]
    said: tuple[str, ...] = ()


def from_manifests(paths: Sequence[str], file: str = RELEASE_FILE, namespace: str = "") -> Scaffold:
    """A release file for what these files, folders and globs hold: manifests, or what another tool releases them by. It is meant
    for `file`, and for `namespace`, else the manifests'; where they hold several applications each has one of its own beside its
    manifests. Raises BadInput."""
    refuse_namespace(namespace or None)
    found = applications.found(paths)
    if len(found.applications) > 1:
        return _each(found, namespace)
    if not found.applications:
        checks.chosen_workload(found.items, None, "")
    return Scaffold(_one(found.applications[0], found, file, namespace))


def _one(application: Application, found: Found, file: str, namespace: str) -> dict[str, str]:
    """The release file of the only application there is, and the manifests that are made anew."""
    folder = os.path.dirname(file)
    if application.draft is None:
        checks.objects(found.items)
    plain = {item.document.source for item in found.items}
    texts = _made(application)
    kept: list[str | Rendering] = []
    for entry in found.entries if plain or application.workload is not None else ():
        if not isinstance(entry, str):
            kept.append(entry)
        elif any(is_below(stray, entry) for stray in found.strays):
            kept += sorted(source for source in plain if is_below(source, entry))
        elif any(is_below(source, entry) for source in (*plain, *texts)) or entry == "-":
            kept.append(entry)
    for made in texts:
        if not any(isinstance(entry, str) and is_below(made, entry) for entry in kept):
            kept.append(made)
    excluded = _heads(doc for doc in found.foreign if any(is_below(doc.file, _place(entry)) for entry in kept))
    listed = [_listed(entry, folder) for entry in kept]
    return {file: _release_text(application, found.items, listed, excluded, namespace), **texts}


def _each(found: Found, namespace: str) -> Scaffold:
    """A release file for each application, beside it. One that has a folder to itself takes all of it; of a folder of several
    each takes the files that hold something of its own, without what is another's."""
    texts: dict[str, str] = {}
    used: set[str] = set()
    for application in found.applications:
        others = [other for other in found.applications if other is not application]
        folder = _own_folder(application, others)
        home = folder if folder is not None else os.path.dirname(application.file)
        items = [item for item in found.items if is_below(item.document.source, home)]
        mine, theirs = (items, []) if folder is not None else applications.share_out(application, others, items)
        if application.draft is None:
            checks.objects(mine)
        else:
            application.draft.said += _shared_routes(application, theirs, items)
        docs = [doc for doc in found.foreign if is_below(doc.file, home)]
        made = _made(application)
        files = list(dict.fromkeys([*(item.document.source for item in mine), *made]))
        used |= {*files, *(doc.file for doc in docs)}
        entries = _entries(files, home, found) if folder is not None else [_entry(file) for file in files]
        excluded = [
            *_heads(doc for doc in docs if any(is_below(doc.file, _place(entry)) for entry in entries)),
            *(str(item).replace(" ", "/", 1) for item in theirs if item.document.source in files),
        ]
        name = RELEASE_FILE if folder is not None else f"{_app_name(application)}.{RELEASE_FILE}"
        if os.path.join(home, name) in texts:
            first = next(other.file for other in found.applications if _app_name(other) == _app_name(application))
            kind = application.workload["kind"] if application.workload else "Deployment"
            summary = f"{kind} {application.name} is there twice, first at {first}"
            raise BadInput(summary, where=application.file, hint=checks.THEY_DIFFER)
        listed = [_listed(entry, home) for entry in entries]
        texts |= {os.path.join(home, name): _release_text(application, mine, listed, excluded, namespace), **made}
    left = [item for item in found.items if item.document.source not in used]
    said = [f"in no release, as no application has them: {', '.join(f'{item} ({item.document.source})' for item in left)}"]
    return Scaffold(texts, (*(said if left else ()), *_told_versions(found.applications)))


def _told_versions(apps: Sequence[Application]) -> Iterator[str]:
    """What is said of workloads that may be versions of one application: nobody else can know, so each is released by itself."""
    for name, family in applications.versions_of_one(apps):
        names = ", ".join(each.name for each in family)
        yield (
            f"{names}: if these are versions of one application, keep one release file, in which `app: {name}` and "
            f"`workloadName: {family[0].name}` are for all of them, and let `manifests` name the version's own files"
        )


def _shared_routes(application: Application, theirs: Sequence[Located], items: Sequence[Located]) -> list[str]:
    """What is said of routes that lead to this application as well, and are another's: one release alone can split them."""
    return [
        f"{item} leads to another application, too, whose release has it: give {application.name} a route of its own, or it is "
        "refused where it stands"
        for item in theirs
        if any(is_a(item.obj, kind) for kind in ROUTES) and applications.touches(application, item.obj, items)
    ]


def _entries(files: Sequence[str], home: str, found: Found) -> list[str | Rendering]:
    """What stands for these files of home: the folder that holds all of them, where it holds nothing else."""
    if any(renderer_of(file) for file in files) or any(is_below(stray, home) for stray in found.strays):
        return [_entry(file) for file in files]
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in files]) if files else os.path.abspath(home)
    return [os.path.join(os.path.relpath(folder), "")]


def _entry(file: str) -> str | Rendering:
    return (of_folder(os.path.dirname(file)) or file) if renderer_of(file) else file


def _place(entry: str | Rendering) -> str:
    if isinstance(entry, str):
        return entry
    return entry.helm if isinstance(entry, HelmChart) else entry.kustomize


def _listed(entry: str | Rendering, folder: str) -> str:
    """As the release file of that folder names it."""
    path = _relative(_place(entry), folder)
    if isinstance(entry, str):
        return scalar_text(path)
    if isinstance(entry, HelmChart):
        return flow_text({"helm": path, **({"crds": True} if entry.crds else {})})
    return flow_text({"kustomize": path})


def _own_folder(application: Application, others: Sequence[Application]) -> str | None:
    """The widest folder above an application's file in which no other one is; None where one is in the same folder."""
    folder, widest = os.path.dirname(application.file), None
    while not any(is_below(other.file, folder) for other in others):
        widest = folder
        if not folder or os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder)
    return widest


def _relative(path: str, folder: str) -> str:
    """A folder keeps its slash."""
    if path == "-" or os.path.isabs(path):
        return path
    near = os.path.relpath(path, folder or ".")
    return f"{near}/" if path.endswith("/") and near != "." else near


def _heads(documents: Iterable[Foreign]) -> list[str]:
    """What is excluded, by kind and name."""
    return list(dict.fromkeys(f"{doc.kind}/{doc.name}" if doc.name else doc.kind for doc in documents))


def _made(application: Application) -> dict[str, str]:
    """The manifests that no file has: the Deployment of a Rollout's pods, the Service that Flagger makes."""
    draft = application.draft
    if draft is None:
        return {}
    new = [*([draft.workload] if draft.workload else []), *draft.beside]
    folder = os.path.dirname(draft.main.file)
    lead = f"# Made of {comment(str(draft.main))} ({comment(draft.main.file)}); from now on this file is what counts.\n"
    name = _app_name(application)
    return {os.path.join(folder, f"{name}-{obj['kind'].lower()}.yaml"): lead + manifests_text([obj]) for obj in new}


def _release_text(
    application: Application, items: Sequence[Located], listed: Sequence[str], excluded: Sequence[str], asked: str = ""
) -> str:
    """`asked` is the namespace that somebody wants, whatever the manifests say."""
    workload, draft = application.workload, application.draft
    is_one = workload is not None and _workloads(items) in ([], [workload])
    named = "" if workload is None or is_one else str(workload["metadata"]["name"])
    if draft is not None:
        own = str(get(workload, "metadata", "namespace", default="") or "")
        draft.namespace = asked or draft.namespace or own
        return release_text(draft, _app_name(application), listed, named, excluded, _image(workload))
    assert workload is not None
    chosen = next(item for item in items if item.obj is workload)
    lines = [_exclude(excluded), f"workload: {scalar_text(named)}" if named else ""]
    return _text(workload, checks.namespace(items, chosen, asked or None), listed, "\n".join(filter(None, lines)))


def _exclude(heads: Sequence[str]) -> str:
    return f"exclude: [{', '.join(scalar_text(head) for head in heads)}]" if heads else ""


def _workloads(items: Sequence[Located]) -> list[Obj]:
    """Those of which one is chosen where the release file names none."""
    deployments = [item.obj for item in items if checks.is_deployment(item.obj)]
    return deployments or [item.obj for item in items if checks.is_set(item.obj)]


def _app_name(application: Application) -> str:
    name = application.name
    return name if not wrong_label(name, MAX_APP) else safe_name(name) or "app"


def _image(workload: Obj | None) -> str:
    containers = get(workload, "spec", "template", "spec", "containers")
    if workload is None or not isinstance(containers, list) or not all(isinstance(each, dict) for each in containers):
        return ""
    image = app_container(workload, workload["metadata"]["name"]).get("image")
    return image if isinstance(image, str) else ""


def from_described(
    docs: Sequence[Obj],
    deployment: Obj | None,
    beside: Sequence[Obj],
    folder: str = "",
    *,
    replicas: int | None = None,
    replaces: bool = False,
) -> tuple[str, str]:
    """As `from_live`, of what another tool releases: its live `docs`, the first of which describes it, and the Deployment that it
    names, where there is one; `beside` are its Services and routes. `replicas` is how many pods really serve: that Deployment
    may be kept at none."""
    place = "as it runs"
    foreign = tuple(imports.foreign(as_manifest(doc), place) for doc in docs)
    live = [_cleaned(obj) for obj in (*beside, *([deployment] if deployment else []))]
    shelf = Shelf(foreign, tuple(Located(obj, Document(obj, place)) for obj in live))
    (draft, *_) = imports.drafts(shelf)
    own = shelf.deployment(draft.wanted)
    if own is not None and replicas is not None:
        own.obj["spec"]["replicas"] = replicas
        draft.main.root.at("spec", "replicas").take()
    objects = [*live, *([draft.workload] if draft.workload else []), *draft.beside]
    files, others = _standing(folder, objects, but=MANIFESTS_FILE if replaces else "")
    missing = [obj for obj in objects if key_of(obj) not in files]
    paths = [*dict.fromkeys(files.values()), *([MANIFESTS_FILE] if missing else [])]
    there = [os.path.join(folder, path) for path in dict.fromkeys(files.values())]
    excluded = _heads(imports.foreign(item.obj, "") for item in manifests.raw(there, "", "") if imports.is_foreign(item.obj))
    excluded += [head for head in others if head not in excluded]
    workload = own.obj if own else draft.workload
    application = Application(draft.name, place, workload, draft)
    listed = [scalar_text(path) for path in paths]
    text = _release_text(application, (), listed, excluded)
    return text, _manifests(missing)


def _manifests(missing: Sequence[Obj]) -> str:
    return f"# As it runs in the cluster; from now on this file is what counts.\n{manifests_text(missing)}" if missing else ""


def from_live(deployment: Obj, services: Sequence[Obj], folder: str = "", *, replaces: bool = False) -> tuple[str, str]:
    """(deploy.yaml, the manifests file) for live objects, as the API gives them; the second text is meant for MANIFESTS_FILE, and
    empty where files of the `folder`, which the release file is to lie in, hold all of them already. What that file has does
    not count where the new one `replaces` it."""
    live = [*services, deployment]
    files, excluded = _standing(folder, live, but=MANIFESTS_FILE if replaces else "")
    missing = [_cleaned(obj) for obj in live if key_of(obj) not in files]
    paths = list(dict.fromkeys(files.values()))
    namespace = get(deployment, "metadata", "namespace", default="")
    listed = [scalar_text(path) for path in (*paths, *([MANIFESTS_FILE] if missing else []))]
    return _text(deployment, namespace, listed, _exclude(excluded)), _manifests(missing)


def serves(service: Obj, workload: Obj) -> bool:
    """Whether a live Service selects the workload's pods, some of which another tool may have singled out by their hash."""
    selector = get(service, "spec", "selector", default={})
    return selects({key: value for key, value in selector.items() if key != POD_HASH}, template_labels(workload))


class _Standing(NamedTuple):
    """The one file, relative to a folder, that holds each object; and what those files hold of other applications."""

    files: dict[Key, str]
    excluded: list[str]


def _standing(folder: str, live: Sequence[Obj], *, but: str) -> _Standing:
    """Files that are no manifests, or other applications' alone, are passed over; and what several hold, as overlays do, is in
    none of them."""
    wanted = {key_of(obj): get(obj, "metadata", "namespace", default="") for obj in live}
    found: dict[Key, list[str]] = {}
    excluded: dict[str, list[str]] = {}
    for path in manifests.files_below(folder)[: manifests.MAX_FILES]:
        name = os.path.relpath(path, folder or ".")
        with contextlib.suppress(BadInput):
            mine, theirs = _of_file(manifests.read([path], "", "") if name != but else [], wanted)
            excluded[name] = [str(item).replace(" ", "/", 1) for item in theirs]
            for item in mine:
                if item.obj["metadata"].get("namespace") in (None, "", wanted.get(key_of(item.obj))):
                    found.setdefault(key_of(item.obj), []).append(name)
    files = {key: found[key][0] for key in wanted if len(found.get(key, ())) == 1}
    return _Standing(files, [head for name in dict.fromkeys(files.values()) for head in excluded[name]])


def _of_file(held: Sequence[Located], wanted: Collection[Key]) -> tuple[Sequence[Located], Sequence[Located]]:
    """(what a file has of a release, what of other applications). Sets beside its only Deployment are released along with that;
    where all of its workloads are others', it has nothing of the release."""
    found = [item.obj for item in held if checks.is_deployment(item.obj) or checks.is_set(item.obj)]
    own = next((obj for obj in found if key_of(obj) in wanted), None)
    only = [obj for obj in found if checks.is_deployment(obj)] == [own]
    others = [] if only else [obj for obj in found if obj is not own]
    if own is None or not others:
        return ((), ()) if others else (held, ())
    application, *rest = (Application(obj["metadata"]["name"], "", obj) for obj in (own, *others))
    return applications.share_out(application, rest, held)


def _text(workload: Obj, namespace: str, listed: Sequence[str], lines_below: str) -> str:
    """`listed` are the entries of `manifests` as they are written, `lines_below` what stands below them."""
    name = workload["metadata"]["name"]
    app = name if len(name) <= MAX_APP and "." not in name else safe_name(name)
    image = app_container(workload, app).get("image") or ""
    lines = [
        "# What `deploy` releases, and how. `deploy plan` shows what would happen; `deploy schema` names every key.",
        f"app: {scalar_text(app)}",
        f"namespace: {scalar_text(namespace)}" if namespace else "# namespace: shop   # default: the context's",
        f"manifests: [{', '.join(listed)}]",
        *lines_below.splitlines(),
        f"# image: {scalar_text(image)}   # default: the manifests'; a pipeline says --image",
        "",
    ]
    return "\n".join(lines) + "\n" + (_STRATEGIES_OF_SETS if checks.is_set(workload) else _STRATEGIES)


def _cleaned(live: Obj) -> Obj:
    """As the user would have written it: without what the server set, and without our own marks."""
    out = as_manifest(live)
    for meta in (out["metadata"], get(out, "spec", "template", "metadata", default={})):
        for field in ("labels", "annotations"):
            _drop_ours(meta, field)
    spec: dict[str, Any] = out.get("spec") or {}
    if is_a(out, SERVICE):
        _drop_ours(spec, "selector")
        spec.get("selector", {}).pop(POD_HASH, None)
    for subset in mappings(spec.get("subsets")) if is_a(out, DESTINATION_RULE) else ():
        get(subset, "labels", default={}).pop(POD_HASH, None)
    return {key: out[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in out} | {
        key: value for key, value in out.items() if key not in ("apiVersion", "kind", "metadata", "spec")
    }


def _drop_ours(holder: dict[str, Any], field: str) -> None:
    kept = {key: value for key, value in (holder.get(field) or {}).items() if not key.startswith(_OURS)}
    holder.pop(field, None)
    if kept:
        holder[field] = kept
