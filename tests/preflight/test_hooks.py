"""What `deploy check` finds in the Jobs around a release, at the user's own line, and what looks alike and is right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from checked import SOUND
from rollway import preflight
from rollway.preflight import Finding
from rollway.release.load import load

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 300
  template:
    metadata: {labels: {job: migrate}}
    spec:
      restartPolicy: Never
      containers:
      - {name: migrate, image: "ghcr.io/acme/shop:1.0.0"}
"""
SHORT = "before:\n- {name: migrate, command: [./shop, migrate]}\n"


def told(folder: Path, job: str = JOB, hooks: str = "before: [migrate.yaml]\n") -> list[Finding]:
    (folder / "app.yaml").write_text(SOUND)
    (folder / "migrate.yaml").write_text(job)
    (folder / "deploy.yaml").write_text("manifests: [app.yaml]\n" + hooks)
    return list(preflight.findings(load(str(folder / "deploy.yaml"))))


@pytest.mark.parametrize("hooks", ["before: [migrate.yaml]\n", SHORT, "after: [migrate.yaml]\nbeforeRollback: [migrate.yaml]\n"])
def test_a_sound_hook_is_not_told_of(hooks: str, tmp_path: Path) -> None:
    """A manifest with all that it should say, and a command in short."""
    assert told(tmp_path, hooks=hooks) == []


@pytest.mark.parametrize(
    ("rule", "severity", "was", "becomes", "line"),
    [
        ("RW044", "warning", "  backoffLimit: 0\n", "", 4),
        ("RW045", "warning", "  activeDeadlineSeconds: 300\n", "", 4),
        ("RW046", "error", "restartPolicy: Never", "restartPolicy: Always", 10),
        ("RW047", "warning", "ghcr.io/acme/shop:1.0.0", "ghcr.io/acme/migrations:1.0.0", 12),
        ("RW048", "error", "{job: migrate}", "{app: shop}", 8),
    ],
)
def test_each_is_found_once_at_its_place(rule: str, severity: str, was: str, becomes: str, line: int, tmp_path: Path) -> None:
    assert was in JOB
    (only,) = told(tmp_path, job=JOB.replace(was, becomes))

    assert (only.id, only.severity, Path(only.source).name, only.line) == (rule, severity, "migrate.yaml", line)
    assert only.object == "Job migrate"


def test_a_timeout_in_the_release_file_is_a_deadline(tmp_path: Path) -> None:
    job = JOB.replace("  activeDeadlineSeconds: 300\n", "")
    assert told(tmp_path, job=job, hooks="before: [{manifest: migrate.yaml, timeout: 5m}]\n") == []


def test_another_image_in_short_is_told_in_the_release_file(tmp_path: Path) -> None:
    """At its key."""
    (only,) = told(tmp_path, hooks="before:\n- name: migrate\n  image: flyway/flyway:11\n")
    assert (only.id, Path(only.source).name, only.line) == ("RW047", "deploy.yaml", 4)
    assert "runs flyway/flyway:11, not the release's ghcr.io/acme/shop:1.4.0" in only.message


def test_a_sidecar_beside_the_releases_image_is_fine(tmp_path: Path) -> None:
    """One of its containers runs the version that is released."""
    document = yaml.safe_load(JOB)
    document["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "envoy:1"})
    assert told(tmp_path, job=yaml.safe_dump(document)) == []


def test_what_holds_for_all_manifests_holds_for_hooks(tmp_path: Path) -> None:
    """Values that the API server would refuse, and comments that ignore a rule."""
    wrong = JOB.replace("Never\n", "Never\n      terminationGracePeriodSeconds: soon\n")
    assert [(each.id, each.line) for each in told(tmp_path, job=wrong)] == [("RW034", 11)]
    ignored = JOB.replace("spec:\n  backoffLimit: 0\n", "# rollway: ignore RW044 because it bears six\nspec:\n", 1)
    assert told(tmp_path, job=ignored) == []


def test_configuration_that_only_a_hook_asks_for_is_looked_for_as_well(tmp_path: Path) -> None:
    """At the hook's own line, and once, whoever else asks for it."""
    asks = JOB + "        env: [{name: DB, valueFrom: {secretKeyRef: {name: database, key: url}}}]\n"
    asks = asks.replace(
        '- {name: migrate, image: "ghcr.io/acme/shop:1.0.0"}', '- name: migrate\n        image: "ghcr.io/acme/shop:1.0.0"'
    )
    (one,) = [each for each in told(tmp_path, asks, "before: [migrate.yaml]\nafter: [migrate.yaml]\n") if each.id == "RW038"]
    assert (one.source.endswith("migrate.yaml"), one.severity, one.line) == (True, "info", 14)
    assert "before the pods of before migrate start" in one.message


def test_configuration_of_the_manifests_is_a_hooks_as_well(tmp_path: Path) -> None:
    """Under the name that is written, whatever it is called in the cluster."""
    config = "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: database}\ndata: {url: db}\n"
    asks = JOB + "        envFrom: [{configMapRef: {name: database}}]\n"
    asks = asks.replace(
        '- {name: migrate, image: "ghcr.io/acme/shop:1.0.0"}', '- name: migrate\n        image: "ghcr.io/acme/shop:1.0.0"'
    )
    (tmp_path / "database.yaml").write_text(config)
    found = told(tmp_path, asks, "before: [migrate.yaml]\n")
    assert [each.id for each in found if each.id == "RW038"] == ["RW038"]
    (tmp_path / "deploy.yaml").write_text("manifests: [app.yaml, database.yaml]\nbefore: [migrate.yaml]\n")
    again = preflight.findings(load(str(tmp_path / "deploy.yaml")))
    assert [each.message for each in again if each.id == "RW038"] == []
