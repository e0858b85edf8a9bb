"""`deploy compare` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rollway.health.pods import is_ready
from rollway.kube.objects import POD, RESOURCE_QUOTA
from rollway.ship.asking import started_within
from shell import EXAMPLE, run, shell

QUICK = ("--seeds", "1", "--strategies", "ramped,blue-green")


def compare(*words: str, file: Path = EXAMPLE):
    return run("compare", "-f", str(file), *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "0"], "--rate 0"),
        (["--rate", "-3"], "--rate -3"),
        (["--rate", "nan"], "--rate nan"),
        (["--seeds", "0"], "--seeds 0"),
        (["--seeds", "0", "--live"], "--seeds 0"),  # before the cluster is asked, which is not there
        (["--sweep", "maxSurge=many", "--live"], "'many'"),
        (["--bad", "slo"], "--bad slo"),
        (["--bad", "150%"], "--bad 150%"),
        (["--bad", "%"], "--bad %"),
        (["--matching", "150%"], "--matching 150%"),
        (["--strategies", ","], "--strategies ,"),
        (["--latency", "0ms"], "latency"),
        (["--bound", "0s"], "bound"),
        (["--sweep", "maxSurge"], "--sweep maxSurge"),
        (["--sweep", "maxSurge=many"], "'many'"),
        (["--report", "/nowhere/at/all.html"], "no folder"),
        (["--png", "/"], "folder"),
    ],
)
def test_a_flag_without_sense_is_refused(words: list[str], said: str) -> None:
    """Exit 2, what was wrong in the words that were written, and nothing computed; as one document with -o json."""
    plain, as_json = compare(*words), compare(*words, "-o", "json")

    assert (plain.code, plain.out) == (2, "")
    assert said in plain.err
    assert "Traceback" not in plain.err
    assert as_json.code == as_json.document["error"]["exit"] == 2


def test_what_check_refuses_is_not_rehearsed(tmp_path: Path) -> None:
    """Exit 2 with the findings and their places, unless --force."""
    (tmp_path / "deploy.yaml").write_text("app: shop\nmanifests: [k8s/]\n")
    (tmp_path / "k8s").mkdir()
    for piece in (EXAMPLE.parent / "k8s").iterdir():
        text = piece.read_text().replace("selector: {app: shop}\n  ports", "selector: {app: shpo}\n  ports")
        (tmp_path / "k8s" / piece.name).write_text(text)

    refused = compare(*QUICK, file=tmp_path / "deploy.yaml")
    forced = compare("--seeds", "1", "--strategies", "ramped", "--force", file=tmp_path / "deploy.yaml")

    assert refused.code == 2
    assert "RW0" in refused.err
    assert "shpo" in refused.err
    assert forced.code == 0


def test_a_folder_is_not_a_release_file() -> None:
    outcome = compare(file=EXAMPLE.parent)

    assert outcome.code == 2
    assert f"-f {EXAMPLE}" in outcome.err


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """On stdout, in the document, in the report and in the picture."""
    made = []
    for number in (1, 2):
        page, picture = tmp_path / f"{number}.html", tmp_path / f"{number}.png"
        text = compare(*QUICK, "--report", str(page), "--png", str(picture))
        document = compare(*QUICK, "-o", "json", "--bands")
        assert text.code == document.code == 0
        made.append((text.out, document.out, page.read_bytes(), picture.read_bytes()))

    assert made[0] == made[1]
    assert [each["strategy"] for each in json.loads(made[0][1])["strategies"]] == ["ramped", "blue-green"]


def test_what_was_cut_by_the_bound_is_said() -> None:
    outcome = compare("--seeds", "1", "--strategies", "canary", "--bound", "10s")

    assert outcome.code == 0
    assert "> 10 s" in outcome.out
    assert "not done when the rehearsal was ended" in outcome.out


def test_a_web_app_needs_no_manifests(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text('app: web\nweb: {image: "ghcr.io/acme/web:2.0.0", port: 8080}\n')
    outcome = compare(*QUICK, file=tmp_path / "deploy.yaml")

    assert outcome.code == 0
    assert "web before → 2.0.0 · 2 pods" in outcome.out


def test_live_is_what_runs() -> None:
    """The version, the pods and the quota are the cluster's; nothing in it is changed; --calibrate says what it took."""
    with shell() as deploy:
        assert deploy("apply", "ramped", "--image", ":1.4.0").code == 0
        deploy.create(RESOURCE_QUOTA, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
                                       "spec": {"hard": {"pods": "6"}}})  # fmt: skip
        moment = deploy.moment
        outcome = deploy("compare", *QUICK, "--live", "--calibrate", "--image", ":1.5.0")
        pods = [pod for pod in deploy.sandbox.store.list(POD, "shop") if is_ready(pod)]

        assert outcome.code == 0
        assert "shop 1.4.0 → 1.5.0 · 4 pods" in outcome.out
        assert "ResourceQuota small: pods is for 6 of 8 pods" in outcome.out
        assert deploy.changed_since(moment) == set()
        assert f"took {started_within(pods):g} s" in outcome.err


def test_pods_that_were_restarted_tell_nothing_of_their_start() -> None:
    """From its process' start to readiness, less half a period of the probe; the middle one of the pods counts."""

    def pod(ready: str, restarts: int = 0) -> dict:
        return {
            "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "x", "readinessProbe": {"periodSeconds": 4}}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": f"2026-01-01T00:00:{ready}Z"}],
                "containerStatuses": [
                    {"ready": True, "restartCount": restarts, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
                ],
            },
        }  # fmt: skip

    assert started_within([pod("10"), pod("12"), pod("40"), pod("59", restarts=1)]) == 10
    assert started_within([pod("01")]) == 0
    assert started_within([]) is None
