"""Argo Rollouts', Flagger's and OpenKruise's manifests as release files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.release.load import load
from rollway.release.several import load_all

from tests.support import foreign_steps
from tests.support.imported import GATE_S, initialised, loaded, stays
from tests.support.shell import run

ARGO, FLAGGER, KRUISE = "argoproj.io/v1alpha1", "flagger.app/v1beta1", "rollouts.kruise.io/v1beta1"
SELECTOR = {"matchLabels": {"app": "shop"}}
PODS = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/shop:1"}]}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
           "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}]}}  # fmt: skip
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
              "spec": {"replicas": 5, "selector": SELECTOR, "template": PODS}}  # fmt: skip


def rollout(strategy: dict[str, Any], **spec: Any) -> dict[str, Any]:
    own = {"replicas": 5, "selector": SELECTOR, "template": PODS, "strategy": strategy, **spec}
    return {"apiVersion": ARGO, "kind": "Rollout", "metadata": {"name": "shop", "namespace": "prod"}, "spec": own}


def template(name: str, *metrics: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": ARGO,
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": list(metrics), **spec},
    }


def canary(analysis: dict[str, Any], **spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    own = {"targetRef": target, "service": {"port": 80, "targetPort": 8080}, "analysis": analysis, **spec}
    return {"apiVersion": FLAGGER, "kind": "Canary", "metadata": {"name": "shop", "namespace": "prod"}, "spec": own}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


STEPS: dict[str, list[dict[str, Any]]] = {
    "shares and pauses": [{"setWeight": 20}, {"pause": {"duration": 10}}, {"setWeight": 60}, {"pause": {"duration": "5m"}}],
    "one waits for a person": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, {"pause": {"duration": "10s"}}],
    "shares without pauses": [{"setWeight": 10}, {"setWeight": 20}, {"setWeight": 80}],
    "pauses that add up": [{"setWeight": 20}, {"pause": {"duration": "20s"}}, {"pause": {"duration": 5}}],
    "a pause and a person": [{"setWeight": 20}, {"pause": {"duration": "20s"}}, {"pause": {}}, {"setWeight": 50}],
    "other steps between": [
        {"setCanaryScale": {"replicas": 1}}, {"setWeight": 30}, {"setHeaderRoute": {"name": "r"}}, {"pause": {"duration": "1h"}},
        {"setMirrorRoute": {"name": "m"}}, {"plugin": {"name": "p"}}, {"setWeight": 100}, {"pause": {}},
    ],
    "an experiment": [{"setWeight": 25}, {"experiment": {"duration": "90s", "templates": [{"name": "a", "specRef": "canary"}]}}],
    "one without an end": [{"setWeight": 25}, {"experiment": {"templates": [{"name": "a", "specRef": "stable"}]}}],
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_rollouts_steps_are_rehearsed_as_they_are(name: str, folder: Path) -> None:
    """The same shares for the same time."""
    files, _ = initialised(folder, [rollout({"canary": {"steps": STEPS[name]}}), SERVICE])
    wanted = foreign_steps.argo(STEPS[name])

    found = stays(loaded(files[0]))

    assert [share for share, _ in found] == [share for share, _ in wanted]
    assert [lasts for _, lasts in found] == pytest.approx([GATE_S if lasts is None else lasts for _, lasts in wanted], abs=0.01)


@pytest.mark.parametrize(
    "analysis",
    [
        {"interval": "30s", "stepWeight": 10, "maxWeight": 50},
        {"interval": "1m", "stepWeight": 20, "maxWeight": 50},
        {"stepWeight": 30},
        {"interval": "10s", "stepWeights": [5, 25, 70, 100]},
    ],
    ids=str,
)
def test_a_canarys_weights_are_rehearsed_as_they_are(analysis: dict[str, Any], folder: Path) -> None:
    """One share each interval, up to the first that is not below maxWeight; the Deployment stays the user's own."""
    files, _ = initialised(folder, [canary(analysis), DEPLOYMENT])
    wanted = foreign_steps.flagger(analysis)

    found = stays(loaded(files[0]))

    assert files == ["deploy.yaml", "k8s/shop-service.yaml"]
    assert [share for share, _ in found] == [share for share, _ in wanted]
    assert [lasts for _, lasts in found] == pytest.approx([lasts for _, lasts in wanted], abs=0.01)


def test_shares_that_fall_are_told(folder: Path) -> None:
    """A release only rises; what is held at the lower share is held at the higher one."""
    steps = [{"setWeight": 50}, {"pause": {"duration": 10}}, {"setWeight": 20}, {"pause": {"duration": 5}}]
    files, text = initialised(folder, [rollout({"canary": {"steps": steps}}), SERVICE])

    assert load(files[0]).options.canary.steps[0].pause == 15
    assert "spec.strategy.canary.steps[2].setWeight: 20" in text


def test_a_rollouts_pods_become_a_deployment_and_nothing_else_is_copied(folder: Path) -> None:
    """The Services and all else stay where they are, and the Rollout is left out though it lies in the same file."""
    given = rollout({"canary": {"steps": STEPS["shares and pauses"]}}, minReadySeconds=3, revisionHistoryLimit=2)
    files, _ = initialised(folder, [given, SERVICE])

    assert files == ["deploy.yaml", "k8s/shop-deployment.yaml"]
    made = yaml.safe_load(Path("k8s/shop-deployment.yaml").read_text())
    wanted = {"replicas": 5, "minReadySeconds": 3, "revisionHistoryLimit": 2, "selector": SELECTOR, "template": PODS}
    assert (made["kind"], made["spec"]) == ("Deployment", wanted)
    release = load("deploy.yaml")
    assert release.router == "replicas"
    assert (release.namespace, [service["metadata"]["name"] for service in release.services]) == ("prod", ["shop"])
    assert {str(key) for key in release.sources.objects} == {"Deployment shop", "Service shop"}


def test_a_deployment_that_a_rollout_refers_to_is_the_users_own(folder: Path) -> None:
    """What the Rollout says of its pods belongs into that file, which is nobody's but the user's."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "scaleDown": "onsuccess"}
    given = rollout({"blueGreen": {"activeService": "shop", "autoPromotionEnabled": False}}, workloadRef=ref)
    del given["spec"]["template"]
    files, text = initialised(folder, [given, SERVICE, DEPLOYMENT])

    release = load(files[0])
    assert files == ["deploy.yaml"]
    assert (release.strategy, release.options.blue_green.auto_promote) == ("blue-green", False)
    assert "it belongs into the manifest of shop\n#     spec.replicas: 5" in text


def test_without_steps_it_is_a_rolling_update(folder: Path) -> None:
    """With the limits that Argo Rollouts has where none are given."""
    files, _ = initialised(folder, [rollout({"canary": {}}), SERVICE])

    release = load(files[0])
    assert release.strategy == "ramped"
    assert (release.options.ramped.max_surge, release.options.ramped.max_unavailable) == ("25%", "25%")


RATE = {
    "name": "Success Rate", "interval": "20s", "count": 3, "failureLimit": 1, "successCondition": "result[0] >= 0.95",
    "provider": {"prometheus": {"address": "http://prometheus:9090", "query": 'rate(x{service="{{args.service-name}}"}[1m])'}},
}  # fmt: skip


def test_analyses_become_gates_where_they_are_asked(folder: Path) -> None:
    """In the background from a step on, at a step, before and after the switch: with their arguments put in."""
    args = [{"name": "service-name", "value": "shop"}]
    analysis = {"templates": [{"templateName": "rate"}], "args": args}
    steps = [{"setWeight": 10}, {"pause": {"duration": 60}}, {"setWeight": 50}, {"analysis": analysis}]
    given = rollout({"canary": {"steps": steps, "analysis": {**analysis, "startingStep": 3}}})
    files, _ = initialised(folder, [given, SERVICE, template("rate", RATE, args=[{"name": "service-name"}])])

    first, second = load(files[0]).gates

    assert (first.name, second.name) == ("success-rate", "success-rate-2")
    assert (first.when, second.when) == ((50,), (50,))
    assert first.query == 'rate(x{service="shop"}[1m])'
    assert (first.interval, first.count, first.failure_limit, first.success) == (20, 3, 1, "result[0] >= 0.95")
    assert load(files[0]).options.canary.steps[1].pause == 0


def test_before_and_after_the_switch(folder: Path) -> None:
    """blue-green's two analyses."""
    args = [{"name": "service-name", "value": "shop"}]
    strategy = {
        "activeService": "shop",
        "prePromotionAnalysis": {"templates": [{"templateName": "rate"}], "args": args},
        "postPromotionAnalysis": {"templates": [{"templateName": "rate"}], "args": args},
    }
    files, _ = initialised(folder, [rollout({"blueGreen": strategy}), SERVICE, template("rate", RATE)])

    assert [gate.when for gate in load(files[0]).gates] == ["before", "after"]


def test_web_and_job_metrics(folder: Path) -> None:
    """A token of a Secret is a credential; a Job is its image, its words and its account."""
    web = {"name": "web", "successCondition": "result < 3", "provider": {"web": {
        "url": "http://figures/{{args.app}}", "jsonPath": "{$.errors}", "timeoutSeconds": 5,
        "headers": [{"key": "Authorization", "value": "Bearer {{ args.token }}"},
                    {"key": "X-Of", "value": "{{args.app}}"}]}}}  # fmt: skip
    container = {"name": "test", "image": "test:{{args.app}}", "command": ["sh", "-c"], "args": ["true"]}
    job = {"name": "job", "provider": {"job": {"spec": {"backoffLimit": 1, "template": {"spec": {
        "restartPolicy": "Never", "serviceAccountName": "tester", "containers": [container]}}}}}}  # fmt: skip
    args = [{"name": "app", "value": "shop"}, {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    analysis = {"templates": [{"templateName": "both"}], "args": args}
    given = rollout({"canary": {"steps": [{"setWeight": 20}, {"analysis": analysis}]}})
    files, text = initialised(folder, [given, SERVICE, template("both", web, job)])

    asked, run_once = load(files[0]).gates

    assert asked.url is not None
    assert run_once.job is not None
    assert (asked.url.address, asked.url.path, asked.url.timeout, asked.url.headers) == (
        "http://figures/shop", "{$.errors}", 5, {"X-Of": "shop"},
    )  # fmt: skip
    assert asked.url.bearer_token is not None
    assert (asked.url.bearer_token.secret, asked.url.bearer_token.key) == ("s", "k")
    assert (run_once.job.image, run_once.job.command, run_once.job.service_account) == ("test:shop", ("sh", "-c"), "tester")
    assert "template.spec.restartPolicy: Never" in text


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ({"datadog": {"query": "x"}}, "does not measure by datadog"),
        ({"plugin": {"a/b": {}}}, "does not measure by plugin"),
        ({"prometheus": {"address": "http://p:9090", "query": "x", "insecure": True}}, "does not check the server's certificate"),
        ({"prometheus": {"address": "http://p:9090", "query": "{{args.nobody}}"}}, "its argument nobody is declared nowhere"),
        ({"prometheus": {"query": "x"}}, "it names no address"),
        ({"prometheus": {"address": "http://p:9090", "query": "{{args.hash}}"}}, "rollway puts no hash of its own into labels"),
    ],
    ids=["datadog", "plugin", "insecure", "no argument", "no address", "hash"],
)
def test_a_metric_that_cannot_be_a_gate_is_told_as_a_whole(provider: dict[str, Any], told: str, folder: Path) -> None:
    """With the reason, and all that it said: never as half a gate, which might take a good release back."""
    metric = {"name": "m", "successCondition": "result < 1", "provider": provider}
    args = [{"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}}]
    given = rollout({"canary": {"steps": [{"setWeight": 20}], "analysis": {"templates": [{"templateName": "t"}], "args": args}}})
    files, text = initialised(folder, [given, SERVICE, template("t", metric)])

    assert load(files[0]).gates == ()
    assert told in text
    assert "spec.metrics[0]: {name: m, provider:" in " ".join(text.replace("#", "").split())


def test_flaggers_metrics_become_gates(folder: Path) -> None:
    """Its own two by ready-made queries; a MetricTemplate's query with its variables put in; how many failures are borne."""
    metric = {"apiVersion": FLAGGER, "kind": "MetricTemplate", "metadata": {"name": "not-found", "namespace": "prod"}, "spec": {
        "provider": {"type": "prometheus", "address": "http://prometheus:9090"},
        "query": 'rate(x{pod=~"{{ target }}-.*",ns="{{ namespace }}",z="{{ variables.zone }}"}[{{ interval }}])'}}  # fmt: skip
    analysis = {"interval": "30s", "threshold": 5, "stepWeight": 10, "maxWeight": 30, "metrics": [
        {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
        {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"},
        {"name": "404s", "templateRef": {"name": "not-found", "namespace": "prod"}, "thresholdRange": {"max": 5},
         "templateVariables": {"zone": "eu"}, "interval": "2m"}]}  # fmt: skip
    files, _ = initialised(folder, [canary(analysis, provider="linkerd"), DEPLOYMENT, metric])

    errors, slow, own = load(files[0]).gates

    assert (errors.use, errors.max, errors.failure_limit, errors.interval) == ("linkerd", 0.01, 4, 30)
    assert str(slow.query).startswith("histogram_quantile(0.99, ")
    assert "[30s]" in str(slow.query)
    assert (slow.max, own.max) == (500, 5)
    assert own.query == 'rate(x{pod=~"{{ deployment }}-.*",ns="{{ namespace }}",z="eu"}[2m])'


def test_iterations_are_blue_green(folder: Path) -> None:
    """As Flagger has it: without weights it looks so many times, and then switches."""
    metrics = [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]
    plain = canary({"interval": "1m", "iterations": 10, "threshold": 2, "metrics": metrics}, provider="kubernetes")
    files, _ = initialised(folder, [plain, DEPLOYMENT])

    (gate,) = load(files[0]).gates
    assert (load(files[0]).strategy, gate.when, gate.count, gate.failure_limit) == ("blue-green", "before", 10, 1)


def test_matches_are_ab(folder: Path) -> None:
    """Requests that match see the new version; a suffix, which Istio does not know, is a regular expression."""
    match = [{"headers": {"x-canary": {"exact": "always"}}}, {"headers": {"user-agent": {"suffix": "Fox+"}}}]
    service = {"port": 80, "hosts": ["shop.example.com"], "gateways": ["istio-system/public", "mesh"]}
    files, _ = initialised(folder, [canary({"iterations": 5, "match": match}, service=service), DEPLOYMENT])

    release = load(files[0])
    assert (release.strategy, release.options.ab.match) == ("ab", (match[0], {"headers": {"user-agent": {"regex": r".*Fox\+"}}}))
    route = yaml.safe_load(Path("k8s/shop-virtualservice.yaml").read_text())["spec"]
    assert (route["hosts"], route["gateways"]) == (["shop.example.com", "shop"], ["istio-system/public", "mesh"])


def test_kruises_steps(folder: Path) -> None:
    """Shares of requests, or of pods where it says nothing of requests; a step without a pause waits for a person."""
    steps = [{"traffic": "20%", "replicas": "50%", "pause": {"duration": 30}}, {"replicas": "60%"}, {"replicas": "100%"}]
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    given = {"apiVersion": KRUISE, "kind": "Rollout", "metadata": {"name": "r"}, "spec": {"workloadRef": ref, "strategy": {
        "canary": {"enableExtraWorkloadForCanary": True, "steps": steps}}}}  # fmt: skip
    files, _ = initialised(folder, [given, DEPLOYMENT])

    release = load(files[0])
    assert release.app == "shop"
    assert [(step.weight, step.pause) for step in release.options.canary.steps] == [(20, 30), (60, None)]


def test_several_rollouts_have_a_release_file_each(folder: Path) -> None:
    """Beside the file that they are in, each without what is the other's."""
    other = yaml.safe_load(yaml.safe_dump([rollout({"canary": {}}), SERVICE]).replace("shop", "cart"))
    files, _ = initialised(folder, [rollout({"canary": {"steps": STEPS["shares and pauses"]}}), SERVICE, *other])

    assert files == ["k8s/shop.deploy.yaml", "k8s/shop-deployment.yaml", "k8s/cart.deploy.yaml", "k8s/cart-deployment.yaml"]
    found = {one.app.name: sorted(str(key) for key in one.release.sources.objects) for one in load_all(["k8s"])}
    assert found == {"cart": ["Deployment cart", "Service cart"], "shop": ["Deployment shop", "Service shop"]}


def test_said_twice_it_makes_no_second_deployment(folder: Path) -> None:
    """The Deployment that it has made is the application's own from then on."""
    initialised(folder, [rollout({"canary": {"steps": STEPS["shares and pauses"]}}), SERVICE])

    outcome = run("init", "k8s/", "--overwrite", "-o", "json")

    assert outcome.document["written"] == ["deploy.yaml"]
    assert load("deploy.yaml").app == "shop"


def test_templates_alone_are_gates_alone(folder: Path) -> None:
    """A file for a release whose manifests are somewhere else."""
    metric = {**RATE, "provider": {"prometheus": {"address": "http://p:9090", "query": "up"}}}
    files, text = initialised(folder, [template("rate", metric)])

    assert files == ["deploy.yaml"]
    assert yaml.safe_load(text)["gates"][0]["name"] == "success-rate"
    assert "none of these files holds pods" in text


def test_what_is_told_cannot_speak_to_rollway(folder: Path) -> None:
    """Comments hold others' words, on one line, and none that lets a finding pass."""
    steps = [{"setWeight": 20}, {"plugin": {"name": "x\u2028app: other", "config": {"a": "# rollway: ignore RW001 because"}}}]
    files, text = initialised(folder, [rollout({"canary": {"steps": steps}}), SERVICE])

    assert load(files[0]).app == "shop"
    document = load(files[0]).sources.file
    assert document is not None
    assert document.notes == ()
    assert "\u2028" not in text
