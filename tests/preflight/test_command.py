"""`deploy check`, and what `apply` and `plan` tell of it, as a user meets them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checked import SOUND
from rollway.kube.objects import NODE, RESOURCE_QUOTA
from rollway.preflight.rules import BY_ID
from shell import EXAMPLE, Outcome, Shell, run, shell

BARE = SOUND.replace("        lifecycle: {preStop: {sleep: {seconds: 5}}}\n", "")
LOST = BARE.replace("selector: {app: shop}\n  ports", "selector: {app: shopp}\n  ports")
FILE = "app: shop\nnamespace: shop\nmanifests: [app.yaml]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def deploy(folder: Path) -> Iterator[Shell]:
    with shell(Path("deploy.yaml")) as found:
        yield found


def write(manifests: str, file: str = FILE) -> None:
    Path("app.yaml").write_text(manifests.lstrip())
    Path("deploy.yaml").write_text(file)


def check(*words: str) -> Outcome:
    return run("check", *words)


def test_what_it_says(folder: Path) -> None:
    """The release, then file by file the place, the rule, why, and the fix; and how many there are."""
    write(BARE)

    outcome = check()

    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "✓ deploy.yaml: shop 1.4.0, by ramped",
        "  Deployment shop   4 pods of ghcr.io/acme/shop:1.4.0",
        "  Services     shop",
        "",
        "app.yaml",
        "  app.yaml:19:9  warning RW004  container shop has no preStop, and nothing shows that it goes on serving after SIGTERM",
        "    Proxies hear late that a pod leaves, and send it requests after its SIGTERM: they are refused, or cut off.",
        "    fix  spec.template.spec.containers[0]",
        "         lifecycle:",
        "           preStop:",
        "             sleep:",
        "               seconds: 5",
        "",
        "1 warning",
        "  try: `deploy check --diff` shows what `--fix` would write; `… RW004` says more",
    ]


def test_nothing_is_said_plainly(folder: Path) -> None:
    """0 findings."""
    write(SOUND)

    assert check().out.splitlines()[-1] == "0 findings"


@pytest.mark.parametrize(
    ("manifests", "words", "code"),
    [
        (SOUND, (), 0),
        (SOUND, ("--fail-on", "warning"), 0),
        (BARE, (), 0),
        (BARE, ("--fail-on", "warning"), 1),
        (LOST, (), 1),
        (LOST, ("-o", "json"), 1),
        (LOST, ("-o", "sarif"), 1),
        ("kind: [", (), 2),
        (BARE, ("--fail-on", "never"), 2),
        (BARE, ("RW404",), 2),
        (BARE, ("-o", "xml"), 2),
        (BARE, ("--fix", "--image", ":2"), 2),
    ],
)
def test_the_exit_code(manifests: str, words: tuple[str, ...], code: int, folder: Path) -> None:
    """0 where it is clean or only warns, 1 with errors, 2 where the file or the command is wrong; nothing is written."""
    write(manifests)

    assert check(*words).code == code
    assert Path("app.yaml").read_text() == manifests.lstrip()


def test_as_a_document(folder: Path) -> None:
    """What was in it before, and the findings with their place, reason and fix."""
    write(BARE)

    document = check("-o", "json").document
    [finding] = document["findings"]

    assert (document["app"], document["version"], document["replicas"]) == ("shop", "1.4.0", 4)
    assert (finding["id"], finding["severity"], finding["file"], finding["line"], finding["column"]) == (
        "RW004", "warning", "app.yaml", 19, 9,
    )  # fmt: skip
    assert (finding["object"], finding["path"]) == ("Deployment shop", "spec.template.spec.containers[0].lifecycle.preStop")
    patch = yaml.safe_load(finding["patch"])
    assert patch["spec"]["template"]["spec"]["containers"] == [
        {"name": "shop", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    ]


def test_as_sarif(folder: Path) -> None:
    """The properties that 2.1.0 requires, every rule, and each result's level and place."""
    write(LOST)

    log = check("-o", "sarif").document
    [one] = log["runs"]
    rules = one["tool"]["driver"]["rules"]

    assert (log["version"], one["tool"]["driver"]["name"]) == ("2.1.0", "rollway")
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    assert [rule["id"] for rule in rules] == list(BY_ID)
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    assert [result["ruleId"] for result in one["results"]] == ["RW015", "RW004"]
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        [location] = result["locations"]
        assert location["physicalLocation"]["artifactLocation"] == {"uri": "app.yaml"}
        assert location["physicalLocation"]["region"]["startLine"] >= 1


def test_on_github(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An annotation a finding, at its line, as bad as it is."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write(LOST)

    said = [line for line in check().err.splitlines() if line.startswith(("::error", "::warning"))]

    assert said[0].startswith(
        "::error file=app.yaml,line=5,col=3,title=RW015 a Service that selects nothing::Service shop selects no"
    )
    assert said[1].startswith("::warning file=app.yaml,line=19,col=9,title=RW004 ")


def test_a_rule_is_explained() -> None:
    """Without any file."""
    text = check("rw004").out

    assert text.startswith("RW004  no preStop")
    assert "preStop: {sleep: {seconds: 5}}" in text
    assert check("RW004", "-o", "json").document["severity"] == "warning"
    assert [line[:5] for line in check("--rules").out.splitlines()] == list(BY_ID)


def test_fixes_are_shown_and_written(folder: Path) -> None:
    """--diff shows what --fix writes; after it there is nothing to find, and nothing to write."""
    write(LOST)
    os.chmod("app.yaml", 0o640)

    shown = check("--diff")
    assert Path("app.yaml").read_text() == LOST.lstrip()
    written = check("--fix")

    assert (shown.code, written.code) == (1, 0)
    assert "-  selector: {app: shopp}\n+  selector: {app: shop}\n" in shown.out
    assert shown.out.splitlines()[-1] == "would mend 2 findings in app.yaml"
    assert written.out.splitlines()[-1] == "mended 2 findings in app.yaml"
    assert shown.out.splitlines()[:-1] == written.out.splitlines()[:-1]
    assert check().out.splitlines()[-1] == "0 findings"
    assert check("--fix").out == "nothing to write\n"
    assert os.stat("app.yaml").st_mode & 0o777 == 0o640
    assert sorted(os.listdir()) == ["app.yaml", "deploy.yaml"]


def test_a_file_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said, with nothing half-written: the other file stays, too."""
    write(LOST, FILE.replace("[app.yaml]", "[app.yaml, budget.yaml]"))
    Path("budget.yaml").write_text(
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b},\n"
        " spec: {maxUnavailable: 0, selector: {matchLabels: {app: shop}}}}\n"
    )
    opened = open

    def refusing(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        if "+" in mode and str(file).endswith("budget.yaml"):  # as for who does not own it: root may write everything
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, mode, *more, **named)

    monkeypatch.setattr("builtins.open", refusing)

    outcome = check("--fix")

    assert outcome.code == 2
    assert "budget.yaml cannot be written: Permission denied" in outcome.err
    assert Path("app.yaml").read_text() == LOST.lstrip()
    assert sorted(os.listdir()) == ["app.yaml", "budget.yaml", "deploy.yaml"]


def test_standard_input_cannot_be_mended(folder: Path) -> None:
    """Told finding by finding, with the file that can be."""
    write(LOST, FILE.replace("app.yaml", "-"))
    import io
    import sys

    before, sys.stdin = sys.stdin, io.StringIO(LOST)
    try:
        outcome = check("--fix")
    finally:
        sys.stdin = before

    assert outcome.code == 1
    assert "RW015 not mended: it comes from standard input" in outcome.out


def test_apply_stops_at_an_error(deploy: Shell) -> None:
    """Exit 2, nothing touched; --force releases it all the same."""
    write(LOST)
    before = deploy.moment

    refused = deploy("apply")
    document = deploy("apply", "-o", "json").document

    assert refused.code == 2
    assert refused.err.splitlines()[0].startswith("✗ app.yaml:5:3: Service shop selects no pods: its selector is app=shopp")
    assert "--force releases it as it is" in refused.err
    assert deploy.changed_since(before) == set()
    assert document["error"]["exit"] == 2
    assert [finding["id"] for finding in document["findings"]] == ["RW015", "RW004"]
    assert deploy("plan").code == 2
    assert deploy("plan", "--force").code == 0
    assert deploy("apply", "--force").code == 0


def test_apply_tells_warnings_shortly_and_goes_on(deploy: Shell) -> None:
    """One line each on stderr, before anything else; the plan names the rules, the documents hold them all."""
    write(BARE)

    planned = deploy("plan", "--no-diff")
    applied = deploy("apply")

    assert (planned.code, applied.code) == (0, 0)
    assert planned.err.splitlines() == [
        "! app.yaml:19:9 RW004 container shop has no preStop, and nothing shows that it goes on serving after SIGTERM",
        "  1 warning · deploy check",
    ]
    assert planned.out.splitlines()[-1] == "  check   1 warning: RW004, see `deploy check`"
    assert applied.err.splitlines()[:2] == planned.err.splitlines()
    for verb in ("plan", "apply"):
        assert [finding["id"] for finding in deploy(verb, "-o", "json").document["findings"]] == ["RW004"]


def test_many_warnings_do_not_drown_the_output(folder: Path) -> None:
    """Five lines, and how many more."""
    text = BARE.replace("        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 2}\n", "")
    text = text.replace("shop:1.4.0", "shop")
    extra = "".join(f"      - {{name: c{number}, image: busybox}}\n" for number in range(4))
    write(text + extra)
    with shell(Path("deploy.yaml")) as deploy:
        lines = deploy("plan", "--no-diff").err.splitlines()

    assert len(lines) == 6
    assert lines[-1] == "  and 2 more · 7 warnings · deploy check"


def test_of_several_each_tells_its_own(folder: Path) -> None:
    """Their findings are in their own documents; an error in one stops all."""
    for name, text in (("a", BARE), ("b", SOUND)):
        (folder / name).mkdir()
        (folder / name / "app.yaml").write_text(text.replace("shop", name))
        (folder / name / "deploy.yaml").write_text("namespace: shop\nmanifests: [app.yaml]\n")
    with shell(folder) as deploy:
        planned = deploy("plan", "-o", "json").document
        checked = deploy("check", "-o", "json").document
        mended = deploy("check", "--fix")
        (folder / "b" / "app.yaml").write_text(LOST.replace("shop", "b"))
        before = deploy.moment
        refused = deploy("apply")
        touched = deploy.changed_since(before)

    assert [(each["app"], [found["id"] for found in each["findings"]]) for each in planned["releases"]] == [
        ("a", ["RW004"]),
        ("b", []),
    ]
    assert [len(each["findings"]) for each in checked["releases"]] == [1, 0]
    assert mended.out.splitlines()[-1] == f"mended 1 finding in {folder}/a/app.yaml"
    assert (refused.code, touched) == (2, set())


def test_promote_and_rollback_are_not_held_up(deploy: Shell) -> None:
    """What is under way has to be finished, or taken back, whatever the files say by now."""
    write(BARE)
    assert deploy("apply").code == 0
    assert deploy("apply", "canary", "--image", ":1.5.0", "--to", "50%").code == 0
    write(LOST)

    assert deploy("promote", "--full").code == 0
    assert deploy("rollback").code == 0


def test_the_cluster_is_asked_where_that_is_wanted(deploy: Shell) -> None:
    """Its quota, its nodes; and what is wrong with the release by itself."""
    write(BARE)
    deploy.create(
        RESOURCE_QUOTA, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}}
    )

    offline, live = deploy("check", "-o", "json"), deploy("check", "--live", "-o", "json")

    assert [finding["id"] for finding in offline.document["findings"]] == ["RW004"]
    assert {finding["id"] for finding in live.document["findings"]} == {"RW004", "RW014"}
    assert NODE.name not in live.err


def test_the_example_is_clean() -> None:
    """By every strategy; what it is pardoned for has its reason beside it."""
    for strategy in ("recreate", "ramped", "blue-green", "canary", "ab"):
        assert check(strategy, "-f", str(EXAMPLE)).out.splitlines()[-1] == "0 findings"
