"""What looks on while a release is carried out, beside what it is: its probe, its gates, who is told, and what runs it in the
cluster. Kept in a revision's record, so that a promotion from anywhere is watched, and held, as one with the release file is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from .model import Release

KEY = "conduct"


def record_of(release: Release) -> dict[str, Any]:
    """For the release's own record: as it was written, and nothing where nothing was."""
    if not (release.probe or release.gates or release.notify or release.runner):
        return {}
    from .conducted import Conduct

    conduct = Conduct(probe=release.probe, gates=release.gates, notify=release.notify, runner=release.runner)
    written = conduct.model_dump(mode="json", by_alias=True, exclude_unset=True)
    kept = {name: value for name, value in written.items() if value}
    return {KEY: kept} if kept else {}


def as_recorded(release: Release, record: Mapping[str, Any]) -> Release:
    """The release with the probe and the gates of its record; a rollway that did not keep them has written none.

    Raises BadInput where they cannot be read.
    """
    if not record.get(KEY):
        return replace(release, probe=None, gates=(), notify=(), runner=None)
    from pydantic import ValidationError

    from .conducted import Conduct

    try:
        conduct = Conduct.model_validate(record[KEY])
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"the gates that {release.app} {release.version} was released with cannot be read",
            detail=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            hint="use the rollway that has released it, or name the release file with -f",
        ) from error
    return replace(release, probe=conduct.probe, gates=conduct.gates, notify=conduct.notify, runner=conduct.runner)
