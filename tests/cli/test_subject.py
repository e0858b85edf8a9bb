"""Which application status, history, promote, rollback and wait are about: no file has to be there, or whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services import service
from shell import EXAMPLE, Outcome, Shell, shell

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


def test_status_of_a_name_beside_a_file_of_another(deploy: Shell, tmp_path: Path) -> None:
    """The name counts; the file is not changed for it either."""
    service(tmp_path, "web")
    file = tmp_path / "web" / "deploy.yaml"

    assert bare(deploy, "status", "shop", "-n", "shop", "-o", "json", file=file).document["app"] == "shop"
    assert bare(deploy, "promote", "shop", "--image", ":3.0.0", file=file).code == 2


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
