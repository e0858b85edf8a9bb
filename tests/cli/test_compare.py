"""`deploy compare` at the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rollway.health.pods import is_ready
from rollway.kube.objects import POD, RESOURCE_QUOTA, kind_of
from rollway.release.load import load
from rollway.sandbox.node.behaviour import BEHAVIOUR
from rollway.ship.startup import startup_of
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
        ([""], "'': names none"),
        (["ramped,blue"], "'blue' is no strategy"),
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


def test_several_may_be_named_behind_the_verb() -> None:
    one, other = compare("ramped,blue-green", "--seeds", "1", "-o", "json"), compare(*QUICK, "-o", "json")

    assert one.code == 0
    assert one.document == other.document


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
        assert f"took {startup_of(pods).app_s:g} s" in outcome.err
        assert "their nodes are as quick as a quiet one, as far as whole seconds of 4 pods tell" in outcome.err


def test_taking_up_what_somebody_else_released_is_rehearsed() -> None:
    """It is begun from as it was found, and costs requests that a release of rollway's own does not; no pod restarts for it."""
    words = ("compare", "--live", "--image", ":1.5.0", "--seeds", "1", "--strategies", "blue-green", "-o", "json")
    with shell() as deploy:
        release = load(str(EXAMPLE), image=":1.4.0")
        for manifest in (*release.others, *release.services, release.workload):
            kind = kind_of(manifest["apiVersion"], manifest["kind"])
            assert kind is not None
            deploy.create(kind, manifest)
        deploy.runs(asyncio.sleep(20))
        moment = deploy.moment
        found = deploy(*words)
        assert deploy.changed_since(moment) == set()
        assert deploy("apply", "--image", ":1.4.0", "--full").code == 0
        own = deploy(*words)

    assert (found.code, own.code) == (0, 0)
    taken_up = "somebody else has released the version before: taking it up is part of each release"
    assert (taken_up in found.document["assumed"], taken_up in own.document["assumed"]) == (True, False)
    [first], [then] = (outcome.document["strategies"] for outcome in (found, own))
    assert first["figures"]["apiRequests"]["median"] > then["figures"]["apiRequests"]["median"]
    assert (first["figures"]["lost"]["median"], first["figures"]["peak"]["median"]) == (0, 8)
    assert {each["after"] for each in first["waysBack"]} == {each["after"] for each in then["waysBack"]}


def test_a_busy_node_is_learnt_from_the_pods_that_run(tmp_path: Path) -> None:
    """What was learnt is told, and what cannot be; Recreate is down for so much longer; without --calibrate nothing is learnt."""
    text = 'app: web\nnamespace: shop\nweb: {image: "web:2", port: 80, replicas: 4, podAnnotations: {}}\n'
    (tmp_path / "new.yaml").write_text(text)
    (tmp_path / "deploy.yaml").write_text(
        text.replace("{}", f'{{{BEHAVIOUR}: "{{pull: 5.8s, start: 1s}}"}}').replace("web:2", "web:1")
    )
    words = (
        "compare",
        "-f",
        str(tmp_path / "new.yaml"),
        "--seeds",
        "3",
        "--strategies",
        "recreate",
        "--live",
        "--start",
        "1s",
        "-o",
        "json",
    )
    with shell(tmp_path / "deploy.yaml") as deploy:
        assert deploy("apply", "--full").code == 0
        as_quiet, learnt = deploy(*words), deploy(*words, "--calibrate")

    assert (as_quiet.code, learnt.code) == (0, 0)
    [quiet_s], [busy_s] = (
        [each["figures"]["downtime"]["median"] for each in outcome.document["strategies"]] for outcome in (as_quiet, learnt)
    )
    assert 4.5 < busy_s - quiet_s < 7
    assert "until their processes started, where a quiet node takes 0.5 s; how much slower they stop one" in learnt.err
    assert any(said.startswith("a node takes 6") for said in learnt.document["assumed"])
    assert not any("a node takes" in said for said in as_quiet.document["assumed"])


def test_without_pods_there_is_nothing_to_learn() -> None:
    with shell() as deploy:
        outcome = deploy("compare", "--seeds", "1", "--strategies", "ramped", "--live", "--calibrate")

    assert outcome.code == 0
    assert "no pod is ready that tells how long it took to start" in outcome.err
