"""Writes fixes into the user's files: all of them or none, each replaced at once."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import BadInput
from ..preflight.writing import Rewritten, rewritten
from ..release.yamlfile import read_text
from .checking import Checked

BOM = "\ufeff"


def plan_fixes(checked: Sequence[Checked]) -> Rewritten:
    """What would be written. Raises BadInput where a file is not what was checked any more."""
    plan = Rewritten({}, {}, (), ())
    for one in checked:
        made = rewritten(one.release, one.findings, lambda source: read_text(source, source))
        if both := sorted(set(made.texts) & set(plan.texts)):
            raise BadInput(f"{both[0]} belongs to several releases", hint="fix them one by one, with -f FILE")
        plan = Rewritten(plan.texts | made.texts, plan.before | made.before, plan.done + made.done, plan.left + made.left)
    return plan


def write(plan: Rewritten) -> None:
    """Writes every text beside its file first; only when all could be written they take their places.

    Raises BadInput, with nothing written, where a file has changed since or cannot be written.
    """
    written: list[tuple[Path, Path]] = []
    try:
        for source, text in plan.texts.items():
            if read_text(source, source) != plan.before[source]:
                raise BadInput("the file has changed while it was checked", where=source, hint="check again; nothing was written")
            target = Path(source).resolve()
            written.append((_beside(target, text), target))
        for new, target in written:
            os.replace(new, target)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written: {error.strerror}", hint="nothing was written") from error
    finally:
        for new, _ in written:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()


def _beside(target: Path, text: str) -> Path:
    """A file next to the target with the new text and the target's mode. Raises OSError, also where the target is read-only."""
    with open(target, "r+b") as file:
        head, mode = file.read(3), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write((BOM if head == BOM.encode() else "").encode() + text.encode())
            os.fchmod(file.fileno(), mode)
    except OSError:
        os.unlink(name)
        raise
    return Path(name)
