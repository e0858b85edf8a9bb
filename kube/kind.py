"""A resource type of the API."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A resource type: `api_version` ("apps/v1"), `name` ("Deployment"), `plural` ("deployments")."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def is_a(self, other: Kind) -> bool:
        """The same kind, in any version: kinds of one name in other groups are other kinds."""
        return self.name == other.name and (self.api_version == other.api_version or self.group == other.group)
