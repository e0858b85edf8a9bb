"""`deploy init`: what it writes can be loaded, and means the defaults."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.errors import BadInput
from rollway.release.load import load
from rollway.release.options import STRATEGIES, StrategyOptions
from rollway.release.scaffold import MANIFESTS_FILE, from_live, from_manifests
from rollway.release.several import load_all
from rollway.strategies import of_release

K8S = Path(__file__).parents[2] / "examples" / "shop" / "k8s"


def test_from_manifests_loads_with_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks that it shows are the defaults, so they can be dropped."""
    monkeypatch.chdir(tmp_path)
    Path("k8s").symlink_to(K8S)

    Path("deploy.yaml").write_text(from_manifests(["k8s/"]).texts["deploy.yaml"])

    release = load("deploy.yaml")
    assert (release.app, release.namespace, release.strategy) == ("shop", "", "ramped")
    assert release.options == StrategyOptions()
    dropped = replace(release, options=StrategyOptions())
    for name in STRATEGIES:  # what is written down counts more than the manifests
        assert of_release(name, release).rolling == of_release(name, dropped).rolling
    assert release.image == "ghcr.io/acme/shop:1.4.0"


def test_of_several_in_one_file_each_has_a_release_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each names the file, and leaves out what is the other's. Paths that YAML would misread are quoted."""
    monkeypatch.chdir(tmp_path)
    one = (K8S / "deployment.yaml").read_text()
    Path("a: b #.yaml").write_text(one + "---\n" + one.replace("name: shop\n  labels", "name: cart\n  namespace: eu\n  labels"))

    made = written(["a: b #.yaml"])

    assert made == ["shop.deploy.yaml", "cart.deploy.yaml"]
    assert [(load(file).app, load(file).namespace) for file in made] == [("shop", ""), ("cart", "eu")]
    assert "exclude: [Deployment/cart]\n" in Path("shop.deploy.yaml").read_text()


def test_applications_with_folders_of_their_own_are_released_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release file lies in the widest folder that is one application's, and names the folder that has all of its manifests;
    what no application has is told."""
    monkeypatch.chdir(tmp_path)
    for app in ("shop", "cart"):
        Path("apps", app, "k8s").mkdir(parents=True)
        for name in ("deployment.yaml", "service.yaml"):
            Path("apps", app, "k8s", name).write_text((K8S / name).read_text().replace("shop", app))
    Path("apps/base").mkdir()
    Path("apps/base/namespace.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n")

    made = written(["apps"])

    assert made == ["apps/cart/deploy.yaml", "apps/shop/deploy.yaml"]
    assert "manifests: [k8s/]" in Path("apps/cart/deploy.yaml").read_text()
    assert [one.app.name for one in load_all(["apps"])] == ["cart", "shop"]
    assert from_manifests(["apps"]).said == (
        "in no release, as no application has them: Namespace prod (apps/base/namespace.yaml)",
    )


def test_in_one_folder_each_takes_what_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Deployment, the Services that select its pods, the configuration that they use, what names any of them; and every
    object is in one release, but for configuration that several use."""
    monkeypatch.chdir(tmp_path)
    Path("k8s").mkdir()
    for app in ("cart", "shop"):
        pods = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": app, "image": f"{app}:1", "envFrom": [
            {"configMapRef": {"name": "common"}}, {"configMapRef": {"name": f"{app}-own"}}]}]}}  # fmt: skip
        spec = {"selector": {"matchLabels": {"app": app}}, "template": pods}
        write(f"k8s/{app}.yaml", ("apps/v1", "Deployment", app, {"spec": spec}))
    write(
        "k8s/all.yaml",
        ("v1", "Service", "till", {"spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]}}),
        ("v1", "Service", "web", {"spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}]}}),
        ("v1", "ConfigMap", "common", {"data": {"a": "b"}}),
        ("v1", "ConfigMap", "shop-own", {"data": {"a": "b"}}),
        ("v1", "ConfigMap", "cart-own", {"data": {"a": "b"}}),
        ("networking.k8s.io/v1", "Ingress", "way-in", {"spec": {"defaultBackend": {"service": {"name": "web"}}}}),
    )  # fmt: skip

    made = written(["k8s/"])

    assert made == ["k8s/cart.deploy.yaml", "k8s/shop.deploy.yaml"]
    cart, shop = (sorted(str(key) for key in load(file).sources.objects) for file in made)
    assert cart == ["ConfigMap cart-own", "ConfigMap common", "Deployment cart", "Service till"]
    assert shop == ["ConfigMap common", "ConfigMap shop-own", "Deployment shop", "Ingress way-in", "Service web"]


def write(path: str, *objects: tuple[str, str, str, dict[str, Any]]) -> None:
    """(apiVersion, kind, name, the rest) each."""
    docs = [{"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest} for version, kind, name, rest in objects]
    Path(path).write_text(yaml.safe_dump_all(docs))


def written(paths: list[str]) -> list[str]:
    """The files that init writes, written."""
    made = from_manifests(paths).texts
    for path, text in made.items():
        Path(path).write_text(text)
    return list(made)


def test_the_namespace_that_is_asked_for_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the release would go into whatever the context names; of one application, and of several. What the manifests say
    otherwise is refused."""
    monkeypatch.chdir(tmp_path)
    write("web.yaml", of_deployment("web"))
    write("api.yaml", of_deployment("api"))

    one = from_manifests(["web.yaml"], namespace="eu").texts
    each = from_manifests(["."], namespace="eu").texts
    assert [text.count("\nnamespace: eu\n") for text in (*one.values(), *each.values())] == [1, 1, 1]
    with pytest.raises(BadInput, match="no valid namespace"):
        from_manifests(["web.yaml"], namespace="Eu_")
    Path("web.yaml").write_text(Path("web.yaml").read_text().replace("name: web\n", "name: web\n  namespace: us\n", 1))
    with pytest.raises(BadInput, match="is in namespace us, the release in eu"):
        from_manifests(["web.yaml"], namespace="eu")


def test_two_versions_of_one_deployment_are_told_with_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a folder of app-v1.yaml and app-v2.yaml has them: one version at a time can be released."""
    monkeypatch.chdir(tmp_path)
    write("app-v1.yaml", of_deployment("web"))
    write("app-v2.yaml", of_deployment("web", "web:2"))

    with pytest.raises(BadInput) as refused:
        from_manifests(["."])
    assert refused.value.summary == "./app-v2.yaml: Deployment web is there twice, first at ./app-v1.yaml"
    assert "name the files of one version alone" in refused.value.hint


def of_deployment(name: str, image: str = "web:1") -> tuple[str, str, str, dict[str, Any]]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
    return "apps/v1", "Deployment", name, {"spec": {"selector": {"matchLabels": labels}, "template": template}}


def test_no_deployment_is_said() -> None:
    """There is nothing to write a release file for."""
    with pytest.raises(BadInput, match="no Deployment"):
        from_manifests([str(K8S / "service.yaml")])


LIVE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "shop",
        "namespace": "prod",
        "uid": "1",
        "resourceVersion": "5",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"deployment.kubernetes.io/revision": "3", "rollway.dev/digest": "x", "note": "1e3"},
    },
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"creationTimestamp": None, "labels": {"app": "shop", "rollway.dev/track": "stable"}},
            "spec": {"containers": [{"name": "shop", "image": "shop:1", "args": ["yes", "12:30", "a\nb", "0o7"]}]},
        },
    },
    "status": {"replicas": 2},
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop", "namespace": "prod"},
    "spec": {
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "selector": {"app": "shop", "rollway.dev/track": "stable"},
        "ports": [{"port": 80}],
    },
    "status": {"loadBalancer": {}},
}


def test_from_live_is_what_the_user_would_have_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without status, what the server set and our own marks; every text reads back as it was."""
    monkeypatch.chdir(tmp_path)
    deploy, manifests = from_live(LIVE, [SERVICE])
    Path("k8s").mkdir()
    Path(MANIFESTS_FILE).write_text(manifests)
    Path("deploy.yaml").write_text(deploy)

    release = load("deploy.yaml")

    assert release.namespace == "prod"
    assert release.workload["metadata"] == {"name": "shop", "namespace": "prod", "annotations": {"note": "1e3"}}
    assert release.workload["spec"]["template"] == {
        "metadata": {"labels": {"app": "shop"}},
        "spec": LIVE["spec"]["template"]["spec"],
    }
    (service,) = release.services
    assert service["spec"] == {"selector": {"app": "shop"}, "ports": [{"port": 80}]}
    assert "status" not in release.workload
    assert LIVE["metadata"]["uid"] == "1"


def test_an_object_elsewhere_does_not_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application is where its Deployment is; and an object that is there twice alike is there once."""
    monkeypatch.chdir(tmp_path)
    one = (K8S / "deployment.yaml").read_text().replace("name: shop\n  labels", "name: shop\n  namespace: eu\n  labels")
    binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: shop, namespace: kube-system}\n"
    Path("app.yaml").write_text(one + "---\n" + binding + "---\n" + one)

    assert "namespace: eu\n" in from_manifests(["app.yaml"]).texts["deploy.yaml"]


def test_from_live_writes_no_second_copy_of_what_stands_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the files that hold it, and writes what is in none; of several, as overlays, it cannot know which."""
    monkeypatch.chdir(tmp_path)
    Path("base").mkdir()
    Path("base/web.yaml").write_text(yaml.safe_dump({key: LIVE[key] for key in ("apiVersion", "kind", "metadata", "spec")}))
    Path("base/values.yaml").write_text("replicas: 3\n")
    Path("broken.yaml").write_text("a: [\n")

    deploy, manifests = from_live(LIVE, [SERVICE])
    assert "manifests: [base/web.yaml, k8s/app.yaml]" in deploy
    assert [doc["kind"] for doc in yaml.safe_load_all(manifests)] == ["Service"]

    Path("base/service.yaml").write_text(yaml.safe_dump({**SERVICE, "metadata": {"name": "shop"}}))
    deploy, manifests = from_live(LIVE, [SERVICE])
    assert ("manifests: [base/service.yaml, base/web.yaml]" in deploy, manifests) == (True, "")

    Path("overlay.yaml").write_text(Path("base/web.yaml").read_text())
    deploy, manifests = from_live(LIVE, [SERVICE])
    assert [doc["kind"] for doc in yaml.safe_load_all(manifests)] == ["Deployment"]


def manifest_of(live: dict[str, Any], name: str) -> dict[str, Any]:
    made = copy.deepcopy({key: live[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": name}})
    if made["kind"] != "Service":
        made["spec"]["selector"] = {"matchLabels": {"app": name}}
        made["spec"]["template"]["metadata"] = {"labels": {"app": name}}
    return made


def test_from_live_takes_its_own_of_a_file_of_several_applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is another's is excluded: nothing is written a second time. A set beside the one Deployment is released along."""
    monkeypatch.chdir(tmp_path)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"selector": {"app": "shop"}}}
    shop, api = manifest_of(LIVE, "shop"), manifest_of(LIVE, "api")
    db = {**manifest_of(LIVE, "db"), "kind": "StatefulSet"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "any"}, "data": {}}
    Path("all.yaml").write_text(yaml.safe_dump_all([api, db, config, service, shop]))
    deploy, manifests = from_live(LIVE, [SERVICE])

    assert manifests == ""
    assert yaml.safe_load(deploy)["manifests"] == ["all.yaml"]
    assert yaml.safe_load(deploy)["exclude"] == ["Deployment/api", "StatefulSet/db"]
    Path("deploy.yaml").write_text(deploy)
    assert load("deploy.yaml").workload["metadata"]["name"] == "shop"

    Path("all.yaml").write_text(yaml.safe_dump_all([db, service, shop]))
    deploy, manifests = from_live(LIVE, [SERVICE])
    assert ("exclude" in yaml.safe_load(deploy), manifests) == (False, "")

    Path("all.yaml").write_text(yaml.safe_dump_all([api, service]))
    deploy, manifests = from_live(LIVE, [SERVICE])
    assert yaml.safe_load(deploy)["manifests"] == [MANIFESTS_FILE]
    assert [doc["kind"] for doc in yaml.safe_load_all(manifests)] == ["Service", "Deployment"]


def test_from_live_replaces_its_own_file_where_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("k8s").mkdir()
    Path(MANIFESTS_FILE).write_text(from_live(LIVE, [SERVICE])[1])

    assert from_live(LIVE, [SERVICE])[1] == ""
    assert from_live(LIVE, [SERVICE], replaces=True)[1] == Path(MANIFESTS_FILE).read_text()


def set_of(kind: str, name: str) -> tuple[str, str, str, dict[str, Any]]:
    pods = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": f"{name}:1"}]}}
    own = {"serviceName": name} if kind == "StatefulSet" else {}
    return "apps/v1", kind, name, {"spec": {"selector": {"matchLabels": {"app": name}}, "template": pods, **own}}


def service_of(name: str) -> tuple[str, str, str, dict[str, Any]]:
    return "v1", "Service", name, {"spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]}}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_sets_are_applications_too(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the strategies that they have."""
    monkeypatch.chdir(tmp_path)
    Path("k8s").mkdir()
    write("k8s/all.yaml", set_of(kind, "db"), service_of("db"))

    assert written(["k8s/"]) == ["deploy.yaml"]

    release = load("deploy.yaml")
    assert (release.workload["kind"], release.app, release.strategy) == (kind, "db", "ramped")
    assert "blueGreen" not in Path("deploy.yaml").read_text()


def test_a_set_goes_along_with_the_one_deployment_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, or among several applications, it is one itself; each object is in one release."""
    monkeypatch.chdir(tmp_path)
    for folder in ("alone", "along", "many"):
        Path(folder).mkdir()
    write("alone/db.yaml", set_of("StatefulSet", "db"), service_of("db"))
    write("along/shop.yaml", set_of("Deployment", "shop"))
    write("along/cache.yaml", set_of("StatefulSet", "cache"), service_of("cache"))
    write("many/all.yaml", *(set_of(kind, kind.lower()) for kind in ("Deployment", "StatefulSet", "DaemonSet")))
    write("many/cart.yaml", set_of("Deployment", "cart"))

    made = [os.path.normpath(file) for file in written(["."])]

    assert sorted(made) == [
        "alone/deploy.yaml", "along/deploy.yaml", "many/cart.deploy.yaml", "many/daemonset.deploy.yaml",
        "many/deployment.deploy.yaml", "many/statefulset.deploy.yaml",
    ]  # fmt: skip
    held = {file: sorted(str(key) for key in load(file).sources.objects) for file in made}
    assert held["along/deploy.yaml"] == ["Deployment shop", "Service cache", "StatefulSet cache"]
    assert held["many/statefulset.deploy.yaml"] == ["StatefulSet statefulset"]
    objects = [name for names in held.values() for name in names]
    assert len(objects) == len(set(objects)) == 9
