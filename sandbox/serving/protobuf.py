"""Reading protobuf bodies, which `kubectl create` sends for objects that it makes itself: only those kinds, only the way in.

A body is the four bytes `k8s\\0` and an Unknown message, which says what it is and carries the object. The field numbers stand in
a table here, the types in `kube.schema`. A message or field that the table lacks is refused, not lost.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ...kube.objects import Obj
from ...kube.schema import ListOf, MapOf, Scalar, Struct, Type, types

MAGIC = b"k8s\0"

# One type a line, each field with its number; `http=2.1` stands in a message of its own that JSON does not show.
_NUMBERS = """
ObjectMeta name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7 creationTimestamp=8 labels=11
  annotations=12 ownerReferences=13 finalizers=14
OwnerReference kind=1 name=3 uid=4 apiVersion=5 controller=6 blockOwnerDeletion=7
LabelSelector matchLabels=1 matchExpressions=2
LabelSelectorRequirement key=1 operator=2 values=3
DeleteOptions gracePeriodSeconds=1 preconditions=2 orphanDependents=3 propagationPolicy=4 dryRun=5
Preconditions uid=1 resourceVersion=2
Namespace metadata=1 spec=2 status=3
NamespaceSpec finalizers=1
ConfigMap metadata=1 data=2 binaryData=3 immutable=4
Secret metadata=1 data=2 type=3 stringData=4 immutable=5
ServiceAccount metadata=1 secrets=2 imagePullSecrets=3 automountServiceAccountToken=4
LocalObjectReference name=1
ResourceQuota metadata=1 spec=2 status=3
ResourceQuotaSpec hard=1 scopes=2
Service metadata=1 spec=2 status=3
ServiceSpec ports=1 selector=2 clusterIP=3 type=4 externalIPs=5 sessionAffinity=7 loadBalancerIP=8
  loadBalancerSourceRanges=9 externalName=10 externalTrafficPolicy=11 healthCheckNodePort=12 publishNotReadyAddresses=13
  sessionAffinityConfig=14 ipFamilyPolicy=17 clusterIPs=18 ipFamilies=19 allocateLoadBalancerNodePorts=20 loadBalancerClass=21
  internalTrafficPolicy=22 trafficDistribution=23
ServicePort name=1 protocol=2 port=3 targetPort=4 nodePort=5 appProtocol=6
SessionAffinityConfig clientIP=1
ClientIPConfig timeoutSeconds=1
Deployment metadata=1 spec=2 status=3
DeploymentSpec replicas=1 selector=2 template=3 strategy=4 minReadySeconds=5 revisionHistoryLimit=6 paused=7
  progressDeadlineSeconds=9
DeploymentStrategy type=1 rollingUpdate=2
RollingUpdateDeployment maxUnavailable=1 maxSurge=2
PodTemplateSpec metadata=1 spec=2
PodSpec containers=2 restartPolicy=3 terminationGracePeriodSeconds=4 activeDeadlineSeconds=5 dnsPolicy=6 nodeSelector=7
  serviceAccountName=8 serviceAccount=9 nodeName=10 hostNetwork=11 hostPID=12 hostIPC=13 securityContext=14 imagePullSecrets=15
  hostname=16 subdomain=17 schedulerName=19 initContainers=20 automountServiceAccountToken=21 priorityClassName=24 priority=25
PodSecurityContext runAsUser=2 runAsNonRoot=3 supplementalGroups=4 fsGroup=5 runAsGroup=6
Container name=1 image=2 command=3 args=4 workingDir=5 ports=6 env=7 resources=8 terminationMessagePath=13 imagePullPolicy=14
  stdin=16 stdinOnce=17 tty=18 terminationMessagePolicy=20
ContainerPort name=1 hostPort=2 containerPort=3 protocol=4 hostIP=5
EnvVar name=1 value=2
ResourceRequirements limits=1 requests=2
Job metadata=1 spec=2 status=3
JobSpec parallelism=1 completions=2 activeDeadlineSeconds=3 selector=4 manualSelector=5 template=6 backoffLimit=7
  ttlSecondsAfterFinished=8 completionMode=9 suspend=10 backoffLimitPerIndex=12 maxFailedIndexes=13 podReplacementPolicy=14
  managedBy=15
CronJob metadata=1 spec=2 status=3
CronJobSpec schedule=1 startingDeadlineSeconds=2 concurrencyPolicy=3 suspend=4 jobTemplate=5 successfulJobsHistoryLimit=6
  failedJobsHistoryLimit=7 timeZone=8
JobTemplateSpec metadata=1 spec=2
Role metadata=1 rules=2
ClusterRole metadata=1 rules=2 aggregationRule=3
AggregationRule clusterRoleSelectors=1
ClusterRoleBinding metadata=1 subjects=2 roleRef=3
PolicyRule verbs=1 apiGroups=2 resources=3 resourceNames=4 nonResourceURLs=5
RoleBinding metadata=1 subjects=2 roleRef=3
Subject kind=1 apiGroup=2 name=3 namespace=4
RoleRef apiGroup=1 kind=2 name=3
PodDisruptionBudget metadata=1 spec=2 status=3
PodDisruptionBudgetSpec minAvailable=1 selector=2 maxUnavailable=3 unhealthyPodEvictionPolicy=4
Ingress metadata=1 spec=2 status=3
IngressSpec defaultBackend=1 tls=2 rules=3 ingressClassName=4
IngressTLS hosts=1 secretName=2
IngressRule host=1 http=2.1
HTTPIngressRuleValue paths=1
HTTPIngressPath path=1 backend=2 pathType=3
IngressBackend service=4
IngressServiceBackend name=1 port=2
ServiceBackendPort name=1 number=2
HorizontalPodAutoscaler metadata=1 spec=2 status=3
HorizontalPodAutoscalerSpec scaleTargetRef=1 minReplicas=2 maxReplicas=3 metrics=4
CrossVersionObjectReference kind=1 name=2 apiVersion=3
MetricSpec type=1 resource=4
ResourceMetricSource name=1 target=2
MetricTarget type=1 value=2 averageValue=3 averageUtilization=4
"""


class Unreadable(ValueError):
    """The body is no protobuf of Kubernetes, or says something that the table lacks."""


def parse(body: bytes) -> Obj:
    """The object as its JSON would be, without its status, which no create takes. Raises Unreadable."""
    if not body.startswith(MAGIC):
        raise Unreadable(f"provided data does not appear to be a protobuf message, expected prefix {list(MAGIC)}")
    envelope = _by_number(body[len(MAGIC) :])
    head = _by_number(_bytes(envelope.get(1, b"")))
    kind = _text(head.get(2, b""))
    return {"apiVersion": _text(head.get(1, b"")), "kind": kind} | _message(_bytes(envelope.get(2, b"")), _struct_of(kind))


# the wire

_Value = int | bytes


def _fields(data: bytes) -> Iterator[tuple[int, _Value]]:
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        match tag & 7:
            case 0:
                number, place = _varint(data, place)
                yield tag >> 3, number
            case 2:
                length, place = _varint(data, place)
                if place + length > len(data):
                    raise Unreadable("unexpected EOF")
                yield tag >> 3, data[place : place + length]
                place += length
            case other:
                raise Unreadable(f"proto: illegal wireType {other}")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data):
            raise Unreadable("unexpected EOF")
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def _by_number(data: bytes) -> dict[int, _Value]:
    """Of a field that comes twice the last counts."""
    return dict(_fields(data))


def _signed(value: _Value) -> int:
    if not isinstance(value, int):
        raise Unreadable("proto: wrong wireType")
    return value - 2**64 if value >= 2**63 else value


def _bytes(value: _Value) -> bytes:
    if not isinstance(value, bytes):
        raise Unreadable("proto: wrong wireType")
    return value


def _text(value: _Value) -> str:
    return _bytes(value).decode(errors="replace")


# the objects


@cache
def _table() -> Mapping[str, Mapping[int, tuple[str, tuple[int, ...]]]]:
    """By type and number: the field, and the numbers of the messages to open on the way to it."""
    out: dict[str, dict[int, tuple[str, tuple[int, ...]]]] = {}
    for line in _NUMBERS.strip().replace("\n  ", " ").split("\n"):
        type_, *entries = line.split()
        out[type_] = {}
        for entry in entries:
            name, _, numbers = entry.partition("=")
            first, *inner = map(int, numbers.split("."))
            out[type_][first] = (name, tuple(inner))
    return out


def _struct_of(name: str) -> Struct:
    if name not in _table() or name not in types():
        raise Unreadable(f"the sandbox reads no {name or 'object without a kind'} in protobuf, send JSON")
    return types()[name]


def _message(data: bytes, type_: Struct) -> Obj:
    known = _table()[_struct_of(type_.name).name] if data else {}
    out: Obj = {}
    for number, value in _fields(data):
        if number not in known:
            raise Unreadable(f"the sandbox does not read field {number} of {type_.name} in protobuf, send JSON")
        name, inner = known[number]
        if name == "status":
            continue
        for below in inner:
            value = _by_number(_bytes(value)).get(below, b"")
        match type_.fields[name].type:
            case ListOf(item=item):
                out.setdefault(name, []).append(_value(value, item))
            case MapOf(item=item):
                entry = _by_number(_bytes(value))
                out.setdefault(name, {})[_text(entry.get(1, b""))] = _value(entry.get(2, b""), item)
            case single:
                out[name] = _value(value, single)
    return out


def _value(value: _Value, type_: Type) -> Any:
    match type_:
        case Struct():
            return _message(_bytes(value), type_)
        case Scalar(code="s" | "d"):
            return _text(value)
        case Scalar(code="b"):
            return bool(_signed(value))
        case Scalar(code="i" | "l" | "u"):
            return _signed(value)
        case Scalar(code="y"):
            return base64.b64encode(_bytes(value)).decode()
        case Scalar(code="Q"):
            return _text(_by_number(_bytes(value)).get(1, b"0"))
        case Scalar(code="I"):
            either = _by_number(_bytes(value))
            return _text(either.get(3, b"")) if either.get(1) else _signed(either.get(2, 0))
        case Scalar(code="T"):
            return _time(_bytes(value))
        case _:
            raise Unreadable("the sandbox does not read this in protobuf, send JSON")


def _time(value: bytes) -> str | None:
    """No bytes at all are the time that was never set."""
    if not value:
        return None
    return datetime.fromtimestamp(_signed(_by_number(value).get(1, 0)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
