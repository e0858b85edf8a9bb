"""The types of the Kubernetes API that rollway speaks of, field by field, in the notation of `kube.schema`.

Facts of Kubernetes 1.36's published API: names, Go types (they show in error messages), what is left out when empty,
and how lists and maps are merged. To follow a new version, add the field here; nothing else has to know.
"""

CORE_TYPES = """
ObjectMeta name:s generateName:s namespace:s selfLink:s uid=UID:s resourceVersion:s generation:l creationTimestamp?:T
  deletionTimestamp:*T deletionGracePeriodSeconds:*l labels:{s} annotations:{s}
  ownerReferences:[OwnerReference]<uid>~uid finalizers:[s]<=>~= managedFields:[ManagedFieldsEntry]
OwnerReference@ apiVersion!=APIVersion:s kind!:s name!:s uid!=UID:s controller:*b blockOwnerDeletion:*b
ManagedFieldsEntry manager:s operation:'ManagedFieldsOperationType apiVersion=APIVersion:s time:*T fieldsType:s
  fieldsV1:A subresource:s
LabelSelector@ matchLabels:{s} matchExpressions:[LabelSelectorRequirement]
LabelSelectorRequirement key!:s operator!:'LabelSelectorOperator values:[s]
ComponentStatus metadata:ObjectMeta conditions:[ComponentCondition]<type>~type
ComponentCondition type!:'ComponentConditionType status!:'ConditionStatus message:s error:s
Condition type!:s status!:'ConditionStatus observedGeneration:l lastTransitionTime!:T reason!:s message!:s
Eviction metadata:ObjectMeta deleteOptions:*DeleteOptions
DeleteOptions gracePeriodSeconds:*l preconditions:*Preconditions orphanDependents:*b
  propagationPolicy:*'DeletionPropagation dryRun:[s] ignoreStoreReadErrorWithClusterBreakingPotential:*b
Preconditions uid=UID:*s resourceVersion:*s
Namespace metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
NamespaceSpec finalizers:['FinalizerName]
NamespaceStatus phase:'NamespacePhase conditions:[NamespaceCondition]<type>~type
NamespaceCondition type!:'NamespaceConditionType status!:'ConditionStatus lastTransitionTime:T reason:s message:s
ServiceAccount metadata:ObjectMeta secrets:[ObjectReference]<name>~name imagePullSecrets:[LocalObjectReference]
  automountServiceAccountToken:*b
ObjectReference@ kind:s namespace:s name:s uid=UID:s apiVersion=APIVersion:s resourceVersion:s fieldPath:s
LocalObjectReference@ name:s
Scale metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
ScaleSpec replicas:i
ScaleStatus replicas!:i selector:s
ResourceQuota metadata:ObjectMeta spec:ResourceQuotaSpec status:ResourceQuotaStatus
ResourceQuotaSpec hard:{Q} scopes:['ResourceQuotaScope] scopeSelector:*ScopeSelector
ScopeSelector@ matchExpressions:[ScopedResourceSelectorRequirement]
ScopedResourceSelectorRequirement scopeName!:'ResourceQuotaScope operator!:'ScopeSelectorOperator values:[s]
ResourceQuotaStatus hard:{Q} used:{Q}
ConfigMap metadata:ObjectMeta immutable:*b data:{s} binaryData:{y}
Secret metadata:ObjectMeta immutable:*b data:{y} stringData:{s} type:'SecretType
PersistentVolumeClaim kind:s apiVersion=APIVersion:s metadata:ObjectMeta spec:PersistentVolumeClaimSpec
  status:PersistentVolumeClaimStatus
PersistentVolumeClaimSpec accessModes:['PersistentVolumeAccessMode] selector:*LabelSelector
  resources:VolumeResourceRequirements volumeName:s storageClassName:*s volumeMode:*'PersistentVolumeMode
  dataSource:*TypedLocalObjectReference dataSourceRef:*TypedObjectReference volumeAttributesClassName:*s
VolumeResourceRequirements limits:{Q} requests:{Q}
TypedLocalObjectReference@ apiGroup!=APIGroup:*s kind!:s name!:s
TypedObjectReference apiGroup!=APIGroup:*s kind!:s name!:s namespace:*s
PersistentVolumeClaimStatus phase:'PersistentVolumeClaimPhase accessModes:['PersistentVolumeAccessMode] capacity:{Q}
  conditions:[PersistentVolumeClaimCondition]<type>~type allocatedResources:{Q}
  allocatedResourceStatuses:{'ClaimResourceStatus} currentVolumeAttributesClassName:*s
  modifyVolumeStatus:*ModifyVolumeStatus
PersistentVolumeClaimCondition type!:'PersistentVolumeClaimConditionType status!:'ConditionStatus lastProbeTime:T
  lastTransitionTime:T reason:s message:s
ModifyVolumeStatus targetVolumeAttributesClassName:s status!:'PersistentVolumeClaimModifyVolumeStatus
Role metadata:ObjectMeta rules!:[PolicyRule]
PolicyRule verbs!:[s] apiGroups=APIGroups:[s] resources:[s] resourceNames:[s] nonResourceURLs:[s]
RoleBinding metadata:ObjectMeta subjects:[Subject] roleRef!:RoleRef
ClusterRole metadata:ObjectMeta rules!:[PolicyRule] aggregationRule:*AggregationRule
AggregationRule clusterRoleSelectors:[LabelSelector]
ClusterRoleBinding metadata:ObjectMeta subjects:[Subject] roleRef!:RoleRef
CustomResourceDefinition metadata:ObjectMeta spec:CustomResourceDefinitionSpec status:CustomResourceDefinitionStatus
CustomResourceDefinitionSpec group!:s names!:CustomResourceDefinitionNames scope!:'ResourceScope
  versions!:[CustomResourceDefinitionVersion] conversion:*CustomResourceConversion preserveUnknownFields:b
CustomResourceDefinitionNames plural!:s singular:s shortNames:[s] kind!:s listKind:s categories:[s]
CustomResourceDefinitionVersion name!:s served!:b storage!:b deprecated:b deprecationWarning:*s
  schema:*CustomResourceValidation subresources:*CustomResourceSubresources
  additionalPrinterColumns:[CustomResourceColumnDefinition] selectableFields:[SelectableField]
CustomResourceValidation openAPIV3Schema=OpenAPIV3Schema:A
CustomResourceSubresources status:A scale:*CustomResourceSubresourceScale
CustomResourceSubresourceScale specReplicasPath!:s statusReplicasPath!:s labelSelectorPath:*s
CustomResourceColumnDefinition name!:s type!:s format:s description:s priority:i jsonPath!=JSONPath:s
SelectableField jsonPath!=JSONPath:s
CustomResourceConversion strategy!:'ConversionStrategyType webhook:A
CustomResourceDefinitionStatus observedGeneration:l conditions:[CustomResourceDefinitionCondition]<type>~type
  acceptedNames!:CustomResourceDefinitionNames storedVersions!:[s]
CustomResourceDefinitionCondition type!:'CustomResourceDefinitionConditionType status!:'ConditionStatus
  lastTransitionTime:T reason:s message:s observedGeneration:l
Subject@ kind!:s apiGroup=APIGroup:s name!:s namespace:s
RoleRef@ apiGroup!=APIGroup:s kind!:s name!:s
NetworkPolicy metadata:ObjectMeta spec:NetworkPolicySpec
NetworkPolicySpec podSelector!:LabelSelector ingress:[NetworkPolicyIngressRule] egress:[NetworkPolicyEgressRule]
  policyTypes:['PolicyType]
NetworkPolicyIngressRule ports:[NetworkPolicyPort] from:[NetworkPolicyPeer]
NetworkPolicyPort protocol:*'Protocol port:*I endPort:*i
NetworkPolicyPeer podSelector:*LabelSelector namespaceSelector:*LabelSelector ipBlock=IPBlock:*IPBlock
IPBlock cidr!=CIDR:s except:[s]
NetworkPolicyEgressRule ports:[NetworkPolicyPort] to:[NetworkPolicyPeer]
Service metadata:ObjectMeta spec:ServiceSpec status:ServiceStatus
ServiceSpec ports:[ServicePort]<port,protocol>~port selector:{s}@ clusterIP:s clusterIPs:[s] type:'ServiceType
  externalIPs:[s] sessionAffinity:'ServiceAffinity loadBalancerIP:s loadBalancerSourceRanges:[s] externalName:s
  externalTrafficPolicy:'ServiceExternalTrafficPolicy healthCheckNodePort:i publishNotReadyAddresses:b
  sessionAffinityConfig:*SessionAffinityConfig ipFamilies=IPFamilies:['IPFamily]
  ipFamilyPolicy=IPFamilyPolicy:*'IPFamilyPolicy allocateLoadBalancerNodePorts:*b loadBalancerClass:*s
  internalTrafficPolicy:*'ServiceInternalTrafficPolicy trafficDistribution:*s
ServicePort name:s protocol:'Protocol appProtocol:*s port!:i targetPort:I nodePort:i
SessionAffinityConfig clientIP:*ClientIPConfig
ClientIPConfig timeoutSeconds:*i
ServiceStatus loadBalancer:LoadBalancerStatus conditions:[Condition]<type>~type
LoadBalancerStatus ingress:[LoadBalancerIngress]
LoadBalancerIngress ip=IP:s hostname:s ipMode=IPMode:*'LoadBalancerIPMode ports:[PortStatus]
PortStatus port!:i protocol!:'Protocol error:*s
Deployment metadata:ObjectMeta spec:DeploymentSpec status:DeploymentStatus
DeploymentSpec replicas:*i selector!:*LabelSelector template!:PodTemplateSpec strategy:DeploymentStrategy%
  minReadySeconds:i revisionHistoryLimit:*i paused:b progressDeadlineSeconds:*i
  podReplacementPolicy:*'DeploymentPodReplacementPolicy
PodTemplateSpec metadata:ObjectMeta spec:PodSpec
PodSpec volumes:[Volume]<name>~name% initContainers:[Container]<name>~name containers!:[Container]<name>~name
  ephemeralContainers:[EphemeralContainer]<name>~name restartPolicy:'RestartPolicy terminationGracePeriodSeconds:*l
  activeDeadlineSeconds:*l dnsPolicy=DNSPolicy:'DNSPolicy nodeSelector:{s}@ serviceAccountName:s
  serviceAccount=DeprecatedServiceAccount:s automountServiceAccountToken:*b nodeName:s hostNetwork:b hostPID:b
  hostIPC:b shareProcessNamespace:*b securityContext:*PodSecurityContext
  imagePullSecrets:[LocalObjectReference]<name>~name hostname:s subdomain:s affinity:*Affinity schedulerName:s
  tolerations:[Toleration] hostAliases:[HostAlias]<ip>~ip priorityClassName:s priority:*i
  dnsConfig=DNSConfig:*PodDNSConfig readinessGates:[PodReadinessGate] runtimeClassName:*s enableServiceLinks:*b
  preemptionPolicy:*'PreemptionPolicy overhead:{Q}
  topologySpreadConstraints:[TopologySpreadConstraint]<topologyKey,whenUnsatisfiable>~topologyKey setHostnameAsFQDN:*b
  os=OS:*PodOS hostUsers:*b schedulingGates:[PodSchedulingGate]<name>~name
  resourceClaims:[PodResourceClaim]<name>~name% resources:*ResourceRequirements hostnameOverride:*s
  schedulingGroup:*PodSchedulingGroup
Volume name!:s hostPath:*HostPathVolumeSource emptyDir:*EmptyDirVolumeSource
  gcePersistentDisk=GCEPersistentDisk:*GCEPersistentDiskVolumeSource
  awsElasticBlockStore=AWSElasticBlockStore:*AWSElasticBlockStoreVolumeSource gitRepo:*GitRepoVolumeSource
  secret:*SecretVolumeSource nfs=NFS:*NFSVolumeSource iscsi=ISCSI:*ISCSIVolumeSource glusterfs:*GlusterfsVolumeSource
  persistentVolumeClaim:*PersistentVolumeClaimVolumeSource rbd=RBD:*RBDVolumeSource flexVolume:*FlexVolumeSource
  cinder:*CinderVolumeSource cephfs=CephFS:*CephFSVolumeSource flocker:*FlockerVolumeSource
  downwardAPI:*DownwardAPIVolumeSource fc=FC:*FCVolumeSource azureFile:*AzureFileVolumeSource
  configMap:*ConfigMapVolumeSource vsphereVolume:*VsphereVirtualDiskVolumeSource quobyte:*QuobyteVolumeSource
  azureDisk:*AzureDiskVolumeSource photonPersistentDisk:*PhotonPersistentDiskVolumeSource
  projected:*ProjectedVolumeSource portworxVolume:*PortworxVolumeSource scaleIO:*ScaleIOVolumeSource
  storageos=StorageOS:*StorageOSVolumeSource csi=CSI:*CSIVolumeSource ephemeral:*EphemeralVolumeSource
  image:*ImageVolumeSource
HostPathVolumeSource path!:s type:*'HostPathType
EmptyDirVolumeSource medium:'StorageMedium sizeLimit:*Q
GCEPersistentDiskVolumeSource pdName!=PDName:s fsType=FSType:s partition:i readOnly:b
AWSElasticBlockStoreVolumeSource volumeID!:s fsType=FSType:s partition:i readOnly:b
GitRepoVolumeSource repository!:s revision:s directory:s
SecretVolumeSource secretName:s items:[KeyToPath] defaultMode:*i optional:*b
KeyToPath key!:s path!:s mode:*i
NFSVolumeSource server!:s path!:s readOnly:b
ISCSIVolumeSource targetPortal!:s iqn!=IQN:s lun!:i iscsiInterface=ISCSIInterface:s fsType=FSType:s readOnly:b
  portals:[s] chapAuthDiscovery=DiscoveryCHAPAuth:b chapAuthSession=SessionCHAPAuth:b secretRef:*LocalObjectReference
  initiatorName:*s
GlusterfsVolumeSource endpoints!=EndpointsName:s path!:s readOnly:b
PersistentVolumeClaimVolumeSource claimName!:s readOnly:b
RBDVolumeSource monitors!=CephMonitors:[s] image!=RBDImage:s fsType=FSType:s pool=RBDPool:s user=RadosUser:s keyring:s
  secretRef:*LocalObjectReference readOnly:b
FlexVolumeSource driver!:s fsType=FSType:s secretRef:*LocalObjectReference readOnly:b options:{s}
CinderVolumeSource volumeID!:s fsType=FSType:s readOnly:b secretRef:*LocalObjectReference
CephFSVolumeSource monitors!:[s] path:s user:s secretFile:s secretRef:*LocalObjectReference readOnly:b
FlockerVolumeSource datasetName:s datasetUUID:s
DownwardAPIVolumeSource items:[DownwardAPIVolumeFile] defaultMode:*i
DownwardAPIVolumeFile path!:s fieldRef:*ObjectFieldSelector resourceFieldRef:*ResourceFieldSelector mode:*i
ObjectFieldSelector@ apiVersion=APIVersion:s fieldPath!:s
ResourceFieldSelector@ containerName:s resource!:s divisor:Q
FCVolumeSource targetWWNs:[s] lun:*i fsType=FSType:s readOnly:b wwids=WWIDs:[s]
AzureFileVolumeSource secretName!:s shareName!:s readOnly:b
ConfigMapVolumeSource name:s items:[KeyToPath] defaultMode:*i optional:*b
VsphereVirtualDiskVolumeSource volumePath!:s fsType=FSType:s storagePolicyName:s storagePolicyID:s
QuobyteVolumeSource registry!:s volume!:s readOnly:b user:s group:s tenant:s
AzureDiskVolumeSource diskName!:s diskURI!=DataDiskURI:s cachingMode:*'AzureDataDiskCachingMode fsType=FSType:*s
  readOnly:*b kind:*'AzureDataDiskKind
PhotonPersistentDiskVolumeSource pdID!:s fsType=FSType:s
ProjectedVolumeSource sources!:[VolumeProjection] defaultMode:*i
VolumeProjection secret:*SecretProjection downwardAPI:*DownwardAPIProjection configMap:*ConfigMapProjection
  serviceAccountToken:*ServiceAccountTokenProjection clusterTrustBundle:*ClusterTrustBundleProjection
  podCertificate:*PodCertificateProjection
SecretProjection name:s items:[KeyToPath] optional:*b
DownwardAPIProjection items:[DownwardAPIVolumeFile]
ConfigMapProjection name:s items:[KeyToPath] optional:*b
ServiceAccountTokenProjection audience:s expirationSeconds:*l path!:s
ClusterTrustBundleProjection name:*s signerName:*s labelSelector:*LabelSelector optional:*b path!:s
PodCertificateProjection signerName:s keyType:s maxExpirationSeconds:*i credentialBundlePath:s keyPath:s
  certificateChainPath:s userAnnotations:{s}
PortworxVolumeSource volumeID!:s fsType=FSType:s readOnly:b
ScaleIOVolumeSource gateway!:s system!:s secretRef!:*LocalObjectReference sslEnabled=SSLEnabled:b protectionDomain:s
  storagePool:s storageMode:s volumeName:s fsType=FSType:s readOnly:b
StorageOSVolumeSource volumeName:s volumeNamespace:s fsType=FSType:s readOnly:b secretRef:*LocalObjectReference
CSIVolumeSource driver!:s readOnly:*b fsType=FSType:*s volumeAttributes:{s} nodePublishSecretRef:*LocalObjectReference
EphemeralVolumeSource volumeClaimTemplate:*PersistentVolumeClaimTemplate
PersistentVolumeClaimTemplate metadata:ObjectMeta spec!:PersistentVolumeClaimSpec
ImageVolumeSource reference:s pullPolicy:'PullPolicy
Container name!:s image:s command:[s] args:[s] workingDir:s
  ports:[ContainerPort]<containerPort,protocol>~containerPort envFrom:[EnvFromSource] env:[EnvVar]<name>~name
  resources:ResourceRequirements resizePolicy:[ContainerResizePolicy] restartPolicy:*'ContainerRestartPolicy
  restartPolicyRules:[ContainerRestartRule] volumeMounts:[VolumeMount]<mountPath>~mountPath
  volumeDevices:[VolumeDevice]<devicePath>~devicePath livenessProbe:*Probe readinessProbe:*Probe startupProbe:*Probe
  lifecycle:*Lifecycle terminationMessagePath:s terminationMessagePolicy:'TerminationMessagePolicy
  imagePullPolicy:'PullPolicy securityContext:*SecurityContext stdin:b stdinOnce:b tty=TTY:b
ContainerPort name:s hostPort:i containerPort!:i protocol:'Protocol hostIP:s
EnvFromSource prefix:s configMapRef:*ConfigMapEnvSource secretRef:*SecretEnvSource
ConfigMapEnvSource name:s optional:*b
SecretEnvSource name:s optional:*b
EnvVar name!:s value:s valueFrom:*EnvVarSource
EnvVarSource fieldRef:*ObjectFieldSelector resourceFieldRef:*ResourceFieldSelector
  configMapKeyRef:*ConfigMapKeySelector secretKeyRef:*SecretKeySelector fileKeyRef:*FileKeySelector
ConfigMapKeySelector@ name:s key!:s optional:*b
SecretKeySelector@ name:s key!:s optional:*b
FileKeySelector@ volumeName!:s path!:s key!:s optional:*b
ResourceRequirements limits:{Q} requests:{Q} claims:[ResourceClaim]<name>
ResourceClaim name!:s request:s
ContainerResizePolicy resourceName!:'ResourceName restartPolicy!:'ResourceResizeRestartPolicy
ContainerRestartRule action:'ContainerRestartRuleAction exitCodes:*ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes operator:'ContainerRestartRuleOnExitCodesOperator values:[i]<=>
VolumeMount name!:s readOnly:b recursiveReadOnly:*'RecursiveReadOnlyMode mountPath!:s subPath:s
  mountPropagation:*'MountPropagationMode subPathExpr:s
VolumeDevice name!:s devicePath!:s
Probe exec:*ExecAction httpGet=HTTPGet:*HTTPGetAction tcpSocket=TCPSocket:*TCPSocketAction grpc=GRPC:*GRPCAction
  initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i
  terminationGracePeriodSeconds:*l
ExecAction command:[s]
HTTPGetAction path:s port!:I host:s scheme:'URIScheme httpHeaders=HTTPHeaders:[HTTPHeader]
HTTPHeader name!:s value!:s
TCPSocketAction port!:I host:s
GRPCAction port!:i service!:*s
Lifecycle postStart:*LifecycleHandler preStop:*LifecycleHandler stopSignal:*'Signal
LifecycleHandler exec:*ExecAction httpGet=HTTPGet:*HTTPGetAction tcpSocket=TCPSocket:*TCPSocketAction
  sleep:*SleepAction
SleepAction seconds!:l
SecurityContext capabilities:*Capabilities privileged:*b seLinuxOptions=SELinuxOptions:*SELinuxOptions
  windowsOptions:*WindowsSecurityContextOptions runAsUser:*l runAsGroup:*l runAsNonRoot:*b readOnlyRootFilesystem:*b
  allowPrivilegeEscalation:*b procMount:*'ProcMountType seccompProfile:*SeccompProfile
  appArmorProfile:*AppArmorProfile
Capabilities add:['Capability] drop:['Capability]
SELinuxOptions user:s role:s type:s level:s
WindowsSecurityContextOptions gmsaCredentialSpecName=GMSACredentialSpecName:*s
  gmsaCredentialSpec=GMSACredentialSpec:*s runAsUserName:*s hostProcess:*b
SeccompProfile type!:'SeccompProfileType localhostProfile:*s
AppArmorProfile type!:'AppArmorProfileType localhostProfile:*s
EphemeralContainer name!:s image:s command:[s] args:[s] workingDir:s
  ports:[ContainerPort]<containerPort,protocol>~containerPort envFrom:[EnvFromSource] env:[EnvVar]<name>~name
  resources:ResourceRequirements resizePolicy:[ContainerResizePolicy] restartPolicy:*'ContainerRestartPolicy
  restartPolicyRules:[ContainerRestartRule] volumeMounts:[VolumeMount]<mountPath>~mountPath
  volumeDevices:[VolumeDevice]<devicePath>~devicePath livenessProbe:*Probe readinessProbe:*Probe startupProbe:*Probe
  lifecycle:*Lifecycle terminationMessagePath:s terminationMessagePolicy:'TerminationMessagePolicy
  imagePullPolicy:'PullPolicy securityContext:*SecurityContext stdin:b stdinOnce:b tty=TTY:b targetContainerName:s
PodSecurityContext seLinuxOptions=SELinuxOptions:*SELinuxOptions windowsOptions:*WindowsSecurityContextOptions
  runAsUser:*l runAsGroup:*l runAsNonRoot:*b supplementalGroups:[l]
  supplementalGroupsPolicy:*'SupplementalGroupsPolicy fsGroup=FSGroup:*l sysctls:[Sysctl]
  fsGroupChangePolicy=FSGroupChangePolicy:*'PodFSGroupChangePolicy seccompProfile:*SeccompProfile
  appArmorProfile:*AppArmorProfile seLinuxChangePolicy=SELinuxChangePolicy:*'PodSELinuxChangePolicy
Sysctl name!:s value!:s
Affinity nodeAffinity:*NodeAffinity podAffinity:*PodAffinity podAntiAffinity:*PodAntiAffinity
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm]
NodeSelector@ nodeSelectorTerms!:[NodeSelectorTerm]
NodeSelectorTerm@ matchExpressions:[NodeSelectorRequirement] matchFields:[NodeSelectorRequirement]
NodeSelectorRequirement key!:s operator!:'NodeSelectorOperator values:[s]
PreferredSchedulingTerm weight!:i preference!:NodeSelectorTerm
PodAffinity requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
  preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
PodAffinityTerm labelSelector:*LabelSelector namespaces:[s] topologyKey!:s namespaceSelector:*LabelSelector
  matchLabelKeys:[s] mismatchLabelKeys:[s]
WeightedPodAffinityTerm weight!:i podAffinityTerm!:PodAffinityTerm
PodAntiAffinity requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
  preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
Toleration key:s operator:'TolerationOperator value:s effect:'TaintEffect tolerationSeconds:*l
HostAlias ip!=IP:s hostnames:[s]
PodDNSConfig nameservers:[s] searches:[s] options:[PodDNSConfigOption]
PodDNSConfigOption name:s value:*s
PodReadinessGate conditionType!:'PodConditionType
TopologySpreadConstraint maxSkew!:i topologyKey!:s whenUnsatisfiable!:'UnsatisfiableConstraintAction
  labelSelector:*LabelSelector minDomains:*i nodeAffinityPolicy:*'NodeInclusionPolicy
  nodeTaintsPolicy:*'NodeInclusionPolicy matchLabelKeys:[s]
PodOS name!:'OSName
PodSchedulingGate name!:s
PodResourceClaim name!:s resourceClaimName:*s resourceClaimTemplateName:*s
PodSchedulingGroup podGroupName:*s
DeploymentStrategy type:'DeploymentStrategyType rollingUpdate:*RollingUpdateDeployment
RollingUpdateDeployment maxUnavailable:*I maxSurge:*I
DeploymentStatus observedGeneration:l replicas:i updatedReplicas:i readyReplicas:i availableReplicas:i
  unavailableReplicas:i terminatingReplicas:*i conditions:[DeploymentCondition]<type>~type collisionCount:*i
DeploymentCondition type!:'DeploymentConditionType status!:'ConditionStatus lastUpdateTime:T lastTransitionTime:T
  reason:s message:s
ReplicaSet metadata:ObjectMeta spec:ReplicaSetSpec status:ReplicaSetStatus
ReplicaSetSpec replicas:*i minReadySeconds:i selector!:*LabelSelector template:PodTemplateSpec
ReplicaSetStatus replicas!:i fullyLabeledReplicas:i readyReplicas:i availableReplicas:i terminatingReplicas:*i
  observedGeneration:l conditions:[ReplicaSetCondition]<type>~type
ReplicaSetCondition type!:'ReplicaSetConditionType status!:'ConditionStatus lastTransitionTime:T reason:s message:s
Pod metadata:ObjectMeta spec:PodSpec status:PodStatus
PodStatus observedGeneration:l phase:'PodPhase conditions:[PodCondition]<type>~type message:s reason:s
  nominatedNodeName:s hostIP:s hostIPs:[HostIP]~ip podIP:s podIPs:[PodIP]<ip>~ip startTime:*T
  initContainerStatuses:[ContainerStatus] containerStatuses:[ContainerStatus] qosClass=QOSClass:'PodQOSClass
  ephemeralContainerStatuses:[ContainerStatus] resize:'PodResizeStatus
  resourceClaimStatuses:[PodResourceClaimStatus]<name>~name%
  extendedResourceClaimStatus:*PodExtendedResourceClaimStatus allocatedResources:{Q} resources:*ResourceRequirements
  nodeAllocatableResourceClaimStatuses:[NodeAllocatableResourceClaimStatus]
PodCondition type!:'PodConditionType observedGeneration:l status!:'ConditionStatus lastProbeTime:T
  lastTransitionTime:T reason:s message:s
HostIP ip!=IP:s
PodIP ip!=IP:s
ContainerStatus name!:s state:ContainerState lastState=LastTerminationState:ContainerState ready!:b restartCount!:i
  image!:s imageID!:s containerID:s started:*b allocatedResources:{Q} resources:*ResourceRequirements
  volumeMounts:[VolumeMountStatus]<mountPath>~mountPath user:*ContainerUser
  allocatedResourcesStatus:[ResourceStatus]<name>~name stopSignal:*'Signal
ContainerState waiting:*ContainerStateWaiting running:*ContainerStateRunning terminated:*ContainerStateTerminated
ContainerStateWaiting reason:s message:s
ContainerStateRunning startedAt:T
ContainerStateTerminated exitCode!:i signal:i reason:s message:s startedAt:T finishedAt:T containerID:s
VolumeMountStatus name!:s mountPath!:s readOnly:b recursiveReadOnly:*'RecursiveReadOnlyMode volumeStatus:*VolumeStatus
VolumeStatus image:*ImageVolumeStatus
ImageVolumeStatus imageRef:s
ContainerUser linux:*LinuxContainerUser
LinuxContainerUser uid!=UID:l gid!=GID:l supplementalGroups:[l]
ResourceStatus name!:'ResourceName resources:[ResourceHealth]<resourceID>
ResourceHealth resourceID!:'ResourceID health:'ResourceHealthStatus message:*s
PodResourceClaimStatus name!:s resourceClaimName:*s
PodExtendedResourceClaimStatus requestMappings!:[ContainerExtendedResourceRequest] resourceClaimName!:s
ContainerExtendedResourceRequest containerName!:s resourceName!:s requestName!:s
NodeAllocatableResourceClaimStatus resourceClaimName!:s containers:[s]<=> resources!:{Q}
PodDisruptionBudget metadata:ObjectMeta spec:PodDisruptionBudgetSpec status:PodDisruptionBudgetStatus
PodDisruptionBudgetSpec minAvailable:*I selector:*LabelSelector^ maxUnavailable:*I
  unhealthyPodEvictionPolicy:*'UnhealthyPodEvictionPolicyType
PodDisruptionBudgetStatus observedGeneration:l disruptedPods:{T} disruptionsAllowed!:i currentHealthy!:i
  desiredHealthy!:i expectedPods!:i conditions:[Condition]<type>~type
HorizontalPodAutoscaler metadata:ObjectMeta spec:HorizontalPodAutoscalerSpec status:HorizontalPodAutoscalerStatus
HorizontalPodAutoscalerV1 metadata:ObjectMeta spec:HorizontalPodAutoscalerSpecV1 status:HorizontalPodAutoscalerStatusV1
HorizontalPodAutoscalerSpecV1 scaleTargetRef!:CrossVersionObjectReference minReplicas:*i maxReplicas!:i
  targetCPUUtilizationPercentage:*i
HorizontalPodAutoscalerStatusV1 observedGeneration:*l lastScaleTime:*T currentReplicas!:i desiredReplicas!:i
  currentCPUUtilizationPercentage:*i
HorizontalPodAutoscalerSpec scaleTargetRef!:CrossVersionObjectReference minReplicas:*i maxReplicas!:i
  metrics:[MetricSpec] behavior:*HorizontalPodAutoscalerBehavior
CrossVersionObjectReference kind!:s name!:s apiVersion=APIVersion:s
MetricSpec type!:'MetricSourceType object:*ObjectMetricSource pods:*PodsMetricSource resource:*ResourceMetricSource
  containerResource:*ContainerResourceMetricSource external:*ExternalMetricSource
ObjectMetricSource describedObject!:CrossVersionObjectReference target!:MetricTarget metric!:MetricIdentifier
MetricTarget type!:'MetricTargetType value:*Q averageValue:*Q averageUtilization:*i
MetricIdentifier name!:s selector:*LabelSelector
PodsMetricSource metric!:MetricIdentifier target!:MetricTarget
ResourceMetricSource name!:'ResourceName target!:MetricTarget
ContainerResourceMetricSource name!:'ResourceName target!:MetricTarget container!:s
ExternalMetricSource metric!:MetricIdentifier target!:MetricTarget
HorizontalPodAutoscalerBehavior scaleUp:*HPAScalingRules scaleDown:*HPAScalingRules
HPAScalingRules stabilizationWindowSeconds:*i selectPolicy:*'ScalingPolicySelect policies:[HPAScalingPolicy]
  tolerance:*Q
HPAScalingPolicy type!:'HPAScalingPolicyType value!:i periodSeconds!:i
HorizontalPodAutoscalerStatus observedGeneration:*l lastScaleTime:*T currentReplicas:i desiredReplicas!:i
  currentMetrics!:[MetricStatus] conditions:[HorizontalPodAutoscalerCondition]<type>~type
MetricStatus type!:'MetricSourceType object:*ObjectMetricStatus pods:*PodsMetricStatus resource:*ResourceMetricStatus
  containerResource:*ContainerResourceMetricStatus external:*ExternalMetricStatus
ObjectMetricStatus metric!:MetricIdentifier current!:MetricValueStatus describedObject!:CrossVersionObjectReference
MetricValueStatus value:*Q averageValue:*Q averageUtilization:*i
PodsMetricStatus metric!:MetricIdentifier current!:MetricValueStatus
ResourceMetricStatus name!:'ResourceName current!:MetricValueStatus
ContainerResourceMetricStatus name!:'ResourceName current!:MetricValueStatus container!:s
ExternalMetricStatus metric!:MetricIdentifier current!:MetricValueStatus
HorizontalPodAutoscalerCondition type!:'HorizontalPodAutoscalerConditionType status!:'ConditionStatus
  lastTransitionTime:T reason:s message:s
Ingress metadata:ObjectMeta spec:IngressSpec status:IngressStatus
IngressSpec ingressClassName:*s defaultBackend:*IngressBackend tls=TLS:[IngressTLS] rules:[IngressRule]
IngressBackend service:*IngressServiceBackend resource:*TypedLocalObjectReference
IngressServiceBackend name!:s port:ServiceBackendPort
ServiceBackendPort@ name:s number:i
IngressTLS hosts:[s] secretName:s
IngressRule host:s http=HTTP:*HTTPIngressRuleValue
HTTPIngressRuleValue paths!:[HTTPIngressPath]
HTTPIngressPath path:s pathType!:*'PathType backend!:IngressBackend
IngressStatus loadBalancer:IngressLoadBalancerStatus
IngressLoadBalancerStatus ingress:[IngressLoadBalancerIngress]
IngressLoadBalancerIngress ip=IP:s hostname:s ports:[IngressPortStatus]
IngressPortStatus port!:i protocol!:'Protocol error:*s
EndpointSlice metadata:ObjectMeta addressType!:'AddressType endpoints!:[Endpoint] ports!:[EndpointPort]
Endpoint addresses!:[s]<=> conditions:EndpointConditions hostname:*s targetRef:*ObjectReference deprecatedTopology:{s}
  nodeName:*s zone:*s hints:*EndpointHints
EndpointConditions ready:*b serving:*b terminating:*b
EndpointHints forZones:[ForZone] forNodes:[ForNode]
ForZone name!:s
ForNode name!:s
EndpointPort@ name:*s protocol:*'Protocol port:*i appProtocol:*s
Lease metadata:ObjectMeta spec:LeaseSpec
LeaseSpec holderIdentity:*s leaseDurationSeconds:*i acquireTime:*M renewTime:*M leaseTransitions:*i
  strategy:*'CoordinatedLeaseStrategy preferredHolder:*s
Event metadata!:ObjectMeta involvedObject!:ObjectReference reason:s message:s source:EventSource firstTimestamp:T
  lastTimestamp:T count:i type:s eventTime:M series:*EventSeries action:s related:*ObjectReference
  reportingComponent!=ReportingController:s reportingInstance!:s
EventSource component:s host:s
EventSeries count:i lastObservedTime:M
Node metadata:ObjectMeta spec:NodeSpec status:NodeStatus
NodeSpec podCIDR:s podCIDRs:[s]<=>~= providerID:s unschedulable:b taints:[Taint] configSource:*NodeConfigSource
  externalID=DoNotUseExternalID:s
Taint key!:s value:s effect!:'TaintEffect timeAdded:*T
NodeConfigSource configMap:*ConfigMapNodeConfigSource
ConfigMapNodeConfigSource namespace!:s name!:s uid=UID:s resourceVersion:s kubeletConfigKey!:s
NodeStatus capacity:{Q} allocatable:{Q} phase:'NodePhase conditions:[NodeCondition]<type>~type
  addresses:[NodeAddress]<type>~type daemonEndpoints:NodeDaemonEndpoints nodeInfo:NodeSystemInfo
  images:[ContainerImage] volumesInUse:['UniqueVolumeName] volumesAttached:[AttachedVolume] config:*NodeConfigStatus
  runtimeHandlers:[NodeRuntimeHandler] features:*NodeFeatures declaredFeatures:[s]
NodeCondition type!:'NodeConditionType status!:'ConditionStatus lastHeartbeatTime:T lastTransitionTime:T reason:s
  message:s
NodeAddress type!:'NodeAddressType address!:s
NodeDaemonEndpoints kubeletEndpoint:DaemonEndpoint
DaemonEndpoint Port!:i
NodeSystemInfo machineID!:s systemUUID!:s bootID!:s kernelVersion!:s osImage!=OSImage:s containerRuntimeVersion!:s
  kubeletVersion!:s kubeProxyVersion!:s operatingSystem!:s architecture!:s swap:*NodeSwapStatus
NodeSwapStatus capacity:*l
ContainerImage names!:[s] sizeBytes:l
AttachedVolume name!:'UniqueVolumeName devicePath!:s
NodeConfigStatus assigned:*NodeConfigSource active:*NodeConfigSource lastKnownGood:*NodeConfigSource error:s
NodeRuntimeHandler name!:s features:*NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures recursiveReadOnlyMounts:*b userNamespaces:*b
NodeFeatures supplementalGroupsPolicy:*b
Scale metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
ScaleSpec replicas:i
ScaleStatus replicas!:i selector:s
"""
