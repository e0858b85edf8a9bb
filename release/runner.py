"""The release file's `runner`: what a release is carried out by where it runs in the cluster."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from .image import checked
from .names import wrong_object_name
from .strict import Strict
from .wrong import Wrong


class RunnerOptions(Strict):
    """The pod that carries out a release with --in-cluster."""

    image: str | None = Field(None, description="An image whose program is `deploy`. Default: ROLLWAY_IMAGE.")
    service_account: str | None = Field(
        None,
        description="An account of the application's namespace that has the rights (`deploy rbac --in-cluster`). Default: one is "
        "made for the release, and goes with it.",
    )

    @field_validator("image")
    @classmethod
    def _is_image(cls, image: str | None) -> str | None:
        if image is not None:
            checked(image)
        return image

    @field_validator("service_account")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and (wrong := wrong_object_name("ServiceAccount", name)):
            raise Wrong(f"{name!r} is no valid name: {wrong}")
        return name


def as_mapping(value: Any) -> Any:
    """The image alone, in short."""
    return {"image": value} if isinstance(value, str) else value
