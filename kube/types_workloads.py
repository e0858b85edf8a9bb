"""The types of the workloads beside Deployments, in the notation of `kube.schema`: apps/v1, batch/v1 and ReplicationControllers
of Kubernetes 1.36; and of what tells of them, events.k8s.io/v1."""

WORKLOAD_TYPES = """
GroupedEvent metadata:ObjectMeta eventTime!:M series:*EventSeries reportingController:s reportingInstance:s action:s reason:s
  regarding:ObjectReference related:*ObjectReference note:s type:s deprecatedSource:EventSource
  deprecatedFirstTimestamp:T deprecatedLastTimestamp:T deprecatedCount:i
StatefulSet metadata:ObjectMeta spec:StatefulSetSpec status:StatefulSetStatus
StatefulSetSpec replicas:*i selector!:*LabelSelector template!:PodTemplateSpec
  volumeClaimTemplates:[PersistentVolumeClaim] serviceName!:s podManagementPolicy:'PodManagementPolicyType
  updateStrategy:StatefulSetUpdateStrategy revisionHistoryLimit:*i minReadySeconds:i
  persistentVolumeClaimRetentionPolicy:*StatefulSetPersistentVolumeClaimRetentionPolicy ordinals:*StatefulSetOrdinals
StatefulSetUpdateStrategy type:'StatefulSetUpdateStrategyType rollingUpdate:*RollingUpdateStatefulSetStrategy
RollingUpdateStatefulSetStrategy partition:*i maxUnavailable:*I
StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted:'PersistentVolumeClaimRetentionPolicyType
  whenScaled:'PersistentVolumeClaimRetentionPolicyType
StatefulSetOrdinals start!:i
StatefulSetStatus observedGeneration:l replicas!:i readyReplicas:i currentReplicas:i updatedReplicas:i currentRevision:s
  updateRevision:s collisionCount:*i conditions:[StatefulSetCondition]<type>~type availableReplicas!:i
StatefulSetCondition type!:'StatefulSetConditionType status!:'ConditionStatus lastTransitionTime:T reason:s message:s
DaemonSet metadata:ObjectMeta spec:DaemonSetSpec status:DaemonSetStatus
DaemonSetSpec selector!:*LabelSelector template!:PodTemplateSpec updateStrategy:DaemonSetUpdateStrategy
  minReadySeconds:i revisionHistoryLimit:*i
DaemonSetUpdateStrategy type:'DaemonSetUpdateStrategyType rollingUpdate:*RollingUpdateDaemonSet
RollingUpdateDaemonSet maxUnavailable:*I maxSurge:*I
DaemonSetStatus currentNumberScheduled!:i numberMisscheduled!:i desiredNumberScheduled!:i numberReady!:i
  observedGeneration:l updatedNumberScheduled:i numberAvailable:i numberUnavailable:i collisionCount:*i
  conditions:[DaemonSetCondition]<type>~type
DaemonSetCondition type!:'DaemonSetConditionType status!:'ConditionStatus lastTransitionTime:T reason:s message:s
ControllerRevision metadata:ObjectMeta data:A revision!:l
ReplicationController metadata:ObjectMeta spec:ReplicationControllerSpec status:ReplicationControllerStatus
ReplicationControllerSpec replicas:*i minReadySeconds:i selector:{s}@ template:*PodTemplateSpec
ReplicationControllerStatus replicas!:i fullyLabeledReplicas:i readyReplicas:i availableReplicas:i observedGeneration:l
  conditions:[ReplicationControllerCondition]<type>~type
ReplicationControllerCondition type!:'ReplicationControllerConditionType status!:'ConditionStatus lastTransitionTime:T
  reason:s message:s
Job metadata:ObjectMeta spec:JobSpec status:JobStatus
JobSpec parallelism:*i completions:*i activeDeadlineSeconds:*l podFailurePolicy:*PodFailurePolicy
  successPolicy:*SuccessPolicy backoffLimit:*i backoffLimitPerIndex:*i maxFailedIndexes:*i selector:*LabelSelector
  manualSelector:*b template!:PodTemplateSpec ttlSecondsAfterFinished=TTLSecondsAfterFinished:*i
  completionMode:*'CompletionMode suspend:*b podReplacementPolicy:*'PodReplacementPolicy managedBy:*s
PodFailurePolicy rules!:[PodFailurePolicyRule]
PodFailurePolicyRule action!:'PodFailurePolicyAction onExitCodes:*PodFailurePolicyOnExitCodesRequirement
  onPodConditions:[PodFailurePolicyOnPodConditionsPattern]
PodFailurePolicyOnExitCodesRequirement containerName:*s operator!:'PodFailurePolicyOnExitCodesOperator values!:[i]<=>
PodFailurePolicyOnPodConditionsPattern type!:'PodConditionType status!:'ConditionStatus
SuccessPolicy rules!:[SuccessPolicyRule]
SuccessPolicyRule succeededIndexes:*s succeededCount:*i
JobStatus conditions:[JobCondition]~type startTime:*T completionTime:*T active:i succeeded:i failed:i terminating:*i
  completedIndexes:s failedIndexes:*s uncountedTerminatedPods:*UncountedTerminatedPods ready:*i
UncountedTerminatedPods succeeded:['UID]<=> failed:['UID]<=>
JobCondition type!:'JobConditionType status!:'ConditionStatus lastProbeTime:T lastTransitionTime:T reason:s message:s
CronJob metadata:ObjectMeta spec:CronJobSpec status:CronJobStatus
CronJobSpec schedule!:s timeZone:*s startingDeadlineSeconds:*l concurrencyPolicy:'ConcurrencyPolicy suspend:*b
  jobTemplate!:JobTemplateSpec successfulJobsHistoryLimit:*i failedJobsHistoryLimit:*i
JobTemplateSpec metadata:ObjectMeta spec:JobSpec
CronJobStatus active:[ObjectReference] lastScheduleTime:*T lastSuccessfulTime:*T
"""
