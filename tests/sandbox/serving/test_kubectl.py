"""The sandbox as kubectl sees it: the verbs people use every day, on a daemon, with the binary itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kubectls import VERSIONS, fetched
from rollway.sandbox import daemon

PROGRAMS = {
    "installed": (shutil.which("kubectl"), "kubectl is not installed"),
    **{version: (fetched(version), f"{version} was not fetched: make kubectl") for version in VERSIONS},
}
"""The machine's own kubectl, and the oldest and the newest that are fetched for the tests."""

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: demo, labels: {app: demo}}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata:
      labels: {app: demo}
      annotations: {sandbox.rollway.dev/behaviour: "{pull: 0s, log: ready to serve}"}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: demo, image: "demo:v1", ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: demo}
spec: {selector: {app: demo}, ports: [{port: 80}]}
"""


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Kubectl = Callable[..., Answer]


@pytest.fixture(params=PROGRAMS)
def kubectl(home: Path, request: pytest.FixtureRequest) -> Kubectl:
    """kubectl in a namespace of the test's own."""
    program, missing = PROGRAMS[request.param]
    if program is None:
        pytest.skip(missing)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(daemon.kubeconfig_path(home))}
    space = f"{request.param}-{re.sub('[^a-z0-9]+', '-', request.node.originalname)}"[:60].strip("-")

    def run(*words: str, stdin: str = "", code: int | None = 0) -> Answer:
        command = [program, "--namespace", space, "--request-timeout", "10s", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, timeout=20)
        assert code in (None, done.returncode), done
        return Answer(done.returncode, done.stdout, done.stderr)

    run("create", "namespace", space)
    return run


@pytest.fixture
def demo(kubectl: Kubectl) -> Kubectl:
    """kubectl where the Deployment `demo` is applied and runs."""
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("rollout", "status", "deploy/demo", "--timeout=10s")
    return kubectl


def test_apply_tells_what_it_did(kubectl: Kubectl) -> None:
    """Client-side apply creates, sees that nothing changed, and configures; diff shows what an apply would do, with exit 1."""
    changed = MANIFEST.replace("replicas: 2", "replicas: 3")
    first, second = kubectl("apply", "-f", "-", stdin=MANIFEST), kubectl("apply", "-f", "-", stdin=MANIFEST)
    same, differing = kubectl("diff", "-f", "-", stdin=MANIFEST, code=None), kubectl("diff", "-f", "-", stdin=changed, code=1)
    third = kubectl("apply", "-f", "-", stdin=changed)

    assert first.out == "deployment.apps/demo created\nservice/demo created\n"
    assert second.out == "deployment.apps/demo unchanged\nservice/demo unchanged\n"
    assert "replicas" not in same.out
    assert "-  replicas: 2\n+  replicas: 3\n" in differing.out
    assert third.out == "deployment.apps/demo configured\nservice/demo unchanged\n"


def test_server_side_apply_names_the_owner_in_the_way(kubectl: Kubectl) -> None:
    """A field of another manager is a conflict; --force-conflicts takes it over."""
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=MANIFEST)
    changed = MANIFEST.replace("demo:v1", "demo:v2")
    refused = kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=changed, code=1)
    forced = kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=changed)

    assert 'conflict with "one": .spec.template.spec.containers[name="demo"].image' in refused.err
    assert forced.out == "deployment.apps/demo serverside-applied\nservice/demo serverside-applied\n"


def test_get_shows_tables_and_objects(demo: Kubectl) -> None:
    """Columns come from the server, plain and wide; -o json, yaml, name and jsonpath read the object itself."""
    plain = demo("get", "deploy,svc").out.splitlines()
    wide = demo("get", "deploy", "demo", "-o", "wide").out.splitlines()

    assert plain[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert plain[1].split()[:4] == ["deployment.apps/demo", "2/2", "2", "2"]
    assert plain[3].split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert wide[0].split()[5:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[5:] == ["demo", "demo:v1", "app=demo"]
    assert demo("get", "deploy", "demo", "-o", "json").document["spec"]["replicas"] == 2
    assert "  replicas: 2\n" in demo("get", "deploy", "demo", "-o", "yaml").out
    assert demo("get", "deploy", "-l", "app in (demo)", "-o", "name").out == "deployment.apps/demo\n"
    assert demo(
        "get", "po", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].spec.containers[0].image}"
    ).out == ("demo:v1 demo:v1")


def test_get_watches(demo: Kubectl) -> None:
    """A watch begins with what there is and ends where the time is up."""
    seen = demo("get", "deploy", "demo", "-w", "--output-watch-events", "--request-timeout=1s", code=None)

    assert seen.out.splitlines()[1].split()[:3] == ["ADDED", "demo", "2/2"]


def test_describe_and_events_tell_the_story(demo: Kubectl) -> None:
    """What controllers and the kubelet wrote is found by the object it is about."""
    deployment, service = demo("describe", "deploy", "demo").out, demo("describe", "svc", "demo").out

    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in deployment
    assert "ScalingReplicaSet" in deployment
    assert "NewReplicaSetAvailable" in deployment
    assert ":80,10." in service  # two endpoints
    # of several objects kubectl 1.37 shows them only when asked
    assert "Container started: demo" in demo("describe", "po", "-l", "app=demo", "--show-events=true").out
    assert {"Scheduled", "Started", "SuccessfulCreate"} <= set(demo("get", "events").out.split())


def test_logs_are_what_the_pods_printed(demo: Kubectl) -> None:
    """By Deployment, by selector and by pod name; of a container that never restarted there is nothing before."""
    pod = demo("get", "po", "-o", "jsonpath={.items[0].metadata.name}").out

    assert demo("logs", "deploy/demo").out == "ready to serve\n"
    assert demo("logs", "-l", "app=demo").out == "ready to serve\n" * 2
    assert demo("logs", pod, "--tail=1").out == "ready to serve\n"
    assert "container nobody is not valid for pod" in demo("logs", pod, "-c", "nobody", code=1).err
    assert demo("logs", pod, "--follow", "--request-timeout=1s", code=None).out == "ready to serve\n"
    assert f'previous terminated container "demo" in pod "{pod}" not found' in demo("logs", pod, "--previous", code=1).err


def test_rollouts_go_forth_and_back(demo: Kubectl) -> None:
    """set image, status, history, undo, restart: a Deployment is driven as on any cluster."""
    demo("set", "image", "deploy/demo", "demo=demo:v2")
    assert "successfully rolled out" in demo("rollout", "status", "deploy/demo", "--timeout=10s").out
    assert [line.split()[0] for line in demo("rollout", "history", "deploy/demo").out.splitlines()[2:-1]] == ["1", "2"]
    assert "demo:v2" in demo("rollout", "history", "deploy/demo", "--revision=2").out

    assert demo("rollout", "undo", "deploy/demo").out == "deployment.apps/demo rolled back\n"
    demo("rollout", "status", "deploy/demo", "--timeout=10s")
    assert demo("get", "deploy", "demo", "-o", "jsonpath={..image}").out == "demo:v1"
    demo("rollout", "restart", "deploy/demo")
    demo("rollout", "status", "deploy/demo", "--timeout=10s")
    assert [line.split()[0] for line in demo("rollout", "history", "deploy/demo").out.splitlines()[2:-1]] == ["2", "3", "4"]


def test_a_paused_rollout_waits(demo: Kubectl) -> None:
    """A new image is not rolled out while the Deployment is paused; pausing twice is refused."""
    demo("rollout", "pause", "deploy/demo")
    demo("set", "image", "deploy/demo", "demo=demo:v2")

    assert "already paused" in demo("rollout", "pause", "deploy/demo", code=1).err
    assert demo("get", "po", "-o", "jsonpath={.items[*].spec.containers[0].image}").out == "demo:v1 demo:v1"
    demo("rollout", "resume", "deploy/demo")
    assert "successfully rolled out" in demo("rollout", "status", "deploy/demo", "--timeout=10s").out


def test_scale_and_wait(demo: Kubectl) -> None:
    """The scale subresource; wait looks at conditions, at fields and for the end of things."""
    demo("scale", "deploy/demo", "--replicas=3")

    assert "Expected replicas to be 7" in demo("scale", "deploy/demo", "--replicas=1", "--current-replicas=7", code=1).err
    demo("wait", "deploy/demo", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=10s")
    demo("wait", "deploy/demo", "--for=condition=Available", "--timeout=10s")
    demo("delete", "deploy", "demo", "--wait=false")
    demo("wait", "po", "-l", "app=demo", "--for=delete", "--timeout=10s")
    assert demo("get", "po").err.startswith("No resources found")


def test_patches_labels_and_annotations(demo: Kubectl) -> None:
    """Strategic, merge and JSON patches, and what kubectl makes of them."""
    demo("patch", "deploy", "demo", "-p", '{"spec":{"minReadySeconds":1}}')
    demo("patch", "deploy", "demo", "--type=merge", "-p", '{"spec":{"revisionHistoryLimit":3}}')
    demo("patch", "deploy", "demo", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":1}]')
    demo("label", "deploy", "demo", "tier=web")
    demo("annotate", "deploy", "demo", "note=first", "kubernetes.io/change-cause=patched")
    spec = demo("get", "deploy", "demo", "-o", "json").document["spec"]

    assert (spec["minReadySeconds"], spec["revisionHistoryLimit"], spec["replicas"]) == (1, 3, 1)
    assert "already has a value (web)" in demo("label", "deploy", "demo", "tier=x", code=1).err
    assert demo("get", "deploy", "-l", "tier=web", "-o", "jsonpath={..metadata.annotations.note}").out == "first"
    assert demo("label", "deploy", "demo", "tier-").out == "deployment.apps/demo unlabeled\n"


MADE = {
    "configmap c --from-literal=a=b": ("configmap/c", "jsonpath={.data.a}", "b"),
    "secret generic s --from-literal=a=b": ("secret/s", "jsonpath={.data.a}", "Yg=="),
    "serviceaccount a": ("serviceaccount/a", "jsonpath={.metadata.name}", "a"),
    "deployment d --image=nginx --replicas=2 --port=80": (
        "deployment.apps/d", "jsonpath={.spec.replicas} {..containerPort} {.spec.selector.matchLabels}", '2 80 {"app":"d"}',
    ),
    "service clusterip i --tcp=80:8080": ("service/i", "jsonpath={..port} {..targetPort}", "80 8080"),
    "service nodeport n --tcp=80:http": ("service/n", "jsonpath={..targetPort} {.spec.type}", "http NodePort"),
    "service externalname e --external-name=a.b": ("service/e", "jsonpath={.spec.externalName}", "a.b"),
    "quota q --hard=cpu=1,pods=10": ("resourcequota/q", "jsonpath={.spec.hard}", '{"cpu":"1","pods":"10"}'),
    "role r --verb=get --resource=pods": ("role.rbac.authorization.k8s.io/r", "jsonpath={.rules[0].resources}", '["pods"]'),
    "rolebinding rb --role=r --user=u": ("rolebinding.rbac.authorization.k8s.io/rb", "jsonpath={..subjects[0].name}", "u"),
    "clusterrole cr --verb=get --resource=pods": (
        "clusterrole.rbac.authorization.k8s.io/cr", "jsonpath={.rules[0].resources}", '["pods"]',
    ),
    "clusterrolebinding crb --clusterrole=cr --user=u": (
        "clusterrolebinding.rbac.authorization.k8s.io/crb", "jsonpath={..subjects[0].name}", "u",
    ),
    "cronjob cj --image=i --schedule=@hourly": ("cronjob.batch/cj", "jsonpath={.spec.schedule} {..image}", "@hourly i"),
    "job j --from=cronjob/cj": ("job.batch/j", "jsonpath={..ownerReferences[0].kind} {..restartPolicy}", "CronJob OnFailure"),
    "ingress g --rule=a.b/c=s:80": ("ingress.networking.k8s.io/g", "jsonpath={..paths[0].path} {..number}", "/c 80"),
    "pdb p --selector=a=b --min-available=50%": ("poddisruptionbudget.policy/p", "jsonpath={.spec.minAvailable}", "50%"),
}  # fmt: skip


def test_create_makes_objects(kubectl: Kubectl) -> None:
    """`kubectl create KIND` sends protobuf: the sandbox reads it as what it means, and says what exists already."""
    for words, (ref, path, wanted) in MADE.items():
        created = kubectl("create", *words.split())
        assert created.out == f"{ref} created\n"
        assert kubectl("get", ref, "-o", path).out == wanted, words

    assert '"c" already exists' in kubectl("create", "configmap", "c", code=1).err
    assert "(server dry run)" in kubectl("create", "configmap", "other", "--dry-run=server").out
    kubectl("get", "configmap", "other", code=1)
    kubectl("delete", "clusterrole/cr", "clusterrolebinding/crb")  # which are everybody's


def test_deleting_a_namespace_takes_all_with_it(demo: Kubectl) -> None:
    """kubectl waits until the namespace and what was in it are gone."""
    space = demo("get", "deploy", "demo", "-o", "jsonpath={.metadata.namespace}").out
    demo("delete", "namespace", space, "--timeout=10s")

    assert "not found" in demo("get", "namespace", space, code=1).err
    assert "not found" in demo("get", "deploy", "demo", code=1).err


def test_eviction_respects_the_budget(demo: Kubectl) -> None:
    """`kubectl drain` evicts; a disruption budget that allows none holds it up."""
    demo("create", "pdb", "p", "--selector=app=demo", "--min-available=2")
    held = demo("drain", "rollway-sandbox", "--pod-selector=app=demo", "--force", "--timeout=1s", code=1)
    cordoned = demo("get", "nodes").out.splitlines()[-1].split()
    demo("uncordon", "rollway-sandbox")

    assert cordoned[:3] == ["rollway-sandbox", "Ready,SchedulingDisabled", "<none>"]

    assert "Cannot evict pod as it would violate the pod's disruption budget" in held.err


def test_the_owner_may_do_everything_and_others_what_roles_give_them(kubectl: Kubectl) -> None:
    """`auth can-i` is answered, for one right and for all; whoever is played is asked for rights; accounts get tokens."""
    assert kubectl("auth", "can-i", "delete", "pods").out == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list").out
    kubectl("create", "rolebinding", "joe", "--clusterrole=view", "--user=joe")
    assert kubectl("auth", "can-i", "list", "pods", "--as=joe").out == "yes\n"
    assert "cannot create resource" in kubectl("create", "configmap", "a", "--as=joe", code=1).err
    kubectl("get", "pods", "--as=joe")
    assert "cannot list resource" in kubectl("get", "secrets", "--as=joe", code=1).err
    assert kubectl("create", "token", "default").out.count(".") == 2


def test_what_kubectl_makes_itself_it_sends_in_protobuf(kubectl: Kubectl) -> None:
    """Of every kind: its fields are read by their published numbers."""
    name = f"urgent-{os.urandom(3).hex()}"
    kubectl("create", "priorityclass", name, "--value=1000", "--description=now")
    found = kubectl("get", "priorityclass", name, "-o", "json").document
    assert (found["value"], found["description"], found["preemptionPolicy"]) == (1000, "now", "PreemptLowerPriority")
    kubectl("delete", "priorityclass", name)


def test_autoscale_holds_to_a_share_of_the_cpu(demo: Kubectl) -> None:
    """kubectl before 1.33 writes it in v1, whose fields have other numbers than those of v2."""
    for percent, words in ((80, ()), (70, ("--cpu-percent=70",))):
        demo("autoscale", "deploy/demo", "--max=3", *words)
        (metric,) = demo("get", "hpa", "demo", "-o", "json").document["spec"]["metrics"]
        assert metric["resource"]["target"]["averageUtilization"] == percent
        demo("delete", "hpa", "demo")


WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.kubectl.example.com}
spec:
  group: kubectl.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, shortNames: [wdg], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
    additionalPrinterColumns: [{name: Size, type: string, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What is wanted of it.
            required: [size]
            properties:
              size: {type: string, enum: [small, large], description: How big it is.}
              count: {type: integer, default: 1, maximum: 5}
          status: {type: object, properties: {count: {type: integer}}}
"""
WIDGET = """
apiVersion: kubectl.example.com/v1
kind: Widget
metadata: {name: one}
spec: {size: small}
"""


def test_a_definition_serves_its_kind(kubectl: Kubectl) -> None:
    """Created, waited for, shown by short name and category, scaled, explained, refused in the schema's words; gone with it."""
    kubectl("apply", "-f", "-", stdin=WIDGETS)
    kubectl("wait", "--for=condition=established", "crd/widgets.kubectl.example.com", "--timeout=10s")
    kubectl("apply", "-f", "-", stdin=WIDGET)

    assert [line.split()[:2] for line in kubectl("get", "wdg").out.splitlines()] == [["NAME", "SIZE"], ["one", "small"]]
    assert "widget.kubectl.example.com/one" in kubectl("get", "all").out
    kubectl("scale", "wdg", "one", "--replicas=3")
    assert kubectl("get", "wdg", "one", "-o", "jsonpath={.spec.count}").out == "3"
    assert "should be less than or equal to 5" in kubectl("scale", "wdg", "one", "--replicas=9", code=1).err
    refused = kubectl("apply", "-f", "-", stdin=WIDGET.replace("small", "huge"), code=1).err
    assert 'spec.size: Unsupported value: "huge": supported values: "small", "large"' in refused
    assert 'unknown field "spec.sise"' in kubectl("create", "-f", "-", stdin=WIDGET.replace("size:", "sise:"), code=1).err
    assert "How big it is." in kubectl("explain", "widgets.spec").out
    unknown = kubectl("apply", "-f", "-", stdin=WIDGET.replace("Widget", "Wodget"), code=1).err
    assert 'no matches for kind "Wodget" in version "kubectl.example.com/v1"' in unknown

    kubectl("delete", "crd", "widgets.kubectl.example.com", "--timeout=10s")
    assert "widgets" not in kubectl("api-resources", "--api-group=kubectl.example.com", "-o", "name").out


def test_explain_knows_the_fields(kubectl: Kubectl) -> None:
    """Of built-in kinds, by both versions of the schemas that the server tells, and what they are for."""
    assert "FIELDS:" in kubectl("explain", "deployments.spec.strategy").out
    assert "Type of deployment" in kubectl("explain", "deployments.spec.strategy.type").out
    assert "imagePullPolicy\t<string>" in kubectl("explain", "pods.spec.containers").out
    assert "maxSurge\t<IntOrString>" in kubectl("explain", "deployments.spec.strategy", "--recursive").out
    assert "<map[string]string>" in kubectl("explain", "pods.metadata.labels", "--output=plaintext-openapiv2").out
    assert 'field "nope" does not exist' in kubectl("explain", "pods.spec.nope", code=1).err


def test_a_list_is_created_as_what_is_in_it(kubectl: Kubectl) -> None:
    """`kind: List`, whatever kinds it holds, and the list of one kind."""
    one, two = (f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}" for name in ("one", "two"))
    made = kubectl("create", "-f", "-", stdin=f"apiVersion: v1\nkind: List\nitems: [{one}]").out
    assert made + kubectl("apply", "-f", "-", stdin=f"apiVersion: v1\nkind: ConfigMapList\nitems: [{two}]").out == (
        "configmap/one created\nconfigmap/two created\n"
    )


PROCESS = """
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {sandbox.rollway.dev/behaviour: "pull: 0s"}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: "web:1", command: [sleep, "600"]}]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is not all there elsewhere")
def test_commands_run_in_pods_that_are_processes(kubectl: Kubectl, tmp_path: Path) -> None:
    """exec with its streams and its code, by WebSockets or SPDY as the client has it; cp there and back."""
    kubectl("apply", "-f", "-", stdin=PROCESS)
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=10s")
    done = kubectl("exec", "-i", "web", "--", "sh", "-c", "cat; echo $POD_NAME >&2; exit 3", stdin="hello", code=3)
    assert done.out == "hello"
    assert done.err == "web\ncommand terminated with exit code 3\n"
    mine, there, back = (tmp_path / name for name in ("mine", "there", "back"))
    mine.write_bytes(os.urandom(300_000))
    kubectl("cp", str(mine), f"web:{there}")
    kubectl("cp", f"web:{there}", str(back))
    assert mine.read_bytes() == there.read_bytes() == back.read_bytes()


def test_modelled_pods_say_that_nothing_runs_in_them(demo: Kubectl) -> None:
    """exec, attach and port-forward are refused plainly."""
    name = demo("get", "pods", "-o", "name").out.split()[0]
    for verb in (("exec", name, "--", "ls"), ("attach", name), ("port-forward", name, "18080:80")):
        assert "it is modelled, nothing runs in it" in demo(*verb, code=1).err


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: "web:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


def test_a_claim_gets_a_volume(kubectl: Kubectl) -> None:
    """As `helm install --wait` waits for it; told with the real columns."""
    kubectl("apply", "-f", "-", stdin=CLAIM)
    kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=10s")
    claimed = kubectl("get", "pvc", "data", "--no-headers").out.split()
    assert (claimed[1], claimed[3:6]) == ("Bound", ["1Gi", "RWO", "standard"])
    found = kubectl("get", "pv", claimed[2], "--no-headers").out.split()
    assert found[1:5] == ["1Gi", "RWO", "Delete", "Bound"]
    assert "standard (default)" in kubectl("get", "storageclass").out


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is not all there elsewhere")
def test_debug_adds_a_container_and_copies_a_pod(kubectl: Kubectl) -> None:
    """Beside a process it runs what it is told."""
    kubectl("apply", "-f", "-", stdin=PROCESS)
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=10s")
    kubectl("debug", "web", "--image=busybox", "--container=debug", "--", "sh", "-c", "echo beside $POD_NAME")
    path = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0"
    kubectl("wait", f"--for={path}", "pod/web", "--timeout=10s")
    assert kubectl("logs", "web", "--container=debug").out == "beside web\n"
    kubectl("debug", "web", "--image=busybox", "--copy-to=copy", "--container=debug")
    names = kubectl("get", "pod", "copy", "-o", "jsonpath={.spec.containers[*].name}").out
    assert names == "web debug"


REQUEST = """
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: {name}}}
spec: {{request: TUlJQg==, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}
"""


def test_a_certificate_is_approved_or_denied(kubectl: Kubectl) -> None:
    name = f"joe-{os.urandom(3).hex()}"
    kubectl("apply", "-f", "-", stdin=REQUEST.format(name=name))
    assert kubectl("get", "csr", name, "--no-headers").out.split()[-1] == "Pending"
    kubectl("certificate", "approve", name)
    assert kubectl("get", "csr", name, "--no-headers").out.split()[-1] == "Approved"
    kubectl("delete", "csr", name)
