"""What the API server, or the release itself, would stumble over in the manifests; refused before anything is touched.

Each check takes located objects and raises BadInput at the place of the mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadInput
from ..kube.objects import (
    DAEMON_SET,
    DEPLOYMENT,
    GRPC_ROUTE,
    HTTP_ROUTE,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    STATEFUL_SET,
    get,
    is_a,
    matches,
    selects,
    template_labels,
)
from ..kube.printed import labels_text
from ..kube.removed import REMOVED, current_version
from .config import uses
from .file import nearest, shown
from .manifests import Located
from .model import is_bound, is_namespaced
from .names import safe_name, wrong_label, wrong_object_name
from .options import check_unavailable, count_or_percent
from .wrong import Wrong

THEY_DIFFER = "they differ: remove one of them, or name the files of one version alone"


def objects(items: Sequence[Located]) -> list[Located]:
    """What holds for every object: versions that exist, names, texts. Answers each once, though it be twice alike."""
    seen: dict[tuple[str, str, str, str], Located] = {}
    for item in items:
        _check_version(item)
        _check_name(item)
        _check_texts(item)
        _check_route(item)
        meta = item.obj["metadata"]
        group = item.obj["apiVersion"].rpartition("/")[0]
        key = (group, item.obj["kind"], meta.get("namespace") or "", meta["name"])
        if (first := seen.setdefault(key, item)) is not item:
            if first.obj == item.obj:
                continue
            raise BadInput(f"{item} is there twice, first at {first.where()}", where=item.where(), hint=THEY_DIFFER)
    return list(seen.values())


def _check_version(item: Located) -> None:
    version, kind = item.obj["apiVersion"], item.obj["kind"]
    if (version, kind) in REMOVED:
        return  # preflight tells, and knows the current form
    served = {"Deployment": DEPLOYMENT.api_version, "Service": SERVICE.api_version}.get(kind)
    if served and version != served and "." not in version:
        raise BadInput(
            f"{item}: there is no {kind} in {version}", where=item.where("apiVersion"), hint=f"write apiVersion: {served}"
        )


def _check_name(item: Located) -> None:
    kind, meta = item.obj["kind"], item.obj["metadata"]
    if wrong := wrong_object_name(kind, meta["name"]):
        near = safe_name(meta["name"])
        hint = f'did you mean "{near}"?' if near and near != meta["name"] and not wrong_object_name(kind, near) else ""
        raise BadInput(f"{kind} {meta['name']!r}: a name {wrong}", where=item.where("metadata", "name"), hint=hint)
    namespace = meta.get("namespace")
    if namespace and (wrong := wrong_label(namespace)):
        raise BadInput(f"{item}: namespace {namespace!r} is {wrong}", where=item.where("metadata", "namespace"))


def _check_route(item: Located) -> None:
    """Of the Gateway API: who splits requests reads them by their shape, whatever else `deploy check` finds in them."""
    kind = next((kind for kind in (HTTP_ROUTE, GRPC_ROUTE) if is_a(item.obj, kind)), None)
    if kind is None:
        return
    from ..kube.validation.manifest import misshapen

    for mistake in misshapen(kind._replace(api_version=item.obj["apiVersion"]), item.obj):
        raise BadInput(f"{item}: {mistake.text}", where=item.where(*mistake.path), hint=mistake.hint)


def _check_texts(item: Located) -> None:
    """Labels and annotations: YAML makes numbers and booleans of `1.0` and `yes`, and the API server takes neither."""
    for path in (("metadata",), ("spec", "template", "metadata")):
        for field in ("labels", "annotations"):
            _check_map(item, (*path, field))
    _check_map(item, ("spec", "selector", "matchLabels"))
    if is_a(item.obj, SERVICE):
        _check_map(item, ("spec", "selector"))


def _check_map(item: Located, path: tuple[str, ...]) -> None:
    value = get(item.obj, *path)
    if value is None:
        return
    name = ".".join(path)
    if not isinstance(value, dict):
        raise BadInput(f"{item}: {name} is {shown(value)}; it takes a mapping", where=item.where(*path))
    for key, text in value.items():
        is_none = text is None and path[-1] == "annotations"  # which nobody selects by: what kubectl takes as an empty one
        if not is_none and not isinstance(text, str):
            raise BadInput(
                f'{item}: {name}["{key}"] is {shown(text)}; it takes a text',
                where=item.where(*path, key),
                hint=_text_hint(text, is_flat=path == ("spec", "selector")),
            )


def _text_hint(value: Any, *, is_flat: bool) -> str:
    if value is None:
        return 'write "", or take it out'
    if isinstance(value, dict | list):
        return "a Service's selector is the labels themselves: selector: {app: shop}" if is_flat else ""
    return "quote it"


def chosen_workload(items: Sequence[Located], name: str | None, where: str) -> Located:
    """The workload to release; `where` is the place of `workload:` or of the list of manifests. A StatefulSet or a DaemonSet
    beside Deployments is one of the release's other objects, unless it is named."""
    sets = [item for item in items if is_set(item.obj)]
    found = [item for item in items if is_deployment(item.obj)] or sets
    if name is not None:
        found += [item for item in sets if item not in found]
    names = [item.obj["metadata"]["name"] for item in found]
    if not found:
        from .imports import is_foreign

        kinds = ", ".join(dict.fromkeys(str(item) for item in items[:5])) or "nothing at all"
        other = next((item for item in items if is_foreign(item.obj)), None)
        hint = f"`deploy init {other.document.source}` takes {other} over" if other else "add the file that holds it"
        summary = "no Deployment, StatefulSet or DaemonSet in the manifests"
        raise BadInput(summary, where=where, detail=f"seen: {kinds}", hint=hint)
    if name is not None:
        if name not in names:
            hint = nearest(name, names) or f"one of {', '.join(names)}"
            kinds = " or ".join(dict.fromkeys(item.obj["kind"] for item in found))
            raise BadInput(f"no {kinds} {name} in the manifests", where=where, hint=hint)
        return found[names.index(name)]
    if len(found) > 1:
        kinds = " and ".join(dict.fromkeys(f"{item.obj['kind']}s" for item in found))
        raise BadInput(
            f"{len(found)} {kinds} in the manifests: {' and '.join(names) if len(names) == 2 else ', '.join(names)}",
            where=where,
            hint=f"say which one is released: workload: {names[0]}",
        )
    return found[0]


def is_deployment(obj: Mapping[str, Any]) -> bool:
    """Also of a version that is gone: what is wrong with it is told by preflight, with all the rest."""
    version = current_version(obj["apiVersion"], obj["kind"])
    return (version, obj["kind"]) == (DEPLOYMENT.api_version, DEPLOYMENT.name)


def is_set(obj: Mapping[str, Any]) -> bool:
    """The same of a StatefulSet or a DaemonSet."""
    version = current_version(obj["apiVersion"], obj["kind"])
    return (version, obj["kind"]) in {(kind.api_version, kind.name) for kind in (STATEFUL_SET, DAEMON_SET)}


def workload(item: Located) -> None:
    """The workload to release: containers, a selector that is its own, numbers that are numbers, a strategy that can move."""
    spec = item.obj.get("spec")
    if not isinstance(spec, dict):
        raise BadInput(f"{item}: spec is {shown(spec)}; it takes a mapping", where=item.where("spec"))
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        raise BadInput(f"{item}: no spec.template with a spec: there would be no pods", where=item.where("spec", "template"))
    _check_containers(item)
    _check_selector(item)
    for key in ("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"):
        value = spec.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise BadInput(f"{item}: spec.{key} is {shown(value)}; it takes a whole number from 0", where=item.where("spec", key))
    (_check_update if is_set(item.obj) else _check_strategy)(item)


def _check_update(item: Located) -> None:
    """Of a StatefulSet or a DaemonSet. A partition of the user's own would hold for ever what a release gives to everybody."""
    path = ("spec", "updateStrategy")
    strategy = get(item.obj, *path, default={})
    if not isinstance(strategy, dict):
        raise BadInput(f"{item}: spec.updateStrategy is {shown(strategy)}; it takes a mapping", where=item.where(*path))
    kind, types = strategy.get("type") or "RollingUpdate", ("RollingUpdate", "OnDelete")
    if kind not in types:
        hint = nearest(str(kind).replace(" ", ""), types) or " or ".join(types)
        raise BadInput(f"{item}: unknown spec.updateStrategy.type {shown(kind)}", where=item.where(*path, "type"), hint=hint)
    rolling = strategy.get("rollingUpdate")
    if rolling is not None and (not isinstance(rolling, dict) or kind != "RollingUpdate"):
        wrong = f"is {shown(rolling)}" if not isinstance(rolling, dict) else f"does not go with type {kind}"
        raise BadInput(f"{item}: spec.updateStrategy.rollingUpdate {wrong}", where=item.where(*path, "rollingUpdate"))
    if partition := get(rolling, "partition"):
        raise BadInput(
            f"{item}: spec.updateStrategy.rollingUpdate.partition {shown(partition)} keeps pods from the release",
            where=item.where(*path, "rollingUpdate", "partition"),
            hint="take it out: ramped sets it itself, `deploy apply ramped --to 50%` stops at half of the pods",
        )
    if is_a(item.obj, DAEMON_SET) and rolling is not None:
        _check_limits(item, (*path, "rollingUpdate"), rolling, {"maxSurge": 0, "maxUnavailable": 1})


def _check_containers(item: Located) -> None:
    path = ("spec", "template", "spec", "containers")
    containers = get(item.obj, *path)
    if not isinstance(containers, list) or not containers:
        raise BadInput(f"{item}: no containers", where=item.where(*path))
    names: set[str] = set()
    for index, container in enumerate(containers):
        name = container.get("name") if isinstance(container, dict) else None
        if not isinstance(name, str) or not name:
            raise BadInput(f"{item}: container {index + 1} has no name", where=item.where(*path, index))
        if wrong := wrong_label(name):
            raise BadInput(f"{item}: container {name!r}: a name {wrong}", where=item.where(*path, index, "name"))
        if name in names:
            raise BadInput(f"{item}: two containers are named {name}", where=item.where(*path, index, "name"))
        image = container.get("image")
        if image is not None and not isinstance(image, str):
            raise BadInput(f"{item}: image is {shown(image)}; it takes a text", where=item.where(*path, index, "image"))
        names.add(name)


def _check_selector(item: Located) -> None:
    path = ("spec", "selector")
    selector, labels = get(item.obj, *path), template_labels(item.obj)
    if not isinstance(selector, dict) or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        hint = (
            f"write selector: {{matchLabels: {{{labels_text(labels, ': ')}}}}}"
            if labels
            else "give the template labels, and select them"
        )
        raise BadInput(f"{item}: no spec.selector", where=item.where(*path), hint=hint)
    try:
        is_own = matches(selector, labels)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{item}: spec.selector.matchExpressions cannot be read", where=item.where(*path, "matchExpressions")
        ) from error
    if not is_own:
        wanted = labels_text(selector.get("matchLabels") or {}) or "its matchExpressions"
        raise BadInput(
            f"{item}: spec.selector does not match the template's labels: {wanted} against {labels_text(labels) or 'none'}",
            where=item.where(*path),
            hint="the API server refuses it: give both the same labels",
        )


def _check_strategy(item: Located) -> None:
    path = ("spec", "strategy")
    strategy = get(item.obj, *path)
    if strategy is None:
        return
    if not isinstance(strategy, dict):
        raise BadInput(f"{item}: spec.strategy is {shown(strategy)}; it takes a mapping", where=item.where(*path))
    kind = strategy.get("type") or "RollingUpdate"
    if kind not in ("RollingUpdate", "Recreate"):
        hint = nearest(str(kind).replace(" ", ""), ("RollingUpdate", "Recreate")) or "RollingUpdate or Recreate"
        raise BadInput(f"{item}: unknown spec.strategy.type {shown(kind)}", where=item.where(*path, "type"), hint=hint)
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        return
    if not isinstance(rolling, dict):
        raise BadInput(f"{item}: spec.strategy.rollingUpdate is {shown(rolling)}", where=item.where(*path, "rollingUpdate"))
    if kind == "Recreate":
        raise BadInput(f"{item}: rollingUpdate does not go with type Recreate", where=item.where(*path, "rollingUpdate"))
    _check_limits(item, (*path, "rollingUpdate"), rolling, {"maxSurge": "25%", "maxUnavailable": "25%"})


def _check_limits(item: Located, path: tuple[str, ...], rolling: Mapping[str, Any], defaults: Mapping[str, int | str]) -> None:
    key = "maxSurge"
    try:
        limits = []
        for key, default in defaults.items():
            value = rolling.get(key)
            limits.append(count_or_percent(default if value is None else value))
        check_unavailable(limits[1])
    except Wrong as wrong:
        summary = f"{item}: {wrong}" if wrong.at else f"{item}: {key}: {wrong}"
        raise BadInput(summary, where=item.where(*path, key)) from wrong


def services(items: Sequence[Located], chosen: Located) -> list[Located]:
    """The Services that select the released pods."""
    own = template_labels(chosen.obj)
    out: list[Located] = []
    for item in items:
        if not is_a(item.obj, SERVICE):
            continue
        spec = item.obj.get("spec")
        if spec is not None and not isinstance(spec, dict):
            raise BadInput(f"{item}: spec is {shown(spec)}; it takes a mapping", where=item.where("spec"))
        selector = get(item.obj, "spec", "selector")
        if not selector or get(item.obj, "spec", "type") == "ExternalName":
            continue
        if selects(selector, own):
            out.append(item)
    return out


def namespace(items: Sequence[Located], chosen: Located, asked: str | None) -> str:
    """The namespace of the release: the one asked for, else its Deployment's, else the one that the others agree on, else none.

    Objects of other applications' places, as a RoleBinding in kube-system, stay there. Raises BadInput where what the application
    itself is made of is not in one.
    """
    wanted = asked or _namespace_of(chosen)
    first = None if asked or not wanted else chosen
    mine = [chosen, *_own(items, chosen)]
    for item in mine if wanted else [*mine, *(item for item in items if item not in mine and not _is_grant(item.obj))]:
        named = _namespace_of(item)
        if not wanted:
            wanted, first = named, item
        elif named and named != wanted:
            against = f"the release in {wanted}" if first is None else f"{first} in {wanted}"
            raise BadInput(
                f"{item} is in namespace {named}, {against}",
                where=item.where("metadata", "namespace"),
                hint="an application has one namespace: take it out of the manifests, and name it in the release file",
            )
    return wanted


def _namespace_of(item: Located) -> str:
    return str(item.obj["metadata"].get("namespace") or "") if is_namespaced(item.obj) else ""


def _own(items: Sequence[Located], chosen: Located) -> list[Located]:
    """What the application is made of besides its Deployment: nothing of it would be of use in another namespace."""
    pod = get(chosen.obj, "spec", "template", "spec", default={})
    used = {(use.kind, use.name) for use in uses(pod)}
    selecting = services(items, chosen)

    def is_own(item: Located) -> bool:
        is_used = any(is_a(item.obj, kind) and item.obj["metadata"]["name"] == name for kind, name in used)
        return is_used or is_bound(item.obj) or item in selecting

    return [item for item in items if item is not chosen and is_own(item)]


def _is_grant(obj: Mapping[str, Any]) -> bool:
    """A right is granted where the objects are that it is about, which says nothing of the application's own place."""
    return is_a(obj, ROLE) or is_a(obj, ROLE_BINDING)
