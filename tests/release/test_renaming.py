"""`workloadName`: one workload, though the manifests of each version have a name of their own for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.errors import BadInput
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.scaffold import from_manifests

POD = {
    "metadata": {"labels": {"app": "shop", "version": "v2"}},
    "spec": {"containers": [{"name": "web", "image": "acme/shop:2"}]},
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop-v2"}, "spec": {"selector": {"app": "shop"}}}


def deployment(name: str, version: str) -> dict[str, Any]:
    labels = {"app": "shop", "version": version}
    template = {"metadata": {"labels": labels}, "spec": POD["spec"]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


def scaler(api_version: str, kind: str, field: str, /, **reference: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": f"{kind.lower()}-v2"}, "spec": {field: reference}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(*objects: dict[str, Any], text: str = "workloadName: shop-v1\n") -> Release:
    Path("v2.yaml").write_text(yaml.safe_dump_all(objects))
    Path("deploy.yaml").write_text(f"manifests: [v2.yaml]\n{text}")
    return load("deploy.yaml")


def test_it_is_called_so_and_keeps_what_else_it_has(folder: Path) -> None:
    """The application is called as it is; its selector, its labels, its Services and the place of each mistake stay."""
    release = loaded(SERVICE, deployment("shop-v2", "v2"))

    assert (release.app, release.workload["metadata"]["name"], release.version) == ("shop-v1", "shop-v1", "2")
    assert release.workload["spec"] == deployment("shop-v2", "v2")["spec"]
    assert [service["metadata"]["name"] for service in release.services] == ["shop-v2"]
    assert release.manifests == Release.from_record(json.loads(json.dumps(release.to_record()))).manifests
    (item,) = (item for key, item in release.sources.objects.items() if key.kind == "Deployment")
    assert (item.obj["metadata"]["name"], item.where("metadata", "name")) == ("shop-v1", "v2.yaml:12:3")


def test_what_scales_it_follows(folder: Path) -> None:
    """By whatever version of whatever autoscaler; not what scales another, or an object of another kind that is called so."""
    hpa, v2 = "HorizontalPodAutoscaler", {"kind": "Deployment", "name": "shop-v2"}
    release = loaded(
        deployment("shop-v2", "v2"),
        scaler("autoscaling/v2", hpa, "scaleTargetRef", apiVersion="apps/v1", **v2),
        scaler("autoscaling/v1", hpa, "scaleTargetRef", apiVersion="extensions/v1beta1", **v2) | {"metadata": {"name": "old"}},
        scaler("keda.sh/v1alpha1", "ScaledObject", "scaleTargetRef", name="shop-v2"),
        scaler("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "targetRef", apiVersion="apps/v1", **v2),
        scaler("example.com/v1", "Other", "scaleTargetRef", apiVersion="apps/v1", kind="Deployment", name="cart"),
        scaler("example.com/v1", "Foreign", "targetRef", apiVersion="v1", kind="Service", name="shop-v2"),
    )

    targets = {obj["metadata"]["name"]: next(iter(obj["spec"].values()))["name"] for obj in release.others}
    assert targets == {
        "horizontalpodautoscaler-v2": "shop-v1",
        "old": "shop-v1",
        "scaledobject-v2": "shop-v1",
        "verticalpodautoscaler-v2": "shop-v1",
        "other-v2": "cart",
        "foreign-v2": "shop-v2",
    }
    assert [obj["metadata"].get("namespace") for obj in release.others] == [None] * 6


def test_it_is_chosen_by_the_name_that_the_manifests_have(folder: Path) -> None:
    """`workload` and `exclude` speak of the files."""
    both = deployment("shop-v1", "v1"), deployment("shop-v2", "v2")

    release = loaded(*both, text="workloadName: shop-v1\nexclude: [Deployment/shop-v1]\nworkload: shop-v2\n")

    assert release.workload["spec"]["template"]["metadata"]["labels"]["version"] == "v2"
    assert [obj["metadata"]["name"] for obj in release.manifests] == ["shop-v1"]


def test_two_of_one_name_are_refused(folder: Path) -> None:
    """The other version's manifests are left out by whoever writes the release file, and by nobody else."""
    both = deployment("shop-v1", "v1"), deployment("shop-v2", "v2")

    with pytest.raises(BadInput) as told:
        loaded(*both, text="workload: shop-v2\nworkloadName: shop-v1\n")

    assert str(told.value).startswith(
        "deploy.yaml:3:1: Deployment shop-v2 is to be called shop-v1, and there is one of that name at v2.yaml:1:1"
    )
    assert told.value.hint == "leave the other version's out: exclude: [Deployment/shop-v1]"


def test_a_name_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"deploy\.yaml:2:1: workloadName: 'Shop V1' is no valid name"):
        loaded(deployment("shop-v2", "v2"), text="workloadName: Shop V1\n")


def test_init_says_how_versions_are_released_by_one_file(folder: Path) -> None:
    """It cannot know whether shop-v1 and shop-v2 are one application's; it says what to write if they are."""
    for version in ("v1", "v2"):
        Path(f"{version}.yaml").write_text(yaml.safe_dump(deployment(f"shop-{version}", version)))
    Path("cart.yaml").write_text(yaml.safe_dump(deployment("cart-v1", "v1")))

    (said,) = from_manifests(["."]).said

    assert said == (
        "shop-v1, shop-v2: if these are versions of one application, keep one release file, in which `app: shop` and "
        "`workloadName: shop-v1` are for all of them, and let `manifests` name the version's own files"
    )
