"""The pure parts of planning, each by itself: what is refused beforehand, how many pods there are, whether anything changes."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.errors import BadInput, FieldsOwned
from rollway.kube.objects import Obj, ref_of
from rollway.plan.observed import APP_LABEL, Observed
from rollway.plan.plan import Plan, Split
from rollway.plan.steps import Phase, Record
from rollway.strategies.app import App
from rollway.strategies.census import Census
from rollway.strategies.closing import changes_anything
from rollway.strategies.draft import Draft
from rollway.strategies.refusals import refuse_empty, refuse_others
from shop import NAMESPACE_NAME, release


def labelled(app: str) -> Observed:
    workload = release("v1").workload
    meta = workload["metadata"] | {"labels": {APP_LABEL: app}}
    live = workload | {"metadata": meta}
    return Observed({ref_of(live): live})


def test_what_is_released_as_another_application_is_refused() -> None:
    app = App(release("v2"))
    refuse_others(app, labelled("shop"))
    refuse_others(app, Observed({}))
    with pytest.raises(FieldsOwned, match="Deployment shop is released as front, not as shop"):
        refuse_others(app, labelled("front"))


@pytest.mark.parametrize(("weight", "replicas", "is_refused"), [(20, 0, True), (0, 0, False), (20, 4, False)])
def test_a_share_of_no_pods_is_refused_and_no_share_of_them_is_not(weight: int, replicas: int, is_refused: bool) -> None:
    app = App(release("v2"))
    if is_refused:
        with pytest.raises(BadInput, match="nothing of which v2 could have 20%"):
            refuse_empty(app, weight, replicas)
    else:
        refuse_empty(app, weight, replicas)


def sized(replicas: int, *, image: str = "shop:1", running: int = 0) -> Obj:
    made = release("v1", replicas=replicas).workload
    rolling: dict[str, Any] = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    template = {"metadata": {}, "spec": {"containers": [{"name": "shop", "image": image}]}}
    return made | {"spec": made["spec"] | rolling | {"template": template}, "status": {"replicas": running}}


@pytest.mark.parametrize(
    ("after", "peak"),
    [
        (sized(4), 4),  # nothing rolls
        (sized(2), 4),  # those that leave were there
        (sized(6), 6),
        (sized(4, image="shop:2"), 5),  # one more at a time
        (sized(6, image="shop:2"), 7),
    ],
)
def test_the_most_pods_that_an_apply_leads_to(after: Obj, peak: int) -> None:
    live = sized(4, running=4)
    census = Census({ref_of(live): live})
    census.applied(live, after)
    assert census.of(ref_of(live)) == peak
    assert census.peak == peak


@pytest.mark.parametrize(("phase", "wanted"), [("Paused", True), ("Promoted", False)])
def test_a_pause_that_the_history_has_lost_is_written_down_again(phase: Phase, wanted: bool) -> None:
    """Though nothing else is to be done: what stands so would not be known to be under way."""
    plan = Plan(
        app="shop", namespace="shop", strategy="canary", action="apply", revision=2, from_version="v1", to_version="v2",
        from_weight=0, weight=20, phase=phase, steps=(Record(number=2, phase=phase, weight=20),),
        split=Split(stable=3, canary=1, percent=25.0), peak_pods=4, steady_pods=4,
    )  # fmt: skip
    assert changes_anything(plan, Observed({})) is wanted


def drafted(live: Obj) -> Draft:
    objects = (live, *release("v1").services)
    return Draft(Observed({ref_of(obj): obj for obj in objects}), "shop", NAMESPACE_NAME, deadline_s=20)


def test_what_alone_serves_is_scaled_away_only_where_nobody_is_to_be_served() -> None:
    with pytest.raises(BadInput, match="Service shop reaches nothing but shop, which would be scaled to 0"):
        drafted(release("v1").workload).scale("shop", 0, "by mistake")
    draft = drafted(release("v1").workload)
    draft.scale("shop", 0, "all go first", is_dark=True)
    assert [step.type for step in draft.steps] == ["scale"]


@pytest.mark.parametrize(("replicas", "running", "is_refused"), [(4, 4, True), (0, 2, True), (0, 0, False)])
def test_another_selector_is_refused_for_as_long_as_there_are_pods(replicas: int, running: int, is_refused: bool) -> None:
    wanted = release("v2").workload
    wanted["spec"]["selector"] = {"matchLabels": {"app": "shop", "tier": "web"}}
    draft = drafted(sized(replicas, running=running))
    if is_refused:
        with pytest.raises(BadInput, match="selects its pods by"):
            draft.refuse_other_selector(wanted)
    else:
        draft.refuse_other_selector(wanted)
