"""`deploy rbac`: the Role on stdout, for whoever is named, of the strategies that are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from shell import EXAMPLE, Outcome, run


def rbac(*words: str) -> Outcome:
    return run("rbac", "-f", str(EXAMPLE), *words)


def names(outcome: Outcome) -> list[str]:
    """The Deployments that may be deleted."""
    role = next(yaml.safe_load_all(outcome.out))
    deletes = [rule for rule in role["rules"] if "delete" in rule["verbs"] and rule["resources"] == ["deployments"]]
    return sorted(name for rule in deletes for name in rule["resourceNames"])


def test_the_role_is_for_the_files_own_strategy() -> None:
    """Which is canary here; as YAML that `kubectl apply -f -` takes, for the service account `rollway`."""
    outcome = rbac()
    role, binding = yaml.safe_load_all(outcome.out)

    assert outcome.code == 0
    assert "delete, get, patch configmaps; delete, patch secrets;" in outcome.err
    assert (role["kind"], role["metadata"]) == ("Role", {"name": "rollway-shop", "namespace": "shop"})
    assert (binding["kind"], binding["roleRef"]["name"]) == ("RoleBinding", "rollway-shop")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "rollway", "namespace": "shop"}]
    assert names(outcome) == ["shop-canary"]


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (["--strategy", "ramped"], []),
        (["--strategy", "ramped", "--strategy", "ab"], ["shop-b"]),
        (["--all"], ["shop-b", "shop-canary", "shop-green"]),
    ],
)
def test_strategies_can_be_named(words: list[str], seconds: list[str]) -> None:
    """One, several, all."""
    assert names(rbac(*words)) == seconds


def test_somebody_else_in_another_namespace() -> None:
    """The rights are in the namespace asked for; the account may live in another."""
    document = rbac("-n", "staging", "--service-account", "ci/deployer", "-o", "json").document

    assert (document["app"], document["namespace"], document["strategies"]) == ("shop", "staging", ["canary"])
    role, binding = document["manifests"]
    assert role["metadata"]["namespace"] == "staging"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}]


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (["--all", "--strategy", "ab"], "--strategy and --all contradict each other"),
        (["--strategy", "abc"], "'abc' is no strategy"),
        (["--service-account", "a/b/c"], "a/b/c is no service account"),
        (["--service-account", ""], "is no service account"),
    ],
)
def test_wrong_words(words: list[str], summary: str) -> None:
    outcome = rbac(*words)

    assert outcome.code == 2
    assert summary in outcome.err


def test_a_namespace_has_to_be_known(tmp_path: Path) -> None:
    """No cluster is asked for its default."""
    (tmp_path / "deploy.yaml").write_text("app: web\nweb: {image: 'acme/web:1', port: 80}\n", encoding="utf-8")
    without = run("rbac", "-f", str(tmp_path / "deploy.yaml"))

    assert without.code == 2
    assert "name it with -n" in without.err
    assert run("rbac", "-f", str(tmp_path / "deploy.yaml"), "-n", "web").code == 0


def test_a_folder_of_release_files(tmp_path: Path) -> None:
    """A Role and a RoleBinding an application, each for its own strategy; one that names no namespace is told by its name."""
    for app, where, strategy in (("web", "front", "canary"), ("api", "back", "blue-green")):
        text = f"app: {app}\nnamespace: {where}\nstrategy: {strategy}\nweb: {{image: 'acme/{app}:1', port: 80}}\n"
        (tmp_path / f"{app}.deploy.yaml").write_text(text, encoding="utf-8")
    outcome = run("rbac", "-f", str(tmp_path))
    made = list(yaml.safe_load_all(outcome.out))

    assert outcome.code == 0
    assert [(obj["kind"], obj["metadata"]["name"], obj["metadata"]["namespace"]) for obj in made] == [
        ("Role", "rollway-api", "back"),
        ("RoleBinding", "rollway-api", "back"),
        ("Role", "rollway-web", "front"),
        ("RoleBinding", "rollway-web", "front"),
    ]
    document = run("rbac", "-f", str(tmp_path), "-o", "json").document
    assert [(one["app"], one["strategies"]) for one in document["releases"]] == [("api", ["blue-green"]), ("web", ["canary"])]
    told = run("rbac", "-f", str(tmp_path)).err
    assert ["api: not narrowed" in told, "web: not narrowed" in told] == [True, True]

    (tmp_path / "db.deploy.yaml").write_text("app: db\nweb: {image: 'acme/db:1', port: 80}\n", encoding="utf-8")
    lacking = run("rbac", "-f", str(tmp_path))
    assert lacking.code == 2
    assert "the release file of db names none" in lacking.err


def test_for_a_runner_in_the_cluster() -> None:
    """An account with the rights of a release, and for the pipeline those to start a Job with it: no writing but that."""
    outcome = rbac("--in-cluster", "--service-account", "ci/deployer")
    account, role, binding, start, starting = yaml.safe_load_all(outcome.out)

    assert outcome.code == 0
    assert "runner: {serviceAccount: rollway-shop}" in outcome.err
    assert (account["kind"], account["metadata"]) == ("ServiceAccount", {"name": "rollway-shop", "namespace": "shop"})
    assert (role["metadata"]["name"], binding["subjects"][0]["name"]) == ("rollway-shop", "rollway-shop")
    assert starting["subjects"] == [{"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}]
    written = {
        resource for rule in start["rules"] for resource in rule["resources"] if {*rule["verbs"]} - {"get", "list", "watch"}
    }
    assert written == {"jobs", "secrets"}


def test_a_way_into_the_cluster_that_is_none() -> None:
    outcome = rbac("--in-cluster=tock")

    assert (outcome.code, outcome.out) == (2, "")
    assert "--in-cluster=tock: no such way" in outcome.err


def test_workers_of_a_probe_take_rights_and_only_they(tmp_path: Path) -> None:
    """To make Jobs, to let them live on and to take them away: where the release file has workers."""
    written = EXAMPLE.read_text().replace("[k8s/]", f"['{EXAMPLE.parent / 'k8s'}']")
    file = tmp_path / "deploy.yaml"

    def jobs(probe: str) -> list[list[str]]:
        file.write_text(f"{written}\nprobe: {probe}\n")
        role = next(yaml.safe_load_all(run("rbac", "-f", str(file)).out))
        return [rule["verbs"] for rule in role["rules"] if rule["resources"] == ["jobs"]]

    assert jobs("{url: 'http://shop/'}") == []
    assert jobs("{url: 'http://shop/', workers: 2}") == [["list", "create", "patch", "delete"]]
    file.write_text(f"{written}\nprobe: {{url: 'http://shop/', rate: 2, workers: 4}}\n")
    refused = run("rbac", "-f", str(file))
    assert refused.code == 2
    assert "2 requests a second cannot be shared by 4" in refused.err
