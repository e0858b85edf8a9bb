"""Fixes in the user's own files: what was found is mended, and nothing else is touched."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
import yaml
from checked import SOUND
from rollway import preflight
from rollway.errors import BadInput
from rollway.preflight.writing import Rewritten, rewritten
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.reading import read_text
from rollway.release.yamledit import put, remove, rename
from rollway.release.yamlfile import documents
from rollway.ship.checking import check
from rollway.ship.fixing import plan_fixes

RELEASE = "manifests: [{}]\nworkload: shop\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, name: str = "app.yaml", file: str = "") -> Release:
    Path(name).write_bytes(text.encode())
    Path("deploy.yaml").write_text(RELEASE.format(name) + file)
    return load("deploy.yaml")


def mended(release: Release) -> Rewritten:
    return rewritten(release, preflight.findings(release), lambda source: read_text(source, source))


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:1] in "+-"]


COMMENTED = """\
# The shop.   Do not reformat.
apiVersion: v1
kind: Service
metadata: {name: shop}   # found by its name
spec:
  selector:
    app:   shop-server
  ports:
  - port: 80
    targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
    name: "shop"
spec:
    replicas: 1     # one will do

    selector: {matchLabels: {app: shop}}
    strategy:
        rollingUpdate:
            maxSurge: 0
            maxUnavailable: 0
    template:
        metadata: {labels: {app: shop}}
        spec:
            containers:
                - name: shop    # first
                  image: ghcr.io/acme/shop:1.4.0
                  ports: [ {containerPort: 8080} ]
                  env:
                    - {name: A, value: 'b'}
                  # nothing below

            # the end of the containers
            dnsPolicy: ClusterFirst
"""


def test_only_what_was_found_changes(folder: Path) -> None:
    """Comments, quotes, alignment, blank lines and order are the user's."""
    done = mended(read(COMMENTED))

    assert [finding.id for finding in done.done] == ["RW015", "RW010", "RW001", "RW004"]
    assert changed(COMMENTED, done.texts["app.yaml"]) == [
        "-     app:   shop-server",
        "+     app:   shop",
        "-             maxSurge: 0",
        "+             maxSurge: 1",
        "+                   readinessProbe:",
        "+                     tcpSocket:",
        "+                       port: 8080",
        "+                     periodSeconds: 2",
        "+                   lifecycle:",
        "+                     preStop:",
        "+                       sleep:",
        "+                         seconds: 5",
    ]


def test_twice_is_once(folder: Path) -> None:
    """What is mended is not found again, and there is nothing to write then."""
    Path("app.yaml").write_text(mended(read(COMMENTED)).texts["app.yaml"])

    assert preflight.findings(load("deploy.yaml")) == ()
    assert mended(load("deploy.yaml")).texts == {}


STYLES = {
    "block": lambda objects: yaml.safe_dump_all(objects, sort_keys=False),
    "flow": lambda objects: "---\n".join(yaml.safe_dump(obj, default_flow_style=True, width=10_000) for obj in objects),
    "JSON": lambda objects: json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2),
    "compact JSON": lambda objects: json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
    "a list": lambda objects: yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}),
    "of Windows": lambda objects: yaml.safe_dump_all(objects).replace("\n", "\r\n"),
}
WRONG = """
{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}, spec: {backend: {serviceName: shop, servicePort: http},
 rules: [{http: {paths: [{path: /, backend: {serviceName: shop, servicePort: 80}}]}}]}}
---
{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: b},
 spec: {minAvailable: 100%, selector: {matchLabels: {app: shop}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {minReplicas: 2, maxReplicas: 9,
 scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [shop], http: [
 {match: [{headers: {X-Api-Version: {exact: v2}}}], route: [{destination: {host: shop}}]}]}}
"""


@pytest.mark.parametrize("style", STYLES)
def test_in_every_style(style: str, folder: Path) -> None:
    """Block, flow, JSON, lists of objects, Windows' line ends: the files come to hold what the release has with its fixes."""
    text = (
        SOUND.replace("replicas: 4", "replica: 4")
        .replace("readinessProbe", "readynessProbe")
        .replace("{seconds: 5}", "{seconds: 1}")
    )
    text = text.replace("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 2")
    name = "app.json" if "JSON" in style else "app.yaml"
    release = read(STYLES[style]([*yaml.safe_load_all(text), *yaml.safe_load_all(WRONG)]), name)
    found = preflight.findings(release)

    done = mended(release)
    for name, written in done.texts.items():
        Path(name).write_bytes(written.encode())
    after = load("deploy.yaml")

    assert {finding.id for finding in found} == {"RW005", "RW006", "RW018", "RW022", "RW023", "RW024", "RW029"}
    assert done.left == ()
    assert after.manifests == preflight.fixed(release, *found).manifests
    # what was misspelt is there now, and seen: the autoscaler and the number of pods
    assert {finding.id for finding in preflight.findings(after)} == {"RW019"}
    again = mended(after)
    for name, written in again.texts.items():
        Path(name).write_bytes(written.encode())
    assert preflight.findings(load("deploy.yaml")) == ()
    if "JSON" in style:
        json.loads(Path("app.json").read_text())
    if style == "of Windows":
        assert Path("app.yaml").read_bytes().count(b"\n") == Path("app.yaml").read_bytes().count(b"\r\n")


def test_an_anchor_is_left_alone(folder: Path) -> None:
    """What is written once and used twice cannot be changed in one place: said, not done."""
    text = SOUND.replace("lifecycle: {preStop: {sleep: {seconds: 5}}}", "lifecycle: &hook {preStop: {sleep: {seconds: 1}}}")
    text += "      - {name: other, image: 'ghcr.io/acme/other:1.0', lifecycle: *hook}\n"
    done = mended(read(text))

    assert done.texts == {}
    assert [(finding.id, "anchor" in reason) for finding, reason in done.left] == [("RW005", True)]


def test_what_is_left_is_told_in_the_order_in_which_it_was_found(folder: Path) -> None:
    """Whether there is a fix that cannot be written, or none."""
    text = SOUND.replace("lifecycle: {preStop: {sleep: {seconds: 5}}}", "lifecycle: &hook {preStop: {sleep: {seconds: 1}}}")
    text = text.replace("shop:1.4.0", "shop:latest") + "      - {name: other, image: 'other:1', lifecycle: *hook}\n"
    release = read(text)
    found = preflight.findings(release)

    for findings in (found, found[::-1]):
        left = rewritten(release, findings, lambda source: read_text(source, source)).left
        assert [finding.id for finding, _ in left] == [finding.id for finding in findings]
    assert {bool(finding.fix) for finding in found} == {True, False}


def test_the_release_file_is_mended_where_it_is_wrong(folder: Path) -> None:
    """Its own limits of a rolling update."""
    release = read(SOUND.replace("replicas: 4", "replicas: 1"), file="strategies:\n  ramped: {maxUnavailable: 1}   # why not\n")

    done = mended(release)

    assert done.texts == {"deploy.yaml": RELEASE.format("app.yaml") + "strategies:\n  ramped: {maxUnavailable: 0}   # why not\n"}


WEB = (
    "app: shop\nimage: ghcr.io/acme/shop:1.0\nweb:\n  readiness: false   # later\n  preStopSeconds: 1\n  gracePeriodSeconds: 2\n"
)


def test_a_web_app_is_mended_in_its_block(folder: Path) -> None:
    """The template's objects are written nowhere else."""
    Path("deploy.yaml").write_text(WEB)
    release = load("deploy.yaml")
    found = preflight.findings(release)

    done = mended(release)
    Path("deploy.yaml").write_text(done.texts["deploy.yaml"])

    assert [(finding.id, finding.line) for finding in found] == [("RW001", 4), ("RW005", 5), ("RW006", 6)]
    assert done.texts["deploy.yaml"].splitlines()[3:] == [
        "  readiness: {path: /}   # later",
        "  preStopSeconds: 5",
        "  gracePeriodSeconds: 16",
    ]
    assert preflight.findings(load("deploy.yaml")) == ()


@pytest.mark.parametrize(
    ("web", "becomes"),
    [
        # a port that listens becomes a page; a page and how it is asked stay
        ("readiness: false", "readiness: {path: /}"),
        ("readiness: false, liveness: {path: /live, periodSeconds: 30}", "readiness: {periodSeconds: 2, path: /live}"),
        (
            "liveness: {path: /, periodSeconds: 1}, readiness: {path: /r}",
            "liveness: {path: /, periodSeconds: 1, failureThreshold: ",
        ),
        ("liveness: {path: /live, initialDelaySeconds: 1, periodSeconds: 9}", "startup: {timeoutSeconds: 1, periodSeconds: 2, "),
        ("preStopSeconds: 1", "preStopSeconds: 5"),
        ("preStopSeconds: 0", "preStopSeconds: 5"),
        ("gracePeriodSeconds: 6", "gracePeriodSeconds: 16"),
    ],
)
def test_each_key_of_a_web_app_is_mended(web: str, becomes: str, folder: Path) -> None:
    """By the key that makes the part of the Deployment, and the file is sound then."""
    Path("deploy.yaml").write_text(f"app: shop\nimage: ghcr.io/acme/shop:1.0\nweb: {{{web}}}\n")
    done = mended(load("deploy.yaml"))

    assert [why for _, why in done.left] == []
    assert becomes in done.texts["deploy.yaml"]
    Path("deploy.yaml").write_text(done.texts["deploy.yaml"])
    assert preflight.findings(load("deploy.yaml")) == ()


@pytest.mark.parametrize(
    "web", ["", ", host: shop.example.com", ", replicas: 1", ", replicas: 1, host: h.example.com, liveness: {path: /live}"]
)
@pytest.mark.parametrize("strategy", ["recreate", "ramped", "blue-green", "ab"])
def test_our_own_template_is_clean(web: str, strategy: str, folder: Path) -> None:
    """Whatever it renders by default breaks no rule; a liveness probe as impatient as they come is told for information."""
    Path("deploy.yaml").write_text(f"app: shop\nweb: {{image: 'ghcr.io/acme/shop:1.0'{web}}}\n")
    release = load("deploy.yaml")

    assert [each.id for each in preflight.findings(release, strategy) if each.severity != "info"] == []
    assert preflight.findings(release, strategy) == () or "liveness" in web


def test_a_file_that_has_changed_is_not_written(folder: Path) -> None:
    """Between reading and mending."""
    release = read(COMMENTED)
    Path("app.yaml").write_text(COMMENTED.replace("replicas: 1", "replicas: 2"))

    with pytest.raises(BadInput, match="has changed while it was checked"):
        mended(release)


EDITS = {
    "an empty value": ("a:\nb: 1\n", lambda t: put(t, 0, ("a", "x"), 1), "a: {x: 1}\nb: 1\n"),
    "an empty value at the end": ("b: 1\na:\n", lambda t: put(t, 0, ("a",), {"x": 1}), "b: 1\na: {x: 1}\n"),
    "behind a literal": ("a: |\n  x\n\n  y\nb: 1\n", lambda t: put(t, 0, ("c",), 2), "a: |\n  x\n\n  y\nb: 1\nc: 2\n"),
    "into what ends in a literal": (
        "a:\n  b: |\n    text\n# c\nd: 1\n",
        lambda t: put(t, 0, ("a", "x"), 2),
        "a:\n  b: |\n    text\n  x: 2\n# c\nd: 1\n",
    ),
    "into an empty map": ("a: {}\n", lambda t: put(t, 0, ("a", "x"), "1"), 'a: {x: "1"}\n'),
    "an item": ("a:\n- 1\n- 2 # two\nb: 1\n", lambda t: put(t, 0, ("a", 2), {"x": 1}), "a:\n- 1\n- 2 # two\n- x: 1\nb: 1\n"),
    "an item of a flow": ("a: [1, 2]\n", lambda t: put(t, 0, ("a", 2), 3), "a: [1, 2, 3]\n"),
    "without a line's end": ("a: 1", lambda t: put(t, 0, ("b",), 2), "a: 1\nb: 2"),
    "a block for a block": (
        "a:\n  b:\n    c: 1\nd: 1\n", lambda t: put(t, 0, ("a", "b"), {"e": 2}), "a:\n  b:\n    e: 2\nd: 1\n"
    ),
    "a key": ("a: 1 # one\nb: 2\n", lambda t: remove(t, 0, ("a",)), "b: 2\n"),
    "the last key": ("x:\n  a: 1\nb: 2\n", lambda t: remove(t, 0, ("x", "a")), "x: {}\nb: 2\n"),
    "the first key of an item": ("- a: 1\n  b: 2\n", lambda t: remove(t, 0, (0, "a")), "- b: 2\n"),
    "a key of a flow": ("{a: 1, b: 2, c: 3}\n", lambda t: remove(t, 0, ("b",)), "{a: 1, c: 3}\n"),
    "the last key of a flow": ("{a: 1, b: 2}\n", lambda t: remove(t, 0, ("b",)), "{a: 1}\n"),
    "another name": ("'a':   1 # x\n", lambda t: rename(t, 0, ("a",), "b"), "'b':   1 # x\n"),
    "the second document": ("a: 1\n---\na: 1\n", lambda t: put(t, 1, ("a",), 2), "a: 1\n---\na: 2\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit(name: str) -> None:
    """The new text, to the last character."""
    before, edit, after = EDITS[name]

    assert edit(before) == after
    assert list(documents(after, ""))


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    """What lies there may be read by others; it is told, and the link and its target stay as they are."""
    outside = tmp_path / "shared.yaml"
    outside.write_text(SOUND.replace("selector: {app: shop}\n  ports", "selector: {app: shopp}\n  ports"))
    inside = tmp_path / "shop"
    inside.mkdir()
    (inside / "app.yaml").symlink_to(outside)
    (inside / "deploy.yaml").write_text("manifests: [app.yaml]\n")
    before = outside.read_text()

    plan = plan_fixes([check(load(str(inside / "deploy.yaml")))])

    assert plan.texts == {}
    assert [finding.id for finding, why in plan.left if "outside of the release's folder" in why] == ["RW015"]
    assert outside.read_text() == before


def test_the_second_of_two_that_are_alike_goes(folder: Path) -> None:
    """And what else is mended in the same mapping is mended in the one that stays."""
    twice = SOUND.replace("  replicas: 4\n", "  replicas: 4\n  strategy: {type: Recreate}\n  replicas: 4\n")
    thrice = twice.replace("  strategy", "  replicas: 4\n  strategy")

    for text in (twice, thrice):
        release = read(text)
        done = mended(release)

        assert {finding.id for finding in preflight.findings(release)} == {"RW037"}
        assert done.texts["app.yaml"].count("replicas: 4") == 1
        assert [one for one in changed(text, done.texts["app.yaml"]) if one.startswith("+")] == []
