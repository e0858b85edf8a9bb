"""The official client's adapter against a server that answers as it is told: repeats, lost answers, logins, paths."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rollway.cluster.client import KubeClient, connect, covers, is_repeatable
from rollway.cluster.port import Tail
from rollway.cluster.wire import Timing
from rollway.errors import ApiError, ApplyConflict, Conflict, Forbidden, Invalid, NotFound, Unreachable
from rollway.kube.objects import HPA, NODE, POD, Ref

from tests.support.fake_api import FAST, IMPATIENT, FakeApi, answer, kubeconfig, lost, on_fake_api, silent, status

WEB = Ref("apps/v1", "Deployment", "shop", "web")
LEASE = Ref("coordination.k8s.io/v1", "Lease", "shop", "lock")
VIRTUAL_SERVICE = Ref("networking.istio.io/v1", "VirtualService", "shop", "web")
LIVE = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "1"}}


def lease(**meta: str) -> dict[str, Any]:
    spec = {"holderIdentity": "alice@ci/1", "renewTime": "2026-01-01T00:00:00.000001Z"}
    return {
        "apiVersion": LEASE.api_version,
        "kind": "Lease",
        "metadata": {"name": "lock", "namespace": "shop", **meta},
        "spec": spec,
    }


def run(tmp_path: Path, api: FakeApi, act: Callable[[KubeClient], Awaitable[Any]], timing: Timing = FAST) -> Any:
    async def main() -> Any:
        async with on_fake_api(tmp_path, api, timing) as client:
            return await act(client)

    return asyncio.run(main())


def scripted(*answers: Any) -> FakeApi:
    api = FakeApi()
    api.script = list(answers)
    return api


# what is sent


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (WEB, "/apis/apps/v1/namespaces/shop/deployments/web"),
        (Ref("v1", "Service", "shop", "web"), "/api/v1/namespaces/shop/services/web"),
        (Ref("v1", "Namespace", "", "shop"), "/api/v1/namespaces/shop"),
        (Ref("v1", "Pod", "", "web-1"), "/api/v1/namespaces/shop/pods/web-1"),
        (
            Ref("networking.istio.io/v1beta1", "Gateway", "shop", "g"),
            "/apis/networking.istio.io/v1beta1/namespaces/shop/gateways/g",
        ),
    ],
)
def test_known_kinds_need_no_discovery(tmp_path: Path, ref: Ref, path: str) -> None:
    """One request, at the kind's path; a namespaced object without a namespace is looked for in the context's."""
    api = scripted(answer(LIVE))

    run(tmp_path, api, lambda client: client.get(ref))

    assert api.seen == [("GET", path)]


def test_an_unknown_kind_is_discovered_once(tmp_path: Path) -> None:
    """Its group and version are asked for, and no others, however often it is used."""
    widgets = {"name": "widgets", "kind": "Widget", "namespaced": False}
    api = scripted(answer({"resources": [widgets, widgets | {"name": "widgets/status"}]}), answer(LIVE), answer(LIVE))
    ref = Ref("example.com/v1", "Widget", "", "a")

    async def act(client: KubeClient) -> None:
        await client.get(ref)
        await client.get(ref)

    run(tmp_path, api, act)

    assert [path for _, path in api.seen] == ["/apis/example.com/v1", *["/apis/example.com/v1/widgets/a"] * 2]


def test_what_is_in_no_namespace_names_none(tmp_path: Path) -> None:
    """Whether a custom resource is in one, the cluster alone knows: the release's is taken out again."""
    widgets = {"name": "widgets", "kind": "Widget", "namespaced": False}
    made = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "shop"}}
    api = scripted(answer({"resources": [widgets]}), answer(made))

    run(tmp_path, api, lambda client: client.apply(made))

    assert api.seen[1][1].startswith("/apis/example.com/v1/widgets/a?")
    assert api.bodies[-1]["metadata"] == {"name": "a"}


def test_writes_name_their_field_manager(tmp_path: Path) -> None:
    """Apply, create, replace and patches are made as `rollway`, each with its content type."""
    api = FakeApi()
    api.otherwise = answer(LIVE)

    async def act(client: KubeClient) -> None:
        await client.apply(LIVE, force=True, dry_run=True)
        await client.create(LIVE)
        await client.replace(LIVE)
        await client.patch(WEB, {"spec": {"replicas": 2}}, subresource="scale")
        await client.patch(WEB, [{"op": "replace", "path": "/spec/replicas", "value": 2}])
        await client.delete(WEB, uid="1")

    run(tmp_path, api, act)

    path = "/apis/apps/v1/namespaces/shop/deployments"
    assert api.seen == [
        ("PATCH", f"{path}/web?force=true&dryRun=All&fieldManager=rollway"),
        ("POST", f"{path}?fieldManager=rollway"),
        ("PUT", f"{path}/web?fieldManager=rollway"),
        ("PATCH", f"{path}/web/scale?fieldManager=rollway"),
        ("PATCH", f"{path}/web?fieldManager=rollway"),
        ("DELETE", f"{path}/web"),
    ]
    types = [headers["Content-Type"].removeprefix("application/") for headers in api.headers]
    assert types == ["apply-patch+yaml", "json", "json", "merge-patch+json", "json-patch+json", "json"]
    assert api.bodies[4] == [{"op": "replace", "path": "/spec/replicas", "value": 2}]
    assert api.bodies[5]["propagationPolicy"] == "Background"
    assert api.bodies[5]["preconditions"] == {"uid": "1"}
    assert api.headers[0]["Authorization"] == "Bearer secret"


def test_lists_are_typed_and_selected(tmp_path: Path) -> None:
    """Selectors are the server's work; each object has its apiVersion and kind."""
    api = scripted(answer({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "web-1"}}]}))

    pods = run(tmp_path, api, lambda client: client.list(POD, "shop", labels={"app": "web", "t": "a"}, fields={"a.b": "c"}))

    assert api.seen == [("GET", "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb,t%3Da&fieldSelector=a.b%3Dc")]
    assert pods == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"}}]


def test_requests_are_counted_by_verb(tmp_path: Path) -> None:
    """Repeats count, too."""
    api = scripted(status(503, "ServiceUnavailable"), answer(LIVE), answer({"items": []}))

    async def act(client: KubeClient) -> dict[str, int]:
        await client.get(WEB)
        await client.list(NODE, "")
        return dict(client.requests_made)

    assert run(tmp_path, api, act) == {"get": 2, "list": 1}


# repeats


@pytest.mark.parametrize(
    "trouble",
    [
        *[pytest.param(status(code, "Trouble"), id=str(code)) for code in (429, 500, 502, 503, 504)],
        pytest.param(answer("<html>bad gateway</html>", 502), id="a proxy's 502"),
        pytest.param(lost(), id="dropped"),
    ],
)
def test_what_may_pass_is_tried_again(tmp_path: Path, trouble: Any) -> None:
    """Overload, server errors and dropped connections are repeated until they pass."""
    api = scripted(trouble, trouble, answer(LIVE))

    assert run(tmp_path, api, lambda client: client.apply(LIVE)) == LIVE


@pytest.mark.parametrize(
    ("code", "error"), [(400, ApiError), (403, Forbidden), (409, Conflict), (422, Invalid), (405, ApiError), (413, ApiError)]
)
def test_what_will_not_pass_is_not_tried_again(tmp_path: Path, code: int, error: type[ApiError]) -> None:
    """Other 4xx are told at once."""
    api = scripted(status(code, "Reason", name="web"), answer(LIVE))

    with pytest.raises(error) as caught:
        run(tmp_path, api, lambda client: client.apply(LIVE))

    assert caught.value.code == code
    assert len(api.seen) == 1


def test_retry_after_is_respected(tmp_path: Path) -> None:
    """A server that says when to come back is not asked before; one that asks for too long is given up."""
    api = scripted(status(429, "TooManyRequests"), answer({"message": "later"}, 429, Retry_After="60"), answer(LIVE))

    with pytest.raises(ApiError) as caught:
        run(tmp_path, api, lambda client: client.get(WEB))

    assert caught.value.code == 429
    assert len(api.seen) == 2


def test_trouble_that_stays_is_told(tmp_path: Path) -> None:
    """After the patience is over the last answer is the error."""
    api = FakeApi()
    api.otherwise = status(503, "ServiceUnavailable", "etcd is away")

    with pytest.raises(ApiError, match="etcd is away"):
        run(tmp_path, api, lambda client: client.get(WEB), replace(FAST, patience=1.0))

    assert len(api.seen) > 3


def test_a_field_that_does_not_exist_is_invalid(tmp_path: Path) -> None:
    """Server-side apply answers it with 500; it is the manifest's fault, and no repeat helps."""
    api = scripted(status(500, "", "failed to create typed patch object: .spec.replica: field not declared in schema"))

    with pytest.raises(Invalid, match="field not declared"):
        run(tmp_path, api, lambda client: client.apply(LIVE))

    assert len(api.seen) == 1


# lost answers


def test_a_create_that_was_done_is_done(tmp_path: Path) -> None:
    """The answer was lost, the repeat meets AlreadyExists, and all that was asked for is live: that was us."""
    live = lease(uid="1")
    api = scripted(lost(), status(409, "AlreadyExists", name="lock"), answer(live))

    assert run(tmp_path, api, lambda client: client.create(lease())) == live


def test_a_create_that_somebody_else_did_is_a_conflict(tmp_path: Path) -> None:
    """Another holder's lock is never taken for ours."""
    other = lease(uid="1") | {"spec": {"holderIdentity": "bob@ci/2"}}
    api = scripted(lost(), status(409, "AlreadyExists", name="lock"), answer(other))

    with pytest.raises(Conflict) as caught:
        run(tmp_path, api, lambda client: client.create(lease()))

    assert caught.value.reason == "AlreadyExists"


def test_a_first_create_that_meets_its_like_is_a_conflict(tmp_path: Path) -> None:
    """Without a lost answer there is no doubt, however alike the live object is."""
    api = scripted(status(409, "AlreadyExists", name="lock"), answer(lease(uid="1")))

    with pytest.raises(Conflict):
        run(tmp_path, api, lambda client: client.create(lease()))

    assert len(api.seen) == 1


def test_a_replace_that_was_done_is_done(tmp_path: Path) -> None:
    """A renewed lock whose answer was lost is not a lost lock: the version has moved on because of us."""
    live = lease(uid="1", resourceVersion="8")
    api = scripted(lost(), status(409, "Conflict", name="lock"), answer(live))

    assert run(tmp_path, api, lambda client: client.replace(lease(uid="1", resourceVersion="7"))) == live


def test_a_delete_that_was_done_is_done(tmp_path: Path) -> None:
    """The repeat finds nothing, which is what was wanted."""
    api = scripted(lost(), status(404, "NotFound", name="web"))

    run(tmp_path, api, lambda client: client.delete(WEB))


def test_a_patch_that_cannot_be_done_twice_is_not(tmp_path: Path) -> None:
    """A list would get its item twice: the error says that the outcome is unknown."""
    api = scripted(lost(), answer(LIVE))

    with pytest.raises(Unreachable) as caught:
        run(tmp_path, api, lambda client: client.patch(WEB, [{"op": "add", "path": "/metadata/finalizers/-", "value": "x"}]))

    assert "not known" in caught.value.detail
    assert len(api.seen) == 1


@pytest.mark.parametrize(
    ("op", "path", "repeatable"),
    [
        ("replace", "/spec/selector", True),
        ("add", "/metadata/labels/app", True),
        ("add", "/spec/rules/0", False),
        ("add", "/spec/rules/-", False),
        ("remove", "/spec/rules", False),
        ("test", "/spec/replicas", False),
    ],
)
def test_which_json_patches_may_be_repeated(op: str, path: str, repeatable: bool) -> None:
    """Those that set members; not those that move list items, nor those that fail when they are done."""
    assert is_repeatable([{"op": op, "path": path}]) is repeatable


def test_what_covers_what() -> None:
    """More may be live than was asked for, nothing less and nothing else; lists are compared place by place."""
    live = {"a": {"b": 1, "c": 2}, "l": [{"x": 1, "y": 2}]}

    assert covers(live, {"a": {"b": 1}, "l": [{"x": 1}]})
    assert not covers(live, {"a": {"b": 2}})
    assert not covers(live, {"l": [{"x": 1}, {"x": 2}]})
    assert not covers(live, {"d": 1})


# logins


def test_an_expired_token_is_read_anew_once(tmp_path: Path) -> None:
    """After a 401 the kubeconfig is read again, and the request repeated with what it now says."""

    async def act(client: KubeClient) -> Any:
        kubeconfig(tmp_path, client._wire.access.host, user={"token": "fresh"})
        return await client.get(WEB)

    api = scripted(status(401, "Unauthorized"), answer(LIVE))

    assert run(tmp_path, api, act) == LIVE
    assert [headers["Authorization"] for headers in api.headers] == ["Bearer secret", "Bearer fresh"]


def test_a_token_that_stays_expired_is_told(tmp_path: Path) -> None:
    """The error names the context and whose token is to be renewed."""
    api = FakeApi()
    api.otherwise = status(401, "Unauthorized")

    with pytest.raises(Unreachable, match="does not accept the credentials of context fake") as caught:
        run(tmp_path, api, lambda client: client.get(WEB))

    assert "token for user u" in caught.value.hint
    assert (len(api.seen), caught.value.may_pass) == (2, False)


# errors in the user's words


def test_a_kind_that_is_not_served(tmp_path: Path) -> None:
    """Nothing of it is there; changing it says what to install."""
    api = FakeApi()
    api.otherwise = answer("404 page not found\n", 404)

    async def act(client: KubeClient) -> None:
        assert await client.get(VIRTUAL_SERVICE) is None
        assert await client.get(Ref("example.com/v1", "Widget", "shop", "a")) is None
        await client.delete(VIRTUAL_SERVICE)
        with pytest.raises(NotFound, match=r"does not serve networking\.istio\.io/v1 VirtualService") as caught:
            await client.apply({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"}})
        assert "install Istio's CRDs" in caught.value.hint
        with pytest.raises(NotFound, match="does not serve autoscaling/v2"):
            await client.list(HPA, "shop")

    run(tmp_path, api, act)


def test_a_namespace_that_is_missing(tmp_path: Path) -> None:
    """The hint is the command that creates it."""
    api = scripted(status(404, "NotFound", 'namespaces "shop" not found', name="shop", kind="namespaces"))

    with pytest.raises(NotFound, match='namespaces "shop" not found') as caught:
        run(tmp_path, api, lambda client: client.create(LIVE))

    assert "kubectl create namespace shop" in caught.value.hint


def test_a_right_that_is_missing(tmp_path: Path) -> None:
    """The hint names the verb as RBAC does, the resource and how to ask."""
    message = 'deployments.apps "web" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps"'
    api = scripted(status(403, "Forbidden", message, name="web"))

    with pytest.raises(Forbidden) as caught:
        run(tmp_path, api, lambda client: client.apply(LIVE))

    assert "patch deployments.apps" in caught.value.hint
    assert "deploy rbac" in caught.value.hint


@pytest.mark.parametrize(
    ("message", "hint"),
    [("exceeded quota: pods", "resourcequota"), ("because it is being terminated", "being deleted"), ("denied by policy", "")],
)
def test_not_every_403_is_a_missing_right(tmp_path: Path, message: str, hint: str) -> None:
    """Quotas, admission, and namespaces on their way out answer it, too."""
    with pytest.raises(Forbidden, match=message) as caught:
        run(tmp_path, scripted(status(403, "Forbidden", message)), lambda client: client.apply(LIVE))

    assert hint in caught.value.hint
    assert "right" not in caught.value.hint


def test_requests_can_be_paced(tmp_path: Path) -> None:
    """With `qps` no more are sent in a second."""
    api = FakeApi()
    api.otherwise = answer(LIVE)

    async def main() -> float:
        async with api.serving() as host, await connect(kubeconfig=kubeconfig(tmp_path, host), qps=200) as client:
            began = asyncio.get_running_loop().time()
            await asyncio.gather(*(client.get(WEB) for _ in range(5)))
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(main()) > 4 / 200 * 0.9


def test_a_conflict_names_its_managers(tmp_path: Path) -> None:
    """The causes of the Status are kept."""
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using apps/v1', "field": ".spec.replicas"}
    api = scripted(status(409, "Conflict", name="web", causes=[cause]))

    with pytest.raises(ApplyConflict) as caught:
        run(tmp_path, api, lambda client: client.apply(LIVE))

    assert caught.value.conflicts == [("kubectl", ".spec.replicas")]


@pytest.mark.parametrize("code", [200, 404])
def test_a_server_that_is_no_api_server(tmp_path: Path, code: int) -> None:
    """A login page of a proxy is not taken for an object, nor for its absence."""
    with pytest.raises(Unreachable, match="does not answer as a Kubernetes API server: <html>"):
        run(tmp_path, scripted(answer("<html>\nlog in</html>", code)), lambda client: client.get(WEB))


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    """A connection without an answer is given up, and the other contexts are named."""
    api = FakeApi()
    api.otherwise = silent()

    with pytest.raises(Unreachable, match="no answer in time") as caught:
        run(tmp_path, api, lambda client: client.get(WEB), replace(IMPATIENT, connect=0.05, read=0.05))

    assert "other contexts: other" in caught.value.hint
    assert caught.value.may_pass


def test_logs_that_are_not_there_are_empty(tmp_path: Path) -> None:
    """No such pod, no such container life; else the text."""
    api = scripted(status(404, "NotFound", name="x"), status(400, "BadRequest"), answer("one\ntwo\n"))

    async def act(client: KubeClient) -> list[str]:
        return [await client.logs("shop", "web-1", "web", Tail(previous=True)) for _ in range(3)]

    assert run(tmp_path, api, act) == ["", "", "one\ntwo\n"]
    assert api.seen[0] == ("GET", "/api/v1/namespaces/shop/pods/web-1/log?container=web&tailLines=5&previous=true")
