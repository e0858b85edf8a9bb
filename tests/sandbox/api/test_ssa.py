"""Server-side apply: who owns what, what conflicts, what is taken out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rollway.errors import ApiError, ApplyConflict, FieldConflict
from rollway.kube import ssa
from rollway.kube.lastapplied import ANNOTATION
from rollway.kube.objects import Obj, get

NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"


def config(data: dict[str, Any]) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}, "data": data}


def deployment(**spec: Any) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "x"}, "spec": spec}


def containers(*items: dict[str, Any]) -> Obj:
    return deployment(template={"spec": {"containers": list(items)}})


def fields(obj: Obj, manager: str) -> Any:
    return next(entry["fieldsV1"] for entry in obj["metadata"]["managedFields"] if entry["manager"] == manager)


def test_two_managers_share_a_field_they_agree_on() -> None:
    """Applying the value that is live is no conflict; both own it then."""
    live = ssa.apply(None, config({"k": "1"}), "one", now=NOW)
    live = ssa.apply(live, config({"k": "1"}), "two", now=NOW)

    assert fields(live, "one") == fields(live, "two") == {"f:data": {"f:k": {}}}


def test_a_shared_field_stays_when_one_of_its_owners_lets_go() -> None:
    """Only what nobody else claims is taken out."""
    live = ssa.apply(None, config({"k": "1", "l": "2"}), "one", now=NOW)
    live = ssa.apply(live, config({"k": "1"}), "two", now=NOW)
    live = ssa.apply(live, config({}), "one", now=NOW)

    assert live["data"] == {"k": "1"}


def test_conflicts_name_every_owner_and_field() -> None:
    """An updater is named with the version it used, an applier only by name."""
    live = ssa.apply(None, deployment(replicas=2, paused=True), "one", now=NOW)
    changed = live | {"spec": live["spec"] | {"paused": False}}
    entries = ssa.track_update(live, changed, "kubectl", now=NOW)
    live = changed | {"metadata": changed["metadata"] | {"managedFields": entries}}

    with pytest.raises(ApplyConflict) as caught:
        ssa.apply(live, deployment(replicas=3, paused=True), "two", now=NOW)

    assert caught.value.conflicts == [FieldConflict("kubectl", ".spec.paused"), FieldConflict("one", ".spec.replicas")]
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl" using apps/v1:\n- .spec.paused\n'
        'conflicts with "one":\n- .spec.replicas'
    )


def test_force_takes_the_field_over() -> None:
    """The former owner loses it."""
    live = ssa.apply(None, config({"k": "1"}), "one", now=NOW)
    live = ssa.apply(live, config({"k": "2"}), "two", force=True, now=NOW)

    assert live["data"] == {"k": "2"}
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["two"]


def test_lists_with_keys_are_merged_item_by_item() -> None:
    """Another manager's container stays, and the conflict names the item."""
    live = ssa.apply(None, containers({"name": "web", "image": "a"}), "one", now=NOW)
    live = ssa.apply(live, containers({"name": "side", "image": "b"}), "two", now=NOW)

    assert [item["name"] for item in live["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    with pytest.raises(ApplyConflict, match=r'containers\[name="web"\]\.image'):
        ssa.apply(live, containers({"name": "web", "image": "c"}), "two", now=NOW)


def test_a_port_without_protocol_is_the_tcp_port() -> None:
    """A key field that is left out counts as its default."""
    live = ssa.apply(None, containers({"name": "web", "ports": [{"containerPort": 80, "protocol": "TCP"}]}), "one", now=NOW)
    live = ssa.apply(live, containers({"name": "web", "ports": [{"containerPort": 80, "name": "http"}]}), "two", now=NOW)

    ports = live["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"containerPort": 80, "protocol": "TCP", "name": "http"}]


def test_atomic_maps_belong_to_one_manager_as_a_whole() -> None:
    """A Service's selector is one value: adding a key to it is a conflict."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": {"app": "a"}}}
    live = ssa.apply(None, service, "one", now=NOW)

    with pytest.raises(ApplyConflict) as caught:
        ssa.apply(live, service | {"spec": {"selector": {"app": "a", "track": "b"}}}, "two", now=NOW)
    assert caught.value.conflicts == [FieldConflict("one", ".spec.selector")]


def test_null_takes_out_what_the_manager_applied_before() -> None:
    """`rollingUpdate: null` beside Recreate: nothing of it is left where nobody else owns any."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    live = ssa.apply(None, deployment(strategy=rolling), "one", now=NOW)
    live = ssa.apply(live, deployment(strategy={"type": "Recreate", "rollingUpdate": None}), "one", now=NOW)

    assert live["spec"]["strategy"]["type"] == "Recreate"
    assert get(live, "spec", "strategy", "rollingUpdate") is None


def test_null_leaves_what_the_manager_does_not_own() -> None:
    """A null struct merges as nothing: defaults that nobody applied stay, and the server refuses the result."""
    live = deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}})
    live = ssa.apply(live, deployment(strategy={"type": "Recreate", "rollingUpdate": None}), "one", force=True, now=NOW)

    assert live["spec"]["strategy"] == {"type": "Recreate", "rollingUpdate": {"maxSurge": "25%"}}


def test_an_object_nobody_tracked_has_an_owner_before_the_first_apply() -> None:
    """Its fields belong to `before-first-apply`, so a first apply may conflict."""
    with pytest.raises(ApplyConflict) as caught:
        ssa.apply(config({"k": "1"}), config({"k": "2"}), "one", now=NOW)

    assert caught.value.conflicts == [FieldConflict("before-first-apply", ".data.k")]


def test_applying_the_same_again_changes_nothing() -> None:
    """Not even the time of the entry."""
    live = ssa.apply(None, config({"k": "1"}), "one", now=NOW)

    assert ssa.apply(live, config({"k": "1"}), "one", now=LATER) == live


def test_an_update_takes_exactly_what_it_changed() -> None:
    """And loses nothing of what others own."""
    before = ssa.apply(None, config({"k": "1", "l": "2"}), "one", now=NOW)
    after = before | {"data": {"k": "9", "l": "2"}}
    entries = ssa.track_update(before, after, "kubectl", now=LATER)

    assert [(entry["manager"], entry["operation"], entry["fieldsV1"]) for entry in entries] == [
        ("one", "Apply", {"f:data": {"f:l": {}}}),
        ("kubectl", "Update", {"f:data": {"f:k": {}}}),
    ]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (deployment(replica=1), ".spec.replica: field not declared in schema"),
        (deployment(replicas="two"), ".spec.replicas: expected numeric (int or float), got string"),
        (
            containers({"image": "a"}),
            ".spec.template.spec.containers: element 0: associative list with keys has an element that omits key field "
            '"name" (and doesn\'t have default value)',
        ),
        (
            containers({"name": "a"}, {"name": "a"}),
            '.spec.template.spec.containers: duplicate entries for key [name="a"]',
        ),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(manifest: Obj, message: str) -> None:
    """With the place, in the server's words."""
    with pytest.raises(ApiError) as caught:
        ssa.apply(None, manifest, "one", now=NOW)

    assert caught.value.message == f"failed to create typed patch object (x/a; apps/v1, Kind=Deployment): {message}"


def applied_by_client(data: dict[str, Any], live: dict[str, Any] | None = None) -> Obj:
    """What `kubectl apply` has made of a ConfigMap; `live` is what its data is by now."""
    obj = config(data)
    obj["metadata"]["annotations"] = {ANNOTATION: json.dumps(config(data)) + "\n"}
    obj["metadata"]["managedFields"] = ssa.track_update(None, obj, "kubectl-client-side-apply", now=NOW)
    return obj | {"data": data if live is None else live}


def test_kubectl_takes_over_what_it_applied_from_the_client() -> None:
    """Without a conflict, and the annotation that tells of it says what is applied now: one can go back."""
    live = ssa.apply(applied_by_client({"k": "1"}), config({"k": "<2>"}), "kubectl", now=LATER)

    assert live["data"] == {"k": "<2>"}
    assert fields(live, "kubectl") == {"f:data": {"f:k": {}}}
    text = live["metadata"]["annotations"][ANNOTATION]
    assert text.endswith("}\n")
    assert "\\u003c2\\u003e" in text
    assert json.loads(text) == config({"k": "<2>"})


@pytest.mark.parametrize(
    ("live", "manager"),
    [
        (applied_by_client({"k": "1"}), "another"),
        (applied_by_client({"k": "1"}, live={"k": "3"}), "kubectl"),
        (config({"k": "1"}), "kubectl"),
    ],
    ids=["another manager", "changed since", "nothing noted"],
)
def test_others_and_what_has_changed_since_are_in_the_way_as_ever(live: Obj, manager: str) -> None:
    live["metadata"]["managedFields"] = ssa.track_update(None, live, "kubectl-client-side-apply", now=NOW)
    with pytest.raises(ApplyConflict):
        ssa.apply(live, config({"k": "2"}), manager, now=LATER)


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"apiVersion": "v2", "data": {"k": "1"}}'])
def test_a_note_that_cannot_be_read_gives_nothing_away(noted: str) -> None:
    live = applied_by_client({"k": "1"})
    live["metadata"]["annotations"][ANNOTATION] = noted
    with pytest.raises(ApplyConflict):
        ssa.apply(live, config({"k": "2"}), "kubectl", now=LATER)


def test_a_note_that_would_be_too_large_is_taken_out() -> None:
    live = ssa.apply(applied_by_client({"k": "1"}), config({"k": "x" * 300_000}), "kubectl", now=LATER)
    assert ANNOTATION not in live["metadata"]["annotations"]
