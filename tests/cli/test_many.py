"""`deploy apply -f services/`: usage, the table, the one document."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rollway.cli.views.github import GithubView
from rollway.cli.views.human import HumanView
from rollway.cli.views.many_live import ManyScreen, visible
from rollway.cli.views.many_text import Row, Table, count_line, table_lines
from rollway.cli.views.paint import Paint
from rollway.cli.views.progress import Progress
from rollway.errors import Locked
from rollway.kube.objects import DEPLOYMENT
from rollway.release.several import App, load_all
from rollway.ship.many import Began, Ended, Outcome, Started
from services import service
from shell import Shell, run, shell

WRONG = [
    (["apply", "canary"], "canary: a strategy is named for one release, and SERVICES is a folder of them"),
    (["apply", "canry"], "'canry' is no strategy"),
    (["apply", "plan.json"], "a saved plan is of one release, and SERVICES is a folder of them"),
    (["apply", "--image", ":2.0.0"], "--image is for one release, and SERVICES is a folder of them"),
    (["apply", "--parallel", "0"], "--parallel 0: not a number from 1 to 100"),
    (["apply", "--parallel", "many"], "--parallel many: not a number from 1 to 100"),
    (["apply", "--to", "50%"], "50% is no share that all of them can hold"),
    (["apply", "--set", "strategie=canary"], "3 of the releases are wrong, and none was started"),
    (["plan", "--out", "plan.json"], "--out is for one release, and SERVICES is a folder of them"),
    (["plan", "--promote"], "--promote is for one release"),
    (["plan", "--to-revision", "1"], "--to-revision is for one release"),
    (["apply", "-f", "nowhere.yaml"], "nowhere.yaml: no such file"),
    (["apply", "canary", "-f", "SERVICES/db/deploy.yaml"], "canary: a strategy is named for one release, and 2 are named"),
    (["promote", "canary"], "canary: a strategy is named for one release, and SERVICES is a folder of them"),
    (["promote", "--image", ":2.0.0"], "--image is for one release, and SERVICES is a folder of them"),
    (["rollback", "--to-revision", "1"], "--to-revision is for one application"),
    (["render"], "several release files, or a folder: one at a time is rendered"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """web after api after db, which is shipped by recreate."""
    service(tmp_path, "web", after=["api"])
    service(tmp_path, "api", after=["db"])
    service(tmp_path, "db", strategy="recreate")
    return tmp_path


@pytest.fixture
def deploy(folder: Path) -> Iterator[Shell]:
    """Verbs get the folder as their -f."""
    with shell(folder) as deploy:
        yield deploy


@pytest.mark.parametrize(("words", "summary"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_usage_touches_nothing(folder: Path, deploy: Shell, words: list[str], summary: str) -> None:
    """Exit 2, one line that says why, nothing on stdout."""
    before = deploy.moment
    given = [word.replace("SERVICES", str(folder)) for word in words]

    outcome = deploy(*given, *(["-f", str(folder)] if "-f" in given else []))

    assert outcome.code == 2
    assert outcome.err.splitlines()[0].startswith(f"✗ {summary.replace('SERVICES', str(folder))}")
    assert outcome.out == ""
    assert deploy.changed_since(before) & {"Deployment", "Secret", "Lease"} == set()


def test_all_mistakes_of_all_files_are_told_before_any_cluster_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A circle, too."""
    monkeypatch.setenv("KUBECONFIG", str(folder / "none"))
    service(folder, "db", after=["web"])
    assert run("apply", "-f", str(folder)).err.splitlines()[0].endswith("dependsOn: a circle, api → db → web → api")
    (folder / "api" / "deploy.yaml").write_text("app: API\n")
    (folder / "web" / "deploy.yaml").write_text("nonsense: 1\n")

    outcome = run("apply", "-f", str(folder), "-o", "json")

    error = outcome.document["error"]
    assert (outcome.code, error["exit"]) == (2, 2)
    assert error["summary"] == "2 of the releases are wrong, and none was started"
    assert "'API' is no valid name" in error["detail"]
    assert 'unknown key "nonsense"' in error["detail"]


def test_one_document_for_all(folder: Path, deploy: Shell) -> None:
    """Each release's as for a single one, in the order of the files; the phase of all together."""
    first = deploy("apply", "-o", "json")
    service(folder, "api", tag="bad", after=["db"])
    service(folder, "db", tag="2.0.0")
    failed = deploy("apply", "-o", "json", "--parallel", "2")

    assert (first.code, first.document["phase"]) == (0, "Promoted")
    assert "error" not in first.document
    assert [(each["app"], each["revision"], each["phase"]) for each in first.document["releases"]] == [
        ("api", 1, "Promoted"),
        ("db", 1, "Promoted"),
        ("web", 1, "Promoted"),
    ]
    assert (failed.code, failed.document["phase"], failed.document["error"]["exit"]) == (1, "RolledBack", 1)
    api, db, web = failed.document["releases"]
    assert (api["phase"], api["wayBack"]["toVersion"], api["error"]["exit"]) == ("RolledBack", "1.0.0", 1)
    assert (db["phase"], db["toVersion"], db["skipped"]) == ("Promoted", "2.0.0", "")
    assert (web["phase"], web["steps"], web["skipped"]) == (None, [], "depends on shop/api, which failed")
    single = deploy("apply", "-f", str(folder / "web" / "deploy.yaml"), "-o", "json").document
    assert set(single) <= set(api)


def test_a_promotion_of_all_puts_away_what_one_that_was_cut_off_has_left(folder: Path, deploy: Shell) -> None:
    """As the promotion of one does; what has nothing left is said to be promoted, and not touched."""
    service(folder, "web", strategy="blue-green")
    port = "{name: http, port: 80, targetPort: 8080}"
    (folder / "web" / "k8s" / "service.yaml").write_text(
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{port}]}}\n"
    )
    deploy("apply")
    service(folder, "web", tag="2.0.0", strategy="blue-green")
    deploy("apply")
    # killed in the moment before the old side was scaled down
    deploy.sandbox.api.patch(DEPLOYMENT, "shop", "web", {"spec": {"replicas": 2}}, subresource="scale", manager="rollway")
    moment = deploy.moment

    first, again = deploy("promote", "--full"), deploy("promote", "--full")

    assert (first.code, again.code) == (0, 0)
    assert "api: 1.0.0 is promoted already" in first.err
    assert "web: 2.0.0 is promoted already" not in first.err
    assert deploy.sandbox.store.get(DEPLOYMENT, "shop", "web")["spec"]["replicas"] == 0
    assert deploy.changed_since(moment) & {"Service", "Ingress"} == set()
    assert "web: 2.0.0 is promoted already" in again.err
    assert again.out == "", "a table of nothing"


def test_plans_of_all(folder: Path, deploy: Shell) -> None:
    """In the order of what depends on what; the second time there is nothing to do."""
    before = deploy.moment
    text, document = deploy("plan", "--no-diff").out, deploy("plan", "-o", "json").document
    assert deploy.changed_since(before) & {"Deployment", "Secret", "Lease"} == set()
    deploy("apply")

    assert [each["app"] for each in document["releases"]] == ["db", "api", "web"]
    assert [line.split()[0] for line in text.splitlines() if "namespace shop" in line] == ["db", "api", "web"]
    assert text.endswith("\n3 to release\n")
    assert deploy("plan").out.endswith("\n0 to release, 3 as wanted already\n")


def test_what_cannot_be_planned_is_told_beside_what_can(folder: Path, deploy: Shell) -> None:
    """Exit as of the one that cannot."""
    other = folder / "db" / "deploy.yaml"
    other.write_text(other.read_text().replace("namespace: shop", "namespace: nowhere"))

    text, document = deploy("plan"), deploy("plan", "-o", "json")

    assert (text.code, document.code) == (4, 4)
    assert '✗ namespaces "nowhere" not found' in text.out
    assert text.out.endswith("\n2 to release, 1 that cannot be planned\n")
    assert document.document["error"]["summary"] == "1 of 3 releases cannot be planned"
    assert [each.get("error", {}).get("exit") for each in document.document["releases"]] == [4, None, None]


def test_a_pipeline_reads_plain_lines_and_a_table(folder: Path, deploy: Shell) -> None:
    """A line where a release begins and where it ends; why one failed; the table on stdout."""
    service(folder, "api", tag="bad", after=["db"])

    outcome = deploy("apply")

    assert outcome.code == 1
    assert outcome.err.splitlines()[:6] == [
        "  db: 1.0.0 · recreate",
        "  db: ✓ promoted as revision 1 after 0 s",
        "  api: bad · ramped",
        "  api: ✗ api: 0 of 2 pods ready",
        "  api: ✗ failed",
        "  web: – skipped: depends on shop/api, which failed",
    ]
    assert "      KeyError: PAYMENT_URL   (last line of its log)" in "\n".join(outcome.err.splitlines())
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["APP", "VERSION", "STRATEGY", "PHASE", "PODS", "TIME"]
    assert [line.split()[:5] for line in lines[1:3]] == [
        ["✗", "api", "bad", "ramped", "failed"],
        ["✓", "db", "1.0.0", "recreate", "promoted"],
    ]
    assert lines[3].split() == ["–", "web", "1.0.0", "ramped", "skipped", "depends", "on", "shop/api,", "which", "failed"]
    assert lines[4].startswith("1 promoted, 1 failed, 1 skipped · ")
    assert "\x1b" not in outcome.out + outcome.err
    assert "0 of 2 pods available" in deploy("apply", "-v").err


def test_set_is_for_all_and_files_may_be_named_one_by_one(folder: Path, deploy: Shell) -> None:
    """What is not named is not released, even if it was depended on before."""
    files = [word for name in ("db", "api") for word in ("-f", str(folder / name / "deploy.yaml"))]

    document = deploy("apply", *files, "--set", "strategy=recreate", "-o", "json").document

    assert [(each["app"], each["strategy"]) for each in document["releases"]] == [("db", "recreate"), ("api", "recreate")]


def test_no_rollback_and_timeout_are_for_all(folder: Path, deploy: Shell) -> None:
    """As for one."""
    deploy("apply")
    service(folder, "web", tag="bad")
    left = deploy("apply", "--no-rollback", "-o", "json")
    service(folder, "web", tag="slow")
    late = deploy("apply", "--timeout", "1s", "-o", "json")

    assert (left.code, left.document["phase"]) == (1, "Failed")
    assert (late.code, late.document["phase"]) == (5, "Progressing")


def test_a_folder_of_one_is_a_document_of_one(tmp_path: Path) -> None:
    """The shape does not depend on how many there are."""
    service(tmp_path, "web")
    with shell(tmp_path) as deploy:
        document = deploy("apply", "-o", "json").document

    assert [each["app"] for each in document["releases"]] == ["web"]


def test_on_github_each_failure_is_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the application's name; the skipped ones are not."""
    releases = [one.release for one in load_all([str(folder)])]
    refused = Outcome(releases[0], error=Locked("api is locked by bob"))
    skipped = Outcome(releases[2], skipped="depends on api, which was refused")
    view = GithubView(HumanView(), summary=None, workspace=None)

    view.many_result([refused, skipped])

    assert "::error title=api%2C exit 3::api is locked by bob" in capsys.readouterr().err.splitlines()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rows(count: int) -> list[Row]:
    return [Row(f"app-{number}", "1.0.0", "ramped", Progress(Clock())) for number in range(count)]


def test_a_small_terminal_shows_what_matters_most() -> None:
    """What runs, what went wrong, what ended last, what waits; always in the order of the table."""
    listed = rows(9)
    for index, (fate, began, ended) in {
        0: ("promoted", 0.0, 1.0), 1: ("promoted", 0.0, 3.0), 4: ("failed", 0.0, 2.0), 6: ("", 3.0, None),
    }.items():  # fmt: skip
        listed[index].fate, listed[index].began, listed[index].ended = fate, began, ended

    def shown(room: int) -> list[int]:
        return [listed.index(row) for row in visible(listed, room)]

    assert [shown(room) for room in (1, 2, 3, 4, 5)] == [[6], [4, 6], [1, 4, 6], [0, 1, 4, 6], [0, 1, 2, 4, 6]]
    assert shown(9) == list(range(9))
    assert count_line(listed, 41) == "2 promoted, 1 failed, 1 running, 5 waiting · 0:41"


def test_the_table_fits_the_terminal() -> None:
    """Notes are cut, columns are not."""
    row = rows(1)[0]
    row.note = "x" * 200

    assert max(len(line) for line in table_lines([row], 0.0, Paint(False), 80)) == 80


def test_the_table_moves_on_a_terminal_and_stays_when_it_is_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows are there in the end, however few lines the terminal has."""
    monkeypatch.setitem(os.environ, "LINES", "4")
    releases = [one.release for one in load_all([str(folder)])]
    clock, out = Clock(), io.StringIO()
    table = Table(clock)
    table.take(Began(tuple(releases)))
    screen = ManyScreen(table, out)
    table.take(Started(App("shop", "api")))
    clock.now = 21.0
    table.take(Ended(App("shop", "api"), Outcome(releases[0], skipped="no")))
    table.take(Started(App("shop", "db")))
    table.cut_off()
    screen.close()

    last = out.getvalue().rpartition("APP")[2]
    assert [name for name in ("api", "db", "web") if name in last] == ["api", "db", "web"]
    assert "stopped" in last
