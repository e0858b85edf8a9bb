"""Every mistake in a release file or its manifests is one clear error: where, what, what to try. Exit 2, never a traceback."""

from __future__ import annotations

import copy
import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.release.load import load
from rollway.release.model import Release

SHOP = Path(__file__).parents[2] / "examples" / "shop"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 4
  selector:
    matchLabels: {app: shop}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
        - name: shop
          image: ghcr.io/acme/shop:1.4.0
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector:
    app: shop
  ports: [{port: 80}]
"""
APP = "manifests: [app.yaml]\n"


class Case(NamedTuple):
    """`files` by name; `first` is the error's first line, `hint` a part of its hint."""

    name: str
    files: Mapping[str, str | bytes]
    first: str
    hint: str = ""
    flags: Mapping[str, Any] = {}


def app(manifest: str, **more: str) -> dict[str, str | bytes]:
    return {"deploy.yaml": APP, "app.yaml": manifest, **more}


def deploy(text: str) -> dict[str, str | bytes]:
    return {"deploy.yaml": text, "app.yaml": DEPLOYMENT}


def changed(old: str, new: str) -> dict[str, str | bytes]:
    assert old in DEPLOYMENT
    return app(DEPLOYMENT.replace(old, new))


WEB = "app: shop\nweb:\n  image: nginx:1\n"
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))

FILES = [
    Case("no file", {}, "deploy.yaml: no such file", "deploy init"),
    Case("empty", {"deploy.yaml": ""}, "deploy.yaml: the file is empty", "deploy init"),
    Case("only comments", {"deploy.yaml": "# nothing\n---\n"}, "deploy.yaml: the file is empty"),
    Case("not UTF-8", {"deploy.yaml": b"app: shop\nx: \xff\n"}, "deploy.yaml: not UTF-8 text: byte 0xff in line 2", "UTF-8"),
    Case("too large", {"deploy.yaml": b"#" * (5 * 1024 * 1024 + 1)}, "deploy.yaml: larger than 5 MiB"),
    Case(
        "broken YAML",
        {"deploy.yaml": "app: shop\nmanifests: [k8s\n"},
        "deploy.yaml:3:1: broken YAML: did not find expected ',' or ']', while parsing a flow sequence",
    ),
    Case(
        "tab",
        {"deploy.yaml": "web:\n\timage: x\n"},
        "deploy.yaml:2:1: broken YAML: found character that cannot start any token, while scanning for the next token",
        "tabs",
    ),
    Case("control character", {"deploy.yaml": "app: a\nx: \x01\n"}, "deploy.yaml:2: broken YAML: a control character (0x01)"),
    Case("a list", {"deploy.yaml": "- app\n"}, "deploy.yaml:1:1: a release file is a mapping; this is a list"),
    Case("a text", {"deploy.yaml": "shop\n"}, "deploy.yaml:1:1: a release file is a mapping; this is a text"),
    Case("two documents", deploy(APP + "---\na: 1\n"), "deploy.yaml:3:1: a second document: a release file has one"),
    Case(
        "a manifest",
        {"deploy.yaml": DEPLOYMENT},
        "deploy.yaml:1:1: this is a Kubernetes Deployment, not a release file",
        "manifests: [deploy.yaml]",
    ),
    Case("duplicate key", deploy(APP + "app: a\napp: b\n"), 'deploy.yaml:3:1: duplicate key "app", also in line 2'),
    Case("billion laughs", {"deploy.yaml": LAUGHS}, "deploy.yaml:6:10: its aliases expand to more than 100000 nodes"),
    Case("deep", {"deploy.yaml": "a: " + "[" * 50_000}, "deploy.yaml:1:104: nested deeper than 100 levels"),
    Case("own alias", {"deploy.yaml": "a: &a [*a]\n"}, "deploy.yaml:1:8: alias *a contains itself"),
    Case(
        "helm template",
        app("kind: {{ .Values.kind }}\n"),
        "app.yaml:1:8: a key must be a text, not a mapping or a list",
        "helm template",
    ),
    Case("manifest missing", {"deploy.yaml": APP}, "deploy.yaml:1:1: no such file or folder: app.yaml"),
    Case("glob of nothing", deploy("manifests: ['*.yml']\n"), "deploy.yaml:1:1: no file matches *.yml"),
    Case(
        "folder of nothing",
        {"deploy.yaml": "manifests: [k8s]\n", "k8s/readme.md": ""},
        "deploy.yaml:1:1: the folder k8s holds no *.yaml, *.yml or *.json",
    ),
    Case("no stdin", deploy("manifests: [-]\n"), "deploy.yaml:1:1: - asks for standard input, and there is none"),
    Case("manifest not UTF-8", app("") | {"app.yaml": b"\xff\xfe"}, "app.yaml: not UTF-8 text: byte 0xff in line 1"),
    Case("manifest too large", app("") | {"app.yaml": b" " * (50 * 1024 * 1024)}, "app.yaml: larger than 5 MiB"),
    Case(
        "too many objects",
        app("apiVersion: v1\nkind: List\nitems:\n" + "- {apiVersion: v1, kind: A, metadata: {name: a}}\n" * 2001),
        "app.yaml: more than 2000 objects",
    ),
]

RELEASE_FILE = [
    Case(
        "unknown key",
        deploy(APP + "strategies:\n  ramped:\n    maxsurge: 1\n"),
        'deploy.yaml:4:5: unknown key "maxsurge" in strategies.ramped',
        'did you mean "maxSurge"?',
    ),
    Case(
        "a block beside the one that has it",
        deploy(APP + "canary: {steps: [{weight: 5}]}\n"),
        'deploy.yaml:2:1: unknown key "canary"',
        'belongs under "strategies"',
    ),
    Case("unknown key on top", deploy(APP + "manifest: x\n"), 'deploy.yaml:2:1: unknown key "manifest"', '"manifests"'),
    Case("unknown strategy", deploy(APP + "strategy: canry\n"), "deploy.yaml:2:1: unknown strategy 'canry'", '"canary"'),
    Case("bluegreen", deploy(APP + "strategy: bluegreen\n"), "deploy.yaml:2:1: unknown strategy 'bluegreen'", '"blue-green"'),
    Case(
        "another tool's", deploy(APP + "strategy: rolling\n"), "deploy.yaml:2:1: unknown strategy 'rolling'", "called ramped here"
    ),
    Case("another tool's flag", deploy(APP), "unknown strategy 'Rolling'", "called ramped here", {"strategy": "Rolling"}),
    Case(
        "another tool's block",
        deploy(APP + "strategies: {red-black: {}}\n"),
        'deploy.yaml:2:14: unknown key "red-black" in strategies',
        '"blueGreen"',
    ),
    Case("pods", deploy(APP + "replicas: 3\n"), 'deploy.yaml:2:1: unknown key "replicas"', "what the manifests say"),
    Case("pods of no manifests", deploy("app: shop\nreplicas: 3\n"), 'deploy.yaml:2:1: unknown key "replicas"', 'under "web"'),
    Case("an option on top", deploy(APP + "steps: []\n"), 'deploy.yaml:2:1: unknown key "steps"', '"strategies.canary"'),
    Case(
        "one of several strategies'",
        deploy(APP + "maxSurge: 1\n"),
        'deploy.yaml:2:1: unknown key "maxSurge"',
        '"strategies.ramped" or "strategies.canary"',
    ),
    Case("strategy of no kind", deploy(APP + "strategy: [a]\n"), "deploy.yaml:2:1: unknown strategy a list", "one of recreate"),
    Case("strategy flag", deploy(APP), "unknown strategy 'rampd'", 'did you mean "ramped"?', {"strategy": "rampd"}),
    Case(
        "unknown block",
        deploy(APP + "strategies: {blue-green: {}}\n"),
        'deploy.yaml:2:14: unknown key "blue-green" in strategies',
        '"blueGreen"',
    ),
    Case(
        "block of the wrong type",
        deploy(APP + "strategies:\n  canary: 10\n"),
        "deploy.yaml:3:3: strategies.canary is 10; it takes a mapping",
    ),
    Case(
        "strategies a list", deploy(APP + "strategies: [canary]\n"), "deploy.yaml:2:1: strategies is a list; it takes a mapping"
    ),
    Case(
        "steps a mapping",
        deploy(APP + "strategies:\n  canary: {steps: {weight: 10}}\n"),
        "deploy.yaml:3:12: strategies.canary.steps is a mapping; it takes a list",
    ),
    Case(
        "no steps",
        deploy(APP + "strategies: {canary: {steps: []}}\n"),
        "deploy.yaml:2:23: strategies.canary.steps: takes at least one step",
    ),
    Case(
        "weight 0",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - {weight: 0}\n"),
        "deploy.yaml:5:8: strategies.canary.steps[0]: 0%, no match and no mirror: nobody would meet the new version",
    ),
    Case(
        "a mirror beside a weight",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - {weight: 5, mirror: 10}\n"),
        "deploy.yaml:5:19: strategies.canary.steps[0]: a mirror beside 5%: the new version would get requests that it answers a "
        "second time",
    ),
    Case(
        "a mirror of more than all",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - mirror: 101\n"),
        "deploy.yaml:5:7: strategies.canary.steps[0].mirror is 101; it takes at most 100",
    ),
    Case(
        "weight over 100",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - weight: 120\n"),
        "deploy.yaml:5:7: strategies.canary.steps[0].weight is 120; it takes at most 100",
    ),
    Case(
        "weight a text",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - weight: 10%\n"),
        "deploy.yaml:5:7: strategies.canary.steps[0].weight is '10%'; it takes a whole number",
    ),
    Case(
        "weight missing",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - pause: 5m\n"),
        "deploy.yaml:5:7: strategies.canary.steps[0]: 0%, no match and no mirror: nobody would meet the new version",
    ),
    Case(
        "weights out of order",
        deploy(APP + "strategies:\n  canary:\n    steps:\n    - weight: 50\n    - weight: 10\n"),
        "deploy.yaml:6:7: strategies.canary.steps: weights must rise from step to step: 10 follows 50",
    ),
    Case(
        "both 0",
        deploy(APP + "strategies:\n  ramped:\n    maxSurge: 0\n    maxUnavailable: 0%\n"),
        "deploy.yaml:5:5: strategies.ramped: maxSurge and maxUnavailable are both 0: no pod could ever be replaced",
    ),
    Case(
        "both 0, one by default",
        deploy(APP + "strategies:\n  ramped:\n    maxSurge: 0\n"),
        "deploy.yaml:3:3: strategies.ramped: maxSurge and maxUnavailable are both 0: no pod could ever be replaced",
    ),
    Case(
        "both 0 by flag",
        deploy(APP),
        "--set strategies.ramped.maxUnavailable=0: strategies.ramped: maxSurge and maxUnavailable are both 0: "
        "no pod could ever be replaced",
        flags={"sets": ["strategies.ramped.maxUnavailable=0", "strategies.ramped.maxSurge=0"]},
    ),
    Case(
        "no percentage",
        deploy(APP + "strategies: {ramped: {maxSurge: 2.5}}\n"),
        "deploy.yaml:2:23: strategies.ramped.maxSurge: 2.5 is neither a whole number of pods nor a whole percentage "
        'such as "25%"',
    ),
    Case(
        "no duration",
        deploy(APP + "strategies: {blueGreen: {scaleDownDelaySeconds: 5 min}}\n"),
        "deploy.yaml:2:26: strategies.blueGreen.scaleDownDelaySeconds: '5 min' is no duration: write 90s, 5m, 1h or 1h30m",
    ),
    Case(
        "ab match",
        deploy(APP + "strategies:\n  ab:\n    match: [{header: {a: b}}]\n"),
        'deploy.yaml:4:13: strategies.ab.match[0]: unknown key "header" in a match',
        "headers",
    ),
    Case(
        "ab host",
        deploy(APP + "strategies: {ab: {hosts: [Shop_1]}}\n"),
        "deploy.yaml:2:19: strategies.ab.hosts: 'Shop_1' is no host name: "
        "not made of lower-case letters, digits and inner hyphens and dots",
    ),
    Case(
        "app's name",
        deploy(APP + "app: My Shop\n"),
        "deploy.yaml:2:1: app: 'My Shop' is no valid name: not made of lower-case letters, digits and inner hyphens",
        '"my-shop"',
    ),
    Case(
        "app's length",
        deploy(APP + f"app: {'a' * 51}\n"),
        f"deploy.yaml:2:1: app: '{'a' * 51}' is no valid name: 51 characters long, of at most 50",
    ),
    Case("app a number", deploy(APP + "app: 5\n"), "deploy.yaml:2:1: app is 5; it takes a text"),
    Case("both", deploy(APP + WEB), "deploy.yaml:3:1: both manifests and web: a release is one of them"),
    Case("neither", deploy("app: shop\n"), "deploy.yaml:1:1: neither manifests nor web: nothing to release", "manifests: [k8s/]"),
    Case("no manifests", deploy("manifests: []\n"), "deploy.yaml:1:1: neither manifests nor web: nothing to release"),
    Case("web without app", {"deploy.yaml": "web: {image: a}\n"}, "deploy.yaml:1:1: app is missing: it names the objects of web"),
    Case("web without image", {"deploy.yaml": "app: a\nweb: {}\n"}, "deploy.yaml:2:1: web.image is missing"),
    Case("web key", {"deploy.yaml": WEB + "  ports: 80\n"}, 'deploy.yaml:4:3: unknown key "ports" in web', '"port"'),
    Case("web port", {"deploy.yaml": WEB + "  port: 80800\n"}, "deploy.yaml:4:3: web.port is 80800; it takes at most 65535"),
    Case(
        "web env",
        {"deploy.yaml": WEB + "  env:\n    A: [1]\n"},
        "deploy.yaml:5:5: web.env.A: [1] is no text",
    ),
    Case(
        "web probe",
        {"deploy.yaml": WEB + "  liveness: {path: x}\n"},
        "deploy.yaml:4:14: web.liveness.path is 'x'; it takes a path that starts with /",
    ),
    Case("set", deploy(APP), "--set a: not of the form key=value", flags={"sets": ["a"]}),
    Case(
        "set of a text's part",
        deploy(APP + "app: shop\n"),
        "--set app.x=1: app is 'shop', not a mapping",
        flags={"sets": ["app.x=1"]},
    ),
    Case(
        "set beyond the list",
        deploy(APP),
        "--set manifests.1=x: manifests is a list of 1: it has no item '1'",
        flags={"sets": ["manifests.1=x"]},
    ),
    Case(
        "set of broken YAML",
        deploy(APP),
        "--set app=[: broken YAML: did not find expected node content, while parsing a flow node",
        flags={"sets": ["app=["]},
    ),
    Case(
        "set of a wrong value",
        deploy(APP),
        "--set strategies.canary.maxSurge=lots: strategies.canary.maxSurge: 'lots' is neither a whole number of pods "
        'nor a whole percentage such as "25%"',
        flags={"sets": ["strategies.canary.maxSurge=lots"]},
    ),
    Case("image flag", deploy(APP), "--image: 'Acme/Shop' is no image reference", '"acme/shop"', {"image": "Acme/Shop"}),
    Case("empty image flag", deploy(APP), "--image: '' is no image reference", "repository:tag", {"image": ""}),
    Case("image", deploy(APP + "image: a b\n"), "deploy.yaml:2:1: 'a b' is no image reference"),
    Case("container", deploy(APP + "container: shp\n"), "deploy.yaml:2:1: Deployment shop has no container shp", '"shop"'),
    Case(
        "namespace flag",
        deploy(APP),
        "--namespace: 'A' is no valid namespace: not made of lower-case letters, digits and inner hyphens",
        flags={"namespace": "A"},
    ),
]

TWO = DEPLOYMENT + "---\n" + DEPLOYMENT.replace("shop", "cart")
MANIFESTS = [
    Case("a list", app("- a\n"), "app.yaml:1:1: an object is a mapping with apiVersion, kind and metadata; this is a list"),
    Case("no apiVersion", app("kind: Deployment\n"), "app.yaml:1:1: no apiVersion: this is no Kubernetes object"),
    Case("no name", app("apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n"), "app.yaml:3:1: Pod: no metadata.name"),
    Case(
        "name a number",
        changed("name: shop\nspec", "name: 5\nspec"),
        "app.yaml:4:3: metadata.name is 5; it takes a text",
        "quote",
    ),
    Case("no Deployment", app(SERVICE), "deploy.yaml:1:1: no Deployment, StatefulSet or DaemonSet in the manifests"),
    Case("empty manifests", app("---\n"), "deploy.yaml:1:1: no Deployment, StatefulSet or DaemonSet in the manifests"),
    Case("two Deployments", app(TWO), "deploy.yaml:1:1: 2 Deployments in the manifests: shop and cart", "workload: shop"),
    Case(
        "workload naming none",
        {"deploy.yaml": APP + "workload: crat\n", "app.yaml": TWO},
        "deploy.yaml:2:1: no Deployment crat in the manifests",
        '"cart"',
    ),
    Case(
        "selector against template",
        changed("labels: {app: shop}", "labels: {app: web}"),
        "app.yaml:7:3: Deployment shop: spec.selector does not match the template's labels: app=shop against app=web",
    ),
    Case(
        "no selector",
        changed("  selector:\n    matchLabels: {app: shop}\n", ""),
        "app.yaml:5:1: Deployment shop: no spec.selector",
        "app: shop",
    ),
    Case(
        "a variable for an image",
        changed("image: ghcr.io/acme/shop:1.4.0", 'image: "${REGISTRY}/shop:${TAG}"'),
        "app.yaml:13:7: '${REGISTRY}/shop:${TAG}' is no image reference",
        "give --image",
    ),
    Case(
        "duplicate object",
        app(DEPLOYMENT + "---\n" + DEPLOYMENT.replace("replicas: 4", "replicas: 5")),
        "app.yaml:17:1: Deployment shop is there twice, first at app.yaml:1:1",
    ),
    Case(
        "duplicate key",
        changed("  replicas: 4\n", "  replicas: 4\n  replicas: 5\n"),
        'app.yaml:7:3: duplicate key "replicas", also in line 6',
    ),
    Case(
        "max surge",
        changed("  replicas: 4\n", "  strategy:\n    rollingUpdate:\n      maxSurge: '2'\n"),
        "app.yaml:8:7: Deployment shop: maxSurge: '2' is neither a whole number of pods nor a whole percentage such as \"25%\"",
    ),
    Case(
        "strategy type",
        changed("  replicas: 4\n", "  strategy:\n    type: Rolling Update\n"),
        "app.yaml:7:5: Deployment shop: unknown spec.strategy.type 'Rolling Update'",
        '"RollingUpdate"',
    ),
    Case(
        "strategy a text",
        changed("  replicas: 4\n", "  strategy: Recreate\n"),
        "app.yaml:6:3: Deployment shop: spec.strategy is 'Recreate'; it takes a mapping",
    ),
    Case(
        "recreate with limits",
        changed("  replicas: 4\n", "  strategy: {type: Recreate, rollingUpdate: {}}\n"),
        "app.yaml:6:30: Deployment shop: rollingUpdate does not go with type Recreate",
    ),
    Case(
        "a name",
        changed("name: shop\nspec", "name: Shop_App\nspec"),
        "app.yaml:4:3: Deployment 'Shop_App': a name not made of lower-case letters, digits and inner hyphens and dots",
        '"shop-app"',
    ),
    Case(
        "a Service's name",
        app(DEPLOYMENT + "---\n" + SERVICE.replace("name: shop", "name: 1shop")),
        "app.yaml:20:3: Service '1shop': a name not starting with a letter, as a Service's name must",
    ),
    Case(
        "too long for an app",
        app(DEPLOYMENT.replace("name: shop\nspec", f"name: {'s' * 60}\nspec")),
        f"app.yaml:4:3: Deployment {'s' * 60}: its name cannot be the application's: 60 characters long, of at most 50",
        "app: sss",
    ),
    Case(
        "namespace against the file",
        {
            "deploy.yaml": APP + "namespace: prod\n",
            "app.yaml": DEPLOYMENT.replace("name: shop\nspec", "name: shop\n  namespace: dev\nspec"),
        },
        "app.yaml:5:3: Deployment shop is in namespace dev, the release in prod",
    ),
    Case(
        "two namespaces",
        app(
            DEPLOYMENT.replace("name: shop\nspec", "name: shop\n  namespace: dev\nspec")
            + "---\n"
            + SERVICE.replace("name: shop\n", "name: shop\n  namespace: prod\n")
        ),
        "app.yaml:22:3: Service shop is in namespace prod, Deployment shop in dev",
    ),
    Case(
        "wrong version",
        changed("apiVersion: apps/v1", "apiVersion: v1"),
        "app.yaml:1:1: Deployment shop: there is no Deployment in v1",
        "apps/v1",
    ),
    Case(
        "a label of a number",
        changed("labels: {app: shop}", "labels: {app: shop, version: 1.0}"),
        'app.yaml:11:27: Deployment shop: spec.template.metadata.labels["version"] is 1.0; it takes a text',
        "quote it",
    ),
    Case(
        "a Service that selects as a Deployment does",
        app(DEPLOYMENT + "---\n" + SERVICE.replace("    app: shop", "    matchLabels: {app: shop}")),
        'app.yaml:23:5: Service shop: spec.selector["matchLabels"] is a mapping; it takes a text',
        "the labels themselves",
    ),
    Case(
        "a route that is none",
        app(
            DEPLOYMENT
            + "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [7]}\n"
        ),
        'app.yaml:20:16: HTTPRoute r: spec.rules[0]: Invalid value: "integer": spec.rules[0] in body must be of type object: '
        '"integer"',
    ),
    Case(
        "a label of nothing",
        changed("labels: {app: shop}", "labels: {app: shop, tier: }"),
        'app.yaml:11:27: Deployment shop: spec.template.metadata.labels["tier"] is empty; it takes a text',
        'write "", or take it out',
    ),
    Case(
        "replicas a text",
        changed("replicas: 4", "replicas: '4'"),
        "app.yaml:6:3: Deployment shop: spec.replicas is '4'; it takes a whole number from 0",
    ),
    Case(
        "no image",
        changed("          image: ghcr.io/acme/shop:1.4.0\n", ""),
        "app.yaml:13:7: Deployment shop: container shop has no image",
        "--image",
    ),
    Case(
        "no containers",
        changed("containers:\n        - name: shop\n          image: ghcr.io/acme/shop:1.4.0", "containers: []"),
        "app.yaml:13:7: Deployment shop: no containers",
    ),
    Case(
        "no spec",
        app("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n"),
        "app.yaml:1:1: Deployment shop: spec is empty; it takes a mapping",
    ),
    Case(
        "kustomization",
        app("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"),
        "app.yaml:1:1: a kustomization is no object",
        "manifests: [{kustomize: FOLDER}]",
    ),
    Case(
        "a Rollout",
        app("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\n"),
        "deploy.yaml:1:1: no Deployment, StatefulSet or DaemonSet in the manifests",
        "app.yaml` takes Rollout shop over",
    ),
    Case(
        "in a List",
        app(json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {}}]})),
        "app.yaml:1:84: Pod: no metadata.name",
    ),
]


@pytest.mark.parametrize("case", FILES + RELEASE_FILE + MANIFESTS, ids=lambda case: case.name)
def test_a_mistake_is_named_at_its_place(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line says where and what; the hint what to try."""
    monkeypatch.chdir(tmp_path)
    for name, content in case.files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(BadInput) as caught:
        load("deploy.yaml", **case.flags)

    assert caught.value.summary == case.first
    assert case.hint in caught.value.hint
    assert "\n" not in caught.value.summary


def test_all_mistakes_of_a_release_file_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first in the file's order is the summary, the others are the detail."""
    monkeypatch.chdir(tmp_path)
    Path("deploy.yaml").write_text("strategies: {ramped: {maxsurge: 1}}\nstrategy: x\nmanifests: 5\n")

    with pytest.raises(BadInput) as caught:
        load("deploy.yaml")

    assert caught.value.summary.startswith("deploy.yaml:1:23:")
    assert [line.split(": ")[0] for line in caught.value.detail.splitlines()] == ["deploy.yaml:2:1", "deploy.yaml:3:1"]


def test_a_folder_is_no_release_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a folder where a file was meant, the error says so."""
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()

    with pytest.raises(BadInput, match=r"^app: this is a folder, not a file$"):
        load("app")


@pytest.mark.parametrize("path", ["/dev/zero", "bad\0name", "a" * 300, "deploy.yaml/x"])
def test_what_is_no_file_at_all_is_bad_input(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless devices, impossible names: one error, at once."""
    monkeypatch.chdir(tmp_path)
    Path("deploy.yaml").write_text(APP)

    with pytest.raises(BadInput):
        load(path)


def test_standard_input_has_the_same_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 5 MiB are not read."""
    monkeypatch.chdir(tmp_path)
    Path("deploy.yaml").write_text("manifests: ['-']\n")

    with pytest.raises(BadInput, match=r"^<stdin>: larger than 5 MiB$"):
        load("deploy.yaml", stdin=io.StringIO("#" * (5 * 1024 * 1024 + 1)))


RELEASE: dict[str, Any] = yaml.safe_load((SHOP / "deploy.yaml").read_text())
OBJECTS: list[Any] = [yaml.safe_load(path.read_text()) for path in sorted((SHOP / "k8s").glob("*.yaml"))]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in below for found in places(inner, (*path, key)))]


def with_put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with `new` at the path."""
    if not path:
        return new
    out = copy.copy(value)
    out[path[0]] = with_put(value[path[0]], path[1:], new)
    return out


ANYTHING = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "A b", [], {}, [None], {"x": None}, {"": []}, "9" * 400, [[]], ["x"]]
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_anywhere_is_taken_or_refused(data: st.DataObject) -> None:
    """Any value at any place of the files makes a release that can be recorded, or BadInput; never a traceback."""
    everything = [RELEASE, *OBJECTS]
    for _ in range(data.draw(st.integers(1, 2))):
        index = data.draw(st.integers(0, len(everything) - 1))
        everything[index] = with_put(
            everything[index], data.draw(st.sampled_from(places(everything[index]))), data.draw(ANYTHING)
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "k8s").mkdir()
        (folder / "deploy.yaml").write_text(json.dumps(everything[0]))
        (folder / "k8s/all.json").write_text("\n---\n".join(map(json.dumps, everything[1:])))
        try:
            release = load(str(folder / "deploy.yaml"))
        except BadInput:
            return
    assert Release.from_record(json.loads(json.dumps(release.to_record()))) == release
    assert release.version
    assert len(release.digest) == 12
