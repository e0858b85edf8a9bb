"""What the README shows is what happens."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from rollway.cli.views.human import HumanView
from rollway.cluster.port import Cluster
from rollway.compare.incident import Scripted
from rollway.preflight.rules import BY_ID
from rollway.release.incidents import load_incidents
from rollway.release.load import load
from rollway.ship.run import Options, run
from rollway.strategies.base import Request
from shell import EXAMPLE, shell
from shell import run as run_cli

from tests.support.pages import ROOT, Block, blocks, commands, is_shown, printed

PAGE = ROOT / "README.md"
README = PAGE.read_text()


@pytest.mark.parametrize("block", blocks(PAGE, "console"), ids=str)
def test_a_terminal_block_is_real_output(block: Block) -> None:
    """Every command, run in its order on a cluster that has 1.4.0, prints what stands below it."""
    with shell(context="prod") as deploy:
        assert deploy("apply", "--image", ":1.4.0").code == 0
        for line, expected in commands(block.text):
            name, verb, *words = shlex.split(line)
            outcome = deploy(verb, *words)

            assert name == "deploy"
            assert outcome.code == 0
            assert printed(outcome) == expected, line


GATED = """
app: shop
web: {image: "shop:1", port: 80, replicas: 3}
namespace: shop
strategy: canary
strategies: {canary: {steps: [{weight: 33, pause: 5m}]}}
gates:
- {name: errors, prometheus: "http://prometheus.monitoring:9090", use: istio}
"""
ERRORS = """
tests:
- name: ten times as many errors
  series:
    errors:
      requests: {new: 0+33x60, stable: 0+67x60}
      errors: {new: 0+1.65x60, stable: 0+0.335x60}
  expect: [{at: 5m, release: rolled back}]
"""


def test_a_gate_takes_a_release_back_as_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `deploy apply --auto --image shop:2` shows it, with a Prometheus that counts so."""
    [block] = [each for each in blocks(PAGE, "text") if "gate errors" in each.text]
    [(_, expected)] = commands(block.text)
    for name, text in (("deploy.yaml", GATED), ("incident.yaml", ERRORS)):
        (tmp_path / name).write_text(text)
    release = load(str(tmp_path / "deploy.yaml"), image="shop:2")
    [incident] = load_incidents(str(tmp_path / "incident.yaml"), release)[0].tests
    view = HumanView()

    async def released(cluster: Cluster) -> None:
        loop = asyncio.get_running_loop()
        zero_s = loop.time()
        source = Scripted(release.gates[0], incident.series["errors"], incident.interval, lambda: loop.time() - zero_s)
        options = Options(emit=view.event, goes_on=True, source_of=lambda *_: source)
        view.result(await run(cluster, release, Request("apply"), options=options))

    with shell(tmp_path / "deploy.yaml") as deploy:
        assert deploy("apply", "--full").code == 0
        capsys.readouterr()
        deploy.runs(released(deploy.sandbox.client()))
    shown = capsys.readouterr().err
    assert is_shown(expected, shown), f"README.md is out of date; this is what is printed:\n{shown}"


def test_a_check_is_shown_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the example without its preStop hook, by ramped."""
    [block] = [each for each in blocks(PAGE, "") if "$ deploy check\n" in each.text]
    [(line, expected)] = commands(block.text)
    shutil.copytree(EXAMPLE.parent, tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    for name, pattern in (
        ("k8s/deployment.yaml", r" +lifecycle:\n( +).*\n(?:\1.*\n)*"),
        ("deploy.yaml", r"(?<=strategy: )canary"),
    ):
        text, count = re.subn(pattern, "ramped" if name == "deploy.yaml" else "", Path(name).read_text())
        assert count == 1
        Path(name).write_text(text)

    shown = printed(run_cli(*shlex.split(line)[1:]))
    assert is_shown(expected, shown), f"README.md is out of date; this is what is printed:\n{shown}"


def test_the_release_file_is_one(tmp_path: Path) -> None:
    """The README's deploy.yaml loads, with the example's manifests."""
    [text] = [block.text for block in blocks(PAGE, "yaml")]
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
