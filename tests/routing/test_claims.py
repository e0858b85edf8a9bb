"""Who else routes an application's host."""

from __future__ import annotations

from rollway.routing import claims
from rollway.routing.traffic import Host

SHOP = Host("shop", "shop")


def rule(host: str) -> dict:
    meta = {"name": "default", "namespace": "istio-system"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": {"host": host}}


def test_a_wildcard_rule_is_outranked_not_foreign() -> None:
    """The mesh's default for all hosts does not hold for a host that has its own; that is told, and refuses nothing."""
    for host, is_outranked in (("*.local", True), ("*.shop.svc.cluster.local", True), ("*.example.com", False), ("shop", False)):
        assert bool(claims.outranked([rule(host)], SHOP)) == is_outranked
        assert claims.foreign([rule(host)], [], SHOP, "shop") == []


def test_what_is_ours_is_not_foreign() -> None:
    """By the application's label, whatever the version that it is read in; and what the manifests hold is not, either."""
    mine = {**rule("shop"), "metadata": {"name": "shop", "namespace": "shop", "labels": {"rollway.dev/app": "shop"}}}
    users = {**rule("shop"), "metadata": {"name": "own", "namespace": "shop"}}
    written = {**users, "apiVersion": "networking.istio.io/v1beta1", "metadata": {"name": "own"}}

    assert claims.foreign([mine, users], [written], SHOP, "shop") == []
    assert [each["metadata"]["name"] for each in claims.foreign([mine, users], [], SHOP, "cart")] == ["shop", "own"]
