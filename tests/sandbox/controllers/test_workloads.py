"""Jobs, CronJobs, StatefulSets and DaemonSets through the API, with the node's own pods: what a user of them would look for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import yaml
from rollway.errors import Invalid
from rollway.kube.objects import CRON_JOB, DAEMON_SET, EVENT, JOB, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET, Obj, annotations_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"
ENDS = "{restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}"
JOB_TEXT = f"""
metadata: {{name: j}}
spec: {{completions: 2, parallelism: 2, backoffLimit: 1, template: {{spec: {ENDS}}}}}
"""
SET_TEXT = """
metadata: {name: s}
spec:
  serviceName: s
  replicas: 2
  selector: {matchLabels: {a: s}}
  template:
    metadata: {labels: {a: s}}
    spec: {containers: [{name: a, image: "a:1", volumeMounts: [{name: d, mountPath: /d}]}]}
  volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
"""


def in_sandbox(story: Callable[[Sandbox], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with Sandbox() as sandbox:
            return await story(sandbox)

    return run_virtual(main())


def read(text: str) -> Obj:
    loaded: Obj = yaml.safe_load(text)
    return loaded


def conditions(obj: Obj) -> list[str]:
    return [each["type"] for each in obj["status"]["conditions"]]


def test_a_job_runs_to_its_end() -> None:
    async def story(sandbox: Sandbox) -> Any:
        sandbox.api.create(JOB, SPACE, read(JOB_TEXT))
        await asyncio.sleep(30)
        return sandbox.api.get(JOB, SPACE, "j"), list(sandbox.store.list(POD, SPACE))

    job, pods = in_sandbox(story)
    assert conditions(job) == ["SuccessCriteriaMet", "Complete"]
    assert (job["status"]["succeeded"], job["status"]["ready"]) == (2, 0)
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded", "Succeeded"]
    chosen = job["spec"]["selector"]["matchLabels"]
    assert all(chosen.items() <= pod["metadata"]["labels"].items() for pod in pods)
    assert not any(pod["metadata"].get("finalizers") for pod in pods)


def test_a_job_that_crashes_is_tried_again_and_fails() -> None:
    async def story(sandbox: Sandbox) -> Any:
        job = read(JOB_TEXT)
        job["spec"] |= {"completions": 1, "parallelism": 1}
        job["spec"]["template"]["metadata"] = {"annotations": {"sandbox.rollway.dev/behaviour": "{fails: crash, exitCode: 3}"}}
        sandbox.api.create(JOB, SPACE, job)
        await asyncio.sleep(60)
        return sandbox.api.get(JOB, SPACE, "j"), list(sandbox.store.list(POD, SPACE))

    job, pods = in_sandbox(story)
    assert conditions(job) == ["FailureTarget", "Failed"]
    assert job["status"]["failed"] == 2
    assert {pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in pods} == {3}


def test_a_job_s_template_does_not_change_under_its_pods() -> None:
    async def story(sandbox: Sandbox) -> Any:
        made = sandbox.api.create(JOB, SPACE, read(JOB_TEXT))
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}}}
        with pytest.raises(Invalid, match="field is immutable"):
            sandbox.api.patch(JOB, SPACE, "j", patch)
        always = read(JOB_TEXT.replace("Never", "Always").replace("name: j", "name: k"))
        with pytest.raises(Invalid, match='Required value: valid values: "OnFailure", "Never"'):
            sandbox.api.create(JOB, SPACE, always)
        return made

    assert in_sandbox(story)["spec"]["backoffLimit"] == 1


def test_a_cron_job_makes_a_job_a_minute_and_keeps_three() -> None:
    async def story(sandbox: Sandbox) -> Any:
        cron = {"metadata": {"name": "c"}, "spec": {"schedule": "*/1 * * * *", "jobTemplate": {"spec": read(JOB_TEXT)["spec"]}}}
        sandbox.api.create(CRON_JOB, SPACE, cron)
        await asyncio.sleep(6 * 60 + 30)
        return list(sandbox.store.list(JOB, SPACE)), sandbox.api.get(CRON_JOB, SPACE, "c")

    jobs, cron = in_sandbox(story)
    assert len(jobs) == 3
    assert all(annotations_of(job) for job in jobs)
    assert cron["status"]["lastSuccessfulTime"] >= cron["status"]["lastScheduleTime"]


def test_a_schedule_that_is_never_due_is_told() -> None:
    """The 30th of February is well written: it is invalid, and not unparseable."""

    async def story(sandbox: Sandbox) -> Any:
        cron = {"metadata": {"name": "c"}, "spec": {"schedule": "0 0 30 2 *", "jobTemplate": {"spec": read(JOB_TEXT)["spec"]}}}
        sandbox.api.create(CRON_JOB, SPACE, cron)
        await asyncio.sleep(2)
        return [(each["type"], each["reason"], each["message"]) for each in sandbox.store.list(EVENT, SPACE)]

    said = "invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second"
    assert in_sandbox(story) == [("Warning", "InvalidSchedule", said)]


def test_a_stateful_set_s_pods_have_names_and_claims_of_their_own() -> None:
    async def story(sandbox: Sandbox) -> Any:
        sandbox.api.create(STATEFUL_SET, SPACE, read(SET_TEXT))
        await asyncio.sleep(20)
        sandbox.api.patch(STATEFUL_SET, SPACE, "s", {"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "a:2", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]}}}})  # fmt: skip
        await asyncio.sleep(120)
        sandbox.api.delete(STATEFUL_SET, SPACE, "s")
        before = list(sandbox.store.list(POD, SPACE))
        await asyncio.sleep(60)
        return before, list(sandbox.store.list(POD, SPACE)), list(sandbox.store.list(PERSISTENT_VOLUME_CLAIM, SPACE))

    before, after, claims = in_sandbox(story)
    assert sorted(pod["metadata"]["name"] for pod in before) == ["s-0", "s-1"]
    assert {pod["spec"]["containers"][0]["image"] for pod in before} == {"a:2"}
    assert after == []
    assert sorted(claim["metadata"]["name"] for claim in claims) == ["d-s-0", "d-s-1"]


def test_what_of_a_stateful_set_may_change() -> None:
    async def story(sandbox: Sandbox) -> Any:
        sandbox.api.create(STATEFUL_SET, SPACE, read(SET_TEXT))
        with pytest.raises(Invalid, match="updates to statefulset spec for fields other than 'replicas'"):
            sandbox.api.patch(STATEFUL_SET, SPACE, "s", {"spec": {"serviceName": "other"}})
        return sandbox.api.patch(STATEFUL_SET, SPACE, "s", {"spec": {"replicas": 3}})

    assert in_sandbox(story)["spec"]["replicas"] == 3


def test_a_daemon_set_has_a_pod_on_the_node() -> None:
    async def story(sandbox: Sandbox) -> Any:
        spec = {"containers": [{"name": "a", "image": "a:1"}]}
        template = {"metadata": {"labels": {"a": "d"}}, "spec": spec}
        made = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "d"}}, "template": template}}
        sandbox.api.create(DAEMON_SET, SPACE, made)
        await asyncio.sleep(10)
        return sandbox.api.get(DAEMON_SET, SPACE, "d"), list(sandbox.store.list(POD, SPACE))

    live, pods = in_sandbox(story)
    assert (live["status"]["desiredNumberScheduled"], live["status"]["numberAvailable"]) == (1, 1)
    assert [pod["spec"]["nodeName"] for pod in pods] == ["rollway-sandbox"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"action": "FailJob", "onExitCodes": {"operator": "In"}}, "at least one value is required"),
        ({"onExitCodes": {"operator": "In", "values": [1]}}, r'action: Required value: valid values: \["Count"'),
        ({"action": "Stop", "onExitCodes": {"operator": "In", "values": [1]}}, "action: Unsupported value"),
        ({"action": "FailJob", "onExitCodes": {"values": [1]}}, "operator: Required value"),
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}, "must not be 0 for the In operator"),
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 1]}}, "must be ordered"),
        (
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], "containerName": "b"}},
            "must be one of the container",
        ),
        ({"action": "FailJob"}, "specifying one of OnExitCodes and OnPodConditions is required"),
        ({"action": "FailJob", "onPodConditions": [{"status": "True"}]}, "name part must be non-empty"),
    ],
)
def test_a_failure_policy_that_no_pod_could_be_held_against_is_refused(rule: Obj, said: str) -> None:
    """It would stop the controller at the first pod that fails."""

    async def story(sandbox: Sandbox) -> None:
        job = yaml.safe_load(JOB_TEXT)
        job["spec"]["podFailurePolicy"] = {"rules": [rule]}
        with pytest.raises(Invalid, match=said):
            sandbox.api.create(JOB, SPACE, job)

    in_sandbox(story)


def test_a_set_with_claims_is_written_back_as_it_was_read() -> None:
    """What the server added to its claims are fields of a claim: nothing of it is unknown to a strict write or patch."""

    async def story(sandbox: Sandbox) -> Any:
        sandbox.api.create(STATEFUL_SET, SPACE, read(SET_TEXT))
        strict: Obj = {"field_validation": "Strict"}
        live = sandbox.api.get(STATEFUL_SET, SPACE, "s")
        written = sandbox.api.update(STATEFUL_SET, SPACE, "s", live, **strict)
        patch = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
        return written, sandbox.api.patch(STATEFUL_SET, SPACE, "s", patch, "json", **strict)

    written, patched = in_sandbox(story)
    [claim] = patched["spec"]["volumeClaimTemplates"]
    assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
    assert written["metadata"]["generation"] == patched["metadata"]["generation"] == 1
