"""Who asks: the owner, an account by its token, or whom the owner plays; and what each may."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict, CIMultiDictProxy
from rollway.errors import ApiError
from rollway.kube.clock import now
from rollway.kube.objects import POD, Obj
from rollway.sandbox.api.server import Api
from rollway.sandbox.furniture import furnish
from rollway.sandbox.serving import rights
from rollway.sandbox.serving.http import application
from rollway.sandbox.serving.identity import OWNER, SERVICE_ACCOUNT, Tokens, User, bound, played
from rollway.sandbox.serving.rights import CLUSTER_ROLE, CLUSTER_ROLE_BINDING
from rollway.sandbox.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store() -> Store:
    out = Store()
    furnish(out, NOW)
    out.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "shop"}})
    return out


def asked(**headers: Any) -> User | None:
    found: CIMultiDict[str] = CIMultiDict()
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            found.add(f"Impersonate-{name.replace('_', '-')}", value)
    return played(CIMultiDictProxy(found))


def test_whom_somebody_plays_is_told_by_headers() -> None:
    """Whoever it is, is authenticated; an account is of its namespace's groups unless others are named."""
    assert asked() is None
    assert asked(User="joe") == User("joe", ("system:authenticated",))
    assert asked(User="joe", Group=["devs", "ops"], Extra_Scopes="read") == User(
        "joe", ("devs", "ops", "system:authenticated"), extra={"scopes": ["read"]}
    )
    robot = asked(User="system:serviceaccount:shop:robot")
    assert robot is not None
    assert robot.groups == ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated")
    assert asked(User="system:anonymous") == User("system:anonymous", ("system:unauthenticated",))
    with pytest.raises(ApiError, match="requested impersonation without impersonating a user"):
        asked(Group="devs")


def binding(name: str, **said: str) -> Obj:
    return {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": name, **said}}}


def test_a_token_ends_with_what_it_is_bound_to(store: Store) -> None:
    """And not with another pod of that name."""
    tokens, account = Tokens("secret"), store.get(SERVICE_ACCOUNT, "shop", "robot")
    pod = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"serviceAccountName": "robot"}}
    store.create(POD, pod)
    made = tokens.made(account, binding("web"), NOW, bound(store, account, binding("web")))["status"]["token"]
    assert tokens.user(made, store, NOW) is not None
    store.remove(POD, "shop", "web")
    assert tokens.user(made, store, NOW) is None
    store.create(POD, pod)
    assert tokens.user(made, store, NOW) is None


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (binding("another"), 'pods "another" not found'),
        (binding("web", kind="ConfigMap"), "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (binding("web", uid="0"), r"the UID in the bound object reference \(0\) does not match the UID in record"),
        (binding("theirs"), 'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name'),
    ],
    ids=["missing", "of another kind", "another uid", "another account's"],
)
def test_a_token_is_bound_to_nothing_else(store: Store, request_: Obj, why: str) -> None:
    for name, account in (("web", "robot"), ("theirs", "default")):
        store.create(POD, {"metadata": {"name": name, "namespace": "shop"}, "spec": {"serviceAccountName": account}})
    with pytest.raises(ApiError, match=why):
        bound(store, store.get(SERVICE_ACCOUNT, "shop", "robot"), request_)


def test_a_token_is_its_account_s_until_it_ends(store: Store) -> None:
    """Nor of an account that was made anew, nor of another sandbox, nor changed."""
    tokens, account = Tokens("secret"), store.get(SERVICE_ACCOUNT, "shop", "robot")
    made = tokens.made(account, {"spec": {"expirationSeconds": 1200}}, NOW)["status"]["token"]
    found = tokens.user(made, store, NOW)
    assert found is not None
    assert (found.name, found.uid) == ("system:serviceaccount:shop:robot", account["metadata"]["uid"])
    assert tokens.user(made, store, NOW + timedelta(seconds=1200)) is None
    assert tokens.user(f"{made[:-2]}AA", store, NOW) is None
    assert Tokens("other").user(made, store, NOW) is None
    assert tokens.user("secret", store, NOW) == OWNER
    assert tokens.user("", store, NOW) is None
    store.remove(SERVICE_ACCOUNT, "shop", "robot")
    assert tokens.user(made, store, NOW) is None


def test_a_token_for_somebody_else_is_none_of_the_api_s(store: Store) -> None:
    """Who it is for has it reviewed as one of theirs; the API does not take it."""
    tokens, account = Tokens("secret"), store.get(SERVICE_ACCOUNT, "shop", "robot")
    made = tokens.made(account, {"spec": {"audiences": ["vault"]}}, NOW)["status"]["token"]
    assert tokens.user(made, store, NOW) is None
    assert tokens.user(made, store, NOW, ["vault", "other"]) is not None


@pytest.mark.parametrize("token", ["\xe4", "a.b.\xe4", "\udcff", "a.\udcff.c"])
def test_what_is_no_text_is_nobody_s_token(store: Store, token: str) -> None:
    """Headers may hold any byte."""
    assert Tokens("secret").user(token, store, NOW) is None


@pytest.mark.parametrize(("seconds", "why"), [(599, "less than 10 minutes"), ((1 << 32) + 1, "larger than 2^32 seconds")])
def test_a_token_lasts_a_time_that_makes_sense(store: Store, seconds: int, why: str) -> None:
    with pytest.raises(ApiError, match=f"spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration"):
        Tokens("x").made(store.get(SERVICE_ACCOUNT, "shop", "robot"), {"spec": {"expirationSeconds": seconds}}, NOW)


def bind(store: Store, role: str, user: str) -> None:
    body: Obj = {"subjects": [{"kind": "User", "name": user}], "roleRef": {"kind": "ClusterRole", "name": role}}
    store.create(CLUSTER_ROLE_BINDING, {"metadata": {"name": f"{user}-{role}"}, **body})


def test_roles_that_every_cluster_has(store: Store) -> None:
    """view sees no Secrets, edit writes workloads, admin roles; nobody else may do anything, but look at what is served."""
    for role in ("view", "edit", "admin", "cluster-admin"):
        bind(store, role, role)

    def may(user: str, verb: str, group: str, resource: str) -> bool:
        wanted = {"verb": verb, "group": group, "resource": resource, "namespace": "shop"}
        return rights.is_allowed(store, {"user": user, "groups": ("system:authenticated",), "resourceAttributes": wanted})

    def row(user: str) -> str:
        asked = (
            ("get", "", "pods"), ("get", "", "secrets"), ("patch", "apps", "deployments"), ("create", "", "pods/exec"),
            ("create", "rbac.authorization.k8s.io", "roles"), ("delete", "", "nodes"),
        )  # fmt: skip
        return "".join("y" if may(user, *each) else "-" for each in asked)

    rows = {user: row(user) for user in ("view", "edit", "admin", "cluster-admin", "nobody")}
    assert rows == {"view": "y-----", "edit": "yyyy--", "admin": "yyyyy-", "cluster-admin": "yyyyyy", "nobody": "------"}
    rights.check_path(store, User("nobody", ("system:authenticated",)), "get", "/apis/apps/v1")
    with pytest.raises(ApiError, match='forbidden: User "nobody" cannot get path "/metrics"'):
        rights.check_path(store, User("nobody", ("system:authenticated",)), "get", "/metrics")


def test_a_role_gathers_what_others_add_to_it(store: Store) -> None:
    """By the label that it names, as operators do for view."""
    bind(store, "view", "joe")
    widgets = {"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["widgets"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    store.create(CLUSTER_ROLE, {"metadata": {"name": "widgets", "labels": labels}, "rules": [widgets]})
    wanted = {"verb": "get", "group": "example.com", "resource": "widgets", "namespace": "shop"}
    assert rights.is_allowed(store, {"user": "joe", "resourceAttributes": wanted})


def test_who_may_play_an_account_may_not_say_of_it_what_he_likes(store: Store) -> None:
    """`edit` lets accounts be played. Each group, extra and uid that is named besides wants a right of its own."""
    store.create(SERVICE_ACCOUNT, {"metadata": {"name": "other", "namespace": "shop"}})
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}
    body: Obj = {"subjects": [subject], "roleRef": {"kind": "ClusterRole", "name": "edit"}}
    store.create(CLUSTER_ROLE_BINDING, {"metadata": {"name": "robot"}, **body})

    async def codes(*further: tuple[str, str]) -> list[tuple[int, str]]:
        token = Tokens("t").made(store.get(SERVICE_ACCOUNT, "shop", "robot"), {}, now())["status"]["token"]
        plays = {"Authorization": f"Bearer {token}", "Impersonate-User": "system:serviceaccount:shop:other"}
        out = []
        async with TestServer(application(Api(store, now), token="t")) as running, ClientSession() as client:
            for name, value in further:
                async with client.get(running.make_url("/apis"), headers={**plays, name: value}) as answer:
                    out.append((answer.status, (await answer.json()).get("message", "")))
        return out

    said = 'is forbidden: User "system:serviceaccount:shop:robot" cannot impersonate resource'
    api = "authentication.k8s.io"
    groups, extras, uids = (("Impersonate-Group", "system:masters"), ("Impersonate-Extra-scopes", "x"), ("Impersonate-Uid", "1"))
    assert asyncio.run(codes(("Accept", "*/*"), groups, extras, uids)) == [
        (200, ""),
        (403, f'groups "system:masters" {said} "groups" in API group "" at the cluster scope'),
        (403, f'userextras.{api} "x" {said} "userextras/scopes" in API group "{api}" at the cluster scope'),
        (403, f'uids.{api} "1" {said} "uids" in API group "{api}" at the cluster scope'),
    ]


def test_what_is_forbidden_is_told_as_the_server_does(store: Store) -> None:
    joe = User("joe", ())
    with pytest.raises(ApiError) as one:
        rights.check(store, joe, "get", POD, "shop", "web", "log")
    assert one.value.status["message"] == (
        'pods "web" is forbidden: User "joe" cannot get resource "pods/log" in API group "" in the namespace "shop"'
    )
    with pytest.raises(
        ApiError, match='pods is forbidden: User "joe" cannot list resource "pods" in API group "" at the cluster scope'
    ):
        rights.check(store, joe, "list", POD, "", "")
