"""Admission of pods, whoever makes them: LimitRanges, priorities, tokens and the Pod Security Standards, in the real words."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from rollway.errors import ApiError
from rollway.kube.kind import Kind
from rollway.kube.objects import DEPLOYMENT, EVENT, JOB, NAMESPACE, POD, RESOURCE_QUOTA, SERVICE_ACCOUNT, Obj, get
from rollway.sandbox.api.admission.limitranger import LIMIT_RANGE
from rollway.sandbox.api.admission.priority import PRIORITY_CLASS
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from shop import STRATEGIES, in_world, release

SPACE = "default"
RESTRICTED: Obj = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "app", "image": "shop:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}  # fmt: skip


def limits(**item: Any) -> Obj:
    return {"metadata": {"name": "sizes"}, "spec": {"limits": [{"type": "Container"} | item]}}


def pod(resources: Obj | None = None, **spec: Any) -> Obj:
    container = {"name": "app", "image": "shop:1", "resources": resources or {}}
    return {"metadata": {"name": "web"}, "spec": {"containers": [container]} | spec}


def made(*given: tuple[Kind, Obj], body: Obj | None = None) -> Obj:
    """The pod as it is let in, beside these objects."""

    async def story() -> Obj:
        async with Sandbox(kubelet=False) as sandbox:
            for kind, obj in given:
                sandbox.api.create(kind, SPACE if kind.namespaced else "", obj)
            return sandbox.api.create(POD, SPACE, body or pod())

    found: Obj = run_virtual(story())
    return found


def refused(*given: tuple[Kind, Obj], body: Obj | None = None) -> str:
    with pytest.raises(ApiError) as caught:
        made(*given, body=body)
    assert caught.value.code == 403
    return caught.value.message.removeprefix('pods "web" is forbidden: ')


def test_what_admission_added_stays_when_a_manifest_replaces_the_pod() -> None:
    """Its priority, and what it tolerates, as far as the manifest does not say them itself."""

    async def story() -> tuple[Obj, Obj]:
        async with Sandbox(kubelet=False) as sandbox:
            sandbox.api.create(PRIORITY_CLASS, "", {"metadata": {"name": "high"}, "value": 100, "globalDefault": True})
            was = sandbox.api.create(POD, SPACE, pod(automountServiceAccountToken=False, priorityClassName="high"))
            own = pod(automountServiceAccountToken=False, priorityClassName="high", serviceAccountName="default")
            own["spec"]["nodeName"] = get(sandbox.api.get(POD, SPACE, "web"), "spec", "nodeName", default="")
            own["metadata"]["labels"] = {"a": "b"}
            return was, sandbox.api.update(POD, SPACE, "web", own)

    was, now = run_virtual(story())
    assert now["metadata"]["labels"] == {"a": "b"}
    for key in ("priority", "preemptionPolicy", "tolerations"):
        assert now["spec"][key] == was["spec"][key], key


def test_a_limit_range_gives_what_nobody_said() -> None:
    """The least where nothing else is a default; what is said stays."""
    sizes = limits(default={"cpu": "500m"}, max={"memory": "1Gi"}, min={"cpu": "100m"})
    found = made((LIMIT_RANGE, sizes))
    assert found["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    note = "LimitRanger plugin set: cpu, memory request for container app; cpu, memory limit for container app"
    assert found["metadata"]["annotations"] == {"kubernetes.io/limit-ranger": note}
    assert found["status"]["qosClass"] == "Guaranteed"
    own = made((LIMIT_RANGE, sizes), body=pod({"limits": {"cpu": "200m", "memory": "10Mi"}}))
    assert own["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "200m", "memory": "10Mi"}


@pytest.mark.parametrize(
    ("item", "resources", "why"),
    [
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        ({"min": {"cpu": "1"}}, {"requests": {"cpu": "200m"}}, "minimum cpu usage per Container is 1, but request is 200m"),
        (
            {"maxLimitRequestRatio": {"memory": "2"}},
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "3Gi"}},
            "memory max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        ({"type": "Pod", "max": {"cpu": "1"}}, {}, "maximum cpu usage per Pod is 1.  No limit is specified"),
        (
            {"max": {"cpu": "1", "memory": "1Gi"}},
            {"limits": {"cpu": "2", "memory": "2Gi"}},
            "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]",
        ),
    ],
    ids=["max", "min", "ratio", "pod", "both"],
)
def test_a_limit_range_refuses(item: Obj, resources: Obj, why: str) -> None:
    assert refused((LIMIT_RANGE, limits(**item)), body=pod(resources)) == why


def priority(name: str, value: int, **fields: Any) -> tuple[Kind, Obj]:
    return PRIORITY_CLASS, {"metadata": {"name": name}, "value": value} | fields


def test_a_priority_class_is_its_number() -> None:
    first = priority("first", 1000, preemptionPolicy="Never")
    spec = made(first, body=pod(priorityClassName="first"))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    spec = made(first, priority("usual", 7, globalDefault=True))["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)
    assert made(body=pod(priorityClassName="system-node-critical"))["spec"]["priority"] == 2_000_001_000
    assert refused(body=pod(priorityClassName="nope")) == "no PriorityClass with name nope was found"
    why = (
        "the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 "
        "from the given PriorityClass name"
    )
    assert refused(first, body=pod(priorityClassName="first", priority=5)) == why


def test_an_account_gives_its_secrets_and_may_keep_its_token() -> None:
    account = {"metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "hub"}], "automountServiceAccountToken": False}
    spec = made((SERVICE_ACCOUNT, account), body=pod(serviceAccountName="robot"))["spec"]
    assert spec["imagePullSecrets"] == [{"name": "hub"}]
    assert "volumes" not in spec
    assert made()["spec"]["volumes"][0]["name"].startswith("kube-api-access-")


def levels(**labels: str) -> Obj:
    marked = {f"pod-security.kubernetes.io/{mode.replace('_', '-')}": value for mode, value in labels.items()}
    return {"metadata": {"labels": marked}}


PLAIN = (
    'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)


def secured(body: Obj, **labels: str) -> str:
    """Why a pod is refused in a namespace with these labels; empty where it is not."""

    async def story() -> str:
        async with Sandbox(kubelet=False) as sandbox:
            sandbox.api.patch(NAMESPACE, "", SPACE, levels(**labels))
            try:
                sandbox.api.create(POD, SPACE, body)
            except ApiError as error:
                return error.message.removeprefix('pods "web" is forbidden: ')
            return ""

    why: str = run_virtual(story())
    return why


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
        (
            {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
            'privileged (container "a" must not set securityContext.privileged=true)',
        ),
        (
            {"containers": [{"name": "a", "image": "a", "securityContext": {"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}}]},
            'non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
        ),
        (
            {"containers": [{"name": "a", "image": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]},
            'hostPort (container "a" uses hostPort 80)',
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "forbidden sysctls (kernel.msgmax)"),
    ],
    ids=["host", "path", "privileged", "capabilities", "port", "seccomp", "sysctl"],
)
def test_the_baseline(spec: Obj, why: str) -> None:
    assert secured(pod(**spec), enforce="baseline") == f'violates PodSecurity "baseline:latest": {why}'
    assert secured(pod(**spec)) == ""


def test_the_restricted_level() -> None:
    """What it asks about the same thing takes the place of the baseline's; what fulfils it, comes in."""
    assert secured(pod(), enforce="restricted", enforce_version="v1.30") == f'violates PodSecurity "restricted:v1.30": {PLAIN}'
    assert secured({"metadata": {"name": "web"}, "spec": RESTRICTED}, enforce="restricted") == ""
    volume = RESTRICTED | {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}
    why = 'restricted volume types (volume "v" uses restricted volume type "hostPath")'
    assert secured({"metadata": {"name": "web"}, "spec": volume}, enforce="restricted").endswith(f": {why}")


def test_a_container_beside_is_held_to_the_level_too() -> None:
    """As `kubectl debug` adds it to a pod that is there: what is forbidden is not added."""

    async def story() -> list[str]:
        async with Sandbox(kubelet=False) as sandbox:
            sandbox.api.patch(NAMESPACE, "", SPACE, levels(enforce="restricted"))
            sandbox.api.create(POD, SPACE, {"metadata": {"name": "web"}, "spec": RESTRICTED})
            fine = {"name": "fine", "image": "tools:1", "securityContext": RESTRICTED["containers"][0]["securityContext"]}
            told = []
            for beside in ({"name": "loose", "image": "tools:1"}, fine):
                patch = {"spec": {"ephemeralContainers": [beside]}}
                try:
                    sandbox.api.patch(POD, SPACE, "web", patch, subresource="ephemeralcontainers")
                except ApiError as error:
                    told.append(error.message)
            live = sandbox.api.get(POD, SPACE, "web")
            return [*told, *(each["name"] for each in live["spec"]["ephemeralContainers"])]

    refused_, *added = run_virtual(story())
    assert refused_.startswith('pods "web" is forbidden: violates PodSecurity "restricted:latest": ')
    assert 'container "loose" must set' in refused_
    assert added == ["fine"]


def test_who_would_violate_a_level_is_warned() -> None:
    """Of a workload already: its pods are made by nobody who listens."""

    async def story() -> list[list[str]]:
        async with Sandbox(kubelet=False) as sandbox:
            sandbox.api.patch(NAMESPACE, "", SPACE, levels(warn="restricted"))
            told: list[list[str]] = [[], []]
            sandbox.api.create(POD, SPACE, pod(), warnings=told[0])
            template = {"metadata": {"labels": {"app": "web"}}, "spec": pod()["spec"]}
            web = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}}
            sandbox.api.create(DEPLOYMENT, SPACE, web, warnings=told[1])
            return told

    assert run_virtual(story()) == [[f'would violate PodSecurity "restricted:latest": {PLAIN}']] * 2


def test_the_pods_of_a_job_are_refused_as_others() -> None:
    """And come once there is room: the Job waits a second, then two."""

    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(RESOURCE_QUOTA, SPACE, {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}}})
            spec = {"template": {"spec": pod()["spec"] | {"restartPolicy": "Never"}}}
            sandbox.api.create(JOB, SPACE, {"metadata": {"name": "j"}, "spec": spec})
            await asyncio.sleep(10)
            told = [each for each in sandbox.store.list(EVENT) if each["reason"] == "FailedCreate"]
            why = "exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0"
            assert {re.sub(r"j-\w+", "j", each["message"]) for each in told} == {f'Error creating: pods "j" is forbidden: {why}'}
            assert not get(sandbox.api.get(JOB, SPACE, "j"), "status", "active")
            sandbox.api.patch(RESOURCE_QUOTA, SPACE, "team", {"spec": {"hard": {"pods": "5"}}})
            await asyncio.sleep(120)
            assert get(sandbox.api.get(JOB, SPACE, "j"), "status", "startTime")
            assert len(list(sandbox.store.list(POD, SPACE))) == 1

    run_virtual(story())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("kind", "given", "spec", "words"),
    [
        (LIMIT_RANGE, limits(max={"cpu": "1"}), {"cpu": "2"}, "maximum cpu usage per Container is 1, but limit is 2"),
        (RESOURCE_QUOTA, {"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "1"}}}, {"cpu": "2"}, "exceeded quota: q"),
        (NAMESPACE, levels(enforce="baseline"), {"hostNetwork": True}, 'violates PodSecurity "baseline:latest": host namespaces'),
        (None, {}, {"priorityClassName": "nope"}, "no PriorityClass with name nope was found"),
    ],
    ids=["limits", "quota", "security", "priority"],
)
def test_a_release_that_a_cluster_refuses_stops_with_the_reason(
    strategy: str, kind: Kind | None, given: Obj, spec: Obj, words: str
) -> None:
    async def story(world: Any) -> None:
        result = await world.ship("apply", release("v1"))
        assert result.failure is None
        wanted = release("v2", strategy=strategy)
        api, space = world.sandbox.api, wanted.workload["metadata"]["namespace"]
        if kind == NAMESPACE:
            api.patch(NAMESPACE, "", space, given)
        elif kind is not None:
            api.create(kind, space, given)
        inner = wanted.workload["spec"]["template"]["spec"]
        if "cpu" in spec:
            inner["containers"][0]["resources"] = {"limits": spec}
        else:
            inner |= spec
        result = await world.ship("apply", wanted, strategy=strategy)
        assert result.failure is not None
        assert words in result.failure.summary + str(result.failure)

    in_world(story)
