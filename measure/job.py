"""A Kubernetes Job, made for one measurement: complete is passed, failed is failed, one that never ran tells nothing.

It ends by its own deadline and goes by its own time to live, so nothing is left where this process is killed; and its name is the
measurement's, so that whoever takes the measurement up again finds the Job that runs already.
"""

from __future__ import annotations

import asyncio
import contextlib

from ..cluster.port import Cluster
from ..errors import ClusterError, Conflict
from ..gates.figures import Outcome
from ..gates.templates import filled
from ..kube.objects import JOB, POD, Obj, Ref, digest, get
from ..plan.observed import APP_LABEL
from ..release.gates import Gate
from .port import Unmeasured, Window

KEPT_S = 24 * 3600
"""How long a Job that has ended is kept, for whoever wants to read its log."""
LINES = 5
GRACE_S = 10.0
"""For its controller to say that its deadline is over."""


class Jobs:
    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        assert gate.job is not None
        self._gate, self._options, self._cluster = gate, gate.job, cluster

    async def measure(self, window: Window) -> Outcome:
        job = self._job(window)
        ref = Ref(JOB.api_version, JOB.name, window.namespace, job["metadata"]["name"])
        try:
            with contextlib.suppress(Conflict):  # this very measurement was begun before
                await self._cluster.create(job)
            ended = await self._ended(ref)
            return await self._outcome(ref, ended)
        except ClusterError as error:
            raise Unmeasured(f"the Job cannot be run: {error.summary}") from None

    def asks(self, window: Window) -> list[str]:
        values = window.values(window.new)
        words = [filled(word, values) for word in (self._options.image, *self._options.command, *self._options.args)]
        return [f"Job {' '.join(words)}"]

    async def close(self) -> None:
        pass

    def _job(self, window: Window) -> Obj:
        options, values = self._options, window.values(window.new)
        container: Obj = {"name": "gate", "image": filled(options.image, values)}
        for key, words in (("command", options.command), ("args", options.args)):
            if words:
                container[key] = [filled(word, values) for word in words]
        if options.env:
            container["env"] = [{"name": name, "value": filled(text, values)} for name, text in options.env.items()]
        pod: Obj = {"restartPolicy": "Never", "containers": [container]}
        if options.service_account is not None:
            pod["serviceAccountName"] = options.service_account
        # a name has 63 characters at most; the pods' add six
        mark = digest([window.app, self._gate.name, window.revision, window.number])[:8]
        return {
            "apiVersion": JOB.api_version,
            "kind": JOB.name,
            "metadata": {
                "name": f"{window.app[:40]}-gate-{mark}",
                "namespace": window.namespace,
                "labels": {APP_LABEL: window.app},
            },
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": options.timeout,
                "ttlSecondsAfterFinished": KEPT_S,
                "template": {"spec": pod},
            },
        }

    async def _ended(self, ref: Ref) -> Obj | None:
        """The Job when it has ended; None where it never says so."""
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(self._options.timeout + GRACE_S),
                contextlib.aclosing(self._cluster.watch(JOB, ref.namespace, name=ref.name)) as events,
            ):
                async for event in events:
                    if event.type == "DELETED" or _end_of(event.obj):
                        return event.obj
        return None

    async def _outcome(self, ref: Ref, job: Obj | None) -> Outcome:
        end = _end_of(job) if job is not None else None
        if end is None:
            return Outcome(None, f"{ref} has not ended within {self._options.timeout} s")
        if end["type"] == "Complete":
            return Outcome(is_good=True, said=await self._said(ref))
        if end.get("reason") == "DeadlineExceeded":
            return Outcome(None, f"{ref} did not end within {self._options.timeout} s")
        said = await self._said(ref)
        return Outcome(is_good=False, said=said or str(end.get("message") or end.get("reason") or "failed"))

    async def _said(self, ref: Ref) -> str:
        """The end of its pod's log, on one line."""
        pods = await self._cluster.list(POD, ref.namespace, labels={"batch.kubernetes.io/job-name": ref.name})
        for pod in pods:
            text = await self._cluster.logs(ref.namespace, pod["metadata"]["name"], "gate", tail_lines=LINES)
            if text.strip():
                return " / ".join(line.strip() for line in text.splitlines() if line.strip())
        return ""


def _end_of(job: Obj | None) -> Obj | None:
    """The condition with which a Job has ended."""
    conditions = get(job, "status", "conditions", default=()) if job else ()
    return next((each for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"), None)
