"""API versions that Kubernetes serves no more, up to 1.36, and what took their place; and which kinds its stable versions have.

Facts of Kubernetes' deprecation guide and of its published API.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple


class Removal(NamedTuple):
    """`since` is the first version of Kubernetes without it, empty where it is older than the guide; `current` is what it is now,
    empty where nothing took its place."""

    since: str
    current: str


_TABLE = """
1.16 extensions/v1beta1 apps/v1 Deployment DaemonSet ReplicaSet
1.16 apps/v1beta1 apps/v1 Deployment StatefulSet ReplicaSet ControllerRevision
1.16 apps/v1beta2 apps/v1 Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision
1.16 extensions/v1beta1 networking.k8s.io/v1 NetworkPolicy
1.16 extensions/v1beta1 - PodSecurityPolicy
1.20 settings.k8s.io/v1alpha1 - PodPreset
1.21 batch/v2alpha1 batch/v1 CronJob
1.22 extensions/v1beta1 networking.k8s.io/v1 Ingress
1.22 networking.k8s.io/v1beta1 networking.k8s.io/v1 Ingress IngressClass
1.22 admissionregistration.k8s.io/v1beta1 admissionregistration.k8s.io/v1 MutatingWebhookConfiguration
  ValidatingWebhookConfiguration
1.22 apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1 CustomResourceDefinition
1.22 apiregistration.k8s.io/v1beta1 apiregistration.k8s.io/v1 APIService
1.22 authentication.k8s.io/v1beta1 authentication.k8s.io/v1 TokenReview
1.22 authorization.k8s.io/v1beta1 authorization.k8s.io/v1 LocalSubjectAccessReview SelfSubjectAccessReview
  SubjectAccessReview SelfSubjectRulesReview
1.22 certificates.k8s.io/v1beta1 certificates.k8s.io/v1 CertificateSigningRequest
1.22 coordination.k8s.io/v1beta1 coordination.k8s.io/v1 Lease
1.22 rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1 Role RoleBinding ClusterRole ClusterRoleBinding
- rbac.authorization.k8s.io/v1alpha1 rbac.authorization.k8s.io/v1 Role RoleBinding ClusterRole ClusterRoleBinding
1.22 scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 PriorityClass
- scheduling.k8s.io/v1alpha1 scheduling.k8s.io/v1 PriorityClass
1.22 storage.k8s.io/v1beta1 storage.k8s.io/v1 CSIDriver CSINode StorageClass VolumeAttachment
1.25 batch/v1beta1 batch/v1 CronJob
1.25 discovery.k8s.io/v1beta1 discovery.k8s.io/v1 EndpointSlice
- discovery.k8s.io/v1alpha1 discovery.k8s.io/v1 EndpointSlice
1.25 events.k8s.io/v1beta1 events.k8s.io/v1 Event
1.25 autoscaling/v2beta1 autoscaling/v2 HorizontalPodAutoscaler
- autoscaling/v2alpha1 autoscaling/v2 HorizontalPodAutoscaler
1.25 policy/v1beta1 policy/v1 PodDisruptionBudget
1.25 policy/v1beta1 - PodSecurityPolicy
1.25 node.k8s.io/v1beta1 node.k8s.io/v1 RuntimeClass
- node.k8s.io/v1alpha1 node.k8s.io/v1 RuntimeClass
1.26 flowcontrol.apiserver.k8s.io/v1beta1 flowcontrol.apiserver.k8s.io/v1 FlowSchema PriorityLevelConfiguration
1.26 autoscaling/v2beta2 autoscaling/v2 HorizontalPodAutoscaler
1.27 storage.k8s.io/v1beta1 storage.k8s.io/v1 CSIStorageCapacity
1.29 flowcontrol.apiserver.k8s.io/v1beta2 flowcontrol.apiserver.k8s.io/v1 FlowSchema PriorityLevelConfiguration
1.32 flowcontrol.apiserver.k8s.io/v1beta3 flowcontrol.apiserver.k8s.io/v1 FlowSchema PriorityLevelConfiguration
"""

_STABLE = """
v1 Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod
  PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount
apps/v1 ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet
batch/v1 CronJob Job
autoscaling/v1 HorizontalPodAutoscaler Scale
autoscaling/v2 HorizontalPodAutoscaler
policy/v1 Eviction PodDisruptionBudget
networking.k8s.io/v1 Ingress IngressClass IPAddress NetworkPolicy ServiceCIDR
rbac.authorization.k8s.io/v1 ClusterRole ClusterRoleBinding Role RoleBinding
storage.k8s.io/v1 CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass
scheduling.k8s.io/v1 PriorityClass
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
  ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
apiextensions.k8s.io/v1 CustomResourceDefinition
apiregistration.k8s.io/v1 APIService
authentication.k8s.io/v1 SelfSubjectReview TokenRequest TokenReview
authorization.k8s.io/v1 LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
certificates.k8s.io/v1 CertificateSigningRequest
coordination.k8s.io/v1 Lease
discovery.k8s.io/v1 EndpointSlice
events.k8s.io/v1 Event
node.k8s.io/v1 RuntimeClass
flowcontrol.apiserver.k8s.io/v1 FlowSchema PriorityLevelConfiguration
resource.k8s.io/v1 DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice
"""


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.replace("\n  ", " ").strip().splitlines()]


REMOVED: Mapping[tuple[str, str], Removal] = {
    (version, kind): Removal(since.strip("-"), current.strip("-"))
    for since, version, current, *kinds in _rows(_TABLE)
    for kind in kinds
}
GONE: frozenset[str] = frozenset(kind for (_, kind), removal in REMOVED.items() if not removal.current)
"""The kinds that nothing took the place of."""
STABLE: Mapping[str, frozenset[str]] = {version: frozenset(kinds) for version, *kinds in _rows(_STABLE)}
"""The kinds of each stable version."""


def current_version(api_version: str, kind: str) -> str:
    """What a version that is gone is today, or the version itself."""
    found = REMOVED.get((api_version, kind))
    return (found.current if found else "") or api_version


def home_of(api_version: str, kind: str) -> str | None:
    """Where a kind is, that a stable version of Kubernetes' own does not have: "" where it is nowhere known; None where all is
    well, or cannot be known."""
    if kind in STABLE.get(api_version, {kind}):
        return None
    return next((version for version, kinds in reversed(list(STABLE.items())) if kind in kinds), "")


def meant_of(api_version: str, kind: str) -> str:
    """The kind of a stable version that was certainly meant, where it is written otherwise than it is called; else empty."""
    folded = {known.lower(): known for known in STABLE.get(api_version, ())}
    near = difflib.get_close_matches(kind.lower(), list(folded), n=1, cutoff=0.85)
    return folded[near[0]] if near and folded[near[0]] != kind else ""
