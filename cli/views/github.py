"""Under GitHub Actions a view says more: errors become annotations, a plan goes to the job summary as Markdown.

Pure functions make the texts; `GithubView` is put around another view, which goes on showing everything as it did.
Workflow commands go to stderr, which the runner reads as it does stdout: with `-o json`, stdout is one document and nothing else.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from .failure_text import ended
from .gates_chart import gates_markdown
from .markdown import fenced, plain
from .paint import Paint
from .plan_text import diff_of
from .probe_text import verdict_lines
from .sink import named, put_command
from .words import back, pods, row, title

if TYPE_CHECKING:
    from ...cluster.events import Failure, RunEvent
    from ...compare.results import Comparison, Forecast
    from ...errors import RollwayError
    from ...load.verdict import Verdict
    from ...plan.plan import Plan
    from ...plan.revision import Revision
    from ...plan.steps import Step
    from ...ship.checking import Checked
    from ...ship.listing import Listed
    from ...ship.many import ManyEvent, Outcome, Planned
    from ...ship.run import Result
    from ...ship.sight import Sight
    from ...ship.status import Status
    from . import View

SUMMARY_LIMIT = 1_000_000  # bytes; GitHub refuses the summary of a step above 1 MiB
SUMMARY_WIDTH = 110  # columns of preformatted text that a summary shows without scrolling
_DIFF_SIGNS = {"~": "!"}  # what GitHub's highlighting of a diff knows for "changed"


class GithubView:
    """Another view, with annotations and the job summary. `summary` is the file of $GITHUB_STEP_SUMMARY, if there is one;
    `workspace` the checkout, to which the paths in annotations are relative."""

    def __init__(self, inner: View, *, summary: str | None, workspace: str | None) -> None:
        self._inner = inner
        self._summary = summary
        self._workspace = workspace

    def note(self, line: str) -> None:
        self._inner.note(line)

    def plan(self, plan: Plan, *, where: str = "", diff: bool = False, forecast: Forecast | None = None) -> None:
        self._inner.plan(plan, where=where, diff=diff, forecast=forecast)
        self._summarise(plan_markdown(plan, where=where, diff=diff))

    def findings(self, checked: Sequence[Checked], *, is_refused: bool = False) -> None:
        with _no_commands():
            self._inner.findings(checked, is_refused=is_refused)
        if not is_refused:
            self._annotate_findings(checked)

    def check(self, checked: Sequence[Checked], *, strategy: str | None = None) -> None:
        with _no_commands():
            self._inner.check(checked, strategy=strategy)
        self._annotate_findings(checked)

    def _annotate_findings(self, checked: Sequence[Checked]) -> None:
        for finding in (finding for one in checked for finding in one.findings):
            level = {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
            properties = {**place_of(finding.where, self._workspace), "title": f"{finding.id} {finding.rule.title}"}
            _say(workflow_command(level, f"{finding.message}\n{finding.rule.why}", properties))

    def event(self, event: RunEvent) -> None:
        self._inner.event(event)

    def result(self, result: Result) -> None:
        self._summarise(result_markdown(result) + gates_markdown(result.gates))
        if result.verdict:
            self._summarise(verdict_markdown(result.plan, result.verdict))
        if result.failure is None:
            self._inner.result(result)
            return
        with _no_commands():
            self._inner.result(result)
        _say(annotation(failure_message(result.failure), title=failure_title(result)))

    def plans(self, planned: Sequence[Planned], *, where: str = "", diff: bool = False) -> None:
        self._inner.plans(planned, where=where, diff=diff)
        self._summarise(plans_markdown([one.plan for one in planned if one.plan], where=where, diff=diff))
        self._annotate([(one.release.app, one.error) for one in planned if one.error])

    def many_event(self, event: ManyEvent) -> None:
        self._inner.many_event(event)

    def many_result(self, outcomes: Sequence[Outcome]) -> None:
        with _no_commands():
            self._inner.many_result(outcomes)
        self._annotate([(one.release.app, one.error) for one in outcomes if one.error])
        for result in (one.result for one in outcomes if one.result and one.result.failure):
            if result.failure:
                _say(annotation(failure_message(result.failure), title=failure_title(result)))

    def _annotate(self, errors: Sequence[tuple[str, RollwayError]]) -> None:
        for app, error in errors:
            _say(error_annotation(error, self._workspace, about=app))

    def status(self, status: Status, *, action: str = "status", strategy: str = "") -> None:
        self._inner.status(status, action=action, strategy=strategy)

    def statuses(self, found: Sequence[tuple[Status, str]], *, action: str = "status") -> None:
        self._inner.statuses(found, action=action)

    def listed(self, found: Sequence[Listed], *, everywhere: bool = False) -> None:
        self._inner.listed(found, everywhere=everywhere)

    def sight(self, sight: Sight) -> None:
        self._inner.sight(sight)

    def histories(self, found: Sequence[tuple[str, str, Sequence[Revision]]]) -> None:
        self._inner.histories(found)

    def history(self, app: str, namespace: str, revisions: Sequence[Revision]) -> None:
        self._inner.history(app, namespace, revisions)

    def comparison(self, comparison: Comparison, *, measured: Comparison | None = None, bands: bool = False) -> None:
        from .compare_text import compare_lines

        self._inner.comparison(comparison, measured=measured, bands=bands)
        lines = compare_lines(comparison, measured=measured, width=SUMMARY_WIDTH, paint=Paint(False))
        self._summarise(fenced("\n".join(lines), "text") + "\n")

    def document(self, data: Mapping[str, Any], text: str) -> None:
        self._inner.document(data, text)

    def error(self, error: RollwayError) -> None:
        with _no_commands():
            self._inner.error(error)
        _say(error_annotation(error, self._workspace))

    def close(self) -> None:
        self._inner.close()

    def _summarise(self, markdown: str) -> None:
        path = self._summary
        if not path:
            return
        try:
            _append(path, "\n".join(map(named, markdown.split("\n"))).encode())
        except OSError as error:
            self._summary = None  # told once
            why = "a pipe that nobody reads" if error.errno == errno.ENXIO else error.strerror
            self._inner.note(f"the job summary cannot be written to {path}: {why}")


def annotation(message: str, *, title: str, **place: str | int) -> str:
    """`::error title=…,file=…,line=…::message`, on one line. Empty properties are left out."""
    return workflow_command("error", message, {**place, "title": title})


def workflow_command(level: str, message: str, properties: Mapping[str, str | int]) -> str:
    listed = ",".join(f"{name}={escaped_property(str(value))}" for name, value in properties.items() if value)
    return f"::{level} {listed}::{escaped(message)}"


def escaped(text: str) -> str:
    """A workflow command's message: it ends at the line's end, and % begins an escape."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """A workflow command's property: as a message, and `,` and `:` separate."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")


def error_annotation(error: RollwayError, workspace: str | None = None, *, about: str = "deploy") -> str:
    """An error that the user can act on, at the place in the user's file where it names one. `about`: one of several releases."""
    hint = f"try: {error.hint}" if error.hint else ""
    message = "\n".join(part for part in (error.summary, error.detail, hint) if part)
    place = place_of(error.where, workspace) if isinstance(error, BadInput) else {}
    return annotation(message, title=f"{about}, exit {error.exit_code}", **place)


def place_of(where: str, workspace: str | None = None) -> dict[str, str | int]:
    """`k8s/web.yaml:7:3` as an annotation's properties; empty where it is no place in a file."""
    found = re.fullmatch(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<col>\d+))?", where)
    if not found:
        return {}
    column = {"col": int(found["col"])} if found["col"] else {}
    return {"file": _from_workspace(found["file"], workspace), "line": int(found["line"]), **column}


def failure_title(result: Result) -> str:
    fate = {"RolledBack": "rolled back", "Failed": "failed"}.get(result.phase, result.phase)
    version = result.plan.to_version
    return f"{result.plan.app} {version} {fate}" if version else f"{result.plan.app} {fate}"


def failure_message(failure: Failure) -> str:
    """What failed, and each reason that its pods give, once."""
    reasons = dict.fromkeys(f"{pod.reason}\n{pod.detail}".strip() for pod in failure.pods)
    return "\n".join([failure.summary, *reasons])


def plan_markdown(plan: Plan, *, where: str = "", diff: bool = False) -> str:
    """A plan for the job summary: its steps in a table, the way back, the peak, and what changes of each object, folded."""
    place = f"namespace {plan.namespace}" + (f", {where}" if where else "")
    head = [f"### {plain(title(plan))}", "", plain(place), ""]
    if plan.is_empty:
        return "\n".join([*head, *(f"{plain(note)}  " for note in plan.notes or ("nothing needs doing",)), "", ""])
    text = "\n".join([*head, *_table(plan.steps), "", *_facts(plan), ""]) + "\n"
    changes = "\n".join(_diff_lines(plan.steps)) if diff else ""
    if not changes:
        return text
    folded = _folded("What changes of each object", changes)
    if len((text + folded).encode()) > SUMMARY_LIMIT:
        return f"{text}What changes of each object is too long for a summary: see the log.\n\n"
    return text + folded


def result_markdown(result: Result) -> str:
    """How a run ended, for the job summary."""
    said = failure_message(result.failure).splitlines() if result.failure else ended(result)
    mark = "✗" if result.failure else "✓"
    fate = [f"{failure_title(result)}  "] if result.failure else []
    lines = [f"{mark} {plain(line)}  " for line in said if line.strip()]
    return "\n".join([f"### {plain(title(result.plan))}", "", *map(plain, fate), *lines, "", ""])


def verdict_markdown(plan: Plan, verdict: Verdict) -> str:
    """What requests met during a run, for the job summary."""
    more = [f"- {plain(line)}" for line in verdict_lines(verdict, Paint(False))]
    return "\n".join([f"**{plain(verdict.summary)}** · {plain(title(plan))}", "", *more, "", ""])


def plans_markdown(plans: Sequence[Plan], *, where: str = "", diff: bool = False) -> str:
    """The plans of several releases; without what changes of each object, where that would be too long for a summary."""
    text = "".join(plan_markdown(plan, where=where, diff=diff) for plan in plans)
    return plans_markdown(plans, where=where) if diff and len(text.encode()) > SUMMARY_LIMIT else text


def _table(steps: Sequence[Step]) -> Iterator[str]:
    yield "| | | object | what | why |"
    yield "|--:|---|---|---|---|"
    shown = [row(step) for step in steps if step.type != "record"]
    for number, each in enumerate(shown, start=1):
        cells = (each.glyph, each.object, each.what, each.why)
        yield f"| {number} | {' | '.join(plain(cell) for cell in cells)} |"


def _facts(plan: Plan) -> Iterator[str]:
    if undo := back(plan):
        yield f"- **back** {plain(undo)}"
    if plan.peak_pods:
        more = plan.peak_pods - plan.steady_pods
        yield f"- **peak** {plain(pods(plan.peak_pods))}" + (f" (+{more})" if more > 0 else "")
    yield from (f"- **note** {plain(note)}" for note in plan.notes)


def _diff_lines(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if found := diff_of(step):
            yield f"# {row(step).object}"
            yield from (f"{_DIFF_SIGNS.get(sign, sign)} {path}: {text}" for sign, path, text in found)


def _folded(summary: str, diff: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{fenced(diff, 'diff')}\n\n</details>\n\n"


@contextmanager
def _no_commands() -> Iterator[None]:
    """What pods and servers say is shown as it is: a line of theirs that begins with `::` must command nothing."""
    token = secrets.token_hex(16)
    _say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        _say(f"::{token}::")


def _from_workspace(file: str, workspace: str | None) -> str:
    path = Path(file).absolute()
    return str(path.relative_to(workspace)) if workspace and path.is_relative_to(workspace) else file


def _append(path: str, data: bytes) -> None:
    """Waits for nobody: a pipe that is not read would hold the release. Raises OSError where not all fits."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        if file.write(data) != len(data):  # None of a full pipe
            raise OSError(errno.EAGAIN, "not all of it was taken")


def _say(line: str) -> None:
    put_command(line)
