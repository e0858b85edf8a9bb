"""The release file's whole shape: what most of them do not hold, too. Its models are made where a file holds some of it, and for
the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from .abtests import AllOptions
from .experiment import NAME as EXPERIMENT
from .file import PlainFile
from .gates import Gate, check_names
from .hookoptions import HookOption, HookOptions
from .hooks import WHENS, When
from .notify import Notify, check_called
from .probe import ProbeOptions
from .runner import RunnerOptions, as_mapping
from .web import WebApp
from .wrong import Wrong


class ReleaseFile(PlainFile):
    """What is released, and how. Either `manifests` or `web` says what."""

    strategies: AllOptions = Field(AllOptions(), description="The strategies' settings; each has a default.")
    web: WebApp | None = Field(None, description="Instead of manifests: a plain web application.")
    probe: ProbeOptions | None = Field(None, description="Requests that are sent while it is released, and how many may be lost.")
    gates: tuple[Gate, ...] = Field((), description="What is measured while it is released, and what follows from it.")
    before: tuple[HookOption, ...] = Field((), description="Jobs that run once a revision, before its first pod.")
    after: tuple[HookOption, ...] = Field((), description="Jobs that run once a revision, when nothing else is left.")
    before_rollback: tuple[HookOption, ...] = Field((), description="Jobs that run before a revision is taken back.")
    notify: tuple[Notify, ...] = Field((), description="Who is told of what becomes of a release.")
    runner: Annotated[RunnerOptions, BeforeValidator(as_mapping)] | None = Field(
        None, description="What carries a release out in the cluster (--in-cluster): an image, or more of it."
    )

    @property
    def conduct(self) -> dict[str, Any]:
        return {"probe": self.probe, "gates": self.gates, "notify": self.notify, "runner": self.runner}

    @property
    def hooks(self) -> Mapping[When, Sequence[HookOptions]]:
        return dict(zip(WHENS, (self.before, self.after, self.before_rollback), strict=True))

    @property
    def web_app(self) -> WebApp | None:
        return self.web

    @field_validator("gates")
    @classmethod
    def _are_told_apart(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        if (taken := next((place for place, gate in enumerate(gates) if gate.name == EXPERIMENT), None)) is not None:
            raise Wrong(f"a gate called {EXPERIMENT} would be taken for ab's experiment", at=(taken, "name"))
        return check_names(gates)

    @field_validator("notify")
    @classmethod
    def _are_called_apart(cls, notify: tuple[Notify, ...]) -> tuple[Notify, ...]:
        return check_called(notify)
