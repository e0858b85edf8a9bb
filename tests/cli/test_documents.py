"""`-o json`: exactly one document on stdout, with the fields that scripts rely on, and no Secret's data."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from shell import EXAMPLE, Outcome, run, shell

RELEASE_FIELDS = {"app", "namespace", "strategy", "action", "revision", "phase", "weight", "steps"}
PHASES = ("Progressing", "Paused", "Promoted", "RolledBack", "Failed")
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: shop-key}
stringData: {key: hunter2}
"""


def about_release(outcome: Outcome, **expected: Any) -> dict[str, Any]:
    document = outcome.document
    assert set(document) >= RELEASE_FIELDS
    assert document["phase"] in PHASES
    assert {key: document[key] for key in expected} == expected
    return document


def test_a_release_from_its_plan_to_its_rollback() -> None:
    """Every verb about a release answers with the same first fields."""
    with shell() as deploy:
        assert deploy("apply", "--image", ":1.0.0", "-o", "json").code == 0
        plan = about_release(
            deploy("plan", "--image", ":2.0.0", "--to", "50%", "-o", "json"),
            action="apply",
            phase="Paused",
            weight=50,
            revision=2,
        )
        assert plan["split"] == {"stable": 2, "canary": 2, "percent": 50.0}
        assert plan["peakPods"] == 6
        assert [step["type"] for step in plan["undo"]][-1] == "delete"

        done = about_release(deploy("apply", "--image", ":2.0.0", "--to", "50%", "-o", "json"), phase="Paused", weight=50)
        assert done["failure"] is None
        about_release(deploy("status", "-o", "json"), action="status", phase="Paused", weight=50, revision=2)
        about_release(deploy("wait", "--for", "paused", "-o", "json"), action="wait", phase="Paused")
        about_release(deploy("promote", "--full", "-o", "json"), action="promote", phase="Promoted", weight=100)
        about_release(deploy("rollback", "-o", "json"), action="rollback", phase="RolledBack")
        history = about_release(deploy("history", "-o", "json"), action="history")
        assert [(each["number"], each["phase"]) for each in history["revisions"]] == [(1, "Promoted"), (2, "RolledBack")]


def test_every_step_names_its_object_and_its_reason() -> None:
    """Keys are camelCase; a Ref is a mapping, never a list."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        steps = deploy("plan", "--image", ":2.0.0", "--to", "50%", "-o", "json").document["steps"]

    for step in steps:
        assert step["why"] or step["type"] == "pause"
        assert not any("_" in key for key in step)
        if step["type"] in ("apply", "scale", "wait"):
            assert step["object"]["kind"] == "Deployment"
    scale = next(step for step in steps if step["type"] == "scale")
    assert (scale["was"], scale["replicas"]) == (4, 2)


def test_a_failed_release_tells_why_in_the_same_document() -> None:
    """Exit 1: the release's fields, the pods with their reason, what was done about it, and `error`."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        outcome = deploy("apply", "--image", ":3.0.0", "-o", "json")

    document = about_release(outcome, phase="RolledBack")
    assert outcome.code == document["error"]["exit"] == 1
    pod = document["failure"]["pods"][0]
    assert pod["reason"] == "running, but not ready"
    assert "503" in pod["detail"]
    assert document["failure"]["logs"][0]["lines"] == ["KeyError: 'PAYMENT_URL'"]
    assert document["wayBack"]["toVersion"] == "1.0.0"


def test_nothing_released_yet_is_a_document_too() -> None:
    with shell() as deploy:
        status, history = deploy("status", "-o", "json").document, deploy("history", "-o", "json").document

    assert (status["revision"], status["phase"], status["strategy"]) == (0, None, "canary")
    assert history["revisions"] == []


def test_verbs_that_ask_no_cluster() -> None:
    """render, check, version, schema: a document each."""
    rendered = run("render", "-f", str(EXAMPLE), "-o", "json").document
    assert [obj["kind"] for obj in rendered["manifests"]].count("Deployment") == 2
    checked = run("check", "-f", str(EXAMPLE), "-o", "json").document
    assert checked["findings"] == []
    assert {"kind": "Service", "name": "shop"} in checked["objects"]
    assert run("version", "-o", "json").document["version"]
    assert run("schema").document["$schema"]


def test_hooks_are_rendered_where_they_are_asked_for(tmp_path: Path) -> None:
    """They are run and not applied: named beside the manifests, never among what another tool would apply; in JSON apart."""
    shutil.copytree(EXAMPLE.parent, tmp_path / "shop")
    file = tmp_path / "shop" / "deploy.yaml"
    file.write_text(
        file.read_text() + "before: [{name: migrate, command: [./shop, migrate]}]\nafter: [{name: warm, command: [./warm]}]\n"
    )
    plain, whole = (run("render", "-f", str(file), *words) for words in ((), ("--hooks",)))
    document = run("render", "-f", str(file), "-o", "json").document

    assert "kind: Job" not in plain.out
    assert "the Jobs of before migrate, after warm are run beside these; --hooks shows them" in plain.err
    assert whole.out.count("kind: Job") == 2
    assert "generateName: shop-migrate-v" in whole.out
    assert [(each["when"], each["name"], each["job"]["kind"]) for each in document["hooks"]] == [
        ("before", "migrate", "Job"),
        ("after", "warm", "Job"),
    ]
    assert "Job" not in {obj["kind"] for obj in document["manifests"]}


@pytest.fixture
def with_secret(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE.parent, tmp_path / "shop")
    (tmp_path / "shop" / "k8s" / "secret.yaml").write_text(SECRET, encoding="utf-8")
    return tmp_path / "shop" / "deploy.yaml"


def test_what_secrets_hold_is_never_shown(with_secret: Path) -> None:
    """Neither plain nor encoded, in no verb's output; the revisions of the history, which hold it, are not printed either."""
    encoded = base64.b64encode(b"hunter2").decode()
    with shell(with_secret) as deploy:
        shown = [deploy("plan", "--image", ":1.0.0", *output) for output in ((), ("-o", "json"))]
        shown += [deploy("apply", "--image", ":1.0.0", "-o", "json")]
        shown += [deploy(verb, *output) for verb in ("status", "history", "render") for output in ((), ("-o", "json"))]
        plain = deploy("render", "--show-secrets").out

    for outcome in shown:
        assert outcome.code == 0, outcome.err
        assert "hunter2" not in outcome.out + outcome.err
        assert encoded not in outcome.out + outcome.err
    assert encoded in plain


def test_a_saved_plan_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """It holds the manifests; and it is what `apply` carries out, once."""
    path = tmp_path / "plan.json"
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        saved = deploy("plan", "--image", ":2.0.0", "--to", "50", "--out", str(path))
        assert path.stat().st_mode & 0o777 == 0o600
        assert "readable by you alone" in saved.err
        about_release(deploy("apply", str(path), "-o", "json"), phase="Paused", weight=50)

        again = deploy("apply", str(path), "-o", "json")

    assert (again.code, again.document["isEmpty"], again.document["phase"]) == (0, True, "Paused")


def test_a_saved_plan_takes_the_place_of_files_alone(tmp_path: Path) -> None:
    """A device, a pipe or a folder stays what it is: who may write into /dev took /dev/stdout away from everybody."""
    pipe, folder, linked = tmp_path / "pipe", tmp_path / "folder", tmp_path / "linked"
    os.mkfifo(pipe)
    folder.mkdir()
    linked.symlink_to(pipe)
    with shell() as deploy:
        for path in (pipe, folder, linked, Path("/dev/stdout")):
            before = os.lstat(path)
            for words in (("plan", "--out", str(path)), ("init", str(EXAMPLE.parent / "k8s"), "-f", str(path), "--overwrite")):
                outcome = deploy(*words)
                assert (outcome.code, f"{path} is there, and is no file" in outcome.err) == (2, True), outcome.err
            assert os.path.samestat(before, os.lstat(path))


def test_a_saved_plan_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    (tmp_path / ".plan.json.new").mkdir()
    path.write_text("the plan before")
    with shell() as deploy:
        outcome = deploy("plan", "--out", str(path))

    assert (outcome.code, path.read_text()) == (2, "the plan before"), outcome.err


def test_a_saved_plan_can_be_pinned(tmp_path: Path) -> None:
    """By the digest that `plan --out` tells, any other file is refused; and one that was edited is, whoever applies it."""
    path = tmp_path / "plan.json"
    with shell() as deploy:
        told = deploy("plan", "--image", "ghcr.io/acme/shop:1.0.0", "--out", str(path)).err
        digest = next(word for word in told.split() if word.startswith("sha256:"))
        text = path.read_text()
        path.write_text(text.replace("acme", "evil"))
        moment = deploy.moment
        other = deploy("apply", str(path), "--digest", digest)
        assert not deploy.changed_since(moment)
        edited = deploy("apply", str(path))
        path.write_text(text)
        agreed = deploy("apply", str(path), "--digest", digest)

    assert (other.code, edited.code, agreed.code) == (3, 3, 0)
    assert "is not the plan that was agreed on" in other.err
    assert "somebody has edited" in edited.err


def test_plans_of_other_versions_are_told_apart(tmp_path: Path) -> None:
    """From files that are no plans."""
    path = tmp_path / "plan.json"
    with shell() as deploy:
        for text, summary in (
            ('{"format": "rollway.dev/plan.v1"}', "was saved by another version of rollway"),
            ("{}", "is no saved plan"),
            ("[" * 100_000, "is no saved plan"),
        ):
            path.write_text(text)
            refused = deploy("apply", str(path))
            assert (refused.code, summary in refused.err) == (2, True), refused.err


def test_a_plan_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / "plan.json")
    with shell() as deploy:
        refused = deploy("apply", str(tmp_path / "plan.json"))

    assert (refused.code, "this is a pipe or a device" in refused.err) == (2, True), refused.err


def test_init_writes_a_file_that_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From manifests, and from what runs; and it replaces nothing unasked."""
    shutil.copytree(EXAMPLE.parent / "k8s", tmp_path / "k8s")
    monkeypatch.chdir(tmp_path)
    with shell(tmp_path / "deploy.yaml") as deploy:
        assert deploy("init", "k8s/").code == 0
        assert deploy("apply", "-n", "shop").code == 0
        refused = deploy("init", "k8s/")
        assert (refused.code, "deploy.yaml is there already" in refused.err) == (2, True)
        live = deploy("init", "--from-live", "shop", "-n", "shop", "-f", "live/deploy.yaml", "-o", "json")
        assert live.document["written"] == ["live/deploy.yaml", "live/k8s/app.yaml"]
        assert deploy("check", "-f", "live/deploy.yaml").code == 0
        missing = deploy("init", "--from-live", "nobody", "-n", "shop", "-f", "x.yaml")
        assert (missing.code, "there is no Deployment nobody" in missing.err) == (2, True)


def test_init_names_the_file_that_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says can be run as it stands, whatever it has written; and a verb that finds no release file names those beside."""
    shutil.copytree(EXAMPLE.parent / "k8s", tmp_path / "k8s")
    other = (tmp_path / "k8s" / "deployment.yaml").read_text().replace("shop", "cart")
    monkeypatch.chdir(tmp_path)
    with shell() as deploy:
        assert "next: deploy check, deploy plan" in deploy("init", "k8s/").out
        assert "next: deploy check -f my/one.yaml, deploy plan -f my/one.yaml" in deploy("init", "k8s/", "-f", "my/one.yaml").out
        (tmp_path / "deploy.yaml").unlink()
        (tmp_path / "k8s" / "cart.yaml").write_text(other)
        assert "next: deploy check -f k8s, deploy plan -f k8s" in deploy("init", "k8s/").out
        assert deploy("check", "-f", "k8s").code == 0
        monkeypatch.chdir(tmp_path / "k8s")
        lost = deploy("check", "-f", "deploy.yaml")

    assert lost.code == 2
    assert "try: name one with -f, such as -f cart.deploy.yaml, or all of them: -f ." in lost.err


def test_an_error_is_the_only_document() -> None:
    """Nothing else is on stdout, and the exit code is in it."""
    with shell() as deploy:
        outcome = deploy("rollback", "-o", "json")

    assert outcome.code == json.loads(outcome.out)["error"]["exit"] == 2
