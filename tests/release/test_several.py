"""A folder of release files: which are found, and every mistake in them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.several import App, circles, in_order, linked, load_all, placed
from services import service


def told(bad: BadInput) -> str:
    return f"{bad.summary}\n{bad.detail}\n{bad.hint}"


def refused(folder: Path, *paths: str) -> str:
    """What is said about them, without the folder's path."""
    with pytest.raises(BadInput) as caught:
        linked(load_all([str(folder / path) for path in paths] or [str(folder)]))
    return told(caught.value).replace(f"{folder}/", "")


def test_every_release_file_of_a_folder_is_found_once(tmp_path: Path) -> None:
    """deploy.yaml and *.deploy.yaml, at any depth; named twice is once; hidden folders are none of it."""
    service(tmp_path, "web")
    service(tmp_path / "deep" / "er", "api")
    service(tmp_path, "db", file="db.deploy.yaml")
    service(tmp_path / ".git", "old")
    service(tmp_path, "notes", file="release.yaml")

    assert [one.release.app for one in load_all([str(tmp_path), str(tmp_path / "web" / "deploy.yaml")])] == [
        "db",
        "api",
        "web",
    ]


def test_a_manifest_that_is_called_deploy_yaml_is_no_release(tmp_path: Path) -> None:
    """As many call the file of a Deployment; named by itself it is told of."""
    service(tmp_path, "web")
    (tmp_path / "web" / "k8s" / "app.yaml").rename(tmp_path / "web" / "k8s" / "deploy.yaml")

    assert [one.release.app for one in load_all([str(tmp_path)])] == ["web"]
    assert "this is a Kubernetes Deployment, not a release file" in refused(tmp_path, "web/k8s/deploy.yaml")


def test_a_folder_without_release_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "empty: no release file in this folder or below it" in refused(tmp_path, "empty")
    assert "deploy init" in refused(tmp_path, "empty")


def test_the_mistakes_of_all_files_are_listed(tmp_path: Path) -> None:
    """Each at its place, with its hint; the good ones are not mentioned."""
    service(tmp_path, "web")
    service(tmp_path, "api", more="strategie: canary\n")
    service(tmp_path, "db").write_text("manifests: [nowhere/]\n")
    (tmp_path / "docs.deploy.yaml").write_text("app: [\n")

    said = refused(tmp_path)

    assert said.startswith("3 of the releases are wrong, and none was started\n")
    assert 'api/deploy.yaml:7:1: unknown key "strategie"\n  try: did you mean "strategies"?' in said
    assert "no such file or folder: db/nowhere" in said
    assert "docs.deploy.yaml:2:1: broken YAML" in said
    assert "web" not in said


def test_flags_are_laid_over_each(tmp_path: Path) -> None:
    """--set and --namespace are for all of them."""
    for name in ("api", "web"):
        service(tmp_path, name)

    written = load_all([str(tmp_path)], sets=["strategy=recreate"], namespace="stage")

    assert {(one.app, one.release.strategy) for one in written} == {
        (App("stage", "api"), "recreate"),
        (App("stage", "web"), "recreate"),
    }


WRONG_LINKS = [
    ({"web": ["dbb"], "db": []}, "web/deploy.yaml: dependsOn: there is no dbb among the releases", 'did you mean "db"?'),
    ({"web": ["other/db"], "db": []}, "web/deploy.yaml: dependsOn: there is no other/db among the releases", ""),
    ({"web": ["web"]}, "web/deploy.yaml: dependsOn: web depends on itself", ""),
    ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, "a/deploy.yaml: dependsOn: a circle, a → b → c → a", "take one"),
    ({"a": ["gone"], "b": ["b"]}, "2 of the releases are wrong", "b depends on itself"),
]


@pytest.mark.parametrize(("links", "summary", "more"), WRONG_LINKS, ids=[str(index) for index in range(len(WRONG_LINKS))])
def test_links_that_lead_nowhere(tmp_path: Path, links: dict[str, list[str]], summary: str, more: str) -> None:
    """Unknown names and circles, at the file they are written in."""
    for name, after in links.items():
        service(tmp_path, name, after=after)

    said = refused(tmp_path)

    assert said.startswith(summary)
    assert more in said


def test_what_two_releases_both_are(tmp_path: Path) -> None:
    """The same application twice, or one Deployment under two names."""
    service(tmp_path, "web")
    service(tmp_path, "web", file="again.deploy.yaml")
    assert "web/deploy.yaml: shop/web is released by web/again.deploy.yaml, too" in refused(tmp_path)

    again = tmp_path / "web" / "again.deploy.yaml"
    again.write_text(again.read_text().replace("app: web", "app: site"))
    assert "Deployment web is released as shop/site by web/again.deploy.yaml, too" in refused(tmp_path)


def test_one_name_in_two_namespaces(tmp_path: Path) -> None:
    """The near one is meant, else the only one; of several, one has to be named."""
    service(tmp_path, "db")
    service(tmp_path / "eu", "db")
    eu = tmp_path / "eu" / "db" / "deploy.yaml"
    eu.write_text(eu.read_text().replace("namespace: shop", "namespace: eu"))
    service(tmp_path, "near", after=["db"])
    service(tmp_path, "named", after=["eu/db"])
    far = service(tmp_path, "far", after=["near"])
    far.write_text(far.read_text().replace("namespace: shop", "namespace: us"))

    after = linked(load_all([str(tmp_path)]))

    assert after[App("shop", "near")] == (App("shop", "db"),)
    assert after[App("shop", "named")] == (App("eu", "db"),)
    assert after[App("us", "far")] == (App("shop", "near"),)
    far.write_text(far.read_text().replace("[near]", "[db]"))
    assert "dependsOn: db may be any of shop/db, eu/db" in refused(tmp_path)


def test_the_context_may_make_two_of_them_one(tmp_path: Path) -> None:
    """Where one file leaves the namespace to it, and the other names it."""
    service(tmp_path, "web")
    other = service(tmp_path, "web", file="again.deploy.yaml")
    other.write_text(other.read_text().replace("namespace: shop\n", ""))
    written = load_all([str(tmp_path)])
    linked(written)

    with pytest.raises(BadInput, match="shop/web is released by"):
        linked(placed(written, "shop"))
    assert {one.app.namespace for one in placed(written, "other")} == {"shop", "other"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[Web]", "dependsOn: 'Web' is no application: not made of lower-case letters"),
        ("[/web]", "dependsOn: '/web' is no application: "),
        ("[a/b/c]", "dependsOn: 'a/b/c' is no application: "),
        ("{web: 1}", "dependsOn is a mapping; it takes a list"),
        ("[1]", "dependsOn[0] is 1; it takes a text"),
    ],
)
def test_depends_on_takes_names(tmp_path: Path, value: str, said: str) -> None:
    """Told of at the line of the file."""
    path = service(tmp_path, "shop")
    path.write_text(path.read_text().replace("dependsOn: []", f"dependsOn: {value}"))

    with pytest.raises(BadInput, match=r"deploy\.yaml:5:") as caught:
        load(str(path))
    assert said in caught.value.summary


def test_one_name_may_stand_without_a_list(tmp_path: Path) -> None:
    """And a release by itself does not ask for what it depends on; its record in the history does not know it."""
    path = service(tmp_path, "shop")
    path.write_text(path.read_text().replace("dependsOn: []", "dependsOn: db"))

    release = load(str(path))

    assert release.depends_on == ("db",)
    assert "dependsOn" not in release.to_record()
    assert Release.from_record(release.to_record()).depends_on == ()


@given(st.integers(1, 10).flatmap(lambda n: st.lists(st.lists(st.integers(0, n - 1), max_size=3), min_size=n, max_size=n)))
def test_order_and_circles_are_two_sides_of_one(drawn: list[list[int]]) -> None:
    """Either each can come after what it depends on, or there is a circle: each in it depends on the next."""
    names = [App("", str(number)) for number in range(len(drawn))]
    after = {names[number]: tuple(names[link] for link in links) for number, links in enumerate(drawn)}

    ordered, found = in_order(after), list(circles(after))

    assert all(ordered.index(link) < ordered.index(app) for app in ordered for link in after[app])
    assert (len(ordered) < len(names)) == bool(found)
    for circle in found:
        assert all(follower in after[app] for app, follower in zip(circle, [*circle[1:], circle[0]], strict=True))
