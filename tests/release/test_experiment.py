"""The ab block's `experiment`: what is right, and what is said of what is not, at the user's own line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.errors import BadInput
from rollway.gates.figures import Phase
from rollway.release.experiment_gate import ExperimentGate
from rollway.release.load import beside, load
from rollway.release.model import Release
from rollway.release.schema import json_schema
from rollway.release.whole import ReleaseFile
from rollway.strategies import by_name

MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'shop:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
"""
HEAD = """app: shop
manifests: k8s.yaml
strategy: ab
strategies:
  ab:
"""
RANDOM = "    match: []\n    weight: 50\n    sticky: true\n"
ORDERS = """    experiment:
      prometheus: http://prometheus.monitoring:9090
      metrics:
        orders: {count: 'v{pod=~"{{ pods }}"}', total: 'o{pod=~"{{ pods }}"}'}
"""


def loaded(folder: Path, text: str) -> Release:
    (folder / "k8s.yaml").write_text(MANIFEST)
    (folder / "deploy.yaml").write_text(text)
    return load(str(folder / "deploy.yaml"))


def experiment(release: Release) -> ExperimentGate:
    [gate] = release.gates_for("ab")
    assert isinstance(gate, ExperimentGate)
    return gate


def test_it_is_a_gate_of_ab_alone(tmp_path: Path) -> None:
    release = loaded(tmp_path, HEAD + RANDOM + ORDERS)
    assert experiment(release).share == 0.5
    assert experiment(release).holds(50, is_last=True)
    assert release.gates_for("canary") == ()
    assert release.without_experiment().gates_for("ab") == ()


def test_it_is_no_part_of_a_version_and_kept_with_it(tmp_path: Path) -> None:
    """A promotion by the application's name alone is held by what it began with, one beside its file by what stands there."""
    plain, asked = loaded(tmp_path, HEAD + RANDOM), loaded(tmp_path, HEAD + RANDOM + ORDERS)
    assert plain.digest == asked.digest
    kept = Release.from_record(asked.to_record())
    assert experiment(kept) == experiment(asked)
    loaded(tmp_path, HEAD + RANDOM)
    assert beside(str(tmp_path / "deploy.yaml"), kept).gates_for("ab") == ()


@pytest.mark.parametrize(
    ("said", "halts"),
    [("", {"passed", "failed", "inconclusive"}), ("pause", {"passed", "failed", "inconclusive"}), ("promote", {"inconclusive"})],
)
def test_it_ends_by_itself_only_where_asked(said: str, halts: set[str], tmp_path: Path) -> None:
    text = HEAD + RANDOM + ORDERS + (f"      onDecision: {said}\n" if said else "")
    gate = experiment(loaded(tmp_path, text))
    judge = gate.asked.experiment
    assert judge is not None
    assert judge.ends is bool(said)
    assert gate.halts_on == {Phase(phase) for phase in halts}
    assert gate.on_fail == ("rollback" if said == "promote" else "pause")


def test_the_share_that_is_due_is_known(tmp_path: Path) -> None:
    """The router's own, or what the caller says; of whom a rule catches nobody knows."""
    by_router = loaded(tmp_path, HEAD + RANDOM + ORDERS)
    assert by_name("ab")(by_router).due_share(50, 1, 1) == 0.5
    by_caller = loaded(tmp_path, HEAD + ORDERS + "      callerAssigns: 20\n")
    assert experiment(by_caller).share == 0.2
    assert by_name("ab")(by_caller).due_share(0, 1, 1) == 0.2
    assert by_name("ab")(loaded(tmp_path, HEAD + "    weight: 50\n")).due_share(50, 1, 1) is None


def test_the_interval_is_narrowest_where_the_end_is_expected(tmp_path: Path) -> None:
    text = HEAD + RANDOM + ORDERS + "      least: 5%\n      expected: {visits: 20, mean: 0.05}\n"
    assert experiment(loaded(tmp_path, text)).terms.tuning == pytest.approx(434_000, rel=0.01)


MEAN = ORDERS.replace("}'}\n", "}', squares: 's{pod=~\"{{ pods }}\"}'}\n")
TWO = ORDERS + ORDERS.splitlines(keepends=True)[-1].replace("orders", "revenue")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (ORDERS, 6, "whoever sends what match asks for has chosen b himself"),
        ("    match: [{headers: {x-b: {exact: 'y'}}}]\n    weight: 50\n" + ORDERS, 6, "has chosen b himself"),
        ("    match: []\n    weight: 50\n" + ORDERS, 8, "users have to stay with their version"),
        ("    match: []\n    weight: 50\n    sticky: false\n" + ORDERS, 8, "users have to stay with their version"),
        ("    match: []\n    weight: 0\n    sticky: true\n" + ORDERS, 7, "needs users of both versions"),
        ("    weight: 50\n" + ORDERS + "      callerAssigns: 50\n", 6, "the router assigns nobody"),
        ("    match: []\n    weight: 5\n" + ORDERS + "      callerAssigns: 50\n", 7, "the router assigns nobody"),
        (RANDOM + ORDERS.replace(", total: 'o{pod=~\"{{ pods }}\"}'", ""), 12, "total is missing"),
        (RANDOM + ORDERS.replace('o{pod=~"{{ pods }}"}', "o"), 12, "sees both versions as one"),
        (RANDOM + ORDERS.replace("{{ pods }}", "{{ pod }}"), 12, "nothing is called {{ pod }}"),
        (RANDOM + ORDERS.replace("orders", "Or ders"), 12, "is no valid name"),
        (RANDOM + ORDERS.replace("}'}", "}', tolerated: 1%}"), 12, "tolerated belongs to a guardrail"),
        (RANDOM + ORDERS.replace("}'}", "}', guardrail: true}"), 11, "all metrics are guardrails: which one decides?"),
        (RANDOM + TWO, 11, "2 metrics are no guardrails: which one decides?"),
        (RANDOM + TWO + "      primary: visits\n", 14, "'visits' cannot decide"),
        (RANDOM + ORDERS + "      least: a lot\n", 13, "'a lot' is no amount: write 2%, or 0.02"),
        (RANDOM + ORDERS + "      alpha: 0.7\n", 13, "alpha"),
        (RANDOM + ORDERS + "      power: 80\n", 13, "power"),
        (RANDOM + ORDERS + "      longest: 2w\n", 13, "is no duration"),
        (RANDOM + ORDERS + "      longest: 1m\n", 13, "shorter than the interval"),
        (RANDOM + ORDERS + "      onDecision: rollback\n", 13, "onDecision"),
        (RANDOM + ORDERS + "      expected: {visits: 20, mean: 5}\n", 13, "the mean is a share, not 5"),
        (RANDOM + ORDERS + "      expected: {visits: 20, mean: 0.5, deviation: 1}\n", 13, "has no deviation of its own"),
        (RANDOM + MEAN + "      expected: {visits: 20, mean: 5}\n", 13, "depends on its deviation"),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_their_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as bad:
        loaded(tmp_path, HEAD + text)
    assert said in str(bad.value)
    assert str(bad.value.where).split(":")[1] == str(line)


def test_no_other_gate_takes_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a gate called experiment"):
        loaded(tmp_path, HEAD + RANDOM + "gates:\n- {name: experiment, pods: restarts, max: 0}\n")


def test_the_schema_has_it() -> None:
    """For editors that complete."""

    def at(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
        for key in keys:
            while "$ref" in schema:
                schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
            schema = schema["properties"][key]
            schema = next((each for each in schema.get("anyOf", ()) if "$ref" in each), schema)
        return schema

    root = json_schema()
    found = root["$defs"][at(root, "strategies", "ab", "experiment")["$ref"].rpartition("/")[2]]
    assert {"prometheus", "metrics", "primary", "least", "alpha", "power", "longest", "onDecision", "callerAssigns"} <= set(
        found["properties"]
    )


def test_what_is_written_in_short_is_whole() -> None:
    file = ReleaseFile.model_validate(yaml.safe_load(HEAD + RANDOM + ORDERS))
    asked = file.strategies.ab.asks
    assert asked is not None
    assert asked.prometheus.address == "http://prometheus.monitoring:9090"
    assert asked.deciding == "orders"


BY_URL = """    experiment:
      url: "http://visits.prod/ab?version={{ version }}"
      metrics:
        orders: {count: $.visits, total: $.orders}
"""


def test_a_server_of_ones_own_counts(tmp_path: Path) -> None:
    """Its address tells the versions apart, and the counters are places in its answer."""
    gate = experiment(loaded(tmp_path, HEAD + RANDOM + BY_URL))

    assert gate.source == "url"
    assert dict(gate.templates()) == {("url", "address"): "http://visits.prod/ab?version={{ version }}"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("?version={{ version }}", ""), "sees both versions as one"),
        (("$.visits", '"$["'), "is no JSONPath"),
        (("      url:", "      prometheus: http://p:9090\n      url:"), "two sources"),
        (('url: "http://visits.prod/ab?version={{ version }}"', "alpha: 0.05"), "no source"),
    ],
)
def test_what_a_server_cannot_be_asked(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=told):
        loaded(tmp_path, HEAD + RANDOM + BY_URL.replace(*change))
