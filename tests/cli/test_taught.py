"""Custom resources without their definition, on the sandbox: `apply` keeps them as they are; what only looks makes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rollway.kube.objects import Obj

from tests.support.shell import EXAMPLE, shell

APPLICATION: list[Obj] = [
    obj for path in sorted((EXAMPLE.parent / "k8s").glob("*.yaml")) for obj in yaml.safe_load_all(path.read_text()) if obj
]
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
MONITOR: Obj = {
    "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "web"},
    "spec": {"endpoints": [{"port": "http"}]},
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, MONITOR)


def written(folder: Path, *others: Obj) -> Path:
    (folder / "app.yaml").write_text(yaml.safe_dump_all([*APPLICATION, *others]))
    (folder / "deploy.yaml").write_text("app: shop\nnamespace: far\nmanifests: [app.yaml]\n")
    return folder / "deploy.yaml"


def test_what_only_looks_makes_nothing(file: Path) -> None:
    with shell(file, is_sandbox=True) as deploy:
        moment = deploy.moment
        outcomes = {verb: deploy(verb) for verb in ("plan", "status", "render", "check", "history")}
        assert not deploy.changed_since(moment)
    assert outcomes["plan"].code == 0, outcomes["plan"].err
    assert "ServiceMonitor" in outcomes["plan"].out


def test_apply_keeps_it_and_says_so_once(file: Path) -> None:
    with shell(file, is_sandbox=True) as deploy:
        moment = deploy.moment
        first, second = deploy("apply"), deploy("apply")
        assert "ServiceMonitor" in deploy.changed_since(moment)
    assert (first.code, second.code) == (0, 0), first.err
    assert "ServiceMonitor (monitoring.coreos.com) has no definition in the sandbox" in first.err
    assert "no definition" not in second.err


@pytest.mark.parametrize(
    ("version", "kind"),
    [("policy/v1", "PodSecurityPolicy"), ("networking.k8s.io/v1", "Gateway"), ("autoscaling/v3", "HorizontalPodAutoscaler")],
)
def test_a_kind_that_kubernetes_itself_would_have_is_none_of_somebodys(tmp_path: Path, version: str, kind: str) -> None:
    """It is refused before anything is made, as on a real cluster: nobody can define it."""
    file = written(tmp_path, {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": {}})
    with shell(file, is_sandbox=True) as deploy:
        moment = deploy.moment
        for verb in ("plan", "apply"):
            outcome = deploy(verb, "--force")
            assert outcome.code == 4, outcome.out
            assert "no definition" not in outcome.err, outcome.err
        assert "Deployment" not in deploy.changed_since(moment)


def test_a_definition_that_stands_is_taken_whatever_its_plural(tmp_path: Path) -> None:
    """The plural cannot be known from a manifest; a second definition of the kind would never be established."""
    names = {"kind": "ServiceMonitor", "plural": "smons", "singular": "smon"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "smons.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip
    bare = tmp_path / "bare"
    bare.mkdir()
    with shell(written(tmp_path, MONITOR, definition), is_sandbox=True) as deploy:
        assert deploy("apply").code == 0
        again = deploy("apply", "-f", str(written(bare, MONITOR)))
        assert "no definition" not in again.err


@pytest.mark.parametrize("spec", [None, [], "x", {"group": {}, "names": {"kind": []}}, {"group": [1], "names": 3}])
def test_a_malformed_definition_in_the_manifests(tmp_path: Path, spec: object) -> None:
    broken = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x.y"}, "spec": spec,
    }  # fmt: skip
    with shell(written(tmp_path, MONITOR, broken), is_sandbox=True) as deploy:
        for verb in ("plan", "apply"):
            outcome = deploy(verb)
            assert outcome.code in (0, 1, 2, 4), outcome.err
            assert "Traceback" not in outcome.err
            assert "a bug in rollway" not in outcome.err
