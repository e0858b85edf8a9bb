"""`deploy check --live` by an account that may look at little says so: what it could not see is not found to be good."""

from __future__ import annotations

from typing import Any

from byroute import EDGE, routed
from permitted import Permitted
from rollway.cli.views.check_text import check_lines
from rollway.cli.views.json import checked_document
from rollway.cli.views.paint import Paint
from rollway.kube.objects import API_GATEWAY, GATEWAY_CLASS, ref_of
from rollway.ship.checking import check_live
from shop import World, in_world, release


def test_what_an_account_may_not_list_is_told() -> None:
    async def story(world: Any) -> Any:
        return await check_live(Permitted(world.cluster, ()), release("v1")), await check_live(world.cluster, release("v1"))

    blind, seeing = in_world(story)
    assert {"ResourceQuota", "PodDisruptionBudget", "Service", "Node"} <= set(blind.unread)
    text = "\n".join(check_lines([blind], Paint(is_on=False)))
    assert "shop: not judged by what this account may not list: ResourceQuota, " in text
    assert ", as far as this account may look" in text
    assert "✓" not in text
    assert checked_document(blind)["unread"] == list(blind.unread)
    assert seeing.unread == ()
    assert "may not list" not in "\n".join(check_lines([seeing], Paint(is_on=False)))
    assert "unread" not in checked_document(seeing)


def test_what_serves_the_routes_is_asked_what_it_can() -> None:
    """The Gateway of the route, and its class, wherever they are; the sandbox's own class says what it can, another one that it
    can less."""
    options = {"canary": {"steps": [{"mirror": 10}, {"weight": 50}]}}
    wanted = routed("v1", strategy="canary", options=options)

    async def story(world: World) -> list[list[str]]:
        def told() -> list[str]:
            return [finding.message for finding in checked.findings if finding.id == "RW053"]

        world.sandbox.store.create(API_GATEWAY, EDGE)
        checked = await check_live(world.cluster, wanted)
        seen = [told()]
        other = {"apiVersion": GATEWAY_CLASS.api_version, "kind": GATEWAY_CLASS.name, "metadata": {"name": "other"}}
        features = {"status": {"supportedFeatures": [{"name": "HTTPRouteRequestMirror"}]}}
        world.sandbox.store.create(GATEWAY_CLASS, {**other, "spec": {"controllerName": "example.com/other"}, **features})
        await world.cluster.patch(ref_of(EDGE), {"spec": {"gatewayClassName": "other"}})
        checked = await check_live(world.cluster, wanted)
        seen.append(told())
        checked = await check_live(Permitted(world.cluster, ()), wanted)
        return [*seen, told()]

    own, others, blind = in_world(story)
    assert (own, blind) == ([], [])
    assert [message.partition("does not say that it can ")[2] for message in others] == [
        "copy a share of the requests (HTTPRouteRequestPercentageMirror)"
    ]
