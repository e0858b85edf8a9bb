"""How a write is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...kube.objects import Kind, Obj
from ...kube.validation import checks


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is asked for. `vet` is called with what is written and what was there before it, and raises ApiError for
    what its writer may not. `warnings` collects what the server warns of (fieldValidation Warn). `asker` is who asks, as reviews
    tell it: `username`, `groups`, maybe `uid` and `extra`."""

    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    field_validation: str = "Warn"
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    asker: Mapping[str, Any] = field(default_factory=dict)
    vet: Callable[[Kind, Obj, Obj | None], None] = lambda *_: None


def check_patch_options(type_: str, asked: Options) -> None:
    problems = []
    if type_ == "apply" and not asked.manager:
        problems.append(checks.required("fieldManager", "is required for apply patch"))
    if type_ != "apply" and asked.force:
        problems.append(checks.forbidden("force", "may not be specified for non-apply patch"))
    if problems:
        raise checks.refusal("PatchOptions", "meta.k8s.io", "", problems)
