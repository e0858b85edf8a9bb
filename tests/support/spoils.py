"""What is made wrong with an application that is well written: by one field, or by an object beside it."""

from __future__ import annotations

from typing import Any

import yaml
from checked import Spoil, Written
from rollway.kube.objects import Obj


def limits(surge: object, unavailable: object) -> Spoil:
    def spoil(app: Written) -> None:
        app.spec["strategy"] = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}

    return spoil


def with_file(**keys: Any) -> Spoil:
    return lambda app: app.file.update(keys)


def pods(count: int | None) -> Spoil:
    def spoil(app: Written) -> None:
        app.spec.pop("replicas")
        if count is not None:
            app.spec["replicas"] = count

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(app: Written) -> None:
        for each in spoils:
            each(app)

    return spoil


def adds(text: str) -> Spoil:
    return lambda app: app.add(text)


POLICY = """
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: shop}]
  sessionPersistence: {sessionName: s}
"""
HTTP_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs: [{name: shop, port: 80}]
"""
NGINX = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 8m}}
spec:
  rules:
  - {host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {name: http}}}}]}}
"""
NGINX_TOO = NGINX.replace("metadata: {name: shop", "metadata: {name: b").replace("service: {name: shop", "service: {name: other")
TO_OTHER = HTTP_ROUTE.replace("metadata: {name: shop}", "metadata: {name: b}").replace("[{name: shop", "[{name: other")
OF_HOST_B = TO_OTHER.replace("rules:", "hostnames: [b.com]\n  rules:")
MATCHING = TO_OTHER.replace("- backendRefs", "- matches: [{%s}]\n    backendRefs")
MATCHING_TOO = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: c}
spec:
  parentRefs: [{name: edge, kind: Gateway}]
  rules:
  - matches: [{path: {value: %s, type: Exact}}]
    backendRefs: [{name: shop, port: 80}]
"""


def beta_of(headers: str) -> Spoil:
    """A canary whose first step is for those who send the headers."""
    match = {"headers": yaml.load(headers, yaml.BaseLoader)}
    return with_file(strategies={"canary": {"steps": [{"weight": 0, "match": [match]}, {"weight": 50}]}})


def copied(app: Written) -> None:
    app.file["strategies"] = {"canary": {"steps": [{"mirror": 10}, {"weight": 50}]}}


def kept(app: Written) -> None:
    app.file["strategies"] = {
        "canary": {"steps": [{"weight": 1}, {"weight": 50}], "sticky": True},
        "ab": {"weight": 5, "sticky": True},
    }


def named_so(name: str) -> Spoil:
    """The Deployment and its Service."""

    def spoil(app: Written) -> None:
        for obj in (app.deployment, app.service):
            obj["metadata"]["name"] = name
        app.file |= {"app": "shop", "workload": name}

    return spoil


def sets(at: str, value: Any) -> Spoil:
    """`pod.volumes`, `service.spec.selector`: of what `Written` names, the key at a dotted path."""

    def spoil(app: Written) -> None:
        name, *path, last = at.split(".")
        holder = getattr(app, name)
        for key in path:
            holder = holder[int(key)] if isinstance(holder, list) else holder.setdefault(key, {})
        holder[int(last) if isinstance(holder, list) else last] = value

    return spoil


def claim(mode: str) -> Spoil:
    spec = f"{{accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}"
    pvc = f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data}}, spec: {spec}}}"
    return both(adds(pvc), sets("pod.volumes", [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]))


def apart(required: bool = True, labels: dict[str, str] | None = None, **more: Any) -> Spoil:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels or {"app": "shop"}}, **more}
    if required:
        rules: Obj = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    else:
        rules = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    return sets("pod.affinity", {"podAntiAffinity": rules})


def quota(**hard: str) -> Spoil:
    listed = ", ".join(f"{key.replace('_', '.')}: '{value}'" for key, value in hard.items())
    return adds(f"{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{{listed}}}}}}}")


def budget(labels: str = "app: shop", **spec: object) -> Spoil:
    listed = "".join(f", {key}: {value}" for key, value in spec.items())
    return adds(
        f"{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b}}, "
        f"spec: {{selector: {{matchLabels: {{{labels}}}}}{listed}}}}}"
    )


def scaled(name: str = "shop", least: int = 2) -> Spoil:
    return adds(
        f"{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{minReplicas: {least}, "
        f"maxReplicas: 9, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}}}}}"
    )


def makes_pods(kind: str, labels: str) -> Spoil:
    pod = "spec: {restartPolicy: Never, containers: [{name: other, image: 'ghcr.io/acme/other:1.0'}]}"
    version = "batch/v1" if kind == "Job" else "apps/v1"
    selector = "" if kind == "Job" else f"selector: {{matchLabels: {{{labels}}}}}, "
    return adds(
        f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: other}}, "
        f"spec: {{{selector}template: {{metadata: {{labels: {{{labels}}}}}, {pod}}}}}}}"
    )


def alb(target: str = "ip", ingress_class: str = "alb") -> Spoil:
    return adds(
        f"{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i, annotations: "
        f"{{alb.ingress.kubernetes.io/target-type: {target}}}}}, spec: {{ingressClassName: {ingress_class}}}}}"
    )


def namespace(label: str) -> Spoil:
    text = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{{label}}}}}}}"
    return both(adds(text), with_file(namespace="shop"))


def routes(*rules: str) -> Spoil:
    return adds(
        f"{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v}}, "
        f"spec: {{hosts: [shop], http: [{', '.join(rules)}]}}}}"
    )


def subsets(*names: str, name: str = "d") -> Spoil:
    listed = ", ".join(f"{{name: {name}, labels: {{version: {name}}}}}" for name in names)
    return adds(
        f"{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}}}, "
        f"spec: {{host: shop, subsets: [{listed}]}}}}"
    )


def steps(*weights: int, **options: Any) -> Spoil:
    return with_file(strategies={"canary": {"steps": [{"weight": weight} for weight in weights], **options}})


def old_ingress(app: Written) -> None:
    app.add(
        "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}, spec: {backend: {serviceName: shop, "
        "servicePort: http}, rules: [{http: {paths: [{path: /, backend: {serviceName: shop, servicePort: 80}}]}}]}}"
    )


def new_ingress(port: str) -> Spoil:
    return adds(
        f"{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i}}, spec: {{rules: [{{http: {{paths: "
        f"[{{path: /, pathType: Prefix, backend: {{service: {{name: shop, port: {port}}}}}}}]}}}}]}}}}"
    )


def misspelt(app: Written) -> None:
    app.container["readynessProbe"] = app.container.pop("readinessProbe")


TO_SHOP = "{route: [{destination: {host: shop}}]}"
NINE_OF_TEN = "{route: [{destination: {host: shop, subset: v1}, weight: 90}, {destination: {host: shop}, weight: 10}]}"
OF_ALL = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d}
spec: {host: shop, subsets: [{name: v1, labels: {app: shop}}]}
"""
ONLY_ADMIN = "{match: [{uri: {prefix: /admin}}], route: [{destination: {host: shop}}]}"
MATCHED = "{match: [{headers: {x-api-version: {exact: v2}}}], route: [{destination: {host: shop}}]}"


def configured(source: str, *objects: str) -> Spoil:
    """A variable from that source, beside those objects."""
    return both(sets("container.env", [{"name": "MODE", "valueFrom": yaml.safe_load(source)}]), *map(adds, objects))


CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {mode: fast}}"
KEY = "{configMapKeyRef: {name: c, key: mode}}"
ITEMS = {"name": "c", "items": [{"key": "a", "path": "a"}]}
SECRET_KEY = "{secretKeyRef: {name: s, key: token}}"


COUNTED = {
    "requests": 'sum(increase(r{pod=~"{{ pods }}"}[{{ interval }}]))',
    "errors": 'sum(increase(e{pod=~"{{ pods }}"}[{{ interval }}]))',
}


EXPERIMENT = {
    "experiment": {
        "prometheus": "http://prometheus.example:9090",
        "callerAssigns": 50,
        "metrics": {"orders": {"count": COUNTED["requests"], "total": 'sum(increase(o{pod=~"{{ pods }}"}[1h]))'}},
    }
}


VALUED: dict[str, Any] = {"query": 'queue{pod=~"{{ pods }}"}', "max": 5}


def gated(*pauses: str | None, rate: int | None = None, **keys: Any) -> Spoil:
    """One gate, and a canary that stops at 25% and at 50%."""
    stops = [{"weight": weight, "pause": pause} for weight, pause in zip((25, 50), pauses, strict=False)]
    gate = {"name": "g", "prometheus": "http://prometheus.example:9090", **(keys or COUNTED)}
    traffic = {"traffic": {"rate": rate}} if rate else {}
    return with_file(gates=[gate], strategies={"canary": {"steps": stops}} if stops else {}, **traffic)


POLICED = """
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  podReplacementPolicy: Failed
  template: {spec: {restartPolicy: Never, containers: [{name: j, image: "j:1"}]}}
"""
DATABASE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  updateStrategy: {rollingUpdate: {%s: 2}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1"}]}}
"""


def policy(value: str) -> Spoil:
    return lambda app: app.spec.update(podReplacementPolicy=value)


def at_listener(name: str, route: str) -> str:
    return route.replace("edge", f"edge, sectionName: {name}")
