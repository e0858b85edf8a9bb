"""Argo Rollouts' AnalysisTemplates as gates: metrics of Prometheus, web and job providers; the others are named."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .draft import Draft, Foreign, Shelf, head
from .gate import Unmet, add, duration, gate_of, put
from .ledger import Field, go_seconds

TEMPLATE, CLUSTER_TEMPLATE = "AnalysisTemplate", "ClusterAnalysisTemplate"
_BOOKKEEPING = "of an AnalysisRun, which rollway has none of: what gates measured is kept beside the revision"
_SOURCES = ("prometheus", "web", "job")
_SECRET = "\0secret:"
"""Marks an argument that is a key of a Secret; it may only stand where the release file takes a credential."""


UNASKED = "no gate that is made of it asks for this argument"


class Arguments(NamedTuple):
    """Values by name (`args.x`), where they are written, and why others have none."""

    values: dict[str, str]
    missing: dict[str, str]
    places: dict[str, Field]


def referred(analysis: Field, draft: Draft, shelf: Shelf, when: Any) -> None:
    """The gates of an analysis of a Rollout, with `templates` and `args`, measured `when`."""
    for key in ("analysisRunMetadata", "measurementRetention"):
        analysis[key].name(_BOOKKEEPING)
    given, dry = _given(analysis["args"], draft), _dry(analysis["dryRun"])
    for ref in analysis["templates"].items():
        _of_ref(ref, draft, shelf, when, given, dry)


def of_ref(ref: Field, draft: Draft, shelf: Shelf, when: Any) -> None:
    """The gates of an experiment's analysis, which names one template itself."""
    ref["name"].name("a gate has the name of its metric")
    ref["requiredForCompletion"].name("a pause waits for each of its gates that can be decided")
    _of_ref(ref, draft, shelf, when, _given(ref["args"], draft), {})


def _of_ref(ref: Field, draft: Draft, shelf: Shelf, when: Any, given: Arguments, dry: Mapping[str, Field]) -> None:
    name = ref["templateName"].text()
    is_cluster = bool(ref["clusterScope"].flag())
    doc = shelf.find(CLUSTER_TEMPLATE if is_cluster else TEMPLATE, name or "")
    if doc is None:
        ref["templateName"].name(f"there is no such {CLUSTER_TEMPLATE if is_cluster else TEMPLATE} among the files")
        return
    taken(doc, draft, shelf, when, given, dry, ())


def alone(doc: Foreign, draft: Draft, shelf: Shelf) -> None:
    """The gates of a template that nothing refers to, measured whenever gates are."""
    taken(doc, draft, shelf, None, Arguments({}, {}, {}), {}, ())


def taken(
    doc: Foreign, draft: Draft, shelf: Shelf, when: Any, given: Arguments, dry: Mapping[str, Field], above: tuple[str, ...]
) -> None:
    """The gates of a template, and of those that it names. `above` are the templates that named this one."""
    draft.use(doc)
    head(doc.root)
    _metadata(doc.root["metadata"])
    spec = doc.root["spec"]
    spec["measurementRetention"].name(_BOOKKEEPING)
    arguments, dry = _defaults(spec["args"], given), {**dry, **_dry(spec["dryRun"])}
    for metric in spec["metrics"].items():
        try:
            made = _gate(metric, arguments, when, dry)
        except Unmet as unmet:
            metric.name(str(unmet))
            continue
        add(draft.gates, made)
    for ref in spec["templates"].items():
        name = ref["templateName"].text() or ""
        other = shelf.find(CLUSTER_TEMPLATE if ref["clusterScope"].flag() else TEMPLATE, name)
        if other is None or name in above or name == doc.name:
            ref.name("there is no such template among the files" if other is None else "it names itself")
        else:
            taken(other, draft, shelf, when, given, dry, (*above, doc.name))


def _metadata(meta: Field) -> None:
    meta["namespace"].take()
    for key in ("labels", "annotations"):
        meta[key].name("a gate has neither labels nor annotations")


# arguments


def _given(args: Field, draft: Draft) -> Arguments:
    found = Arguments({}, {}, {})
    for arg in args.items():
        _argument(arg, found, draft)
    return found


def _defaults(args: Field, given: Arguments) -> Arguments:
    """The template's own values, where the one that refers to it gives none."""
    own = Arguments({}, {}, {})
    for arg in args.items():
        _argument(arg, own, None)
    missing = {name: why for name, why in own.missing.items() if name not in given.values}
    return Arguments({**own.values, **given.values}, {**missing, **given.missing}, {**own.places, **given.places})


def _argument(arg: Field, found: Arguments, draft: Draft | None) -> None:
    name = arg["name"].value
    if not isinstance(name, str):
        return
    arg.name(UNASKED)
    value, source = arg["value"], arg["valueFrom"]
    if isinstance(value.value, str | int | float) and not isinstance(value.value, bool):
        found.values[name] = str(value.value)
        found.places[name] = arg
        return
    if not source.is_there:
        found.missing[name] = f"its argument {name} has no value: whatever starts the analysis gives it"
        return
    secret, place = source["secretKeyRef"], source.at("fieldRef", "fieldPath")
    if isinstance(secret.value, Mapping):
        found.values[name] = f"{_SECRET}{secret['name'].value}\0{secret['key'].value}\0"
        found.places[name] = arg
    elif isinstance(place.value, str) and draft is not None and (known := _of_rollout(place.value, draft)) is not None:
        found.values[name] = known
        found.places[name] = arg
    else:
        reason = (
            "rollway puts no hash of its own into labels: {{ pods }} is a regular expression of one version's pods"
            if "podTemplateHashValue" in (source.value if isinstance(source.value, Mapping) else {})
            else "rollway does not know that field"
        )
        source.name(reason)
        found.missing[name] = f"its argument {name} is taken from the Rollout: {reason}"


def _of_rollout(path: str, draft: Draft) -> str | None:
    if path == "metadata.namespace":
        return "{{ namespace }}"
    if path == "metadata.name":
        return "{{ app }}"
    found = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    value = draft.main.root.at("metadata", found[1], found[2]).value if found else None
    return value if isinstance(value, str) else None


def _dry(runs: Field) -> dict[str, Field]:
    """Patterns of the metrics that are only told of."""
    found = {}
    for run in runs.items():
        run.name("no gate that is made of it is called so")
        if isinstance(name := run["metricName"].value, str):
            found[name] = run
    return found


def _is_dry(name: str, patterns: Mapping[str, Field]) -> bool:
    for pattern, run in patterns.items():
        try:
            fits = re.fullmatch(pattern, name) is not None
        except re.error:
            fits = pattern == name
        if fits:
            run.take()
            return True
    return False


class _Texts(NamedTuple):
    """Fills the `{{args.x}}` of one metric's texts; `used` grows by the arguments that it has needed."""

    arguments: Arguments
    used: dict[str, None]

    def of(self, field: Field) -> str | None:
        text = field.text()
        if text is None:
            return None
        filled = self.filled(text)
        if _SECRET in filled:
            raise Unmet("a Secret's value may only be a token or a password in the release file, and this is neither")
        return filled

    def credential(self, field: Field) -> dict[str, str] | None:
        """The Secret's key that a field stands for, where it is nothing else but an optional `Bearer`."""
        text = field.text()
        found = re.fullmatch(rf"(?:Bearer )?{_SECRET}([^\0]*)\0([^\0]*)\0", self.filled(text)) if text else None
        return {"secret": found[1], "key": found[2]} if found else None

    def number(self, field: Field, least: int = 0) -> int | None:
        """A count, which may be an argument's."""
        if isinstance(field.value, str) and "{{" in field.value:
            text = self.of(field) or ""
            if not re.fullmatch(r"[0-9]{1,9}", text):
                raise Unmet(f"{text!r} is no whole number")
            return int(text)
        return field.count(least)

    def seconds(self, field: Field) -> int | None:
        if isinstance(field.value, str) and "{{" in field.value:
            exact = go_seconds(self.of(field))
            if exact is None:
                raise Unmet(f"{self.of(field)!r} is no duration")
            return math.ceil(exact)
        return field.seconds()

    def filled(self, text: str) -> str:
        for name in re.findall(r"\{\{\s*args\.([^{}\s]+)\s*\}\}", text):
            if name not in self.arguments.values:
                raise Unmet(self.arguments.missing.get(name, f"its argument {name} is declared nowhere"))
            self.used[name] = None
        return put(text, {f"args.{name}": value for name, value in self.arguments.values.items()})


# metrics


def _gate(metric: Field, arguments: Arguments, when: Any, dry: Mapping[str, Field]) -> dict[str, Any]:
    """Raises Unmet."""
    texts = _Texts(arguments, {})
    name = texts.of(metric["name"]) or ""
    provider = metric["provider"]
    found = next((key for key in _SOURCES if isinstance(provider[key].value, Mapping)), None)
    if found is None:
        known = ", ".join(str(key) for key in provider.value) if isinstance(provider.value, Mapping) else ""
        raise Unmet(
            f"rollway does not measure by {known}: its HTTP API can be asked by a gate with url"
            if known
            else "it has no provider"
        )
    made: dict[str, Any] = {"name": name or "metric", **_SOURCE_OF[found](provider[found], texts)}
    for key, taken_as in (("successCondition", "success"), ("failureCondition", "failure")):
        if text := texts.of(metric[key]):
            made[taken_as] = text
    if found != "job" and not {"success", "failure"} & set(made):
        raise Unmet("it has no condition, so that whatever it measures is good: a gate of it would decide nothing")
    made |= _limits(metric, texts)
    if when is not None:
        made["when"] = when
    made = gate_of(made)
    if _is_dry(name, dry):
        made["onFail"] = "report"
    for used in texts.used:
        arguments.places[used].take()
    return made


def _limits(metric: Field, texts: _Texts) -> dict[str, Any]:
    made: dict[str, Any] = {}
    interval, count = texts.seconds(metric["interval"]), texts.number(metric["count"])
    if interval is not None:
        made["interval"] = duration(max(interval, 1))
    if count:
        made["count"] = count
    elif interval is None:
        made["count"] = 1  # what has no interval is measured once
    if delay := texts.seconds(metric["initialDelay"]):
        made["initialDelay"] = duration(delay)
    for key in ("failureLimit", "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit"):
        if key == "failureLimit" and metric[key].value in (-1, "-1"):
            metric[key].take()
            made["onFail"] = "report"
            continue
        value = texts.number(metric[key])
        if value is not None and (value or key != "consecutiveSuccessLimit"):
            made[key] = value
    return made


def _http(field: Field, texts: _Texts, timeout: str) -> dict[str, Any]:
    """What Prometheus and web providers share: headers, authentication, how long."""
    made: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for pair in field["headers"].items():
        key = texts.of(pair["key"]) or ""
        if key.lower() == "authorization" and (credential := texts.credential(pair["value"])):
            made["bearerToken"] = credential
        else:
            headers[key] = texts.of(pair["value"]) or ""
    if headers:
        made["headers"] = headers
    made |= _authentication(field["authentication"], texts)
    if seconds := field[timeout].count(1):
        made["timeout"] = duration(seconds)
    if field["insecure"].flag():
        raise Unmet("it does not check the server's certificate: caFile names an authority that the system does not know")
    return made


def _authentication(field: Field, texts: _Texts) -> dict[str, Any]:
    for key, below in field.pairs():
        if key != "basicAuth" and below.value not in (None, {}):
            raise Unmet(f"it authenticates by {key}; rollway knows bearer tokens and basic authentication")
    basic = field["basicAuth"]
    if not isinstance(basic.value, Mapping) or not basic.value:
        return {}
    password = texts.credential(basic["password"])
    if password is None:
        raise Unmet("a password has to be a Secret's key: it is written into no release file")
    return {"username": texts.of(basic["username"]) or "", "password": password}


def _prometheus(field: Field, texts: _Texts) -> dict[str, Any]:
    if field["rangeQuery"].is_there:
        raise Unmet("it asks for a range: a gate asks for the value now, at each measurement")
    address = texts.of(field["address"])
    if not address:
        raise Unmet("it names no address: the controller's own default is not in the manifests")
    options = _http(field, texts, "timeout")
    return {"prometheus": {"address": address, **options} if options else address, "query": texts.of(field["query"]) or ""}


def _web(field: Field, texts: _Texts) -> dict[str, Any]:
    made: dict[str, Any] = {"address": texts.of(field["url"]) or ""}
    if method := texts.of(field["method"]):
        made["method"] = method
    body = texts.of(field["body"])
    if field["jsonBody"].is_there:
        body = texts.filled(json.dumps(field["jsonBody"].take()))
    if body is not None:
        made["body"] = body
    if path := texts.of(field["jsonPath"]):
        made["path"] = path
    return {"url": made | _http(field, texts, "timeoutSeconds")}


def _job(field: Field, texts: _Texts) -> dict[str, Any]:
    field["metadata"].name("a gate's Job has rollway's own labels")
    spec = field["spec"]
    pod = spec.at("template", "spec")
    spec.at("template", "metadata").name("the pods of a gate's Job carry rollway's own labels")
    spec["backoffLimit"].name("a gate's Job is not tried again by itself: failureLimit says how many may fail")
    pod["restartPolicy"].name("never, in a gate's Job")
    containers = pod["containers"].items()
    stray = [key for key in ("initContainers", "volumes") if pod[key].value]
    if len(containers) != 1 or stray:
        raise Unmet(f"its pods have {' and '.join(stray) or 'no or several containers'}: a gate's Job is one plain container")
    container = containers[0]
    container["name"].take()
    made: dict[str, Any] = {"image": texts.of(container["image"]) or ""}
    for key in ("command", "args"):
        if container[key].is_there:
            made[key] = [texts.of(word) or "" for word in container[key].items()]
    if env := _env(container, texts):
        made["env"] = env
    if account := texts.of(pod["serviceAccountName"]):
        made["serviceAccount"] = account
    if deadline := spec["activeDeadlineSeconds"].count(1):
        made["timeout"] = duration(deadline)
    return {"job": made if len(made) > 1 else made["image"]}


def _env(container: Field, texts: _Texts) -> dict[str, str]:
    if container["envFrom"].value or container["volumeMounts"].value:
        raise Unmet("its container takes variables or files from elsewhere: a gate's Job takes literal ones")
    found: dict[str, str] = {}
    for variable in container["env"].items():
        if variable["valueFrom"].is_there:
            raise Unmet("its container takes variables from elsewhere: a gate's Job takes literal ones")
        found[texts.of(variable["name"]) or ""] = texts.of(variable["value"]) or ""
    return found


_SOURCE_OF = {"prometheus": _prometheus, "web": _web, "job": _job}
