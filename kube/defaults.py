"""What the API server fills in right after decoding: these fields belong to whoever wrote the object.

What admission adds on create is the embedded cluster's own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from . import defaults_kept
from .conversion import HPA_V1, METRICS
from .objects import STATEFUL_SET, Kind, Obj, annotations_of, copied, get, is_a, is_namesake
from .schema import ListOf, Struct, Type, schema_of
from .types_gateway import GATEWAY_DEFAULTS, GROUP


def fill(obj: Obj) -> None:
    """Sets the defaults of a decoded object, in place. Idempotent."""
    filler = _FILLERS.get(obj["kind"])
    if filler and not is_namesake(obj["apiVersion"], obj["kind"]):
        filler(obj)
    elif obj["apiVersion"].startswith(f"{GROUP}/") and (type_ := schema_of(Kind(obj["apiVersion"], obj["kind"], ""))):
        _declared(obj, type_)


def declared(obj: Obj) -> Obj:
    """With the defaults that its kind declares, where an apply takes lists of it whole, so that what is written and what is live
    differ by them: the Gateway API's kinds, and a StatefulSet's claim templates. As it is where it is another's."""
    is_claiming = is_a(obj, STATEFUL_SET) and bool(get(obj, "spec", "volumeClaimTemplates"))
    if not (obj["apiVersion"].startswith(f"{GROUP}/") or is_claiming):
        return obj
    out = copied(obj)
    if is_claiming:
        _claims(out["spec"])
    else:
        fill(out)
    return out


def _declared(value: Any, type_: Type) -> None:
    """The defaults that the definition of a custom resource declares, outermost first."""
    if isinstance(type_, Struct) and isinstance(value, dict):
        for name, default in GATEWAY_DEFAULTS.get(type_.name, {}).items():
            value.setdefault(name, copied(default))
        for name, child in value.items():
            if declared := type_.fields.get(name):
                _declared(child, declared.type)
    elif isinstance(type_, ListOf) and isinstance(value, list):
        for item in value:
            _declared(item, type_.item)


def _deployment(obj: Obj) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _pod_spec(spec["template"]["spec"])


def _replica_set(obj: Obj) -> None:
    obj["spec"].setdefault("replicas", 1)
    _pod_spec(obj["spec"]["template"]["spec"])


def _stateful_set(obj: Obj) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    kept = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    kept.setdefault("whenDeleted", "Retain")
    kept.setdefault("whenScaled", "Retain")
    spec.setdefault("revisionHistoryLimit", 10)
    _claims(spec)
    _pod_spec(spec["template"]["spec"])


def _claims(spec: Obj) -> None:
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def _daemon_set(obj: Obj) -> None:
    spec = obj["spec"]
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    _pod_spec(spec["template"]["spec"])


def _job(obj: Obj) -> None:
    spec = obj["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    policy = spec.get("podFailurePolicy")
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")
    spec.setdefault("manualSelector", False)
    _pod_spec(spec["template"]["spec"])


def _cron_job(obj: Obj) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _pod_spec(spec["jobTemplate"]["spec"]["template"]["spec"])


def _replication_controller(obj: Obj) -> None:
    spec = obj["spec"]
    labels = get(spec, "template", "metadata", "labels", default={})
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
    spec.setdefault("replicas", 1)
    if spec.get("template"):
        _pod_spec(spec["template"]["spec"])


def _pod(obj: Obj) -> None:
    spec = obj["spec"]
    spec.setdefault("enableServiceLinks", True)
    _pod_spec(spec)
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        limits = get(container, "resources", "limits", default={})
        if limits:
            requests = container["resources"].setdefault("requests", {})
            for name, limit in limits.items():
                requests.setdefault(name, limit)


def _pod_spec(spec: Obj) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    # The old name of the field is kept in step with the new one.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in (each for part in ("containers", "initContainers", "ephemeralContainers") for each in spec.get(part) or []):
        _container(container, is_on_host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _container(container: Obj, *, is_on_host: bool) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = "Always" if _is_latest(container.get("image", "")) else "IfNotPresent"
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if is_on_host and not port.get("hostPort"):
            port["hostPort"] = port["containerPort"]
    for variable in container.get("env") or []:
        if (field := get(variable, "valueFrom", "fieldRef")) is not None:
            field.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            _probe(probe)
    for hook in get(container, "lifecycle", default={}).values():
        if isinstance(hook, dict):
            _http_get(hook)


def _is_latest(image: str) -> bool:
    if "@" in image:
        return False
    _, _, tag = image.rpartition("/")[2].partition(":")
    return tag in ("", "latest")


def _probe(probe: Obj) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value
    _http_get(probe)
    if (grpc := probe.get("grpc")) is not None and grpc.get("service") is None:
        grpc["service"] = ""


def _http_get(handler: Obj) -> None:
    if (http := handler.get("httpGet")) is not None:
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")


def _volume(volume: Obj) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if (source := volume.get(name)) is not None:
            source.setdefault("defaultMode", 0o644)
    if (path := volume.get("hostPath")) is not None:
        path.setdefault("type", "")
    for source in get(volume, "projected", "sources", default=[]):
        if (token := source.get("serviceAccountToken")) is not None:
            token.setdefault("expirationSeconds", 3600)
    for item in get(volume, "downwardAPI", "items", default=[]):
        if (field := item.get("fieldRef")) is not None:
            field.setdefault("apiVersion", "v1")


def _service(obj: Obj) -> None:
    spec = obj["spec"]
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {})
        config.setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    else:
        spec.pop("sessionAffinityConfig", None)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (0, "", None):
            port["targetPort"] = port["port"]
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(obj: Obj) -> None:
    for key, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    if not obj.get("type"):
        obj["type"] = "Opaque"


_CPU_PERCENT = 80  # what an autoscaler holds to that is told of no metric


def _hpa(obj: Obj) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if obj["apiVersion"] == HPA_V1:
        if not annotations_of(obj).get(METRICS):
            spec.setdefault("targetCPUUtilizationPercentage", _CPU_PERCENT)
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    ups = behavior.setdefault("scaleUp", {})
    ups.setdefault("stabilizationWindowSeconds", 0)
    ups.setdefault("policies", [{"type": "Pods", "value": 4, "periodSeconds": 15}, dict(percent)])
    downs = behavior.setdefault("scaleDown", {})
    downs.setdefault("policies", [dict(percent)])
    for rules in (ups, downs):
        rules.setdefault("selectPolicy", "Max")


def _network_policy(obj: Obj) -> None:
    spec = obj["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (spec.get("ingress") or []) + (spec.get("egress") or []):
        for port in rule.get("ports") or []:
            port.setdefault("protocol", "TCP")


def _claim(obj: Obj) -> None:
    obj["spec"].setdefault("volumeMode", "Filesystem")
    obj["status"].setdefault("phase", "Pending")


def _endpoint_slice(obj: Obj) -> None:
    for port in obj.get("ports") or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _role_binding(obj: Obj) -> None:
    if not obj["roleRef"].get("apiGroup"):
        obj["roleRef"]["apiGroup"] = "rbac.authorization.k8s.io"
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _definition(obj: Obj) -> None:
    spec = obj["spec"]
    names = spec["names"]
    if names["kind"]:
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})


def _namespace(obj: Obj) -> None:
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    if not obj["status"].get("phase"):
        obj["status"]["phase"] = "Active"


def _node(obj: Obj) -> None:
    status = obj["status"]
    if not status.get("allocatable") and status.get("capacity"):
        status["allocatable"] = dict(status["capacity"])


_FILLERS: Mapping[str, Callable[[Obj], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "ReplicationController": _replication_controller,
    "Pod": _pod,
    "Service": _service,
    "Secret": _secret,
    "HorizontalPodAutoscaler": _hpa,
    "NetworkPolicy": _network_policy,
    "PersistentVolumeClaim": _claim,
    "EndpointSlice": _endpoint_slice,
    "RoleBinding": _role_binding,
    "ClusterRoleBinding": _role_binding,
    "CustomResourceDefinition": _definition,
    "Namespace": _namespace,
    "Node": _node,
    **dict.fromkeys(defaults_kept.KINDS, defaults_kept.fill),
}
