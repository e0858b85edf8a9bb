"""Manifests that the user's own programs render at each release: a Helm chart, a kustomization."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, Tag, field_validator

from ..errors import BadInput
from .names import safe_name, wrong_label
from .reading import MAX_BYTES, read_text
from .strict import Strict
from .wrong import Wrong
from .yamlfile import documents

LONGEST_S = 120
CHART = "Chart.yaml"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MARK = "<"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class HelmChart(Strict):
    """A chart, rendered by `helm template`, without its hooks."""

    helm: str = Field(description="The chart's folder or archive, relative to this file, or oci://…")
    values: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field((), description="Files of values, the last one wins.")
    release: str | None = Field(None, description="What the chart knows as .Release.Name. Default: app, else the chart's name.")
    crds: StrictBool = Field(
        False, description="Also what lies in its crds/, as `helm install` applies it, and `helm template` not."
    )

    @field_validator("release")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and (wrong := wrong_label(name, 53)):
            raise Wrong(f"{name!r} is no release's name: {wrong}")
        return name


class Kustomization(Strict):
    """A folder with a kustomization, rendered by `kubectl kustomize`."""

    kustomize: str = Field(description="The folder, relative to this file.")


Rendering = HelmChart | Kustomization


def _sort(entry: Any) -> str:
    """Which of them an entry of `manifests` is meant to be."""
    if isinstance(entry, dict | HelmChart | Kustomization):
        is_chart = isinstance(entry, HelmChart) or (isinstance(entry, dict) and "kustomize" not in entry)
        return "helm" if is_chart else "kustomize"
    return "text"


Entry = Annotated[
    Annotated[str, Tag("text")] | Annotated[HelmChart, Tag("helm")] | Annotated[Kustomization, Tag("kustomize")],
    Discriminator(_sort),
]
"""An item of `manifests`."""


class Names(NamedTuple):
    """What a chart may ask for; each may be empty."""

    app: str = ""
    namespace: str = ""


def of_folder(path: str) -> Rendering | None:
    """What renders a folder, where it is a chart or a kustomization."""
    if os.path.isfile(os.path.join(path, CHART)):
        return HelmChart(helm=path, crds=os.path.isdir(os.path.join(path, "crds")))
    if any(os.path.isfile(os.path.join(path, name)) for name in KUSTOMIZATIONS):
        return Kustomization(kustomize=path)
    return None


def parts_of(folder: str) -> list[str]:
    """What a kustomization is made of, as it names it: files, folders and addresses. Empty where it cannot be read."""
    for name in KUSTOMIZATIONS:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        try:
            data = next(documents(read_text(path, path), path)).data
        except (BadInput, StopIteration):
            return []
        lists = [data.get(key) for key in ("resources", "bases", "components")] if isinstance(data, dict) else []
        return [part for parts in lists if isinstance(parts, list) for part in parts if isinstance(part, str)]
    return []


def source_of(entry: Rendering, folder: str) -> str:
    """How places in what is rendered are told: a file's name that is none, in the folder that it is rendered from."""
    path, program = (entry.helm, "helm template") if isinstance(entry, HelmChart) else (entry.kustomize, "kubectl kustomize")
    return os.path.join(os.path.normpath(os.path.join(folder, path)), f"{_MARK}{program}>")


def renderer_of(source: str) -> str:
    """The program that a document comes from, where its source is one of `source_of`; else nothing."""
    name = os.path.basename(source)
    return name[len(_MARK) : -1] if name.startswith(_MARK) else ""


def text_of(entry: Rendering, folder: str, where: str, names: Names) -> str:
    """What the user's program makes of it. Raises BadInput: the program or the folder is missing, it fails, it does not end."""
    if isinstance(entry, Kustomization):
        path = _there(entry.kustomize, folder, where)
        return _run(["kubectl", "kustomize", path], where, f"kubectl kustomize {entry.kustomize}")
    is_remote = entry.helm.startswith("oci://")
    chart = entry.helm if is_remote else _there(entry.helm, folder, where)
    name = entry.release or safe_name(names.app or _own_name(chart))[:53].strip("-") or "release"
    words = ["helm", "template", name, chart, "--no-hooks"]
    if entry.crds:
        words.append("--include-crds")
    if names.namespace:
        words += ["--namespace", names.namespace]
    for file in entry.values:
        words += ["--values", _there(file, folder, where)]
    return _run(words, where, f"helm template {entry.helm}")


def _own_name(chart: str) -> str:
    """As its Chart.yaml says; of an archive and of what is elsewhere the last part of the path."""
    path = os.path.join(chart, CHART)
    if os.path.isfile(path):
        with contextlib.suppress(BadInput, StopIteration):
            data = next(documents(read_text(path, path), path)).data
            if isinstance(data, dict) and isinstance(name := data.get("name"), str):
                return name
    return os.path.basename(chart.rstrip("/"))


def _there(path: str, folder: str, where: str) -> str:
    """An absolute path, which no program takes for an option."""
    found = os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
    if "\0" in path or not path or not os.path.exists(found):
        raise BadInput(f"no such file or folder: {os.path.normpath(os.path.join(folder, path))}", where=where)
    return found


def _run(words: Sequence[str], where: str, said: str) -> str:
    program = words[0]
    if shutil.which(program) is None:
        raise BadInput(
            f"{program} is not on the PATH: it is what renders `{said}`",
            where=where,
            hint=f"install {program}, or render by hand: {said} > k8s/app.yaml",
        )
    import subprocess

    try:
        done = subprocess.run(words, capture_output=True, timeout=LONGEST_S, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"`{said}` has not ended within {LONGEST_S} s", where=where) from error
    except OSError as error:
        raise BadInput(f"`{said}` cannot be run: {error.strerror}", where=where) from error
    if done.returncode != 0:
        first, *rest = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise BadInput(f"`{said}` fails: {first}", where=where, detail="\n".join(rest[:20]))
    if len(done.stdout) > MAX_BYTES:
        raise BadInput(f"`{said}` makes more than {MAX_BYTES // 1024 // 1024} MiB", where=where)
    return done.stdout.decode("utf-8", "replace")
