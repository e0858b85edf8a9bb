"""`deploy init`: a first release file, from manifests that are there or from a live Deployment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, SERVICE, Obj, as_manifest, get, is_a
from . import checks, manifests
from .dump import manifests_text, scalar_text
from .model import Key, app_container, key_of
from .names import MAX_APP, safe_name

MANIFESTS_FILE = "k8s/app.yaml"
"""Where the release file of `from_live` expects the manifests that come with it."""

_OURS = "rollway.dev/"

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
  canary: {steps: [{weight: 10, pause: 5m}, {weight: 50}], maxSurge: 1}
  # requests that match, by Istio; with hosts: and gateway: also those from outside
  ab: {match: [{headers: {x-api-version: {exact: v2}}}]}
"""


def from_manifests(paths: Sequence[str]) -> str:
    """The text of a deploy.yaml for these files, folders and globs, which is to lie in the current folder. Raises BadInput.

    Of several Deployments the first is chosen, and the file says so.
    """
    items = checks.objects(manifests.read(paths, "", ""))
    found = [item for item in items if checks.is_deployment(item.obj)]
    first = found[0].obj["metadata"]["name"] if found else None
    chosen = checks.chosen_workload(items, first, "")
    others = [item.obj["metadata"]["name"] for item in found[1:]]
    workload = f"workload: {scalar_text(str(first))}   # also there: {', '.join(others)}\n" if others else ""
    place = checks.namespace(items, chosen, None)
    return _text(chosen.obj, place, paths, workload)


def from_live(deployment: Obj, services: Sequence[Obj], folder: str = "", *, replaces: bool = False) -> tuple[str, str]:
    """(deploy.yaml, the manifests file) for live objects, as the API gives them; the second text is meant for MANIFESTS_FILE, and
    empty where files of the `folder`, which the release file is to lie in, hold all of them already. What that file has does
    not count where the new one `replaces` it."""
    live = [*services, deployment]
    files = _standing(folder, live, but=MANIFESTS_FILE if replaces else "")
    missing = [_cleaned(obj) for obj in live if key_of(obj) not in files]
    paths = list(dict.fromkeys(files.values()))
    namespace = get(deployment, "metadata", "namespace", default="")
    written = f"# As it runs in the cluster; from now on this file is what counts.\n{manifests_text(missing)}" if missing else ""
    return _text(deployment, namespace, [*paths, *([MANIFESTS_FILE] if missing else [])], ""), written


def _standing(folder: str, live: Sequence[Obj], *, but: str) -> dict[Key, str]:
    """The one file, relative to the folder, that holds each object. Files that are no manifests, or another application's as
    well, are passed over; and what several hold, as overlays do, is in none of them."""
    wanted = {key_of(obj): get(obj, "metadata", "namespace", default="") for obj in live}
    found: dict[Key, list[str]] = {}
    for path in manifests.files_below(folder)[: manifests.MAX_FILES]:
        name = os.path.relpath(path, folder or ".")
        with contextlib.suppress(BadInput):
            held = [item.obj for item in manifests.read([path], "", "")] if name != but else []
            if any(is_a(obj, DEPLOYMENT) and key_of(obj) not in wanted for obj in held):
                continue
            for obj in held:
                if obj["metadata"].get("namespace") in (None, "", wanted.get(key_of(obj))):
                    found.setdefault(key_of(obj), []).append(name)
    return {key: found[key][0] for key in wanted if len(found.get(key, ())) == 1}


def _text(workload: Obj, namespace: str, paths: Sequence[str], workload_line: str) -> str:
    name = workload["metadata"]["name"]
    app = name if len(name) <= MAX_APP and "." not in name else safe_name(name)
    image = app_container(workload, app).get("image") or ""
    lines = [
        "# What `deploy` releases, and how. `deploy plan` shows what would happen; `deploy schema` names every key.",
        f"app: {scalar_text(app)}",
        f"namespace: {scalar_text(namespace)}" if namespace else "# namespace: shop   # default: the context's",
        f"manifests: [{', '.join(scalar_text(path) for path in paths)}]",
        *workload_line.splitlines(),
        f"# image: {scalar_text(image)}   # default: the manifests'; a pipeline says --image",
        "",
    ]
    return "\n".join(lines) + "\n" + _STRATEGIES


def _cleaned(live: Obj) -> Obj:
    """As the user would have written it: without what the server set, and without our own marks."""
    out = as_manifest(live)
    for meta in (out["metadata"], get(out, "spec", "template", "metadata", default={})):
        for field in ("labels", "annotations"):
            _drop_ours(meta, field)
    spec: dict[str, Any] = out.get("spec") or {}
    if is_a(out, SERVICE):
        _drop_ours(spec, "selector")
        if spec.get("clusterIP") != "None":
            for field in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
                spec.pop(field, None)
    return {key: out[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in out} | {
        key: value for key, value in out.items() if key not in ("apiVersion", "kind", "metadata", "spec")
    }


def _drop_ours(holder: dict[str, Any], field: str) -> None:
    kept = {key: value for key, value in (holder.get(field) or {}).items() if not key.startswith(_OURS)}
    holder.pop(field, None)
    if kept:
        holder[field] = kept
