"""What users of other tools try is answered with what it is called here; completion, and output that cannot be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from shell import EXAMPLE, run

WORDS = [
    (["undo"], "it is called `deploy rollback` here"),
    (["abort"], "it is called `deploy rollback` here"),
    (["resume"], "it is called `deploy promote` here"),
    (["promte"], "did you mean promote?"),
    (["apply", "rolling"], "it is called ramped here"),
    (["promote", "rolling"], "it is called ramped here"),
    (["plan", "A/B"], "it is called ab here"),
    (["apply", "--dry-run"], "`deploy plan` shows what would be done"),
    (["status", "--watch"], "`deploy wait`"),
    (["apply", "--tag", "2"], "write it as --image :TAG"),
    (["sandbox", "start"], "it is called `deploy sandbox up` here"),
    (["sandbox", "stop"], "it is called `deploy sandbox down` here"),
    (["sandbox", "delete"], "it is called `deploy sandbox reset` here"),
    (["sandbox", "rollback"], "one of up, down"),
    (["rollout", "undo"], "it is called `deploy rollback` here"),
    (["rollout", "status"], "it is called `deploy status` here"),
    (["rollout", "restart"], "`kubectl rollout restart` does that"),
    (["retry"], "the same command again goes on where it was cut off"),
    (["rollout"], "it is called `deploy apply` here"),
    (["delete"], "`kubectl delete -f` does"),
    (["down"], "`kubectl delete -f` does"),
    (["up"], "it is called `deploy apply` here"),
    (["completion", "bash"], "`deploy --install-completion bash`"),
    (["rolling"], "`deploy apply ramped`"),
    (["pause"], "`deploy apply --to 50%` stops at a share"),
    (["set", "image"], "a new version is `deploy apply --image :TAG`"),
    (["apply", "bg"], "it is called blue-green here"),
    (["apply", "--canary"], "name it as a word: deploy apply canary"),
    (["apply", "--version", "2"], "a new version is --image :TAG"),
    (["apply", "shop.yaml"], "a release file is named with -f shop.yaml"),
    (["apply", "50%"], "write it as --to 50%"),
    (["apply", "canary", "50%"], "write it as --to 50%"),
    (["promote", "50%"], "write it as --to 50%"),
    (["apply", "50"], "write it as --to 50%"),
    (["apply", "canary", "50"], "write it as --to 50%"),
    (["apply", "101"], "is no strategy"),
    (["rollback", "1.4.0"], "gone back to by --to-revision N"),
    (["apply", "v1.4.0"], "released by --image :v1.4.0"),
    (["apply", ":2.0.0"], "write it as --image :2.0.0"),
    (["apply", "ghcr.io/acme/shop:2.0.0"], "write it as --image ghcr.io/acme/shop:2.0.0"),
    (["-n", "shop", "status"], "options follow the verb: deploy VERB -n …"),
]


def deploy(*words: str, stdout: object = subprocess.PIPE, **env: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, as the shell starts it."""
    return subprocess.run(
        [sys.executable, "-m", "rollway", *words],
        stdout=stdout,  # type: ignore[arg-type]
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.parametrize(("words", "hint"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_words_of_other_tools(words: list[str], hint: str) -> None:
    """Exit 2, with the right word."""
    outcome = run(*words)

    assert outcome.code == 2
    assert hint in outcome.err


def test_help_is_a_word_too() -> None:
    """`deploy help` and `deploy help promote` are what --help shows."""
    assert run("help").out == run("--help").out
    assert run("help", "promote").out == run("promote", "--help").out


def test_a_verb_is_told_in_a_line_of_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is cut off."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("--help").out.partition("Commands:")[2]

    assert [line for line in shown.splitlines() if line.endswith("...")] == []
    assert "  watch " in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_of_the_shell_that_is_named(shell: str, tmp_path: Path) -> None:
    """Shown and installed, with exit code 0, whatever shell runs us; another word is refused."""
    shown = deploy("--show-completion", shell, SHELL="/bin/tcsh")
    installed = deploy("--install-completion", shell, HOME=str(tmp_path), SHELL="/bin/tcsh")

    assert (shown.returncode, installed.returncode) == (0, 0), installed.stderr
    assert {"bash": "complete -o", "zsh": "#compdef", "fish": "complete --command"}[shell] in shown.stdout
    assert installed.stdout.startswith(f"{shell} completes")
    assert any("deploy" in path.name for path in tmp_path.rglob("*"))
    assert deploy("--show-completion", "tcsh").returncode == 2


def test_words_are_completed() -> None:
    """By what the script of a shell asks for."""
    asked = deploy(_DEPLOY_COMPLETE="complete_bash", COMP_WORDS="deploy pro", COMP_CWORD="1")

    assert asked.stdout.split() == ["promote", "probe"] or set(asked.stdout.split()) == {"promote", "probe"}


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("zsh", {"_DEPLOY_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "deploy apply can"}),
        ("fish", {"_DEPLOY_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "deploy apply can",
                  "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
        ("bash", {"_DEPLOY_COMPLETE": "complete_bash", "COMP_WORDS": "deploy apply can", "COMP_CWORD": "2"}),
    ],
    ids=["zsh", "fish", "bash"],
)  # fmt: skip
def test_each_shells_script_asks_in_its_own_way(shell: str, asked: dict[str, str]) -> None:
    """And all of them hear the same words."""
    script = deploy("--show-completion", shell).stdout

    assert all(key in script for key in asked)
    assert "canary" in deploy(**asked).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_no_bug_of_ours() -> None:
    """What cannot be written is told of, in a sentence; nothing else is asked of the reader."""
    with open("/dev/full", "w") as full:
        for words in (("version",), ("render", "-f", str(EXAMPLE)), ("render", "-f", str(EXAMPLE), "-o", "json")):
            outcome = deploy(*words, stdout=full)
            assert outcome.returncode == 74
            assert outcome.stderr.startswith("✗ the output cannot be written: No space left on device")
            assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_one_that_nobody_reads(closed: str, tmp_path: Path) -> None:
    """The command does what it is for, and ends as it would have ended."""
    path = tmp_path / "deploy.yaml"
    good, wrong = ["init", str(EXAMPLE.parent / "k8s"), "-f", str(path)], ["render", "-f", str(tmp_path / "nothing.yaml")]
    codes = []
    for words in (good, wrong):
        line = ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-m", "rollway", *words]
        outcome = subprocess.run(line, capture_output=True, text=True, check=False)
        codes.append(outcome.returncode)
        assert "Traceback" not in outcome.stderr + outcome.stdout

    assert (codes, path.exists()) == ([0, 2], True)


def test_a_disk_without_room_is_told_as_that(tmp_path: Path) -> None:
    """By what writes files, with the file's name; what was there before stays whole."""
    home, file = tmp_path / "home", tmp_path / "deploy.yaml"
    home.mkdir()
    file.write_text("app: mine\n")

    def full(*words: str) -> subprocess.CompletedProcess[str]:
        line = ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', sys.executable, "-B", "-m", "rollway", *words]
        return subprocess.run(line, capture_output=True, text=True, env={**os.environ, "HOME": str(home)}, check=False)

    init = full("init", str(EXAMPLE.parent / "k8s"), "-f", str(file), "--overwrite")
    completion = full("--install-completion", "bash")

    assert (init.returncode, completion.returncode) == (2, 2), (init.stderr, completion.stderr)
    assert init.stderr.startswith(f"✗ {file} cannot be written: File too large")
    assert completion.stderr.startswith("✗ the completion cannot be written")
    assert [path.name for path in tmp_path.iterdir() if path != home] == ["deploy.yaml"]
    assert file.read_text() == "app: mine\n"


@pytest.mark.skipif(not sys.prefix.isascii(), reason="an ASCII Python finds nothing in a folder of another name")
def test_utf8_switched_off() -> None:
    """What the locale cannot write is escaped as JSON would, so that JSON stays JSON."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    assert "\\u2717 there is no verb 'undo'" in deploy("undo", **plain).stderr
    assert deploy("check", "-f", str(EXAMPLE), **plain).returncode == 0


INTERRUPTED = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "rollway.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from rollway.__main__ import run
sys.exit(run())
"""


def test_ctrl_c_before_anything_has_begun_says_nothing() -> None:
    """No traceback of whatever is being imported: the process ends by the signal, which a shell tells as 130."""
    outcome = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (-signal.SIGINT, "", "")
