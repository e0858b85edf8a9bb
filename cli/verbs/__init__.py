"""The verbs of `deploy`, a file each: this is the one list of them, in the order in which one needs them.

A file is read when its verb is asked for: whoever runs one of them needs the options of no other.
"""

from __future__ import annotations

from importlib import import_module

from ..verb import Verb

VERBS = (
    "demo", "init", "check", "render", "rbac", "plan", "apply", "promote", "rollback", "list", "status", "watch", "dashboard",
    "history", "wait", "gates", "notify", "probe", "compare", "schema", "version",
)  # fmt: skip
HIDDEN = ("runner", "worker")
"""What pods run; nobody types it."""


def named(name: str) -> Verb:
    """That of VERBS or HIDDEN; of a name that Python has a meaning for, the function in its file has one with a _ behind it."""
    file = import_module(f".{name}", __name__)
    found: Verb = getattr(file, name, None) or getattr(file, f"{name}_")
    return found


def every() -> tuple[Verb, ...]:
    """That one can type."""
    return tuple(map(named, VERBS))
