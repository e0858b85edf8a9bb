"""What a cluster says of its own control plane: its parts, and the APIs that it serves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from rollway.kube.objects import DEFINITION
from rollway.sandbox.controllers.localapis import API_SERVICE
from rollway.sandbox.furniture import furnish
from rollway.sandbox.serving import openapi, tables
from rollway.sandbox.serving.discovery import group_versions, only_asked, resources
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

from tests.sandbox.api.test_customs import WIDGET, definition
from tests.sandbox.serving.test_asked import Api, Ask, run

AT = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def test_every_part_is_healthy() -> None:
    """As a list, as a table, and by its name, with the warning that they are deprecated; there is no other, and no change."""

    async def story(ask: Ask, api: Api) -> None:
        listed = await ask("GET", "/api/v1/componentstatuses")
        assert listed.headers["Warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'
        assert (await listed.json())["kind"] == "ComponentStatusList"
        rows = (await (await ask("GET", "/api/v1/componentstatuses", Accept=TABLE)).json())["rows"]
        assert [row["cells"] for row in rows] == [
            [name, "Healthy", "ok", ""] for name in ("controller-manager", "etcd-0", "scheduler")
        ]
        one = await (await ask("GET", "/api/v1/componentstatuses/etcd-0")).json()
        assert one["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
        assert (await (await ask("GET", "/api/v1/componentstatuses/etcd-9")).json())["message"] == "Component not found: etcd-9"
        assert (await ask("DELETE", "/api/v1/componentstatuses/etcd-0")).status == 405

    run(story)
    listed = resources("v1", Store())
    assert listed is not None
    assert {"cs"} == {
        short for each in listed["resources"] if each["name"] == "componentstatuses" for short in each["shortNames"]
    }


def test_what_is_only_asked_is_explained_and_cannot_be_listed() -> None:
    """Reviews and the parts' states have schemas as other kinds; a review is made, and nothing else."""
    for kind in only_asked():
        described = openapi.v3(kind.api_version, Store())
        assert described is not None
        schemas = described["components"]["schemas"].values()
        assert any(path.endswith(f"/{kind.plural}") for path in described["paths"])  # where kubectl explain looks for it
        of_kind = [each for each in schemas if each.get("x-kubernetes-group-version-kind", [{}])[0].get("kind") == kind.name]
        assert [set(each["properties"]) >= {"apiVersion", "kind", "metadata"} for each in of_kind] == [True], kind

    async def story(ask: Ask, api: Api) -> None:
        listed = await ask("GET", "/apis/authentication.k8s.io/v1/tokenreviews")
        said = "the server does not allow this method on the requested resource"
        assert (listed.status, (await listed.json())["message"]) == (405, said)
        assert "apis/authentication.k8s.io/v1" in (await (await ask("GET", "/openapi/v3")).json())["paths"]

    run(story)


def test_each_api_is_there_as_a_service_of_its_own() -> None:
    """But that of APIServices; they are local and available, and stay as they are when the sandbox starts again."""
    store = Store()
    furnish(store, AT)
    found = {each["metadata"]["name"]: each for each in store.list(API_SERVICE)}
    names = {f"{version.rpartition('/')[2]}.{version.rpartition('/')[0]}" for version in group_versions(store)}
    assert set(found) == names - {"v1.apiregistration.k8s.io"}
    core, istio = found["v1."], found["v1.networking.istio.io"]
    assert core["spec"] == {"groupPriorityMinimum": 18000, "version": "v1", "versionPriority": 1}
    assert istio["spec"] | {"group": ""} == {"groupPriorityMinimum": 1000, "version": "v1", "versionPriority": 100, "group": ""}
    assert istio["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    (row,) = tables.table(tables.printer_of(API_SERVICE), [core], AT)["rows"]
    assert row["cells"] == ["v1.", "Local", "True", "0s"]
    before = store.version
    furnish(store, AT)
    assert store.version == before


def test_a_definition_brings_its_versions_and_takes_them_along() -> None:
    """The group's other definition keeps what it serves, too."""

    async def story() -> None:
        async with Sandbox() as sandbox:

            async def names() -> list[str]:
                await asyncio.sleep(3)
                return [each["metadata"]["name"] for each in sandbox.store.list(API_SERVICE)]

            made = definition(WIDGET)
            sandbox.api.create(DEFINITION, "", made)
            name = f"v1.{WIDGET.group}"
            assert await names() == [name]
            other = definition(WIDGET._replace(name="Gadget", plural="gadgets"))
            sandbox.api.create(DEFINITION, "", other)
            sandbox.api.delete(DEFINITION, "", made["metadata"]["name"])
            assert await names() == [name]
            sandbox.api.delete(DEFINITION, "", other["metadata"]["name"])
            assert await names() == []

    run_virtual(story())
