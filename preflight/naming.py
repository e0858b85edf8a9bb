"""Names of what a strategy makes beside the user's own objects."""

from __future__ import annotations

from collections.abc import Iterator

from ..kube.objects import DEPLOYMENT, SERVICE
from ..release.names import wrong_object_name
from ..strategies.app import App
from ..strategies.manifests import second_name
from .case import Case
from .model import Found


def too_long(case: Case) -> Iterator[Found]:
    """What the user has written is told of elsewhere: this is of the suffix."""
    made = [(DEPLOYMENT, second_name(case.release, case.chosen.suffix))] if case.chosen.suffix else []
    if case.strategy == "blue-green" and case.release.services:
        made.append((SERVICE, App(case.release).preview_name))
    for kind, name in made:
        if not (wrong := wrong_object_name(kind.name, name)):
            continue
        spare = len(name) - 63
        yield Found(
            case.workload,
            ("metadata", "name"),
            f"{case.strategy} makes a {kind.name} called {name}, which is no valid name: {wrong}",
            hint=f"a name shorter by {spare}, or another strategy" if spare > 0 else "choose another name",
        )
