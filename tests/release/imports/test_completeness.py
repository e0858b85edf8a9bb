"""No field of a foreign manifest is dropped in silence: each one either makes what is written, or is told in a comment."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rollway.release import imports
from rollway.release.dump import manifests_text
from rollway.release.file import parsed
from rollway.release.imports.written import release_text
from rollway.release.manifests import Located
from rollway.release.yamlfile import Document, documents

from tests.support.published import changed, document, leaves

ARGO, FLAGGER = "argoproj.io/v1alpha1", "flagger.app/v1beta1"
PODS: dict[str, Any] = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": PODS},
}
JOB = {
    "backoffLimit": 2,
    "activeDeadlineSeconds": 77,
    "template": {
        "metadata": {"labels": {"of": "job"}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "tester",
            "containers": [
                {"name": "test", "image": "test:1", "command": ["sh"], "args": ["-c"], "env": [{"name": "A", "value": "b"}]}
            ],
        },
    },
}


def written(*docs: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """All that `deploy init` would write of these: the release files, and what the manifests beside them are of."""
    foreign = tuple(imports.foreign(doc, "all.yaml") for doc in docs if imports.is_foreign(doc))
    plain = tuple(Located(doc, Document(doc, "all.yaml")) for doc in docs if not imports.is_foreign(doc))
    texts, beside = [], []
    shelf = imports.Shelf(foreign, plain)
    for draft in imports.drafts(shelf):
        text = release_text(draft, "shop", ["k8s/"], draft.wanted if shelf.deployment(draft.wanted) else "", [], "")
        parsed(next(iter(documents(text, "deploy.yaml"))))
        texts.append(text)
        beside += [*([draft.workload] if draft.workload else []), *draft.beside]
    return "".join(texts), beside


def rollout(strategy: str, *, pods: str = "template") -> dict[str, Any]:
    """A Rollout with all fields of one strategy."""
    other = {"canary": "blueGreen", "blueGreen": "canary"}[strategy]
    unwanted = {"template": "workloadRef", "workloadRef": "template"}[pods]
    made = document(
        "Rollout", ARGO, "shop", lambda path: f"strategy.{other}" not in path and not path.startswith(f"spec.{unwanted}")
    )
    if pods == "template":
        made["spec"]["template"]["spec"] = copy.deepcopy(PODS["spec"])
    return made


def template(provider: str) -> dict[str, Any]:
    """An AnalysisTemplate with all fields of one provider, which names itself as the Rollout's do."""
    made = document(
        "AnalysisTemplate",
        ARGO,
        "checks",
        lambda path: ".provider." not in path or path.startswith(f"spec.metrics[].provider.{provider}"),
    )
    if provider == "job":
        made["spec"]["metrics"][0]["provider"]["job"]["spec"] = copy.deepcopy(JOB)
    return made


def plain_template(provider: str) -> dict[str, Any]:
    """One that can be taken over: without what makes a metric impossible."""
    made = template(provider)
    options = made["spec"]["metrics"][0]["provider"][provider]
    for key in ("insecure", "authentication", "rangeQuery"):
        options.pop(key, None)
    return made


def using(strategy: str) -> dict[str, Any]:
    """A Rollout whose every analysis is by the template `checks`."""
    made = rollout(strategy)

    def point(value: Any) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                if key == "templateName":
                    value[key] = "checks"
                elif key == "clusterScope":
                    value[key] = False
                else:
                    point(below)
        elif isinstance(value, list):
            for item in value:
                point(item)

    point(made)
    return made


def flagger(*, of: str) -> dict[str, Any]:
    """A Canary that goes by weights, iterations or matches, with the Deployment's name."""
    unwanted = {"weights": ("iterations", "analysis.match", "stepWeights"), "listed": ("iterations", "analysis.match"),
                "iterations": ("analysis.match",), "ab": ()}[of]  # fmt: skip
    made = document("Canary", FLAGGER, "shop", lambda path: not any(name in path for name in unwanted))
    made["spec"] |= {
        "provider": "istio",
        "skipAnalysis": False,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
    }
    metric = made["spec"]["analysis"]["metrics"][0]
    metric.pop("query")
    metric |= {"name": "found", "templateRef": {"name": "found", "namespace": "test"}, "thresholdRange": {"min": 1, "max": 99}}
    made["spec"]["analysis"]["metrics"] += [
        {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}},
        {"name": "request-duration", "interval": "30s", "threshold": 500},
        {"name": "own", "query": 'up{app="{{ target }}"}', "thresholdRange": {"max": 3}},
    ]
    return made


def metric_template() -> dict[str, Any]:
    made = document("MetricTemplate", FLAGGER, "found", lambda path: "secretRef" not in path and "insecure" not in path)
    made["spec"]["provider"]["type"] = "prometheus"
    made["spec"]["query"] = 'rate(x{app="{{ variables.any-key }}"}[{{ interval }}])'
    return made


CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "canary": (rollout("canary"),),
    "blue-green": (rollout("blueGreen"),),
    "of a Deployment": (rollout("canary", pods="workloadRef"), DEPLOYMENT),
    "of a Deployment elsewhere": (rollout("blueGreen", pods="workloadRef"),),
    **{
        f"analysed by {provider}": (using("canary"), plain_template(provider))
        for provider in ("prometheus", "web", "job", "datadog", "plugin", "kayenta")
    },
    "before and after": (using("blueGreen"), plain_template("prometheus")),
    "a template with everything": (template("prometheus"),),
    **{f"flagger by {of}": (flagger(of=of), metric_template(), DEPLOYMENT) for of in ("weights", "listed", "iterations", "ab")},
    "flagger without the Deployment": (flagger(of="weights"),),
    "an experiment": (
        {"apiVersion": ARGO, "kind": "Experiment", "metadata": {"name": "e"}, "spec": {"templates": [{"name": "a"}]}},
    ),
}  # fmt: skip

HEADS = {"apiVersion", "kind"}
"""What says of which kind a thing is: another value would make it another thing."""


@pytest.mark.parametrize("name", CASES)
def test_another_value_anywhere_is_seen(name: str) -> None:
    """Of every field of the published schemas: were it dropped, the files would be the same whatever it holds."""
    docs = CASES[name]
    before = written(*docs)
    unseen = []
    for place, doc in enumerate(docs):
        for path in leaves(doc) if imports.is_foreign(doc) else ():
            if path[-1] in HEADS:
                continue
            after = written(*docs[:place], changed(doc, path), *docs[place + 1 :])
            if after == before:
                unseen.append(".".join(map(str, path)))
    assert unseen == []


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**9), st.floats(), st.text(max_size=20), st.just([]), st.just({}),
    st.just(["x", None]), st.just([["a"]]), st.just([{"name": [], "templateName": []}]), st.just({"a": {"b": 1}}),
    st.just("{{args.x}}"), st.just("\u2028# rollway: ignore RW001"),
)  # fmt: skip


@given(st.sampled_from(sorted(CASES)), st.lists(st.tuples(st.integers(0, 10**6), ODD), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_whatever_stands_there_it_is_read(name: str, changes: list[tuple[int, Any]]) -> None:
    """Nulls and wrong types where anything else is expected: what comes is a release file that is valid, with every line of its
    end a comment."""
    docs = copy.deepcopy(list(CASES[name]))
    for number, value in changes:
        foreign = [doc for doc in docs if imports.is_foreign(doc)]
        if not foreign:
            break
        doc = foreign[number % len(foreign)]
        places = list(nodes(doc))
        *above, last = places[number % len(places)]
        holder: Any = doc
        for key in above:
            holder = holder[key]
        holder[last] = copy.deepcopy(value)
    text, beside = written(*docs)
    assert list(yaml.safe_load_all(text))
    assert len(list(yaml.safe_load_all(manifests_text(beside)))) == len(beside)


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The paths of all that lies within."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        if path or key not in HEADS:
            yield (*path, key)
        yield from nodes(below, (*path, key))
