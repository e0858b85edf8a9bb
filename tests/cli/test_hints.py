"""What users of other tools try is answered with what it is called here; completion, and output that cannot be written."""

from __future__ import annotations

import os
import shutil
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


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", 'source "$1"; COMP_WORDS=(deploy apply can); COMP_CWORD=2; _deploy_completion deploy; echo "${COMPREPLY[@]}"'),
        ("fish", 'source $argv[1]; complete --do-complete "deploy apply can"'),
    ],
    ids=["bash", "fish"],
)
def test_what_is_installed_completes_in_the_shell_itself(shell: str, line: str, tmp_path: Path) -> None:
    """The script that lies in the home folder, read by the real shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    deploy("--install-completion", shell, HOME=str(tmp_path))
    script = next(path for path in tmp_path.rglob("deploy.*"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    told = subprocess.run(
        [shell, "-c", line, *(["-"] if shell == "bash" else []), str(script)],
        capture_output=True, text=True, env={**os.environ, "PATH": path, "HOME": str(tmp_path)}, check=False, timeout=60,
    )  # fmt: skip

    assert told.stdout.split() == ["canary"], told.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_no_bug_of_ours() -> None:
    """What cannot be written is told of, in a sentence; nothing else is asked of the reader."""
    with open("/dev/full", "w") as full:
        for words in (("version",), ("render", "-f", str(EXAMPLE)), ("render", "-f", str(EXAMPLE), "-o", "json")):
            outcome = deploy(*words, stdout=full)
            assert outcome.returncode == 74
            assert outcome.stderr.startswith("✗ the output cannot be written: No space left on device")
            assert "Traceback" not in outcome.stderr


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
