"""Whatever the manifests hold in place of what belongs there: rules look at it and never stumble."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import yaml
from checked import SOUND, loaded
from rollway import preflight
from rollway.errors import BadInput
from rollway.strategies import NAMES

EVERYTHING = (
    SOUND
    + """\
        livenessProbe: {httpGet: {path: /ready, port: 80}, periodSeconds: 1}
        startupProbe: {exec: {command: [up]}}
        env: [{name: A, value: b}]
        args: [--drain]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
      initContainers: [{name: i, image: busybox, restartPolicy: Always}]
      volumes: [{name: d, persistentVolumeClaim: {claimName: d}}]
      readinessGates: [{conditionType: target-health.elbv2.k8s.aws/x}]
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
        {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}, matchExpressions: [
          {key: app, operator: In, values: [shop]}]}}]}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}, spec: {accessModes: [ReadWriteOnce]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: '4', requests.cpu: '1', limits.memory: 1Gi}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b},
 spec: {minAvailable: 100%, selector: {matchLabels: {app: shop}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {minReplicas: 2, maxReplicas: 9,
 scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}}}
---
{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i, annotations: {alb.ingress.kubernetes.io/target-type: ip}},
 spec: {ingressClassName: alb, backend: {serviceName: shop, servicePort: 80},
 rules: [{http: {paths: [{path: /, backend: {serviceName: shop, servicePort: 80}}]}}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: j},
 spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {name: web}}}}]}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [shop], http: [
 {match: [{headers: {X-A: {exact: v2}}, uri: {prefix: /}}], mirror: {host: shop}, route: [
  {destination: {host: shop, subset: v2}, weight: 90}, {destination: {host: cart}, weight: 20}]}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: shop, subsets: [{name: v1}]}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e}, spec: {hosts: [api.example.com]}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: c},
 spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: shop}}}}}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {a: b}}, stringData: {TOKEN: x}, data: {KEY: eA==}}
---
{apiVersion: v1, kind: Secret, metadata: {name: r}, type: kubernetes.io/dockerconfigjson, data: {.dockerconfigjson: e30=}}
---
{apiVersion: v1, kind: Secret, metadata: {name: t}, type: kubernetes.io/tls, data: {tls.crt: eA==, tls.key: eA==}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {MODE: x}, binaryData: {B: eA==}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, imagePullSecrets: [{name: r}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: o},
 rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: o}, subjects: [{kind: ServiceAccount, name: a}],
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: o}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {matchLabels: {app: shop}},
 policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}],
 ports: [{port: 80, protocol: TCP}]}]}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: k}, spec: {backoffLimit: 2, template: {spec: {restartPolicy: Never,
 containers: [{name: k, image: 'k:1', envFrom: [{configMapRef: {name: m}}, {secretRef: {name: s}}]}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 1, serviceName: db,
 selector: {matchLabels: {app: db}},
 template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: 'db:1',
 volumeMounts: [{name: d, mountPath: /d}]}]}},
 volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: z}, spec: {selector: {matchLabels: {app: z}},
 template: {metadata: {labels: {app: z}}, spec: {tolerations: [{key: a, operator: Exists}],
 containers: [{name: z, image: 'z:1'}]}}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: w},
 spec: {parentRefs: [{name: g}], hostnames: [a.example],
 rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: shop, port: 80, weight: 1}]}]}}
---
{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: l}, spec: {maxReplicas: 9,
 targetCPUUtilizationPercentage: 80, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
"""
)
ODD: list[Any] = [None, 0, -1, 7, 1.5, True, "", "x", "50%", "ä\n#", [], [None], ["x"], {}, {"x": None}, [{}], [{"name": 3}]]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in the data."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, below in pairs for found in ((*path, key), *places(below, (*path, key)))]


DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
OBJECTS = list(yaml.safe_load_all(EVERYTHING))
PLACES = places(OBJECTS)


def with_odd(number: int) -> list[Any]:
    """The manifests with one to three values replaced; a number always gives the same."""
    chance = random.Random(number)
    objects = copy.deepcopy(OBJECTS)
    for _ in range(chance.randint(1, 3)):
        holder: Any = objects
        *above, last = chance.choice(PLACES)
        try:
            for key in above:
                holder = holder[key]
            holder[last] = copy.deepcopy(chance.choice(ODD))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier one has taken it away
    return objects


@pytest.mark.parametrize("first", [0, 100, 200, 300])
def test_no_rule_stumbles(first: int) -> None:
    """Each place of manifests that every rule looks at, with whatever may stand there; by every strategy."""
    looked = 0
    for number in range(first, first + 100):
        try:
            release = loaded(yaml.dump_all(with_odd(number), Dumper=DUMPER, allow_unicode=True))
        except BadInput:
            continue
        for strategy in NAMES:
            found = preflight.findings(release, strategy)
            preflight.fixed(release, *found)
        looked += 1

    assert looked > 25


def test_the_manifests_are_such_as_rules_look_at() -> None:
    """Most rules find something in them, so that the test above is about their code."""
    ids = {finding.id for by in ("ramped", "canary") for finding in preflight.findings(loaded(EVERYTHING), by)}

    assert len(ids) >= 14
