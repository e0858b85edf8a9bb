"""The same canary by each router: testers first, the share that was asked for, and nothing lost on any way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import Lab, losses
from pace import stretched

pytestmark = pytest.mark.real_time
OLD, NEW = "1.0.0", "2.0.0"
TESTER = ("-H", "x-beta: 1")
ROUTERS = ("gateway", "istio", "nginx")


@pytest.fixture(params=ROUTERS)
def router(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_testers_then_a_share_then_everybody_and_back(example: Callable[..., Lab], router: str) -> None:
    act, file = example("routers", {"sleep: {seconds: 2}": f"sleep: {{seconds: {stretched(1)}}}"}), f"{router}.deploy.yaml"
    act.release("apply", "--image", f":{OLD}", file=file)
    where = reached(act, router)
    with act.probed(*where, "--rate", "50") as report:
        act.release("apply", "--image", f":{NEW}", file=file)
        act.until_answered_by({NEW}, *where, *TESTER)
        with act.probed(*where) as others, act.probed(*where, *TESTER) as testers:
            pass
        act.release("promote", "--to", "30%", file=file)
        act.until_answered_by({OLD, NEW}, *where)
        with act.probed(*where, "--rate", "200") as share:
            pass
        act.release("rollback", file=file)
        with act.probed(*where) as back:
            pass
        act.release("apply", "--image", f":{NEW}", "--full", file=file)
        with act.probed(*where) as after:
            pass

    assert set(others["figures"]["versions"]) == {OLD}
    assert set(testers["figures"]["versions"]) == {NEW}
    assert 0.15 < share["figures"]["versions"][NEW] / share["figures"]["good"] < 0.45
    assert set(back["figures"]["versions"]) == {OLD}
    assert set(after["figures"]["versions"]) == {NEW}
    assert losses(report, others, testers, share, back, after) == []


def test_everybody_at_once_by_the_routes_and_back(example: Callable[..., Lab], router: str) -> None:
    """blue-green, whose switch is the routes' where the release file names a router."""
    quick = {
        "sleep: {seconds: 2}": f"sleep: {{seconds: {stretched(1)}}}",
        "scaleDownDelaySeconds: 60": "scaleDownDelaySeconds: 1",
    }
    act, file = example("routers", quick | by_other(router)), "switch.deploy.yaml"
    act.release("apply", "--image", f":{OLD}", file=file)
    where = reached(act, router)
    with act.probed(*where, "--rate", "50") as report:
        act.release("apply", "--image", f":{NEW}", file=file)
        with act.probed(*where) as after:
            pass
        act.release("rollback", file=file)
        with act.probed(*where) as back:
            pass

    assert set(report["figures"]["versions"]) == {OLD, NEW}
    assert set(after["figures"]["versions"]) == {NEW}
    assert set(back["figures"]["versions"]) == {OLD}
    assert losses(report, after, back) == []


@pytest.mark.parametrize("by", ["gateway", "istio"])
def test_copies_then_users_who_stay_then_back(example: Callable[..., Lab], by: str) -> None:
    """Copies answer nobody; who has the cookie of a side is answered by it, and by the old version when all is taken back."""
    quick = {"sleep: {seconds: 2}": f"sleep: {{seconds: {stretched(1)}}}"}
    act, file = example("routers", quick | by_other(by)), "careful.deploy.yaml"
    act.release("apply", "--image", f":{OLD}", file=file)
    where = reached(act, by)
    kept = ("-H", "cookie: rollway-act-2=b")
    with act.probed(*where, "--rate", "50") as report:
        act.release("apply", "--image", f":{NEW}", file=file)
        with act.probed(*where) as copied:
            pass
        act.release("promote", file=file)
        act.release("promote", "--to", "30%", file=file)
        act.until_answered_by({NEW}, *where, *kept)
        with act.probed(*where, *kept) as theirs, act.probed(*where, "-H", "cookie: rollway-act-2=a30") as others:
            pass
        act.release("rollback", file=file)
        with act.probed(*where, *kept) as back:
            pass

    assert set(copied["figures"]["versions"]) == {OLD}
    assert set(theirs["figures"]["versions"]) == {NEW}
    assert set(others["figures"]["versions"]) == {OLD}
    assert set(back["figures"]["versions"]) == {OLD}
    assert losses(report, copied, theirs, others, back) == []


def by_other(router: str) -> dict[str, str]:
    """What makes of an example by the HTTPRoute one by another router."""
    other = {"[app.yaml, gateway.yaml]": f"[app.yaml, {router}.yaml]", "router: gateway": f"router: {router}"}
    return other if router != "gateway" else {}


def reached(act: Lab, router: str) -> tuple[str, ...]:
    """The address that users come by, and as whom they ask."""
    return (act.gateway if router == "gateway" else act.ingress, "--host", "act.example.com")
