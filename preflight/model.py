"""What preflight speaks of: rules, what they find, where, and the edits that would mend it. Frozen data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..kube.objects import Obj
from ..release.model import Key
from ..release.yamlfile import Path

if TYPE_CHECKING:
    from .case import Case

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class Edit(NamedTuple):
    """Puts `value` at a path of an object, or takes away what is there (`is_removal`), or the second of two that are alike in the
    text (`is_twin`), which changes nothing of the object. `target` None: of the release file."""

    target: Key | None
    path: Path
    value: Any = None
    is_removal: bool = False
    is_twin: bool = False


@dataclass(frozen=True)
class Found:
    """What a rule sees: in which object (None: in the release file), at which path, as a sentence.

    `fix` mends it, all edits together; `hint` says what to do where no edit can. `severity` differs from the rule's where this
    case is worse or better than most. `mark` is its (line, column) where that is not the path's.
    """

    obj: Obj | None
    path: Path
    message: str
    fix: tuple[Edit, ...] = ()
    hint: str = ""
    severity: Severity | None = None
    mark: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rule:
    """`id` never changes its meaning. `why` is one sentence: how it loses requests, or gets stuck. `more` and `example` are for
    whoever asks: a few sentences, and YAML as it should be. Without `look` the examination itself finds it."""

    id: str
    severity: Severity
    title: str
    why: str
    more: str
    example: str = ""
    look: Callable[[Case], Iterator[Found]] | None = None


@dataclass(frozen=True)
class Finding:
    """`source` is the file as the user named it, with `line` and `column` from 1; empty and 0 where the release is from no file.
    `object` reads "Deployment shop", empty for the release file; `path` "spec.template.spec.containers[0]"."""

    rule: Rule
    severity: Severity
    message: str
    source: str
    line: int
    column: int
    object: str
    path: str
    fix: tuple[Edit, ...] = field(default=(), repr=False)
    patch: str = field(default="", repr=False)
    """The fix as YAML, in the shape of a merge patch of the whole object."""
    snippet: tuple[str, str] = field(default=("", ""), repr=False)
    """The fix as one writes it: (path, YAML at that path)."""
    hint: str = ""

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def where(self) -> str:
        """ "k8s/web.yaml:7:3", or what is known of it."""
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source
