"""Built-in kinds of Kubernetes 1.36, and Istio's, that are kept and told apart, and of which no field is known here.

One a line: apiVersion, kind, plural, `n` (in a namespace) or `c` (of the cluster), short names. To follow a new version, add a
line."""

from __future__ import annotations

from collections.abc import Mapping

from .kind import Kind

_TABLE = """
v1 Endpoints endpoints n ep
v1 LimitRange limitranges n limits
v1 PersistentVolume persistentvolumes c pv
v1 PodTemplate podtemplates n
storage.k8s.io/v1 StorageClass storageclasses c sc
storage.k8s.io/v1 CSIDriver csidrivers c
storage.k8s.io/v1 CSINode csinodes c
storage.k8s.io/v1 CSIStorageCapacity csistoragecapacities n
storage.k8s.io/v1 VolumeAttachment volumeattachments c
storage.k8s.io/v1 VolumeAttributesClass volumeattributesclasses c vac
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations c
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations c
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy validatingadmissionpolicies c
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings c
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy mutatingadmissionpolicies c
admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings c
apiregistration.k8s.io/v1 APIService apiservices c
certificates.k8s.io/v1 CertificateSigningRequest certificatesigningrequests c csr
scheduling.k8s.io/v1 PriorityClass priorityclasses c pc
node.k8s.io/v1 RuntimeClass runtimeclasses c
networking.k8s.io/v1 IngressClass ingressclasses c
networking.k8s.io/v1 IPAddress ipaddresses c ip
networking.k8s.io/v1 ServiceCIDR servicecidrs c
flowcontrol.apiserver.k8s.io/v1 FlowSchema flowschemas c
flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration prioritylevelconfigurations c
resource.k8s.io/v1 DeviceClass deviceclasses c
resource.k8s.io/v1 ResourceClaim resourceclaims n
resource.k8s.io/v1 ResourceClaimTemplate resourceclaimtemplates n
resource.k8s.io/v1 ResourceSlice resourceslices c
networking.istio.io/v1 ServiceEntry serviceentries n se
networking.istio.io/v1 Sidecar sidecars n
networking.istio.io/v1 WorkloadEntry workloadentries n we
networking.istio.io/v1 WorkloadGroup workloadgroups n wg
security.istio.io/v1 AuthorizationPolicy authorizationpolicies n ap
security.istio.io/v1 PeerAuthentication peerauthentications n pa
security.istio.io/v1 RequestAuthentication requestauthentications n ra
telemetry.istio.io/v1 Telemetry telemetries n telemetry
"""


def _read() -> Mapping[Kind, tuple[str, ...]]:
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return {Kind(version, name, plural, scope == "n"): tuple(short) for version, name, plural, scope, *short in rows}


INERT: Mapping[Kind, tuple[str, ...]] = _read()
"""The kinds, with their short names."""
