"""Manifests of many kinds, some of which are called as others are: what is applied when, and what is the application."""

from __future__ import annotations

from pathlib import Path

from rollway.release.load import load

from tests.support.shell import shell

MANIFESTS = Path(__file__).parent / "namesakes.yaml"
RELEASE = f"app: shop\nnamespace: shop\nmanifests: [{str(MANIFESTS)!r}]\n"


def test_a_kind_is_of_its_group(tmp_path: Path) -> None:
    """A Deployment of somebody's own group is no workload, and such a Service selects no pods."""
    file = tmp_path / "deploy.yaml"
    file.write_text(RELEASE)

    release = load(str(file))

    assert release.workload["apiVersion"] == "apps/v1"
    assert [service["metadata"]["name"] for service in release.services] == ["shop"]
    assert {(obj["apiVersion"], obj["kind"]) for obj in release.others} >= {
        ("example.com/v1", "Deployment"), ("serving.knative.dev/v1", "Service"), ("v1", "ReplicationController"),
    }  # fmt: skip


def test_they_are_applied_in_an_order_that_works(tmp_path: Path) -> None:
    """Definitions before what is of them, whatever the files' order; and the release waits for pods and Jobs that are its own."""
    file = tmp_path / "deploy.yaml"
    file.write_text(RELEASE)
    with shell(file) as deploy:
        first, second = deploy("apply", "--auto"), deploy("apply", "--auto", "--image", "shop:2")
        back = deploy("rollback")

    assert [outcome.code for outcome in (first, second, back)] == [0, 0, 0], first.err + second.err + back.err
    made = [line.split(": new")[0].strip(" +") for line in first.err.splitlines() if ": new" in line]
    assert made[:2] == [
        "CustomResourceDefinition deployments.example.com",
        "CustomResourceDefinition services.serving.knative.dev",
    ]
    assert {"Deployment shop", "Service fn", "ReplicationController legacy", "Job once", "CronJob nightly"} <= set(made)
    assert "legacy: 1 of 1 pods ready" in first.err
    assert "once: 1 of 1 completions" in first.err
