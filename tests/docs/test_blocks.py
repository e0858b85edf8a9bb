"""Every block of code in the documents is something that a test looks at: none only looks like a command or a file."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.cli.main import command_line
from rollway.kube.objects import kind_of
from rollway.release.incidents import load_incidents
from rollway.release.load import load
from shell import EXAMPLE, shell
from typer.main import get_command

from tests.support.pages import PAGES, ROOT, Block, blocks, commands, words

ALL = [block for page in PAGES for block in blocks(page)]
RUN = {"README.md", "tutorial.md", "from-argo.md", "gates.md"}
"""Whose sessions are run and compared, by test_readme, test_tutorial, test_from_argo and test_gates_page."""
PLAIN = {"architecture.md": 1, "experiments.md": 2, "in-cluster.md": 1, "README.md": 1}
"""How many blocks of plain text each page has. All are compared with what is printed: by test_experiment_page, test_readme
and, but for numbers, tests/pipelines/test_workers.py. Only architecture.md's is a drawing of the house, which no code makes."""


def of(*languages: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in ALL if block.language in languages]


def test_no_block_is_of_a_kind_that_nobody_checks() -> None:
    """A language is told of each; sessions stand where they are run, and there are no more plain texts than those known here."""
    plain = [block.page for block in ALL if block.language == "text"]

    assert {block.language for block in ALL} <= {"yaml", "yml", "console", "text", "sh", "python", "", "{toctree}"}
    assert [str(block) for block in ALL if block.language == "" and block.page != "README.md"] == []
    assert {block.page for block in ALL if block.language == "console"} <= RUN
    assert {page: plain.count(page) for page in plain} == PLAIN


def lines(block: Block) -> Iterator[str]:
    """The command lines of a block: those behind `$ `, or all of a script's."""
    if block.language in ("console", "text", ""):
        yield from (line for line, _ in commands(block.text))
    else:
        yield from filter(None, block.text.splitlines())


@pytest.mark.parametrize("block", of("sh", "console", "text", ""))
def test_every_command_is_one(block: Block) -> None:
    """What `deploy` is told is understood, option by option; what `make` is told is a target of ours."""
    for line in lines(block):
        command = re.sub(r'^export \w+="\$\((.*?)\)"', r"\1", line)
        found = words(re.split(r"\s{2,}", command)[0])  # what stands further to the right is for people
        if found[:1] == ["deploy"]:
            understood(found[1:])
        if found[:1] == ["make"]:
            assert re.search(rf"^{found[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line


def understood(line: list[str]) -> None:
    """Raises Click's UsageError. Nothing is run: a command's context is made, and no more."""
    if line[:1] and line[0].startswith("--") and line[0].endswith("-completion"):
        return  # cli.completion takes it, before Click does
    command, context = get_command(command_line()), None
    for name in line:
        if not hasattr(command, "commands"):
            break
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
        command, line = command.commands[name], line[1:]
    with contextlib.redirect_stderr(io.StringIO()):
        command.make_context("deploy", list(line), parent=context)


@pytest.mark.parametrize("block", of("yaml", "yml"))
def test_every_piece_of_yaml_is_what_it_says(block: Block, tmp_path: Path) -> None:
    """A release file, keys of one, or a gate is loaded; tests of gates, too; anything else is objects of Kubernetes, or parts."""
    found = list(yaml.safe_load_all(block.text))
    first = found[0]
    if isinstance(first, dict) and "tests" in first:
        (tmp_path / "tests.yaml").write_text(block.text)
        release = loaded(tmp_path, {"app": "shop", "manifests": ["k8s/"], "strategy": "canary", "gates": GATES})
        assert load_incidents(str(tmp_path / "tests.yaml"), release)[0].tests
    elif block.page == "checks.md" and not (isinstance(first, dict) and "traffic" in first):
        assert all(found)  # an example of a rule: parts of manifests
    elif isinstance(first, dict) and "apiVersion" in first:
        with shell(context="prod") as deploy:  # its API refuses what Kubernetes would
            for each in found:
                deploy.create(kind_of(each["apiVersion"], each["kind"]), each)
    elif isinstance(first, list):
        assert loaded(tmp_path, {"app": "shop", "manifests": ["k8s/"], "gates": first}).gates
    else:
        assert loaded(tmp_path, {"app": "shop"} | ({} if "web" in first else {"manifests": ["k8s/"]}) | first).app == first.get(
            "app", "shop"
        )


GATES = [{"name": "errors", "prometheus": "http://prometheus", "use": "istio"}, {"name": "smoke", "job": "smoke:1"}]


def loaded(folder: Path, data: dict[str, Any]) -> Any:
    """A release of the example's manifests, whatever they are called on the page; its Jobs are there."""
    (folder / "jobs").mkdir()
    job = (ROOT / "examples" / "hooks" / "jobs" / "migrate.yaml").read_text().replace("name: migrate", "name: warm-up", 1)
    (folder / "jobs" / "warm-up.yaml").write_text(job)
    data = data | ({"manifests": [str(EXAMPLE.parent / "k8s")]} if "manifests" in data else {})
    (folder / "deploy.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return load(str(folder / "deploy.yaml"))
