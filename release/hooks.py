"""The release file's `before`, `after` and `beforeRollback`: Jobs that are run once a revision, around its pods."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, StrictInt, field_validator, model_validator

from ..kube.objects import Obj, digest
from .names import wrong_label
from .options import Seconds, Strict
from .wrong import Wrong

if TYPE_CHECKING:
    from .manifests import Located

When = Literal["before", "after", "beforeRollback"]
WHENS: tuple[When, ...] = get_args(When)
LIMITS_S: dict[When, int] = {"before": 600, "after": 600, "beforeRollback": 60}
"""How long a Job may take where nobody says: behind the last one users wait."""
LONGEST_NAME = 30
OWN = ("image", "command", "args", "env", "service_account", "backoff_limit")
"""What makes a Job of the release's own image, in short."""


class HookOptions(Strict):
    """A Job that is run once a revision: a manifest of yours, or a command in the release's own image, in short."""

    name: str | None = Field(None, description="By which it is told of. Default: that of the manifest's Job.")
    manifest: str | None = Field(None, description="The file that holds the Job, relative to this one.")
    image: str | None = Field(None, description="Default: the release's image.")
    command: tuple[str, ...] = Field((), description="Instead of the image's own.")
    args: tuple[str, ...] = Field((), description="Given to the command.")
    env: dict[str, str] = Field({}, description="Environment variables, beside those of the application's container.")
    service_account: str | None = Field(None, description="Whose rights it has. Default: as the application's pods.")
    backoff_limit: Annotated[StrictInt, Field(ge=0)] = Field(0, description="How often a pod that failed is followed by another.")
    timeout: Annotated[Seconds, Field(ge=1)] | None = Field(
        None,
        description="A Job that takes longer has failed. Default: its activeDeadlineSeconds, else 10m; of beforeRollback 1m.",
    )

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and (wrong := wrong_label(name, LONGEST_NAME)):
            raise Wrong(f"{name!r} is no valid name: {wrong}")
        return name

    @model_validator(mode="after")
    def _is_one_way(self) -> HookOptions:
        given = [field for field in OWN if field in self.model_fields_set]
        if self.manifest is not None:
            if given:
                key = str(type(self).model_fields[given[0]].alias)
                raise Wrong(f"{key} does not go with a manifest, which says it itself", at=(key,))
            return self
        if not {"image", "command", "args"} & set(given):
            raise Wrong("says nothing to run", hint="command: [./migrate, up], or manifest: jobs/migrate.yaml")
        if self.name is None:
            raise Wrong("has no name", hint="such as name: migrate")
        return self


def _short(value: Any) -> Any:
    """A bare text is the manifest's path."""
    return {"manifest": value} if isinstance(value, str) else value


HookOption = Annotated[HookOptions, BeforeValidator(_short)]


@dataclass(frozen=True)
class Hook:
    """`job` is the Job's labels, annotations and whole spec, JSON-shaped, with image and configuration as the revision has them;
    only its name is the revision's to give. It may take `timeout` seconds."""

    when: When
    name: str
    job: Obj
    timeout: int

    @property
    def mark(self) -> str:
        """Of what is run: another one is another hook, whatever its name."""
        return digest([self.when, self.name, self.job, self.timeout])[:12]

    def to_record(self) -> dict[str, Any]:
        return {"when": self.when, "name": self.name, "job": copy.deepcopy(self.job), "timeout": self.timeout}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Hook:
        """Raises ValueError or KeyError where it is not what `to_record` writes."""
        if record["when"] not in WHENS:
            raise ValueError(f"unknown moment {record['when']!r} of a hook in a revision's record")
        return Hook(record["when"], record["name"], copy.deepcopy(record["job"]), int(record["timeout"]))


@dataclass(frozen=True)
class WrittenHook:
    """A hook and where it is written: the `place` in its list of the release file, and its manifest, where it has one.
    `has_timeout`: the release file says how long it may take."""

    hook: Hook
    place: int
    manifest: Located | None
    has_timeout: bool
