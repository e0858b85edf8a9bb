"""Every other rule: what it must find, once and at its place, and what looks alike and is right."""

from __future__ import annotations

import copy
from typing import NamedTuple

import pytest
import yaml
from checked import Spoil, Told, Written, findings
from rollway import preflight
from rollway.preflight.rules import BY_ID, RULES, UNREASONED, UNUSED
from spoils import (
    CONFIG,
    COUNTED,
    DATABASE,
    EXPERIMENT,
    HTTP_ROUTE,
    ITEMS,
    KEY,
    MATCHED,
    MATCHING,
    MATCHING_TOO,
    NGINX,
    NGINX_TOO,
    NINE_OF_TEN,
    OF_ALL,
    OF_HOST_B,
    ONLY_ADMIN,
    POLICED,
    POLICY,
    SECRET_KEY,
    TO_OTHER,
    TO_SHOP,
    VALUED,
    adds,
    alb,
    apart,
    at_listener,
    beta_of,
    both,
    budget,
    claim,
    configured,
    copied,
    gated,
    kept,
    limits,
    makes_pods,
    misspelt,
    named_so,
    namespace,
    new_ingress,
    old_ingress,
    pods,
    policy,
    quota,
    routes,
    scaled,
    sets,
    steps,
    subsets,
    with_file,
)


class Case(NamedTuple):
    """`by` is the strategy; `severity` of the finding; `place` a part of where it is."""

    rule: str
    spoil: Spoil
    by: str = "ramped"
    severity: str = "warning"
    place: str = ""


MUST = {
    "a field that few clusters know": Case("RW055", policy("TerminationComplete"), place="spec.podReplacementPolicy"),
    "a policy that there is not": Case("RW055", policy("TerminationDone"), severity="error", place="spec.podReplacementPolicy"),
    "a pace that a StatefulSet has not": Case(
        "RW054", adds(DATABASE % "maxUnavailable"), place="spec.updateStrategy.rollingUpdate.maxUnavailable"
    ),
    "a key that its ConfigMap lacks": Case(
        "RW038", configured(KEY.replace("mode", "mood"), CONFIG), severity="error", place="env[0].valueFrom.configMapKeyRef"
    ),
    "a key that its Secret lacks": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {tokem: x}}"),
        severity="error",
    ),
    "a key of a volume's": Case(
        "RW038",
        both(adds(CONFIG), sets("pod.volumes", [{"name": "v", "configMap": ITEMS}])),
        severity="error",
        place="volumes[0].configMap",
    ),
    "a ConfigMap that may be in the cluster": Case("RW038", configured(KEY), severity="info"),
    "somebody's own kind of Secret": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {token: x}}"),
        severity="info",
    ),
    "one pod that may be missing": Case("RW009", both(pods(1), limits(1, 1)), place="rollingUpdate.maxUnavailable"),
    "all pods, in percent": Case("RW009", limits("25%", "100%")),
    "no surge for one pod": Case("RW009", both(pods(1), limits(0, "25%"))),
    "the release file's own limits": Case(
        "RW009", both(pods(1), with_file(strategies={"ramped": {"maxUnavailable": 1}})), place="strategies.ramped"
    ),
    "a canary of one pod without surge": Case(
        "RW009", both(pods(1), with_file(strategies={"canary": {"maxSurge": 0}})), "canary", place="strategies.canary"
    ),
    "both 0": Case("RW010", limits(0, "0%"), severity="error"),
    "both 0, adopted by blue-green": Case("RW010", limits(0, 0), "blue-green", "error"),
    "both 0, which the Deployment has again when a canary is done": Case(
        "RW010", limits(0, 0), "canary", "error", place="rollingUpdate.maxUnavailable"
    ),
    "both 0, beneath the release file's own limits": Case(
        "RW010", both(limits(0, 0), with_file(strategies={"ramped": {"maxSurge": 1}})), severity="error",
        place="spec.strategy.rollingUpdate",
    ),
    "a volume for one node": Case("RW011", claim("ReadWriteOnce"), place="volumes[0]"),
    "a volume for one pod": Case("RW011", claim("ReadWriteOncePod"), "canary", "error"),
    "a host port": Case(
        "RW012", sets("container.ports", [{"name": "http", "containerPort": 8080, "hostPort": 80}]), place="hostPort",
    ),
    "the host's network": Case("RW012", sets("pod.hostNetwork", True), "blue-green"),
    "one pod a node": Case("RW013", apart()),
    "a quota of four pods": Case("RW014", quota(pods="4"), severity="error", place="hard.pods"),
    "a quota that is too small for twice as many": Case("RW014", quota(pods="6"), "blue-green", "error"),
    "a quota of memory": Case(
        "RW014", both(quota(requests_memory="1Gi"), sets("container.resources", {"requests": {"memory": "200Mi"}})),
        "blue-green", "error",
    ),
    "a quota without room for a surge that is not needed": Case("RW014", both(quota(pods="4"), limits(1, 1))),
    "another app's label": Case(
        "RW015", sets("service.spec.selector", {"app": "shopp"}), severity="error", place="spec.selector",
    ),
    "a Service whose pods somebody else makes": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 1}]}}"),
        severity="info",
    ),
    "a namesake of another application": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: shop-db}, spec: {selector: {app: shop-db}}}"),
        severity="info",
    ),
    "a label of another key": Case("RW015", sets("service.spec.selector", {"run": "shop"}), severity="error"),
    "a Service for the worker, too": Case("RW016", makes_pods("Deployment", "app: shop, component: worker")),
    "a Service for a job": Case("RW016", makes_pods("Job", "app: shop")),
    "a port by a name that is not there": Case(
        "RW017", sets("service.spec.ports", [{"port": 80, "targetPort": "web"}]), severity="error", place="targetPort"
    ),
    "a number that is not declared": Case("RW017", sets("service.spec.ports", [{"port": 80}])),
    "an Ingress to the container's port": Case("RW017", new_ingress("{number: 8080}"), severity="error", place="service.port"),
    "a budget of no pod": Case("RW018", budget(maxUnavailable=0), severity="error"),
    "a budget of 0%": Case("RW018", both(pods(None), budget(maxUnavailable="0%")), severity="error"),
    "a budget that wants all": Case("RW018", budget(minAvailable=4), severity="error", place="minAvailable"),
    "a budget that wants 100%": Case("RW018", budget(minAvailable="100%"), severity="error"),
    "a budget for a single pod": Case("RW018", both(pods(1), budget(minAvailable=1)), severity="error"),
    "a budget that an autoscaler's minimum cannot meet": Case(
        "RW018", both(scaled(least=1), budget(minAvailable=1)), severity="error",
    ),
    "replicas and an autoscaler": Case("RW019", scaled(), place="spec.replicas"),
    "latest": Case("RW020", sets("container.image", "ghcr.io/acme/shop:latest"), place="image"),
    "no tag, at a registry with a port": Case("RW020", sets("container.image", "localhost:5000/shop")),
    "the release file's image": Case("RW020", with_file(image="ghcr.io/acme/shop:latest"), place="image"),
    "a sidecar's image": Case(
        "RW020", sets("pod.initContainers", [{"name": "i", "image": "busybox"}]), place="initContainers[0]",
    ),
    "an ALB": Case("RW021", alb(), place="target-type"),
    "an ALB in a namespace without the label": Case("RW021", both(alb(), namespace("team: shop"))),
    "a NEG": Case(
        "RW021", sets("service.metadata.annotations", {"cloud.google.com/neg": '{"ingress": true}'}), severity="info"
    ),
    "an Ingress of old": Case("RW022", old_ingress, severity="error", place="apiVersion"),
    "a role of old, for the whole cluster": Case(
        "RW022", adds("{apiVersion: rbac.authorization.k8s.io/v1beta1, kind: ClusterRole, metadata: {name: r}}"), severity="error"
    ),
    "a policy that nothing replaced": Case(
        "RW022", adds("{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: p}}"), severity="error"
    ),
    "a kind in a version that never had it": Case(
        "RW022", adds("{apiVersion: networking.k8s.io/v1, kind: PodDisruptionBudget, metadata: {name: b}}"), severity="error"
    ),
    "a kind that is gone, in a version that never had it": Case(
        "RW022", adds("{apiVersion: policy/v1, kind: PodSecurityPolicy, metadata: {name: p}}"), severity="error"
    ),
    "a kind of others, in a version of Kubernetes' own": Case(
        "RW022", adds("{apiVersion: networking.k8s.io/v1, kind: Gateway, metadata: {name: g}}"), severity="error"
    ),
    "a kind in small letters": Case(
        "RW022", adds("{apiVersion: v1, kind: configmap, metadata: {name: c}}"), severity="error", place="kind"
    ),
    "a kind in the plural": Case(
        "RW022", adds("{apiVersion: batch/v1, kind: Cronjobs, metadata: {name: c}}"), severity="error", place="kind"
    ),
    "a kind that nobody knows": Case("RW022", adds("{apiVersion: apps/v1, kind: Fleet, metadata: {name: f}}")),
    "a Deployment of old": Case("RW022", sets("deployment.apiVersion", "extensions/v1beta1"), severity="error"),
    "an autoscaler of old": Case(
        "RW022",
        both(pods(None), scaled(), lambda app: app.objects[-1].update(apiVersion="autoscaling/v2beta2")),
        severity="error",
    ),
    "matches only": Case("RW023", routes(MATCHED), place="spec.http"),
    "X-Api-Version": Case("RW024", routes(MATCHED.replace("x-api-v", "X-Api-V"), TO_SHOP), place="headers.X-Api-Version"),
    "90 and 20": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 90}, {destination: {host: shop}, weight: 20}]}"),
    ),
    "0 and nothing": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 0}, {destination: {host: shop}}]}"), severity="error"
    ),
    "another host": Case("RW026", routes(TO_SHOP.replace("shop", "shopp")), place="destination.host"),
    "a mirror that is not there": Case(
        "RW026", routes(TO_SHOP.replace("{route", "{mirror: {host: lost}, route")), place="mirror",
    ),
    "a subset that the rule lacks": Case(
        "RW027", both(routes("{route: [{destination: {host: shop, subset: v3}}]}"), subsets("v1", "v2")), severity="error"
    ),
    "a subset that ab cannot split": Case(
        "RW027", routes("{route: [{destination: {host: shop, subset: stable}}]}"), "ab", severity="error"
    ),
    "a share by routes without a route": Case("RW049", with_file(router="gateway"), "canary", "error", "router"),
    "testers of a canary by pods": Case("RW049", beta_of("{x-beta: yes}"), "canary", "error", "strategies.canary"),
    "copies by ingress-nginx": Case(
        "RW049", both(copied, with_file(router="nginx"), new_ingress("{name: http}")), "canary", "error",
        "strategies.canary.steps[0].mirror",
    ),
    "copies by pods": Case("RW049", copied, "canary", "error", "strategies.canary.steps[0].mirror"),
    "users kept by pods": Case("RW049", kept, "canary", "error", "strategies.canary.sticky"),
    "users kept by how many pods there are under ab": Case(
        "RW049", both(kept, with_file(router="nginx"), new_ingress("{name: http}")), "ab", "error", "strategies.ab.sticky"
    ),
    "two headers for ingress-nginx": Case(
        "RW049", both(beta_of("{x-beta: yes, x-team: a}"), with_file(router="nginx"), new_ingress("{name: http}")), "canary",
        "error", "router",
    ),
    "a policy of the Service by which sessions outlive a way back": Case("RW050", adds(POLICY), place="spec.sessionPersistence"),
    "a session that outlives a way back": Case(
        "RW050", adds(HTTP_ROUTE.replace("- backend", "- sessionPersistence: {sessionName: x}\n    backend")),
        place="spec.rules[0].sessionPersistence",
    ),
    "two routes for everything": Case("RW058", both(adds(HTTP_ROUTE), adds(TO_OTHER)), place="spec.rules[0]"),
    "two routes of one listener": Case("RW058", both(adds(HTTP_ROUTE), adds(TO_OTHER.replace("edge", "edge, sectionName: web")))),
    "two routes for one path": Case(
        "RW058", both(adds(HTTP_ROUTE), adds(MATCHING % "path: {type: Exact, value: /api}"), adds(MATCHING_TOO % "/api"))
    ),
    "two Ingresses for a host and path": Case("RW058", both(adds(NGINX), adds(NGINX_TOO)), place="spec.rules[0]"),
    "an Ingress of a retired controller": Case("RW051", adds(NGINX), severity="info", place="metadata.annotations"),
    "two rules for a host": Case("RW033", both(subsets("v1"), subsets("v2", name="e"))),
    "two rules for ab": Case("RW033", both(subsets("v1"), subsets("v2", name="e")), "ab", severity="error", place="spec.host"),
    "a subset called as ab's": Case("RW033", subsets("v1", "v2-rollway-b"), "ab", severity="error", place="spec.subsets[1].name"),
    "two regular expressions": Case(
        "RW033",
        both(
            routes("{match: [{headers: {cookie: {regex: '.*a=1.*'}}}], route: [{destination: {host: shop}}]}", TO_SHOP),
            with_file(strategies={"ab": {"match": [{"cookie": {"group": "b"}}]}}),
        ),
        "ab",
        severity="error",
        place="spec.http",
    ),
    "a match that no route can meet": Case(
        "RW033",
        both(routes(ONLY_ADMIN), with_file(strategies={"ab": {"match": [{"uri": {"prefix": "/beta"}}]}})),
        "ab",
        place="spec.http",
    ),
    "a subset without a rule": Case("RW027", routes("{route: [{destination: {host: shop, subset: v2}}]}")),
    "a subset of the version before": Case(
        "RW059", both(routes(NINE_OF_TEN), subsets("v1", "v2")), place="spec.http[0].route[0].destination.subset"
    ),
    "all to a subset of the version before": Case(
        "RW059", both(routes("{route: [{destination: {host: shop, subset: v1}}]}"), subsets("v1")), "canary"
    ),
    "counts of a range of their own": Case(
        "RW042",
        gated(**(COUNTED | {"errors": 'sum(increase(e{pod=~"{{ pods }}"}[5m]))'})),
        severity="error",
        place="gates[0].errors",
    ),
    "an experiment's visits of a range of their own": Case(
        "RW042",
        with_file(strategies={"ab": EXPERIMENT}),
        "ab",
        "error",
        "strategies.ab.experiment.metrics.orders.total",
    ),
    "visits of a range of their own": Case(
        "RW042",
        gated(effect={"count": COUNTED["requests"], "total": 'sum(increase(o{pod=~"{{ pods }}"}[1h]))'}),
        severity="error",
        place="gates[0].effect.total",
    ),
    "no traffic for what a gate has to find": Case("RW043", gated("60s", "60s", rate=1), "canary", place="gates[0]"),
    "a quarter of the traffic, by a route": Case(
        "RW043", both(gated("90s", "90s", rate=2), pods(1), routes(TO_SHOP)), "canary", place="gates[0]"
    ),
    "more measurements than there is time for": Case(
        "RW043", gated("60s", "60s", compare='cpu{pod=~"{{ pods }}"}', count=200, interval="30s"), "canary"
    ),
    "versions that never get requests at once": Case("RW043", gated(), "blue-green"),
    "a share at which it does not stop": Case("RW043", gated("60s", "60s", **VALUED, when=[25, 60]), "canary", place="gates[0]"),
    "a preview Service's name": Case("RW039", named_so("a" * 56), "blue-green", severity="error", place="metadata.name"),
    "a test of a chart's": Case(
        "RW060",
        adds("{apiVersion: v1, kind: Pod, metadata: {name: shop-test, annotations: {helm.sh/hook: test}}, "
             "spec: {containers: [{name: wget, image: busybox}], restartPolicy: Never}}"),
        place="metadata.annotations.helm.sh/hook",
    ),
    "a Job that Argo CD runs first": Case(
        "RW060",
        adds("{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}, "
             "spec: {template: {spec: {containers: [{name: a, image: shop:1}], restartPolicy: Never}}}}"),
    ),
    "10% of four pods": Case("RW028", steps(10, 50), "canary", place="steps[0].weight"),
    "two steps that are one": Case("RW028", steps(48, 50), "canary", place="steps[1].weight"),
    "the default steps": Case("RW028", lambda app: None, "canary", "info"),
    "readynessProbe": Case("RW029", misspelt, severity="error", place="containers[0].readynessProbe"),
    "replica": Case("RW029", both(pods(None), sets("spec.replica", 3)), severity="error", place="spec.replica"),
    "a field that is like nothing": Case("RW029", sets("spec.zzz", 3)),
    "a label right in a budget's selector": Case(
        "RW029",
        adds("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {minAvailable: 1, "
             "selector: {app: shop}}}"),
        severity="error", place="spec.selector.app",
    ),
    "an autoscaler's field of another version": Case(
        "RW029",
        both(pods(None), scaled(), lambda app: app.objects[-1]["spec"].update(targetCPUUtilizationPercentage=80)),
        severity="error", place="targetCPUUtilizationPercentage",
    ),
    "a match that Istio does not know": Case(
        "RW029", routes(TO_SHOP, MATCHED.replace("{match", "{retrys: {attempts: 3}, match")), severity="error", place="retrys"
    ),
    "a variable that is a number": Case(
        "RW034", sets("container.env", [{"name": "PORT", "value": 8080}]), severity="error", place="env[0].value"
    ),
    "a port that is a text": Case(
        "RW034", sets("container.ports.0.containerPort", "8080"), severity="error", place="ports[0].containerPort"
    ),
    "a probe that is a text in one place": Case(
        "RW034", sets("container.readinessProbe.periodSeconds", "5s"), severity="error", place="periodSeconds"
    ),
    "a quantity of another world": Case(
        "RW034", sets("container.resources", {"limits": {"memory": "512mb"}}), severity="error", place="limits.memory"
    ),
    "an access mode in short": Case(
        "RW034",
        adds("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}, spec: {accessModes: [RWO], "
             "resources: {requests: {storage: 1Gi}}}}"),
        severity="error", place="accessModes",
    ),
    "limits of another Deployment that are both 0": Case(
        "RW034",
        adds(
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {selector: {matchLabels: {app: api}}, "
            "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}, template: {metadata: {labels: {app: api}}, "
            "spec: {containers: [{name: api, image: 'api:1'}]}}}}"
        ),
        severity="error",
        place="maxUnavailable",
    ),
    "a variable that is there twice": Case(
        "RW034", sets("container.env", [{"name": "A", "value": "1"}, {"name": "A"}]), severity="error", place="env[1]"
    ),
    "a mount of no volume": Case(
        "RW034", sets("container.volumeMounts", [{"name": "nope", "mountPath": "/x"}]), severity="error", place="volumeMounts[0]"
    ),
    "a pull policy in lower case": Case(
        "RW034", sets("container.imagePullPolicy", "always"), severity="error", place="imagePullPolicy"
    ),
    "a probe that asks in two ways": Case(
        "RW034", sets("container.readinessProbe.tcpSocket", {"port": 8080}), severity="error", place="readinessProbe"
    ),
    "a mode without the zero that makes it octal": Case(
        "RW034",
        sets("pod.volumes", [{"name": "v", "configMap": {"name": "shop", "optional": True, "defaultMode": 644}}]),
        severity="error",
        place="defaultMode",
    ),
    "a schedule of three fields": Case(
        "RW034",
        adds(
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {schedule: '* * *', jobTemplate: {spec: {template: "
            "{spec: {restartPolicy: Never, containers: [{name: j, image: 'j:1'}]}}}}}}"
        ),
        severity="error",
        place="spec.schedule",
    ),
    "a path that does not say how it is matched": Case(
        "RW034",
        adds(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: {paths: "
            "[{path: /, backend: {service: {name: shop, port: {name: http}}}}]}}]}}"
        ),
        severity="error",
        place="pathType",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUST)
def test_found_and_mended(name: str, told: Told) -> None:
    """Once, as bad as it is, at its place; and where there is a fix, not again after it, nor anything worse."""
    case = MUST[name]
    written = Written()
    case.spoil(written)
    release = written.release()
    before = copy.deepcopy(release.manifests)

    all_found = preflight.findings(release, case.by)
    [finding] = [each for each in all_found if each.id == case.rule]
    again = preflight.findings(preflight.fixed(release, finding), case.by)

    told(name, all_found)
    assert finding.severity == case.severity
    assert case.place in finding.path
    assert finding.where
    assert finding.fix or finding.hint
    assert not finding.fix or case.rule not in {each.id for each in again}
    assert not finding.fix or {each.id for each in again} <= {each.id for each in all_found} - {case.rule} | {"RW001", "RW004"}
    assert release.manifests == before


NEAR_MISSES = {
    "a Job's policy": Case("RW055", adds(POLICED)),
    "a StatefulSet's partition": Case("RW054", adds(DATABASE % "partition")),
    "a DaemonSet's limit": Case("RW054", adds(DATABASE.replace("StatefulSet", "DaemonSet") % "maxUnavailable")),
    "a key that is there": Case("RW038", configured(KEY, CONFIG)),
    "a key in stringData": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {token: x}}")
    ),
    "an optional ConfigMap": Case("RW038", configured("{configMapKeyRef: {name: c, key: mode, optional: true}}")),
    "an optional key": Case("RW038", configured("{configMapKeyRef: {name: c, key: mood, optional: true}}", CONFIG)),
    "what every namespace has": Case("RW038", configured("{configMapKeyRef: {name: kube-root-ca.crt, key: ca.crt}}")),
    "a Secret that an operator makes": Case(
        "RW038",
        configured(SECRET_KEY, "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, "
                               "spec: {target: {name: s}}}"),
    ),
    "one pod with a surge": Case("RW009", both(pods(1), limits(1, 0))),
    "a part may be missing": Case("RW009", limits(0, 1)),
    "rounded down to none": Case("RW009", both(pods(1), limits("25%", "25%"))),
    "limits that recreate does not use": Case("RW009", both(pods(1), limits(1, 1)), "recreate"),
    "limits that let one pod go": Case("RW010", limits(0, 1), "canary"),
    "a volume for many nodes": Case("RW011", claim("ReadWriteMany")),
    "a volume that recreate hands over": Case("RW011", claim("ReadWriteOncePod"), "recreate"),
    "a volume that goes before it comes": Case("RW011", both(claim("ReadWriteOnce"), limits(0, 1))),
    "a variable in quotes": Case("RW034", sets("container.env", [{"name": "PORT", "value": "8080"}])),
    "a probe's port by name and a request at its limit": Case(
        "RW034", sets("container.resources", {"requests": {"cpu": "500m"}, "limits": {"cpu": 0.5}})
    ),
    "a port number for two protocols": Case(
        "RW034", sets("container.ports", [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}])
    ),
    "a claim of somebody else": Case("RW011", sets("pod.volumes", [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}])),
    "a host port without surge": Case(
        "RW012", both(sets("container.ports", [{"containerPort": 8080, "hostPort": 80}]), limits(0, 1)),
    ),
    "preferred anti-affinity": Case("RW013", apart(required=False)),
    "anti-affinity to somebody else": Case("RW013", apart(labels={"app": "db"})),
    "anti-affinity within a version": Case("RW013", apart(matchLabelKeys=["pod-template-hash"])),
    "a quota with room": Case("RW014", quota(pods="5")),
    "a quota of other things": Case("RW014", quota(services="1", persistentvolumeclaims="1")),
    "a quota for recreate": Case("RW014", quota(pods="4"), "recreate"),
    "a Service for a job of the manifests": Case(
        "RW015", both(adds("{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
                      makes_pods("Deployment", "app: other")),
    ),
    "a Service by the name of a StatefulSet's pod": Case(
        "RW015",
        both(adds("{apiVersion: v1, kind: Service, metadata: {name: other-0}, "
                  "spec: {selector: {app: other, statefulset.kubernetes.io/pod-name: other-0}}}"),
             makes_pods("StatefulSet", "app: other")),
    ),
    "pods of a kind that is not Kubernetes' own": Case(
        "RW015",
        adds("{apiVersion: apps.kruise.io/v1, kind: CloneSet, metadata: {name: other}, spec: {template: {metadata: {labels: "
             "{app: other}}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
    ),
    "pods of a ReplicationController": Case(
        "RW015",
        adds("{apiVersion: v1, kind: ReplicationController, metadata: {name: other}, spec: {template: {metadata: {labels: "
             "{app: other}}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
    ),
    "pods that an operator makes": Case(
        "RW015",
        adds("{apiVersion: db.example.com/v1, kind: Cluster, metadata: {name: db}}\n---\n"
             "{apiVersion: v1, kind: Service, metadata: {name: db-rw}, spec: {selector: {db.example.com/cluster: db}}}"),
    ),
    "an external name": Case(
        "RW015",
        adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {type: ExternalName, externalName: db.example.com}}"),
    ),
    "a Service without a selector": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {ports: [{port: 5432}]}}"),
    ),
    "another application": Case("RW016", makes_pods("Deployment", "app: blog")),
    "the next version": Case("RW016", makes_pods("Deployment", "app: shop, version: v2")),
    "a port by its number": Case("RW017", sets("service.spec.ports", [{"port": 80, "targetPort": 8080}])),
    "a container that declares nothing": Case(
        "RW017", both(sets("container.ports", []), sets("service.spec.ports", [{"port": 80}])),
    ),
    "an Ingress to the Service's port": Case("RW017", new_ingress("{name: http}")),
    "a budget of one pod": Case("RW018", budget(maxUnavailable=1)),
    "a budget of most": Case("RW018", budget(minAvailable="50%")),
    "somebody else's budget": Case("RW018", budget("app: db", maxUnavailable=0)),
    "a budget where an autoscaler has more": Case("RW018", both(pods(None), scaled(least=3), budget(minAvailable=2))),
    "an autoscaler alone": Case("RW019", both(pods(None), scaled())),
    "another one's autoscaler": Case("RW019", scaled("blog")),
    "a digest": Case("RW020", sets("container.image", f"ghcr.io/acme/shop@sha256:{'0' * 64}")),
    "a version": Case("RW020", sets("container.image", "localhost:5000/shop:1.0")),
    "an ALB of instances": Case("RW021", alb("instance")),
    "another class": Case("RW021", alb(ingress_class="nginx")),
    "an ALB in a namespace with the label": Case(
        "RW021", both(alb(), namespace("elbv2.k8s.aws/pod-readiness-gate-inject: enabled"))
    ),
    "a key in two mappings": Case("RW037", sets("container.env", [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}])),
    "a beta of today": Case("RW022", adds("{apiVersion: resource.k8s.io/v1beta2, kind: ResourceClaim, metadata: {name: c}}")),
    "today's Ingress": Case("RW022", new_ingress("{number: 80}")),
    "a share by a route": Case("RW049", both(with_file(router="gateway"), adds(HTTP_ROUTE)), "canary"),
    "a share by pods": Case("RW049", pods(4), "canary"),
    "copies by a route": Case("RW049", both(copied, adds(HTTP_ROUTE)), "canary"),
    "users kept by a route": Case("RW049", both(kept, adds(HTTP_ROUTE)), "canary"),
    "a router that no strategy asks": Case("RW049", with_file(router="gateway"), "ramped"),
    "a route without a session": Case("RW050", adds(HTTP_ROUTE)),
    "a session of another Service": Case("RW050", adds(POLICY.replace("Service, name: shop", "Service, name: other"))),
    "two routes to one Service": Case("RW058", both(adds(HTTP_ROUTE), adds(HTTP_ROUTE.replace("shop}\nspec", "b}\nspec")))),
    "two routes of two hosts": Case("RW058", both(adds(HTTP_ROUTE), adds(OF_HOST_B))),
    "two routes of two Gateways": Case("RW058", both(adds(HTTP_ROUTE), adds(TO_OTHER.replace("edge", "inner")))),
    "two routes of two listeners": Case(
        "RW058", both(adds(at_listener("a", HTTP_ROUTE)), adds(at_listener("b", TO_OTHER)))
    ),
    "two routes of two paths": Case("RW058", both(adds(HTTP_ROUTE), adds(MATCHING % "path: {type: Exact, value: /api}"))),
    "two routes that lead past the Service": Case(
        "RW058", both(adds(TO_OTHER), adds(TO_OTHER.replace("other", "third").replace("name: b}", "name: c}")))
    ),
    "a canary beside its Ingress": Case(
        "RW058", both(adds(NGINX), adds(NGINX_TOO.replace("proxy-body-size: 8m", "canary: 'true'")))
    ),
    "an Ingress of the class alone": Case("RW051", new_ingress("{name: http}")),
    "a default behind the matches": Case("RW023", routes(MATCHED, TO_SHOP)),
    "everything below /": Case("RW023", routes(TO_SHOP.replace("{route", "{match: [{uri: {prefix: /}}], route"))),
    "x-api-version": Case("RW024", routes(MATCHED, TO_SHOP)),
    "90 and 10": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 90}, {destination: {host: shop}, weight: 10}]}")
    ),
    "one target": Case("RW025", routes("{route: [{destination: {host: shop}, weight: 1}]}")),
    "the long name": Case(
        "RW026", both(routes(TO_SHOP.replace("shop", "shop.shop.svc.cluster.local")), with_file(namespace="shop")),
    ),
    "another namespace": Case("RW026", routes(TO_SHOP.replace("host: shop", "host: cart.cart.svc.cluster.local"))),
    "a host outside": Case("RW026", routes(TO_SHOP.replace("host: shop", "host: api.example.com"))),
    "own subsets and routes, for ab": Case(
        "RW033", both(subsets("stable", "b"), routes("{route: [{destination: {host: shop, subset: b}}]}")), "ab"
    ),
    "a match that one of the routes can meet": Case(
        "RW033", both(routes(ONLY_ADMIN, TO_SHOP), with_file(strategies={"ab": {"match": [{"uri": {"prefix": "/beta"}}]}})), "ab"
    ),
    "a share of all beside a match that no route can meet": Case(
        "RW033",
        both(routes(ONLY_ADMIN), with_file(strategies={"ab": {"match": [{"uri": {"prefix": "/beta"}}], "weight": 10}})), "ab",
    ),
    "a subset called as ab's, by another strategy": Case("RW033", subsets("v2-rollway-b")),
    "a subset that pods of the manifests are of": Case(
        "RW059",
        both(routes(NINE_OF_TEN), subsets("v1"), makes_pods("Deployment", "app: other, version: v1")),
    ),
    "a subset that nothing is sent to": Case(
        "RW059",
        both(routes(NINE_OF_TEN.replace("90", "0").replace("shop}, weight: 10", "shop}, weight: 100")), subsets("v1")),
    ),
    "a subset of all versions": Case("RW059", both(routes(NINE_OF_TEN), adds(OF_ALL))),
    "a subset that the rule has": Case(
        "RW027", both(routes("{route: [{destination: {host: shop, subset: v2}}]}"), subsets("v1", "v2"))
    ),
    "counts since the last look": Case("RW042", gated()),
    "a share of errors in a range of its own": Case(
        "RW042", gated(**{key: text.replace("{{ interval }}", "5m") for key, text in COUNTED.items()}, max=0.05)
    ),
    "ready-made counts": Case("RW042", gated(use="istio")),
    "a Job that is nobody's hook": Case(
        "RW060",
        adds("{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, annotations: {team: web}}, "
             "spec: {template: {spec: {containers: [{name: a, image: shop:1}], restartPolicy: Never}}}}"),
    ),
    "enough traffic": Case("RW043", gated("60s", "5m", rate=20), "canary"),
    "little traffic, and somebody who promotes": Case("RW043", gated("60s", None, rate=1), "canary"),
    "half of the traffic, by pods": Case("RW043", both(gated("2m", "2m", rate=2), pods(1)), "canary"),
    "a share at which it stops": Case("RW043", gated("60s", "60s", **VALUED, when=[25, 50]), "canary"),
    "a share that somebody says": Case("RW043", gated(**VALUED, when=[60])),
    "traffic that nobody knows": Case("RW043", gated("60s", "60s"), "canary"),
    "as many measurements as there is time for": Case(
        "RW043", gated("60s", "60s", compare='cpu{pod=~"{{ pods }}"}', count=30, interval="30s"), "canary"
    ),
    "values of both versions, before the switch": Case("RW043", gated(compare='cpu{pod=~"{{ pods }}"}'), "blue-green"),
    "a name of 55 characters": Case("RW039", named_so("a" * 55), "blue-green"),
    "a long name by another strategy": Case("RW039", named_so("a" * 60), "canary"),
    "steps of a quarter": Case("RW028", steps(25, 50, 75, 100), "canary"),
    "steps of another strategy": Case("RW028", steps(1, 2)),
    "a fine step of many pods": Case("RW028", both(pods(20), steps(10, 50)), "canary"),
    "a label, an annotation, a node's selector": Case(
        "RW029", both(sets("deployment.metadata.labels", {"replica": "x"}), sets("pod.nodeSelector", {"disk": "ssd"})),
    ),
    "a custom resource": Case(
        "RW029", adds("{apiVersion: example.com/v1, kind: Thing, metadata: {name: t}, spec: {replica: 1}}"),
    ),
    "what kubectl writes": Case("RW029", sets("deployment.metadata.creationTimestamp", None)),
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_not_found(name: str, told: Told) -> None:
    """What looks like it and is right; what else is found in it stands in found/rules.txt."""
    case = NEAR_MISSES[name]
    all_found = findings(case.spoil, case.by)

    told(name, all_found)
    assert case.rule not in {each.id for each in all_found}


def test_the_table() -> None:
    """Numbers without a gap, each rule once, each with all that it is explained by."""
    ids = sorted(rule.id for rule in (*RULES, UNREASONED, UNUSED))

    assert ids == [f"RW{number:03}" for number in range(1, len(ids) + 1)]
    assert list(BY_ID) == ids
    for rule in BY_ID.values():
        assert rule.title[:1].islower()
        assert rule.why.endswith(".")
        assert rule.more.endswith((".", ")"))
        assert list(yaml.safe_load_all(rule.example))


def test_every_rule_has_been_tried() -> None:
    """Each is in these tables with what it must find and with a near miss; the first eight are in a file of their own, what only
    a cluster can tell and hooks have files too, and what only a text can show (RW037) is where texts are written."""
    hooks = {f"RW{number:03}" for number in range(44, 49)}
    wanted = (
        {rule.id for rule in RULES[8:]}
        - {"RW032", "RW035", "RW036", "RW040", "RW041", "RW052", "RW053", "RW056", "RW057"}
        - hooks
    )

    assert {case.rule for case in MUST.values()} | {"RW037"} == wanted
    assert {case.rule for case in NEAR_MISSES.values()} == wanted
