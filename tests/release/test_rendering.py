"""Charts and kustomizations: rendered by the user's own programs, at each release."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from rollway.errors import BadInput
from rollway.preflight.writing import rewritten
from rollway.release.load import load
from rollway.release.scaffold import from_manifests
from rollway.release.several import load_all

K8S = Path(__file__).parents[2] / "examples" / "shop" / "k8s"
HELM = """import pathlib, sys
words = sys.argv[1:]
pathlib.Path("asked").write_text(" ".join(words))
name, chart = words[1:3]
if (pathlib.Path(chart) / "broken").exists():
    sys.exit("Error: parse error at (shop/templates/app.yaml:3)\\nUse --debug")
print(pathlib.Path(chart, "app.yaml").read_text().replace("NAME", name))
"""
"""Stands for helm: what a chart's app.yaml holds, with the release's name in it."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a `helm` on the PATH, and a chart."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.with_suffix(".py").write_text(HELM)
    # a first line that names the interpreter bears no space in its path
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program.with_suffix(".py")}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    chart("chart")
    return tmp_path


def chart(path: str, name: str = "shop") -> None:
    Path(path, "templates").mkdir(parents=True)
    Path(path, "Chart.yaml").write_text(f"name: {name}\n")
    Path(path, "values.yaml").write_text("replicas: 3\n")
    Path(path, "templates", "app.yaml").write_text("{{ not: yaml\n")
    objects = (K8S / "deployment.yaml").read_text() + "---\n" + (K8S / "service.yaml").read_text()
    Path(path, "app.yaml").write_text(objects.replace("name: shop\n  labels", "name: NAME\n  labels"))


def test_a_chart_is_rendered_with_its_values(folder: Path) -> None:
    """By `helm template`, with the application's name and namespace, and no hooks; places in it are told as the chart's."""
    Path("prod.yaml").write_text("replicas: 5\n")
    Path("deploy.yaml").write_text("app: till\nnamespace: eu\nmanifests: [{helm: chart, values: prod.yaml}]\n")

    release = load("deploy.yaml")

    asked = Path("asked").read_text()
    assert asked == f"template till {folder}/chart --no-hooks --namespace eu --values {folder}/prod.yaml"
    assert (release.workload["metadata"]["name"], len(release.services)) == ("till", 1)
    located = next(item for key, item in release.sources.objects.items() if key.kind == "Service")
    assert located.where().startswith("chart/<helm template>:")


def test_its_own_name_and_what_is_left_out(folder: Path) -> None:
    """`release` names it where the application is called otherwise; `exclude` works on what is rendered, too."""
    Path("deploy.yaml").write_text("app: till\nmanifests: {helm: chart, release: shop-eu}\nexclude: Service\n")

    release = load("deploy.yaml", namespace="us")

    assert "template shop-eu " in Path("asked").read_text()
    assert "--namespace us" in Path("asked").read_text()
    assert release.services == ()


def test_what_a_chart_says_of_itself_is_told(folder: Path) -> None:
    """Where it cannot be rendered, at the entry's place."""
    Path("chart/broken").touch()
    Path("deploy.yaml").write_text("manifests:\n- helm: chart\n")

    with pytest.raises(
        BadInput, match=r"`helm template chart` fails: Error: parse error at \(shop/templates/app.yaml:3\)"
    ) as told:
        load("deploy.yaml")

    assert (told.value.where, told.value.detail) == ("deploy.yaml:1:1", "Use --debug")


@pytest.mark.parametrize(("entry", "program"), [("{helm: chart}", "helm"), ("{kustomize: chart}", "kubectl")])
def test_a_program_that_is_missing_is_said(entry: str, program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plainly: which, what for, and how to do without."""
    monkeypatch.setenv("PATH", str(folder))
    Path("deploy.yaml").write_text(f"manifests: [{entry}]\n")

    with pytest.raises(BadInput, match=f"{program} is not on the PATH: it is what renders") as told:
        load("deploy.yaml")

    assert f"install {program}, or render by hand" in told.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[{helm: nowhere}]", "no such file or folder: nowhere"),
        ("[{helm: chart, values: nowhere.yaml}]", "no such file or folder: nowhere.yaml"),
        ("[{helm: chart, value: x}]", 'unknown key "value" in manifests'),
        ("[{kustomize: 3}]", "kustomize is 3; it takes a text"),
        ("[{helm: chart, release: A_B}]", "'A_B' is no release's name"),
        ("[5]", "manifests[0] is 5; it takes a text"),
    ],
)
def test_mistakes_in_an_entry(text: str, told: str, folder: Path) -> None:
    """Each is told at its place, in the words of the file."""
    Path("deploy.yaml").write_text(f"manifests: {text}\n")

    with pytest.raises(BadInput) as found:
        load("deploy.yaml")

    assert told in found.value.summary


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on the PATH")
def test_a_kustomization_is_rendered_by_the_real_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written into what it renders by `--fix`."""
    monkeypatch.chdir(tmp_path)
    kustomized()
    Path("deploy.yaml").write_text("manifests: [{kustomize: overlays/prod}]\n")

    release = load("deploy.yaml")

    assert (release.namespace, release.replicas) == ("prod", 7)
    assert rewritten(release, (), lambda source: Path(source).read_text()).texts == {}


def kustomized() -> None:
    for place in ("base", "overlays/dev", "overlays/prod"):
        Path(place).mkdir(parents=True)
    Path("base/app.yaml").write_text((K8S / "deployment.yaml").read_text())
    Path("base/kustomization.yaml").write_text("resources: [app.yaml]\n")
    for place, count in (("dev", 1), ("prod", 7)):
        text = f"namespace: {place}\nresources: [../../base]\nreplicas: [{{name: shop, count: {count}}}]\n"
        Path("overlays", place, "kustomization.yaml").write_text(text)


def test_init_from_a_chart(folder: Path) -> None:
    """It names the chart, which stays what renders the manifests; nothing is written but the release file."""
    made = from_manifests(["chart/"])

    assert list(made.texts) == ["deploy.yaml"]
    Path("deploy.yaml").write_text(made.texts["deploy.yaml"])
    assert "manifests: [{helm: chart/}]" in made.texts["deploy.yaml"]
    assert load("deploy.yaml").app == "shop"


def test_init_from_a_folder_of_charts(folder: Path) -> None:
    """Each has a release file, beside what is its own; values that lie around are no manifests."""
    for name in ("cart", "shop"):
        chart(f"apps/{name}/chart", name)
        Path("apps", name, "prod-values.yaml").write_text("replicas: 4\n")

    made = from_manifests(["apps"])
    for path, text in made.texts.items():
        Path(path).write_text(text)

    assert list(made.texts) == ["apps/cart/deploy.yaml", "apps/shop/deploy.yaml"]
    assert "manifests: [{helm: chart}]" in made.texts["apps/cart/deploy.yaml"]
    assert load("apps/cart/deploy.yaml").app == "cart"


def test_a_rollout_in_a_chart(folder: Path) -> None:
    """Its pods are written down as they are rendered now, which is said; all else stays the chart's."""
    rendered = Path("chart/app.yaml").read_text()
    Path("chart/app.yaml").write_text(
        rendered.replace("apiVersion: apps/v1\nkind: Deployment", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout")
    )

    made = from_manifests(["chart"])
    for path, text in made.texts.items():
        Path(path).write_text(text)

    assert list(made.texts) == ["deploy.yaml", "chart/shop-deployment.yaml"]
    assert "its pods are as helm template renders them now" in made.texts["deploy.yaml"]
    assert "manifests: [{helm: chart}, chart/shop-deployment.yaml]\nexclude: [Rollout/shop]" in made.texts["deploy.yaml"]
    assert [service["metadata"]["name"] for service in load("deploy.yaml").services] == ["shop"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on the PATH")
def test_init_from_overlays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each that nothing else is made of: the base is none by itself."""
    monkeypatch.chdir(tmp_path)
    kustomized()

    made = from_manifests(["."])
    for path, text in made.texts.items():
        Path(path).write_text(text)

    assert list(made.texts) == ["overlays/dev/deploy.yaml", "overlays/prod/deploy.yaml"]
    assert [str(one.app) for one in load_all(["overlays"])] == ["dev/shop", "prod/shop"]
