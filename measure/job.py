"""A Kubernetes Job, made for one measurement: complete is passed, failed is failed, one that never ran tells nothing.

It ends by its own deadline and goes by its own time to live, so nothing is left where this process is killed; and its name is the
measurement's, so that whoever takes the measurement up again finds the Job that runs already.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from ..cluster import jobs
from ..cluster.port import Cluster
from ..errors import ClusterError, Conflict
from ..gates.figures import Outcome
from ..gates.templates import filled
from ..kube.objects import JOB, Obj, Ref, digest
from ..plan.observed import APP_LABEL
from ..release.image import checked
from ..release.sources import Need, SourceOptions
from ..release.strict import Seconds
from .port import Unmeasured, Window

if TYPE_CHECKING:
    from ..release.gates import Gate

KEPT_S = 24 * 3600
"""How long a Job that has ended is kept, for whoever wants to read its log."""
LINES = 5
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")


class JobOptions(SourceOptions):
    """A Kubernetes Job that is made for each measurement: complete is passed, failed is failed."""

    text_is = "image"
    concludes = True

    image: str = Field(description="What the Job runs; a template.")
    command: tuple[str, ...] = Field((), description="Instead of the image's own; templates.")
    args: tuple[str, ...] = Field((), description="Templates.")
    env: dict[str, str] = Field({}, description="Environment variables; templates.")
    service_account: str | None = Field(None, description="Whose rights it has.")
    timeout: Annotated[Seconds, Field(ge=1)] = Field(300, description="A Job that takes longer has not been able to tell.")

    @field_validator("image")
    @classmethod
    def _is_image(cls, image: str) -> str:
        checked(_VARIABLE.sub("x", image))
        return image

    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        yield ("image",), self.image
        yield from ((("command", place), text) for place, text in enumerate(self.command))
        yield from ((("args", place), text) for place, text in enumerate(self.args))
        yield from ((("env", name), text) for name, text in self.env.items())

    def needs(self, namespace: str) -> Iterator[Need]:
        yield Need(JOB, ("create", "list", "watch"))


class Jobs:
    options = JobOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._gate, self._options, self._cluster = gate, gate.options_as(JobOptions), cluster

    async def measure(self, window: Window) -> Outcome:
        job = self._job(window)
        ref = Ref(JOB.api_version, JOB.name, window.namespace, job["metadata"]["name"])
        try:
            with contextlib.suppress(Conflict):  # this very measurement was begun before
                await self._cluster.create(job)
            ended = await jobs.ended(self._cluster, ref, self._options.timeout + jobs.GRACE_S)
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

    async def _outcome(self, ref: Ref, job: Obj | None) -> Outcome:
        end = jobs.end_of(job)
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
        for _, text in await jobs.said(self._cluster, await jobs.pods_of(self._cluster, ref), LINES):
            return " / ".join(line.strip() for line in text.splitlines() if line.strip())
        return ""
