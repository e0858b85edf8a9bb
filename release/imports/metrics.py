"""Flagger's metrics as gates: its own two, and MetricTemplates that ask a Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...gates.ready import READY
from .draft import Draft, Foreign, Shelf, head
from .gate import Unmet, add, duration, gate_of, put
from .ledger import Field

TEMPLATE = "MetricTemplate"
PROMETHEUS = {
    "istio": "http://prometheus.istio-system:9090",
    "linkerd": "http://prometheus.linkerd-viz:9090",
    "nginx": "http://flagger-prometheus.ingress-nginx:9090",
    "contour": "http://flagger-prometheus.projectcontour:9090",
    "gloo": "http://flagger-prometheus.gloo-system:9090",
    "appmesh": "http://appmesh-prometheus.appmesh-system:9090",
    "kubernetes": "http://flagger-prometheus:9090",
}
"""Where Flagger's installation guides have its Prometheus, which no Canary has to name."""
_QUERIES = {
    "istio": "istio", "linkerd": "linkerd", "nginx": "nginx", "contour": "envoy", "gloo": "envoy", "appmesh": "envoy",
    "kubernetes": "http",
}  # fmt: skip
WINDOW_S = 60
"""Flagger's own, where a metric names no interval."""


class Source(NamedTuple):
    """What all metrics of an analysis share. `failures` is how many failed measurements are borne; `iterations` how many there
    are, where that is limited."""

    provider: str
    spec: Field
    interval: int
    iterations: int | None
    failures: int
    when: Any


def add_gate(metric: Field, source: Source, draft: Draft, shelf: Shelf) -> None:
    """A gate of a metric of a Canary's analysis, or the reason why there is none."""
    try:
        made = _gate(metric, source, draft, shelf)
    except Unmet as unmet:
        metric.name(str(unmet))
    else:
        add(draft.gates, made)


def _gate(metric: Field, source: Source, draft: Draft, shelf: Shelf) -> dict[str, Any]:
    name = metric["name"].text() or "metric"
    window = metric["interval"].seconds() or WINDOW_S
    ref = metric["templateRef"]
    if ref.is_there:
        made = _of_template(metric, ref, window, source, draft, shelf)
        bounds = _bounds(metric, "max")
    elif (query := metric["query"].text()) is not None:
        made = {"prometheus": _address(source), "query": put(query, _values(metric, window, source, draft))}
        bounds = _bounds(metric, "max")
    elif name == "request-success-rate":
        made = _errors(metric, source, _bounds(metric, "min"))
        bounds = {}
    elif name == "request-duration":
        made, bounds = _latency(window, source), _bounds(metric, "max")
    else:
        raise Unmet("it has neither a query nor a templateRef, and Flagger has no metric of that name")
    made = {"name": name, **made, **bounds, "interval": duration(max(source.interval, 1))}
    failures = min(source.failures, source.iterations - 1) if source.iterations else source.failures
    if failures:
        made["failureLimit"] = failures
    if source.iterations:
        made["count"] = source.iterations
    if source.when != "always":
        made["when"] = source.when
    return gate_of(made)


def _bounds(metric: Field, old: str) -> dict[str, float]:
    """thresholdRange; `threshold`, which it replaces, is the bound that `old` names."""
    found = {key: value for key in ("min", "max") if (value := metric.at("thresholdRange", key).number()) is not None}
    if not found and (value := metric["threshold"].number()) is not None:
        found = {old: value}
    return found


def _ready(source: Source) -> str:
    base = source.provider.partition(":")[0]
    if base not in _QUERIES:
        raise Unmet(f"rollway has no ready-made queries for {source.provider}: write the gate's query yourself")
    return _QUERIES[base]


def _address(source: Source) -> str:
    server = source.spec["metricsServer"].text()
    return server or PROMETHEUS.get(source.provider.partition(":")[0], PROMETHEUS["istio"])


def _errors(metric: Field, source: Source, bounds: Mapping[str, float]) -> dict[str, Any]:
    """The share of requests without an error in percent, as the share of errors."""
    if not bounds:
        raise Unmet("it has no threshold")
    if (interval := metric["interval"]).is_there:
        interval.remark("errors are counted from one measurement to the next")
    turned = {"min": "max", "max": "min"}
    shares = {turned[key]: round(1 - value / 100, 6) for key, value in bounds.items()}
    return {"prometheus": _address(source), "use": _ready(source), **shares}


def _latency(window: int, source: Source) -> dict[str, Any]:
    """The 99th percentile in milliseconds."""
    ready = READY[_ready(source)]
    query = f"histogram_quantile(0.99, {put(ready.latency, {'interval': duration(window)})})"
    return {"prometheus": _address(source), "query": query if ready.seconds == 1000 else f"1000 * {query}"}


def _of_template(metric: Field, ref: Field, window: int, source: Source, draft: Draft, shelf: Shelf) -> dict[str, Any]:
    name = ref["name"].text() or ""
    doc = shelf.find(TEMPLATE, name)
    if doc is None:
        raise Unmet(f"there is no MetricTemplate {name} among the files")
    if ref["namespace"].text() != doc.root.at("metadata", "namespace").value:
        ref["namespace"].name("the MetricTemplate of that name among the files is of another namespace, or of none")
    draft.use(doc)
    return of_template(doc, _values(metric, window, source, draft))


def of_template(doc: Foreign, values: Mapping[str, str]) -> dict[str, Any]:
    """Where a template's gate measures, and what. Raises Unmet, and says so in the template as well."""
    root = doc.root
    head(root)
    root.at("metadata", "namespace").take()
    for key in ("labels", "annotations"):
        root.at("metadata", key).name("a gate has neither labels nor annotations")
    try:
        return _asked(root["spec"], values)
    except Unmet as unmet:
        root["spec"].name(str(unmet))
        raise


def _asked(spec: Field, values: Mapping[str, str]) -> dict[str, Any]:
    provider = spec["provider"]
    kind = provider["type"].text()
    if kind != "prometheus":
        raise Unmet(f"rollway does not measure by {kind or 'nothing'}: its HTTP API can be asked by a gate with url")
    if provider["secretRef"].is_there:
        raise Unmet("its Prometheus wants a password or a token, of which the manifests do not say which: see docs/gates.md")
    if provider["insecureSkipVerify"].flag():
        raise Unmet("it does not check the server's certificate: caFile names an authority that the system does not know")
    options: dict[str, Any] = {"address": provider["address"].text() or ""}
    if headers := _headers(provider["headers"]):
        options["headers"] = headers
    query = put(spec["query"].text() or "", values)
    return {"prometheus": options if len(options) > 1 else options["address"], "query": query}


def _headers(field: Field) -> dict[str, str]:
    found = {}
    for key, values in field.pairs():
        texts = [text for item in values.items() if (text := item.text()) is not None]
        found[key] = ", ".join(texts)
    return found


def _values(metric: Field, window: int, source: Source, draft: Draft) -> dict[str, str]:
    """What stands for Flagger's variables; its target is the Deployment of the version that is measured."""
    found = {
        "name": draft.name, "target": "{{ deployment }}", "namespace": "{{ namespace }}", "service": "{{ service }}",
        "interval": duration(window), "app": draft.name,
    }  # fmt: skip
    for key, ref in (("ingress", "ingressRef"), ("route", "routeRef")):
        if isinstance(name := source.spec.at(ref, "name").value, str):
            found[key] = name
    for key, value in metric["templateVariables"].pairs():
        if (text := value.text()) is not None:
            found[f"variables.{key}"] = text
    return found
