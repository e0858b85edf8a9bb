"""ConfigMaps and Secrets named by content."""

from __future__ import annotations

from pathlib import Path

from rollway.release.config import is_pinned, pinned
from rollway.release.load import load
from rollway.release.model import Release

MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: MODE}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {key: value}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dashboards}
data: {a: b}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: report, image: report:1, envFrom: [{secretRef: {name: keys}}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      initContainers: [{name: init, image: init:1, envFrom: [{configMapRef: {name: settings}}]}]
      containers:
      - name: shop
        image: shop:1.0.0
        env: [{name: KEY, valueFrom: {secretKeyRef: {name: keys, key: key}}}]
      volumes:
      - {name: a, configMap: {name: settings}}
      - {name: b, secret: {secretName: keys}}
      - {name: c, projected: {sources: [{configMap: {name: settings}}, {secret: {name: keys}}]}}
      - {name: d, configMap: {name: somebody-elses}}
"""


def read(folder: Path, mode: str, more: str = "") -> Release:
    (folder / "app.yaml").write_text(MANIFESTS.replace("MODE", mode))
    (folder / "deploy.yaml").write_text(f"manifests: [app.yaml]\n{more}")
    return load(str(folder / "deploy.yaml"))


def names(release: Release, kind: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in release.others if obj["kind"] == kind]


def test_pods_refer_to_their_own_configuration(tmp_path: Path) -> None:
    """Every reference of the pods is renamed with the object; what is not in the manifests is left alone."""
    release = read(tmp_path, "a")
    settings = next(name for name in names(release, "ConfigMap") if name.startswith("settings-"))
    keys = next(name for name in names(release, "Secret") if name.startswith("keys-"))
    pod = release.workload["spec"]["template"]["spec"]

    assert pod["initContainers"][0]["envFrom"][0]["configMapRef"]["name"] == settings
    assert pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] == keys
    assert pod["volumes"][0]["configMap"]["name"] == settings
    assert pod["volumes"][1]["secret"]["secretName"] == keys
    assert pod["volumes"][2]["projected"]["sources"] == [
        {"configMap": {"name": settings}},
        {"secret": {"name": keys}},
    ]
    assert pod["volumes"][3]["configMap"]["name"] == "somebody-elses"


def test_other_content_is_another_name(tmp_path: Path) -> None:
    """The same content keeps its name, another gets another; so a changed ConfigMap is a new version of the pods."""
    first, again, other = read(tmp_path, "a"), read(tmp_path, "a"), read(tmp_path, "b")

    assert names(first, "ConfigMap") == names(again, "ConfigMap")
    assert names(first, "ConfigMap") != names(other, "ConfigMap")
    assert first.workload != other.workload


def test_all_that_a_file_may_hold_is_content(tmp_path: Path) -> None:
    """Bytes and a Secret's type as well as texts; its labels are not."""

    def named(**parts: object) -> str:
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"a": "YQ=="}, **parts}
        release = read(tmp_path, "a", "pinConfig: false\n")
        _, (found, *_) = pinned(release.workload, (), (manifest,))
        return str(found["metadata"]["name"])

    plain = named()

    assert plain.startswith("keys-")
    assert named(binaryData={"b": "Yg=="}) != plain
    assert named(type="example.com/token") != plain
    assert named(data={"a": "Yg=="}) != plain
    assert named(metadata={"name": "keys", "labels": {"team": "web"}}) == plain


def test_what_others_refer_to_stays_under_its_name(tmp_path: Path) -> None:
    """A CronJob of the manifests reads the Secret by name; a ConfigMap that no pod of ours reads is not renamed."""
    release = read(tmp_path, "a")

    assert len(names(release, "Secret")) == 2
    assert "keys" in names(release, "Secret")
    assert "dashboards" in names(release, "ConfigMap")
    assert "settings" not in names(release, "ConfigMap")


def test_it_can_be_left_off(tmp_path: Path) -> None:
    """`pinConfig: false` keeps every name as it is written."""
    release = read(tmp_path, "a", "pinConfig: false\n")

    assert not any(is_pinned(obj) for obj in release.others)
    assert sorted(names(release, "ConfigMap")) == ["dashboards", "settings"]


def test_as_it_was_written(tmp_path: Path) -> None:
    """What was named by content has the names that were given to it again, in the pods and of what others refer to, too; it is
    the very release that is loaded where nothing is named so."""
    named, written = read(tmp_path, "a"), read(tmp_path, "a", "pinConfig: false\n")

    assert named.digest != written.digest
    assert named.as_written.digest == written.digest
    assert (named.as_written.workload, set(names(named.as_written, "Secret"))) == (written.workload, {"keys"})
    assert written.as_written is written


def test_what_hooks_read_as_well_keeps_its_name(tmp_path: Path) -> None:
    """Their Jobs are written once and for all."""
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {template: {spec: {restartPolicy: Never, containers: "
    )
    job += "[{name: a, image: migrate:1, envFrom: [{configMapRef: {name: settings}}]}]}}}\n"
    (tmp_path / "job.yaml").write_text(job)
    release = read(tmp_path, "a", "before: [job.yaml]\n")

    assert release.hooks
    assert release.as_written is release


def test_twice_is_once(tmp_path: Path) -> None:
    """What is named by content already is not named again."""
    release = read(tmp_path, "a")

    assert pinned(release.workload, release.services, release.others) == (release.workload, release.others)


def test_a_secret_s_text_without_a_value_is_empty(tmp_path: Path) -> None:
    """As the API server has it; and what is no mapping is left for `deploy check` to name."""
    (tmp_path / "deploy.yaml").write_text("app: shop\nmanifests: [app.yaml]\n")
    for written, data in (
        ("{key: }", {"key": ""}),
        ("{key: a, more: }", {"key": "YQ==", "more": ""}),
        ("[key]", None),
        ("key", None),
    ):
        (tmp_path / "app.yaml").write_text(MANIFESTS.replace("stringData: {key: value}", f"stringData: {written}"))
        secret = next(obj for obj in load(str(tmp_path / "deploy.yaml")).manifests if obj["kind"] == "Secret")
        assert secret.get("data") == data
