"""Asking the API server what one may do: in one request where its rules tell, right by right where they do not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rollway.cluster.port import Right
from rollway.cluster.reviews import is_granted

from tests.support.fake_api import FakeApi, answer, on_fake_api, status

LIST = Right("list", "", "pods")
PATCH = Right("patch", "apps", "deployments", "shop")
SCALE = Right("patch", "apps", "deployments/scale", "shop")
NODES = Right("get", "", "nodes", "a", namespaced=False)


def rule(verbs: str, groups: str, resources: str, names: str = "") -> dict[str, Any]:
    named = {"resourceNames": names.split()} if names else {}
    return {"verbs": verbs.split(), "apiGroups": groups.split(",") or [""], "resources": resources.split(), **named}


@pytest.mark.parametrize(
    ("right", "given", "granted"),
    [
        (LIST, rule("get list", "", "pods services"), True),
        (LIST, rule("get", "", "pods"), False),
        (LIST, rule("list", "apps", "pods"), False),
        (LIST, rule("*", "*", "*"), True),
        (LIST, rule("list", "", "pods", "one"), False),
        (PATCH, rule("patch", "apps,extensions", "deployments"), True),
        (PATCH, rule("patch", "apps", "deployments", "shop web"), True),
        (PATCH, rule("patch", "apps", "deployments", "web"), False),
        (PATCH, rule("patch", "apps", "deployments/scale"), False),
        (SCALE, rule("patch", "apps", "deployments"), False),
        (SCALE, rule("patch", "apps", "deployments/scale"), True),
        (SCALE, rule("patch", "apps", "*/scale"), True),
        (SCALE, rule("patch", "apps", "*"), True),
    ],
)
def test_rules_are_read_as_rbac_does(right: Right, given: dict[str, Any], granted: bool) -> None:
    """`*`, names, and subresources, which are resources of their own."""
    assert is_granted(right, [given]) == granted


def reviews(*rules: dict[str, Any], incomplete: bool = False, allowed: bool = False) -> FakeApi:
    """Answers rules reviews with these rules, and each access review with `allowed`."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("selfsubjectrulesreviews"):
            return await answer({"status": {"resourceRules": list(rules), "incomplete": incomplete}}, 201)(request)
        return await answer({"status": {"allowed": allowed}}, 201)(request)

    api = FakeApi()
    api.otherwise = respond
    return api


def missing(tmp_path: Path, api: FakeApi, *rights: Right, times: int = 1) -> list[Right]:
    async def main() -> list[Right]:
        async with on_fake_api(tmp_path, api) as client:
            for _ in range(times):
                found = await client.missing_rights(rights, "shop")
            return sorted(found)

    return asyncio.run(main())


def test_one_request_tells_all(tmp_path: Path) -> None:
    """A review of the rules in the namespace; as long as they do, it is asked for once."""
    api = reviews(rule("list", "", "pods"), rule("patch", "apps", "deployments deployments/scale"))

    assert missing(tmp_path, api, LIST, PATCH, SCALE, times=3) == []
    assert api.seen == [("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews")]
    assert api.bodies[0]["spec"] == {"namespace": "shop"}


def test_what_the_rules_lack_is_missing(tmp_path: Path) -> None:
    """And asked for anew the next time: somebody may have granted it."""
    api = reviews(rule("list", "", "pods"))

    assert missing(tmp_path, api, LIST, PATCH, SCALE, times=2) == [PATCH, SCALE]
    assert len(api.seen) == 2


@pytest.mark.parametrize("allowed", [True, False])
def test_where_rules_are_not_all_each_right_is_asked_for(tmp_path: Path, allowed: bool) -> None:
    """As with a cloud's own authorizer: those that the rules do not prove."""
    api = reviews(rule("list", "", "pods"), incomplete=True, allowed=allowed)

    assert missing(tmp_path, api, LIST, SCALE) == ([] if allowed else [SCALE])
    assert api.bodies[-1]["spec"]["resourceAttributes"] == {
        "verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale", "name": "shop", "namespace": "shop",
    }  # fmt: skip


def test_objects_of_no_namespace_are_asked_for_by_themselves(tmp_path: Path) -> None:
    """A namespace's rules do not tell of them."""
    api = reviews(rule("*", "*", "*"))

    assert missing(tmp_path, api, NODES) == [NODES]
    assert api.bodies[-1]["spec"]["resourceAttributes"] == {"verb": "get", "resource": "nodes", "name": "a"}


def test_a_cluster_that_does_not_say_is_not_in_the_way(tmp_path: Path) -> None:
    """The requests themselves will tell."""
    api = FakeApi()
    api.otherwise = status(403, "Forbidden")

    assert missing(tmp_path, api, LIST, PATCH) == []
