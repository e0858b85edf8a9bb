"""`web:` and its template: sound manifests, and every text arrives as it was written."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from rollway.kube.objects import get, matches, selects, template_labels
from rollway.release.web import WebApp
from rollway.templates.render import web


def app(**more: Any) -> list[dict[str, Any]]:
    return web(WebApp.model_validate({"image": "nginx:1", **more}).spec("shop"))


def container(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = app(**more)[0]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_a_plain_application_loses_no_requests() -> None:
    """By default: two pods, a readiness probe, a pause before stopping, a budget; everything selects the pods."""
    deployment, service, budget = app()
    pods = template_labels(deployment)

    assert [obj["kind"] for obj in (deployment, service, budget)] == ["Deployment", "Service", "PodDisruptionBudget"]
    assert deployment["spec"]["replicas"] == 2
    assert container()["readinessProbe"]["httpGet"] == {"path": "/", "port": 8080}
    assert container()["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert matches(deployment["spec"]["selector"], pods)
    assert selects(service["spec"]["selector"], pods)
    assert matches(budget["spec"]["selector"], pods)


def test_what_is_asked_for_is_there_and_nothing_else() -> None:
    """An Ingress with a host, no budget for one pod, probes, command and resources as written."""
    objects = app(host="shop.example.com", replicas=1, labels={"team": "a"}, annotations={"a": 1}, podAnnotations={"b": True})
    one = container(
        readiness=False, liveness={"path": "/live", "port": 9000}, startup={"periodSeconds": "1m"}, preStopSeconds=0,
        command=["run"], args=["--n", 5], resources={"limits": {"memory": "64Mi"}},
    )  # fmt: skip

    assert [obj["kind"] for obj in objects] == ["Deployment", "Service", "Ingress"]
    assert objects[2]["spec"]["rules"][0]["host"] == "shop.example.com"
    assert objects[0]["metadata"]["annotations"] == {"a": "1"}
    assert get(objects[0], "spec", "template", "metadata", "annotations") == {"b": "true"}
    assert template_labels(objects[0]) == {"team": "a", "app.kubernetes.io/name": "shop"}
    assert "readinessProbe" not in one
    assert "lifecycle" not in one
    assert one["livenessProbe"]["httpGet"] == {"path": "/live", "port": 9000}
    assert one["startupProbe"]["periodSeconds"] == 60
    assert (one["command"], one["args"], one["resources"]) == (["run"], ["--n", "5"], {"limits": {"memory": "64Mi"}})


def test_variables_are_texts_or_references() -> None:
    """Numbers and booleans become what YAML writes; a reference stays."""
    reference = {"secretKeyRef": {"name": "shop", "key": "url"}}

    env = container(env={"A": True, "B": 5, "C": None, "D": {"valueFrom": reference}})["env"]

    assert env == [
        {"name": "A", "value": "true"},
        {"name": "B", "value": "5"},
        {"name": "C", "value": ""},
        {"name": "D", "valueFrom": reference},
    ]


# a lone surrogate is no character, and NUL is refused where it matters
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_any_text_arrives_unchanged(value: str, note: str, args: list[str]) -> None:
    """Quotes, line ends, colons, braces, hashes, control characters, any alphabet: no value breaks out of its place."""
    (deployment, *_) = app(env={"V": value}, podAnnotations={"note": note}, args=args)
    template = deployment["spec"]["template"]
    (only,) = template["spec"]["containers"]

    assert only["env"] == [{"name": "V", "value": value}]
    assert template["metadata"]["annotations"] == {"note": note}
    assert only.get("args", []) == args


@pytest.mark.parametrize(
    "text", ["{{ name }}", "{% raw %}", "a: b", "# c", "'\"", "\n---\nkind: Pod", "\x85\u2028\ufeff", "😀", "yes", "1e3", ""]
)
def test_the_well_known_traps_arrive_unchanged(text: str) -> None:
    """Those that other tools have fallen into."""
    assert container(env={"V": text})["env"] == [{"name": "V", "value": text}]


def test_a_missing_value_is_an_error() -> None:
    """Nothing is rendered as an empty text."""
    with pytest.raises(jinja2.UndefinedError):
        web({"name": "shop"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": "80"},
        {"replicas": -1},
        {"env": {"A B": 1}},
        {"env": {"A": "\0"}},
        {"env": {"A": {"value": 1}}},
        {"host": "a_b"},
        {"labels": {"a": "b c"}},
        {"labels": {"app.kubernetes.io/name": "x"}},
        {"annotations": {"a b": "c"}},
        {"preStopSeconds": 30},
        {"readiness": {"path": "healthz"}},
        {"image": "A"},
        {"unknown": 1},
    ],
)
def test_what_kubernetes_would_refuse_is_refused_here(wrong: dict[str, Any]) -> None:
    """Before anything is rendered."""
    with pytest.raises(ValidationError):
        WebApp.model_validate({"image": "nginx:1", **wrong})
