"""In which order objects are applied, so that each finds what it needs."""

from __future__ import annotations

from collections.abc import Iterable

from .objects import Obj

_FIRST = (
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("", "ServiceAccount"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("", "ConfigMap"),
    ("", "Secret"),
    ("storage.k8s.io", "StorageClass"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
)
_LAST = (
    ("apps", "DaemonSet"),
    ("apps", "StatefulSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
    ("", "Pod"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("policy", "PodDisruptionBudget"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "Ingress"),
    ("apiregistration.k8s.io", "APIService"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
)
_RANKS = {kind: rank for rank, kind in enumerate(_FIRST)} | {kind: len(_FIRST) + 1 + rank for rank, kind in enumerate(_LAST)}


def in_order(objects: Iterable[Obj]) -> list[Obj]:
    """What is needed first; kinds that nobody knows, as custom resources, between Services and workloads; else as written."""
    return sorted(objects, key=lambda obj: _RANKS.get((obj["apiVersion"].rpartition("/")[0], obj["kind"]), len(_FIRST)))
