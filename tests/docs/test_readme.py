"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from rollway.preflight.rules import BY_ID
from rollway.release.load import load
from shell import shell

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """(command line, expected output) for each `$ ` line."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip()) for part in parts]


@pytest.mark.parametrize("block", blocks("console"))
def test_a_terminal_block_is_real_output(block: str) -> None:
    """Every command, run in its order on a cluster that has 1.4.0, prints what stands below it."""
    with shell(context="prod") as deploy:
        assert deploy("apply", "--image", ":1.4.0").code == 0
        for line, expected in commands(block):
            name, verb, *words = shlex.split(line)
            outcome = deploy(verb, *words)
            told = re.sub(r"^rehearsing: .*\n", "", outcome.err, flags=re.MULTILINE)  # on a machine that is slow
            printed = (told + outcome.out).strip()

            assert name == "deploy"
            assert outcome.code == 0
            assert printed == expected, line


def test_the_release_file_is_one(tmp_path: Path) -> None:
    """The README's deploy.yaml loads, with the example's manifests."""
    [text] = blocks("yaml")
    (tmp_path / "deploy.yaml").write_text(text)
    (tmp_path / "k8s").symlink_to(ROOT / "examples" / "shop" / "k8s")
    release = load(str(tmp_path / "deploy.yaml"))

    assert release.strategy == yaml.safe_load(text)["strategy"]
    assert [step.weight for step in release.options.canary.steps] == [10, 50]


def test_links_lead_somewhere() -> None:
    """Every relative link is to something in the repository."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_as_many_rules_are_told_of_as_there_are() -> None:
    """A new rule is easily forgotten here."""
    assert f"\n{len(BY_ID)} rules find " in README
