"""`deploy check --live` by an account that may look at little says so: what it could not see is not found to be good."""

from __future__ import annotations

from typing import Any

from permitted import Permitted
from rollway.cli.views.check_text import check_lines
from rollway.cli.views.json import checked_document
from rollway.cli.views.paint import Paint
from rollway.ship.checking import check_live
from shop import in_world, release


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
