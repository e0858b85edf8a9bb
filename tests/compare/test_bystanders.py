"""What a rehearsal leaves aside: it changes no figure, and is counted all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rollway.compare.bystanders import Aside, is_bystander, without_bystanders
from rollway.compare.comparing import compared
from rollway.compare.rehearsal import base_of, earlier, walked
from rollway.compare.results import Run
from rollway.compare.scenario import Scenario
from rollway.kube.objects import Obj
from rollway.release.model import Release
from shop import STRATEGIES, release

RBAC = "rbac.authorization.k8s.io/v1"


def obj(api_version: str, kind: str, name: str = "one", **body: object) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **body}


ROLE = obj(RBAC, "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])


def with_role(tag: str = "v2", role: Obj = ROLE) -> Release:
    plain = release(tag, options={"canary": {"steps": [{"weight": 50, "pause": "5s"}]}})
    return replace(plain, others=(*plain.others, role))


@pytest.mark.parametrize(
    ("api_version", "kind", "is_aside"),
    [
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", True),
        ("monitoring.coreos.com/v1", "ServiceMonitor", True),
        (RBAC, "ClusterRole", True),
        ("scheduling.k8s.io/v1", "PriorityClass", True),
        ("security.istio.io/v1", "PeerAuthentication", True),
        ("networking.istio.io/v1", "ServiceEntry", False),
        ("networking.istio.io/v1beta1", "VirtualService", False),
        ("apps/v1", "Deployment", False),
        ("v1", "ResourceQuota", False),
        ("v1", "ConfigMap", False),
        ("autoscaling/v1", "HorizontalPodAutoscaler", False),
    ],
)
def test_what_acts_is_kept(api_version: str, kind: str, *, is_aside: bool) -> None:
    assert is_bystander(obj(api_version, kind)) == is_aside


def test_what_has_changed_is_applied_once() -> None:
    changed = obj(RBAC, "Role", rules=[])
    kept, aside = without_bystanders(with_role(role=changed), earlier(with_role()))

    assert aside == Aside(objects=1, changed=1, there=1)
    assert aside.requests(plans=3) == 5, "read by each plan, asked about by a dry run, applied"
    assert ROLE not in kept.others
    assert without_bystanders(with_role(), earlier(with_role()))[1] == Aside(objects=1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("tag", ["the same", "another"])
def test_figures_are_those_of_the_whole_release(strategy: str, tag: str) -> None:
    """Requests to the API server included, whether the object changes with the release or not."""
    whole = with_role() if tag == "the same" else with_role(role=obj(RBAC, "Role", rules=[]))
    before = earlier(with_role())
    [found] = compared(whole, Scenario(), strategies=(strategy,), before=before, seeds=1, is_alone=True).outcomes
    run = walked(base_of(before, 0), whole, strategy, Scenario(), 0)[0]

    assert figures(found.runs[0]) == figures(run)


def figures(run: Run) -> tuple[object, ...]:
    return run.phase, round(run.duration_s, 1), run.peak_pods, run.api_requests, run.toll.failed
