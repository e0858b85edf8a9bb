"""The release file's hooks: what is run, with which image and configuration, and every mistake at the user's own line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from rollway.errors import BadInput
from rollway.release.hooks import Hook
from rollway.release.load import load
from rollway.release.model import Release

APP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {url: postgres://db/shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      serviceAccountName: shop
      volumes: [{name: cert, secret: {secretName: cert}}, {name: other, emptyDir: {}}]
      containers:
      - name: shop
        image: ghcr.io/acme/shop:1.4.0
        env: [{name: MODE, value: web}]
        envFrom: [{configMapRef: {name: settings}}]
        volumeMounts: [{name: cert, mountPath: /cert}]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: 8080}}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  ttlSecondsAfterFinished: 60
  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: migrate, image: "ghcr.io/acme/shop:1.0.0", envFrom: [{configMapRef: {name: settings}}]}
      - {name: proxy, image: "envoy:1"}
"""


def loaded(tmp_path: Path, text: str, job: str = JOB, **how: Any) -> Release:
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "migrate.yaml").write_text(job)
    (tmp_path / "deploy.yaml").write_text("app: shop\nmanifests: [.]\n" + dedent(text))
    return load(str(tmp_path / "deploy.yaml"), **how)


def test_in_short_it_is_the_applications_own_container(tmp_path: Path) -> None:
    """Its image, environment, volumes and account; no label, port or probe by which it would get requests."""
    release = loaded(
        tmp_path,
        """
        before:
        - {name: migrate, command: [./migrate, up], env: {MODE: job}, timeout: 5m}
        - {name: schema, manifest: migrate.yaml}
        """,
        image=":1.5.0",
    )
    hook, _ = release.hooks
    pod = hook.job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (hook.when, hook.name, hook.timeout) == ("before", "migrate", 300)
    assert container["image"] == "ghcr.io/acme/shop:1.5.0"
    assert container["command"] == ["./migrate", "up"]
    assert container["env"] == [{"name": "MODE", "value": "job"}]
    assert container["envFrom"][0]["configMapRef"]["name"].startswith("settings-")
    assert not {"ports", "readinessProbe"} & set(container)
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("shop", "Never")
    assert [volume["name"] for volume in pod["volumes"]] == ["cert"]
    assert "labels" not in hook.job["spec"]["template"].get("metadata", {})
    assert (hook.job["spec"]["backoffLimit"], hook.job["spec"]["activeDeadlineSeconds"]) == (0, 300)


def test_a_manifest_gets_the_releases_image_and_configuration(tmp_path: Path) -> None:
    """Of the same repository; another image stays. It is no manifest of the release, though it lies in the folder; and it stays
    to be read when it has ended."""
    release = loaded(tmp_path, "before: [migrate.yaml]\n", image=":1.5.0")
    (hook,) = release.hooks
    own, proxy = hook.job["spec"]["template"]["spec"]["containers"]
    assert (hook.name, own["image"], proxy["image"]) == ("migrate", "ghcr.io/acme/shop:1.5.0", "envoy:1")
    assert own["envFrom"][0]["configMapRef"]["name"].startswith("settings-")
    assert [obj["kind"] for obj in release.others] == ["ConfigMap"]
    assert "ttlSecondsAfterFinished" not in hook.job["spec"]
    assert (hook.job["spec"]["backoffLimit"], hook.job["spec"]["activeDeadlineSeconds"], hook.timeout) == (1, 600, 600)


def test_hooks_are_part_of_a_version(tmp_path: Path) -> None:
    """The history keeps them, and a release without any writes nothing of them."""
    release = loaded(tmp_path, "before: [migrate.yaml]\nafter: [{name: tidy, command: [x]}]\n")
    assert Release.from_record(release.to_record()).hooks == release.hooks
    assert "hooks" not in loaded(tmp_path, "").to_record()
    with pytest.raises(ValueError, match="unknown moment"):
        Hook.from_record({"when": "never", "name": "x", "job": {}, "timeout": 1})


MISTAKES = {
    "no template": ("before: [migrate.yaml]", "kind: Job\nmetadata: {name: m}\nspec: {}", "migrate.yaml:4", "no spec.template"),
    "no spec": ("before: [migrate.yaml]", "kind: Job\nmetadata: {name: m}", "migrate.yaml:1", "no spec"),
    "no containers": (
        "before: [migrate.yaml]", "kind: Job\nmetadata: {name: m}\nspec: {template: {spec: {containers: []}}}", "migrate.yaml:4",
        "no containers",
    ),
    "an image that is none": (
        "before: [migrate.yaml]",
        "kind: Job\nmetadata: {name: m}\nspec: {template: {spec: {containers: [{name: a, image: 'A b'}]}}}", "migrate.yaml:4",
        "no image reference",
    ),
    "no Job": ("before: [migrate.yaml]", "kind: Pod\nmetadata: {name: m}\nspec: {}", "migrate.yaml:2", "a hook is a Job"),
    "two documents": (
        "before: [migrate.yaml]", "kind: Job\nmetadata: {name: m}\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: n}",
        "deploy.yaml:3", "a hook is one Job",
    ),
    "no such file": ("before: [gone.yaml]", "kind: Job\nmetadata: {name: m}", "deploy.yaml:3", "no such file"),
    "elsewhere": (
        "namespace: shop\nbefore: [migrate.yaml]",
        "kind: Job\nmetadata: {name: m, namespace: ops}\nspec: {template: {spec: {containers: [{name: a}]}}}", "migrate.yaml:3",
        "is in namespace ops",
    ),
    "nothing to run": ("before: [{name: m}]", "", "deploy.yaml:3", "says nothing to run"),
    "no name": ("before: [{command: [x]}]", "", "deploy.yaml:3", "has no name"),
    "both": ("before: [{manifest: migrate.yaml, command: [x]}]", "", "deploy.yaml:3", "does not go with a manifest"),
    "twice": ("before: [{name: m, command: [x]}, {name: m, command: [y]}]", "", "deploy.yaml:3", "two hooks of before"),
    "a name too long": (f"before: [{{name: {'m' * 31}, command: [x]}}]", "", "deploy.yaml:3", "31 characters long"),
    "a short image": ("before: [{name: m, image: 'A b'}]", "", "deploy.yaml:3", "no image reference"),
    "a key": ("before: [{name: m, comand: [x]}]", "", "deploy.yaml:3", 'unknown key "comand"'),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_at_their_line(case: tuple[str, str, str, str], tmp_path: Path) -> None:
    """Before anything is touched."""
    text, job, where, message = case
    with pytest.raises(BadInput, match=message) as bad:
        loaded(tmp_path, text + "\n", job=f"apiVersion: batch/v1\n{job}\n" if job else JOB)
    assert where in bad.value.where
