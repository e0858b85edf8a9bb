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
from ..release.reading import read_text
from ..release.yamledit import CannotEdit
from .checking import Checked

BOM = "\ufeff"


def plan_fixes(checked: Sequence[Checked]) -> Rewritten:
    """What would be written. Raises BadInput where a file is not what was checked any more.

    Nothing is written through a link that leads out of the release's folder: others may read what lies there.
    """
    plan = Rewritten({}, {}, (), ())
    for one in checked:
        file = one.release.sources.file
        folder = os.path.dirname(file.source) if file else ""

        def read(source: str, folder: str = folder) -> str:
            if _leaves(source, folder):
                raise CannotEdit(f"{source} is a link to {os.path.realpath(source)}, outside of the release's folder")
            return read_text(source, source)

        made = rewritten(one.release, one.findings, read)
        if both := sorted(set(made.texts) & set(plan.texts)):
            raise BadInput(f"{both[0]} belongs to several releases", hint="fix them one by one, with -f FILE")
        plan = Rewritten(plan.texts | made.texts, plan.before | made.before, plan.done + made.done, plan.left + made.left)
    return plan


def _leaves(source: str, folder: str) -> bool:
    """Whether a file that is named as one of the folder's is none, or one that is named elsewhere is a link."""
    real, home = os.path.realpath(source), os.path.realpath(folder)
    if os.path.commonpath([real, home]) == home:
        return False
    named, root = os.path.abspath(source), os.path.abspath(folder)
    return os.path.commonpath([named, root]) == root or os.path.islink(source)


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
    """A file next to the target with the new text, and the target's mode and owner. Raises OSError, also where the target is
    read-only, or its owner cannot be kept."""
    with open(target, "r+b") as file:
        head, was = file.read(3), os.fstat(file.fileno())
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write((BOM if head == BOM.encode() else "").encode() + text.encode())
            now = os.fstat(file.fileno())
            if (now.st_uid, now.st_gid) != (was.st_uid, was.st_gid):
                os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(was.st_mode))
    except OSError as error:
        os.unlink(name)
        raise OSError(error.errno, error.strerror, str(target)) from error
    return Path(name)
