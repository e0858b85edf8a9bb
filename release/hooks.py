"""Jobs that are run once a revision, around its pods: what the release file's `before`, `after` and `beforeRollback` become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..kube.objects import Obj, copied, digest

if TYPE_CHECKING:
    from .manifests import Located

When = Literal["before", "after", "beforeRollback"]
WHENS: tuple[When, ...] = get_args(When)
LIMITS_S: dict[When, int] = {"before": 600, "after": 600, "beforeRollback": 60}
"""How long a Job may take where nobody says: behind the last one users wait."""
LONGEST_NAME = 30


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
        return {"when": self.when, "name": self.name, "job": copied(self.job), "timeout": self.timeout}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Hook:
        """Raises ValueError or KeyError where it is not what `to_record` writes."""
        if record["when"] not in WHENS:
            raise ValueError(f"unknown moment {record['when']!r} of a hook in a revision's record")
        return Hook(record["when"], record["name"], record["job"], int(record["timeout"]))


@dataclass(frozen=True)
class WrittenHook:
    """A hook and where it is written: the `place` in its list of the release file, and its manifest, where it has one.
    `has_timeout`: the release file says how long it may take."""

    hook: Hook
    place: int
    manifest: Located | None
    has_timeout: bool
