"""Small stories of releases, told whole: each plan with every field of its steps, its way back, and what the run then says.

`make golden` rewrites stories/*.txt. A strategy, a route or a rule of adoption that comes to mean something else reads as a diff.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from byroute import ingress, routed
from changing import CHANGES, version
from golden import Sections
from hooked import hook, hooked
from rollway.errors import RollwayError
from rollway.kube.objects import DEPLOYMENT, HPA, SERVICE, Obj, kind_of
from rollway.release.gates import Gate
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release
from told import MOMENT, event_lines, plan_lines, refusal_lines, result_lines, revision_line

HERE = Path(__file__).parent / "stories"
Made = Callable[[str], Release]
"""The release of a version."""
ByHand = Callable[[World], Awaitable[None]]


class Act(NamedTuple):
    """A command: of a version, and what it is asked with."""

    verb: str
    tag: str = "v2"
    weight: int | None = None
    options: dict[str, Any] = {}  # noqa: RUF012
    """Of the request, and of the run: `force`, `goes_back`, `strategy`."""

    def __str__(self) -> str:
        asked = "".join(f", {key} {value}" for key, value in self.options.items())
        return f"{self.verb} {self.tag}{'' if self.weight is None else f' at {self.weight}%'}{asked}"


def apply(tag: str = "v2", weight: int | None = None, **options: Any) -> Act:
    return Act("apply", tag, weight, options)


def promote(weight: int | None = None, **options: Any) -> Act:
    return Act("promote", weight=weight, options=options)


def rollback(**options: Any) -> Act:
    return Act("rollback", options=options)


V1 = apply("v1")
LAID = apply("v1")
"""The same, and nothing is told of it."""
USUAL = [V1, apply(), promote(50), promote(), promote(100), rollback(), rollback(), rollback(to_revision=2), V1, apply(weight=0)]


def patched(name: str, spec: Obj, manager: str = "kubectl-edit", **how: Any) -> ByHand:
    async def by_hand(world: World) -> None:
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, {"spec": spec}, manager=manager, **how)
        await asyncio.sleep(20)

    by_hand.__name__ = f"Deployment {name} patched by {manager}: {spec}"
    return by_hand


def scaled(name: str, replicas: int, manager: str = "kubectl") -> ByHand:
    return patched(name, {"replicas": replicas}, manager, subresource="scale")


def deleted(name: str, kind: Any = DEPLOYMENT) -> ByHand:
    async def by_hand(world: World) -> None:
        world.sandbox.api.delete(kind, NAMESPACE_NAME, name)
        await asyncio.sleep(20)

    by_hand.__name__ = f"{kind.name} {name} deleted"
    return by_hand


def autoscaled(name: str = "shop", least: int = 2) -> ByHand:
    async def by_hand(world: World) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"minReplicas": least, "maxReplicas": 9, "scaleTargetRef": target}
        obj = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "scaler"}, "spec": spec}
        world.sandbox.api.create(HPA, NAMESPACE_NAME, obj, manager="somebody")

    by_hand.__name__ = f"an autoscaler of {name}"
    return by_hand


def found(made: Release) -> ByHand:
    """As `kubectl apply` would have left it."""

    async def by_hand(world: World) -> None:
        for manifest in made.manifests:
            kind = kind_of(manifest["apiVersion"], manifest["kind"])
            assert kind is not None
            world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
        await asyncio.sleep(20)

    by_hand.__name__ = "applied by kubectl"
    return by_hand


QUICK: dict[str, Any] = {"blueGreen": {"scaleDownDelaySeconds": 2}}


def plain(strategy: str, options: dict[str, Any] | None = None, replicas: int | None = 4) -> Made:
    return lambda tag: release(tag, strategy=strategy, options={**QUICK, **(options or {})}, replicas=replicas)


def by(router: str, strategy: str, options: dict[str, Any] | None = None, **kw: Any) -> Made:
    return lambda tag: routed(tag, router=router, strategy=strategy, options=options, **kw)


def changing(change: str, strategy: str) -> Made:
    """Whose Service, pods or Ingress change from v1 to v2."""
    first, then = CHANGES[change]
    return lambda tag: version(tag, first if tag == "v1" else then, strategy)


def beside(strategy: str, *others: Obj, since: str = "v1", until: str = "v9", **kw: Any) -> Made:
    """With these objects in the manifests of the versions named."""

    def made(tag: str) -> Release:
        plain_release = release(tag, strategy=strategy, options=QUICK, **kw)
        extra = copy.deepcopy(others) if since <= tag <= until else ()
        return dataclasses.replace(plain_release, others=(*plain_release.others, *extra))

    return made


def thing(kind: str, name: str, spec: Obj, api_version: str = "apps/v1") -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE_NAME}, **spec}


POD = {"containers": [{"name": "w", "image": "ghcr.io/acme/worker:1"}]}
RUNS = {"selector": {"matchLabels": {"app": "w"}}, "template": {"metadata": {"labels": {"app": "w"}}, "spec": POD}}
WORKER = thing("Deployment", "worker", {"spec": {"replicas": 1, **RUNS}})
KEEPER = thing("StatefulSet", "keeper", {"spec": {"replicas": 1, "serviceName": "keeper", **RUNS}})
POD_ALONE = thing("Pod", "once", {"spec": POD}, "v1")
CONFIG = thing("ConfigMap", "more", {"data": {"a": "b"}}, "v1")
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
SCALER = thing("HorizontalPodAutoscaler", "shop", {"spec": {"maxReplicas": 9, "scaleTargetRef": TARGET}}, "autoscaling/v2")
OPEN = {"labels": {"app": "shop", "extra": "x"}}


def changed(made: Made, **how: Callable[[Obj], None]) -> Made:
    """With what these make of the workload of their version: `v2=…`; or of every one: `all=…`."""

    def with_change(tag: str) -> Release:
        plain_release = made(tag)
        workload = copy.deepcopy(plain_release.workload)
        for change in (how[each] for each in ("all", tag) if each in how):
            change(workload)
        return dataclasses.replace(plain_release, workload=workload)

    return with_change


def spec(**keys: Any) -> Callable[[Obj], None]:
    return lambda workload: workload["spec"].update(copy.deepcopy(keys))


def port(name: str, number: int) -> Callable[[Obj], None]:
    def set_port(workload: Obj) -> None:
        workload["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"name": name, "containerPort": number}]

    return set_port


def selected(workload: Obj) -> None:
    """By the version as well."""
    labels = {"app": "shop", "v": "2"}
    workload["spec"]["selector"] = {"matchLabels": labels}
    workload["spec"]["template"]["metadata"]["labels"] = labels


def released_as(app: str) -> ByHand:
    async def by_hand(world: World) -> None:
        world.sandbox.api.patch(
            DEPLOYMENT, NAMESPACE_NAME, "shop", {"metadata": {"labels": {"rollway.dev/app": app}}}, manager="x"
        )

    by_hand.__name__ = f"released as {app}"
    return by_hand


def gated(made: Made, *gates: Obj) -> Made:
    return lambda tag: dataclasses.replace(made(tag), gates=tuple(Gate.model_validate(gate) for gate in gates))


UNASKED = {"skip_gates": "nobody is there to be asked"}
GATE = {"name": "errors", "prometheus": "http://prometheus:9090", "query": 'sum(errors{pod=~"{{ pods }}"})', "max": 1}
RULE = thing(
    "DestinationRule",
    "own",
    {"spec": {"host": "shop", "subsets": [{"name": "eu", "labels": {"app": "shop"}}, {"name": "us"}]}},
    "networking.istio.io/v1",
)
TO_EU = {"destination": {"host": "shop", "subset": "eu"}}
OWN_ROUTES = thing("VirtualService", "own", {"spec": {"hosts": ["shop"], "http": [{"route": [TO_EU]}]}}, "networking.istio.io/v1")
OUTSIDE = {"ab": {"hosts": ["shop.example.com"], "match": [{"headers": {"x-beta": {"exact": "yes"}}}]}}
PINNED = {**thing("ConfigMap", "pinned-abc", {"data": {"a": "b"}}, "v1")}
PINNED["metadata"]["labels"] = {"rollway.dev/content": "abc"}


class Story(NamedTuple):
    made: Made
    acts: list[Act | ByHand]


STAGED = {"blueGreen": {"autoPromote": False, "scaleDownDelaySeconds": 2}}
STEPS = {
    "canary": {
        "steps": [
            {"mirror": 10},
            {"weight": 5, "match": [{"headers": {"x-beta": {"exact": "yes"}}}], "pause": 60},
            {"weight": 50},
        ],
        "sticky": True,
    }
}
AB = {"ab": {"weight": 10, "match": [{"headers": {"x-beta": {"exact": "yes"}}}], "replicas": 2, "sticky": True}}

STORIES: dict[str, Story] = {
    **{f"{name} as usual": Story(plain(name), list(USUAL)) for name in STRATEGIES},
    **{
        f"{name} by {router}": Story(by(router, name), list(USUAL))
        for name, router in (("canary", "gateway"), ("canary", "istio"), ("canary", "nginx"), ("ab", "gateway"), ("ab", "istio"))
    },
    **{
        f"{name} of what was found": Story(
            plain(name), [found(release("v1")), apply(), rollback(), apply(weight=100), rollback()]
        )
        for name in STRATEGIES
    },
    **{
        f"{name} that fails": Story(
            plain(name, STAGED), [LAID, apply("bad"), apply("bad", goes_back=False), promote(), rollback(), apply("gone", 100)]
        )
        for name in STRATEGIES
    },
    "canary of all its features by gateway": Story(
        by("gateway", "canary", STEPS), [LAID, apply(), promote(), promote(), promote()]
    ),
    "canary of all its features by istio": Story(
        by("istio", "canary", STEPS), [LAID, apply(), promote(), rollback(), apply(weight=50)]
    ),
    "canary with pods of its own": Story(
        by("gateway", "canary", {"canary": {"pods": 1}}), [LAID, apply(), promote(), rollback()]
    ),
    "canary with all pods": Story(by("gateway", "canary", {"canary": {"pods": "all"}}), [LAID, apply(), rollback()]),
    "canary without a surge": Story(plain("canary", {"canary": {"maxSurge": 0}}), [LAID, apply(), promote(50), rollback()]),
    "ab of all its options by gateway": Story(by("gateway", "ab", AB), [LAID, apply(), promote(30), promote(100), rollback()]),
    "ab of all its options by istio": Story(by("istio", "ab", AB), [LAID, apply(), promote(30), rollback()]),
    "blue-green staged": Story(
        plain("blue-green", STAGED), [LAID, apply(), apply(), promote(), apply("v3"), rollback(), apply("v3", 100)]
    ),
    "blue-green that comes home": Story(
        plain("blue-green", {"blueGreen": {"comeHome": True, "scaleDownDelaySeconds": 1}}), [LAID, apply(), rollback()]
    ),
    "blue-green with an autoscaler of the manifests": Story(
        beside("blue-green", SCALER, replicas=None), [LAID, apply(), rollback()]
    ),
    "one strategy after another": Story(
        plain("canary"),
        [
            LAID,
            apply(weight=50),
            apply("v3", strategy="blue-green", weight=0),
            apply("v3", strategy="blue-green", weight=0, replace=True),
            apply("v4", strategy="ramped", weight=50, replace=True),
            apply("v5", strategy="recreate", replace=True),
            apply("v6", strategy="ramped", weight=50),
            rollback(),
        ],
    ),
    "routes after pods": Story(
        by("gateway", "canary"),
        [
            LAID,
            apply(),
            apply("v3", strategy="ab", weight=0, replace=True),
            apply("v4", strategy="blue-green", weight=0, replace=True),
            rollback(),
        ],
    ),
    "no pods": Story(plain("canary", replicas=0), [LAID, apply(), apply(weight=100)]),
    "one pod": Story(plain("canary", replicas=1), [LAID, apply(), promote(), rollback()]),
    "pods that nobody counts": Story(
        plain("ramped", replicas=None), [LAID, scaled("shop", 3), apply(weight=50), promote(100), rollback()]
    ),
    "ramped with limits of its own": Story(
        plain("ramped", {"ramped": {"maxSurge": 2, "maxUnavailable": 1, "minReadySeconds": 3}}),
        [LAID, apply(weight=25), promote(75), promote(100)],
    ),
    "ramped without a surge": Story(
        plain("ramped", {"ramped": {"maxSurge": 0, "maxUnavailable": 1}}), [LAID, apply(weight=50), rollback()]
    ),
    "scaled by hand in mid-release": Story(
        plain("canary"), [LAID, apply(weight=25), scaled("shop", 6), promote(50), promote(100), rollback()]
    ),
    "an autoscaler beside a canary": Story(plain("canary"), [LAID, autoscaled(), apply(weight=25), promote(50), promote(100)]),
    "an autoscaler beside routes": Story(
        by("gateway", "canary", replicas=None), [LAID, autoscaled(), apply(weight=25), promote(100), rollback()]
    ),
    "an autoscaler beside blue-green": Story(plain("blue-green"), [LAID, autoscaled(), apply(), rollback()]),
    "an autoscaler beside ramped": Story(plain("ramped"), [LAID, autoscaled(), apply(weight=50), promote(100)]),
    "a second Deployment that was deleted": Story(
        by("gateway", "canary"), [LAID, apply(), deleted("shop-canary"), promote(50), rollback()]
    ),
    "the Deployment that was deleted": Story(plain("canary"), [LAID, deleted("shop"), apply(), apply(weight=100), rollback()]),
    "the live side that was deleted": Story(
        plain("blue-green", STAGED), [LAID, apply(), deleted("shop"), promote(), rollback(to_revision=1)]
    ),
    "a Service that was deleted": Story(plain("ramped"), [LAID, deleted("shop", SERVICE), apply()]),
    "paused by hand": Story(plain("ramped"), [LAID, patched("shop", {"paused": True}), apply(), apply(force=True)]),
    "a held share that is let go": Story(
        plain("ramped"), [LAID, apply(weight=50), patched("shop", {"paused": None}), promote(75)]
    ),
    "changed by hand": Story(
        plain("ramped"),
        [
            LAID,
            patched(
                "shop",
                {"template": {"spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/shop:hot"}]}}},
                type_="strategic",
            ),
            apply(),
            apply(force=True),
            rollback(),
        ],
    ),
    "scaled by hand to nothing": Story(plain("ramped", replicas=None), [LAID, scaled("shop", 0), apply()]),
    "objects that come and go": Story(
        beside("ramped", CONFIG, WORKER, KEEPER, until="v1"), [LAID, apply(), apply("v3", prune=True)]
    ),
    "other workloads": Story(beside("canary", WORKER, KEEPER, POD_ALONE, since="v2"), [LAID, apply(), promote(100), rollback()]),
    "hooks around a canary": Story(
        lambda tag: hooked(tag, "canary"), [LAID, apply(), rollback(), apply(), promote(100), rollback()]
    ),
    "a hook that fails": Story(
        lambda tag: hooked(
            tag, "ramped", hook("before", "migrate", tag, "{pull: 0.1s, run: 1s, exit: 1}"), hook("after", "tidy", tag)
        ),
        [V1, V1],
    ),
    "an autoscaler before the first release": Story(
        plain("canary", replicas=None),
        [autoscaled(least=3), V1, scaled("shop", 3, "hpa"), apply(weight=50), promote(100), rollback()],
    ),
    "found, and scaled by hand": Story(plain("ramped"), [found(release("v1")), apply(), scaled("shop", 6), rollback()]),
    "a share said again, and smaller": Story(
        plain("canary"), [LAID, apply(weight=50), apply(weight=25), promote(25), apply(weight=50), promote(75), promote(10)]
    ),
    "a share of ramped said again, and smaller": Story(
        plain("ramped"), [LAID, apply(weight=50), apply(weight=25), promote(25), promote(75), rollback()]
    ),
    "released as another": Story(plain("ramped"), [LAID, released_as("other"), apply(), apply(force=True)]),
    **{
        f"another selector, by {name}": Story(changed(plain(name), v2=selected), [LAID, apply(), apply(weight=100), rollback()])
        for name in ("ramped", "canary", "blue-green")
    },
    "gates that hold a canary": Story(
        gated(plain("canary"), GATE, {**GATE, "name": "late", "when": [50]}, {**GATE, "name": "told", "onFail": "report"}),
        [LAID, apply(**UNASKED), promote(50, **UNASKED), promote(**UNASKED)],
    ),
    "a gate before the switch": Story(
        gated(plain("blue-green"), {**GATE, "when": "before"}), [LAID, apply(**UNASKED), promote(**UNASKED)]
    ),
    "ab from outside": Story(plain("ab", OUTSIDE), [V1, apply(), promote(20), promote(100), rollback()]),
    "ab from outside by a gateway of theirs": Story(
        plain("ab", {"ab": {**OUTSIDE["ab"], "gateway": "edge"}}), [V1, apply(), promote(100), rollback()]
    ),
    "ab of subsets": Story(by("istio", "ab", others=(OWN_ROUTES, RULE)), [V1, apply(), promote(30), promote(100), rollback()]),
    "a canary of subsets": Story(by("istio", "canary", others=(OWN_ROUTES, RULE)), [LAID, apply(), promote(100), rollback()]),
    "two Ingresses": Story(
        by("nginx", "canary", others=(ingress(), ingress("two"))), [LAID, apply(), promote(50), rollback(), apply(weight=100)]
    ),
    "configuration by its content": Story(beside("ramped", PINNED, until="v1"), [LAID, apply(), apply("v3", prune=True)]),
    "limits of the manifest": Story(
        changed(
            plain("blue-green"), all=spec(strategy={"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 2}}, minReadySeconds=2)
        ),
        [
            V1,
            apply(),
            rollback(),
            apply("v3", strategy="ramped", weight=50),
            promote(100),
            apply("v4", strategy="canary", weight=50),
            rollback(),
        ],
    ),
    "recreate of the manifest": Story(
        changed(plain("ramped"), all=spec(strategy={"type": "Recreate"}, progressDeadlineSeconds=99)),
        [V1, apply(weight=50), rollback()],
    ),
    "every pod may be missing": Story(
        plain("ramped", {"ramped": {"maxSurge": 0, "maxUnavailable": "100%"}}), [LAID, apply(), apply("v3", 50), rollback()]
    ),
    "a port of the same name beside one by hand": Story(
        changed(plain("ramped"), all=port("http", 8080), v2=port("http", 9090)),
        [
            V1,
            patched(
                "shop",
                {"template": {"spec": {"containers": [{"name": "shop", "ports": [{"containerPort": 7070, "name": "x"}]}]}}},
                type_="strategic",
            ),
            apply(),
            apply(force=True),
            rollback(),
        ],
    ),
    "home from blue-green": Story(
        plain("blue-green"), [LAID, apply(), apply("v3", 0), promote(come_home=True), promote(come_home=True)]
    ),
    "an autoscaler of its own beside another Deployment": Story(
        beside("ramped", WORKER), [LAID, autoscaled("worker"), scaled("worker", 3), apply(), rollback()]
    ),
    "added to the pods by hand": Story(
        plain("canary"),
        [
            LAID,
            apply(weight=25),
            patched(
                "shop",
                {"template": {"spec": {"containers": [{"name": "shop", "env": [{"name": "A", "value": "b"}]}]}}},
                type_="strategic",
            ),
            promote(50),
            promote(50, force=True),
            rollback(),
        ],
    ),
    "nothing is there": Story(
        plain("canary"), [promote(), rollback(), apply(weight=50), rollback(to_revision=3), V1, rollback(to_revision=3)]
    ),
    **{
        f"{change}, by {name}": Story(changing(change, name), [LAID, apply(weight=None), promote(100), rollback()])
        for change in ("label", "all of it", "number and target", "numeric target")
        for name in ("ramped", "canary", "blue-green")
    },
}


async def told_of(world: World, made: Made, act: Act) -> list[str]:
    """The plan, the run, and what stands in the history then."""
    options = {"by": "tests", **act.options}
    strategy, force = options.pop("strategy", None), options.get("force", False)
    asked = {key: options[key] for key in ("replace", "prune", "to_revision", "come_home") if key in options}
    wanted, request = made(act.tag), Request(act.verb, act.weight, **asked)  # type: ignore[arg-type]
    try:
        plan = await shipping.plan(world.cluster, wanted, request, strategy=strategy, force=force)
    except RollwayError as error:
        return [MOMENT.sub("then", line) for line in refusal_lines(error)]
    events: list[Any] = []
    lines = [*plan_lines(plan)]
    try:
        result = await world.ship(act.verb, wanted, strategy=strategy, weight=act.weight, emit=events.append, **options)
        lines += [*event_lines(events), *result_lines(result)]
    except RollwayError as error:
        lines += [*event_lines(events), *refusal_lines(error)]
    await asyncio.sleep(20)
    lines += [*(f"  now: {revision_line(each)}" for each in await world.history()), f"  pods: {world.pods()}"]
    return [MOMENT.sub("then", line) for line in lines]


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, request: pytest.FixtureRequest) -> None:
    sections = Sections(HERE / f"{name.replace(' ', '-')}.txt", is_rewriting=request.config.getoption("--update-golden"))
    made, acts = STORIES[name]

    async def story(world: World) -> None:
        for number, act in enumerate(acts, 1):
            if isinstance(act, Act):
                lines = await told_of(world, made, act)
                if act is not LAID:
                    sections.hold(f"{number:02} {act}", lines)
            else:
                await act(world)

    in_world(story)


def test_every_story_is_told() -> None:
    """Nothing stands there that is not looked at."""
    assert {path.stem for path in HERE.iterdir()} == {name.replace(" ", "-") for name in STORIES}
