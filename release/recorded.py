"""A release's record that comes from outside of the cluster, as that of a saved plan: held to what manifests in files are,
so that whoever has written it by hand is told where it is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from ..errors import BadInput
from ..kube.objects import JOB, Obj, get, kind_of
from ..kube.validation.manifest import misshapen
from . import checks
from .conduct import as_recorded
from .file import named, shown, sort_of
from .manifests import Located, check_head
from .model import Release
from .options import STRATEGIES, RouterName
from .yamlfile import Document, Path

TEXTS = ("app", "namespace", "strategy", "router", "container")
LISTS = ("services", "others", "hooks")
LEFT_OUT = ("router", "container", "hooks")
"""Of these, those that a record may lack."""


class Record(Document):
    """Its places are named by their path, below `source` where that is not empty."""

    def where(self, path: Path = ()) -> str:
        return ".".join(filter(None, (self.source, named(path) if path else "")))


def read(record: Mapping[str, Any], source: str) -> Release:
    """The release of a record whose place is called `source`. Raises BadInput, with the place of what is wrong in it."""
    _refuse_other_shape(record, source)
    document = Record(record, source)
    items = []
    for item in _objects(record, document):
        check(item)
        items.append(item)
    workload = items[0]
    checks.objects([item for item in items if item.path[0] != "hooks"])
    if not (checks.is_deployment(workload.obj) or checks.is_set(workload.obj)):
        raise BadInput(f"{workload} is no Deployment, StatefulSet or DaemonSet", where=workload.where("kind"))
    checks.workload(workload)
    _refuse_without_image(workload)
    for item in items:
        if item.path[0] == "services" and not get(item.obj, "spec", "selector"):
            raise BadInput(f"{item} selects no pods", where=item.where("spec", "selector"))
    try:
        return as_recorded(Release.from_record(record), record).with_namespace(record["namespace"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"the release cannot be read: {error}", where=source) from error


def _refuse_other_shape(record: Mapping[str, Any], source: str) -> None:
    for key in (*TEXTS, *LISTS, "workload"):
        wanted, word = (str, "a text") if key in TEXTS else (list, "a list") if key in LISTS else (dict, "a mapping")
        if key not in record and key not in LEFT_OUT:
            raise BadInput(f"no {key}", where=source)
        if not isinstance(record.get(key, wanted()), wanted):
            raise BadInput(f"is {sort_of(record[key])}; it takes {word}", where=f"{source}.{key}")
    for key, known in (("strategy", STRATEGIES), ("router", get_args(RouterName))):
        if record.get(key, "auto") not in (*known, "auto"):
            raise BadInput(f"unknown {key} {shown(record[key])}", where=f"{source}.{key}")
    for place, hook in enumerate(record.get("hooks", [])):
        if not isinstance(hook, dict) or not isinstance(hook.get("name"), str) or not isinstance(hook.get("job"), dict):
            raise BadInput("is no hook: it takes a mapping with a name and a job", where=f"{source}.hooks[{place}]")


def _objects(record: Mapping[str, Any], document: Document) -> Iterator[Located]:
    """That of the workload first; a hook's Job, which has no head of its own, under the hook's name."""
    yield Located(record["workload"], document, ("workload",))
    for key in ("services", "others"):
        for place, obj in enumerate(record[key]):
            if not isinstance(obj, dict):
                raise BadInput(f"is {sort_of(obj)}; it takes an object", where=document.where((key, place)))
            yield Located(obj, document, (key, place))
    for place, hook in enumerate(record.get("hooks", [])):
        named_so = {"name": hook["name"]}
        meta = hook["job"].get("metadata", {})
        head = {"apiVersion": JOB.api_version, "kind": JOB.name, "metadata": meta | named_so if isinstance(meta, dict) else meta}
        yield Located({**hook["job"], **head}, document, ("hooks", place, "job"))


def check(item: Located) -> None:
    """Its head, and the types of what is in it. Raises BadInput."""
    check_head(item)
    kind = kind_of(item.obj["apiVersion"], item.obj["kind"])
    for mistake in misshapen(kind, item.obj) if kind else ():
        raise BadInput(f"{item}: {mistake.text}", where=item.where(*mistake.path))


def _refuse_without_image(item: Located) -> None:
    path = ("spec", "template", "spec", "containers")
    containers: list[Obj] = item.obj["spec"]["template"]["spec"]["containers"]
    for place, container in enumerate(containers):
        if not container.get("image"):
            raise BadInput(f"{item}: container {container['name']} has no image", where=item.where(*path, place))
