"""How a write is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...kube.validation import checks


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is asked for. `warnings` collects what the server warns of (fieldValidation Warn)."""

    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    field_validation: str = "Warn"
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)


def check_patch_options(type_: str, asked: Options) -> None:
    problems = []
    if type_ == "apply" and not asked.manager:
        problems.append(checks.required("fieldManager", "is required for apply patch"))
    if type_ != "apply" and asked.force:
        problems.append(checks.forbidden("force", "may not be specified for non-apply patch"))
    if problems:
        raise checks.refusal("PatchOptions", "meta.k8s.io", "", problems)
