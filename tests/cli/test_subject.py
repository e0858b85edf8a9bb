"""Which application status, history, promote, rollback and wait are about: no file has to be there, or whole."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from services import service
from shell import EXAMPLE, Outcome, Shell, run, shell

BROKEN = (
    "app: shop\nnamespace: shop\nmanifests: [gone/]\n",  # what it names is not there
    'app: shop\nnamespace: shop\nmanifests: ["-"]\n',  # nobody pipes them in
    "app: shop\nnamespace: shop\nstrategie: canary\nmanifests: [k8s/]\n",
    "{",
)
VERBS = (("status",), ("history",), ("wait", "--for", "promoted"), ("rollback", "--to-revision", "1"), ("promote", "--full"))


@pytest.fixture
def deploy() -> Iterator[Shell]:
    """Version 1.0.0 of the shop is live, half of the requests go to 2.0.0."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        deploy("apply", "canary", "--image", ":2.0.0", "--to", "50")
        yield deploy


def bare(deploy: Shell, *words: str, file: Path | None = None) -> Outcome:
    """With that release file, or from a folder that has none."""
    was, deploy.file = deploy.file, file
    try:
        return deploy(*words)
    finally:
        deploy.file = was


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb[0] != "wait"], ids=" ".join)
def test_an_applications_name_is_enough(
    deploy: Shell, verb: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the namespace that is named, with no file anywhere."""
    monkeypatch.chdir(tmp_path)

    outcome = bare(deploy, verb[0], "shop", *verb[1:], "-n", "shop", "-o", "json")

    assert outcome.code == 0, outcome.out
    assert outcome.document["app"] == "shop"


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("verb", ["status", "history", "promote", "rollback"])
def test_a_broken_file_stands_in_nobodys_way(deploy: Shell, verb: str, text: str, tmp_path: Path) -> None:
    """It names the application as far as it can be read; else that is the only one there is. What is wrong with it is said."""
    file = tmp_path / "deploy.yaml"
    file.write_text(text)

    outcome = bare(deploy, verb, "-n", "shop", file=file)

    assert outcome.code == 0, outcome.err
    assert "deploy.yaml" in outcome.err
    assert "shop in namespace shop is taken as the cluster knows it" in outcome.err


def test_what_acts_needs_a_name(deploy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking may find the one application by itself; promoting and rolling back in a folder without a file are asked whose."""
    monkeypatch.chdir(tmp_path)

    assert bare(deploy, "status", "-n", "shop").code == 0
    for verb in ("promote", "rollback"):
        moment = deploy.moment
        outcome = bare(deploy, verb, "-n", "shop")
        assert outcome.code == 2
        assert not deploy.changed_since(moment)


def test_without_a_file_the_way_without_one_is_told(deploy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a namespace where nothing was released there is nothing to guess."""
    monkeypatch.chdir(tmp_path)

    outcome = bare(deploy, "status")

    assert outcome.code == 2
    assert outcome.err.endswith("; name what was released: APP -n NAMESPACE\n")


def test_a_word_that_names_a_strategy_is_the_strategy(deploy: Shell) -> None:
    """Any other is the application; of two that are none the nearest is told, and of one that nobody released, too."""
    assert deploy("promote", "canary", "shop").code == 0
    assert "did you mean canary?" in deploy("promote", "canry", "-n", "shop").err
    assert "did you mean shop?" in deploy("status", "shpo", "-n", "shop").err
    assert deploy("promote", "shop", "canry").code == 2


@pytest.mark.parametrize("name", ["", "a,b=c", "shop!", "Shop", "shop/", "/shop", "a/b/c", "x" * 64, "shop\x1b[2J"])
def test_what_can_be_no_application_is_told_before_a_cluster_is_asked(name: str) -> None:
    """A name that is empty, as of a variable that is not set, means no file's application either."""
    for verb in ("status", "rollback", "promote", "watch", "render"):
        outcome = run(verb, name, "-f", str(EXAMPLE))
        assert outcome.code == 2
        assert "is no application: " in outcome.err
        assert "\x1b" not in outcome.err


def test_status_of_a_name_beside_a_file_of_another(deploy: Shell, tmp_path: Path) -> None:
    """The name counts; the file is not changed for it either."""
    service(tmp_path, "web")
    file = tmp_path / "web" / "deploy.yaml"

    assert bare(deploy, "status", "shop", "-n", "shop", "-o", "json", file=file).document["app"] == "shop"
    assert bare(deploy, "promote", "shop", "--image", ":3.0.0", file=file).code == 2


def test_a_name_counts_for_more_than_the_file_beside_it(deploy: Shell, tmp_path: Path) -> None:
    """Whatever stands in the file: the cluster's is taken, in the file's namespace where it names the same application, and the
    screen says so. Of a folder, too."""
    file = tmp_path / "deploy.yaml"
    for text in ("app: shop\nnamespace: shop\nweb: {image: 'other:9'}\n", "app: shop\nnamespace: shop\nmanifests: [gone/]\n"):
        file.write_text(text)
        outcome = bare(deploy, "rollback", "shop", "-o", "json", file=file)

        assert (outcome.code, outcome.document["toVersion"]) == (0, "1.0.0"), outcome.err
        assert f"{file} is not read: shop in namespace shop is taken as the cluster knows it" in outcome.err

    folder = bare(deploy, "status", "shop", "-n", "shop", "-f", str(tmp_path))
    assert (folder.code, folder.err.count("is not read")) == (0, 1)


@pytest.mark.parametrize("words", [("--promote",), ("--promote", "--full"), ("--rollback",)], ids=" ".join)
def test_what_comes_next_is_planned_without_a_file(
    deploy: Shell, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same plan as with it, and nothing is changed; what apply would do is in a file alone."""
    expected = deploy("plan", *words, "-o", "json").document
    monkeypatch.chdir(tmp_path)
    moment = deploy.moment

    assert bare(deploy, "plan", "shop", *words, "-n", "shop", "-o", "json").document == expected
    refused = bare(deploy, "plan", "shop", "-n", "shop")

    assert (refused.code, deploy.changed_since(moment)) == (2, set())
    assert "an application's name goes with --promote and --rollback" in refused.err


def test_a_plan_of_a_name_is_saved_and_applied(deploy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert bare(deploy, "plan", "shop", "--promote", "--full", "-n", "shop", "--out", "plan.json").code == 0
    applied = bare(deploy, "apply", "plan.json", "-o", "json")

    assert (applied.code, applied.document["phase"]) == (0, "Promoted")


def test_what_was_applied_is_rendered_without_a_file(deploy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the release under way, as its file renders it."""
    expected = deploy("render", "canary", "--image", ":2.0.0").out
    monkeypatch.chdir(tmp_path)

    assert bare(deploy, "render", "shop", "-n", "shop").out == expected
    assert "image: ghcr.io/acme/shop:2.0.0" in expected
    assert bare(deploy, "render", "shop", "--image", ":3.0.0").code == 2


GATED = """
app: api
namespace: shop
web: {image: 'ghcr.io/acme/api:1', port: 8080, replicas: 2}
strategy: canary
gates: [{name: restarted, pods: restarts, min: 1, onFail: pause, count: 1}]
"""


def test_a_promotion_by_name_is_held_by_the_gates_of_the_release(
    deploy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one with the release file is; they are overruled by the same words."""
    file = tmp_path / "deploy.yaml"
    file.write_text(GATED)
    bare(deploy, "apply", "--skip-gates", "first", file=file)
    bare(deploy, "apply", "canary", "--image", ":2", "--to", "50", file=file)
    with_file = bare(deploy, "promote", file=file)
    file.unlink()
    monkeypatch.chdir(tmp_path)

    named = bare(deploy, "promote", "api", "-n", "shop")
    forced = bare(deploy, "promote", "api", "-n", "shop", "--skip-gates", "known", "-o", "json")

    assert (with_file.code, named.code) == (3, 3)
    assert "api stays at 50%: gate restarted failed" in named.err
    assert named.err.splitlines()[-3:] == with_file.err.splitlines()[-3:]
    assert (forced.code, forced.document["phase"]) == (0, "Promoted")


def complete(deploy: Shell, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is offered for the last word."""
    words = shlex.split(f"{line}.")  # the last one may be empty still
    with monkeypatch.context() as here:
        here.setenv("_DEPLOY_COMPLETE", "complete_bash")
        here.setenv("COMP_WORDS", line)
        here.setenv("COMP_CWORD", str(len(words) - 1))
        out = io.StringIO()
        with pytest.raises(SystemExit), contextlib.redirect_stdout(out):
            deploy.main()
        return out.getvalue().split()


def test_a_shell_completes_what_was_released(deploy: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the namespace that stands on the line; where the cluster does not say, nothing but the strategies."""
    assert complete(deploy, monkeypatch, "deploy status -n shop s") == ["shop"]
    assert complete(deploy, monkeypatch, "deploy promote -n shop s") == ["shop"]
    assert complete(deploy, monkeypatch, "deploy promote -n shop r") == ["recreate", "ramped"]
    assert complete(deploy, monkeypatch, "deploy rollback -n elsewhere s") == []


def test_a_shell_completes_what_the_cluster_and_the_kubeconfig_hold(
    deploy: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Namespaces, revisions of the application that is named or of the release file's, and contexts of all kubeconfigs."""
    deploy("apply", "ramped")
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("contexts: [{name: prod}, {name: staging}]\n")
    second.write_text("contexts: [{name: pre-prod}, broken]\n")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")

    assert complete(deploy, monkeypatch, "deploy status -n sh") == ["shop"]
    assert complete(deploy, monkeypatch, "deploy status --context p") == ["prod", "pre-prod"]
    assert complete(deploy, monkeypatch, "deploy rollback -n shop shop --to-revision 1") == ["1"]
    assert complete(deploy, monkeypatch, f"deploy rollback -f {shlex.quote(str(EXAMPLE))} --to-revision 1") == ["1"]
    assert complete(deploy, monkeypatch, "deploy rollback -n shop nobody --to-revision 1") == []


WORDS_OF_OURS = [
    ("deploy apply r", ["recreate", "ramped"]),
    ("deploy plan b", ["blue-green"]),
    ("deploy check RW00", ["RW001", "RW002"]),
    ("deploy check can", ["canary"]),
    ("deploy status -o j", ["json"]),
    ("deploy check -o s", ["sarif"]),
]


@pytest.mark.parametrize(
    "name", ["p$(touch owned)", "p\\$(touch owned)", "p`touch owned`", "p;touch owned", "p'd", "p d", "p\nd", "p*"]
)
def test_a_shell_is_offered_no_word_that_it_would_evaluate(
    name: str, deploy: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever wrote the kubeconfig; zsh evaluates words while it completes, others once the line is run."""
    config = tmp_path / "config"
    config.write_text(json.dumps({"contexts": [{"name": name}, {"name": "prod@eu:1/x_y"}]}))
    monkeypatch.setenv("KUBECONFIG", str(config))

    assert complete(deploy, monkeypatch, "deploy status --context p") == ["prod@eu:1/x_y"]


@pytest.mark.parametrize(("line", "words"), WORDS_OF_OURS, ids=[line for line, _ in WORDS_OF_OURS])
def test_a_shell_completes_our_own_words(line: str, words: list[str], deploy: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strategies, rules, outputs: by nothing but what is installed."""
    found = complete(deploy, monkeypatch, line)

    assert found[: len(words)] == words


def test_verbs_of_a_folder(tmp_path: Path) -> None:
    """status, history, wait, promote and rollback of all of its applications: one document, back before what they depend on."""
    service(tmp_path, "web", after=["api"])
    service(tmp_path, "api")
    with shell(tmp_path) as deploy:
        deploy("apply")
        statuses, histories = deploy("status", "-o", "json").document, deploy("history", "-o", "json").document
        waited, promoted = deploy("wait", "-o", "json"), deploy("promote", "-o", "json")
        text = deploy("status").out

    assert [each["app"] for each in statuses["releases"]] == ["api", "web"]
    assert [each["phase"] for each in histories["releases"]] == ["Promoted", "Promoted"]
    assert (waited.code, promoted.code, promoted.document["releases"]) == (0, 0, [])
    assert "web: 1.0.0 is promoted already" in promoted.err
    assert text.index("api") < text.index("web")


def test_the_example_still_names_itself(deploy: Shell) -> None:
    """A file that can be read says which application is meant, as ever, without a note."""
    outcome = bare(deploy, "status", file=EXAMPLE)

    assert (outcome.code, outcome.err) == (0, "")
