"""`deploy gates --power`: what gates would do, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rollway.cli.views.gates_text import gate_document, gates_lines, gauged_document
from rollway.cli.views.paint import Paint
from rollway.gates.figures import Phase, Verdict
from rollway.gates.shares import Split
from rollway.plan.evidence import Evidence
from rollway.release.gates import Gate
from rollway.ship.gauging import Gauged, Reading
from shell import run

TEXT = """
app: shop
web: {image: 'shop:1', replicas: 5}
strategy: canary
strategies: {canary: {steps: [{weight: 20, pause: 3m}]}}
traffic: {rate: 50}
gates:
- {name: errors, prometheus: 'http://prometheus.example:9090', use: istio}
- {name: smoke, job: 'smoke:1'}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "deploy.yaml"
    path.write_text(TEXT)
    return str(path)


def test_it_says_what_they_would_find_and_how_often_they_would_err(file: str) -> None:
    shown = run("gates", "-f", file, "--power")
    data = json.loads(run("gates", "-f", file, "--power", "-o", "json").out)

    assert shown.code == 0
    assert "shop · canary · 50 requests/s, 0.5% of them errors" in shown.out
    assert "the new version gets 20% for 3 m" in shown.out
    assert "a good version is taken back in" in shown.out
    assert all(len(line) <= 60 for line in shown.out.splitlines() if "found" in line or "–" in line)
    assert data["stages"] == [{"weight": 20, "share": 0.2, "seconds": 180.0}]
    errors, smoke = data["gates"]
    assert errors["good"]["releases"] >= 1000
    assert [each["errors"] for each in errors["bad"]] == [0.01, 0.02, 0.05, 0.1]
    assert errors["bad"][-1]["takenBack"] == errors["bad"][-1]["releases"]
    assert smoke["good"] is None
    assert "cannot be assumed" in smoke["whyNot"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "many"], "--rate many: not a number of requests a second"),
        (["--errors", "150%"], "--errors 150%: not a share"),
        (["--gate", "soon"], "--gate"),
        (["--clump", "0"], "--clump"),
    ],
)
def test_what_makes_no_sense_is_refused(file: str, words: list[str], said: str) -> None:
    outcome = run("gates", "-f", file, "--power", *words)
    assert outcome.code == 2
    assert said in outcome.err


def test_a_file_without_gates_says_how(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("app: shop\nweb: {image: 'shop:1'}\n")
    outcome = run("gates", "-f", str(tmp_path / "deploy.yaml"), "--power")
    assert outcome.code == 2
    assert "docs/gates.md" in outcome.err


INCIDENT = """
tests:
- name: a leak of errors
  series:
    errors:
      requests: {new: 0+100x120, stable: 0+400x120}
      errors: {new: 0+5x120, stable: 0+2x120}
    smoke: 1x120
  expect:
  - {at: 10s, gate: errors, phase: running}
  - {at: 2m, gate: errors, phase: failed}
  - {at: 3m, release: rolled back}
- name: a smoke test that fails
  series:
    errors: {requests: {new: 0+9x120, stable: 0+9x120}, errors: {new: '0x120', stable: '0x120'}}
    smoke: '0x120'
  expect:
  - {at: 1m, gate: smoke, phase: failed}
  - {at: 2m, release: rolled back}
- name: all is well
  series:
    errors: {requests: {new: 0+100x120, stable: 0+400x120}, errors: {new: 0+0.5x120, stable: 0+2x120}}
    smoke: 1x120
  expect:
  - {at: 2m, release: paused}
  - {at: 5m, release: promoted}
"""


def test_last_months_incident_is_held_against_the_gates(tmp_path: Path, file: str) -> None:
    (tmp_path / "incident.yaml").write_text(INCIDENT)
    outcome = run("gates", "-f", file, "--test", str(tmp_path / "incident.yaml"))
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "3 of 3 tests as expected"), outcome.out


def test_what_is_decided_otherwise_is_told_at_its_line_with_what_was_seen(tmp_path: Path, file: str) -> None:
    path = tmp_path / "incident.yaml"
    path.write_text(INCIDENT.replace("{at: 10s, gate: errors, phase: running}", "{at: 10s, gate: errors, phase: failed}"))
    outcome = run("gates", "-f", file, "--test", str(path))
    data = json.loads(run("gates", "-f", file, "--test", str(path), "-o", "json").out)

    assert outcome.code == 1
    assert f"{path}:10:5: gate errors is running at 10 s, wanted failed" in outcome.out
    assert "on the new version" in outcome.out
    assert "it was at" in outcome.out
    assert [each["right"] for each in data["tests"]] == [False, True, True]
    assert data["tests"][0]["wrong"][0]["seen"] == "running"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gate: smoke", "gate: smok", "shop has no gate 'smok'"),
        ("0+5x120", "0+5y120", "no value and no series"),
        ("phase: failed", "phse: failed", 'unknown key "phse"'),
        ("smoke: 1x120", "smoke: {values: {new: 1x9, stable: 1x9}}", "gate smoke is measured by value, not by values"),
        ("smoke: 1x120", "smoke: 0x120", "288 is a number for YAML"),
        ("smoke: 1x120", "smoke: {value: [1, 2]}", "takes a series, such as 0+10x60"),
        ("{at: 5m", "{at: 25h", "takes at most 86400"),
        ("release: promoted", "release: promoted, gate: errors", "takes gate and phase, or release"),
    ],
)
def test_a_mistake_in_it_is_told_at_its_line(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    path = tmp_path / "incident.yaml"
    path.write_text(INCIDENT.replace(old, new))
    outcome = run("gates", "-f", file, "--test", str(path))
    assert outcome.code == 2
    assert said in outcome.err
    assert f"{path}:" in outcome.err


def test_a_series_of_another_kind_is_refused(tmp_path: Path, file: str) -> None:
    effect = "effect: {count: 'v{{pods}}', total: 'o{{pods}}'}"
    orders = f"- {{name: orders, prometheus: 'http://prometheus.example:9090', {effect}}}\n"
    Path(file).write_text(TEXT + orders)
    (tmp_path / "incident.yaml").write_text(INCIDENT.replace("smoke: 1x120", "orders: 1x120"))
    outcome = run("gates", "-f", file, "--test", str(tmp_path / "incident.yaml"))
    assert (outcome.code, "gate orders is measured by count and total, not by value" in outcome.err) == (2, True)


def test_a_gates_failure_is_said_once() -> None:
    """The line above has it already; what was wanted, and what was asked, it has not."""
    why = "errors: 5% of 200 on the new version"
    evidence = Evidence(
        gate="errors",
        digest="",
        began_s=0.0,
        until_s=1.0,
        measured=2,
        phase=Phase.FAILED,
        why=why,
        wanted="no more",
        asks=("sum(x)",),
    )
    paint = Paint(is_on=False)
    assert list(gates_lines([evidence], paint, summary=f"gate errors failed: {why}")) == [
        "  ✗ gate errors   wanted no more",
        "      sum(x)",
    ]
    assert next(iter(gates_lines([evidence], paint))) == f"  ✗ gate errors   {why}; wanted no more"


def test_a_share_that_is_off_stands_before_the_results_once() -> None:
    split = Split(0.25, 9, 500.0, 1000.0, 70.0, is_off=True)
    found = [Evidence(gate=name, digest="", began_s=0.0, until_s=1.0, measured=9, split=split) for name in ("errors", "slow")]
    lines = list(gates_lines(found, Paint(False)))
    assert lines[0] == "  ! the new version gets 50% of the requests in place of 25% (500 of 1,000)"
    assert [line.split()[1:3] for line in lines[1:]] == [["gate", "errors"], ["gate", "slow"]]
    assert gate_document(found[0])["share"] == {"wanted": 0.25, "given": 0.5, "off": True}
    assert gate_document(found[0].model_copy(update={"split": Split()}))["share"] is None


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        ((), "passed"),
        ((Phase.PASSED, Phase.RUNNING), "running"),
        ((None, Phase.RUNNING), "error"),
        ((None, Phase.FAILED), "failed"),
    ],
)
def test_one_word_says_how_all_of_them_stand(phases: tuple[Phase | None, ...], phase: str) -> None:
    """The worst of them; one that cannot be measured is an error."""
    gate = Gate.model_validate({"name": "up", "pods": "restarts", "max": 0})
    readings = tuple(Reading(gate, verdict=Verdict(each, "") if each else None) for each in phases)
    assert gauged_document(Gauged("shop", "shop", "v2", "v1", readings))["phase"] == phase


EFFECT = """
app: shop
web: {image: 'shop:1', replicas: 5}
strategy: canary
strategies: {canary: {steps: [{weight: 20, pause: 3m}]}}
gates:
- name: orders
  prometheus: 'http://prometheus.example:9090'
  effect: {count: 'v{pod=~"{{ pods }}"}', total: 'o{pod=~"{{ pods }}"}'}
  interval: 1m
  deadline: 8h
"""


def test_an_ab_test_is_held_against_what_its_visits_came_to(tmp_path: Path) -> None:
    """10% of 600 visits a minute convert, and 15% on the new version; or 5%."""
    (tmp_path / "deploy.yaml").write_text(EFFECT)
    story = """
- name: {name}
  interval: 1m
  series: {{orders: {{count: {{new: 0+600x200, stable: 0+600x200}}, total: {{new: 0+{rise}x200, stable: 0+60x200}}}}}}
  expect: [{{at: 2m, gate: orders, phase: running}}, {{at: 1h, gate: orders, phase: {phase}}}, {{at: 1h, release: {end}}}]
"""
    better = story.format(name="better", rise=90, phase="passed", end="promoted")
    worse = story.format(name="worse", rise=30, phase="failed", end="rolled back")
    (tmp_path / "incident.yaml").write_text(f"tests:{better}{worse}")
    outcome = run("gates", "-f", str(tmp_path / "deploy.yaml"), "--test", str(tmp_path / "incident.yaml"))
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "2 of 2 tests as expected"), outcome.out

    (tmp_path / "incident.yaml").write_text(f"tests:{better.replace('total:', 'values:')}")
    refused = run("gates", "-f", str(tmp_path / "deploy.yaml"), "--test", str(tmp_path / "incident.yaml"))
    assert refused.code == 2
    assert "takes one of value, values, requests with errors, and count with total" in refused.err
