"""What is wrong with a gate is told at its line before anything is touched, whatever its source: exit code 2."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import EXAMPLE, Shell, shell

FILE = """app: shop
namespace: shop
manifests: [k8s/]
strategy: canary
gates:
- name: g
  {source}
  {asked}
"""
LINE = 7
"""Of the source; what is asked stands in the next one."""
BOTH = "requests: 'r{p=\"{{ pods }}\"}', errors: 'e{p=\"{{ pods }}\"}'"
PROMETHEUS = "prometheus: http://p:9090"
BAD: dict[str, tuple[str, str, int, str]] = {
    "a Prometheus' address": ("prometheus: p:9090", "use: istio", LINE, "is no address of http or https"),
    "an URL's address": ("url: 'ftp://x'", "max: 1", LINE, "is no address of http or https"),
    "an address with an impossible port": ("url: 'http://x:99999'", "max: 1", LINE, "is no address"),
    "a probe's address": ("probe: shop", "alpha: 0.01", LINE, "is no URL of a web application"),
    "a variable in a query": (PROMETHEUS, "max: 1\n  query: 'up{pod=\"{{ pod }}\"}'", LINE + 2, "nothing is called {{ pod }}"),
    "a variable in an address": ("url: 'http://x/{{ versoin }}'", "max: 1", LINE, "nothing is called {{ versoin }}"),
    "a variable in a body": ("url: {address: 'http://x', method: PUT, body: '{{x}}'}", "max: 1", LINE, "called {{ x }}"),
    "a variable in an image": ("job: 'smoke:{{ tag }}'", "count: 1", LINE, "nothing is called {{ tag }}"),
    "a variable in a Job's words": ("job: {image: smoke, args: ['{{ url }}']}", "count: 1", LINE, "nothing is called {{ url }}"),
    "a variable of a Job's": ("job: {image: smoke, env: {A: '{{ b }}'}}", "count: 1", LINE, "nothing is called {{ b }}"),
    "a query that is none": (PROMETHEUS, "{query: 'sum(rate(', max: 1}", LINE + 1, "gate g: unclosed left parenthesis (RW041)"),
    "a path that is none": ("url: {address: 'http://x', path: '{.a[}'}", "max: 1", LINE, "is no JSONPath"),
    "an expression that is none": ("pods: {log: '('}", "max: 0", LINE, "is no regular expression"),
    "a condition that is none": (PROMETHEUS, "{query: up, success: 'result <'}", LINE + 2, "is no condition"),
    "a Job without an image": ("job: {command: [./smoke]}", "count: 1", LINE, "image is missing"),
    "a Job with an image that is none": ("job: ''", "count: 1", LINE, "'' is no image reference"),
    "a Job with a template for a container": ("job: {spec: {template: {}}}", "count: 1", LINE, "image is missing"),
    "alpha of 0": (PROMETHEUS, "{use: istio, alpha: 0.0}", LINE + 2, "alpha"),
    "alpha of 1": (PROMETHEUS, "{use: istio, alpha: 1.0}", LINE + 2, "alpha"),
    "a negative alpha": (PROMETHEUS, "{use: istio, alpha: -0.01}", LINE + 2, "alpha"),
    "alpha that is no number": (PROMETHEUS, "{use: istio, alpha: .nan}", LINE + 2, "that Kubernetes does not take"),
    "two sources": (PROMETHEUS, "url: http://x", LINE + 1, "two sources: prometheus and url"),
    "a Prometheus and pods": (PROMETHEUS, "pods: restarts", LINE + 1, "two sources: prometheus and pods"),
    "a Job and a probe": ("job: smoke", "probe: http://x/", LINE + 1, "two sources: job and probe"),
    "no source": ("max: 1", "count: 1", LINE - 1, "no source"),
}  # fmt: skip


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Shell]:
    shutil.copytree(EXAMPLE.parent / "k8s", tmp_path / "k8s")
    with shell(tmp_path / "deploy.yaml") as deploy:
        yield deploy


def written(deploy: Shell, source: str, asked: str) -> None:
    assert deploy.file is not None
    if asked.startswith("{"):  # several keys in a line
        asked = asked.strip("{}").replace(", ", "\n  ")
    deploy.file.write_text(FILE.replace("{source}", source).replace("{asked}", asked))


@pytest.mark.parametrize("case", BAD)
def test_it_is_told_before_anything_is_touched(deploy: Shell, case: str) -> None:
    source, asked, line, said = BAD[case]
    written(deploy, source, asked)
    before = deploy.moment

    outcome = deploy("apply", "--image", "ghcr.io/acme/shop:2.0.0")
    assert outcome.code == 2, outcome.err
    assert said in outcome.err
    assert f"deploy.yaml:{line}" in outcome.err
    assert outcome.err.count("error") <= 1
    assert "Traceback" not in outcome.err
    assert not deploy.changed_since(before)


def test_a_pause_that_is_over_before_its_gate_looks_is_found(deploy: Shell) -> None:
    """And it is waited for: the release goes on when it has."""
    written(deploy, PROMETHEUS, "{use: istio, interval: 10m}")
    assert deploy.file is not None
    text = deploy.file.read_text()
    deploy.file.write_text(text + "strategies: {canary: {steps: [{weight: 50, pause: 20s}]}}\n")

    found = deploy("check")
    assert "gate g looks for the first time after 10 min, and a pause of 20 s is over before" in found.out + found.err
