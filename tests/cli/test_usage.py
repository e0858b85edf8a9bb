"""Wrong usage: exit 2, one clear line, no traceback, and nothing is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from shell import EXAMPLE, run, shell

from tests.support.fake_api import kubeconfig

WRONG = [
    (["aply"], "there is no verb 'aply'", "did you mean apply?"),
    (["prom"], "there is no verb 'prom'", "did you mean promote?"),
    (["xyz"], "there is no verb 'xyz'", "one of"),
    (["apply", "canry"], "'canry' is no strategy", "did you mean canary?"),
    (["plan", "bluegreen"], "'bluegreen' is no strategy", "it is called blue-green here"),
    (["apply", "--imge", "x"], "no such option: --imge", "did you mean --image?"),
    (["rollback", "--to", "3"], "no such option: --to", "did you mean --to-revision?"),
    (["status", "--wat"], "no such option: --wat", "--help"),
    (["apply", "--to", "150%"], "--to 150%: a share of requests is at most 100%", "--full"),
    (["promote", "--to", "-5%"], "--to -5%: not a whole percentage", "--to 50%"),
    (["promote", "--to", "12.5%"], "--to 12.5%: not a whole percentage", "--to 50%"),
    (["promote", "--to", "half"], "--to half: not a whole percentage", "--to 50%"),
    (["promote", "--to", "٥٠"], "--to ٥٠: not a whole percentage", "--to 50%"),
    (["promote", "--to", "9" * 5000], ": not a whole percentage", "--to 50%"),
    (["promote", "--to", ""], "--to : not a whole percentage", "--to 50%"),
    (["promote", "--to", "50", "--full"], "--to 50 and --full contradict each other", "leave one"),
    (["apply", "--timeout", "soon"], "--timeout: 'soon' is no duration", ""),
    (["apply", "--timeout", "0s"], "--timeout 0s: no time at all", ""),
    (["apply", "-o", "xml"], "-o xml: no such output", "text or json"),
    (["apply", "canary", "now"], "got unexpected extra argument", "--help"),
    (["rollback", "--to-revision", "two"], "--to-revision two: not a revision's number", "deploy history"),
    (["plan", "--promote", "--rollback"], "--promote and --rollback contradict each other", "leave one"),
    (["plan", "--rollback", "--image", ":2.0.0"], "--image and --set do not go with a rollback", "--to-revision"),
    (["plan", "--rollback", "--to", "50"], "--to and --full do not go with a rollback", "all the way"),
    (["wait", "--for", "pasued"], "--for pasued: no such phase", "did you mean paused?"),
    (["apply", "gone.json"], "gone.json cannot be read: No such file or directory", "--out plan.json"),
    (["apply", "gone.json", "--image", "x:1"], "a saved plan is applied as it is", ""),
    (["apply", "recreate", "--to", "50%"], "recreate", ""),
    (["apply", "blue-green", "--to", "50%"], "blue-green cannot stop at 50%", ""),
    (["init"], "init needs manifests, or --from-live", "deploy init k8s/"),
    (["init", "--from-live", "-n", "shop"], "--from-live lacks its NAME: -n is an option", "deploy init --help"),
    (["init", "--from-live", "--sandbox"], "--from-live lacks its NAME: --sandbox is an option", "deploy init --help"),
    (["apply", "--in-cluster", "--imge", "x"], "no such option: --imge", "--image"),
    (["apply", "--image", "--in-cluster"], "--image lacks its IMAGE: --in-cluster is an option", "deploy apply --help"),
    (["sandbox", "upp"], "there is no verb 'upp'", "did you mean up?"),
]


@pytest.mark.parametrize("verb", ["status", "plan", "history", "list", "watch", "rollback"])
def test_what_no_namespace_is_called_is_asked_of_no_cluster(verb: str) -> None:
    """Whatever bytes a shell has handed over."""
    for word in ("x\udc9b", "x\x1b[2J", "../secrets", "A"):
        outcome = run(verb, "-n", word)
        assert outcome.code == 2, outcome.err
        assert "is no valid namespace" in outcome.err


def test_a_setting_that_is_no_text_is_told_as_that() -> None:
    outcome = run("check", "-f", str(EXAMPLE), "--set", "app=x\udc9b")

    assert (outcome.code, "not UTF-8 text" in outcome.err) == (2, True), outcome.err


@pytest.mark.parametrize(("words", "summary", "hint"), WRONG, ids=[" ".join(words)[:40] for words, _, _ in WRONG])
def test_wrong_usage_is_told_in_one_line_and_changes_nothing(words: list[str], summary: str, hint: str) -> None:
    """Exit 2; the first line of stderr is the error; stdout is empty; the cluster is as it was."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        before = deploy.moment

        outcome = deploy(*words)

        first, *rest = outcome.err.splitlines()
        assert outcome.code == 2
        assert first.startswith("✗ ")
        assert summary in first
        assert hint in "\n".join(rest)
        assert outcome.out == ""
        assert "Traceback" not in outcome.err
        assert deploy.changed_since(before) <= {"Lease"}  # the lock, taken to look and given back


def test_wrong_usage_is_a_document_where_json_is_asked_for() -> None:
    """However `-o json` is written, and even if the rest was not understood."""
    for output in (["-o", "json"], ["--output", "json"], ["--output=json"], ["-ojson"]):
        outcome = run("apply", *output, "--to", "150%")

        error = outcome.document["error"]
        assert (outcome.code, error["exit"]) == (2, 2)
        assert error["summary"] == "--to 150%: a share of requests is at most 100%"
        assert set(error) == {"summary", "detail", "hint", "exit"}
    assert run("aply", "-o", "json").document["error"]["hint"] == "did you mean apply?"


def test_a_missing_release_file_says_how_to_get_one(tmp_path: Path) -> None:
    """Without asking any cluster."""
    outcome = run("plan", "-f", str(tmp_path / "deploy.yaml"))

    assert outcome.code == 2
    assert "no such file" in outcome.err
    assert "deploy init" in outcome.err


def test_an_option_without_its_value() -> None:
    """As the last word: there is nothing to take for it. The verb's own help tells what belongs there."""
    outcome = run("promote", "--to")

    assert outcome.code == 2
    assert outcome.err == "✗ option '--to' requires an argument\n  try: deploy promote --help\n"


def test_no_verb_shows_the_verbs() -> None:
    """On stderr: there is no result."""
    outcome = run()

    assert (outcome.code, outcome.out) == (2, "")
    assert "promote" in outcome.err


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    """Broken JSON, other JSON, a plan with a field too many."""
    for text in ("{", "[]", '{"format": "somebody.dev/plan.v2"}'):
        path = tmp_path / "plan.json"
        path.write_text(text, encoding="utf-8")

        outcome = run("apply", str(path))

        assert outcome.code == 2
        assert f"{path} is no saved plan" in outcome.err


def test_a_plan_that_was_edited_or_is_of_another_version_is_refused(tmp_path: Path) -> None:
    """Before any cluster is asked."""
    path = tmp_path / "plan.json"
    for form, code, told in (("v3", 3, f"somebody has edited {path}"), ("v2", 2, "saved by another version of rollway")):
        path.write_text(f'{{"format": "rollway.dev/plan.{form}"}}', encoding="utf-8")

        outcome = run("apply", str(path))

        assert (outcome.code, told in outcome.err) == (code, True), outcome.err


def test_the_environment_stands_for_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, namespace and context, in a pipeline's variables; what the command line says comes first."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "https://127.0.0.1:1"))
    monkeypatch.setenv("ROLLWAY_SANDBOX_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("ROLLWAY_NAMESPACE", "staging")
    monkeypatch.setenv("ROLLWAY_CONTEXT", "nowhere")

    spaced = tmp_path / "a folder" / "deploy file.yaml"
    shutil.copytree(EXAMPLE.parent, spaced.parent)
    (spaced.parent / EXAMPLE.name).rename(spaced)
    monkeypatch.setenv("ROLLWAY_FILE", str(spaced))

    assert {obj["metadata"]["namespace"] for obj in run("rbac", "-o", "json").document["manifests"]} == {"staging"}
    assert run("rbac", "-n", "prod", "-o", "json").document["namespace"] == "prod"
    assert "has no context nowhere" in run("status").err
    assert "has no context prod" in run("status", "--context", "prod").err
    assert "the sandbox is not running" in run("status", "--sandbox").err
    assert "--sandbox and --context contradict each other" in run("status", "--sandbox", "--context", "prod").err
    monkeypatch.setenv("ROLLWAY_SANDBOX", "1")
    assert "✗ ROLLWAY_SANDBOX and --context contradict each other" in run("status", "--context", "prod").err
