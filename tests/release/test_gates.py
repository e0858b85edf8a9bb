"""The release file's gates: what can be written, and what is told of mistakes, at the user's own line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rollway.errors import BadInput
from rollway.kube.objects import digest
from rollway.release.conduct import as_recorded
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.sources import secrets_of

HEAD = "app: shop\nweb: {image: 'shop:1'}\ngates:\n"
PROM = "  prometheus: http://prometheus:9090\n"


def written(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "deploy.yaml"
    path.write_text(HEAD + text)
    return load(str(path)).gates


def test_the_common_ones_are_a_line_each(tmp_path: Path) -> None:
    gates = written(
        tmp_path,
        """
- {name: errors, prometheus: 'http://prometheus.monitoring:9090', use: istio}
- {name: slow, prometheus: 'http://prometheus.monitoring:9090', use: istio, of: latency}
- {name: share, prometheus: 'http://prometheus.monitoring:9090', use: http, max: 0.01}
- {name: queue, prometheus: 'http://prometheus.monitoring:9090', query: 'q{pod=~"{{ pods }}"}', max: 100, count: 3}
- {name: ok, url: 'http://shop/health', success: 'result.ok == true', when: [10, 50]}
- {name: smoke, job: 'smoke:{{ version }}'}
- {name: restarts, pods: restarts, max: 0}
- {name: load, prometheus: 'http://prometheus.monitoring:9090', compare: 'cpu{pod=~"{{ pods }}"}'}
- {name: panics, pods: {log: 'panic:'}, max: 0, onFail: pause}
""",
    )
    assert [gate.source for gate in gates] == ["prometheus"] * 4 + ["url", "job", "pods", "prometheus", "pods"]
    assert [gate.chosen_judge for gate in gates] == ["sequential"] * 2 + ["threshold"] * 5 + ["kayenta", "threshold"]
    assert [gate.moment for gate in gates] == ["always"] * 4 + [(10, 50), "pauses", *["always"] * 3]


def test_secrets_are_named_for_rights_alone(tmp_path: Path) -> None:
    gates = written(
        tmp_path,
        """
- name: a
  prometheus: {address: 'http://p:9090', bearerToken: {secret: prom, key: token}}
  use: istio
- name: b
  url: {address: 'http://u', username: me, password: {env: PASSWORD}}
  max: 1
""",
    )
    assert list(secrets_of(*gates)) == ["prom"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("- name: g\n  prometheus: prometheus:9090\n  use: istio\n", 5, "no address of http"),
        ("- name: g\n  prometheus: http://me:pw@p:9090\n  use: istio\n", 5, "an address holds no password"),
        ("- name: g\n  max: 1\n", 4, "no source"),
        ("- name: g\n" + PROM + "  url: http://u\n  max: 1\n", 6, "two sources: prometheus and url"),
        ("- name: g\n" + PROM + "  use: itsio\n", 6, "no ready-made queries are called 'itsio'"),
        ("- name: g\n" + PROM, 5, "asks nothing of its prometheus"),
        ("- name: g\n" + PROM + "  query: up\n  use: istio\n", 5, "asks use and query"),
        ("- name: g\n" + PROM + "  query: up\n", 4, "asks nothing of its value"),
        ("- name: g\n" + PROM + "  requests: up\n", 6, "requests and errors go together"),
        ("- name: g\n" + PROM + "  query: 'up{x=\"{{ pod }}\"}'\n  max: 1\n", 6, "nothing is called {{ pod }}"),
        ("- name: g\n" + PROM + "  query: up\n  max: 1\n  success: 'result > 1'\n", 8, "one way to ask is enough"),
        ("- name: g\n" + PROM + "  query: up\n  success: 'result >'\n", 7, "is no condition: unexpected end"),
        ("- name: g\n" + PROM + "  query: up\n  success: 'asInt(result)'\n", 7, "expected bool, but got int"),
        ("- name: g\n" + PROM + "  query: up\n  min: 2\n  max: 1\n", 7, "min 2 is more than max 1"),
        ("- name: g\n" + PROM + "  effect: {count: 'v{{pods}}'}\n", 6, "total is missing"),
        ("- name: g\n" + PROM + "  effect: {count: v, total: 'o{{pods}}'}\n", 6, "sees both versions as one"),
        ("- name: g\n" + PROM + "  effect: {count: 'v{{pods}}', total: 'o{{pods}}'}\n  max: 1\n", 7, "effect has no use for max"),
        (
            "- name: g\n" + PROM + "  effect: {count: 'v{{pods}}', total: 'o{{pods}}'}\n  count: 9\n",
            7,
            "effect has no use for count",
        ),
        ("- name: g\n" + PROM + "  use: istio\n  of: latency\n  max: 1\n", 8, "is compared with the stable version's"),
        ("- name: g\n" + PROM + "  use: istio\n  alpha: 1.5\n", 7, "alpha"),
        ("- name: g\n" + PROM + "  use: istio\n  alpha: 0.7\n", 7, "less than 0.5"),
        ("- name: g\n" + PROM + "  use: istio\n  judge: threshold\n", 7, "cannot judge this"),
        ("- name: g\n" + PROM + "  query: up\n  max: 1\n  count: 1\n  failureLimit: 2\n", 8, "count (1) must be >= failureLimit"),
        ("- name: g\n" + PROM + "  use: istio\n  when: [150]\n", 7, "no share in whole percent"),
        ("- name: g\n" + PROM + "  use: istio\n  when: sometimes\n", 7, "when"),
        ("- name: g\n" + PROM + "  use: istio\n  onFail: explode\n", 7, "onFail"),
        ("- name: g\n" + PROM + "  use: istio\n  side: stable\n", 7, "measures both versions"),
        ("- name: g\n" + PROM + "  use: istio\n  max: 1\n  side: stable\n", 8, "measures both versions"),
        ("- name: g\n" + PROM + "  query: up\n  max: 1\n  side: stable\n  onFail: rollback\n", 9, "never takes the new one back"),
        ("- name: g\n" + PROM + "  query: up\n  max: 1\n  side: stable\n  onUndecided: rollback\n", 9, "never takes the new one"),
        ("- name: g\n" + PROM + "  query: up\n  max: 1\n  side: canary\n", 8, "side"),
        ("- name: g\n" + PROM + "  compare: up\n", 6, "sees both versions as one"),
        ("- name: g\n" + PROM + "  compare:\n    cpu: up\n", 7, "sees both versions as one"),
        ("- name: g\n" + PROM + "  compare:\n    cpu: {query: up, worse: up}\n", 7, "worse"),
        ("- name: g\n" + PROM + "  compare: {}\n", 6, "compare has no query"),
        ("- name: g\n" + PROM + "  compare: 'a{{track}}'\n  max: 1\n", 7, "compare has no use for max"),
        ("- name: g\n" + PROM + "  compare: 'a{{track}}'\n  count: 3\n", 7, "3 measurements are too few"),
        ("- name: g\n" + PROM + "  compare: 'a{{track}}'\n  score: {good: 50}\n", 7, "bad 75 is more than good 50"),
        ("- name: g\n" + PROM + "  compare: 'a{{track}}'\n  score: {weights: {a: 70, b: 40}}\n", 7, "add up to 110"),
        ("- name: g\n" + PROM + "  use: istio\n  score: {good: 90}\n", 7, "score belongs to compare"),
        ("- name: g\n" + PROM + "  requests: sum(r)\n  errors: 'e{{pods}}'\n", 6, "sees both versions as one"),
        ("- name: g\n  job: {comand: [x], image: i}\n", 5, 'unknown key "comand"'),
        ("- name: g\n  job: {command: [x]}\n", 5, "image is missing"),
        ("- name: g\n  job: smoke\n  max: 1\n", 6, "a Job has no value"),
        ("- name: g\n  pods: {log: '('}\n  max: 0\n", 5, "no regular expression"),
        ("- name: g\n  pods: {restarts: true, unready: true}\n  max: 0\n", 5, "one of restarts, unready and log"),
        ("- name: g\n  url: {address: 'http://u', body: x}\n  max: 0\n", 5, "a GET has no body"),
        ("- name: g\n  url: {address: 'http://u', path: '{.a[}'}\n  max: 0\n", 5, "no JSONPath"),
        (
            "- name: g\n  url: {address: 'http://u', bearerToken: {env: 'A B'}}\n  max: 0\n",
            5,
            "no name of an environment variable",
        ),
        ("- name: g\n  url: {address: 'http://u', bearerToken: {secret: s}}\n  max: 0\n", 5, "needs the key"),
        ("- name: g\n  url: {address: 'http://u', username: me}\n  max: 0\n", 5, "username and password go together"),
        ("- name: g\n  url: {address: 'http://u', headers: {X: 7}}\n  max: 0\n", 5, "headers.X is 7; it takes a text"),
        (
            "- name: g\n  url:\n    address: 'http://u'\n    headers: {X: {env: 'A B'}}\n  max: 0\n",
            7,
            "no name of an environment variable",
        ),
        (
            "- name: g\n  url:\n    address: 'http://u'\n    headers: {X Y: a}\n  max: 0\n",
            7,
            "'X Y' is no header's name",
        ),
        (
            '- name: g\n  url:\n    address: "http://u"\n    headers: {X: "a\\nb"}\n  max: 0\n',
            7,
            "the header X holds a character that cannot be sent",
        ),
        ("- name: G\n  job: smoke\n", 4, "no valid name"),
        ("- name: g\n" + PROM + "  compare: 'a{{track}}'\n  baseline: true\n", 7, "no pods for the comparison alone"),
        ("- name: g\n  job: smoke\n- name: g\n  job: smoke\n", 6, "two gates are called g"),
    ],
)
def test_a_mistake_is_told_at_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        written(tmp_path, text)
    assert said in str(bad.value)
    assert bad.value.where.split(":")[-2:-1] == [str(line)] or f":{line}" in bad.value.where


def test_gates_and_probe_are_kept_beside_a_version(tmp_path: Path) -> None:
    """In its record, read back as they are by their digest; they are no part of the version."""
    path = tmp_path / "deploy.yaml"
    path.write_text(
        HEAD
        + """
- {name: errors, prometheus: 'http://prometheus.monitoring:9090', use: istio, initialDelay: 30s}
- {name: ok, url: {address: 'http://shop', bearerToken: {secret: s, key: k}}, success: 'result.ok == true', when: [10, 50]}
- {name: smoke, job: 'smoke:{{ version }}', when: before}
- {name: load, prometheus: 'http://prometheus.monitoring:9090', compare: {cpu: 'cpu{pod=~"{{ pods }}"}'}, score: {good: 90}}
- {name: panics, pods: {log: 'panic:'}, max: 0, onFail: pause}
probe: {url: 'https://shop.example.com/', maxLost: 0, headers: {x-a: b}}
traffic: {proxySync: 3s}
"""
    )
    release = load(str(path))
    record = json.loads(json.dumps(release.to_record()))
    known = as_recorded(Release.from_record(record), record)

    assert (known.gates, known.probe, known.traffic) == (release.gates, release.probe, release.traffic)
    assert [digest(gate.model_dump(mode="json")) for gate in known.gates] == [
        digest(gate.model_dump(mode="json")) for gate in release.gates
    ]
    assert known.digest == Release.from_record({**record, "conduct": {}}).digest == release.digest


def test_a_record_without_gates_has_none(tmp_path: Path) -> None:
    """Written by an earlier rollway, or of a release without; what a newer one keeps besides is passed over, gates that cannot be
    read are not."""
    path = tmp_path / "deploy.yaml"
    path.write_text("app: shop\nweb: {image: 'shop:1'}\n")
    record = load(str(path)).to_record()
    release = Release.from_record(record)

    assert not {"conduct", "traffic"} & set(record)
    assert as_recorded(release, record) == release
    assert as_recorded(release, {**record, "conduct": {"hooks": [1]}}) == release
    with pytest.raises(BadInput, match="the gates that shop 1 was released with cannot be read"):
        as_recorded(release, {**record, "conduct": {"gates": [{"name": "a", "moon": "full"}]}})
