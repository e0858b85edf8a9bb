"""The release file's `before`, `after` and `beforeRollback`, as they are written."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt, field_validator, model_validator

from .hooks import LONGEST_NAME
from .names import wrong_label
from .strict import Seconds, Strict
from .wrong import Wrong

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
