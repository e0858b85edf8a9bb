"""A chart and a kustomization by the programs themselves: helm and kubectl, the oldest and the newest that are fetched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from kubectls import VERSIONS, fetched
from rollway.errors import BadInput
from rollway.release.load import load

from tests.support.shell import run, shell

CHART = Path(__file__).parent / "chart"
"""With what charts have: named templates, values, hooks, a test, a custom resource and its definition, notes."""


@pytest.fixture(params=VERSIONS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With these programs alone on the PATH, and the chart. What they keep for their user lies here, too."""
    program = fetched(request.param, "helm")
    if program is None:
        pytest.skip(f"{request.param} was not fetched: make kubectl")
    monkeypatch.setenv("PATH", os.path.dirname(program))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(CHART, "chart")
    return tmp_path


def held(file: str = "deploy.yaml", **overrides: str) -> list[str]:
    return sorted(str(key) for key in load(file, **overrides).sources.objects)


def test_init_from_a_chart_and_at_each_release(folder: Path) -> None:
    """The release file names the chart, and a change of the chart is in the next release. Its hooks and tests stay out, what
    lies in crds/ comes along."""
    outcome = run("init", "chart/")

    assert (outcome.code, outcome.out.split(" · ")[0]) == (0, "wrote deploy.yaml")
    assert "manifests: [{helm: chart/, crds: true}]" in Path("deploy.yaml").read_text()
    assert held() == ["CustomResourceDefinition tills.example.com", "Deployment shop", "Service shop", "Till shop"]
    assert (load("deploy.yaml").image, load("deploy.yaml").replicas) == ("shop:1.4.0", 2)
    Path("chart/values.yaml").write_text("image: shop:1.5.0\nreplicas: 3\n")
    assert (load("deploy.yaml").image, load("deploy.yaml").replicas) == ("shop:1.5.0", 3)


def test_a_release_of_a_chart_and_its_way_back(folder: Path) -> None:
    """Values of a file of their own; `.Release.Namespace` is the one that is released into; twice is once."""
    Path("prod.yaml").write_text("image: shop:1.4.1\nreplicas: 3\n")
    text = "app: till\nnamespace: shop\nmanifests: [{helm: chart, values: [%s], crds: true}]\n"
    with shell(Path("deploy.yaml")) as deploy:
        Path("deploy.yaml").write_text(text % "")
        first = deploy("apply", "--auto")
        Path("deploy.yaml").write_text(text % "prod.yaml")
        second, again = deploy("apply", "--auto"), deploy("apply", "--auto")
        back = deploy("rollback")
        told = deploy("status", "-o", "json").document

    assert [outcome.code for outcome in (first, second, again, back)] == [0, 0, 0, 0], first.err + second.err + back.err
    assert "promoted as revision 2" in second.out
    assert "1.4.1 is live already" in again.out
    assert told["namespace"] == "shop"


def test_what_is_wrong_in_a_chart_is_said_as_helm_says_it(folder: Path) -> None:
    Path("chart/templates/app.yaml").write_text('{{ include "nowhere" . }}\n')
    Path("deploy.yaml").write_text("manifests: [{helm: chart}]\n")

    with pytest.raises(BadInput, match=r"`helm template chart` fails: .*app\.yaml:1") as told:
        load("deploy.yaml")

    assert "nowhere" in told.value.summary + told.value.detail  # helm 4 says it in several lines


def test_init_from_overlays_by_kubectl(folder: Path) -> None:
    """A release file for each, none for their base."""
    for place in ("base", "overlays/dev", "overlays/prod"):
        Path("apps", place).mkdir(parents=True)
    Path("apps/base/app.yaml").write_text(APP)
    Path("apps/base/kustomization.yaml").write_text("resources: [app.yaml]\n")
    for place, count in (("dev", 1), ("prod", 7)):
        text = f"namespace: {place}\nresources: [../../base]\nreplicas: [{{name: shop, count: {count}}}]\n"
        Path("apps/overlays", place, "kustomization.yaml").write_text(text)

    outcome = run("init", "apps/", "-o", "json")

    files = outcome.document["written"]
    assert files == ["apps/overlays/dev/deploy.yaml", "apps/overlays/prod/deploy.yaml"]
    assert [(load(file).namespace, load(file).replicas) for file in files] == [("dev", 1), ("prod", 7)]


APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1.4.0"}]}
"""
