"""A saved plan on disk, and carrying it out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, Refused
from . import running
from .context import Connected
from .options import Source, Where
from .probing import telling
from .running import How
from .session import Session

if TYPE_CHECKING:
    from ..release.model import Release
    from ..ship.saved import SavedPlan

AGAIN = "save one with `deploy plan --out plan.json`"


def save(made: SavedPlan, path: str) -> str:
    """Readable by the user alone, from the first byte on. Answers the digest of what is written: `sha256:…`."""
    from ..ship.saved import document

    target, data = Path(path), (json.dumps(document(made), indent=2, ensure_ascii=False) + "\n").encode()
    refuse_no_file(path)
    beside = target.with_name(f".{target.name}.new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise BadInput(f"the plan cannot be written to {path}: {error.strerror}") from error
    return _digest(data)


def refuse_no_file(path: str) -> None:
    """Raises BadInput where something is there that a file must not take the place of: a device such as /dev/stdout, a pipe, a
    folder. A link is looked through: what it leads to would be lost to whoever goes by it."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.stat(path).st_mode) or path.startswith(("/dev/", "/proc/")):
            raise BadInput(f"{path} is there, and is no file", hint="name a file, which is written anew")


def load(path: str, digest: str | None) -> tuple[SavedPlan, str]:
    """The plan, and its digest. Raises Refused where that is not the one asked for, StalePlan where it has been edited, BadInput
    for what is no plan."""
    from ..release.reading import PIPE, is_pipe

    try:
        if is_pipe(path):
            raise BadInput(PIPE, where=path, hint=AGAIN)
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", hint=AGAIN) from error
    seen = _digest(data)
    if digest is not None and digest.removeprefix("sha256:").lower() != seen.removeprefix("sha256:"):
        from ..ship.saved import ANEW

        raise Refused(
            f"{path} is not the plan that was agreed on",
            detail=f"its digest is {seen}, and --digest says {digest}",
            hint=f"somebody has written it since; {ANEW}",
        )
    return _parsed(path, data), seen


def _parsed(path: str, data: bytes) -> SavedPlan:
    from pydantic import ValidationError

    from ..ship.saved import FORMAT, of_document

    try:
        raw: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, str(error).splitlines()[0]) from error
    kind = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(kind, str) and kind.startswith("rollway.dev/plan.") and kind != FORMAT:
        raise BadInput(f"{path} was saved by another version of rollway ({kind}; this one reads {FORMAT})", hint=AGAIN)
    if kind != FORMAT:
        raise _no_plan(path, "it is another kind of document")
    try:
        return of_document(raw, path)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _no_plan(path, f"{place}: {first['msg']}" if place else str(first["msg"])) from error
    except BadInput as bad:
        raise _no_plan(path, bad.summary) from bad
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, str(error).splitlines()[0]) from error


def _no_plan(path: str, why: str) -> BadInput:
    return BadInput(f"{path} is no saved plan", detail=why, hint=AGAIN)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def run(session: Session, path: str, source: Source, where: Where, how: How, digest: str | None) -> int:
    """Carries out the plan at `path`. The release file beside it, where there is one, says how it is probed."""
    from ..release.load import beside

    plan, seen = load(path, digest)
    if where.namespace and where.namespace != plan.namespace:
        raise BadInput(f"the plan is for namespace {plan.namespace}, not {where.namespace}")
    release = beside(source.file, plan.release)
    session.view.note(f"{path} ({seen}): {_told(release)}")

    if how.remote:
        from .incluster import use_case_of

        return session.with_loaded(release, where, use_case_of(session, plan.asked.request, plan.asked.strategy, how, plan))

    return session.with_cluster(where, lambda connected: carry_out(session, plan, release, connected, how))


async def carry_out(session: Session, plan: SavedPlan, release: Release, connected: Connected, how: How) -> int:
    """The plan, watched and shown. Raises as `ship.saved.run_saved` does."""
    from dataclasses import replace

    from ..ship.saved import run_saved

    if plan.action == "apply":
        await session.prepare(connected, [release])
    watch = how.probe.watch(release, connected.cluster, session.view, is_back=plan.action == "rollback")
    options = replace(how.options(session, watch), is_override=plan.asked.is_override, force=plan.asked.force)
    async with running.heard(options, session.view.note) as options:
        async with telling(watch, session.view):
            result = await run_saved(connected.cluster, release, plan, options=options)
        return running.shown(session, result)


def _told(release: Release) -> str:
    """Whose images a plan brings, whatever it calls their version."""
    images = [container["image"] for container in release.workload["spec"]["template"]["spec"]["containers"]]
    return f"{release.app} in namespace {release.namespace}, {', '.join(images)}"
