"""From a release file and flags to a Release."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rollway.errors import BadInput
from rollway.release.image import replaced, split_image
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.schema import json_schema
from rollway.release.wrong import Wrong

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "deploy.yaml"
DEPLOYMENT = (SHOP.parent / "k8s" / "deployment.yaml").read_text()
SERVICE = (SHOP.parent / "k8s" / "service.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text)


def test_the_example_is_what_the_demo_releases() -> None:
    """Four pods of shop in their namespace, the Service that selects them, its configuration before them."""
    release = load(str(SHOP), image="2.0.0")

    assert (release.app, release.namespace, release.strategy, release.replicas) == ("shop", "shop", "canary", 4)
    assert (release.image, release.version, release.container) == ("ghcr.io/acme/shop:2.0.0", "2.0.0", "shop")
    assert [obj["kind"] for obj in release.manifests] == ["ConfigMap", "Service", "Deployment"]
    assert {obj["metadata"]["namespace"] for obj in release.manifests} == {"shop"}
    assert [step.weight for step in release.options.canary.steps] == [10, 50]
    assert Release.from_record(json.loads(json.dumps(release.to_record()))) == release


def test_the_digest_is_the_manifests() -> None:
    """The same files, the same digest; another image, another."""
    assert load(str(SHOP)).digest == load(str(SHOP)).digest
    assert load(str(SHOP)).digest != load(str(SHOP), image=":2.0.0").digest


def test_the_least_that_is_needed(folder: Path) -> None:
    """Manifests alone: the application is named as the Deployment, the namespace is the context's, the strategy ramped."""
    write(deploy="manifests: app.yaml\n", app=DEPLOYMENT)

    release = load("deploy.yaml")

    assert (release.app, release.namespace, release.strategy, release.services) == ("shop", "", "ramped", ())
    assert "namespace" not in release.workload["metadata"]


def test_manifests_come_from_files_folders_globs_and_standard_input(folder: Path) -> None:
    """Each file once, in order, whatever names it; relative to the release file, which is none, as hidden files are none."""
    (folder / "app/sub").mkdir(parents=True)
    (folder / "app/.hidden").mkdir()
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
    Path("app/deploy.yaml").write_text("manifests: [., 'sub/*.yml', ./web.yaml, '-']\n")
    Path("app/web.yaml").write_text(f"---\n# empty\n---\n{DEPLOYMENT}---\n")
    Path("app/sub/a.yml").write_text(config % "a")
    Path("app/sub/b.json").write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMapList", "items": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"x": "😀"}}]}))  # fmt: skip
    Path("app/.hidden/c.yaml").write_text("broken: [")
    Path("app/notes.txt").write_text("broken: [")

    release = load("app/deploy.yaml", stdin=io.StringIO(config % "stdin"))

    assert [obj["metadata"]["name"] for obj in release.others] == ["a", "b", "stdin"]
    assert release.others[1]["data"] == {"x": "😀"}


def test_services_are_told_apart(folder: Path) -> None:
    """Those of the released pods; another Deployment's, external and selector-less ones are just objects."""
    cart = DEPLOYMENT.replace("shop", "cart")
    more = (
        SERVICE.replace("shop", "cart")
        + "---\napiVersion: v1\nkind: Service\nmetadata: {name: out}\nspec: {type: ExternalName, externalName: a.b}\n"
        + "---\napiVersion: v1\nkind: Service\nmetadata: {name: by-hand}\nspec: {ports: [{port: 80}]}\n"
    )
    write(deploy="manifests: [app.yaml]\nworkload: shop\n", app="---\n".join((cart, DEPLOYMENT, SERVICE, more)))

    release = load("deploy.yaml")

    assert [service["metadata"]["name"] for service in release.services] == ["shop"]
    assert [f"{obj['kind']} {obj['metadata']['name']}" for obj in release.others] == [
        "Service cart", "Service out", "Service by-hand", "Deployment cart",
    ]  # fmt: skip


def test_flags_go_over_the_file(folder: Path) -> None:
    """--set by dotted path, --strategy, --namespace, --image."""
    write(deploy="manifests: [app.yaml]\nnamespace: dev\nimage: ghcr.io/acme/shop:1.5.0\n", app=DEPLOYMENT)
    sets = ["strategies.canary.maxSurge=50%", "strategies.canary.steps=[{weight: 5, pause: 1m}]", "app=store", "container="]

    release = load("deploy.yaml", sets=sets, strategy="blue-green", namespace="prod")

    assert (release.app, release.namespace, release.strategy, release.version) == ("store", "prod", "blue-green", "1.5.0")
    assert release.options.canary.max_surge == "50%"
    assert [(step.weight, step.pause) for step in release.options.canary.steps] == [(5, 60)]
    assert load("deploy.yaml", image=":1.6.0").image == "ghcr.io/acme/shop:1.6.0"


def test_web_needs_no_manifests(folder: Path) -> None:
    """The template's objects, with the image of the file or of the flag."""
    write(deploy="app: shop\nnamespace: prod\nweb: {replicas: 3, image: nginx:1}\n")

    release = load("deploy.yaml", sets=["web.replicas=4", "web.labels.example\\.com/team=a"])

    assert (release.replicas, release.image) == (4, "nginx:1")
    assert [obj["kind"] for obj in release.manifests] == ["Service", "Deployment", "PodDisruptionBudget"]
    assert release.workload["metadata"]["labels"]["example.com/team"] == "a"
    assert load("deploy.yaml", image="ghcr.io/a/b:2").image == "ghcr.io/a/b:2"
    assert load("deploy.yaml", image=":2").image == "nginx:2"


def test_the_app_container_is_found_among_sidecars(folder: Path) -> None:
    """The named one, else the one called as the app, else the first."""
    sidecar = DEPLOYMENT.replace("      containers:\n", "      containers:\n        - {name: proxy, image: envoy:1}\n")
    write(deploy="manifests: [app.yaml]\n", app=sidecar)

    assert load("deploy.yaml").version == "1.4.0"
    assert load("deploy.yaml", sets=["container=proxy"]).version == "1"

    write(app=sidecar.replace("- name: shop", "- name: main"))
    assert load("deploy.yaml").version == "1"


def test_an_annotation_may_have_no_value(folder: Path) -> None:
    """As kubectl has it; a label may not, as pods are chosen by it."""
    write(
        deploy="manifests: [app.yaml]\n",
        app=DEPLOYMENT.replace("metadata:\n", "metadata:\n  annotations: {example.com/a: }\n", 1),
    )

    assert load("deploy.yaml").workload["metadata"]["annotations"] == {"example.com/a": None}


def test_one_namespace_in_the_manifests_is_the_releases(folder: Path) -> None:
    """What the manifests say counts where nothing else does; all objects get it."""
    write(
        deploy="manifests: [app.yaml]\n",
        app=DEPLOYMENT.replace("name: shop\n  labels", "name: shop\n  namespace: eu\n  labels") + "---\n" + SERVICE,
    )

    release = load("deploy.yaml")

    assert release.namespace == "eu"
    assert release.services[0]["metadata"]["namespace"] == "eu"
    with pytest.raises(BadInput, match="in namespace eu, the release in us"):
        release.with_namespace("us")


GRANT = """---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
"""


@pytest.mark.parametrize(("deploy", "place"), [("namespace: eu\n", "eu"), ("", "")])
def test_an_object_elsewhere_stays_there(folder: Path, deploy: str, place: str) -> None:
    """A right in kube-system says nothing of where the application is; what it is made of is in one namespace."""
    write(deploy=f"manifests: [app.yaml]\n{deploy}", app=DEPLOYMENT + "---\n" + SERVICE + GRANT)

    release = load("deploy.yaml")

    assert release.namespace == place
    placed = release.with_namespace("eu")
    assert [obj["metadata"]["namespace"] for obj in placed.manifests] == ["kube-system", "eu", "eu"]
    assert placed.elsewhere == ("kube-system",)


@pytest.mark.parametrize("kind", ["Service", "ConfigMap", "HorizontalPodAutoscaler", "Ingress"])
def test_what_the_application_is_made_of_is_in_its_namespace(folder: Path, kind: str) -> None:
    versions = {"ConfigMap": "v1", "HorizontalPodAutoscaler": "autoscaling/v2", "Ingress": "networking.k8s.io/v1"}
    other = f"apiVersion: {versions.get(kind)}\nkind: {kind}\nmetadata: {{name: settings, namespace: us}}\n"
    if kind == "Service":
        other = SERVICE.replace("name: shop", "name: shop\n  namespace: us", 1)
    reading = DEPLOYMENT.replace(
        "      containers:", "      volumes: [{name: a, configMap: {name: settings}}]\n      containers:", 1
    )
    write(deploy="manifests: [app.yaml]\nnamespace: eu\n", app=reading + "---\n" + other)

    with pytest.raises(BadInput, match=f"{kind} .* is in namespace us, the release in eu"):
        load("deploy.yaml")


@pytest.mark.parametrize(
    ("wanted", "result"),
    [
        (":1.5", "r.io:5000/a/shop:1.5"),
        ("1.5.0-rc.1", "r.io:5000/a/shop:1.5.0-rc.1"),
        ("v2", "r.io:5000/a/shop:v2"),
        ("@sha256:" + "a" * 64, "r.io:5000/a/shop@sha256:" + "a" * 64),
        ("nginx", "nginx"),
        ("nginx:1", "nginx:1"),
        ("b/c:1@sha256:" + "0" * 64, "b/c:1@sha256:" + "0" * 64),
    ],
)
def test_image_takes_a_reference_or_only_a_tag(wanted: str, result: str) -> None:
    """A colon, an at sign or a leading digit says that it is only a tag or a digest."""
    assert replaced("r.io:5000/a/shop:1.4@sha256:" + "f" * 64, wanted) == result


@pytest.mark.parametrize("wanted", ["", " ", ":", "a b", "A/b", "a:b:c", "a@b", "a/", ":-x", "http://a/b", "a:" + "x" * 129, "é"])
def test_what_no_runtime_could_pull_is_refused(wanted: str) -> None:
    """With a sentence."""
    with pytest.raises(Wrong):
        replaced("shop:1", wanted)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("localhost:5000/shop", ("localhost:5000/shop", "", "")),
        ("shop:1", ("shop", "1", "")),
        ("r/shop:1@sha256:ab", ("r/shop", "1", "sha256:ab")),
    ],
)
def test_a_port_is_no_tag(image: str, parts: tuple[str, str, str]) -> None:
    """The tag stands behind the last slash."""
    assert split_image(image) == parts


def test_the_schema_knows_every_key() -> None:
    """Every key has a description, in camelCase, and the example is made of keys that it names."""
    schema = json_schema()

    def described(node: dict[str, Any]) -> None:
        for name, field in node.get("properties", {}).items():
            # a field that is only a reference is described where it leads
            assert field.get("description") or schema["$defs"][field["$ref"].rpartition("/")[2]]["description"], name
            assert "_" not in name

    for node in (schema, *schema["$defs"].values()):
        described(node)
        assert node.get("additionalProperties") is False
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {
        "runner",
        "app",
        "namespace",
        "manifests",
        "exclude",
        "web",
        "image",
        "container",
        "pinConfig",
        "workload",
        "workloadName",
        "dependsOn",
        "probe",
        "gates",
        "before",
        "after",
        "beforeRollback",
        "notify",
        "traffic",
        "router",
        "strategy",
        "strategies",
    } == set(schema["properties"])
    json.dumps(schema)


def test_loading_manifests_does_not_import_jinja() -> None:
    """The command starts quickly: the template engine is for `web:` alone."""
    code = "import sys, rollway.release.load, rollway.release.schema; print('jinja2' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"
