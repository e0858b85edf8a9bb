"""The view for programs: stdout holds exactly one JSON document, on failure too.

Keys are camelCase; no Secret's data is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from ...errors import RollwayError
from ...kube.objects import SECRET, Ref
from ...kube.secrecy import MASK, masked
from ...plan.plan import Plan
from ...plan.revision import Revision, live_of
from ...plan.steps import Apply, Patch, Run, Step
from .gates_text import gate_document
from .sink import put_json, say

if TYPE_CHECKING:
    from ...cluster.events import Failure, RunEvent
    from ...compare.results import Comparison, Forecast
    from ...load.verdict import Verdict
    from ...preflight import Finding
    from ...release.model import Release
    from ...ship.checking import Checked
    from ...ship.listing import Listed
    from ...ship.many import ManyEvent, Outcome, Planned
    from ...ship.run import Result
    from ...ship.sides import Side
    from ...ship.sight import Sight
    from ...ship.status import Status


class JsonView:
    """Prints the first result it is given, and nothing else: an error that comes after one is on stderr alone."""

    def __init__(self) -> None:
        self._is_printed = False
        self._checked: Sequence[Checked] = ()

    def note(self, line: str) -> None:
        say(line)

    def event(self, event: RunEvent) -> None:
        pass

    def close(self) -> None:
        pass

    def findings(self, checked: Sequence[Checked], *, is_refused: bool = False) -> None:
        self._checked = checked

    def check(self, checked: Sequence[Checked], *, strategy: str | None = None) -> None:
        listed = [checked_document(one, strategy) for one in checked]
        self._print(listed[0] if len(listed) == 1 else {"releases": listed})

    def plan(self, plan: Plan, *, where: str = "", diff: bool = False, forecast: Forecast | None = None) -> None:
        from .compare_json import forecast_document

        self._print(plan_document(plan) | {"forecast": forecast_document(forecast)} | self._found())

    def result(self, result: Result) -> None:
        self._print(result_document(result) | self._found())

    def plans(self, planned: Sequence[Planned], *, where: str = "", diff: bool = False) -> None:
        self._print(self._each_found(plans_document(planned), [one.release for one in planned]))

    def many_event(self, event: ManyEvent) -> None:
        pass

    def many_result(self, outcomes: Sequence[Outcome]) -> None:
        self._print(self._each_found(many_document(outcomes), [one.release for one in outcomes]))

    def status(self, status: Status, *, action: str = "status", strategy: str = "") -> None:
        self._print(status_document(status, action, strategy))

    def statuses(self, found: Sequence[tuple[Status, str]], *, action: str = "status") -> None:
        self._print({"releases": [status_document(status, action, strategy) for status, strategy in found]})

    def listed(self, found: Sequence[Listed], *, everywhere: bool = False) -> None:
        from .list_text import list_document

        self._print(list_document(found))

    def sight(self, sight: Sight) -> None:
        from .watch_text import watch_document

        self._print(watch_document(sight))

    def histories(self, found: Sequence[tuple[str, str, Sequence[Revision]]]) -> None:
        self._print({"releases": [history_document(*one) for one in found]})

    def history(self, app: str, namespace: str, revisions: Sequence[Revision]) -> None:
        self._print(history_document(app, namespace, revisions))

    def comparison(self, comparison: Comparison, *, measured: Comparison | None = None, bands: bool = False) -> None:
        from .compare_json import compare_document

        self._print(compare_document(comparison, measured=measured, bands=bands))

    def document(self, data: Mapping[str, Any], text: str) -> None:
        self._print(data)

    def error(self, error: RollwayError) -> None:
        if self._is_printed:
            say(error.summary)
        else:
            from ...ship.checking import Unfit

            found = {"findings": [finding_document(one) for one in error.findings]} if isinstance(error, Unfit) else {}
            self._print({"error": error_document(error.summary, error.detail, error.hint, error.exit_code), **found})

    def _found(self) -> dict[str, Any]:
        """Of all releases that were checked; nothing where none was."""
        found = [finding_document(finding) for one in self._checked for finding in one.findings]
        return {"findings": found} if self._checked else {}

    def _each_found(self, document: dict[str, Any], releases: Sequence[Release]) -> dict[str, Any]:
        """The document with each release's own findings; a release, placed since, is known by where it is written."""
        by_source = {id(one.release.sources): one for one in self._checked}
        for each, release in zip(document["releases"], releases, strict=True):
            if one := by_source.get(id(release.sources)):
                each["findings"] = [finding_document(finding) for finding in one.findings]
        return document

    def _print(self, data: Mapping[str, Any]) -> None:
        self._is_printed = True
        put_json(data)


def plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "app": plan.app,
        "namespace": plan.namespace,
        "strategy": plan.strategy,
        "action": plan.action,
        "revision": plan.revision,
        "fromVersion": plan.from_version,
        "toVersion": plan.to_version,
        "phase": plan.phase,
        "weight": plan.weight,
        "isEmpty": plan.is_empty,
        "steps": [step_document(step) for step in plan.steps],
        "undo": [step_document(step) for step in plan.undo],
        "undoNote": plan.undo_note,
        "split": plan.split.model_dump(exclude_defaults=True),
        "peakPods": plan.peak_pods,
        "steadyPods": plan.steady_pods,
        "notes": list(plan.notes),
    }


def result_document(result: Result) -> dict[str, Any]:
    """The plan that was executed, and how it ended: `phase` and `weight` are what is live now."""
    document = plan_document(result.plan) | {
        "phase": result.phase,
        "weight": result.weight,
        "notes": [*result.plan.notes, *result.noticed],
        "seconds": round(result.seconds, 3),
        "failure": None,
        "wayBack": None,
        "probe": _verdict_document(result.verdict) if result.verdict else None,
        "gates": [gate_document(each) for each in result.gates],
    }
    if result.way_back:
        document["wayBack"] = {
            "toVersion": result.way_back.to_version,
            "steps": [step_document(step) for step in result.way_back.steps],
            "failure": failure_document(result.way_back_failure) if result.way_back_failure else None,
        }
    if result.failure:
        document["failure"] = failure_document(result.failure)
        detail = "\n".join(f"{pod.pod}: {pod.reason}" for pod in result.failure.pods)
        document["error"] = error_document(result.failure.summary, detail, "see `deploy status`", 1)
    return document


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    from .probe_text import verdict_document

    return verdict_document(verdict)


def plans_document(planned: Sequence[Planned]) -> dict[str, Any]:
    """One document a release, as for a single plan; what cannot be planned has an `error` instead of steps."""
    listed = [plan_document(one.plan) if one.plan else _unplanned(one.release, one.error) for one in planned]
    document: dict[str, Any] = {"releases": listed}
    wrong = [(one.release.app, one.error.summary) for one in planned if one.error]
    if wrong:
        from ...ship import many

        document["error"] = _errors_of(wrong, len(planned), "cannot be planned", many.exit_code(planned))
    return document


def many_document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One document a release, as for a single run, and the `phase` of all together; `skipped` says why one was not started."""
    from ...ship import many

    document: dict[str, Any] = {"releases": [_outcome_document(one) for one in outcomes], "phase": many.phase(outcomes)}
    wrong = [(one.release.app, _what_is_wrong(one)) for one in outcomes if one.exit_code]
    if wrong:
        document["error"] = _errors_of(wrong, len(outcomes), "did not succeed", many.exit_code(outcomes))
    return document


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    if outcome.result:
        return result_document(outcome.result) | {"skipped": ""}
    document = _unplanned(outcome.release, outcome.error)
    return document | {"phase": outcome.phase, "seconds": round(outcome.seconds, 3), "skipped": outcome.skipped}


def _unplanned(release: Release, error: RollwayError | None) -> dict[str, Any]:
    named = {"strategy": release.strategy, "toVersion": release.version}
    document = _standing(release.app, release.namespace, "apply", None) | named
    return document | ({"error": error_document(error.summary, error.detail, error.hint, error.exit_code)} if error else {})


def _what_is_wrong(outcome: Outcome) -> str:
    if outcome.error:
        return outcome.error.summary
    return outcome.result.failure.summary if outcome.result and outcome.result.failure else ""


def _errors_of(wrong: Sequence[tuple[str, str]], count: int, what: str, exit_code: int) -> dict[str, Any]:
    detail = "\n".join(f"{app}: {summary}" for app, summary in wrong)
    return error_document(f"{len(wrong)} of {count} releases {what}", detail, "see each one's error", exit_code)


def step_document(step: Step) -> dict[str, Any]:
    """The step with its object as `object`, camelCase keys, and the manifest's Secret data masked."""
    out: dict[str, Any] = {"type": step.type}
    for name in type(step).model_fields:
        value = getattr(step, name)
        if isinstance(value, Ref):
            out["object" if name == "ref" else to_camel(name)] = _object(value)
        elif name == "changes":
            out["changes"] = [{"path": path, "before": before, "after": after} for path, before, after in value]
        elif name == "manifest":
            out["manifest"] = masked(value)
        else:
            out[to_camel(name)] = list(value) if isinstance(value, tuple) else value
    if isinstance(step, Patch) and (step.ref.api_version, step.ref.kind) == (SECRET.api_version, SECRET.name):
        out["patch"] = MASK
    if isinstance(step, Apply | Run):
        out["object"] = _object(step.ref)
    return out


def failure_document(failure: Failure) -> dict[str, Any]:
    return {
        "summary": failure.summary,
        "pods": [{"name": pod.pod, "reason": pod.reason, "detail": pod.detail} for pod in failure.pods],
        "logs": [{"pod": pod, "lines": text.splitlines()} for pod, text in failure.logs],
        "afterSeconds": round(failure.after_s, 3),
    }


def revision_document(revision: Revision) -> dict[str, Any]:
    """Everything but what was rendered, which holds the release's Secrets."""
    document = {to_camel(name): getattr(revision, name) for name in Revision.model_fields if name not in ("release", "pause_s")}
    return document | {
        "pauseSeconds": revision.pause_s,
        "entries": [entry.model_dump() for entry in revision.entries],
        "hooks": [{to_camel(name): value for name, value in run.model_dump().items()} for run in revision.hooks],
    }


def history_document(app: str, namespace: str, revisions: Sequence[Revision]) -> dict[str, Any]:
    last, live = revisions[-1] if revisions else None, live_of(revisions)
    listed = [revision_document(revision) | {"isLive": revision is live} for revision in revisions]
    return {**_standing(app, namespace, "history", last), "revisions": listed}


def status_document(status: Status, action: str, strategy: str) -> dict[str, Any]:
    document = _standing(status.app, status.namespace, action, status.last)
    return {
        **document,
        "strategy": document["strategy"] or strategy,
        "live": revision_document(status.live) if status.live else None,
        "sides": [_side_document(side) for side in status.sides],
        "share": {"asked": document["weight"], "given": status.given},
        "pauseLeft": round(status.pause_left_s),
        "remarks": list(status.remarks),
        "gates": [gate_document(each) for each in status.gates],
        "lock": status.lock,
        "gone": list(status.gone),
    }


def _side_document(side: Side) -> dict[str, Any]:
    data = {to_camel(name): getattr(side, name) for name in side.__dataclass_fields__}
    others = {"changed": side.changed, "kept": side.kept}
    return data | {"isRouted": side.is_routed, **{name: [each._asdict() for each in found] for name, found in others.items()}}


def error_document(summary: str, detail: str, hint: str, exit_code: int) -> dict[str, Any]:
    return {"summary": summary, "detail": detail, "hint": hint, "exit": exit_code}


def _standing(app: str, namespace: str, action: str, last: Revision | None) -> dict[str, Any]:
    """What every document about a release has, of one that nothing is done with."""
    return {
        "app": app,
        "namespace": namespace,
        "strategy": last.strategy if last else "",
        "action": action,
        "revision": last.number if last else 0,
        "version": last.version if last else "",
        "phase": last.phase if last else None,
        "weight": last.weight if last else 0,
        "steps": [],
    }


def _object(ref: Ref) -> dict[str, str]:
    return {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "title": finding.rule.title,
        "message": finding.message,
        "why": finding.rule.why,
        "file": finding.source,
        "line": finding.line,
        "column": finding.column,
        "object": finding.object,
        "path": finding.path,
        "patch": finding.patch,
        "hint": finding.hint,
    }


def checked_document(one: Checked, strategy: str | None = None) -> dict[str, Any]:
    release = one.release
    return {
        "app": release.app,
        "namespace": release.namespace,
        "strategy": strategy or release.strategy,
        "version": release.version,
        "image": release.image,
        "replicas": release.replicas,
        "objects": [{"kind": obj["kind"], "name": obj["metadata"]["name"]} for obj in release.manifests],
        "findings": [finding_document(finding) for finding in one.findings],
    } | ({"unread": list(one.unread)} if one.unread else {})
